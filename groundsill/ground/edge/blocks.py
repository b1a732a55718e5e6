"""Reading Terraform's nested blocks, which are a list of mappings, one mapping, or absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def blocks(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Every nested block of a name.

    Example:
        >>> blocks({"condition": [{"a": 1}]}, "condition")
        [{'a': 1}]
        >>> blocks({}, "condition")
        []
    """
    value = given.get(name)
    if not value:
        return []
    if isinstance(value, Mapping):
        return [cast("Mapping[str, Any]", value)]
    return list(cast("list[Mapping[str, Any]]", value))


def block(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The first nested block of a name, or an empty mapping."""
    found = blocks(given, name)
    return found[0] if found else {}


def texts(given: Mapping[str, Any], name: str) -> dict[str, str]:
    """A map argument, every value as text."""
    value = cast("Mapping[str, Any]", given.get(name) or {})
    return {str(key): str(entry) for key, entry in value.items()}
