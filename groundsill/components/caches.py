"""Caches: Valkey and Redis on ElastiCache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.keys import key_of_tier
from groundsill.components.network import Subnets
from groundsill.components.roles import require
from groundsill.components.security_groups import security_group
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, NetworkAccess
from groundsill.definition.naming import environment_name
from groundsill.graph import Reference

CacheEngine = Literal["valkey", "redis"]
# ElastiCache user guide: supported engines and versions: version and parameter group family.
_ENGINES: MappingProxyType[str, tuple[str, str]] = MappingProxyType({"valkey": ("8.0", "valkey8"), "redis": ("7.1", "redis7")})
_PORT = 6379
_MOST_NODES = 6  # ElastiCache user guide: a replication group without cluster mode has one primary and up to 5 replicas
_SNAPSHOT_DAYS = 1


class Cache(Component):
    """A Valkey or Redis cache: private, encrypted at rest and in transit.

    What it holds can be lost at any time: keep nothing in it that cannot be computed again.

    Arguments:
        component: unique in the system.
        subnets: private or isolated ones.
        engine: ``valkey`` (default, cheaper) or ``redis``.
        node: node type, default ``cache.t4g.micro``.
        nodes: 1 (default) to 6; from 2 on another one takes over when the first fails.
        parameters: server parameters by name, for example ``{"maxmemory-policy": "allkeys-lru"}``.
        name: identifier that AWS sees, at most 40 characters; default from the system's name pattern.

    Verbs for `uses`: ``connect`` opens the port and passes ``<NAME>_HOST``, ``<NAME>_PORT`` and ``<NAME>_URL``
    (``rediss://``, since TLS is required).

    Resources created: ``aws_elasticache_replication_group``, ``aws_elasticache_subnet_group``,
    ``aws_elasticache_parameter_group``, ``aws_security_group``.

    Costs: per node and hour.

    Example:
        ``Cache("cache", network.private, nodes=stage.pick(dev=1, prod=2))``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, engine: CacheEngine = "valkey", node: str = "cache.t4g.micro",
        nodes: int = 1, parameters: Mapping[str, str] | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        require(subnets, Subnets, "subnets", self)
        if subnets.kind == "public":
            raise Mistake("GS1450", "a cache in public subnets could be reached from the internet",
                          mend="place it in network.private or network.isolated")
        if not 1 <= nodes <= _MOST_NODES:
            raise Mistake("GS1451", f"a cache has 1 to {_MOST_NODES} nodes, not {nodes}")
        if not node.startswith("cache."):
            raise Mistake("GS1452", f"{node!r} is not a node type", mend="write for example cache.t4g.micro")
        version, family = _ENGINES[engine]
        identifier = self.physical_name("aws_elasticache_replication_group", name)
        self.security_group = security_group(self, subnets.network.id, "cache", f"Cache {component}")
        group = aws.elasticache_subnet_group(
            self.terraform_name(), name=self.physical_name("aws_elasticache_subnet_group", name), subnet_ids=subnets.ids,
        )
        settings = aws.elasticache_parameter_group(
            self.terraform_name(), name=self.physical_name("aws_elasticache_parameter_group", name), family=family,
            description=f"Parameters of {component}",
            parameter=[{"name": key, "value": value} for key, value in sorted((parameters or {}).items())] or None,
        )
        key = key_of_tier()
        self.resource = aws.elasticache_replication_group(
            self.terraform_name(), replication_group_id=identifier, description=f"{self.building.system} {component}",
            engine=engine, engine_version=version, node_type=node, num_cache_clusters=nodes, port=_PORT,
            automatic_failover_enabled=nodes > 1, multi_az_enabled=nodes > 1, parameter_group_name=settings["name"],
            subnet_group_name=group["name"], security_group_ids=[self.security_group["id"]],
            at_rest_encryption_enabled=True, transit_encryption_enabled=True, transit_encryption_mode="required",
            kms_key_id=key.arn if key else None, auto_minor_version_upgrade=True,
            snapshot_retention_limit=_SNAPSHOT_DAYS if self.stage.production else 0, apply_immediately=True,
        )

    @property
    def host(self) -> Reference:
        """Host name of the node that takes writes."""
        return self.resource["primary_endpoint_address"]

    @property
    def connect(self) -> Grant:
        """Connect: the network path and the address."""
        values = {"host": self.host, "port": str(_PORT), "url": f"rediss://{self.host}:{_PORT}/0"}
        return Grant(
            self.name, "connect", environment={environment_name(self.name, part): value for part, value in values.items()},
            network=(NetworkAccess(self.security_group.address, _PORT),),
        )

    def alarms(self) -> Iterable[Alarm]:
        """Keys thrown out for want of memory, and a busy engine."""
        # Metrics are by node: the first one's stand for the group.
        dimensions = {"CacheClusterId": f"{self.resource['replication_group_id']}-001"}
        yield Alarm("evictions", f"{self.name} throws keys out for want of memory: take a larger node.",
                    "AWS/ElastiCache", "Evictions", dimensions, 100, period=300, periods=3)
        yield Alarm("cpu", f"{self.name} has been busy for 15 minutes: take a larger node.", "AWS/ElastiCache",
                    "EngineCPUUtilization", dimensions, 80, statistic="Average", period=300, periods=3)
