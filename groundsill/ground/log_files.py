"""The logs of a system on this machine: one file of JSON lines a component."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TextIO

_MOST_BYTES = 20 * 1024 * 1024


class LogFiles:
    """Appends log lines to a file for each component; a file that has grown large is set aside once.

    Arguments:
        folder: the log folder of the running stage.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, component: str, message: str, *, stream: str = "", level: str = "info", request_id: str = "",
        time_ms: int | None = None,
    ) -> None:
        """Append one line.

        Arguments:
            component: name in the user's definition.
            message: the text.
            stream: log stream, for example one task or one worker of a function.
            level: ``debug``, ``info``, ``warning`` or ``error``.
            request_id: the request it belongs to.
            time_ms: milliseconds since 1970; default now.
        """
        moment = time.time() * 1000 if time_ms is None else time_ms
        record = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment / 1000)) + f".{int(moment) % 1000:03d}Z",
            "component": component, "stream": stream, "level": level, "message": message,
        }
        if request_id:
            record["request_id"] = request_id
        file = self._file(component)
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
        file.flush()

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, component: str) -> TextIO:
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", component) or "system"
        file = self._files.get(name)
        if file is not None and file.tell() < _MOST_BYTES:
            return file
        path = self._folder / f"{name}.jsonl"
        if file is not None:
            file.close()
        if path.exists() and path.stat().st_size >= _MOST_BYTES:
            path.replace(path.with_suffix(".jsonl.1"))
        self._files[name] = path.open("a", encoding="utf-8", errors="replace")
        return self._files[name]
