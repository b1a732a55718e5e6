"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.keys import Key, key_of_tier
from groundsill.components.roles import require
from groundsill.definition.component import Collecting, Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Lifecycle, Reference
from groundsill.graph.value import Value

AttributeType = Literal["S", "N", "B"]
Projection = Literal["ALL", "KEYS_ONLY"]

_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE = ("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
_RECOVERY_DAYS = 35  # DynamoDB: point-in-time recovery, the longest and default recovery period
_MOST_INDEXES = 20  # Amazon DynamoDB quotas: global secondary indexes per table


class Index(Value, metaclass=Collecting):
    """A global secondary index.

    Arguments:
        name: index name, 3 to 255 characters.
        key: partition key, and sort key if any, for example ``("UserEmail", "Timestamp")``.
        projection: ``ALL`` (default) copies every attribute, ``KEYS_ONLY`` the keys alone, a sequence of names those.

    Example:
        ``Table("orders", key="Id", indexes=[Index("ByUser", ("User", "At"), projection="KEYS_ONLY")])``
    """

    __slots__ = ("name", "key", "projection")  # noqa: RUF023  in the constructor's order

    def __init__(self, name: str, key: tuple[str, ...], projection: Projection | Sequence[str] = "ALL") -> None:
        self.name: Final = name
        self.key: Final = key
        self.projection: Final = projection


class Capacity(Value, metaclass=Collecting):
    """Provisioned capacity of a table that follows its load: cheaper than on demand where the load is even.

    Arguments:
        read: read capacity units, as fewest and most, for example ``(5, 100)``.
        write: write capacity units, as fewest and most.
        target: per cent of the capacity that should be in use, 20 to 90, default 70.

    Example:
        ``Table("orders", key="Id", capacity=Capacity(read=(5, 100), write=(5, 50)))``
    """

    __slots__ = ("read", "write", "target")  # noqa: RUF023  in the constructor's order

    def __init__(self, read: tuple[int, int], write: tuple[int, int], target: int = 70) -> None:
        self.read: Final = read
        self.write: Final = write
        self.target: Final = target


class Table(Component):
    """A DynamoDB table: on demand, encrypted, with continuous backups and deletion protection in production.

    Arguments:
        component: unique in the system.
        key: partition key, and sort key if any, for example ``("SessionId", "Timestamp")``.
        name: the name that AWS sees; default from the system's name pattern.
        indexes: global secondary indexes, at most 20.
        types: DynamoDB type of each key attribute that is not a string, for example ``{"Age": "N"}``.
        time_to_live: attribute that holds an expiry time in epoch seconds; default none.
        stream: whether item changes are published, with both images; default no.
        encryption: a `Key` of the account's own; default the tier's choice.
        point_in_time_recovery: continuous backups over 35 days; default by tier, always in production.
        capacity: a `Capacity` to provision and scale; default on demand, which needs no scaling.
        replicas: other regions that hold the table too, within seconds of a write, for example ``("us-west-2",)``.
            They cost each write again. A table with replicas publishes its item changes.

    Verbs for `uses`: ``read`` (get and query, indexes included), ``write`` (put, update, delete), ``read_write``,
    ``scan``. Each passes the table's name as ``<NAME>_TABLE``.

    Resources created: ``aws_dynamodb_table``; with a capacity ``aws_appautoscaling_target`` and
    ``aws_appautoscaling_policy``.

    Costs: per request and per stored GB; nothing while it is not used. Provisioned capacity by the hour.

    Example:
        ``Table("orders", key=("CustomerId", "OrderedAt"), indexes=[Index("ByStatus", ("Status", "OrderedAt"))])``
    """

    def __init__(
        self, component: str, /, *, key: tuple[str, ...] | str, name: str | None = None, indexes: Sequence[Index] = (),
        types: Mapping[str, AttributeType] | None = None, time_to_live: str | None = None, stream: bool = False,
        encryption: Key | None = None, point_in_time_recovery: bool | None = None, capacity: Capacity | None = None,
        replicas: Sequence[str] = (),
    ) -> None:
        super().__init__(component)
        self.key = _key(key, "key")
        self.indexes = tuple(indexes)
        if len(self.indexes) > _MOST_INDEXES:
            raise Mistake("GS1320", f"a table has at most {_MOST_INDEXES} indexes, not {len(self.indexes)}")
        if encryption is not None:
            require(encryption, Key, "encryption", self)
        self.encryption = encryption or key_of_tier()
        attributes = dict.fromkeys(self.key)
        for index in self.indexes:
            require(index, Index, "indexes", self)
            attributes |= dict.fromkeys(_key(index.key, f"key of index {index.name}"))
        unknown = set(types or {}) - set(attributes)
        if unknown:
            raise Mistake("GS1321", f"`types` names {min(unknown)!r}, which is no key attribute",
                          mend=f"key attributes: {', '.join(attributes)}")
        recovery = self.stage.production or self.stage.tier.point_in_time_recovery
        if point_in_time_recovery is not None:
            recovery = point_in_time_recovery
        self.resource = aws.dynamodb_table(
            self.terraform_name(),
            name=self.physical_name("aws_dynamodb_table", name),
            billing_mode="PROVISIONED" if capacity else "PAY_PER_REQUEST",
            read_capacity=capacity.read[0] if capacity else None,
            write_capacity=capacity.write[0] if capacity else None,
            hash_key=self.key[0],
            range_key=self.key[1] if len(self.key) > 1 else None,
            attribute=[{"name": attribute, "type": (types or {}).get(attribute, "S")} for attribute in attributes],
            global_secondary_index=[_index_block(index, capacity) for index in self.indexes] or None,
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": _RECOVERY_DAYS} if recovery
            else {"enabled": False},
            deletion_protection_enabled=self.stage.production,
            server_side_encryption=(
                {"enabled": True, "kms_key_arn": self.encryption.arn} if self.encryption else None
            ),
            ttl={"attribute_name": time_to_live, "enabled": True} if time_to_live else None,
            stream_enabled=True if stream or replicas else None,
            stream_view_type="NEW_AND_OLD_IMAGES" if stream or replicas else None,
            replica=[self._replica(region, recovery) for region in replicas] or None,
        )
        if capacity is not None:
            self._scale(capacity)

    def _replica(self, region: str, recovery: bool) -> Any:
        if region == self.building.graph.region:
            raise Mistake("GS1602", f"the table lives in {region} itself, so it cannot have a replica there",
                          mend="name another region")
        key = key_of_tier(region) if self.encryption else None
        if self.encryption and key is None:
            raise Mistake("GS1603", "a table under a key of the account's own needs one in each replica's region too",
                          mend="leave `encryption` to the tier, which makes one in each region")
        return {"region_name": region, "point_in_time_recovery": recovery, "propagate_tags": True,
                "kms_key_arn": key.arn if key else None}

    def _scale(self, capacity: Capacity) -> None:
        for kind, (least, most) in {"read": capacity.read, "write": capacity.write}.items():
            if not 1 <= least <= most:
                raise Mistake("GS1601", f"{kind} capacity between {least} and {most} units cannot be",
                              mend="give the fewest and the most, for example read=(5, 100)")
            self._follow(kind, "table", "", least, most, capacity.target)
            # An index has a capacity of its own, and one that is too small holds up writes to its table.
            for index in self.indexes:
                self._follow(kind, "index", index.name, least, most, capacity.target)
        indexes = ("global_secondary_index",) if self.indexes else ()
        self.resource.lifecycle = Lifecycle(ignore_changes=("read_capacity", "write_capacity", *indexes))

    def _follow(self, kind: str, of: str, index: str, least: int, most: int, percent: int) -> None:
        target = aws.appautoscaling_target(
            self.terraform_name(kind, index), service_namespace="dynamodb",
            scalable_dimension=f"dynamodb:{of}:{kind.title()}CapacityUnits",
            resource_id=f"table/{self.resource['name']}" + (f"/index/{index}" if index else ""),
            min_capacity=least, max_capacity=most,
        )
        aws.appautoscaling_policy(
            self.terraform_name(kind, index), name=kind, policy_type="TargetTrackingScaling",
            service_namespace=target["service_namespace"], scalable_dimension=target["scalable_dimension"],
            resource_id=target["resource_id"],
            target_tracking_scaling_policy_configuration={
                "target_value": percent,
                "predefined_metric_specification": {
                    "predefined_metric_type": f"DynamoDB{kind.title()}CapacityUtilization"},
            },
        )

    @property
    def arn(self) -> Reference:
        """ARN of the table."""
        return self.resource["arn"]

    def _grant(self, verb: str, *, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> Grant:
        """A grant that reads the table and its indexes, and writes the table: an index is never written to."""
        indexes = [f"{self.arn}/index/{index.name}" for index in self.indexes]
        statements: list[Statement] = []
        if reads:
            statements.append(Statement(reads, (self.arn, *indexes)))
        if writes:
            statements.append(Statement(writes, (self.arn,)))
        if self.encryption:
            key = self.encryption
            statements.append(key.write_statement() if writes else key.read_statement())
        return Grant(self.name, verb, tuple(statements),
                     {environment_name(self.name, "table"): self.resource["name"]})

    @property
    def read(self) -> Grant:
        """Get and query items, through the indexes too."""
        return self._grant("read", reads=_READ)

    @property
    def write(self) -> Grant:
        """Put, update and delete items."""
        return self._grant("write", writes=_WRITE)

    @property
    def read_write(self) -> Grant:
        """Both of the above."""
        return self._grant("read_write", reads=_READ, writes=_WRITE)

    @property
    def scan(self) -> Grant:
        """Read the whole table: for exports and clean-up, not for requests."""
        return self._grant("scan", reads=("dynamodb:Scan",))

    def alarms(self) -> Iterable[Alarm]:
        """Requests that DynamoDB refused for want of capacity."""
        for kind in ("Write", "Read"):
            yield Alarm(
                "throttles" if kind == "Write" else "throttled-reads",
                f"DynamoDB throttled {kind.lower()}s of {self.name}: a hot key, or growth faster than it can follow.",
                "AWS/DynamoDB", f"{kind}ThrottleEvents", {"TableName": self.resource["name"]}, 1, periods=5,
                severity="warning",
            )


def _key(key: tuple[str, ...] | str, what: str) -> tuple[str, ...]:
    parts = (key,) if isinstance(key, str) else tuple(key)
    if not 1 <= len(parts) <= 2 or not all(isinstance(part, str) and part for part in parts):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Mistake("GS1322", f"`{what}` takes one or two attribute names, not {key!r}",
                      mend='write for example ("CustomerId",) or ("CustomerId", "OrderedAt")')
    return parts


def _index_block(index: Index, capacity: Capacity | None) -> Any:
    named = not isinstance(index.projection, str)
    return {
        "name": index.name,
        "hash_key": index.key[0],
        "range_key": index.key[1] if len(index.key) > 1 else None,
        "projection_type": "INCLUDE" if named else index.projection,
        "non_key_attributes": list(index.projection) if named else None,
        "read_capacity": capacity.read[0] if capacity else None,
        "write_capacity": capacity.write[0] if capacity else None,
    }
