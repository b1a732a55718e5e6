"""One line for each AWS call, so that a console or a log command can show what a system does.

Each line is a JSON object: ``time`` (epoch seconds), ``service``, ``action``, ``resource`` (when known), ``caller``
(role name, ``groundsill`` for the ground itself, empty for unsigned calls), ``status``, ``error`` (AWS error code, when
refused or failed) and ``ms`` (time in the server).
"""

from __future__ import annotations

import time
from pathlib import Path

import orjson

KEEP_BYTES = 64 * 1024 * 1024
"""A record above this is renamed to ``.1`` (replacing an older one) and begun anew."""


class Observer:
    """Writes the record of calls. Lines are gathered and written at most every quarter of a second by `write`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._lines: list[bytes] = []

    def call(self, service: str, action: str, resource: str, caller: str, status: int, error: str,
             seconds: float) -> None:
        """Note one call."""
        record: dict[str, object] = {"time": round(time.time(), 3), "service": service, "action": action,
                                     "caller": caller, "status": status, "ms": round(seconds * 1000, 2)}
        if resource:
            record["resource"] = resource
        if error:
            record["error"] = error
        self._lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    def write(self) -> None:
        """Hand the gathered lines to the file."""
        if not self._lines:
            return
        text = b"".join(self._lines)
        self._lines.clear()
        try:
            self._file.write(text)
            self._size += len(text)
            if self._size > KEEP_BYTES:
                self._file.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._file = self._path.open("ab", buffering=0)
                self._size = 0
        except OSError:
            pass  # a full disk must not fail the calls that it describes
