"""Two graphs of one system, compared: whatever form a reference or a JSON text has."""

from __future__ import annotations

import json
from typing import Any

from groundsill.graph import Graph, JsonDocument, Reference, Resource, split_template


def plain(value: Any) -> Any:
    """A value in one form: references as ``${...}``, JSON text as a structure, sets in order, nothing that is None."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Reference):
        return f"${{{value.expression}}}"
    if isinstance(value, JsonDocument):
        return plain(value.content)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _text(value: str) -> Any:
    if value[:1] in ("{", "["):
        try:
            return plain(json.loads(value))
        except ValueError:
            pass
    return "".join(part if isinstance(part, str) else plain(part) for part in split_template(value))


def whole(resource: Resource) -> dict[str, Any]:
    """Everything of a resource that Terraform sees."""
    return {"arguments": plain(resource.arguments), "provider": resource.provider, "lifecycle": resource.lifecycle,
            "depends_on": sorted(resource.depends_on)}


def differences(want: Graph, have: Graph) -> list[str]:
    """Where two graphs differ, for a reader of a failed test."""
    found = [f"missing: {address}" for address in want.resources if address not in have.resources]
    found += [f"more: {address}" for address in have.resources if address not in want.resources]
    for resource in want:
        if resource.address in have.resources:
            first, second = whole(resource), whole(have[resource.address])
            found += [f"{resource.address}: {name}: {first[name]!r} and not {second[name]!r}"
                      for name in first if first[name] != second[name]]
    return found
