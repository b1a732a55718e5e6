"""DynamoDB: report each item written, and read and write JSON faster.

- AWS keeps what it acknowledged. The emulator keeps items in memory only; its two functions that change a table
  (and the one that exchanges all items) are wrapped so that each change reaches the journal.
- A Query reads its page from sorted partitions: see ``dynamodb_query.py``.
- JSON is parsed and written by orjson: the same text, a fifth of the time.
"""

from __future__ import annotations

import json
import types
from typing import Any, cast

import orjson

from groundsill.ground.aws_api.durability import Durability, table_key
from groundsill.ground.aws_api.patches.dynamodb_query import Orders


def apply(module: Any, durability: Durability) -> None:
    """Mend the emulator's DynamoDB module."""
    orders = Orders(module)
    _report_changes(module, durability, orders)
    _faster_json(module)


def _report_changes(module: Any, durability: Durability, orders: Orders) -> None:
    set_item, remove_item, items_replaced = module._set_item, module._remove_item, module._items_replaced

    def set_and_report(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        old = set_item(table, partition, sort, item)
        durability.item_written(table_key(table), _key(partition, sort), item)
        orders.changed(table, old, item)
        return old

    def remove_and_report(table: Any, partition: Any, sort: Any) -> Any:
        old = remove_item(table, partition, sort)
        if old is not None:
            durability.item_written(table_key(table), _key(partition, sort), None)
            orders.changed(table, old, None)
        return old

    def replace_and_report(table: Any) -> None:
        items_replaced(table)
        orders.forget(table)
        durability.table_replaced(table_key(table), {
            _key(partition, sort): item
            for partition, bucket in table["items"].items() for sort, item in bucket.items()})

    module._set_item, module._remove_item = set_and_report, remove_and_report
    module._items_replaced = replace_and_report


def _key(partition: Any, sort: Any) -> str:
    return orjson.dumps((partition, sort)).decode()


def _faster_json(module: Any) -> None:
    shim = types.SimpleNamespace(**{name: getattr(json, name) for name in json.__all__})
    shim.JSONDecodeError = json.JSONDecodeError

    def loads(text: Any, **options: Any) -> Any:
        return json.loads(text, **options) if options else orjson.loads(text)

    shim.loads = loads
    module.json = shim

    standard = module.json_response

    def json_response(data: Any, status: int = 200, **options: Any) -> Any:
        if options:
            return standard(data, status, **options)
        try:
            return status, {"Content-Type": "application/x-amz-json-1.0"}, orjson.dumps(data)
        except TypeError:
            return standard(data, status)

    module.json_response = json_response


def add_leading_keys(emulator: Any) -> None:
    """The condition key ``dynamodb:LeadingKeys``: the partition keys that a request touches.

    AWS offers it for fine-grained access ("Using IAM policy conditions for fine-grained access control", DynamoDB
    Developer Guide). The emulator left it out, so a ``ForAllValues`` condition on it allowed every key.
    """
    actions = emulator.iam_actions
    original = actions.dynamodb_service_context

    def with_leading_keys(body: bytes) -> dict[str, Any]:
        context = original(body)
        try:
            keys = _leading_keys(emulator.service("dynamodb"), orjson.loads(body or b"{}"))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
            keys = []
        if keys:
            context["dynamodb:LeadingKeys"] = keys
        return context

    actions.dynamodb_service_context = with_leading_keys


def _leading_keys(module: Any, data: Any) -> list[str]:
    found: dict[str, None] = {}

    def note(table_name: str, attributes: Any) -> None:
        table: dict[str, Any] = module._tables.get(module._normalize_table_name(table_name)) or {}
        values: dict[str, Any] = attributes or {}
        value = module._extract_key_val(values.get(table.get("pk_name", "")))
        if value:
            found[str(value)] = None

    name = data.get("TableName")
    if name:
        note(name, data.get("Key") or data.get("Item"))
        if data.get("KeyConditionExpression"):
            table: Any = module._tables.get(module._normalize_table_name(name)) or {}
            index = module._index_def(table, data["IndexName"]) if data.get("IndexName") else None
            hash_name = module._index_key_lists(index)[0][0] if index else table.get("pk_name")
            value = module._extract_pk_from_condition(
                data["KeyConditionExpression"], data.get("ExpressionAttributeValues") or {},
                data.get("ExpressionAttributeNames") or {}, hash_name)
            if value:
                found[str(value)] = None
    batches: Any = data.get("RequestItems") or {}
    transaction: Any = data.get("TransactItems") or ()
    for table_name, requests in batches.items():
        if isinstance(requests, dict):
            for key in cast("dict[str, Any]", requests).get("Keys", ()):
                note(table_name, key)
        else:
            for request in requests:
                for detail in request.values():
                    note(table_name, detail.get("Item") or detail.get("Key"))
    for entry in transaction:
        for detail in entry.values():
            note(detail.get("TableName"), detail.get("Item") or detail.get("Key"))
    return list(found)
