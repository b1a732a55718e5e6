"""Relational databases and caches: versions, classes, storage and names that RDS and ElastiCache refuse."""

from __future__ import annotations

import re
from datetime import timedelta

from groundsill.checks.context import Context
from groundsill.checks.facts.support import ENGINES, major_version
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import text, truth, whole
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
_SOON = timedelta(days=180)
_DATABASES = ("aws_db_instance", "aws_rds_cluster")
_CACHES = ("aws_elasticache_replication_group", "aws_elasticache_cluster")
# Amazon RDS User Guide, "gp3 storage": below this size the baseline cannot be changed.
_GP3_THRESHOLD = {"mysql": 400, "mariadb": 400, "postgres": 400, "oracle-ee": 200, "oracle-se2": 200}
_AURORA_CLASSES = r"db\.(serverless|t3\.(medium|large)|t4g\.(medium|large)|[rx]\d+\w*\.\w+|m\d+\w*\.\w+)"
_CLASS = r"db\.[a-z]+\d*[a-z0-9-]*\.\w+|db\.serverless"
# Generations before the ones with AWS Graviton; each has a cheaper and faster successor.
_OLDER = {"t2": "t4g", "t3": "t4g", "m4": "m7g", "m5": "m7g", "r4": "r7g", "r5": "r7g", "m3": "m7g", "r3": "r7g"}
# Amazon RDS User Guide, "CreateDBInstance", MasterUsername.
_RESERVED_USERS = {
    "postgres": ("admin", "rdsadmin", "rdsrepladmin", "rds_superuser"), "mysql": ("rdsadmin",), "mariadb": ("rdsadmin",),
}


@RULES.rule(
    "engine-version-ended", Severity.MEDIUM, "the engine's version is out of standard support", types=(*_DATABASES, *_CACHES),
    rationale="After the end of standard support AWS charges for Extended Support by vCPU and hour, and upgrades in the end "
              "by itself (Amazon RDS User Guide, \"Using Amazon RDS Extended Support\").",
    mend="choose a major version in standard support",
    example="engine = \"mysql\", engine_version = \"8.0.35\"",
)
def ended(context: Context, resource: Resource) -> Found:
    engine, version = text(context.view.get(resource, "engine")), text(context.view.get(resource, "engine_version"))
    if engine is None or version is None or not version:
        return
    day = ENGINES[engine].get(major_version(engine, version)) if engine in ENGINES else None
    if day is None:
        return
    if context.today > day:
        yield Finding(resource, f"standard support of {engine} {major_version(engine, version)} ended on {day:%d %b %Y}",
                      attribute="engine_version", severity=Severity.HIGH if context.today > day + timedelta(days=1095) else None)
    elif context.today > day - _SOON:
        yield Finding(resource, f"standard support of {engine} {major_version(engine, version)} ends on {day:%d %b %Y}",
                      attribute="engine_version", severity=Severity.LOW)


@RULES.rule(
    "engine-version-fixed", Severity.LOW, "a fixed minor version will one day not be there to be made again", types=_DATABASES,
    rationale="RDS retires minor versions within months: a restore or a new stage from the same definition then fails with "
              "\"Cannot find version\", and security fixes wait for an edit.",
    mend="name the major version alone (\"17\") and keep auto_minor_version_upgrade on",
    example="engine_version = \"8.0.35\"",
)
def fixed(context: Context, database: Resource) -> Found:
    engine, version = text(context.view.get(database, "engine")), text(context.view.get(database, "engine_version"))
    if engine and version and engine in ENGINES and version.count(".") > major_version(engine, version).count("."):
        yield Finding(database, f"{engine} {version}", attribute="engine_version")


