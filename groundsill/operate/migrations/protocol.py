"""What a migration's function is told and what it answers; `groundsill.components.Migration` documents it for users."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.migration import Migration, failure_words, told_log
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.operate.migrations.place import Called, Place

_FORM = ('an object with "applied" and "pending", the names of the migrations that the database has and lacks, oldest first, '
         'and after up and down with "done", the names of those that this run has applied or taken back')


class Answer(NamedTuple):
    """What a migration's function has answered.

    Arguments:
        applied: names of the migrations that the database has, oldest first.
        pending: names of those that it has not.
        done: names of those that this run has applied or taken back.
        log: what the function logged.
        seconds: how long it took.
    """

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    done: tuple[str, ...]
    log: tuple[str, ...]
    seconds: float


def ask(place: Place, migration: Migration, command: str, *, last: str = "") -> Answer:
    """Give a migration's function a command.

    Arguments:
        place: where it runs.
        migration: whose function.
        command: ``status``, ``up`` or ``down``.
        last: with ``down``, the name of the migration that is to be taken back.

    Raises:
        GroundsillError: GS2204 where it cannot run there, GS2205 where it has failed, GS2211 where its answer has another
            form, and what the place says where it cannot be called.

    Example:
        ``ask(Here(state), migration, "status").pending``
    """
    if migration.reason:
        raise GroundsillError(Diagnostic(
            "GS2204", f"the migration {migration.component} cannot run here", detail=migration.reason,
            mend="ask a deployed stage instead: --stage NAME"))
    event = {"command": command} | ({"migration": last} if last else {})
    called = place.call(migration, event)
    if called.failed:
        raise GroundsillError(_failed(migration, command, called, place))
    return _read(migration, command, called)


def _failed(migration: Migration, command: str, called: Called, place: Place) -> Diagnostic:
    told = told_log(list(called.log))
    words = failure_words(migration.function, called.payload)
    return Diagnostic(
        "GS2205", f"the migration {migration.component} failed", subject=f"{command} {place.words}",
        detail=f"{words}\n{told}" if told else words,
        mend="mend what it says; `groundsill migrate` shows what is applied now",
    )


def _read(migration: Migration, command: str, called: Called) -> Answer:
    try:
        content: Any = json.loads(called.payload)
    except ValueError:
        content = None
    if not is_mapping(content):
        raise GroundsillError(_other_form(migration, command, called, "it is no object"))
    told = content.get("command", command)
    if told != command:
        raise GroundsillError(_other_form(migration, command, called, f"its command is {told!r}, and it was told {command}"))
    names: dict[str, tuple[str, ...]] = {}
    for key in ("applied", "pending", "done"):
        value: Any = content.get(key, [] if key == "done" and command == "status" else None)
        if not is_list(value) or not all(isinstance(item, str) for item in value):
            raise GroundsillError(_other_form(migration, command, called, f'"{key}" is no list of names'))
        names[key] = tuple(value)
    return Answer(names["applied"], names["pending"], names["done"], called.log, called.seconds)


def _other_form(migration: Migration, command: str, called: Called, why: str) -> Diagnostic:
    shown = called.payload if len(called.payload) <= 500 else f"{called.payload[:500]} ..."
    return Diagnostic(
        "GS2211", f"the answer of the migration {migration.component} has not the form that was agreed",
        detail=f"{migration.function} has run {command} without an error, and answered: {shown}\n{why}",
        mend=f"let it answer {_FORM}",
    )
