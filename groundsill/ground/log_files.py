"""The logs of a system on this machine: one file of JSON lines a component."""

from __future__ import annotations

import re
import time
from io import FileIO
from pathlib import Path

import orjson

_MOST_BYTES = 20 * 1024 * 1024


class LogFiles:
    """Appends log lines to a file for each component; a file that has grown large is set aside once.

    Arguments:
        folder: the log folder of the running stage.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}
        self._files: dict[str, FileIO] = {}
        self._sizes: dict[str, int] = {}
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
        try:
            line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # half a surrogate pair, which no file in UTF-8 can hold
            readable = {name: str(value).encode("utf-8", "replace").decode() for name, value in record.items()}
            line = orjson.dumps(readable, option=orjson.OPT_APPEND_NEWLINE)
        self._append(component, line)

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _append(self, component: str, line: bytes) -> None:
        name = self._names.get(component)
        if name is None:
            name = self._names[component] = re.sub(r"[^A-Za-z0-9_.-]", "-", component) or "system"
        file = self._files.get(name)
        if file is None or self._sizes[name] >= _MOST_BYTES:
            file = self._open(name, file)
        # Without a buffer: a reader sees every line at once, and whole.
        file.write(line)
        self._sizes[name] += len(line)

    def _open(self, name: str, file: FileIO | None) -> FileIO:
        path = self._folder / f"{name}.jsonl"
        if file is not None:
            file.close()
        if path.exists() and path.stat().st_size >= _MOST_BYTES:
            path.replace(path.with_suffix(".jsonl.1"))
        opened = self._files[name] = path.open("ab", buffering=0)
        self._sizes[name] = opened.tell()
        return opened
