"""Terraform's functions, one module a subject.

Source: Terraform documentation, "Built-in Functions". A function is given values whose references have been followed as far
as they are known; it raises `NotKnownError` where it needs what is not known, and `EvaluationError` where Terraform would
refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol


class Calling(Protocol):
    """What a function may ask of the evaluation that calls it."""

    def settle(self, value: Any) -> Any:
        """A value, followed where it is a reference to something known."""
        ...

    def spend(self, amount: int) -> None:
        """Count work, which has an end."""
        ...

    def readable(self, path: str) -> Path:
        """A file that may be read: one inside the configuration's folders."""
        ...

    def render(self, path: Path, variables: Mapping[str, Any]) -> Any:
        """A template's file with values for its names."""
        ...


Function = Callable[..., Any]

UNKNOWABLE = frozenset({
    "timestamp", "plantimestamp", "formatdate", "timeadd", "timecmp", "uuid", "uuidv5", "bcrypt", "rsadecrypt", "yamlencode",
    "yamldecode", "base64gzip", "textdecodebase64", "textencodebase64", "templatestring", "ephemeralasnull", "issensitive",
    "provider::terraform::encode_tfvars", "provider::terraform::decode_tfvars", "provider::terraform::encode_expr", "type",
})
"""Functions of Terraform whose value is known only when it runs, or that nothing here needs."""


@cache
def all_functions() -> Mapping[str, Function]:
    """Every function by name."""
    from groundsill.sources.terraform.functions import collections, encoding, files, networks, numbers, text

    found: dict[str, Function] = {}
    for module in (text, collections, numbers, encoding, networks, files):
        found.update(module.FUNCTIONS)
    return found
