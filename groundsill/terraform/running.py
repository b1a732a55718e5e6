"""A run of Terraform that outlived the command that started it: found, and waited for; and one that was killed: noted.

The run writes its own process id before it becomes Terraform, so that there is no moment at which it works and nobody
can find it. Where it comes to an end in good order its record is taken away; so a record without a process is one that
was killed, and what it held is nobody's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORDING = ("/bin/sh", "-c", 'echo "$$" > "$0" && exec "$@"')
"""Comes before the path of the record and the program: the shell is replaced by the program and keeps its number."""
_NAME = "running.pid"
_DIED = "died"
_POLL_SECONDS = 0.1


def record_path(directory: Path) -> Path:
    """Where a run in this folder says which process it is."""
    return directory.absolute() / _NAME


def earlier_run(directory: Path) -> int | None:
    """The process of a run that goes on in this folder; None where there is none.

    A process that only has the number of an earlier run is not taken for it: it would have to be at work in this folder.
    """
    try:
        pid = int(record_path(directory).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if _works_in(pid, directory) else None


def collect_dead(directory: Path, *, killed: bool = False) -> None:
    """Note a run that was killed, and end what it left behind: a provider goes on when its Terraform is gone.

    Arguments:
        directory: the folder it worked in.
        killed: whether the run that has a record is known to be dead; else that is found out.
    """
    record = record_path(directory)
    try:
        began = record.stat().st_mtime
    except OSError:
        return
    if not killed and earlier_run(directory) is not None:
        return
    with contextlib.suppress(OSError), (directory / _DIED).open("a", encoding="ascii") as file:
        file.write(f"{began}\n")
    record.unlink(missing_ok=True)
    for pid in _providers_in(directory):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _providers_in(directory: Path) -> Iterator[int]:
    here = directory.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text(encoding="utf-8").startswith("terraform-prov") \
                    and (process / "cwd").readlink() == here:
                yield int(process.name)


def dead_runs(directory: Path) -> list[datetime]:
    """When each run began that was killed in this folder and whose lock may still be there."""
    try:
        lines = (directory / _DIED).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
    return [datetime.fromtimestamp(float(line), UTC) for line in lines if line.replace(".", "", 1).isdigit()]


def forget_dead(directory: Path) -> None:
    """The lock was taken since, so no run that was killed holds it."""
    (directory / _DIED).unlink(missing_ok=True)


def _works_in(pid: int, directory: Path) -> bool:
    process = Path("/proc") / str(pid)
    try:
        if process.exists():
            state = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            return state not in "ZX" and (process / "cwd").readlink() == directory.resolve()
    except (OSError, IndexError):
        return False
    if Path("/proc/self").exists():
        return False
    done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return "terraform" in done.stdout or "tofu" in done.stdout


def runs_elsewhere(configuration: Path) -> bool:
    """Whether a Terraform on this machine works on the state that a configuration names, as far as this user can see.

    Arguments:
        configuration: ``main.tf.json``. A run with other content under ``terraform.backend`` works on another state.
    """
    mine = _backend(configuration)
    done = subprocess.run(["ps", "-A", "-o", "pid=,comm="], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode != 0:
        return True
    for line in done.stdout.splitlines():
        pid, _, name = line.strip().partition(" ")
        if Path(name.strip()).name not in ("terraform", "tofu"):
            continue
        try:
            folder = (Path("/proc") / pid / "cwd").readlink()
        except FileNotFoundError:
            if Path("/proc/self").exists():
                continue  # it has ended meanwhile
            return True
        except OSError:
            continue  # another user's: the lock would say so
        if _backend(folder / configuration.name) == mine:
            return True
    return False


def _backend(configuration: Path) -> Any:
    try:
        return json.loads(configuration.read_text(encoding="utf-8"))["terraform"]["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def wait_for_earlier(directory: Path, say: Callable[[str], None] | None = None) -> bool:
    """Wait for the end of a run whose command is gone: it finishes what it does and writes its state.

    Arguments:
        directory: the folder it works in.
        say: called once where there is something to wait for.

    Returns:
        Whether there was one.
    """
    pid = earlier_run(directory)
    if pid is None:
        return False
    if say:
        say(f"An earlier run goes on (process {pid}): waiting for its end.")
    while earlier_run(directory) == pid:
        time.sleep(_POLL_SECONDS)
    return True
