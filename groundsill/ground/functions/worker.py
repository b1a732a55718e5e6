"""One warm worker process, seen from the supervisor: sends events, collects results and log lines."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from groundsill.ground.functions.fork_server import ForkServer, kill_group
from groundsill.ground.functions.results import LogLine
from groundsill.ground.functions.runtime import frames
from groundsill.ground.functions.runtime.loading import Signature, signature
from groundsill.ground.functions.settings import FunctionSettings

LogSink = Callable[[LogLine], None]
# The longest log event of CloudWatch Logs is 1 MB (AWS: "CloudWatch Logs quotas"); a line without end is cut
# there.
_LONGEST_LINE = 1024 * 1024
_PIPE_CHUNK = 65536
# A function that writes without end must not keep the event loop to itself: this many chunks at a time.
_CHUNKS_AT_ONCE = 8
# Kept for the tail of the log that a caller may ask for; the sink has every line.
_LINES_KEPT = 256


class Answer(NamedTuple):
    """What came back from a worker. ``kind`` is a frame's kind, or empty when the process ended instead."""

    kind: bytes
    payload: bytes
    exit_code: int = 0
    killed_for: str = ""


class Worker(asyncio.Protocol):
    """Arguments: the function's settings, and the callback that takes log lines."""

    def __init__(self, settings: FunctionSettings, sink: LogSink) -> None:
        self._settings = settings
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._output_fd = -1
        self._partial = b""
        self._exit: asyncio.Future[int] | None = None
        self._ended: asyncio.Task[None] | None = None
        self._killed_for = ""
        self._exit_code = -9
        self._finished = False
        self._files: list[Signature] = []
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.pid = 0
        self.init_ms: float | None = None
        self.cold = True
        self.failed_to_start = False
        self.peak_kib = 0
        self.request_id = ""
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.idle_since = 0.0
        self.busy_since = 0.0
        self.alive = True
        today = time.strftime("%Y/%m/%d", time.gmtime())
        self.stream = f"{today}/[$LATEST]{uuid.uuid4().hex}"

    async def start(self, server: ForkServer) -> None:
        """Forks the process. It loads the user's code while the caller goes on."""
        settings = self._settings
        ours, theirs = socket.socketpair()
        output_read, output_write = os.pipe()
        told: Mapping[str, Any] = {
            "handler": settings.handler,
            "code_directory": str(settings.code_directory),
            "environment": settings.process_environment(self.stream),
            "memory_megabytes": settings.memory_megabytes,
            "log_format": settings.log_format,
            "log_level": settings.log_level,
        }
        try:
            self.pid = await server.fork(told, theirs, output_write)
        except BaseException:
            ours.close()
            os.close(output_read)
            raise
        finally:
            theirs.close()
            os.close(output_write)
        self._exit = server.exit_of(self.pid)
        os.set_blocking(output_read, False)
        self._output_fd = output_read
        self._loop.add_reader(output_read, self.read_output)
        ours.setblocking(False)
        try:
            await self._loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            self.alive = False
            self._close_output()
            ours.close()
            kill_group(self.pid)
            raise

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, metadata: bytes, event: bytes) -> asyncio.Future[Answer]:
        """Sends one event; the result resolves when the handler returned or the process ended."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        if self._transport is None or not self.alive:
            # It ended while it started. The future of its end may still be open.
            self._answer = future
            if self._finished:
                self._give_up()
            return future
        self._answer = future
        self._transport.write(frames.REQUEST.pack(len(metadata), len(event)) + metadata + event)
        return future

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        buffer = self._buffer
        while len(buffer) >= frames.RESPONSE.size:
            kind, peak, metadata_length, payload_length = frames.RESPONSE.unpack_from(buffer)
            split = frames.RESPONSE.size + metadata_length
            end = split + payload_length
            if len(buffer) < end:
                return
            self.peak_kib = max(self.peak_kib, peak)
            if metadata_length:
                self._take_metadata(json.loads(buffer[frames.RESPONSE.size : split]))
            payload = bytes(buffer[split:end])
            del buffer[:end]
            # What the handler wrote was in the pipe before its result was in the socket.
            self.read_output()
            if kind == frames.READY:
                if not self.ready.done():
                    self.ready.set_result(None)
                continue
            answer, self._answer = self._answer, None
            if answer is not None and not answer.done():
                answer.set_result(Answer(kind, payload))

    def _take_metadata(self, metadata: dict[str, Any]) -> None:
        self._files.extend(tuple(entry) for entry in metadata.get("files", ()))
        if "init_ms" in metadata:
            self.init_ms = float(metadata["init_ms"])
            self.failed_to_start = bool(metadata["failed"])

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._ended = self._loop.create_task(self._finish())

    async def _finish(self) -> None:
        if self._exit is not None:
            try:
                self._exit_code = await asyncio.wait_for(asyncio.shield(self._exit), 2)
            except TimeoutError:
                # The socket is closed but the process stays: a handler that closed it. It is of no more use.
                kill_group(self.pid)
        self.read_output()
        self._close_output()
        self._finished = True
        if not self.ready.done():
            self.ready.set_result(None)
        self._give_up()

    def _give_up(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(Answer(b"", b"", self._exit_code, self._killed_for))

    def _close_output(self) -> None:
        if self._output_fd >= 0:
            self._loop.remove_reader(self._output_fd)
            os.close(self._output_fd)
            self._output_fd = -1
        if self._partial:
            self._line(self._partial)
            self._partial = b""

    def read_output(self) -> None:
        """Turns what the worker wrote into log lines."""
        for _ in range(_CHUNKS_AT_ONCE):
            if self._output_fd < 0:
                return
            try:
                chunk = os.read(self._output_fd, _PIPE_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            if not chunk:
                self._close_output()
                return
            lines = (self._partial + chunk).split(b"\n")
            self._partial = lines.pop()
            for line in lines:
                self._line(line)
            if len(self._partial) > _LONGEST_LINE:
                self._line(self._partial)
                self._partial = b""
            if len(chunk) < _PIPE_CHUNK:
                return

    def _line(self, raw: bytes) -> None:
        self.log(raw.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n"))

    def log(self, message: str) -> None:
        """Adds one line to the log, of the worker's current request."""
        settings = self._settings
        self.lines.append(message)
        self._sink(
            LogLine(
                int(time.time() * 1000),
                settings.component,
                settings.name,
                self.request_id,
                self.stream,
                message,
            )
        )

    @property
    def stale(self) -> bool:
        """Whether a file of the user's that this worker has read was saved since."""
        return any(signature(entry[0]) != entry for entry in self._files)

    def resident_kib(self) -> int:
        """The process's resident memory now; 0 when it cannot be known."""
        try:
            if sys.platform == "linux":
                with open(f"/proc/{self.pid}/statm", "rb") as statm:
                    return int(statm.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)
            import psutil

            try:
                return psutil.Process(self.pid).memory_info().rss // 1024
            except psutil.Error:
                return 0
        except (OSError, ValueError, IndexError, ImportError):  # the process may be gone at any moment
            return 0

    def kill(self, reason: str) -> None:
        """Kills the process and what it started. ``reason`` is ``timeout``, ``memory`` or ``stop``."""
        if self.alive and not self._killed_for:
            self._killed_for = reason
            kill_group(self.pid)

    def retire(self) -> None:
        """Lets the process end by closing its socket. It must be idle."""
        self.alive = False
        if self._transport is not None:
            self._transport.close()

    async def stopped(self) -> None:
        """Waits until the process has ended."""
        if self._transport is not None:
            self._transport.close()
        if self._ended is not None:
            await self._ended