@RULES.rule(
    "engine-version-open", Severity.LOW, "the engine's major version is not said", types=_DATABASES,
    rationale="RDS then takes its default of the day: two stages that are made at different times run different major "
              "versions.",
    mend="name the major version",
    example="aws_db_instance without engine_version",
)
def unpinned(context: Context, database: Resource) -> Found:
    restored = ("snapshot_identifier", "replicate_source_db", "restore_to_point_in_time", "s3_import",
                "replication_source_identifier", "global_cluster_identifier")
    if context.view.get(database, "engine_version") is None and \
            not any(context.view.get(database, name) is not None for name in restored):
        yield Finding(database, f"no engine_version for {context.view.get(database, 'engine', default='the engine')}",
                      attribute="engine_version")


@RULES.rule(
    "database-storage-refused", Severity.CRITICAL, "RDS refuses this storage", types=("aws_db_instance",),
    rationale="gp3 storage below 400 GiB has 3,000 IOPS and 125 MiB/s, and RDS refuses to be told so; io1 and io2 need IOPS "
              "(Amazon RDS User Guide, \"Amazon RDS DB instance storage\").",
    mend="leave out iops and storage_throughput below the threshold",
    example="storage_type = \"gp3\", allocated_storage = 20, iops = 3000",
)
def storage(context: Context, database: Resource) -> Found:
    engine, kind = text(context.view.get(database, "engine")) or "", text(context.view.get(database, "storage_type"))
    size, iops = whole(context.view.get(database, "allocated_storage")), context.view.get(database, "iops")
    throughput = context.view.get(database, "storage_throughput")
    threshold = _GP3_THRESHOLD.get(engine)
    if kind == "gp3" and threshold and size is not None and size < threshold and (iops is not None or throughput is not None):
        name = "iops" if iops is not None else "storage_throughput"
        yield Finding(database, f"{name} cannot be given below {threshold} GiB; it has {size} GiB", attribute=name)
    elif kind in ("io1", "io2") and iops is None:
        yield Finding(database, f"{kind} needs iops", attribute="iops")
    elif kind in ("gp2", "standard") and (iops is not None or throughput is not None):
        yield Finding(database, f"{kind} takes no iops and no storage_throughput", attribute="iops")
    most = whole(context.view.get(database, "max_allocated_storage"))
    if most and size is not None and most < size * 1.1:
        yield Finding(database, f"max_allocated_storage of {most} GiB is not 10 % above {size} GiB",
                      attribute="max_allocated_storage")


@RULES.rule(
    "database-class-refused", Severity.CRITICAL, "RDS does not offer this instance class here",
    types=("aws_db_instance", "aws_rds_cluster_instance"),
    rationale="Aurora has no micro and small classes, and db.serverless exists in Aurora clusters with a capacity range only "
              "(Amazon Aurora User Guide, \"Aurora DB instance classes\").",
    mend="choose a class that the engine has, for example db.t4g.medium or db.serverless for Aurora",
    example="aws_rds_cluster_instance: instance_class = \"db.t3.micro\"",
)
def classes(context: Context, instance: Resource) -> Found:
    name = text(context.view.get(instance, "instance_class"))
    if name is None:
        return
    if not re.fullmatch(_CLASS, name):
        yield Finding(instance, f"{name!r} is no instance class", attribute="instance_class")
    elif instance.type == "aws_db_instance" and name == "db.serverless":
        yield Finding(instance, "db.serverless exists in Aurora clusters only", attribute="instance_class")
    elif instance.type == "aws_rds_cluster_instance" and not re.fullmatch(_AURORA_CLASSES, name):
        yield Finding(instance, f"Aurora has no {name}", attribute="instance_class")
    elif name == "db.serverless":
        cluster = context.view.target(instance, "cluster_identifier")
        if cluster is not None and not cluster.data and not context.view.blocks(cluster, "serverlessv2_scaling_configuration"):
            yield Finding(instance, f"{cluster.address} has no serverlessv2_scaling_configuration", attribute="instance_class",
                          related=(cluster,))


