"""Whether values that were worked out from files are those that the real Terraform plans."""

from __future__ import annotations

import json
from typing import Any

from groundsill.graph import Graph, JsonDocument, View
from groundsill.graph.view import is_known

_ABSENT = object()


def disagreements(graph: Graph, plan: dict[str, Any]) -> list[str]:
    """Where a graph says something else than a plan, or does not know what the plan does.

    Arguments:
        graph: read from the files.
        plan: what ``terraform show -json`` says of the plan of the same files.
    """
    planned = {item["address"]: item["change"] for item in plan["resource_changes"] if item["mode"] == "managed"}
    managed = {resource.address for resource in graph if not resource.data}
    found = [f"only planned: {address}" for address in planned.keys() - managed]
    found += [f"only read: {address}" for address in managed - planned.keys()]
    view = View(graph)
    for address in sorted(planned.keys() & managed):
        after, unknown = planned[address]["after"], planned[address]["after_unknown"]
        for name in graph[address].arguments:
            have = view.get(graph[address], name)
            # Tags that the provider gives to everything are read into `tags`, as AWS sees them.
            told = "tags_all" if name == "tags" and "tags_all" in after else name
            found += [f"{address}.{name}{where}" for where in _compared(have, after.get(told, _ABSENT), unknown.get(name))]
    for name, output in plan["planned_values"].get("outputs", {}).items():
        if "value" in output:
            have = view.follow(graph.outputs[name].value)
            found += [f"output {name}{where}" for where in _compared(have, output["value"], None)]
    return found


def _compared(have: Any, want: Any, unknown: Any) -> list[str]:
    if unknown is True:
        return [f": known as {have!r}, and Terraform does not know it"] if is_known(have) else []
    if isinstance(have, dict) and (isinstance(want, dict) or isinstance(unknown, dict)):
        want, unknown = want if isinstance(want, dict) else {}, unknown if isinstance(unknown, dict) else {}
        return [f".{key}{where}" for key, item in have.items()
                for where in _compared(item, want.get(key, _ABSENT), unknown.get(key))]
    if isinstance(have, list) and isinstance(unknown, list) and any(unknown):
        return [f"[{index}]{where}" for index, item in enumerate(have)
                for where in _compared(item, want[index] if index < len(want) else _ABSENT, unknown[index])]
    if isinstance(have, list) and isinstance(want, list):
        return _members(have, want)
    if isinstance(have, JsonDocument) and isinstance(want, str):
        return [] if _same(have.content, json.loads(want)) else [f": {have!r} and not {want!r}"]
    return [] if _same(have, want) else [f": {have!r} and not {want!r}"]


def _members(have: list[Any], want: list[Any]) -> list[str]:
    """Lists of the same members: a set has no order, and blocks have what nobody wrote."""
    left = list(want)
    for item in have:
        match = next((other for other in left if not _compared(item, other, None)), _ABSENT)
        if match is _ABSENT:
            return [f": {item!r} is not in {want!r}"]
        left.remove(match)
    return [f": {left!r} is missing"] if left else []


def _same(have: Any, want: Any) -> bool:
    if isinstance(have, str) and isinstance(want, str) and have[:1] in ("{", "["):
        return json.loads(have) == json.loads(want)
    return bool(have == want)
