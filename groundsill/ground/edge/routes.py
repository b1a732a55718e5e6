"""Which route of an HTTP API a request takes.

Source: API Gateway Developer Guide, "Create routes for HTTP APIs in API Gateway": the most specific match
wins: a full match of method and path, then a greedy variable, then ``$default``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class RouteKeyInvalid(ValueError):
    """A route key is not ``METHOD /path`` or ``$default``."""


class Match(NamedTuple, Generic[T]):
    """The route found, and the values of its path variables."""

    route: T
    parameters: dict[str, str]


class _Pattern(NamedTuple, Generic[T]):
    rank: tuple[tuple[int, ...], int]
    method: str
    expression: re.Pattern[str]
    names: tuple[str, ...]
    route: T


_METHODS = frozenset({"ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_VARIABLE = re.compile(r"^\{([^{}+/]+)(\+)?\}$")


class RouteTable(Generic[T]):
    """The routes of one API, compiled once.

    Arguments:
        routes: pairs of a route key and what it leads to.

    Raises:
        RouteKeyInvalid: naming the key.

    Example:
        >>> table = RouteTable([("GET /pets/{id}", "one"), ("ANY /{proxy+}", "rest"), ("$default", "none")])
        >>> table.match("GET", "/pets/7")
        Match(route='one', parameters={'id': '7'})
        >>> table.match("POST", "/a/b").parameters
        {'proxy': 'a/b'}
    """

    def __init__(self, routes: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[tuple[str, str], Match[T]] = {}
        self._patterns: list[_Pattern[T]] = []
        self._default: Match[T] | None = None
        for key, route in routes:
            self._add(key, route)
        self._patterns.sort(key=lambda pattern: pattern.rank)

    def _add(self, key: str, route: T) -> None:
        if key == "$default":
            self._default = Match(route, {})
            return
        method, separator, path = key.partition(" ")
        if not separator or method not in _METHODS or not path.startswith("/"):
            raise RouteKeyInvalid(f"route key {key!r} is not 'METHOD /path' or '$default'")
        if "{" not in path:
            self._exact[method, path] = Match(route, {})
            return
        parts: list[str] = []
        kinds: list[int] = []
        names: list[str] = []
        for segment in path[1:].split("/"):
            variable = _VARIABLE.match(segment)
            if variable is None:
                parts.append(re.escape(segment))
                kinds.append(0)
                continue
            names.append(variable[1])
            parts.append("(.+)" if variable[2] else "([^/]+)")
            kinds.append(2 if variable[2] else 1)
        expression = re.compile("/" + "/".join(parts))
        rank = (tuple(kinds), int(method == "ANY"))
        self._patterns.append(_Pattern(rank, method, expression, tuple(names), route))

    def match(self, method: str, path: str) -> Match[T] | None:
        """The route for a method and a decoded path, or None."""
        found = self._exact.get((method, path)) or self._exact.get(("ANY", path))
        if found is not None:
            return found
        for pattern in self._patterns:
            if pattern.method in (method, "ANY"):
                values = pattern.expression.fullmatch(path)
                if values is not None:
                    return Match(pattern.route, dict(zip(pattern.names, values.groups(), strict=True)))
        return self._default
