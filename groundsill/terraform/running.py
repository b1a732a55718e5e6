"""A run of Terraform that outlived the command that started it: found, and waited for.

The run writes its own process id before it becomes Terraform, so that there is no moment at which it works and nobody
can find it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDING = ("/bin/sh", "-c", 'echo "$$" > "$0" && exec "$@"')
"""Comes before the path of the record and the program: the shell is replaced by the program and keeps its number."""
_NAME = "running.pid"
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
