"""A child process whose words are read while they come, that outlives its parent's death and stops when asked.

Its output goes to a file that this process follows, not through a pipe. A pipe would break with its reader: were
Groundsill killed in the middle of an apply, Terraform's next line would end it too, before it had written down what
it made. So it goes on to its end, and the next command finds it (`groundsill.terraform.running`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FOLLOW_SECONDS = 0.02
_LONGEST_FOLLOW_SECONDS = 0.1
_KILLED_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Arguments:
        code: its exit code; below 0 the number of the signal that ended it.
        output: standard output, where nobody followed it.
        errors: standard error.
        interrupted: whether it was asked to stop by a Ctrl-C here.
        killed: whether a second one ended it by force.
    """

    code: int
    output: str
    errors: str
    interrupted: bool = False
    killed: bool = False


def run(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], scratch: Path, *,
    on_line: Callable[[str], None] | None = None, on_start: Callable[[int], None] | None = None,
    on_interrupt: Callable[[], None] | None = None, kept: Path | None = None,
) -> Ended:
    """Run a program to its end.

    Ctrl-C asks it once to stop and waits for it; a second Ctrl-C ends it by force. It is in a process group of its
    own, so that the terminal's Ctrl-C comes to it through here alone.

    Arguments:
        command: program and arguments.
        directory: its working directory.
        environment: the whole of its environment.
        scratch: a private folder for its output.
        on_line: called with each line of standard output as it comes.
        on_start: called with its process id.
        on_interrupt: called at the first Ctrl-C.
        kept: file that its standard output is added to, instead of one in ``scratch``: it is there whatever happens to
            this process.

    Raises:
        OSError: where it cannot be started or its output cannot be kept.
    """
    out_path, error_path = kept or scratch / "output", scratch / "errors"
    begin = kept.stat().st_size if kept is not None and kept.exists() else 0
    with _private(out_path, add=kept is not None) as out, _private(error_path) as errors:
        child = subprocess.Popen(
            list(command), cwd=directory, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
            process_group=0,
        )
    interrupted = killed = False
    follower = _Follower(out_path, on_line, begin)
    try:
        if on_start:
            on_start(child.pid)
        while True:
            try:
                _wait(child, follower)
                break
            except KeyboardInterrupt:
                if interrupted:
                    killed = True
                    _kill_group(child)
                    continue
                interrupted = True
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGINT)
                if on_interrupt:
                    on_interrupt()
    except BaseException:
        # A fault of ours: Terraform is asked to stop in good order, not left alone.
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGINT)
            child.wait()
        raise
    finally:
        follower.close()
    output = "" if on_line else _text(out_path)
    return Ended(child.returncode, output, _text(error_path), interrupted, killed)


def _wait(child: subprocess.Popen[bytes], follower: _Follower) -> None:
    pause = _FOLLOW_SECONDS
    while True:
        ended = child.poll() is not None
        found = follower.poll()
        if ended:
            follower.poll(whole=True)
            return
        pause = _FOLLOW_SECONDS if found else min(pause * 1.5, _LONGEST_FOLLOW_SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(pause)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_KILLED_SECONDS)


@contextlib.contextmanager
def _private(path: Path, *, add: bool = False) -> Generator[int]:
    """A file that only its owner can read: a new one, or what is there is added to."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if add else os.O_TRUNC), 0o600)
    try:
        yield number
    finally:
        os.close(number)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


class _Follower:
    """Reads a growing file line by line."""

    def __init__(self, path: Path, on_line: Callable[[str], None] | None, begin: int = 0) -> None:
        self._file = path.open("rb")
        self._file.seek(begin)
        self._on_line = on_line
        self._rest = b""

    def poll(self, *, whole: bool = False) -> bool:
        """Hand on what has come. ``whole``: also a last line without its end."""
        if self._on_line is None:
            return False
        data = self._rest + self._file.read()
        *lines, self._rest = data.split(b"\n")
        if whole and self._rest:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._on_line(line.decode("utf-8", "replace"))
        return bool(lines)

    def close(self) -> None:
        self._file.close()
