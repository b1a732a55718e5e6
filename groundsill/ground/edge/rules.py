"""Listener rules: conditions that a request meets, in the order of their priority.

Source: Elastic Load Balancing, "Listener rules for your Application Load Balancer".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from groundsill.ground.edge.blocks import block, blocks
from groundsill.ground.resolved import ResolvedResource


class RuleInvalid(ValueError):
    """A listener rule cannot be understood."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions look at."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    source: str


Condition = Callable[[Facts], bool]


@dataclass(frozen=True)
class Rule:
    """A listener rule: its priority, its conditions (all must hold) and its actions in order."""

    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Mapping[str, Any], ...]

    def takes(self, facts: Facts) -> bool:
        return all(condition(facts) for condition in self.conditions)


def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """``*`` stands for any characters, ``?`` for one.

    Example:
        >>> bool(wildcard("/img/*").fullmatch("/img/a/b.png"))
        True
    """
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def rule_from(resource: ResolvedResource) -> Rule:
    """The rule of an ``aws_lb_listener_rule``.

    Raises:
        RuleInvalid: a condition is of a kind that is not known.
    """
    given = resource.arguments
    conditions: list[Condition] = []
    for condition in blocks(given, "condition"):
        conditions.extend(_conditions(resource.address, condition))
    return Rule(
        int(given.get("priority") or 50_000), tuple(conditions), ordered_actions(blocks(given, "action"))
    )


def ordered_actions(actions: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Action blocks by their ``order``."""
    return tuple(sorted(actions, key=lambda action: int(action.get("order") or 50_000)))


def _conditions(address: str, given: Mapping[str, Any]) -> list[Condition]:
    found: list[Condition] = []
    for name, value in given.items():
        if not value:
            continue
        if name not in _MAKERS:
            raise RuleInvalid(f"{address}: condition {name!r} is not known")
        if name == "query_string":
            found.append(_query(blocks(given, name)))
            continue
        found.append(_MAKERS[name](block(given, name)))
    if not found:
        raise RuleInvalid(f"{address}: a condition is empty")
    return found


def _patterns(given: Mapping[str, Any], *, ignore_case: bool = False) -> list[re.Pattern[str]]:
    found = [wildcard(str(value), ignore_case=ignore_case) for value in given.get("values") or ()]
    return found + [re.compile(str(value)) for value in given.get("regex_values") or ()]


def _path(given: Mapping[str, Any]) -> Condition:
    patterns = _patterns(given)
    return lambda facts: any(pattern.fullmatch(facts.path) for pattern in patterns)


def _host(given: Mapping[str, Any]) -> Condition:
    patterns = _patterns(given, ignore_case=True)
    return lambda facts: any(pattern.fullmatch(facts.host) for pattern in patterns)


def _header(given: Mapping[str, Any]) -> Condition:
    patterns = _patterns(given, ignore_case=True)
    name = str(given.get("http_header_name") or "").lower()

    def holds(facts: Facts) -> bool:
        value = facts.headers.get(name)
        return value is not None and any(pattern.fullmatch(value) for pattern in patterns)

    return holds


def _method(given: Mapping[str, Any]) -> Condition:
    methods = frozenset(str(value) for value in given.get("values") or ())
    return lambda facts: facts.method in methods


def _source(given: Mapping[str, Any]) -> Condition:
    networks = [ipaddress.ip_network(str(value), strict=False) for value in given.get("values") or ()]

    def holds(facts: Facts) -> bool:
        try:
            address = ipaddress.ip_address(facts.source)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return holds


def _query(pairs: list[Mapping[str, Any]]) -> Condition:
    wanted = [
        (
            wildcard(str(pair["key"]), ignore_case=True) if pair.get("key") else None,
            wildcard(str(pair.get("value") or "*"), ignore_case=True),
        )
        for pair in pairs
    ]

    def holds(facts: Facts) -> bool:
        return any(
            (key is None or key.fullmatch(name)) and value.fullmatch(text)
            for key, value in wanted
            for name, text in facts.query
        )

    return holds


_MAKERS: Mapping[str, Callable[[Any], Condition]] = {
    "path_pattern": _path,
    "host_header": _host,
    "http_header": _header,
    "http_request_method": _method,
    "source_ip": _source,
    "query_string": _query,
}


def facts_of(scope: Mapping[str, Any]) -> Facts:
    """What an ASGI request offers to conditions."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1")
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    query: list[tuple[str, str]] = []
    for part in scope["query_string"].decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            query.append((unquote(name), unquote(value)))
    host = headers.get("host", "")
    return Facts(
        scope["method"],
        host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host,
        scope["raw_path"].decode("latin-1"),
        tuple(query),
        headers,
        (scope.get("client") or ("", 0))[0],
    )
