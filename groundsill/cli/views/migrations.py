"""Migrations for people: one line each, with what has become of it."""

from __future__ import annotations

from collections.abc import Iterable

from groundsill.cli.views.logs import clean
from groundsill.cli.views.style import Style
from groundsill.graph.migration import Migration
from groundsill.operate.migrations.protocol import Answer

_DONE = {"up": "applied now", "down": "taken back now"}


def render(answers: Iterable[tuple[Migration, Answer]], command: str, style: Style) -> str:
    """A table for each component: its migrations in order, applied ones first."""
    return "\n\n".join(_table(migration, answer, command, style) for migration, answer in answers)


def _table(migration: Migration, answer: Answer, command: str, style: Style) -> str:
    done = set(answer.done)
    rows = [(name, _DONE.get(command, "applied") if name in done and command == "up" else "applied") for name in answer.applied]
    rows += [(name, _DONE.get(command, "pending") if name in done and command == "down" else "pending")
             for name in answer.pending]
    # What was taken back and is in the package no more is neither applied nor pending.
    rows += [(name, _DONE.get(command, "done")) for name in answer.done if name not in {*answer.applied, *answer.pending}]
    paint = {"applied": style.green, "pending": style.yellow}
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {clean(name):<{width}}  {paint.get(state, style.bold)(state)}" for name, state in rows]
    head = f"{style.bold(migration.component)}  {style.dim(migration.function)}"
    return "\n".join([head, *(lines or ["  there are no migrations"])])


def log(migration: Migration, lines: Iterable[str], style: Style) -> str:
    """What a function logged, below its name; empty where it said nothing."""
    told = [style.dim(f"  {clean(line)}") for line in lines]
    return "\n".join([style.dim(f"log of {migration.function}:"), *told]) if told else ""


def count_line(answers: Iterable[tuple[Migration, Answer]], command: str) -> str:
    """All of them in one line."""
    counted = [answer for _, answer in answers]
    applied, pending, done = (sum(len(getattr(answer, name)) for answer in counted) for name in ("applied", "pending", "done"))
    first = {"up": f"{done} applied now, ", "down": f"{done} taken back, "}.get(command, "")
    return f"{first}{applied} applied, {pending} pending"
