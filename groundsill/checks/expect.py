"""Rules that ask one argument of a resource for one thing, written as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Rule, Severity
from groundsill.graph.reference import JsonDocument, Reference, Unknown
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.value import Value
from groundsill.graph.view import is_known

_SHOWN = 60


class Wanted(Value):
    """What a value has to be.

    Arguments:
        says: as a report says it, after "it must be": ``true``, ``at least 7``.
        holds: whether a known value is it.
        reference_is_enough: whether a value that only AWS decides is good, as a key's ARN is where any key will do.
    """

    __slots__ = ("says", "holds", "reference_is_enough")  # noqa: RUF023  in the constructor's order

    def __init__(self, says: str, holds: Callable[[Any], bool], reference_is_enough: bool = False) -> None:
        self.says: Final = says
        self.holds: Final = holds
        self.reference_is_enough: Final = reference_is_enough


def truth(value: Any) -> bool:
    """Whether a value is Terraform's ``true``, which it also takes as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def number(value: Any) -> float | None:
    """A number, which Terraform also takes as text; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _at_least(least: float) -> Callable[[Any], bool]:
    return lambda value: (found := number(value)) is None or found >= least


TRUE = Wanted("true", truth)
FALSE = Wanted("false", lambda value: not truth(value))
GIVEN = Wanted("set", lambda value: value not in ("", [], {}), reference_is_enough=True)
NOT_GIVEN = Wanted("left out", lambda value: value in ("", [], {}))


def one_of(*allowed: str) -> Wanted:
    """One of some texts, whatever their case."""
    known = {item.lower() for item in allowed}
    return Wanted(" or ".join(f"`{item}`" for item in allowed), lambda value: str(value).lower() in known)


def none_of(*refused: str) -> Wanted:
    """None of some texts, whatever their case."""
    known = {item.lower() for item in refused}
    return Wanted("other than " + " and ".join(f"`{item}`" for item in refused), lambda value: str(value).lower() not in known)


def at_least(least: float) -> Wanted:
    """A number that is not smaller."""
    return Wanted(f"at least {least:g}", _at_least(least))


def at_most(most: float) -> Wanted:
    """A number that is not greater."""
    return Wanted(f"at most {most:g}", lambda value: (found := number(value)) is None or found <= most)


def shown(value: Any) -> str:
    """A value as a report shows it, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Reference):
        return value.expression
    if isinstance(value, JsonDocument):
        value = value.content
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def expected(
    id: str, severity: Severity, title: str, *types: str, at: str, wanted: Wanted, absent: bool, why: str,
    mend: str, when: Callable[[Context, Resource], bool] | None = None, controls: tuple[str, ...] = (),
    production_only: bool = False, tiers: tuple[str, ...] = (), family: Family = Family.SAFE,
) -> Rule:
    """The rule that one argument of some types is what it has to be.

    Arguments:
        id: its stable name.
        severity: how bad it is.
        title: what is wrong.
        types: Terraform types that are asked.
        at: the argument, with dots from a block inwards: ``metadata_options.http_tokens``.
        wanted: what it has to be.
        absent: whether it is good where it is left out: what AWS or the provider takes then.
        why: the rationale.
        mend: what to do.
        when: which resources are asked; default all.
        controls: ids elsewhere.
        production_only: whether stages that are not production may do otherwise.
        tiers: names of the tiers that ask for it.
        family: the question it answers.

    Example:
        >>> rule = expected("database-public", Severity.CRITICAL, "the database has a public address", "aws_db_instance",
        ...                 at="publicly_accessible", wanted=FALSE, absent=True, why="Anybody can try.", mend="leave it out")
        >>> rule.example
        'publicly_accessible is not false'
    """
    path = tuple(at.split("."))

    def look(context: Context, resource: Resource) -> Iterator[Finding]:
        if when is not None and not when(context, resource):
            return
        finding = judged(context, resource, path, wanted, absent=absent)
        if finding is not None:
            yield finding

    example = f"{at} is not {wanted.says}" if absent else f"{at} is left out, or not {wanted.says}"
    return Rule(id, family, severity, title, why, mend, look, types, controls, production_only, tiers, example)


def judged(context: Context, resource: Resource, path: tuple[str, ...], wanted: Wanted, *, absent: bool) -> Finding | None:
    """The finding about one argument; None where it is as wanted.

    Arguments:
        context: the graph being checked.
        resource: whose argument.
        path: names from the argument inwards.
        wanted: what it has to be.
        absent: whether it is good where it is left out.
    """
    value = context.view.get(resource, *path)
    argument = ".".join(path)
    if value is None:
        return None if absent else Finding(
            resource, f"`{argument}` is not set" + ("" if wanted in (GIVEN, TRUE) else f"; it must be {wanted.says}"),
            attribute=path[0])
    if isinstance(value, Reference | Unknown) or not is_known(value):
        if wanted.reference_is_enough:
            return None
        return Finding(resource, f"`{argument}` is known only after apply", attribute=path[0], unknown=True)
    if wanted.holds(value):
        return None
    said = f"`{argument}` is set" if is_mapping(value) or is_list(value) else f"`{argument}` is {shown(value)}"
    return Finding(resource, f"{said}; it must be {wanted.says}", attribute=path[0])
