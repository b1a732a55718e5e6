"""Functions of files, which may be those inside the configuration's own folders only."""

from __future__ import annotations

import base64
import hashlib
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.functions.encoding import base64_text
from groundsill.sources.terraform.values import NotKnownError, SetOf, as_map, as_text, fail, make_set

_LARGEST = 32 * 1024 * 1024
_MOST_FILES = 5000


def _content(calling: Calling, path: Any) -> bytes:
    file = calling.readable(as_text(path))
    try:
        if not file.is_file():
            raise NotKnownError  # something may build it before Terraform runs
        if file.stat().st_size > _LARGEST:
            raise NotKnownError
        return file.read_bytes()
    except OSError as error:
        raise NotKnownError from error


def _file(calling: Calling, path: Any) -> str:
    try:
        return _content(calling, path).decode()
    except UnicodeDecodeError:
        return fail("the file is no text")


def _fileexists(calling: Calling, path: Any) -> bool:
    return calling.readable(as_text(path)).is_file()


def _fileset(calling: Calling, folder: Any, pattern: Any) -> SetOf:
    base, wanted = calling.readable(as_text(folder)), as_text(pattern)
    if wanted.startswith(("/", "..")) or "/../" in wanted or not wanted or "\0" in wanted:
        raise NotKnownError
    found: list[str] = []
    try:
        for path in base.glob(wanted):
            calling.spend(1)
            if path.is_file():
                found.append(path.relative_to(base).as_posix())
            if len(found) > _MOST_FILES:
                raise NotKnownError
    except (OSError, ValueError, NotImplementedError) as error:
        raise NotKnownError from error
    return make_set(found)


def _templatefile(calling: Calling, path: Any, variables: Any) -> Any:
    return calling.render(calling.readable(as_text(path)), as_map(variables))


def _digest(name: str, form: Callable[[bytes], str]) -> Function:
    def function(calling: Calling, path: Any) -> str:
        return form(hashlib.new(name, _content(calling, path), usedforsecurity=False).digest())

    return function


def _filebase64(calling: Calling, path: Any) -> str:
    return base64.b64encode(_content(calling, path)).decode()


def _basename(_: Calling, path: Any) -> str:
    return posixpath.basename(as_text(path).rstrip("/"))


def _dirname(_: Calling, path: Any) -> str:
    return posixpath.dirname(as_text(path)) or "."


def _abspath(_: Calling, path: Any) -> str:
    del path
    raise NotKnownError  # differs from machine to machine


def content_of(path: Path) -> str:
    """A template's text.

    Raises:
        NotKnownError: where there is none.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise NotKnownError
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise NotKnownError from error


FUNCTIONS: dict[str, Function] = {
    "abspath": _abspath,
    "basename": _basename,
    "dirname": _dirname,
    "file": _file,
    "filebase64": _filebase64,
    "filebase64sha256": _digest("sha256", base64_text),
    "filebase64sha512": _digest("sha512", base64_text),
    "fileexists": _fileexists,
    "filemd5": _digest("md5", bytes.hex),
    "fileset": _fileset,
    "filesha1": _digest("sha1", bytes.hex),
    "filesha256": _digest("sha256", bytes.hex),
    "filesha512": _digest("sha512", bytes.hex),
    "pathexpand": _abspath,
    "templatefile": _templatefile,
}
