"""Where migrations are asked, in one form: the running system of this machine, or a deployed stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.migration import Migration

WAIT_SECONDS = 60.0
"""How much longer than a function's timeout its answer is waited for: it may have to start first, or wait for its turn."""


class Called(NamedTuple):
    """What one call has given.

    Arguments:
        payload: what the function answered, or the error in its place.
        failed: whether it raised an error, or was ended.
        log: what it logged, line by line; of a deployed one the last 4 KB.
        seconds: how long it took.
    """

    payload: str
    failed: bool
    log: tuple[str, ...]
    seconds: float


class Place(Protocol):
    """Where migrations are asked."""

    @property
    def words(self) -> str:
        """The place for people, for example ``on this machine``."""
        ...

    @property
    def migrations(self) -> list[Migration]:
        """Every one, in the order in which they run."""
        ...

    def call(self, migration: Migration, event: Mapping[str, Any]) -> Called:
        """Call a migration's function once, and wait for its end.

        Raises:
            GroundsillError: where it cannot be called, or no answer comes.
        """
        ...


def no_answer(migration: Migration, why: str) -> Diagnostic:
    """The error where a call was made and its end is not known."""
    return Diagnostic(
        "GS2207", f"no answer came from the migration {migration.component}", detail=why,
        mend="it may still be running: ask with `groundsill migrate` what is applied before it is run again",
    )
