"""What an evaluation is told: what names mean where an expression stands, and what the configuration says as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from groundsill.graph.diagnostics import did_you_mean
from groundsill.graph.reference import Reference
from groundsill.graph.shapes import is_mapping
from groundsill.sources.hcl.syntax import Expression
from groundsill.sources.terraform.values import EvaluationError, SetOf, TooLargeError

ABSENT = object()
"""Stands where the configuration says nothing."""


class OutOfWorkError(TooLargeError):
    """The whole configuration takes more steps than any has."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A name that is only the beginning of one, such as ``var`` or ``data.aws_vpc``."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handle:
    """A module instance as a value: its outputs are its attributes."""

    module: Names


class Names(Protocol):
    """What gives names their meaning: an instance of a module."""

    address: str

    def named(self, path: tuple[str, ...], name: str) -> Any:
        """The value of ``path.name``."""
        ...

    def output(self, name: str) -> Any:
        """The value of an output."""
        ...


class World(Protocol):
    """What an evaluation asks about the configuration as a whole."""

    def lookup(self, reference: Reference) -> Any:
        """What the configuration says that a reference will be, or ``ABSENT``."""
        ...

    def attribute(self, reference: Reference, name: str) -> Any:
        """The attribute of a resource as a value."""
        ...

    def unexpanded(self, address: str) -> bool:
        """Whether nobody knows how many instances a resource has."""
        ...

    def readable(self, path: str) -> Path:
        """A file that may be read."""
        ...

    def template(self, path: Path) -> Expression:
        """A template's file as an expression."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands.

    Arguments:
        module: the module instance.
        names: variables of loops, ``each``, ``count`` and ``self``.
    """

    module: Names
    names: Mapping[str, Any]

    def having(self, **names: Any) -> Scope:
        """The scope with further names."""
        return Scope(self.module, {**self.names, **names})


class UndeclaredError(EvaluationError):
    """A name that nothing declares.

    Arguments:
        summary: what is not there.
        mend: what may have been meant.
    """

    def __init__(self, summary: str, mend: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.mend = mend

    @classmethod
    def of(cls, what: str, name: str, known: Any) -> UndeclaredError:
        """The error that there is no such name, with the nearest one."""
        return cls(f"there is no {what} `{name}`", did_you_mean(name, known, what=f"Known {what}s"))


def pairs(collection: Any) -> Iterable[tuple[Any, Any]]:
    """Keys and members as a loop goes through them: a map by its keys in order, a set by its members themselves."""
    if is_mapping(collection):
        return [(key, collection[key]) for key in sorted(collection)]
    if isinstance(collection, SetOf):
        return [(member, member) for member in collection]
    members: list[Any] = collection
    return enumerate(members)
