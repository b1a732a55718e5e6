"""Reading the log files of a stage: the last lines of all components in order of time, and new ones as they come.

A file is ``<component>.jsonl`` with one JSON object a line; one that has grown large is renamed to ``.jsonl.1`` and
begun anew.
"""

from __future__ import annotations

import heapq
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

_BLOCK = 64 * 1024
_SUFFIX, _OLDER = ".jsonl", ".1"
# The record of AWS calls has a form of its own: it is for the console.
_NOT_LOGS = frozenset({"aws-calls"})

LogLine = dict[str, Any]


def components(folder: Path) -> list[str]:
    """Names of the log files: of every component that has written something."""
    if not folder.is_dir():
        return []
    return sorted(path.stem for path in folder.glob(f"*{_SUFFIX}") if path.stem not in _NOT_LOGS)


def file_stem(component: str) -> str:
    """The name of a component's file, without suffix."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", component) or "system"


def last_lines(folder: Path, only: Collection[str] = (), *, since: str = "", most: int | None = None) -> list[LogLine]:
    """The latest lines of all files, oldest first.

    Arguments:
        folder: the log folder.
        only: components; all where empty.
        since: UTC time in the form of the lines; older ones are left out. Default all.
        most: how many lines; default all.
    """
    files = [path for path in _files(folder) if not only or path.stem in {file_stem(name) for name in only}]
    merged = heapq.merge(*(_backwards(path, since) for path in files), key=lambda line: line["time"], reverse=True)
    return list(islice(merged, most))[::-1]


def _files(folder: Path) -> list[Path]:
    return [folder / f"{name}{_SUFFIX}" for name in components(folder)]


def _backwards(path: Path, since: str) -> Iterator[LogLine]:
    for part in (path, path.with_name(path.name + _OLDER)):
        for raw in _raw_backwards(part):
            line = _parsed(raw)
            if line is None:
                continue
            if line["time"] < since:
                return
            yield line


def _raw_backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, last one first, reading no more of it than is asked for."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position, rest = file.seek(0, os.SEEK_END), b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            rest, *whole = (file.read(size) + rest).split(b"\n")
            yield from reversed(whole)
        yield rest


def _parsed(raw: bytes) -> LogLine | None:
    if not raw.strip():
        return None
    try:
        content = json.loads(raw)
    except ValueError:
        return None  # cut off by a crash of the machine
    if not isinstance(content, dict):
        return None
    line = cast("LogLine", content)
    return line if isinstance(line.get("time"), str) and "message" in line else None


@dataclass(slots=True)
class _Open:
    file: BinaryIO
    node: tuple[int, int]
    rest: bytes = b""

    def read(self) -> Iterator[LogLine]:
        """What has been added; an unfinished line is kept until it is finished."""
        if self.file.tell() > os.fstat(self.file.fileno()).st_size:
            self.file.seek(0)  # it was cut to nothing and begun anew
            self.rest = b""
        *whole, self.rest = (self.rest + self.file.read()).split(b"\n")
        return (line for line in map(_parsed, whole) if line is not None)


@dataclass(slots=True)
class Follower:
    """New lines since it was made, of files that exist and of those that come.

    Arguments:
        folder: the log folder; it may not exist yet.
        only: components; all where empty.
    """

    folder: Path
    only: Collection[str] = ()
    _open: dict[Path, _Open] = field(default_factory=dict[Path, _Open])

    def __post_init__(self) -> None:
        for path in self._wanted():
            opened = self._opened(path)
            if opened is not None:
                opened.file.seek(0, os.SEEK_END)
                self._open[path] = opened

    def poll(self) -> list[LogLine]:
        """The new lines, oldest first."""
        found: list[LogLine] = []
        for path in self._wanted():
            known = self._open.get(path)
            if known is None or known.node != _node(path):
                if known is not None:
                    found.extend(known.read())  # the end of a file that was renamed
                    known.file.close()
                known = self._opened(path)
                if known is None:
                    self._open.pop(path, None)
                    continue
                self._open[path] = known
            found.extend(known.read())
        return sorted(found, key=lambda line: line["time"])

    def _wanted(self) -> Iterable[Path]:
        stems = {file_stem(name) for name in self.only}
        return [path for path in {*_files(self.folder), *self._open} if not stems or path.stem in stems]

    @staticmethod
    def _opened(path: Path) -> _Open | None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        status = os.fstat(file.fileno())
        return _Open(file, (status.st_dev, status.st_ino))


def _node(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
