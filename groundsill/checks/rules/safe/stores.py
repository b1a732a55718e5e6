"""DynamoDB tables and ElastiCache caches."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import TRUE, at_least, expected, none_of, number, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.view import is_known

RULES = Ruleset(Family.SAFE)
TABLE, GROUP, NODE = "aws_dynamodb_table", "aws_elasticache_replication_group", "aws_elasticache_cluster"
_PROVISIONED = "PROVISIONED"


def _redis(context: Context, resource: Resource) -> bool:
    return context.view.get(resource, "engine", default="redis") in ("redis", "valkey") and not context.view.get(
        resource, "replication_group_id" if resource.type == NODE else "global_replication_group_id")


@RULES.rule(
    "table-capacity-does-not-follow", Severity.MEDIUM, "the table refuses requests as soon as there are more than planned",
    rationale="Provisioned capacity stays where it is: Amazon DynamoDB developer guide, \"Managing throughput capacity "
              "automatically with DynamoDB auto scaling\".",
    mend="use PAY_PER_REQUEST, or add an aws_appautoscaling_target for reads and one for writes", types=(TABLE,),
    controls=("FSBP DynamoDB.1", "CKV2_AWS_16"),
)
def _fixed_capacity(context: Context, table: Resource) -> Iterator[Finding]:
    mode = context.view.known(table, "billing_mode", default=_PROVISIONED)
    if mode == _PROVISIONED and not any(context.view.referring(table, "aws_appautoscaling_target")):
        yield Finding(table, "its capacity is provisioned, and no scaling target refers to it", attribute="billing_mode")


@RULES.rule(
    "table-replica-without-point-in-time-recovery", Severity.MEDIUM, "rows of a replica cannot be brought back",
    rationale="Recovery is set region by region: Amazon DynamoDB developer guide, \"Global tables: backups\".",
    mend="set point_in_time_recovery = true in the replica block", types=(TABLE,), production_only=True,
)
def _replica(context: Context, table: Resource) -> Iterator[Finding]:
    for replica in context.view.blocks(table, "replica"):
        value = replica.get("point_in_time_recovery", False)
        if is_known(value) and not truth(value):
            yield Finding(table, f"the replica in {replica.get('region_name')} has none", attribute="replica")


@RULES.rule(
    "cache-without-authentication", Severity.MEDIUM, "whoever reaches the cache may read and change everything in it",
    rationale="A security group tells machines apart, not programs: Amazon ElastiCache user guide, \"Authenticating with the "
              "AUTH command\" and \"Role-Based Access Control (RBAC)\".",
    mend="give it an auth_token from a secret, or user_group_ids", types=(GROUP,), tiers=("enterprise",), production_only=True,
    controls=("FSBP ElastiCache.6", "CKV_AWS_31"),
)
def _no_authentication(context: Context, group: Resource) -> Iterator[Finding]:
    if group.arguments.get("auth_token") is None and not group.arguments.get("user_group_ids"):
        yield Finding(group, "neither `auth_token` nor `user_group_ids` is set", attribute="user_group_ids")


@RULES.rule(
    "cache-without-standby", Severity.MEDIUM, "the cache stops with one node",
    rationale="With two nodes and automatic failover a replica takes over: Amazon ElastiCache user guide, \"Minimizing downtime "
              "with Multi-AZ\".",
    mend="take two nodes, with automatic_failover_enabled and multi_az_enabled", types=(GROUP, NODE), production_only=True,
    tiers=("standard", "enterprise"), controls=("FSBP ElastiCache.3", "CKV2_AWS_50"),
)
def _no_standby(context: Context, cache: Resource) -> Iterator[Finding]:
    if cache.type == NODE:
        if _redis(context, cache):
            yield Finding(cache, "a single cache cluster has no replica", "make it an aws_elasticache_replication_group")
        return
    failover = context.view.known(cache, "automatic_failover_enabled", default=False)
    if is_known(failover) and not truth(failover):
        nodes = number(context.view.known(cache, "num_cache_clusters", default=1))
        yield Finding(cache, f"`automatic_failover_enabled` is not true{f', with {nodes:g} node' if nodes else ''}"
                             f"{'s' if nodes and nodes > 1 else ''}", attribute="automatic_failover_enabled")


@RULES.rule(
    "cache-token-in-state", Severity.MEDIUM, "the cache's token is in Terraform's state",
    rationale="Whoever reads the state has the cache: Terraform language, \"Sensitive data in state\".",
    mend="use user_group_ids with users that IAM authenticates", types=(GROUP,), production_only=True, tiers=("enterprise",),
)
def _token(context: Context, group: Resource) -> Iterator[Finding]:
    if group.arguments.get("auth_token") is not None and not any(
        context.graph.target(reference) is not None and context.graph[reference.address].ephemeral
        for reference in references_in(group.arguments["auth_token"])
    ):
        yield Finding(group, "`auth_token` is given", attribute="auth_token")


@RULES.rule(
    "cache-in-default-subnets", Severity.MEDIUM, "the cache is in the account's default network",
    rationale="The default network's subnets are public: Amazon ElastiCache user guide, \"Subnets and subnet groups\".",
    mend="give it a subnet group of private subnets", types=(GROUP, NODE), controls=("FSBP ElastiCache.7", "CKV_AWS_323"),
)
def _default_subnets(context: Context, cache: Resource) -> Iterator[Finding]:
    if cache.type == NODE and cache.arguments.get("replication_group_id"):
        return  # it is where its group is
    group = context.view.get(cache, "subnet_group_name")
    if group is None or group == "default":
        yield Finding(cache, f"`subnet_group_name` is {group or 'not set'}", attribute="subnet_group_name")


RULES.items += [
    expected(
        "table-without-point-in-time-recovery", Severity.HIGH, "rows that are overwritten or deleted cannot be brought back",
        TABLE, at="point_in_time_recovery.enabled", wanted=TRUE, absent=False, production_only=True,
        why="With it the table can be restored to any second of the last 35 days: Amazon DynamoDB developer guide, "
            "\"Point-in-time backups for DynamoDB\".",
        mend="enable point_in_time_recovery", controls=("FSBP DynamoDB.2", "CKV_AWS_28"),
    ),
    expected(
        "table-without-deletion-protection", Severity.HIGH, "one wrong apply deletes the table",
        TABLE, at="deletion_protection_enabled", wanted=TRUE, absent=False, production_only=True,
        why="A changed key schema replaces a table, and its rows are gone: Amazon DynamoDB developer guide, \"Using deletion "
            "protection to protect your table\".",
        mend="set deletion_protection_enabled = true", controls=("FSBP DynamoDB.6",),
    ),
    expected(
        "cache-not-encrypted-at-rest", Severity.HIGH, "what the cache writes to disk and into snapshots is not encrypted",
        GROUP, at="at_rest_encryption_enabled", wanted=TRUE, absent=False,
        when=lambda context, group: context.view.get(group, "engine", default="redis") != "valkey"
        or context.view.get(group, "at_rest_encryption_enabled") is not None,
        why="It can be turned on only when the group is made: Amazon ElastiCache user guide, \"At-rest encryption\" "
            "(Valkey has it "
            "always).",
        mend="set at_rest_encryption_enabled = true", controls=("FSBP ElastiCache.4", "CKV_AWS_29"),
    ),
    expected(
        "cache-takes-clear-text", Severity.HIGH, "the cache answers connections without TLS",
        GROUP, NODE, at="transit_encryption_enabled", wanted=TRUE, absent=False, when=_redis,
        why="Sessions and tokens cross the network for whoever listens: Amazon ElastiCache user guide, \"In-transit "
            "encryption\".",
        mend="set transit_encryption_enabled = true", controls=("FSBP ElastiCache.5", "CKV_AWS_30", "CKV_AWS_31"),
    ),
    expected(
        "cache-without-backup", Severity.MEDIUM, "nothing brings the cache's data back",
        GROUP, NODE, at="snapshot_retention_limit", wanted=at_least(1), absent=False, production_only=True, when=_redis,
        why="A daily snapshot is kept for as many days as it says: Amazon ElastiCache user guide, \"Scheduling "
            "automatic backups\".",
        mend="set snapshot_retention_limit to 1 or more", controls=("FSBP ElastiCache.1", "CKV_AWS_134"),
    ),
    expected(
        "cache-minor-upgrades-off", Severity.MEDIUM, "the cache does not take security fixes of its engine by itself",
        GROUP, NODE, at="auto_minor_version_upgrade", wanted=TRUE, absent=True,
        why="Minor versions carry the fixes: Amazon ElastiCache user guide, \"Version management\".",
        mend="leave auto_minor_version_upgrade out", controls=("FSBP ElastiCache.2", "CKV_AWS_322"),
    ),
    expected(
        "cache-clear-text-allowed", Severity.MEDIUM, "the cache still answers connections without TLS",
        GROUP, at="transit_encryption_mode", wanted=none_of("preferred"), absent=True,
        why="`preferred` is for the time of a migration: Amazon ElastiCache user guide, \"Enabling in-transit encryption\".",
        mend="use `required`",
    ),
    expected(
        "cache-accelerator-not-encrypted", Severity.MEDIUM, "what the accelerator keeps is not encrypted", "aws_dax_cluster",
        at="server_side_encryption.enabled", wanted=TRUE, absent=False,
        why="It can be turned on only when the cluster is made: Amazon DynamoDB developer guide, \"DAX encryption at rest\".",
        mend="enable server_side_encryption", controls=("FSBP DynamoDB.3", "CKV_AWS_47"),
    ),
]
