"""Data sources whose answers follow from the configuration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.graph.reference import JsonDocument, Unknown
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.terraform.names import ABSENT
from groundsill.sources.terraform.values import document_of, is_open

if TYPE_CHECKING:
    from groundsill.sources.terraform.instances import Instance

_PARTITIONS = (("cn-", "aws-cn", "amazonaws.com.cn"), ("us-gov-", "aws-us-gov", "amazonaws.com"),
               ("", "aws", "amazonaws.com"))
_DEEPEST = 8


def answer(instance: Instance, name: str, region: str) -> Any:
    """What an attribute of a data source will be, or ``ABSENT`` where only AWS says.

    Arguments:
        instance: the data source.
        name: of the attribute.
        region: of its provider; empty where that is not known.
    """
    match instance.type:
        case "aws_iam_policy_document" if name in ("json", "minified_json"):
            document = policy_document(instance)
            return ABSENT if document is None else document
        case "aws_region" if name in ("name", "id", "region") and region:
            given = instance.raw("name")
            return region if given is ABSENT else ABSENT
        case "aws_partition" if region:
            _, partition, suffix = next(item for item in _PARTITIONS if region.startswith(item[0]))
            return {"partition": partition, "id": partition, "dns_suffix": suffix}.get(name, ABSENT)
        case _:
            return ABSENT


def policy_document(instance: Instance, depth: int = 0) -> JsonDocument | None:
    """The policy that ``aws_iam_policy_document`` gives; None where a document that it takes in is not known.

    Source: the provider's documentation, "Data Source: aws_iam_policy_document".
    """
    if depth > _DEEPEST:
        return None
    statements: list[dict[str, Any]] = []
    blocks = instance.raw("statement")
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block):
            return None
        statements.append(_statement(instance, block))
    for name in ("source_policy_documents", "source_json"):
        earlier = _documents(instance, name)
        if earlier is None:
            return None
        statements = [*earlier, *statements]
    for name in ("override_policy_documents", "override_json"):
        later = _documents(instance, name)
        if later is None:
            return None
        named = {statement.get("Sid") for statement in later} - {None, ""}
        statements = [statement for statement in statements if statement.get("Sid") not in named] + later
    content: dict[str, Any] = {"Version": _given(instance, "version", "2012-10-17")}
    identifier = _given(instance, "policy_id", None)
    if identifier is not None:
        content["Id"] = identifier
    content["Statement"] = statements
    return JsonDocument(content)


def _given(instance: Instance, name: str, default: Any) -> Any:
    value = instance.raw(name)
    return default if value is ABSENT else value


def _documents(instance: Instance, name: str) -> list[dict[str, Any]] | None:
    given = instance.raw(name)
    if given is ABSENT:
        return []
    settle = instance.module.world.evaluation.settle
    given = settle(given)
    if is_open(given):
        return None
    found: list[dict[str, Any]] = []
    for item in given if is_list(given) else [given]:
        item = settle(item)
        content = item.content if isinstance(item, JsonDocument) else document_of(item) if isinstance(item, str) else None
        if item == "" or item is None:
            continue
        if not is_mapping(content):
            return None
        inner = content.get("Statement", [])
        found.extend(dict(statement) for statement in (inner if is_list(inner) else [inner]) if is_mapping(statement))
    return found


def _statement(instance: Instance, block: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if block.get("sid"):
        made["Sid"] = block["sid"]
    made["Effect"] = block.get("effect", "Allow")
    for name, key in (("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"),
                      ("not_resources", "NotResource")):
        if block.get(name) is not None:
            made[key] = _listed(instance, block[name])
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        principals = _principals(instance, block.get(name))
        if principals is not None:
            made[key] = principals
    conditions = block.get("condition")
    if conditions:
        made["Condition"] = _conditions(instance, conditions)
    return made


def _principals(instance: Instance, blocks: Any) -> Any:
    found: dict[str, Any] = {}
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block):
            return Unknown()
        type, identifiers = block.get("type"), _listed(instance, block.get("identifiers"))
        if type == "*" and identifiers == "*":
            return "*"
        if not isinstance(type, str):
            return Unknown()
        before = found.get(type)
        found[type] = identifiers if before is None else [*_as_list(before), *_as_list(identifiers)]
    return found or None


def _conditions(instance: Instance, blocks: Any) -> Any:
    found: dict[str, dict[str, Any]] = {}
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block) or not isinstance(block.get("test"), str) or not isinstance(block.get("variable"), str):
            return Unknown()
        held = found.setdefault(block["test"], {})
        values = _listed(instance, block.get("values"))
        before = held.get(block["variable"])
        held[block["variable"]] = values if before is None else [*_as_list(before), *_as_list(values)]
    return found


def _as_list(value: Any) -> list[Any]:
    return list(value) if is_list(value) else [value]


def _listed(instance: Instance, value: Any) -> Any:
    """Members as the provider writes them: a single one stands alone, and ``&{`` becomes ``${``."""
    settled = instance.module.world.evaluation.settle(value)
    if not is_list(settled):
        return settled
    members = [item.replace("&{", "${") if isinstance(item, str) else item for item in settled]
    if len(members) == 1:
        return members[0]
    plain = all(isinstance(item, str) for item in members)
    return sorted(set(members), reverse=True) if plain else members
