"""Whether a value that a user wrote is a mapping or a list, said so that a type checker follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping, for example a dict."""
    return type(value) is dict or isinstance(value, Mapping)  # the usual one first: an abstract class is slow to ask


def is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)


def is_set(value: object) -> TypeGuard[set[Any] | frozenset[Any]]:
    """Whether it is a set."""
    return isinstance(value, set | frozenset)
