"""The first process of a task: starts the command, ends everything that the command started, says how it ended.

It is what `initProcessEnabled` is on Fargate, and more: nothing of a task outlives its main process or the supervisor.
Run as a script by `process.py`, with descriptor, folder and command as arguments. Standard library only, few imports:
it is started for every task.

Told on the descriptor: ``T`` (SIGTERM to the command's process group), ``K`` (SIGKILL to the whole tree), and its end,
which means that the supervisor is gone. Says: ``started PID``, ``failed directory|command ERRNO``, ``exit CODE``,
``signal NUMBER``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# prctl(2)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 3.0


def main() -> None:
    """Run one command until it ends or the supervisor says so."""
    control, directory, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.set_inheritable(control, False)
    control_process = _control_process()
    # Orphans of the command come to this process, so that none can escape by forking twice.
    control_process(_PR_SET_CHILD_SUBREAPER, 1)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    for name in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A handler and not SIG_IGN: the command must not inherit a signal that is ignored.
        signal.signal(name, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    child = _start(control, directory, command, control_process)
    if child is None:
        return
    _say(control, f"started {child}")
    poller = select.poll()
    poller.register(control, select.POLLIN | select.POLLHUP)
    poller.register(wake, select.POLLIN)
    while True:
        outcome = _reap(child)
        if outcome is not None:
            _kill_everything(child)
            _say(control, outcome)
            return
        for descriptor, _ in poller.poll():
            data = _read(descriptor)
            if descriptor == control and not data:
                _kill_everything(child)
                return
            if descriptor == control and b"K" in data:
                _kill_tree(child)
            elif descriptor == control and b"T" in data:
                _signal_group(child, signal.SIGTERM)


def _start(
    control: int, directory: str, command: list[str], control_process: Callable[[int, int], object],
) -> int | None:
    errors, error = os.pipe()
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        what = "directory"
        try:
            os.setsid()
            control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:
                os._exit(1)  # the launcher died before the line above
            for name in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(name, signal.SIG_DFL)  # Python ignores these; programs expect them as they were
            os.chdir(directory)
            what = "command"
            os.execvp(command[0], command)
        except OSError as problem:
            os.write(error, f"{what} {problem.errno}".encode())
        finally:
            os._exit(127)
    os.close(error)
    problem = os.read(errors, 100).decode()
    os.close(errors)
    if problem:
        os.waitpid(child, 0)
        _say(control, f"failed {problem}")
        return None
    return child


def _reap(child: int) -> str | None:
    """Collect what has ended; how the command ended, if it has."""
    outcome = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return outcome
        if pid == 0:
            return outcome
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            outcome = f"signal {-code}" if code < 0 else f"exit {code}"


def _kill_everything(child: int) -> None:
    """SIGKILL until no descendant is left, as when a container's first process ends."""
    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        _kill_tree(child)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _kill_tree(child: int) -> None:
    _signal_group(child, signal.SIGKILL)
    waiting = [os.getpid()]
    while waiting:
        for pid in _children(waiting.pop()):
            waiting.append(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(child) for child in file.read().split()]
    return found


def _signal_group(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, number)


def _control_process() -> Callable[[int, int], object]:
    """`prctl` where there is one (Linux); elsewhere a function that does nothing."""
    if sys.platform != "linux":
        return lambda _option, _value: 0
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda option, value: prctl(option, int(value), 0, 0, 0)


def _say(control: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(control, f"{text}\n".encode())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


if __name__ == "__main__":
    main()
