"""Importing the user's code: always from its source, and with a note of which files were read.

Python's bytecode cache compares whole seconds and sizes, so a file saved twice within one second can be run
in its old form. Here the user's modules are compiled from their source each time a worker starts. Packages
that were installed into the code directory keep the ordinary, cached way, since they do not change under the
developer's hands.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
import types
from typing import Any

Signature = tuple[str, int, int, int]


def signature(path: str) -> Signature:
    """Path, time of change in nanoseconds, size and inode; zeros when the file is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return (path, 0, 0, 0)
    return (path, status.st_mtime_ns, status.st_size, status.st_ino)


class SourceFiles:
    """The user's files that this process has read, each as it was just before it was read."""

    def __init__(self) -> None:
        self._signatures: dict[str, Signature] = {}
        self._reported = 0
        self._root = ""

    def watch(self, root: str) -> None:
        """Also notes every other file below a directory that is opened for reading, until :meth:`close`:
        templates and settings that a module reads while it is imported."""
        self._root = root + os.sep
        sys.addaudithook(self._audit)

    def close(self) -> None:
        """Ends :meth:`watch`. What a handler opens later may be its own output."""
        self._root = ""

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not self._root:
            return
        path, mode = arguments[0], arguments[1]
        if not isinstance(path, str) or (mode is not None and not str(mode).startswith("r")):
            return
        absolute = os.path.abspath(path)
        if (
            absolute.startswith(self._root)
            and not absolute.endswith(".pyc")
            and "site-packages" not in absolute
        ):
            self.note(absolute)

    def note(self, path: str) -> None:
        self._signatures.setdefault(path, signature(path))

    def news(self) -> list[Signature]:
        """The files noted since the last call."""
        if len(self._signatures) == self._reported:
            return []
        fresh = list(self._signatures.values())[self._reported :]
        self._reported = len(self._signatures)
        return fresh


def installed_names(directory: str) -> set[str]:
    """Top-level names that a package installer put into this directory (``*.dist-info/RECORD``)."""
    names: set[str] = set()
    try:
        entries = os.listdir(directory)
    except OSError:
        return names
    for entry in entries:
        if not entry.endswith(".dist-info"):
            continue
        try:
            with open(os.path.join(directory, entry, "RECORD"), encoding="utf-8") as record:
                names.update(line.split(",", 1)[0].split("/", 1)[0] for line in record)
        except OSError:
            continue
    return names


def install_loader(code_directory: str, files: SourceFiles) -> None:
    """Makes imports below the code directory read the source and note the file.

    Arguments:
        code_directory: absolute path of the directory that the handler is imported from.
        files: where the files read are noted.
    """
    root = os.path.realpath(code_directory)
    installed = installed_names(root)

    class UserSourceLoader(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> types.CodeType | None:
            path = self.get_filename(fullname)
            files.note(path)
            return self.source_to_code(self.get_data(path), path)

    finder = importlib.machinery.FileFinder.path_hook(
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
        (UserSourceLoader, importlib.machinery.SOURCE_SUFFIXES),
        (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
    )

    def hook(path: str) -> Any:
        place = os.path.realpath(path)
        if place != root and not place.startswith(root + os.sep):
            raise ImportError("not the user's code")
        parts = os.path.relpath(place, root).split(os.sep)
        if parts[0] in installed or "site-packages" in parts or parts[0] in (".venv", "venv"):
            raise ImportError("an installed package")
        return finder(path)

    files.watch(root)
    sys.path_hooks.insert(0, hook)
    sys.path.insert(0, code_directory)
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


class HandlerFault(Exception):
    """The handler could not be loaded, in the words of Lambda's Python runtime.

    Arguments:
        type: Lambda's error type, for example ``Runtime.HandlerNotFound``.
        message: the text of ``errorMessage``.
        trace: the lines of ``stackTrace``.
    """

    def __init__(self, type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.type = type
        self.message = message
        self.trace = trace or []


def load_handler(handler: str) -> Any:
    """The function that a handler string such as ``functions.sensor.save`` names.

    Raises:
        HandlerFault: with the types of Lambda's runtime (AWS: "Troubleshoot execution issues in Lambda").
    """
    module_name, separator, function_name = handler.rpartition(".")
    if not separator:
        raise HandlerFault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise HandlerFault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise HandlerFault(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise HandlerFault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace
        ) from error
    try:
        return getattr(module, function_name)
    except AttributeError as error:
        raise HandlerFault(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        ) from error
