"""Which system and which stage a command is about."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.definition.system import System
    from groundsill.ground.control import StateFolder

_SYSTEM_FILE = "system.py"


@dataclass(frozen=True, slots=True)
class Target:
    """A system's folder and one of its stages.

    Arguments:
        folder: absolute.
        stage: name of the stage.
        words: the words by which the user named both, for the commands that are recommended next.
    """

    folder: Path
    stage: str
    words: str

    @property
    def state(self) -> StateFolder:
        """What the stage keeps on this machine."""
        from groundsill.ground.control import StateFolder

        return StateFolder(self.folder, self.stage)

    def command(self, name: str, *options: str) -> str:
        """A command about the same system and stage, as the user would type it."""
        return " ".join(word for word in ("groundsill", name, self.words, *options) if word)


def system_folder(given: str | None) -> Path:
    """The absolute folder of the system that a command names; the current one where it names none.

    Raises:
        GroundsillError: where there is no such folder or no `system.py` in it.
    """
    path = Path(given or ".")
    folder = (path.parent if path.name == _SYSTEM_FILE else path).resolve()
    if not folder.is_dir():
        raise GroundsillError(Diagnostic("GS2101", f"there is no folder {path}", mend="name the folder of a system"))
    if not (folder / _SYSTEM_FILE).is_file():
        raise GroundsillError(Diagnostic(
            "GS1312", f"there is no {_SYSTEM_FILE} in {path if given else 'the current folder'}",
            mend="name the folder of a system, or make one with `groundsill init NAME`",
        ))
    return folder


def load(folder: Path) -> System:
    """The system that a folder defines.

    Raises:
        GroundsillError: where its definition cannot be read.
    """
    from groundsill.definition.running import load_system

    with words_aside():
        return load_system(folder)


@contextlib.contextmanager
def words_aside() -> Generator[None]:
    """While a definition runs, what it prints goes to standard error: standard output is the command's result.

    Raises:
        GroundsillError: where the definition ends the program.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except SystemExit as error:
        raise GroundsillError(Diagnostic(
            "GS1313", f"the definition ended the program with exit code {error.code}",
            mend="raise an error instead: it is shown with its line",
        )) from error


def target(given: argparse.Namespace) -> Target:
    """The system and the stage of a command that works with what is on this machine.

    The definition is read only where it is needed. One that is broken just now must not keep its running system from
    being stopped or looked at, so then the only stage that has run here is taken.

    Raises:
        GroundsillError: where there is no such system, or no such stage in it.
    """
    from groundsill.ground.control import stages_with_state

    folder = system_folder(given.system)
    known = stages_with_state(folder)
    stage: str | None = given.stage
    if stage is None:
        try:
            stage = load(folder).default_stage
        except GroundsillError:
            if len(known) != 1:
                raise
            stage = known[0]
    elif stage not in known:
        problems = load(folder).problems(stage)
        problems.raise_if_errors()
    return Target(folder, stage, words(given))


def words(given: argparse.Namespace) -> str:
    """The words by which the user named the system and the stage."""
    parts: list[str] = [given.system] if given.system else []
    if given.stage:
        parts += ["--stage", given.stage]
    return shlex.join(parts)
