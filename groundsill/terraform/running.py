"""A run of Terraform that outlived the command that started it: found, and waited for.

The run writes its own process id before it becomes Terraform, so that there is no moment at which it works and nobody
can find it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

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


def any_run() -> bool:
    """Whether any Terraform or OpenTofu runs on this machine, as far as this user can see."""
    done = subprocess.run(["ps", "-A", "-o", "comm="], capture_output=True, text=True, check=False)  # noqa: S607
    names = {Path(line.strip()).name for line in done.stdout.splitlines()}
    return done.returncode != 0 or not names.isdisjoint(("terraform", "tofu"))


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
