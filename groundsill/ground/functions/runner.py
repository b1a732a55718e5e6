"""All functions of a system."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from groundsill.ground.functions import results
from groundsill.ground.functions.fork_server import PRELOADED, ForkServer
from groundsill.ground.functions.pool import FunctionPool
from groundsill.ground.functions.results import InvocationResult
from groundsill.ground.functions.runtime.loading import installed_names
from groundsill.ground.functions.settings import FunctionSettings
from groundsill.ground.functions.worker import LogSink, Worker

_MEMORY_CHECK_SECONDS = 0.05
_REAP_SECONDS = 30.0


class FunctionRunner:
    """Runs every function of a system, each in its own warm worker processes.

    Memory: a worker's resident memory is read every 50 ms while it is busy, and its peak after each answer;
    above the function's memory size it is killed, as on AWS. ``RLIMIT_DATA`` at twice the size (at least 1
    GB more) stops a single allocation that is far larger.

    Arguments:
        functions: the settings of each.
        sink: takes every log line (``START``, ``END``, ``REPORT`` and what the function writes). Called in
            the event loop; it must be quick.
        preload: whether interpreters import the AWS SDK before they fork. Default true. Without it a system
            starts sooner, and each cold start of a function that uses the SDK takes some 0.3 s longer.

    Example::

        runner = FunctionRunner([settings], lines.append)
        await runner.start()
        result = await runner.invoke("hello", b'{"name": "Ada"}')
        await runner.stop()
    """

    def __init__(self, functions: Iterable[FunctionSettings], sink: LogSink, *, preload: bool = True) -> None:
        self._preload = preload
        self._settings = list(functions)
        self._sink = sink
        self._servers: dict[tuple[Path, tuple[str, ...]], ForkServer] = {}
        self._pools: dict[str, FunctionPool] = {}
        self._busy: dict[Worker, int] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._reaper: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def functions(self) -> list[FunctionSettings]:
        """The functions, in the order given."""
        return list(self._settings)

    def pool(self, name_or_arn: str) -> FunctionPool:
        """The workers of one function.

        Arguments:
            name_or_arn: name, ARN (a qualifier ``:$LATEST`` is accepted) or the ARN that API Gateway uses to
                invoke.

        Raises:
            UnknownFunction: there is none of this name.
        """
        pool = self._pools.get(name_or_arn) or self._pools.get(function_name(name_or_arn))
        if pool is None:
            raise results.UnknownFunction(f"Function not found: {name_or_arn}")
        return pool

    async def start(self, *, warm: bool = False) -> None:
        """Starts the interpreters.

        Arguments:
            warm: also start one worker of each function. Default false: the first request of each starts it.

        Raises:
            ForkServerFailed: an interpreter cannot be started.
        """
        self._loop = asyncio.get_running_loop()
        for settings in self._settings:
            self.add(settings)
        self._reaper = self._loop.call_later(_REAP_SECONDS, self._reap)
        if warm:
            await asyncio.gather(*(pool.start() for pool in dict.fromkeys(self._pools.values())))

    def add(self, settings: FunctionSettings) -> None:
        """Adds or replaces one function while running."""
        preload = _preloadable(settings.code_directory) if self._preload else ()
        key = (settings.interpreter, preload)
        server = self._servers.get(key)
        if server is None:
            server = self._servers[key] = ForkServer(settings.interpreter, preload)
            server.start()
        pool = FunctionPool(settings, server, self._sink, self._mark)
        old = self._pools.get(settings.name)
        self._pools[settings.name] = pool
        self._pools[settings.arn] = pool
        if old is not None:
            old.reload()

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        trace_id: str | None = None,
        client_context: Any = None,
    ) -> InvocationResult:
        """Invokes a function and waits for its result; see :meth:`FunctionPool.invoke`."""
        return await self.pool(name_or_arn).invoke(
            payload, request_id=request_id, trace_id=trace_id, client_context=client_context
        )

    def reload(self) -> None:
        """Replaces every worker; those that are busy finish first."""
        for pool in self._pools.values():
            pool.reload()

    async def stop(self) -> None:
        """Ends every worker and interpreter."""
        for handle in (self._watch, self._reaper):
            if handle is not None:
                handle.cancel()
        await asyncio.gather(*(pool.stop() for pool in dict.fromkeys(self._pools.values())))
        for server in self._servers.values():
            server.stop()
        self._servers.clear()

    def _mark(self, worker: Worker, memory_megabytes: int | None) -> None:
        if memory_megabytes is None:
            self._busy.pop(worker, None)
            return
        self._busy[worker] = memory_megabytes
        if self._watch is None and self._loop is not None:
            self._watch = self._loop.call_later(_MEMORY_CHECK_SECONDS, self._check_memory)

    def _check_memory(self) -> None:
        self._watch = None
        now = time.perf_counter()
        for worker, megabytes in list(self._busy.items()):
            if now - worker.busy_since < _MEMORY_CHECK_SECONDS / 2:
                continue
            resident = worker.resident_kib()
            worker.peak_kib = max(worker.peak_kib, resident)
            if resident > megabytes * 1024:
                worker.kill("memory")
        if self._busy and self._loop is not None:
            self._watch = self._loop.call_later(_MEMORY_CHECK_SECONDS, self._check_memory)

    def _reap(self) -> None:
        now = time.monotonic()
        for pool in dict.fromkeys(self._pools.values()):
            pool.reap(now)
        if self._loop is not None:
            self._reaper = self._loop.call_later(_REAP_SECONDS, self._reap)


def function_name(reference: str) -> str:
    """The function's name in an ARN, a qualified ARN, a partial ARN or API Gateway's invocation ARN.

    Example:
        >>> function_name("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        ...               "arn:aws:lambda:us-east-1:000000000000:function:save/invocations")
        'save'
        >>> function_name("arn:aws:lambda:us-east-1:000000000000:function:save:$LATEST")
        'save'
    """
    reference = reference.removesuffix("/invocations")
    _, found, rest = reference.rpartition(":function:")
    return (rest if found else reference).split(":", 1)[0]


def _preloadable(code_directory: Path) -> tuple[str, ...]:
    # A copy of boto3 inside the code directory must win over the one of the interpreter.
    own = installed_names(str(code_directory)) | {
        name for name in ("boto3", "botocore") if (code_directory / name).is_dir()
    }
    return tuple(
        name
        for name in PRELOADED
        if not ({"boto3", "botocore"} & own and name.startswith(("boto3", "botocore")))
    )
