"""Ends what works in a folder when the command that started it is gone, however it went.

A deployment's Terraform is meant to outlive a killed command and to finish (``process.py``). A rehearsal's is not: its
AWS API is gone with the command, and nobody would ever ask for the result. This is the process that sees to it: its
standard input is a pipe that only the command holds, and the pipe's end is the command's end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

from groundsill.terraform.running import earlier_run

_LAST_LOOK_SECONDS = 2.0
_POLL_SECONDS = 0.05
_WELL = b"."


@contextlib.contextmanager
def guarded(place: Path, *, remove: bool) -> Generator[None]:
    """Let nothing that is run in folders below ``place`` outlive this process.

    Arguments:
        place: the folder.
        remove: whether to remove the folder too, when this process ends without leaving here.
    """
    root = str(Path(__file__).resolve().parents[2])
    guard = subprocess.Popen(
        [sys.executable, "-m", "groundsill.terraform.guard", str(place), *(["--remove"] if remove else [])],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))})
    assert guard.stdin is not None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            guard.stdin.write(_WELL)
            guard.stdin.close()
        guard.wait()


def end_all(place: Path) -> None:
    """End every run of Terraform in folders below ``place``, with the providers that it started.

    Arguments:
        place: the folder. A run says there which process it is before it becomes Terraform.
    """
    for record in place.glob("*/running.pid"):
        pid = earlier_run(record.parent)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # a run leads a group of its own


def main(arguments: list[str]) -> int:
    """The process itself: ``python -m groundsill.terraform.guard FOLDER [--remove]``."""
    place = Path(arguments[0])
    if sys.stdin.buffer.read() == _WELL:
        return 0
    end = time.monotonic() + _LAST_LOOK_SECONDS
    while time.monotonic() < end:  # one that was just being started has not said yet which process it is
        end_all(place)
        time.sleep(_POLL_SECONDS)
    if "--remove" in arguments:
        shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
