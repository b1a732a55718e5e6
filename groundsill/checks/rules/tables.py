"""DynamoDB tables: attributes, indexes and capacity that fit together."""

from __future__ import annotations

import re

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import text, truth, whole
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
# Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB".
_MOST_GLOBAL, _MOST_LOCAL = 20, 5
_TIME = r"(?i)(created|updated|modified|deleted|inserted)[-_]?(at|on|time|date)|timestamp|date(time)?|time"
_FEW = r"(?i)(\w+[-_])?(type|status|state|kind|category|active|enabled|gender|country|plan|role)"


def _indexes(context: Context, table: Resource) -> list[dict[str, object]]:
    return [
        dict(block)
        for name in ("global_secondary_index", "local_secondary_index")
        for block in context.view.blocks(table, name)
    ]


@RULES.rule(
    "table-attributes-do-not-fit",
    Severity.CRITICAL,
    "a table's attributes are not exactly those of its keys",
    types=("aws_dynamodb_table",),
    rationale="DynamoDB refuses a key without an attribute definition, and a definition that no key uses (\"Some index key "
              "attributes are not defined\", \"Number of attributes in KeySchema does not exactly match\").",
    mend="define each attribute of a table's and of an index's keys, and no other",
    example="attribute: email, which no key uses",
)
def attributes(context: Context, table: Resource) -> Found:
    view = context.view
    defined = [block.get("name") for block in view.blocks(table, "attribute")]
    used = [view.get(table, "hash_key"), view.get(table, "range_key")]
    for index in _indexes(context, table):
        used += [index.get("hash_key"), index.get("range_key")]
    if any(item is not None and text(item) is None for item in (*defined, *used)):
        yield Finding(table, "an attribute's name is not known", unknown=True)
        return
    missing = sorted({str(item) for item in used if item} - {str(item) for item in defined})
    extra = sorted({str(item) for item in defined} - {str(item) for item in used if item})
    if missing and view.get(table, "restore_source_name") is None:
        yield Finding(table, f"no attribute defines {', '.join(missing)}", attribute="attribute")
    if extra:
        yield Finding(table, f"no key uses {', '.join(extra)}", attribute="attribute")


@RULES.rule(
    "table-capacity-refused",
    Severity.CRITICAL,
    "a table's capacity does not fit its billing mode",
    types=("aws_dynamodb_table",),
    rationale="Provisioned tables and their indexes need both capacities, on-demand ones take none (Amazon DynamoDB API "
              "Reference, \"CreateTable\").",
    mend='give read_capacity and write_capacity, or billing_mode = "PAY_PER_REQUEST"',
    example='billing_mode = "PROVISIONED" without write_capacity',
)
def capacity(context: Context, table: Resource) -> Found:
    view = context.view
    mode = view.get(table, "billing_mode", default="PROVISIONED")
    values = [view.get(table, name) for name in ("read_capacity", "write_capacity")]
    if mode == "PROVISIONED" and view.get(table, "restore_source_name") is None:
        if any(item is None or whole(item) == 0 for item in values):
            yield Finding(table, "PROVISIONED without read_capacity and write_capacity", attribute="read_capacity")
        for block in view.blocks(table, "global_secondary_index"):
            if block.get("read_capacity") is None or block.get("write_capacity") is None:
                yield Finding(table, f"index {block.get('name')} has no capacity", attribute="global_secondary_index")
    elif mode == "PAY_PER_REQUEST" and any(whole(item) for item in values):
        yield Finding(table, "PAY_PER_REQUEST with a capacity", attribute="read_capacity")


@RULES.rule(
    "on-demand-table-scaled",
    Severity.HIGH,
    "autoscaling is set up for a table that is on demand",
    types=("aws_appautoscaling_target",),
    rationale="An on-demand table has no capacity to scale: the apply fails, or the policies do nothing (Amazon DynamoDB "
              "Developer Guide, \"DynamoDB throughput capacity\").",
    mend="take the scaling away, or make the table PROVISIONED",
    example='billing_mode = "PAY_PER_REQUEST" and an aws_appautoscaling_target of the table',
)
def scaled(context: Context, target: Resource) -> Found:
    for table in context.view.targets(target, "resource_id"):
        if table.type == "aws_dynamodb_table" and context.view.get(table, "billing_mode") == "PAY_PER_REQUEST":
            yield Finding(target, f"{table.address} is PAY_PER_REQUEST", attribute="resource_id", related=(table,))


@RULES.rule(
    "index-capacity-does-not-follow",
    Severity.MEDIUM,
    "a table scales and its index does not",
    types=("aws_dynamodb_table",),
    family=Family.RUNS,
    rationale="A write to the table waits for its indexes: a global index that stays at its capacity throttles the table.",
    mend="give the index an autoscaling target too: table/NAME/index/INDEX",
    example="PROVISIONED table with autoscaling, global_secondary_index without",
)
def follows(context: Context, table: Resource) -> Found:
    if context.view.get(table, "billing_mode", default="PROVISIONED") != "PROVISIONED":
        return
    targets = list(context.view.referring(table, "aws_appautoscaling_target"))
    if not targets:
        return
    scaled_names = " ".join(str(context.view.get(item, "resource_id")) for item in targets)
    for block in context.view.blocks(table, "global_secondary_index"):
        name = text(block.get("name"))
        if name and f"/index/{name}" not in scaled_names:
            yield Finding(table, f"index {name} is not scaled", attribute="global_secondary_index")