@RULES.rule(
    "aurora-capacity-refused", Severity.CRITICAL, "Aurora refuses this capacity", types=("aws_rds_cluster",),
    rationale="Aurora Serverless v1 ended on 31 March 2025; v2 is a provisioned cluster of db.serverless instances with a "
              "range in half ACUs (Amazon Aurora User Guide, \"Using Aurora Serverless v2\").",
    mend="engine_mode = \"provisioned\" with serverlessv2_scaling_configuration and db.serverless instances",
    example="engine_mode = \"serverless\"",
)
def capacity(context: Context, cluster: Resource) -> Found:
    if context.view.get(cluster, "engine_mode") == "serverless":
        yield Finding(cluster, "engine_mode is serverless, which is Aurora Serverless v1", attribute="engine_mode")
    for block in context.view.blocks(cluster, "serverlessv2_scaling_configuration"):
        low, high = block.get("min_capacity"), block.get("max_capacity")
        if isinstance(low, int | float) and isinstance(high, int | float):
            if low > high:
                yield Finding(cluster, f"min_capacity {low:g} is above max_capacity {high:g}",
                              attribute="serverlessv2_scaling_configuration")
            elif (low * 2) % 1 or (high * 2) % 1:
                yield Finding(cluster, f"{low:g} to {high:g} is not in steps of 0.5",
                              attribute="serverlessv2_scaling_configuration")


@RULES.rule(
    "final-snapshot-without-name", Severity.HIGH, "destroying the database will fail", types=_DATABASES,
    rationale="A final snapshot is taken unless it is skipped, and needs a name: without one `destroy` stops half-way "
              "(\"final_snapshot_identifier is required\").",
    mend="set final_snapshot_identifier; or skip_final_snapshot = true where the data is worth nothing",
    example="aws_db_instance: skip_final_snapshot = false without final_snapshot_identifier",
)
def snapshot(context: Context, database: Resource) -> Found:
    if context.view.get(database, "replicate_source_db") is not None:
        return
    skipped = truth(context.view.get(database, "skip_final_snapshot"), default=False)
    if skipped is False and context.view.get(database, "final_snapshot_identifier") is None:
        yield Finding(database, "no final_snapshot_identifier", attribute="final_snapshot_identifier")


@RULES.rule(
    "parameter-group-of-another-version", Severity.CRITICAL, "a parameter group belongs to another version than its database",
    types=(*_DATABASES, "aws_elasticache_replication_group"),
    rationale="The family of a parameter group names engine and major version; another one is refused "
              "(InvalidParameterCombination).",
    mend="give both the same major version",
    example="engine_version = \"16\", aws_db_parameter_group: family = \"postgres17\"",
)
def family(context: Context, database: Resource) -> Found:
    engine, version = text(context.view.get(database, "engine")), text(context.view.get(database, "engine_version"))
    for argument in ("parameter_group_name", "db_cluster_parameter_group_name", "db_instance_parameter_group_name"):
        group = context.view.target(database, argument)
        name = text(context.view.get(group, "family")) if group is not None else None
        if group is None or not name or not engine or not version:
            continue
        wanted = f"{engine}{major_version(engine, version)}"
        if not (name == wanted or name.startswith((f"{wanted}.", f"{wanted}-")) or (engine == "redis" and wanted == "redis5")):
            yield Finding(database, f"{group.address} is of {name}, and the engine is {wanted}", attribute=argument,
                          related=(group,))


@RULES.rule(
    "database-user-refused", Severity.CRITICAL, "RDS refuses this user or password", types=_DATABASES,
    rationale="Some user names are reserved, and a password holds no slash, at sign, quote or space (Amazon RDS API "
              "Reference, \"CreateDBInstance\").",
    mend="choose another name; let RDS make the password: manage_master_user_password = true",
    example="engine = \"postgres\", username = \"admin\"",
)
def user(context: Context, database: Resource) -> Found:
    engine = (text(context.view.get(database, "engine")) or "").removeprefix("aurora-").replace("postgresql", "postgres")
    argument = "username" if database.type == "aws_db_instance" else "master_username"
    name = text(context.view.get(database, argument))
    if name is not None and (name.lower() in _RESERVED_USERS.get(engine, ()) or not re.fullmatch(r"[A-Za-z]\w{0,62}", name)):
        yield Finding(database, f"{name!r} is refused by {engine or 'RDS'}", attribute=argument)
    maker = context.view.target(database, "password" if database.type == "aws_db_instance" else "master_password")
    if maker is not None and maker.type == "random_password":
        special = context.view.get(maker, "override_special")
        wrong = [char for char in "/@\" " if special is None or (isinstance(special, str) and char in special)]
        if truth(context.view.get(maker, "special"), default=True) is not False and wrong and special != "":
            yield Finding(database, f"{maker.address} may make a password with {' '.join(wrong)}", attribute="password",
                          related=(maker,))


@RULES.rule(
    "older-instance-class", Severity.LOW, "an older and dearer generation of machine", types=("aws_db_instance", *_CACHES),
    rationale="The Graviton classes cost about a tenth less and are faster for the same size (Amazon RDS User Guide, \"DB "
              "instance class types\").",
    mend="take the Graviton class of the same size",
    example="instance_class = \"db.t3.micro\"",
)
def older(context: Context, resource: Resource) -> Found:
    argument = "instance_class" if resource.type == "aws_db_instance" else "node_type"
    name = text(context.view.get(resource, argument))
    parts = name.split(".") if name else []
    engine = text(context.view.get(resource, "engine")) or ""
    if len(parts) == 3 and parts[1] in _OLDER and not engine.startswith(("oracle", "sqlserver")):
        newer = f"{parts[0]}.{_OLDER[parts[1]]}.{parts[2]}"
        yield Finding(resource, f"it is a {name}", f"set {argument} to {newer}", argument)


@RULES.rule(
    "older-storage", Severity.LOW, "an older kind of disk", types=("aws_db_instance", "aws_ebs_volume"),
    rationale="gp3 costs the same or less than gp2 and has 3,000 IOPS at any size, which gp2 reaches at 1,000 GiB (Amazon "
              "EBS User Guide, \"General Purpose SSD volumes\").",
    mend="take gp3",
    example="storage_type = \"gp2\"",
)
def disk(context: Context, resource: Resource) -> Found:
    argument = "storage_type" if resource.type == "aws_db_instance" else "type"
    kind = context.view.get(resource, argument)
    if kind in ("gp2", "standard") or (kind is None and resource.type == "aws_ebs_volume"):
        yield Finding(resource, f"it is {kind or 'gp2'}", attribute=argument)


@RULES.rule(
    "cache-failover-refused", Severity.CRITICAL, "ElastiCache refuses failover with these nodes",
    types=("aws_elasticache_replication_group",),
    rationale="Automatic failover needs a replica, and several zones need automatic failover (Amazon ElastiCache User Guide, "
              "\"Minimizing downtime in ElastiCache by using Multi-AZ with Valkey and Redis OSS\").",
    mend="two nodes with automatic_failover_enabled, or one node without",
    example="num_cache_clusters = 1, automatic_failover_enabled = true",
)
def failover(context: Context, group: Resource) -> Found:
    automatic = truth(context.view.get(group, "automatic_failover_enabled"), default=False)
    several = truth(context.view.get(group, "multi_az_enabled"), default=False)
    nodes, replicas = context.view.get(group, "num_cache_clusters"), context.view.get(group, "replicas_per_node_group")
    count = whole(nodes) if nodes is not None else whole(replicas) + 1 if whole(replicas) is not None else None  # type: ignore[operator]
    if automatic and count == 1:
        yield Finding(group, "it has one node", attribute="automatic_failover_enabled")
    if several and automatic is False:
        yield Finding(group, "multi_az_enabled without automatic_failover_enabled", attribute="multi_az_enabled")
    kind = text(context.view.get(group, "node_type")) or ""
    if automatic and kind.startswith(("cache.t1.", "cache.m1.")):
        yield Finding(group, f"{kind} has no failover", attribute="node_type")
    if context.view.get(group, "auth_token") is not None and \
            truth(context.view.get(group, "transit_encryption_enabled"), default=False) is False:
        yield Finding(group, "an auth_token needs transit_encryption_enabled", attribute="auth_token")
