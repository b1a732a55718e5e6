"""Amazon RDS and Aurora: instances, storage, backups, capacity units; and what goes to them between zones.

"Amazon RDS Pricing" (aws.amazon.com/rds/pricing): a Multi-AZ instance and its storage have prices of their own; backups are
free up to the size of the storage. "Amazon Aurora Pricing": capacity units by the second, storage, requests.
"Amazon EC2 On-Demand Pricing": between zones data is paid in each direction.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount, exactly, spread
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import HOURS_PER_MONTH, Dimension
from groundsill.cost.routes import subnets
from groundsill.graph.resource import Resource

_UNPRICED = {
    "aws_db_proxy": "the price book has no price of RDS Proxy",
}
service = Service("Amazon RDS", unpriced=_UNPRICED, free={
    "aws_db_cluster_snapshot": "paid with the backups of its cluster", "aws_db_event_subscription": "notices are free",
    "aws_db_option_group": "a setting", "aws_db_parameter_group": "a setting", "aws_db_subnet_group": "a setting",
    "aws_rds_cluster_parameter_group": "a setting", "aws_rds_cluster_endpoint": "endpoints are free",
    "aws_rds_global_cluster": "its clusters are paid by themselves", "aws_db_instance_role_association": "a setting",
})
_ENGINES = {"postgres": "postgres", "mysql": "mysql"}
_HOURS = Parameter("hours", Dimension.HOURS, "it runs", exactly(HOURS_PER_MONTH))
_DATA = ("aws_db_instance", "aws_rds_cluster", "aws_elasticache_replication_group", "aws_elasticache_cluster")
_SAMPLE = 2500  # bytes of a sample of Enhanced Monitoring: "Viewing OS metrics using CloudWatch Logs"


@service.meter(
    "aws_db_instance", _HOURS,
    Parameter("backups", Dimension.STORED, "backups above the size of its storage:", exactly(0)),
)
def instance(context: Context, instance: Resource) -> Lines:
    """Hours of the instance, its storage, its backups, its monitoring, the secret that RDS keeps."""
    source = next((item for item in context.view.targets(instance, "replicate_source_db")
                   if item.type == "aws_db_instance"), None)
    owner = source or instance
    engine = context.text(owner, "engine")
    kind = context.text(instance, "instance_class")
    multi = context.view.get(instance, "multi_az", default=False)
    zones = "multi_az" if multi is True else "single_az"
    time = context.measure(instance, "hours", "h")
    time = counted(time.amount, "h") if time.amount is not None and time.amount.exact else time
    if engine is None or kind is None or not isinstance(multi, bool):
        yield context.not_known(instance, "hours", "engine, class or `multi_az` is known only after apply")
    else:
        yield context.line(instance, "hours", f"rds.{kind}_{_ENGINES.get(engine, engine)}_{zones}",
                           counted(1, f"{kind} Multi-AZ" if multi else kind), time)
    storage = context.text(instance, "storage_type", default=context.text(owner, "storage_type", default="gp2") or "gp2")
    yield context.line(instance, "storage", f"rds.{storage}_{zones}", context.number(owner, "allocated_storage", words="GB"))
    if storage in ("io1", "io2"):
        yield context.line(instance, "IOPS", f"rds.{storage}_iops_{zones}", context.number(owner, "iops", words="IOPS"))
    if source is None:
        backups = context.measure(instance, "backups", "of backups")
        if backups.amount is not None and not backups.amount.high:
            yield context.free(instance, "free up to the size of its storage", "backups")
        else:
            yield context.line(instance, "backups", "rds.backup_over_free", backups.scaled(GB))
    interval = context.number(instance, "monitoring_interval", default=0).amount
    if interval is not None and interval.expected:
        samples = counted(HOURS_PER_MONTH * 3600 / interval.expected, "samples")
        yield context.line(instance, "Enhanced Monitoring", "cloudwatch.logs_ingest_standard", samples,
                           Factor(exactly(_SAMPLE * GB), "2.5 KB"))
    if context.flag(instance, "manage_master_user_password"):
        yield context.line(instance, "password in Secrets Manager", "secrets_manager.secret_month", counted(1, "secret"))
    if context.number(instance, "performance_insights_retention_period", default=7).amount not in (None, exactly(7)):
        yield context.not_known(instance, "Performance Insights", "the price book has no price of longer retention")


@service.meter(
    "aws_rds_cluster",
    Parameter("stored", Dimension.STORED, "data that it holds"),
    Parameter("growth", Dimension.GROWTH, "data that is added"),
    Parameter("io_requests", Dimension.RATE, "reads and writes of its storage:", Amount(1e5, 5e6, 5e7)),
    Parameter("backups", Dimension.STORED, "backups above a day's:"),
)
def cluster(context: Context, cluster: Resource) -> Lines:
    """What a cluster stores; its instances are paid by themselves."""
    engine = context.text(cluster, "engine", default="aurora-mysql") or ""
    if not engine.startswith("aurora"):
        yield context.not_known(cluster, "storage", "the price book has no Multi-AZ clusters")
        return
    stored = held_by_cluster(context, cluster)
    optimized = context.text(cluster, "storage_type") == "aurora-iopt1"
    yield context.line(cluster, "storage", "aurora.storage_io_optimized" if optimized else "aurora.storage", stored.scaled(GB))
    if not optimized:
        yield context.line(cluster, "I/O requests", "aurora.io_request", context.measure(cluster, "io_requests", "requests"))
    days = context.number(cluster, "backup_retention_period", default=1).amount
    if days is not None and days.expected <= 1:
        yield context.free(cluster, "a day of backups is free", "backups")
    elif stored.amount is not None:
        kept = spread(stored.amount.low * 0.1, stored.amount.expected * 0.5, stored.amount.high)
        yield context.line(cluster, "backups", "aurora.backup",
                           context.assumed(cluster, "backups", kept, "half of what it stores").scaled(GB))
    if context.flag(cluster, "manage_master_user_password"):
        yield context.line(cluster, "password in Secrets Manager", "secrets_manager.secret_month", counted(1, "secret"))


def held_by_cluster(context: Context, cluster: Resource) -> Factor:
    """Bytes that a cluster holds."""
    if context.traffic.stated(cluster, "stored") is None and context.traffic.stated(cluster, "growth") is None:
        return context.assumed(cluster, "stored", Amount(2**30, 10 * 2**30, 50 * 2**30), "since nobody says")
    return context.stored(cluster, Factor(exactly(0), ""))


@service.meter(
    "aws_rds_cluster_instance", _HOURS,
    Parameter("capacity", Dimension.COUNT, "capacity units in use on average:"),
)
def cluster_instance(context: Context, instance: Resource) -> Lines:
    """Hours of an instance, or capacity units between the bounds of its cluster."""
    kind = context.text(instance, "instance_class")
    cluster = context.view.target(instance, "cluster_identifier")
    time = context.measure(instance, "hours", "h")
    time = counted(time.amount, "h") if time.amount is not None and time.amount.exact else time
    if kind != "db.serverless":
        engine = context.text(instance, "engine") or "unknown"
        yield context.line(instance, "hours", f"rds.{kind or 'unknown'}_{engine}", counted(1, str(kind)), time)
        return
    bounds = [context.number(cluster, "serverlessv2_scaling_configuration", name).amount if cluster else None
              for name in ("min_capacity", "max_capacity")]
    if cluster is None or bounds[0] is None or bounds[1] is None:
        yield context.not_known(instance, "capacity units", "the bounds of its cluster are not known")
        return
    least, most = bounds[0].expected, bounds[1].expected
    usual = spread(least, least + 0.1 * max(most - least, 0), most)
    capacity = context.assumed(instance, "capacity", usual, "a tenth of the way from its least to its most", "ACU")
    optimized = context.text(cluster, "storage_type") == "aurora-iopt1"
    yield context.line(instance, "capacity units",
                       "aurora.serverless_v2_acu_hour_io_optimized" if optimized else "aurora.serverless_v2_acu_hour",
                       capacity, time)


def between_zones(context: Context, workload: Resource, requests: Factor) -> Lines:
    """What a workload in several zones exchanges with a database or cache, which is in one of them at a time."""
    zones = {context.text(subnet, "availability_zone") or subnet.address for subnet in subnets(context, workload)}
    used = [item for item in context.of_type(*_DATA) if _uses(context, workload, item)]
    if len(zones) < 2 or not used:
        return
    crossing = 1 - 1 / len(zones)
    yield context.line(
        workload, "data between zones", "data_transfer.between_azs_each_direction", requests,
        counted(len(used), "databases" if len(used) > 1 else "database"),
        context.measure(workload, "database_size").scaled(GB),
        counted(crossing, "to another zone", f"{title(workload)}: {crossing:.0%} of calls go to another zone"),
        counted(2, "directions"))


def _uses(context: Context, workload: Resource, data: Resource) -> bool:
    """Whether a workload, or its task definition, is told where a database is."""
    holders = [workload, *context.view.targets(workload, "task_definition")] if workload.type == "aws_ecs_service" else [workload]
    if workload.type == "aws_autoscaling_group":
        holders += [item for item in context.graph_targets(workload) if item.type == "aws_launch_template"]
    return any(target is data for holder in holders for target in context.graph_targets(holder))
