"""`groundsill init`: the folder of a new system."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

from groundsill.cli.arguments import Parser
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_SUFFIX = ".template"
_NAME = "{{name}}"
# The form of a system's name: see `groundsill.System`.
_SYSTEM_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.add_argument("name", metavar="NAME", help="of the new folder; its last part is the system's name")
    parser.add_argument("--template", default="http-api", metavar="TEMPLATE",
                        help="what to begin with; http-api (default): a table, two functions and an HTTP API")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Write the folder, whole or not at all."""
    folder = Path(given.name)
    name = folder.resolve().name
    if not _SYSTEM_NAME.fullmatch(name):
        raise GroundsillError(Diagnostic(
            "GS2130", f"{name!r} cannot be the name of a system",
            mend="use lower-case letters, digits and hyphens, at most 40 characters, beginning with a letter",
        ))
    source = _TEMPLATES / given.template.replace("-", "_")
    known = sorted(path.name.replace("_", "-") for path in _TEMPLATES.iterdir() if path.is_dir())
    if given.template not in known:
        raise GroundsillError(Diagnostic(
            "GS2131", f"there is no template `{given.template}`", mend=did_you_mean(given.template, known, what="Templates"),
        ))
    if os.path.lexists(folder):
        raise GroundsillError(Diagnostic(
            "GS2132", f"{folder} exists already", mend="choose another name; nothing was written",
        ))
    files = _write(source, folder, name)
    screen.result(
        "\n".join([f"{screen.style.green('Made')} {screen.style.bold(str(folder))}", *(f"  {file}" for file in files)]),
        {"folder": str(folder.resolve()), "system": name, "template": given.template, "files": files},
    )
    place = shlex.quote(str(folder))
    screen.next_actions({
        f"groundsill up {place}": "run it on this machine",
        f"groundsill synth {place}": "write its Terraform configuration",
    })
    return 0


def _write(source: Path, folder: Path, name: str) -> list[str]:
    beside: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        files: list[str] = []
        for path in sorted(source.rglob(f"*{_SUFFIX}")):
            inside = path.relative_to(source).as_posix().removesuffix(_SUFFIX)
            target = beside / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8").replace(_NAME, name), encoding="utf-8")
            files.append(inside)
        beside.chmod(0o755)  # a temporary folder is its owner's alone
        beside.rename(folder)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS2108", f"cannot write {folder}", detail=str(error))) from error
    finally:
        if beside is not None and beside.exists():
            shutil.rmtree(beside, ignore_errors=True)
    return files
