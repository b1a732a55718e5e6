"""The supervisor's side of the fork server: starts it, asks it for workers, learns how they ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("!I")
_RUNTIME = Path(__file__).resolve().parent / "runtime"
# Imported before the first fork, so that a cold start does not pay for them. The runtimes of Lambda carry
# boto3 too.
PRELOADED = (
    "asyncio",
    "datetime",
    "decimal",
    "json",
    "logging",
    "uuid",
    "boto3",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.transform",
    "boto3.dynamodb.types",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.retryhandler",
    "botocore.signers",
)
_START = """\
import importlib.util, sys
place, descriptor, preload = sys.argv[1], int(sys.argv[2]), sys.argv[3]
spec = importlib.util.spec_from_file_location(
    "_groundsill_runtime", place + "/__init__.py", submodule_search_locations=[place])
package = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = package
spec.loader.exec_module(package)
from _groundsill_runtime import zygote
zygote.main(descriptor, [name for name in preload.split(",") if name])
"""


class ForkServerFailed(Exception):
    """The interpreter of a function could not be started, or ended."""


class ForkServer:
    """One interpreter that forks workers.

    Arguments:
        interpreter: the Python that the workers run.
        preload: modules to import before forking. Default :data:`PRELOADED`.

    Raises:
        ForkServerFailed: from :meth:`fork`, when the interpreter cannot be started.
    """

    def __init__(self, interpreter: Path, preload: tuple[str, ...] = PRELOADED) -> None:
        self._interpreter = interpreter
        self._preload = preload
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._buffer = bytearray()
        self._lock = asyncio.Lock()
        self._forked: asyncio.Future[int] | None = None
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def running(self) -> bool:
        return self._control is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts the interpreter; it imports the AWS SDK while the caller goes on."""
        if self._control is not None:
            return
        if not hasattr(os, "fork"):
            raise ForkServerFailed("functions need a system that can fork (Linux or macOS)")
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        environment = {
            name: os.environ[name]
            for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "GROUNDSILL_PLAIN_SDK")
            if name in os.environ
        }
        environment["LC_CTYPE"] = "C.UTF-8"
        if sys.platform == "darwin":
            # Apple's frameworks abort a forked child that uses them, unless told otherwise.
            environment.update(OBJC_DISABLE_INITIALIZE_FORK_SAFETY="YES", no_proxy="*")
        try:
            self._process = subprocess.Popen(
                [
                    str(self._interpreter),
                    "-I",
                    "-B",
                    "-X",
                    "utf8",
                    "-c",
                    _START,
                    str(_RUNTIME),
                    str(theirs.fileno()),
                    ",".join(self._preload),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=environment,
                # A signal from the terminal is the supervisor's to handle.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise ForkServerFailed(f"cannot start {self._interpreter}: {error.strerror}") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        self._loop = loop
        self._buffer.clear()
        loop.add_reader(ours.fileno(), self._readable)

    async def fork(self, told: Mapping[str, Any], connection: socket.socket, output_fd: int) -> int:
        """Forks a worker and gives its process id.

        Arguments:
            told: what the worker must know (handler, environment, code directory, memory).
            connection: the worker's end of its socket pair; the caller closes it afterwards.
            output_fd: the worker's standard output and error; the caller closes it afterwards.
        """
        # The exchange is finished even when the caller is cancelled in the middle of it, and with descriptors
        # of its own: half a message would confuse every later one.
        descriptors = [os.dup(connection.fileno()), os.dup(output_fd)]
        return await asyncio.shield(self._fork(json.dumps(told).encode(), descriptors))

    async def _fork(self, encoded: bytes, descriptors: list[int]) -> int:
        async with self._lock:
            try:
                self.start()
                control, loop = self._control, self._loop
                assert control is not None and loop is not None
                self._forked = loop.create_future()
                # One message is under way at a time, so four bytes always fit into the socket's buffer.
                socket.send_fds(control, [_LENGTH.pack(len(encoded))], descriptors)
                await loop.sock_sendall(control, encoded)
                return await self._forked
            except OSError as error:
                self._lost()
                raise ForkServerFailed(f"{self._interpreter} ended while it started a worker") from error
            finally:
                self._forked = None
                for descriptor in descriptors:
                    os.close(descriptor)

    def exit_of(self, pid: int) -> asyncio.Future[int]:
        """Resolves to the exit code of a worker; negative is the signal that ended it."""
        return self._exits[pid]

    def _readable(self) -> None:
        assert self._control is not None
        try:
            chunk = self._control.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._lost()
            return
        self._buffer += chunk
        while len(self._buffer) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + size
            if len(self._buffer) < end:
                return
            message = json.loads(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            self._handle(message)

    def _handle(self, message: dict[str, int]) -> None:
        assert self._loop is not None
        if "forked" in message:
            self._exits[message["forked"]] = self._loop.create_future()
            if self._forked is not None and not self._forked.done():
                self._forked.set_result(message["forked"])
            return
        future = self._exits.pop(message["exited"], None)
        if future is not None and not future.done():
            future.set_result(message["status"])

    def _lost(self) -> None:
        """The server is gone, and with it its workers."""
        control, self._control = self._control, None
        if control is not None and self._loop is not None:
            self._loop.remove_reader(control.fileno())
            control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for pid, future in self._exits.items():
            kill_group(pid)
            if not future.done():
                future.set_result(-signal.SIGKILL)
        self._exits.clear()
        if self._forked is not None and not self._forked.done():
            self._forked.set_exception(
                ForkServerFailed(f"{self._interpreter} ended while it started a worker")
            )

    def stop(self) -> None:
        """Ends the interpreter and every worker."""
        self._lost()


def kill_group(pid: int) -> None:
    """Kills a worker and the processes that it started."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue
