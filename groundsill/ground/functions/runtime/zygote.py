"""The fork server: an interpreter that has imported the AWS SDK once and forks a worker in a few
milliseconds.

It never imports the user's code and starts no thread, so that forking it is safe. It ends, and ends every
worker, when the supervisor's end of its socket closes, however the supervisor died.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from typing import Any

from . import sdk

LENGTH = struct.Struct("!I")
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def main(control_fd: int, preload: list[str]) -> None:
    """Serves fork requests until the supervisor is gone.

    Arguments:
        control_fd: the inherited socket to the supervisor.
        preload: modules to import beforehand; those that are not installed are skipped.
    """
    control = socket.socket(fileno=control_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in preload:
        try:
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
        except ImportError:
            continue
    from . import worker as _  # imported here, once, for every worker

    if "botocore" in sys.modules and not os.environ.get(sdk.PLAIN):
        sdk.install()
    gc.collect()
    gc.freeze()
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ignore)
    # A handler that is only waited for must not make a blocked read of the control socket fail.
    signal.siginterrupt(signal.SIGCHLD, False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    children: set[int] = set()
    try:
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    if not _fork_one(control, children, (wake_read, wake_write), selector):
                        return
                else:
                    try:
                        wake_read.recv(4096)
                    except BlockingIOError:
                        pass
                    _report_exits(control, children)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        for pid in children:
            _kill(pid)


def _ignore(signum: int, frame: Any) -> None:
    del signum, frame


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    encoded = json.dumps(message).encode()
    control.sendall(LENGTH.pack(len(encoded)) + encoded)


def _report_exits(control: socket.socket, children: set[int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        children.discard(pid)
        _say(control, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    prefix, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 2)
    while prefix and len(prefix) < LENGTH.size:
        prefix += control.recv(LENGTH.size - len(prefix))
    if not prefix:
        return None
    (size,) = LENGTH.unpack(prefix)
    body = bytearray()
    while len(body) < size:
        chunk = control.recv(size - len(body))
        if not chunk:
            return None
        body += chunk
    return json.loads(body), descriptors


def _fork_one(
    control: socket.socket,
    children: set[int],
    wake: tuple[socket.socket, socket.socket],
    selector: selectors.BaseSelector,
) -> bool:
    received = _receive(control)
    if received is None:
        return False
    told, (worker_fd, output_fd) = received
    zygote_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            selector.close()
            control.close()
            signal.set_wakeup_fd(-1)
            for end in wake:
                end.close()
            code = _become_worker(told, worker_fd, output_fd, zygote_pid)
        finally:
            os._exit(code)
    children.add(pid)
    os.close(worker_fd)
    os.close(output_fd)
    _say(control, {"forked": pid})
    return True


def _die_with(parent: int, name: str) -> None:
    if sys.platform == "linux":
        import ctypes

        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # What ``ps`` and ``top`` show for it, in 15 characters.
        system.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _limit_memory(megabytes: int) -> None:
    # The supervisor measures the resident memory and ends a worker above its memory size. This is only the
    # stop for a single allocation that is far beyond it, which would otherwise take the machine down between
    # two measurements.
    import resource

    limit = max(2 * megabytes, megabytes + 1024) * 1024 * 1024
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ValueError, OSError):
        return


def _become_worker(told: dict[str, Any], worker_fd: int, output_fd: int, zygote_pid: int) -> int:
    _die_with(zygote_pid, told["environment"]["AWS_LAMBDA_FUNCTION_NAME"])
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(null)
    os.close(output_fd)
    os.set_inheritable(worker_fd, False)
    told["plain_sdk"] = bool(os.environ.get(sdk.PLAIN))
    os.environ.clear()
    os.environ.update(told["environment"])
    time.tzset()
    os.chdir(told["code_directory"])
    _limit_memory(told["memory_megabytes"])
    from .worker import Worker

    connection = socket.socket(fileno=worker_fd)
    try:
        Worker(connection, told).run()
    except SystemExit as error:
        _flush()
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except (BrokenPipeError, ConnectionResetError):
        return 0
    except BaseException:  # noqa: BLE001
        import traceback

        traceback.print_exc()
        _flush()
        return 1
    _flush()
    return 0


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
