"""Values that AWS refuses, argument by argument: one rule a service, made from the table of limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.limits import SERVICE_LIMITS, Limit
from groundsill.checks.rule import Family, Finding, Found, Rule, Ruleset, Severity
from groundsill.checks.values import number, unknown
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping


def _look(limits: dict[str, tuple[Limit, ...]]) -> Callable[[Context, Resource], Found]:
    def look(context: Context, resource: Resource) -> Found:
        for limit in limits[resource.type]:
            for found in _values(context.view.get(resource, limit.path[0]), limit.path[1:]):
                if unknown(found):
                    yield Finding(resource, f"{'.'.join(limit.path)} is known only after apply", unknown=True)
                elif wrong := _wrong(found, limit):
                    yield Finding(resource, wrong, attribute=".".join(limit.path))

    return look


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if value is None:
        return
    if not path:
        yield value
    elif path[0] == "*":
        for item in value if is_list(value) else [value]:
            yield from _values(item, path[1:])
    elif is_list(value):
        for item in value[:1]:
            yield from _values(item, path)
    elif is_mapping(value):
        yield from _values(value.get(path[0]), path[1:])


def _wrong(value: Any, limit: Limit) -> str:
    """What is wrong with a value; empty where nothing is."""
    unit = f" {limit.unit}" if limit.unit else ""
    if limit.allowed:
        if value in limit.allowed or number(value) in limit.allowed:
            return ""
        listed = ", ".join(map(str, limit.allowed[:24]))
        return f"it is {value}{unit}; AWS takes {listed}"
    found = number(value)
    if found is None:
        return ""
    if limit.low is not None and found < limit.low:
        return f"it is {found:g}{unit}; AWS takes {limit.low:g} and more" + (f", up to {limit.high:g}" if limit.high else "")
    if limit.high is not None and found > limit.high:
        return f"it is {found:g}{unit}; AWS takes up to {limit.high:g}"
    return ""


def _first(limits: dict[str, tuple[Limit, ...]]) -> str:
    limit = next(iter(limits.values()))[0]
    worst = f"{limit.high + 1:g}" if limit.high is not None else f"{(limit.low or 1) - 1:g}" if not limit.allowed else "15"
    return f"{'.'.join(limit.path)} = {worst}"


def _rule(service: str, page: str, table: dict[str, tuple[Limit, ...]]) -> Rule:
    return Rule(
        f"{service}-value-outside-limits", Family.DEPLOYS, Severity.CRITICAL, "AWS refuses this value",
        f"The apply fails when it comes to this resource. Source: {page}.", "choose a value that AWS takes", _look(table),
        tuple(table), example=_first(table),
    )


RULES = Ruleset(Family.DEPLOYS, [_rule(service, page, dict(table)) for service, (page, table) in SERVICE_LIMITS.items()])
