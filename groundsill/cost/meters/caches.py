"""Amazon ElastiCache: nodes by the hour.

"Amazon ElastiCache Pricing" (aws.amazon.com/elasticache/pricing): nodes by type and engine; a day of backups is free.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.context import Context, counted, unknown
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import HOURS_PER_MONTH, Dimension
from groundsill.graph.resource import Resource

service = Service("Amazon ElastiCache", free={
    f"aws_elasticache_{name}": "a setting" for name in (
        "parameter_group", "subnet_group", "user", "user_group", "user_group_association", "security_group")
})
_HOURS = Parameter("hours", Dimension.HOURS, "it runs", exactly(HOURS_PER_MONTH))
_BACKUPS = Parameter("backups", Dimension.STORED, "backups above a day's:", Amount(0, 0.5 * 2**30, 2 * 2**30))


@service.meter("aws_elasticache_replication_group", _HOURS, _BACKUPS)
def replication_group(context: Context, group: Resource) -> Lines:
    """Nodes of every shard."""
    nodes = context.number(group, "num_cache_clusters", words="nodes")
    if context.view.get(group, "num_node_groups") is not None:
        shards = context.number(group, "num_node_groups", words="shards")
        replicas = context.number(group, "replicas_per_node_group", default=0)
        nodes = shards * replicas.each(lambda value: value + 1, "nodes")
    elif nodes.amount is None and context.view.get(group, "num_cache_clusters") is None:
        nodes = counted(1, "node")
    yield from _nodes(context, group, nodes, context.text(group, "engine", default="redis"))
    limit = context.number(group, "snapshot_retention_limit", default=0).amount
    if limit is not None and limit.expected > 1:
        yield context.line(group, "backups", "elasticache.backup",
                           context.measure(group, "backups", "of backups").scaled(1 / 2**30))


@service.meter("aws_elasticache_cluster", _HOURS, _BACKUPS)
def cluster(context: Context, cluster: Resource) -> Lines:
    """Nodes of a cluster that is not part of a replication group."""
    if context.view.target(cluster, "replication_group_id") is not None:
        yield context.free(cluster, "its replication group pays for its nodes")
        return
    yield from _nodes(context, cluster, context.number(cluster, "num_cache_nodes", words="nodes", default=1),
                      context.text(cluster, "engine"))


@service.meter("aws_elasticache_serverless_cache", Parameter("stored", Dimension.STORED, "data that it holds", Amount(
    0.1 * 2**30, 2**30, 5 * 2**30)), Parameter("units", Dimension.RATE, "processing units (ECPU)", entry=True))
def serverless(context: Context, cache: Resource) -> Lines:
    """Data by the hour, and processing units."""
    engine = context.text(cache, "engine") or "unknown"
    yield context.line(cache, "data", f"elasticache.serverless_{engine}_storage",
                       context.measure(cache, "stored").scaled(1 / 2**30), context.month)
    yield context.line(cache, "processing units", f"elasticache.serverless_{engine}_ecpu", context.measure(cache, "units"))


def _nodes(context: Context, holder: Resource, nodes: Factor, engine: str | None) -> Lines:
    kind = context.text(holder, "node_type")
    time = context.measure(holder, "hours", "h")
    time = counted(time.amount, "h") if time.amount is not None and time.amount.exact else time
    key = f"elasticache.{kind or 'unknown'}_{engine or 'unknown'}"
    if not kind or engine is None:
        nodes = unknown("`node_type` or `engine` is known only after apply")
    yield context.line(holder, "nodes", key, nodes, time)
