"""How a command reaches the running system of this machine: a local address with a key that only its user can read."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "door.json"
"""Address and key, in the state folder while the system runs."""
KEY_HEADER = "x-groundsill-key"
_LIST_SECONDS = 30.0


class DoorError(Exception):
    """The running system does not answer as it should."""


class DoorTimeout(DoorError):
    """No answer came in time; what was asked for may still go on."""


class DoorClient:
    """A command's side.

    Arguments:
        folder: the state folder of a running system.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME

    def migrations(self) -> list[Mapping[str, Any]]:
        """Every migration of the running system, with the fields of `graph.migration.Migration`; none where it has none.

        Raises:
            DoorError: where it does not answer.
        """
        if not self._file.exists():
            return []
        return self._ask("GET", "/migrations", _LIST_SECONDS)

    def command(self, component: str, event: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """Call a migration's function, and wait for what it gives; see `Migrations.command`.

        Arguments:
            component: of the migration.
            event: with the command.
            seconds: how long to wait.

        Raises:
            DoorTimeout: where no answer came.
            DoorError: where it cannot be asked.
        """
        return self._ask("POST", f"/migrations/{urllib.parse.quote(component)}", seconds, json.dumps(dict(event)))

    def _ask(self, method: str, path: str, seconds: float, body: str | None = None) -> Any:
        try:
            place: Any = json.loads(self._file.read_text(encoding="utf-8"))
            port, key = int(place["port"]), str(place["key"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DoorError(f"{self._file}: {error}") from error
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.connect()
        except OSError as error:
            raise DoorError(f"nothing answers at port {port}: {error}") from error
        try:
            connection.request(method, path, body, {KEY_HEADER: key, "content-type": "application/json"})
            answer = connection.getresponse()
            content: Any = json.loads(answer.read())
        except TimeoutError as error:
            raise DoorTimeout(f"no answer within {seconds:.0f} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DoorTimeout(f"the answer broke off: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise DoorError(str(content.get("error", content)))
        return content
