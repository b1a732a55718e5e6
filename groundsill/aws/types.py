"""Terraform's value types, as the schema data file writes them and as messages name them.

A type is written in one short code: ``s`` string, ``n`` number, ``b`` bool, ``d`` any; ``l``, ``t`` and ``m``
are a list, a set and a map of the type that follows; ``{name:code,...}`` is an object, where ``?`` before a
code marks a field that may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

_PRIMITIVES = {"s": "string", "n": "number", "b": "bool", "d": "dynamic"}
_COLLECTIONS = {"l": "list", "t": "set", "m": "map"}
_PRIMITIVE = frozenset(_PRIMITIVES.values())
_CODES = {name: code for code, name in (_PRIMITIVES | _COLLECTIONS).items()}
_NO_FIELDS: Mapping[str, Type] = MappingProxyType({})


class Type(NamedTuple):
    """The type of an attribute.

    Arguments:
        kind: ``string``, ``number``, ``bool``, ``dynamic``, ``list``, ``set``, ``map`` or ``object``.
        element: type of each member of a list, a set or a map.
        fields: types of the fields of an object.
        optional: fields of an object that may be left out.

    Example:
        >>> str(type_of_code("l{arn:s,size:n}"))
        'list of object(arn, size)'
    """

    kind: str
    element: Type | None = None
    fields: Mapping[str, Type] = _NO_FIELDS
    optional: frozenset[str] = frozenset()

    @property
    def primitive(self) -> bool:
        """Whether it is a single value: string, number, bool or any."""
        return self.kind in _PRIMITIVE

    def __str__(self) -> str:
        if self.kind == "object":
            return f"object({', '.join(self.fields)})"
        return f"{self.kind} of {self.element}" if self.element else self.kind


def code_of_type(type: Any) -> str:
    """The code of a type from ``terraform providers schema -json``.

    Example:
        >>> code_of_type(["list", ["object", {"arn": "string", "size": "number"}]])
        'l{arn:s,size:n}'
    """
    if isinstance(type, str):
        return _CODES[type]
    kind, content, *rest = type
    if kind != "object":
        return _CODES[kind] + code_of_type(content)
    optional: set[str] = set(rest[0]) if rest else set()
    members = (
        f"{name}:{'?' if name in optional else ''}{code_of_type(content[name])}" for name in sorted(content)
    )
    return "{" + ",".join(members) + "}"


@cache
def type_of_code(code: str) -> Type:
    """The type that a code stands for; equal codes give the same object."""
    type, end = _parse(code, 0)
    if end != len(code):
        raise ValueError(f"not a type code: {code!r}")
    return type


def _parse(code: str, start: int) -> tuple[Type, int]:
    letter = code[start]
    if letter in _PRIMITIVES:
        return Type(_PRIMITIVES[letter]), start + 1
    if letter in _COLLECTIONS:
        element, end = _parse(code, start + 1)
        return Type(_COLLECTIONS[letter], element), end
    fields: dict[str, Type] = {}
    optional: set[str] = set()
    position = start + 1
    while code[position] != "}":
        colon = code.index(":", position)
        name, position = code[position:colon], colon + 1
        if code[position] == "?":
            optional.add(name)
            position += 1
        fields[name], position = _parse(code, position)
        position += code[position] == ","
    return Type("object", None, MappingProxyType(fields), frozenset(optional)), position + 1
