"""The state folder of a stage on this machine, and the process that runs it: who it is, how it starts, how it stops.

Both sides use this: the daemon writes its record here, and every command finds the running system by it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError

STATE_FOLDER = ".groundsill"
DAEMON = (sys.executable, "-m", "groundsill.ground.daemon")
_GROUND, _PROCESS, _LOCK = "ground.json", "process.json", "start.lock"
_STAGE_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# Terraform's state may be below `terraform`, and a wiped system should be found at the addresses it had.
_KEPT_BY_WIPE = frozenset({"terraform", "ports.json", _LOCK})
_POLL_SECONDS = 0.02
_KILLED_SECONDS = 5.0
_LOCK_SECONDS = 10.0


class StateFolder:
    """Everything that one stage of one system keeps on this machine: ``<system folder>/.groundsill/<stage>/``.

    Arguments:
        system: the system's folder.
        stage: stage name.

    Raises:
        GroundsillError: where the stage's name cannot be the name of a folder.

    Example:
        >>> StateFolder(Path("/home/me/shop"), "dev").logs
        PosixPath('/home/me/shop/.groundsill/dev/logs')
    """

    def __init__(self, system: Path, stage: str) -> None:
        if not _STAGE_FORM.fullmatch(stage):
            raise GroundsillError(Diagnostic(
                "GS2010", f"{stage!r} cannot be the name of a stage", mend="use letters, digits, hyphens and underscores",
            ))
        self.system = system
        self.stage = stage
        self.path = system / STATE_FOLDER / stage

    @property
    def ground_file(self) -> Path:
        """The record of the running system; exists while it answers."""
        return self.path / _GROUND

    @property
    def logs(self) -> Path:
        """One file of JSON lines a component."""
        return self.path / "logs"

    @property
    def data(self) -> Path:
        """What tables, queues, buckets and databases hold."""
        return self.path / "data"

    @property
    def terraform(self) -> Path:
        """Where `groundsill synth` writes when it is told no other place."""
        return self.path / "terraform"

    @property
    def daemon_log(self) -> Path:
        """Standard error of the process that holds the system."""
        return self.path / "daemon.log"

    # -- the record ----------------------------------------------------------------------------------------------------

    def write_ground(self, facts: Mapping[str, Any]) -> None:
        """Write the record of the running system, whole or not at all.

        Arguments:
            facts: as the daemon's ``ready`` event; ``pid`` must be among them. What tells this process from a later one
                with the same number is added.
        """
        write_whole(self.ground_file, json.dumps({**facts, "process": identity(int(facts["pid"]))}, indent=1) + "\n")

    def read_ground(self) -> dict[str, Any] | None:
        """The record, or None where there is none. It may be left over from a crash: see :meth:`running`."""
        return _read(self.ground_file)

    def forget_ground(self) -> None:
        """Remove the record: the system does not answer any more."""
        for name in (_GROUND, _PROCESS):
            (self.path / name).unlink(missing_ok=True)

    def running(self) -> dict[str, Any] | None:
        """The record of a system that runs now; None where none runs or it is not ready yet."""
        facts = self.read_ground()
        return facts if facts is not None and _is_alive(facts) else None

    def pid(self) -> int | None:
        """The process that holds the system, ready or starting; None where there is none.

        A process that only has the number of an earlier one is not taken for it.
        """
        for record in (self.read_ground(), _read(self.path / _PROCESS)):
            if record is not None and _is_alive(record):
                return int(record["pid"])
        return None

    def is_running(self) -> bool:
        """Whether a process holds the system now, ready or starting."""
        return self.pid() is not None

    # -- the process ---------------------------------------------------------------------------------------------------

    def start(self, arguments: Sequence[str] = ()) -> subprocess.Popen[str] | None:
        """Start the daemon in a session of its own. Its standard output carries the events: see :func:`events`.

        Arguments:
            arguments: further ones of the daemon, for example ``["--port", "8080"]``.

        Returns:
            The process; None where one holds the system already, also one that another terminal started just now.

        Raises:
            GroundsillError: where the folder cannot be written or another start does not come to an end.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            with self._lock(), self.daemon_log.open("ab") as log:
                if self.is_running():
                    return None
                self.forget_ground()
                process = subprocess.Popen(
                    [*DAEMON, "--system", str(self.system), "--stage", self.stage, *arguments],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                    text=True, encoding="utf-8", errors="replace", bufsize=1,
                )
                try:
                    record = {"pid": process.pid, "process": identity(process.pid)}
                    write_whole(self.path / _PROCESS, json.dumps(record) + "\n")
                except BaseException:
                    # Also Ctrl-C: a process that nobody knows of would run on for ever.
                    process.kill()
                    raise
                return process
        except OSError as error:
            raise GroundsillError(Diagnostic(
                "GS2011", "the system's state folder cannot be used", detail=f"{self.path}: {error}",
                mend="the folder of the system must be writable",
            )) from error

    def stop(self, timeout: float = 20.0, on_progress: Callable[[str, float], None] | None = None) -> bool:
        """Stop the system: ask, wait, and end it by force where it does not go.

        Arguments:
            timeout: seconds that it may take to end by itself.
            on_progress: called some times a second with ``stopping`` or ``killing`` and the seconds since.

        Returns:
            Whether there was one to stop.

        Raises:
            GroundsillError: where the process may not be stopped or does not end even by force.
        """
        pid = self.pid()
        if pid is None:
            self.forget_ground()
            return False
        mark = identity(pid)
        for word, number, patience in (
            ("stopping", signal.SIGTERM, timeout), ("killing", signal.SIGKILL, _KILLED_SECONDS),
        ):
            self._send(pid, number)
            started = time.monotonic()
            while (waited := time.monotonic() - started) < patience:
                if not _is_same(pid, mark):
                    self.forget_ground()
                    return True
                if on_progress:
                    on_progress(word, waited)
                time.sleep(_POLL_SECONDS)
        raise GroundsillError(Diagnostic("GS2012", f"process {pid} does not end", mend=f"look at it with `ps -p {pid}`"))

    def kill(self) -> None:
        """End the system by force, at once."""
        pid = self.pid()
        if pid is not None:
            self._send(pid, signal.SIGKILL)

    def wipe(self) -> list[str]:
        """Delete data, logs and all else that running here has left; not what Terraform keeps.

        Returns:
            Names of what was deleted.

        Raises:
            GroundsillError: while the system runs, or where something cannot be deleted.
        """
        if self.is_running():
            raise GroundsillError(Diagnostic(
                "GS2013", "the data of a running system cannot be deleted", mend="stop it first: `groundsill down`",
            ))
        if not self.path.is_dir():
            return []
        deleted: list[str] = []
        try:
            for entry in sorted(self.path.iterdir()):
                if entry.name in _KEPT_BY_WIPE:
                    continue
                deleted.append(entry.name)
                if entry.is_dir() and not entry.is_symlink():
                    # Renamed first, so that an interrupted deletion leaves no half of a database to start from.
                    aside = entry if entry.name.startswith(".wiped-") else entry.with_name(f".wiped-{entry.name}")
                    if aside != entry:
                        if aside.exists():
                            shutil.rmtree(aside)
                        entry.rename(aside)
                    shutil.rmtree(aside)
                else:
                    entry.unlink()
        except OSError as error:
            raise GroundsillError(Diagnostic("GS2014", "the data cannot be deleted", detail=str(error))) from error
        return [name for name in deleted if not name.startswith(".wiped-")]

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        try:
            if number is signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, number)  # what it started in its own group must not outlive it
            else:
                os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise GroundsillError(Diagnostic(
                "GS2015", f"process {pid} belongs to somebody else", detail=str(error),
                mend="stop it as the user that started it",
            )) from error

    @contextlib.contextmanager
    def _lock(self) -> Generator[None]:
        """Hold the right to start: of two terminals that start at the same time, one finds the other's process."""
        import fcntl

        with (self.path / _LOCK).open("a") as file:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise GroundsillError(Diagnostic(
                            "GS2016", "another start of this stage does not come to an end", detail=str(self.path),
                        )) from error
                    time.sleep(_POLL_SECONDS)
            yield


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What a starting daemon says, until it is ready, has failed or has ended.

    A line that is no event (a definition may print) comes as ``{"event": "output", "message": line}``.
    """
    assert process.stdout is not None
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event:
            event = {"event": "output", "message": line.rstrip("\n")}
        yield event  # pyright: ignore[reportUnknownVariableType]
        if event["event"] in ("ready", "failed"):
            return


def stages_with_state(system: Path) -> list[str]:
    """Names of the stages that have a state folder on this machine, sorted."""
    folder = system / STATE_FOLDER
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and _STAGE_FORM.fullmatch(entry.name))


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place and rename it, so that nobody reads half of it.

    Raises:
        OSError: where the folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def identity(pid: int) -> str:
    """What tells a process from a later one with the same number: when it started. Empty where it has ended.

    From ``/proc`` where there is one (start time in ticks since boot, and the boot: proc(5)), else from ``ps``.
    """
    try:
        # The name in brackets may hold anything, so fields are counted from its end; the 22nd is the start time.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        if fields[0] in ("Z", "X"):
            return ""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {fields[19]}"
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def _is_same(pid: int, mark: str) -> bool:
    return bool(mark) and identity(pid) == mark


def _is_alive(record: Mapping[str, Any]) -> bool:
    pid, mark = record.get("pid"), record.get("process")
    return isinstance(pid, int) and isinstance(mark, str) and _is_same(pid, mark)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise GroundsillError(Diagnostic(
            "GS2017", "the record of the running system cannot be read", detail=f"{path}: {error}",
            mend="if nothing of it runs any more, delete that file",
        )) from error
    return content if isinstance(content, dict) else None  # pyright: ignore[reportUnknownVariableType]
