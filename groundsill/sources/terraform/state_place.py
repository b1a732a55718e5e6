"""Where a folder of Terraform says that its state is kept.

Source: Terraform documentation, "Backend block configuration overview" and "Partial configuration".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from groundsill.graph.provider import StatePlace
from groundsill.graph.source import SourceLocation
from groundsill.sources.hcl.syntax import Body, Expression, Literal, Object
from groundsill.sources.terraform.configuration import SUFFIXES, Module, kind_of

_STAGES = re.compile(r"(dev|development|test|qa|uat|stage|staging|prod|production|live)([-_.].*)?\.tfvars(\.json)?")
_BACKEND = re.compile(r'^[ \t]*(?:backend[ \t]+"\w+"|cloud)[ \t]*\{', re.MULTILINE)
_OWN = re.compile(r'^[ \t]*(?:resource|data|module)[ \t]+"', re.MULTILINE)
_WORKSPACE = "terraform.workspace"
_LARGEST = 1_000_000


def state_place(module: Module) -> StatePlace:
    """What the files of a root module say about the state."""
    kind, body, location = _backend(module)
    root = bool(module.providers) or any(module.folder.glob("*.tfvars")) or any(module.folder.glob("*.tfvars.json"))
    return StatePlace(
        kind, {name: _plain(value) for name, value in body.attributes.items()} if body else {}, location, root, _stages(module),
        any(_WORKSPACE in text for text in module.texts), None if kind else _above(module.folder),
    )


def _backend(module: Module) -> tuple[str, Body | None, SourceLocation | None]:
    """Kind and content; that of an override file, which is read last, replaces what is there."""
    found: tuple[str, Body | None, SourceLocation | None] = ("", None, None)
    for settings in module.settings:
        for block in settings.body.blocks:
            if block.type == "cloud":
                found = ("cloud", block.body, block.location)
            elif block.type == "backend":
                kind, body = kind_of(block)
                found = (kind, body, block.location)
    return found


def _plain(value: Expression) -> Any:
    """A literal; any other value of a backend's argument is only known to be there: Terraform allows no variables here."""
    if isinstance(value, Literal):
        return value.value
    return {} if isinstance(value, Object) else value.text


def _stages(module: Module) -> tuple[str, ...]:
    folders = (module.folder, *(module.folder / name for name in ("env", "envs", "environments", "tfvars", "vars")))
    found: dict[str, None] = {}
    for folder in folders:
        if folder.is_dir():
            found.update(dict.fromkeys(sorted(path.name for path in folder.iterdir() if _STAGES.fullmatch(path.name))))
    return tuple(found)


def _above(folder: Path) -> SourceLocation | None:
    """A backend in a folder above that has nothing else: who wrote it there meant it for the folders below."""
    for parent in list(folder.parents)[:2]:
        texts = list(_texts(parent))
        if any(_OWN.search(text) for _, text in texts):
            return None
        for path, text in texts:
            found = _BACKEND.search(text)
            if found:
                return SourceLocation(str(path), text.count("\n", 0, found.start()) + 1)
    return None


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    try:
        files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES) and path.is_file())
    except OSError:
        return
    for path in files[:200]:
        try:
            if path.stat().st_size <= _LARGEST:
                yield path, path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
