"""The workers of one function: as many as it needs, none above its reservation, none stale or dead."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from groundsill.ground.functions import results
from groundsill.ground.functions.fork_server import ForkServer, ForkServerFailed
from groundsill.ground.functions.results import FunctionError, InvocationResult
from groundsill.ground.functions.runtime import frames
from groundsill.ground.functions.settings import FunctionSettings
from groundsill.ground.functions.worker import Answer, LogSink, Worker

# AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle": the init phase has
# 10 seconds.
INIT_SECONDS = 10.0
# A laptop is not a region: above this many processes of one function without a reservation, requests wait in
# line.
WORKERS_AT_MOST = 32
IDLE_SECONDS = 300.0


class FunctionPool:
    """All workers of one function.

    Arguments:
        settings: the function.
        server: the fork server of its interpreter.
        sink: takes every log line.
        busy: called with True or False when a worker begins or ends an invocation, for the memory watch.
    """

    def __init__(
        self,
        settings: FunctionSettings,
        server: ForkServer,
        sink: LogSink,
        busy: Callable[[Worker, int | None], None],
    ) -> None:
        self.settings = settings
        self._server = server
        self._sink = sink
        self._busy = busy
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._generation = 0
        self._stopped = False
        self._arn = settings.arn
        self._timeout_text = f"Task timed out after {settings.timeout_seconds:.2f} seconds"

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return len(self._workers)

    async def start(self) -> None:
        """Starts one worker before the first request, so that it is not the one to wait."""
        worker = await self._new_worker()
        await worker.ready
        if worker.alive and not self._stopped and not worker.failed_to_start:
            self._put_back(worker)
        else:
            self._drop(worker)

    async def invoke(
        self,
        payload: bytes,
        *,
        request_id: str | None = None,
        trace_id: str | None = None,
        client_context: Any = None,
    ) -> InvocationResult:
        """Runs the handler with one event.

        Arguments:
            payload: the event, as JSON.
            request_id: the invocation's id. Default: a fresh one.
            trace_id: the ``X-Amzn-Trace-Id``, if there is one.
            client_context: the decoded client context of the caller, if there is one.

        Raises:
            TooManyRequests: the reserved concurrency is in use.
            RequestTooLarge: the event is above 6 MB.
            RunnerStopped: the pool is stopping.
        """
        if len(payload) > results.SYNCHRONOUS_PAYLOAD_BYTES:
            raise results.RequestTooLarge(
                f"{len(payload)} byte payload is too large for the RequestResponse invocation type "
                f"(limit {results.SYNCHRONOUS_PAYLOAD_BYTES} bytes)"
            )
        await self._enter()
        try:
            request_id = request_id or str(uuid.uuid4())
            try:
                worker = self._take_idle() or await self._new_worker()
            except ForkServerFailed as failure:
                return self._could_not_start(request_id, failure)
            return await self._run(worker, payload, request_id, trace_id, client_context)
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self._stopped:
            raise results.RunnerStopped(f"{self.settings.name} is stopping")
        reserved = self.settings.concurrency
        if reserved is not None:
            if self._running >= reserved:
                raise results.TooManyRequests("Rate Exceeded.")
        else:
            while self._running >= WORKERS_AT_MOST:
                place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(place)
                try:
                    await place
                except asyncio.CancelledError:
                    # The turn that it was just given goes to the next in line.
                    if place.done() and not place.cancelled():
                        self._wake_next()
                    raise
        self._running += 1

    def _leave(self) -> None:
        self._running -= 1
        self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _take_idle(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive and not worker.stale:
                return worker
            self._drop(worker)
        return None

    async def _new_worker(self) -> Worker:
        worker = Worker(self.settings, self._sink)
        await worker.start(self._server)
        self._workers.add(worker)
        return worker

    def _put_back(self, worker: Worker) -> None:
        worker.idle_since = time.monotonic()
        self._idle.append(worker)

    def _drop(self, worker: Worker) -> None:
        self._workers.discard(worker)
        worker.retire()

    async def _run(
        self, worker: Worker, payload: bytes, request_id: str, trace_id: str | None, client_context: Any
    ) -> InvocationResult:
        settings = self.settings
        generation = self._generation
        loop = asyncio.get_running_loop()
        cold = worker.cold
        worker.lines.clear()
        if cold:
            worker.cold = False
            await self._loaded(worker)
        worker.request_id = request_id
        worker.log(f"START RequestId: {request_id} Version: $LATEST")
        metadata: dict[str, Any] = {
            "id": request_id,
            "deadline": int((time.time() + settings.timeout_seconds) * 1000),
            "arn": self._arn,
        }
        if trace_id:
            metadata["trace"] = trace_id
        if client_context is not None:
            metadata["client"] = client_context
        started = time.perf_counter()
        worker.busy_since = started
        timer = loop.call_later(settings.timeout_seconds, worker.kill, "timeout")
        self._busy(worker, settings.memory_megabytes)
        healthy = False
        try:
            answer = await worker.send(json.dumps(metadata).encode(), payload)
            elapsed = (time.perf_counter() - started) * 1000
            result = self._judge(worker, answer, request_id, elapsed, cold)
            healthy = worker.alive and answer.kind in (frames.RESULT, frames.ERROR) and not answer.killed_for
            if result.error is not None and result.error.type == "Runtime.OutOfMemory":
                healthy = False
            return result
        finally:
            timer.cancel()
            self._busy(worker, None)
            worker.request_id = ""
            if healthy and generation == self._generation and not self._stopped:
                self._put_back(worker)
            else:
                if not healthy:
                    worker.kill("stop")
                self._drop(worker)

    async def _loaded(self, worker: Worker) -> None:
        """Waits until a new worker has read the user's code; one whose caller goes meanwhile is ended."""
        patience = INIT_SECONDS + self.settings.timeout_seconds
        timer = asyncio.get_running_loop().call_later(patience, worker.kill, "timeout")
        try:
            await worker.ready
        except asyncio.CancelledError:
            worker.kill("stop")
            self._drop(worker)
            raise
        finally:
            timer.cancel()

    def _judge(
        self, worker: Worker, answer: Answer, request_id: str, elapsed: float, cold: bool
    ) -> InvocationResult:
        settings = self.settings
        payload = answer.payload
        error: FunctionError | None = None
        peak_mb = math.ceil(worker.peak_kib / 1024)
        status = ""
        if answer.killed_for == "timeout":
            stamp = (
                time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() * 1000) % 1000:03d}Z"
            )
            worker.log(f"{stamp} {request_id} {self._timeout_text}")
            error = FunctionError("Sandbox.Timedout", f"RequestId: {request_id} Error: {self._timeout_text}")
            status = "\tStatus: timeout"
        elif answer.killed_for == "memory" or (
            answer.kind and worker.peak_kib > settings.memory_megabytes * 1024
        ):
            peak_mb = settings.memory_megabytes
            error = FunctionError(
                "Runtime.OutOfMemory",
                f"RequestId: {request_id} Error: Runtime exited with error: signal: killed",
            )
            status = "\tStatus: error\tError Type: Runtime.OutOfMemory"
        elif not answer.kind:
            how = _how_it_ended(answer.exit_code)
            worker.log(f"RequestId: {request_id} Error: {how}")
            worker.log("Runtime.ExitError")
            error = FunctionError("Runtime.ExitError", f"RequestId: {request_id} Error: {how}")
            status = "\tStatus: error\tError Type: Runtime.ExitError"
        elif answer.kind != frames.RESULT:
            reported = json.loads(payload)
            if not reported.get("requestId"):
                reported["requestId"] = request_id
                payload = json.dumps(reported).encode()
            error = FunctionError(str(reported["errorType"]), str(reported["errorMessage"]))
            status = f"\tStatus: error\tError Type: {error.type}"
        elif len(payload) > results.RESPONSE_PAYLOAD_BYTES:
            error = FunctionError(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            )
            status = f"\tStatus: error\tError Type: {error.type}"
        if (
            error is not None and answer.kind not in (frames.ERROR, frames.FAILED_TO_START)
        ) or status.endswith("OutOfMemory"):
            assert error is not None
            payload = json.dumps({"errorType": error.type, "errorMessage": error.message}).encode()
        init_ms = worker.init_ms if cold else None
        result = InvocationResult(request_id, payload, error, elapsed, init_ms, peak_mb, tuple(worker.lines))
        init_text = f"\tInit Duration: {init_ms:.2f} ms" if init_ms is not None else ""
        worker.log(f"END RequestId: {request_id}")
        worker.log(
            f"REPORT RequestId: {request_id}\tDuration: {elapsed:.2f} ms"
            f"\tBilled Duration: {result.billed_ms} ms\tMemory Size: {settings.memory_megabytes} MB"
            f"\tMax Memory Used: {peak_mb} MB{init_text}{status}"
        )
        return InvocationResult(request_id, payload, error, elapsed, init_ms, peak_mb, tuple(worker.lines))

    def _could_not_start(self, request_id: str, failure: ForkServerFailed) -> InvocationResult:
        error = FunctionError("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: {failure}")
        payload = json.dumps({"errorType": error.type, "errorMessage": error.message}).encode()
        return InvocationResult(request_id, payload, error, 0.0, None, 0)

    def reload(self) -> None:
        """Retires every worker; those that are busy finish first."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for worker in idle:
            self._drop(worker)

    def reap(self, now: float) -> None:
        """Ends workers that have had nothing to do for five minutes, all but the one used last."""
        old = [worker for worker in self._idle[:-1] if now - worker.idle_since > IDLE_SECONDS]
        for worker in old:
            self._idle.remove(worker)
            self._drop(worker)

    async def stop(self) -> None:
        """Refuses new work and ends every worker."""
        self._stopped = True
        workers = list(self._workers)
        for worker in workers:
            if worker not in self._idle:
                worker.kill("stop")
        for worker in workers:
            self._drop(worker)
        await asyncio.gather(*(worker.stopped() for worker in workers))


def _how_it_ended(exit_code: int) -> str:
    # The words of Lambda's runtime supervisor.
    if exit_code == 0:
        return "Runtime exited without providing a reason"
    if exit_code > 0:
        return f"Runtime exited with error: exit status {exit_code}"
    names = {
        9: "killed",
        6: "aborted (core dumped)",
        11: "segmentation fault (core dumped)",
        15: "terminated",
    }
    return f"Runtime exited with error: signal: {names.get(-exit_code, str(-exit_code))}"
