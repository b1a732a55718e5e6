"""RDS and Aurora: out of reach, encrypted at rest and on the way, backed up and protected."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import FALSE, GIVEN, TRUE, at_least, expected, none_of, number, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import is_known

RULES = Ruleset(Family.SAFE)
INSTANCE, CLUSTER, MEMBER = "aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance"
_BETTER = ("standard", "enterprise")
_FEWEST_DAYS = 7  # AWS Security Hub: RDS.11, RDS.50
_FORCED_SINCE = 15  # Amazon RDS user guide, "Requiring an SSL connection to a PostgreSQL DB instance": rds.force_ssl is 1 from 15
_TLS = {"postgres": "rds.force_ssl", "aurora-postgresql": "rds.force_ssl", "mysql": "require_secure_transport",
        "mariadb": "require_secure_transport", "aurora-mysql": "require_secure_transport"}


def own_data(context: Context, resource: Resource) -> bool:
    """Whether it is no replica, which takes what its source has."""
    sources = ("replicate_source_db", "replication_source_identifier")
    return not any(context.view.get(resource, argument) for argument in sources)


def engine(context: Context, resource: Resource) -> str:
    """The engine of a database, in lower case; empty where it is not known."""
    value = context.view.get(resource, "engine")
    return value.lower() if isinstance(value, str) else ""


@RULES.rule(
    "database-backup-too-short", Severity.HIGH, "backups of the database are not kept for a week",
    rationale="A mistake is often found days later: Amazon RDS user guide, \"Backup retention period\"; an instance from "
              "Terraform has 0 days and a cluster 1 where nothing is said.",
    mend=f"set backup_retention_period to {_FEWEST_DAYS} or more; 14 for production data", types=(INSTANCE, CLUSTER),
    production_only=True, controls=("FSBP RDS.11", "FSBP RDS.50", "CKV_AWS_133"),
)
def _short_backup(context: Context, resource: Resource) -> Iterator[Finding]:
    days = context.view.known(resource, "backup_retention_period", default=1 if resource.type == CLUSTER else 0)
    if not own_data(context, resource):
        return
    if (kept := number(days)) is None:
        yield Finding(resource, "`backup_retention_period` is known only after apply", unknown=True)
    elif kept < _FEWEST_DAYS:
        yield Finding(resource, f"backups are kept {kept:g} days", attribute="backup_retention_period")


@RULES.rule(
    "database-without-backup", Severity.MEDIUM, "the database is not backed up at all",
    rationale="An instance made by Terraform has no automated backups where nothing is said: provider documentation, "
              "aws_db_instance.",
    mend="set backup_retention_period to 1 or more", types=(INSTANCE,), controls=("FSBP RDS.11", "CKV_AWS_133"),
)
def _no_backup(context: Context, resource: Resource) -> Iterator[Finding]:
    if context.graph.production is not False or not own_data(context, resource):
        return  # `database-backup-too-short` says it
    if number(context.view.known(resource, "backup_retention_period", default=0)) == 0:
        yield Finding(resource, "`backup_retention_period` is 0", attribute="backup_retention_period")


@RULES.rule(
    "database-in-one-zone", Severity.MEDIUM, "the database stops with one data centre",
    rationale="A standby in another zone takes over within a minute or two: Amazon RDS user guide, \"Configuring and managing "
              "a Multi-AZ deployment\"; Amazon Aurora user guide, \"High availability for Amazon Aurora\".",
    mend="set multi_az = true; give an Aurora cluster a second instance", types=(INSTANCE, CLUSTER), production_only=True,
    controls=("FSBP RDS.5", "FSBP RDS.15", "CKV_AWS_157"),
)
def _one_zone(context: Context, resource: Resource) -> Iterator[Finding]:
    if resource.type == INSTANCE:
        multi = context.view.get(resource, "multi_az", default=False)
        if own_data(context, resource) and is_known(multi) and not truth(multi):
            yield Finding(resource, "`multi_az` is not true", attribute="multi_az")
        return
    members = list(context.view.referring(resource, MEMBER))
    if engine(context, resource).startswith("aurora") and len(members) < 2:
        yield Finding(resource, f"the cluster has {len(members) or 'no'} instance{'' if len(members) == 1 else 's'}")


@RULES.rule(
    "database-takes-clear-text", Severity.HIGH, "the database answers connections without TLS",
    rationale="Passwords and rows cross the network for whoever listens: Amazon RDS user guide, \"Requiring an SSL connection "
              "to a PostgreSQL DB instance\" (from 15 it is asked by default) and \"Requiring SSL/TLS for all connections to a "
              "MySQL DB instance\" (it never is).",
    mend="set rds.force_ssl (PostgreSQL) or require_secure_transport (MySQL) to 1 in a parameter group",
    types=(INSTANCE, CLUSTER), controls=("FSBP RDS.38", "FSBP RDS.39", "FSBP RDS.44", "CKV2_AWS_69"),
)
def _takes_clear_text(context: Context, resource: Resource) -> Iterator[Finding]:
    name = _TLS.get(engine(context, resource))
    if name is None or not own_data(context, resource):
        return
    argument = "parameter_group_name" if resource.type == INSTANCE else "db_cluster_parameter_group_name"
    group = context.view.target(resource, argument)
    parameters = context.view.blocks(group, "parameter") if group is not None and not group.data else []
    values = [parameter.get("value") for parameter in parameters if is_mapping(parameter) and parameter.get("name") == name]
    if values:
        if is_known(values[-1]) and str(values[-1]).lower() not in ("1", "on", "true"):
            yield Finding(resource, f"`{name}` is {values[-1]} in its parameter group", attribute=argument,
                          related=(group,) if group else ())
        return
    if group is None and context.view.get(resource, argument) is not None:
        yield Finding(resource, "its parameter group is not part of what was read", unknown=True)
    elif name != "rds.force_ssl" or not _forced_by_default(context, resource):
        yield Finding(resource, f"no parameter group sets `{name}`", attribute=argument)


def _forced_by_default(context: Context, resource: Resource) -> bool:
    """Whether the engine asks for TLS where no parameter says otherwise. An unknown version is the newest."""
    version = context.view.get(resource, "engine_version")
    major = re.match(r"\d+", version) if isinstance(version, str) else None
    aurora = engine(context, resource) == "aurora-postgresql"  # Aurora PostgreSQL: from 17
    return major is None or int(major.group()) >= (17 if aurora else _FORCED_SINCE)


@RULES.rule(
    "database-password-in-state", Severity.MEDIUM, "the administrator's password is in Terraform's state",
    rationale="Whoever reads the state has the database: Terraform language, \"Sensitive data in state\"; Amazon RDS user guide, "
              "\"Password management with Amazon RDS and AWS Secrets Manager\".",
    mend="set manage_master_user_password = true: RDS makes it and rotates it", types=(INSTANCE, CLUSTER),
)
def _password_in_state(context: Context, resource: Resource) -> Iterator[Finding]:
    argument = "password" if resource.type == INSTANCE else "master_password"
    value = resource.arguments.get(argument)
    if value is not None and not (is_list(value) and not value):
        yield Finding(resource, f"`{argument}` is given", attribute=argument)


_TRIED_FIRST = {"admin", "administrator", "postgres", "root", "sa", "master"}


@RULES.rule(
    "database-with-default-administrator", Severity.LOW, "the administrator has the name that everybody tries first",
    rationale="Half of what a guesser needs is known: AWS Security Hub, RDS.24 and RDS.25.", mend="give it a name of your own",
    types=(INSTANCE, CLUSTER), controls=("FSBP RDS.24", "FSBP RDS.25"),
)
def _default_administrator(context: Context, resource: Resource) -> Iterator[Finding]:
    argument = "username" if resource.type == INSTANCE else "master_username"
    name = context.view.get(resource, argument)
    if isinstance(name, str) and name.lower() in _TRIED_FIRST:
        yield Finding(resource, f"`{argument}` is {name}", attribute=argument)


RULES.items += [
    expected(
        "database-public", Severity.CRITICAL, "the database has an address on the internet",
        INSTANCE, MEMBER, "aws_dms_replication_instance", at="publicly_accessible", wanted=FALSE, absent=True,
        why="Anybody can try its password and its flaws: Amazon RDS user guide, \"Hiding a DB instance in a VPC from the "
            "internet\".",
        mend="leave publicly_accessible out, and let workloads in through security groups",
        controls=("FSBP RDS.2", "FSBP DMS.1", "CIS 2.3.3", "CKV_AWS_17"),
    ),
    expected(
        "database-not-encrypted", Severity.HIGH, "the database's storage, snapshots and logs are not encrypted",
        INSTANCE, CLUSTER, at="storage_encrypted", wanted=TRUE, absent=False,
        when=lambda context, resource: own_data(context, resource) and context.view.get(resource, "engine_mode") != "serverless",
        why="It cannot be turned on later without making the database anew: Amazon RDS user guide, \"Encrypting Amazon RDS "
            "resources\".",
        mend="set storage_encrypted = true", controls=("FSBP RDS.3", "FSBP RDS.27", "CIS 2.3.1", "CKV_AWS_16", "CKV_AWS_96"),
    ),
    expected(
        "database-without-deletion-protection", Severity.HIGH, "one wrong apply deletes the database",
        INSTANCE, CLUSTER, at="deletion_protection", wanted=TRUE, absent=False, production_only=True, when=own_data,
        why="With it AWS refuses to delete the database until somebody turns it off: Amazon RDS user guide, \"Deleting a DB "
            "instance\".",
        mend="set deletion_protection = true", controls=("FSBP RDS.7", "FSBP RDS.8", "CKV_AWS_139", "CKV_AWS_293"),
    ),
    expected(
        "database-without-final-snapshot", Severity.HIGH, "nothing is kept when the database is deleted",
        INSTANCE, CLUSTER, at="skip_final_snapshot", wanted=FALSE, absent=True, production_only=True, when=own_data,
        why="Automated backups go with the database: Amazon RDS user guide, \"Deleting a DB instance\".",
        mend="set skip_final_snapshot = false and give a final_snapshot_identifier",
    ),
    expected(
        "database-minor-upgrades-off", Severity.MEDIUM, "the database does not take security fixes of its engine by itself",
        INSTANCE, MEMBER, at="auto_minor_version_upgrade", wanted=TRUE, absent=True,
        why="Minor versions carry the fixes: Amazon RDS user guide, \"Automatically upgrading the minor engine version\".",
        mend="leave auto_minor_version_upgrade out", controls=("FSBP RDS.13", "CIS 2.3.2", "CKV_AWS_226"),
    ),
    expected(
        "database-logs-not-kept", Severity.MEDIUM, "the database's logs are lost with it",
        INSTANCE, CLUSTER, at="enabled_cloudwatch_logs_exports", wanted=GIVEN, absent=False, production_only=True, tiers=_BETTER,
        why="On the instance they are kept for days and read by nobody: Amazon RDS user guide, \"Publishing database "
            "logs to Amazon "
            "CloudWatch Logs\".",
        mend="export the engine's logs to CloudWatch Logs",
        controls=("FSBP RDS.9", "FSBP RDS.34", "FSBP RDS.36", "FSBP RDS.37", "FSBP RDS.40", "FSBP RDS.42", "CKV_AWS_129",
                  "CKV_AWS_324", "CKV_AWS_325"),
    ),
    expected(
        "database-tags-not-copied", Severity.LOW, "snapshots of the database do not say whose they are",
        INSTANCE, CLUSTER, at="copy_tags_to_snapshot", wanted=TRUE, absent=False, when=own_data,
        why="Costs and rights by tag end at an untagged snapshot: Amazon RDS user guide, \"Copying tags to DB snapshots\".",
        mend="set copy_tags_to_snapshot = true",
        controls=("FSBP RDS.16", "FSBP RDS.17", "FSBP RDS.47", "FSBP RDS.48", "CKV2_AWS_60", "CKV_AWS_313"),
    ),
    expected(
        "database-without-iam-authentication", Severity.LOW, "only a password opens the database",
        INSTANCE, CLUSTER, at="iam_database_authentication_enabled", wanted=TRUE, absent=False, production_only=True,
        tiers=("enterprise",), when=lambda context, resource: engine(context, resource) in _TLS,
        why="A token of a workload's role ends after 15 minutes and is nowhere to steal: Amazon RDS user guide, \"IAM database "
            "authentication\".",
        mend="set iam_database_authentication_enabled = true, which passwords go on working beside",
        controls=("FSBP RDS.10", "FSBP RDS.12", "CKV_AWS_161", "CKV_AWS_162"),
    ),
    expected(
        "database-without-enhanced-monitoring", Severity.LOW, "what its operating system does cannot be seen",
        INSTANCE, MEMBER, at="monitoring_interval", wanted=at_least(1), absent=False, production_only=True, tiers=("enterprise",),
        why="CloudWatch sees the machine from outside alone: Amazon RDS user guide, \"Monitoring OS metrics with Enhanced "
            "Monitoring\".",
        mend="set monitoring_interval to 60 and give a monitoring role", controls=("FSBP RDS.6", "CKV_AWS_118"),
    ),
    expected(
        "database-certificate-expired", Severity.HIGH, "the database shows a certificate that has expired",
        INSTANCE, MEMBER, at="ca_cert_identifier", wanted=none_of("rds-ca-2015", "rds-ca-2019"), absent=True,
        why="Clients that check certificates no longer connect: Amazon RDS user guide, \"Using SSL/TLS to encrypt a "
            "connection\".",
        mend="use rds-ca-rsa2048-g1", controls=("CKV_AWS_211",),
    ),
    expected(
        "aurora-mysql-without-backtrack", Severity.LOW, "a wrong statement can only be undone by restoring a backup",
        CLUSTER, at="backtrack_window", wanted=at_least(1), absent=False, production_only=True, tiers=("enterprise",),
        when=lambda context, resource: engine(context, resource) == "aurora-mysql",
        why="Backtracking turns the cluster itself back within minutes: Amazon Aurora user guide, \"Backtracking an Aurora DB "
            "cluster\".",
        mend="set backtrack_window, up to 72 h", controls=("FSBP RDS.14", "CKV_AWS_326"),
    ),
]
