"""Terraform's folder of one stage: what is written there, who works there, and what an interrupted command left."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.backend import Backend
from groundsill.terraform.engine import Engine, EngineError
from groundsill.terraform.events import Event, OnEvent
from groundsill.terraform.failures import Lock, age, read_lock
from groundsill.terraform.running import collect_dead, dead_runs, earlier_run, runs_elsewhere, wait_for_earlier
from groundsill.terraform.synth import FILE_NAME, write

LOCK_FILE = ".terraform.lock.hcl"
_HELD, _JOURNAL, _READY = "in-use", "journal.json", "initialised"
_UNWRITTEN = "errored.tfstate"
"""Where Terraform puts a state that it could not write: its message "Failed to persist state to backend"."""
_TO_THE_SECOND, _LONGEST_TO_LOCK = -1.0, 120.0
"""Seconds between the begin of a run and its lock, whose time Terraform tells to the second."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Terraform's folder of one stage: ``<system's folder>/.groundsill/<stage>/terraform/``.

    It holds the configuration, the provider, the lock file of providers and, only when that was asked for, the state.
    Other files that are there, for example an ``override.tf.json`` of yours, are left alone and read by Terraform.

    Arguments:
        directory: the folder.
        folder: the system's folder, where the shared copy of the lock file of providers is kept.
        stage: stage name.
    """

    directory: Path
    folder: Path
    stage: str

    # -- who works here ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self, operation: str) -> Generator[None]:
        """Keep other commands of this machine out of the folder.

        Arguments:
            operation: what for, for example ``deploy``.

        Raises:
            GroundsillError: GS3011 where another command works here, with who and since when.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory.parent.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            file = (self.directory / _HELD).open("a+", encoding="utf-8")
        except OSError as error:
            raise GroundsillError(Diagnostic("GS2108", f"cannot write to {self.directory}", detail=str(error))) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise self._in_use(file.read()) from None
            file.truncate(0)
            file.write(json.dumps({"who": who(), "pid": os.getpid(), "operation": operation,
                                   "since": datetime.now(UTC).isoformat(timespec="seconds")}))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def _in_use(self, text: str) -> GroundsillError:
        try:
            facts = json.loads(text)
            since = datetime.fromisoformat(facts["since"])
            detail = (f"held by {facts['who']} (process {facts['pid']}) for {facts['operation']}, "
                      f"since {since:%Y-%m-%d %H:%M:%S} UTC ({age(since)})")
        except (ValueError, KeyError, TypeError):
            detail = "another command has just begun"
        return GroundsillError(Diagnostic(
            "GS3011", f"another command works on {self.stage}", detail=detail,
            mend="wait for it and run the same command again",
        ))

    # -- what is here --------------------------------------------------------------------------------------------------

    def prepare(
        self, engine: Engine, graph: Graph, backend: Backend, *, upgrade: bool = False, on_event: OnEvent | None = None,
    ) -> None:
        """Write the configuration and make it ready for a plan. What is ready already is not done again.

        Arguments:
            engine: Terraform.
            graph: a finished graph without problems.
            backend: where the state is kept.
            upgrade: take the newest provider that fits instead of the lock file's.
            on_event: called with each event.

        Raises:
            GroundsillError: with the cause.
        """
        def say(text: str) -> None:
            if on_event:
                on_event(Event("note", text))

        wait_for_earlier(self.directory, say)
        collect_dead(self.directory)
        try:
            path = write(graph, self.directory, backend=backend.configuration)
        except OSError as error:
            raise GroundsillError(Diagnostic("GS2108", f"cannot write to {self.directory}", detail=str(error))) from error
        shared = self.folder / LOCK_FILE
        own = self.directory / LOCK_FILE
        if shared.is_file() and not upgrade and (not own.is_file() or own.read_bytes() != shared.read_bytes()):
            shutil.copyfile(shared, own)
        stamp = self._stamp(engine, json.loads(path.read_text(encoding="utf-8")))
        ready = self.directory / _READY
        if not upgrade and own.is_file() and ready.is_file() and ready.read_text(encoding="utf-8") == stamp \
                and (self.directory / ".terraform" / "providers").is_dir():
            self._push_unwritten(engine, say)
            return
        ready.unlink(missing_ok=True)
        engine.init(self.directory, reconfigure=True, upgrade=upgrade, on_event=on_event)
        # A lock file that was made from a folder of this machine knows this platform alone: others could not use it.
        if own.is_file() and "zh:" in own.read_text(encoding="utf-8") and (upgrade or not shared.is_file()):
            beside = shared.with_name(f"{shared.name}.{os.getpid()}")
            shutil.copyfile(own, beside)
            beside.replace(shared)
        ready.write_text(self._stamp(engine, json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
        self._push_unwritten(engine, say)

    def _push_unwritten(self, engine: Engine, say: Callable[[str], None]) -> None:
        """Write the state of an apply whose end the backend did not take; Terraform refuses where it has changed since."""
        file = self.directory / _UNWRITTEN
        if not file.is_file():
            return
        engine.state_push(self.directory, file)
        file.unlink()
        say("Wrote the state of the last apply, which could not be written then.")

    def _stamp(self, engine: Engine, configuration: Mapping[str, Any]) -> str:
        lock = self.directory / LOCK_FILE
        overrides = sorted(self.directory.glob("*.tf*"))
        parts = [str(engine.binary), str(engine.version), json.dumps(configuration["terraform"], sort_keys=True),
                 lock.read_text(encoding="utf-8") if lock.is_file() else "",
                 *(path.read_text(encoding="utf-8") for path in overrides if "override" in path.name)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    # -- what an interrupted command left ------------------------------------------------------------------------------

    def journal(self) -> dict[str, Any]:
        """What the command that works here, or worked here last and was killed, has noted; empty where there is none."""
        try:
            found = json.loads((self.directory / _JOURNAL).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]

    def begin(self, operation: str) -> dict[str, Any]:
        """Note that a command begins.

        Returns:
            What an earlier one had noted that did not come to its end; empty where there was none.
        """
        earlier = self.journal()
        self.note(who=who(), operation=operation, began=datetime.now(UTC).isoformat(timespec="seconds"))
        return earlier

    def note(self, **facts: Any) -> None:
        """Add to the journal, whole or not at all.

        Raises:
            GroundsillError: GS3010 where it cannot be written.
        """
        path = self.directory / _JOURNAL
        content = {**self.journal(), **facts}
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise GroundsillError(Diagnostic(
                "GS3010", "the progress cannot be noted", detail=str(error),
                mend="free some space and run the same command again: it continues",
            )) from error
        finally:
            beside.unlink(missing_ok=True)

    def finished(self) -> None:
        """The command came to its end, so there is nothing to continue."""
        (self.directory / _JOURNAL).unlink(missing_ok=True)

    def frees_own_lock(self, engine: Engine, error: EngineError) -> Lock | None:
        """Take away the state's lock where a command of this folder left it when its Terraform was killed.

        Nobody else's lock is touched: it must have been taken by this user on this machine as a run of this folder
        began that was killed since, and no Terraform may work on that state here.

        Returns:
            The lock that is gone; None where it was not this folder's own.
        """
        locks = (read_lock(problem.text) for problem in error.problems)
        lock = next((found for found in locks if found is not None), None)
        if lock is None or lock.created is None or lock.who != who():
            return None
        ages = [(lock.created - began).total_seconds() for began in dead_runs(self.directory)]
        if not any(_TO_THE_SECOND <= age <= _LONGEST_TO_LOCK for age in ages):
            return None
        if earlier_run(self.directory) is not None or runs_elsewhere(self.directory / FILE_NAME):
            return None
        engine.force_unlock(self.directory, lock.id)
        return lock


def who() -> str:
    """This user on this machine, in the words of Terraform's own lock."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
