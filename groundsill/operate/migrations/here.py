"""Migrations of the system that runs on this machine: asked through the daemon, which runs its functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.migration import Migration
from groundsill.ground.control import StateFolder
from groundsill.ground.door import DoorClient, DoorError, DoorTimeout
from groundsill.operate.migrations.place import WAIT_SECONDS, Called, no_answer


class Here:
    """The running system.

    Arguments:
        state: its state folder.
    """

    words = "on this machine"

    def __init__(self, state: StateFolder) -> None:
        self._client = DoorClient(state.path)

    @property
    def migrations(self) -> list[Migration]:
        """Every one that the running system has, in order."""
        try:
            return [Migration(**item) for item in self._client.migrations()]
        except DoorError as error:
            raise GroundsillError(_silent(error)) from error

    def call(self, migration: Migration, event: Mapping[str, Any]) -> Called:
        """Call the function in the running system."""
        try:
            given = self._client.command(migration.component, event, migration.timeout + WAIT_SECONDS)
        except DoorTimeout as error:
            raise GroundsillError(no_answer(migration, str(error))) from error
        except DoorError as error:
            raise GroundsillError(_silent(error)) from error
        return Called(str(given["payload"]), bool(given["failed"]), tuple(given["log"]), float(given["seconds"]))


def _silent(error: DoorError) -> Diagnostic:
    return Diagnostic("GS2206", "the running system cannot be asked about its migrations", detail=str(error),
                      mend="stop it with `groundsill down` and start it again with `groundsill up`; its data stays")
