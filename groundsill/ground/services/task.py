"""One task of a service, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from groundsill.ground.services import status
from groundsill.ground.services.environment import launch
from groundsill.ground.services.process import CannotStart, ContainerProcess, Exit
from groundsill.ground.services.processes import listening, memory_bytes
from groundsill.ground.services.settings import ServiceSettings
from groundsill.ground.services.status import (
    LogSink,
    TargetRegistry,
    TargetState,
    TaskStatus,
)
from groundsill.ground.services.throttle import Timing

_HOST = "127.0.0.1"
_LOOPBACK = ("127.", "::1")
_TICK_UNTIL_READY = 0.05
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


class Task:
    """One task: its process, its place behind the load balancer, its health and its end.

    Arguments:
        settings: the service.
        deployment_id: the deployment that starts it.
        port: its port on this machine; None for a worker.
        targets: where it is registered.
        sink: takes its log.
        timing: waiting times.
        settle: without a load balancer it counts as up after this many seconds.
        changed: called after every change of its state.
    """

    def __init__(
        self, settings: ServiceSettings, deployment_id: str, port: int | None, targets: TargetRegistry, sink: LogSink,
        timing: Timing, settle: float, changed: Callable[[], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.deployment_id = deployment_id
        self.port = port
        self.state = status.PENDING
        self.ready = False
        #: It ended, or had to be ended, although nobody wanted that.
        self.failed = False
        #: Its command cannot be started at all.
        self.impossible = False
        self.stopped_reason = ""
        self.container_reason = ""
        self.exit_code: int | None = None
        self._settings, self._targets, self._sink, self._timing = settings, targets, sink, timing
        self._settle, self._changed = settle, changed
        self._started: datetime | None = None
        self._stopped: datetime | None = None
        self._began = time.monotonic()
        self._ended: float | None = None
        self._stop_asked = asyncio.Event()
        self._drain_limit: float | None = None
        self._listens = port is None
        self._port_report = ""
        self._next_report = timing.port_patience
        self._address_check: asyncio.Task[None] | None = None
        self._process = ContainerProcess(launch(settings, port), self._line)

    # -- what others see -------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """It is wanted: starting or running."""
        return self.state in (status.PENDING, status.RUNNING) and not self._stop_asked.is_set()

    @property
    def lived(self) -> float:
        """Seconds since its start, until its end."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    def describe(self) -> TaskStatus:
        """Its state now."""
        return TaskStatus(
            self.id, self.deployment_id, self._process.pid, self.state, self.ready, self.port, self._started, self._stopped,
            self.exit_code, self.stopped_reason, self.container_reason,
        )

    def request_stop(self, reason: str, *, drain_limit: float | None = None) -> None:
        """Ask it to end: no new requests, then SIGTERM, then SIGKILL.

        Arguments:
            reason: why, as ECS says it.
            drain_limit: running requests have at most this many seconds; None for the target group's own delay.
        """
        if drain_limit is not None:
            self._drain_limit = drain_limit
        if not self._stop_asked.is_set():
            self.stopped_reason = self.stopped_reason or reason
            self._stop_asked.set()

    def kill(self) -> None:
        """End its whole process tree at once."""
        self._process.kill()

    # -- its life --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until the end; raises nothing but a cancellation, which kills it."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001  whatever it is, the service goes on with another task
            self.kill()
            self.failed = True
            self._end(None, "Task failed", f"{type(error).__name__}: {error}")
            self._log(f"task {self.id[:8]} cannot be watched and was killed: {self.container_reason}", "error")
            self._changed()

    async def _live(self) -> None:
        try:
            await self._process.start()
        except CannotStart as error:
            self.failed = self.impossible = True
            self._end(None, "Task failed to start", f"CannotStartContainerError: {error}")
            self._log(f"task {self.id[:8]}: {self.container_reason}", "error")
            self._changed()
            return
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self.state = status.RUNNING
        self._register()
        self._changed()
        loop = asyncio.get_running_loop()
        ended = loop.create_task(self._process.wait())
        asked = loop.create_task(self._stop_asked.wait())
        watch = loop.create_task(self._watch())
        try:
            await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                # Deregistering takes it out at once; what it was answering is over with it.
                gone = loop.create_task(self._deregister())
                self._died(ended.result())
                await asyncio.wait({gone}, timeout=self._timing.drain_on_stop)
            else:
                await self._stop(ended)
        except asyncio.CancelledError:
            self.kill()
            raise
        finally:
            for work in (asked, watch, self._address_check):
                if work is not None:
                    work.cancel()

    async def _stop(self, ended: asyncio.Task[Exit]) -> None:
        self.state, self.ready = status.STOPPING, False
        drained = asyncio.ensure_future(self._deregister())
        self._changed()
        self._log(f"task {self.id[:8]} is stopping: {self.stopped_reason}")
        await asyncio.wait({drained, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=self._drain_limit)
        self._process.terminate()
        await asyncio.wait({ended}, timeout=self._settings.stop_timeout)
        if not ended.done():
            self._log(f"task {self.id[:8]} did not end within {self._settings.stop_timeout:g} s of SIGTERM (stopTimeout): "
                      "killed", "warning")
            self._process.kill()
        outcome = await ended
        await asyncio.wait({drained}, timeout=0.0 if self._drain_limit is not None else self._timing.drain_on_stop)
        drained.cancel()
        self._end(outcome, self.stopped_reason, self.container_reason)
        self._changed()

    def _died(self, outcome: Exit) -> None:
        self.failed = True
        out_of_memory = self.container_reason == _OUT_OF_MEMORY
        if self._stop_asked.is_set() and not out_of_memory:
            self.failed = False
        self._end(outcome, self.stopped_reason or "Essential container in task exited", self.container_reason)
        if out_of_memory:
            text = f"{_OUT_OF_MEMORY} (its limit is {self._settings.memory_megabytes} MB)"
        elif outcome.code == 0:
            text = "its process ended by itself, and a service's process must not"
        else:
            text = "Essential container in task exited"
        self._log(f"task {self.id[:8]} stopped: {text}; {outcome}", "error" if self.failed else "info")
        self._changed()

    def _end(self, outcome: Exit | None, stopped_reason: str, container_reason: str) -> None:
        self._ended, self._stopped = time.monotonic(), datetime.now(UTC)
        self.state, self.ready = status.STOPPED, False
        self.exit_code = outcome.code if outcome else None
        self.stopped_reason, self.container_reason = stopped_reason, container_reason

    # -- the load balancer -----------------------------------------------------------------------------------

    def _register(self) -> None:
        if self.port is None:
            return
        for arn in self._settings.target_group_arns:
            try:
                self._targets.register(arn, self.id, _HOST, self.port)
            except KeyError:
                self._log(f"its target group {arn} does not run here: it gets no requests", "warning")
                continue
            self._log(f"registered 1 target in (target-group {arn})")

    async def _deregister(self) -> None:
        if self.port is None:
            return
        groups = self._settings.target_group_arns
        await asyncio.gather(*(self._targets.deregister(arn, self.id) for arn in groups), return_exceptions=True)

    def _health(self) -> list[tuple[str, TargetState]]:
        found: list[tuple[str, TargetState]] = []
        for arn in self._settings.target_group_arns if self.port is not None else ():
            with contextlib.suppress(KeyError):
                found += [(arn, target) for target in self._targets.health(arn) if target.target_id == self.id]
        return found

    # -- watching --------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        limit = self._settings.memory_megabytes * 1024 * 1024
        while True:
            if memory_bytes(self._process.pid, limit) > limit:
                self.container_reason = _OUT_OF_MEMORY
                self._process.kill()
                return
            if not self._listens:
                await self._look_at_port()
            if self._judge():
                return
            await asyncio.sleep(self._timing.tick if self.ready else min(self._timing.tick, _TICK_UNTIL_READY))

    def _judge(self) -> bool:
        """Decide whether it is up; true when it has to go."""
        health = self._health()
        for arn, target in health:
            if target.state == "unhealthy" and self.lived >= self._settings.health_check_grace_seconds:
                self._log(f"(task {self.id[:8]}) (port {self.port}) is unhealthy in (target-group {arn}) due to (reason "
                          f"{target.description or target.reason})", "warning")
                self.failed = True
                self.request_stop(f"Task failed ELB health checks in (target-group {arn})")
                return True
        if self.ready:
            return False
        if health:
            # "unused": no listener leads to the group, so nobody checks it.
            up = all(target.state == "healthy" or (target.state == "unused" and self._listens) for _, target in health)
        elif self.port is not None:
            up = self._listens or bool(self._port_report)
        else:
            up = self.lived >= self._settle
        if up:
            self.ready = True
            self._changed()
        return False

    async def _look_at_port(self) -> None:
        """Notice when it listens on its port; say so when it does not, or where nobody could reach it."""
        assert self.port is not None
        if any(target.state == "healthy" for _, target in self._health()) or await _answers(self.port):
            self._listens = True
            self._address_check = asyncio.get_running_loop().create_task(self._look_at_address())
        elif self.lived >= self._next_report:
            self._next_report = self.lived + self._timing.port_patience
            others = sorted({port for _, port in await asyncio.to_thread(listening, self._process.pid)})
            where = f"listens on port {', '.join(map(str, others))}, not on {self.port}" if others else "listens on no port"
            if where != self._port_report:
                self._port_report = where
                self._log(f"task {self.id[:8]} {where}: it should listen on the PORT variable (here {self.port})", "warning")

    async def _look_at_address(self) -> None:
        if self._settings.environment.get("HOST", "").startswith(_LOOPBACK):
            return  # the ground told it to
        found = await asyncio.to_thread(listening, self._process.pid)
        hosts = {host for host, port in found if port == self.port}
        if hosts and all(host.startswith(_LOOPBACK) for host in hosts):
            self._log(f"task {self.id[:8]} listens on {', '.join(sorted(hosts))} only: on AWS nobody can reach it there; "
                      "listen on 0.0.0.0", "warning")

    # -- log -------------------------------------------------------------------------------------------------

    def _line(self, text: str) -> None:
        stream = f"{self._settings.log_prefix or self._settings.component}/{self._settings.container_name}/{self.id}"
        self._sink(self._settings.component, stream, text, "info")

    def _log(self, message: str, level: str = "info") -> None:
        self._sink(self._settings.component, "service", f"(service {self._settings.service_name}) {message}", level)


async def _answers(port: int) -> bool:
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(_HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