@RULES.rule(
    "table-indexes-refused",
    Severity.CRITICAL,
    "a table has indexes that DynamoDB refuses",
    types=("aws_dynamodb_table",),
    rationale="A table has at most 20 global and 5 local indexes; local ones share its hash key and need a range key on the "
              "table (Amazon DynamoDB Developer Guide, \"Quotas in Amazon DynamoDB\").",
    mend="drop indexes, or use a global one",
    example="local_secondary_index on a table without range_key",
)
def indexes(context: Context, table: Resource) -> Found:
    view = context.view
    several, local = view.blocks(table, "global_secondary_index"), view.blocks(table, "local_secondary_index")
    if len(several) > _MOST_GLOBAL:
        yield Finding(table, f"{len(several)} global indexes of at most {_MOST_GLOBAL}", attribute="global_secondary_index")
    if len(local) > _MOST_LOCAL:
        yield Finding(table, f"{len(local)} local indexes of at most {_MOST_LOCAL}", attribute="local_secondary_index")
    if local and view.get(table, "range_key") is None:
        yield Finding(table, "a local index needs a range_key on the table", attribute="local_secondary_index")
    names = [str(block.get("name")) for block in (*several, *local)]
    for name in sorted({item for item in names if names.count(item) > 1}):
        yield Finding(table, f"two indexes are named {name}", attribute="global_secondary_index")
    for block in (*several, *local):
        if block.get("projection_type") == "INCLUDE" and not block.get("non_key_attributes"):
            yield Finding(table, f"index {block.get('name')} includes nothing", attribute="global_secondary_index")


@RULES.rule(
    "index-partitioned-by-time",
    Severity.MEDIUM,
    "an index has a time as its partition key",
    types=("aws_dynamodb_table",),
    family=Family.RUNS,
    rationale="Each moment is then a partition of its own: a query needs the exact value, and no order or range across items "
              "exists (Amazon DynamoDB Developer Guide, \"Best practices for designing and using partition keys "
              "effectively\").",
    mend="partition by what a query knows (a user, a feed, a month) and sort by the time",
    example='global_secondary_index: hash_key = "created_at"',
)
def by_time(context: Context, table: Resource) -> Found:
    for block in _indexes(context, table):
        key = text(block.get("hash_key"))
        if key and re.fullmatch(_TIME, key):
            yield Finding(table, f"index {block.get('name')} is partitioned by {key}", attribute="global_secondary_index")


@RULES.rule(
    "index-with-few-partitions",
    Severity.LOW,
    "an index has few values to partition by, and no order",
    types=("aws_dynamodb_table",),
    family=Family.RUNS,
    rationale="All items of a type or status land on one partition, which takes 1,000 writes a second and can only be read "
              "from its beginning (Amazon DynamoDB Developer Guide, \"Best practices for designing and using partition keys "
              "effectively\").",
    mend="add a range_key, for example created_at; or spread the value over buckets",
    example='global_secondary_index: hash_key = "type" without range_key',
)
def hot(context: Context, table: Resource) -> Found:
    for block in _indexes(context, table):
        key = text(block.get("hash_key"))
        if key and re.fullmatch(_FEW, key) and block.get("range_key") is None:
            yield Finding(
                table, f"index {block.get('name')} is partitioned by {key} alone", attribute="global_secondary_index"
            )


@RULES.rule(
    "stream-without-reader",
    Severity.LOW,
    "a table's changes are streamed to nobody",
    types=("aws_dynamodb_table",),
    family=Family.RUNS,
    rationale="A stream keeps changes for a day; without a reader it only makes people believe that something reacts to them.",
    mend="let a function read it, or switch the stream off",
    example="stream_enabled = true without an aws_lambda_event_source_mapping",
)
def stream(context: Context, table: Resource) -> Found:
    view = context.view
    readers = (
        "aws_lambda_event_source_mapping",
        "aws_pipes_pipe",
        "aws_dynamodb_table_replica",
        "aws_dynamodb_kinesis_streaming_destination",
    )
    if (
        truth(view.get(table, "stream_enabled"), default=False)
        and not view.blocks(table, "replica")
        and not any(True for _ in view.referring(table, *readers))
        and not _is_output(context, table)
    ):
        yield Finding(table, "nothing reads its stream", attribute="stream_enabled")


def _is_output(context: Context, table: Resource) -> bool:
    return any(
        reference.address == table.address and str(reference.attribute).startswith("stream")
        for output in context.graph.outputs.values()
        for reference in references_in(output.value)
    )
