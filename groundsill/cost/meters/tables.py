"""Amazon DynamoDB: requests or capacity, storage, backups, replicas.

"Amazon DynamoDB Pricing" (aws.amazon.com/dynamodb/pricing): a write unit is 1 KB, a read unit 4 KB and half as much where it
need not be the newest; each index that an item is in is written too; replicas are written as often again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from groundsill.cost.amount import Amount, spread
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import Dimension, size_text
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

_UNPRICED = {
    "aws_dynamodb_contributor_insights": "paid by the event, and how many there are is not known",
}
service = Service("Amazon DynamoDB", unpriced=_UNPRICED, free={
    "aws_dynamodb_resource_policy": "a policy", "aws_dynamodb_kinesis_streaming_destination": "paid by its stream",
    "aws_dynamodb_table_item": "one item of its table",
})
KB = 2.0**10
_READ_UNIT, _WRITE_UNIT = 4 * KB, 1 * KB
_EVENTUAL = counted(Amount(0.5, 0.5, 1), "for a read that need not be the newest")
_INDEX_SHARE = {"KEYS_ONLY": Amount(0.05, 0.2, 0.5), "INCLUDE": Amount(0.1, 0.5, 1)}
_NEW = Amount(0.1, 0.5, 1)  # of writes add an item; the others change one


@service.meter(
    "aws_dynamodb_table",
    Parameter("reads", Dimension.RATE, "reads and queries", entry=True),
    Parameter("writes", Dimension.RATE, "items written", entry=True),
    Parameter("scans", Dimension.RATE, "scans", Amount(0, 0, 0)),
    Parameter("item_size", Dimension.SIZE, "an item that is written has", Amount(0.3 * KB, 1 * KB, 4 * KB)),
    Parameter("read_size", Dimension.SIZE, "a read or query reads", Amount(1 * KB, 4 * KB, 40 * KB)),
    Parameter("scan_size", Dimension.SIZE, "a scan reads", Amount(100 * KB, 1024 * KB, 100 * 1024 * KB)),
    Parameter("stored", Dimension.STORED, "data that it holds"),
    Parameter("growth", Dimension.GROWTH, "data that is added"),
    Parameter("capacity", Dimension.COUNT, "provisioned units of each kind on average:"),
)
def table(context: Context, table: Resource) -> Lines:
    """Reads, writes, storage, continuous backups and replicas of a table."""
    indexes = context.view.blocks(table, "global_secondary_index")
    regions = 1 + len(context.view.blocks(table, "replica"))
    rare = context.text(table, "table_class") == "STANDARD_INFREQUENT_ACCESS"
    writes = context.measure(table, "writes", "writes")
    copies = counted(regions, "regions") if regions > 1 else None
    if context.text(table, "billing_mode") == "PAY_PER_REQUEST":
        units = _units(context, table, "item_size", _WRITE_UNIT, "write units")
        written = counted(1 + len(indexes), "table and indexes") if indexes else None
        kind = "replicated_write_unit" if regions > 1 else "write_request_unit"
        key = "ia_write_request_unit" if rare else f"on_demand_{kind}"
        yield context.line(table, "writes", f"dynamodb.{key}", *(
            factor for factor in (writes, units, written, copies) if factor is not None))
        key = "dynamodb.ia_read_request_unit" if rare else "dynamodb.on_demand_read_request_unit"
        yield context.line(table, "reads", key, context.measure(table, "reads", "reads"),
                           _units(context, table, "read_size", _READ_UNIT, "read units"), _EVENTUAL)
        scans = context.measure(table, "scans", "scans")
        if scans.amount is None or scans.amount.high:
            yield context.line(table, "scans", key, scans,
                               _units(context, table, "scan_size", _READ_UNIT, "read units"), _EVENTUAL)
    else:
        yield from _provisioned(context, table, len(indexes), regions)
    stored = held_by_table(context, table)
    whole = counted(_index_storage(indexes), "table and indexes") if indexes else None
    factors = [factor for factor in (stored.scaled(GB), whole, copies) if factor is not None]
    yield context.line(table, "storage", "dynamodb.storage_ia" if rare else "dynamodb.storage_standard", *factors)
    if context.flag(table, "point_in_time_recovery", "enabled"):
        yield context.line(table, "continuous backups", "dynamodb.pitr", *factors)


def held_by_table(context: Context, table: Resource) -> Factor:
    """Bytes that a table holds, without its indexes."""
    added = context.measure(table, "writes", "writes") * context.measure(table, "item_size")
    if added.amount is not None:
        added = Factor(added.amount * _NEW, added.text, added.assumptions).because(
            f"{title(table)}: half of its writes add an item (a tenth to all)")
    expires = context.flag(table, "ttl", "enabled")
    return context.stored(table, added, months=1 if expires else None)


def _units(context: Context, table: Resource, name: str, unit: float, words: str) -> Factor:
    size = context.measure(table, name)
    if size.amount is None:
        return size
    number = size.amount.each(lambda value: float(max(math.ceil(value / unit), 1)))
    shown = counted(number.expected, words).text
    return Factor(number, f"{shown} of {size_text(size.amount.expected)}", size.assumptions)


def _index_storage(indexes: Sequence[Mapping[str, Any]]) -> Amount:
    total = Amount(1, 1, 1)
    for index in indexes:
        projection = index.get("projection_type")
        share = _INDEX_SHARE.get(projection, Amount(0.5, 1, 1)) if isinstance(projection, str) else Amount(0.5, 1, 1)
        total = total + share
    return total


def _provisioned(context: Context, table: Resource, indexes: int, regions: int) -> Lines:
    """Capacity by the hour, between the bounds of its scaling."""
    for kind, words in (("read", "RCU"), ("write", "WCU")):
        base = context.number(table, f"{kind}_capacity", words=words)
        stated = context.traffic.stated(table, "capacity")
        bounds = [
            (context.number(target, "min_capacity").amount, context.number(target, "max_capacity").amount)
            for target in context.of_type("aws_appautoscaling_target")
            if any(reference.address == table.address for reference in references_in(target.arguments.get("resource_id")))
            and kind in (context.text(target, "scalable_dimension") or "").lower()
            and "index" not in (context.text(target, "scalable_dimension") or "")]
        units = counted(stated, words) if stated else base
        if stated is None and base.amount is not None and bounds and bounds[0][0] is not None and bounds[0][1] is not None:
            least, most = bounds[0][0].expected, bounds[0][1].expected
            units = context.assumed(table, "capacity", spread(least, max(base.amount.expected, least), most),
                                    "between the bounds of its scaling", words)
        factors = [units, context.month]
        if indexes:
            factors.append(counted(1 + indexes, "table and indexes"))
        if regions > 1:
            factors.append(counted(regions, "regions"))
        yield context.line(table, f"{kind} capacity", f"dynamodb.provisioned_{kind[0]}cu_hour", *factors)


@service.meter("aws_dynamodb_table_replica")
def replica(context: Context, replica: Resource) -> Lines:
    """A replica that is written by itself."""
    source = context.view.target(replica, "global_table_arn")
    if source is None or source.type != "aws_dynamodb_table":
        yield context.not_known(replica, "writes", "its table is not in the graph")
        return
    yield context.line(replica, "replicated writes", "dynamodb.on_demand_replicated_write_unit",
                       context.measure(source, "writes", "writes"),
                       _units(context, source, "item_size", _WRITE_UNIT, "write units"))
