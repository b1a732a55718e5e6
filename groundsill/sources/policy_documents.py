"""The policy that an ``aws_iam_policy_document`` gives, from its blocks.

Source: the provider's documentation, "Data Source: aws_iam_policy_document".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from groundsill.graph.reference import JsonDocument, Unknown
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.terraform.values import document_of, is_open

Given = Callable[[str], Any]
"""Gives an argument of the data source; None where there is none."""
Settle = Callable[[Any], Any]
"""Follows a value to what is known of it."""


def policy_document(given: Given, settle: Settle) -> JsonDocument | None:
    """The policy as a structure; None where a document that it takes in is not known.

    Arguments:
        given: gives an argument.
        settle: follows a value.
    """
    statements: list[dict[str, Any]] = []
    blocks = given("statement")
    if isinstance(blocks, Unknown):
        return None
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block):
            return None
        statements.append(_statement(block, settle))
    for name in ("source_policy_documents", "source_json"):
        earlier = _documents(given(name), settle)
        if earlier is None:
            return None
        statements = [*earlier, *statements]
    for name in ("override_policy_documents", "override_json"):
        later = _documents(given(name), settle)
        if later is None:
            return None
        named = [statement["Sid"] for statement in later if statement.get("Sid")]
        statements = [statement for statement in statements if statement.get("Sid") not in named] + later
    content: dict[str, Any] = {"Version": given("version") or "2012-10-17"}
    if given("policy_id") is not None:
        content["Id"] = given("policy_id")
    content["Statement"] = statements
    return JsonDocument(content)


def _documents(given: Any, settle: Settle) -> list[dict[str, Any]] | None:
    if given is None:
        return []
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


def _statement(block: Any, settle: Settle) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if block.get("sid"):
        made["Sid"] = block["sid"]
    made["Effect"] = block.get("effect", "Allow")
    for name, key in (("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"),
                      ("not_resources", "NotResource")):
        if block.get(name) is not None:
            made[key] = _listed(block[name], settle)
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        principals = _principals(block.get(name), settle)
        if principals is not None:
            made[key] = principals
    conditions = block.get("condition")
    if conditions:
        made["Condition"] = _conditions(conditions, settle)
    return made


def _principals(blocks: Any, settle: Settle) -> Any:
    found: dict[str, Any] = {}
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block):
            return Unknown()
        type, identifiers = block.get("type"), _listed(block.get("identifiers"), settle)
        if type == "*" and identifiers == "*":
            return "*"
        if not isinstance(type, str):
            return Unknown()
        before = found.get(type)
        found[type] = identifiers if before is None else [*_as_list(before), *_as_list(identifiers)]
    return found or None


def _conditions(blocks: Any, settle: Settle) -> Any:
    found: dict[str, dict[str, Any]] = {}
    for block in blocks if is_list(blocks) else []:
        if not is_mapping(block) or not isinstance(block.get("test"), str) or not isinstance(block.get("variable"), str):
            return Unknown()
        held = found.setdefault(block["test"], {})
        values = _listed(block.get("values"), settle)
        before = held.get(block["variable"])
        held[block["variable"]] = values if before is None else [*_as_list(before), *_as_list(values)]
    return found


def _as_list(value: Any) -> list[Any]:
    return list(value) if is_list(value) else [value]


def _listed(value: Any, settle: Settle) -> Any:
    """Members as the provider writes them: a single one stands alone, and ``&{`` becomes ``${``."""
    settled = settle(value)
    if not is_list(settled):
        return settled
    members = [item.replace("&{", "${") if isinstance(item, str) else item for item in settled]
    if len(members) == 1:
        return members[0]
    plain = all(isinstance(item, str) for item in members)
    return sorted(set(members), reverse=True) if plain else members
