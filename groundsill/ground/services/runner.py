"""Keeps one service as it is declared: so many tasks, each up, all of the newest files."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from groundsill.ground.ports import free_port
from groundsill.ground.services import status
from groundsill.ground.services.environment import takes_any_port
from groundsill.ground.services.settings import ServiceSettings
from groundsill.ground.services.status import (
    LogSink,
    ServiceEvent,
    ServiceNotSteady,
    TargetRegistry,
    TaskStatus,
    describe,
)
from groundsill.ground.services.task import Task
from groundsill.ground.services.throttle import RestartThrottle, Timing
from groundsill.ground.services.watching import changes

# Amazon ECS API Reference, "Service", events: the most recent 100 are kept.
_EVENTS_KEPT = 100
_STOPPED_KEPT = 20


def _deployment_id() -> str:
    return f"ecs-svc/{random.randrange(10**18, 10**19)}"


@dataclass(eq=False)
class Deployment:
    """One version of the service's files on its way in.

    Arguments:
        reason: why it began.
        id: as ECS forms it.
        state: ``IN_PROGRESS``, ``COMPLETED`` or ``FAILED``.
        failures: tasks of it that failed.
        why: the last failure, for people.
        impossible: its command cannot be started at all.
    """

    reason: str
    id: str = field(default_factory=_deployment_id)
    state: str = status.IN_PROGRESS
    failures: int = 0
    why: str = ""
    impossible: bool = False


class ServiceRunner:
    """Runs one service.

    Tasks that end are replaced; tasks of changed files are replaced one by one, the old ones going on until the new ones
    are up; a version that does not come up is given up and the old tasks stay (deployment circuit breaker). Differences
    from Fargate: the CPU limit is recorded and not enforced, waiting times are those of `Timing`, and a task that is
    started after a failed deployment runs the files as they are now, since the former ones are gone.

    Arguments:
        settings: the service.
        targets: the load balancers' target groups.
        sink: takes component, log stream, message and level. Called in the event loop; it must be quick.
        timing: waiting times; default those of `Timing`.

    Example::

        runner = ServiceRunner(settings, edges.targets, write)
        await runner.start()
        await runner.wait_steady(60)
        await runner.stop()
    """

    def __init__(
        self, settings: ServiceSettings, targets: TargetRegistry, sink: LogSink, *, timing: Timing | None = None,
    ) -> None:
        self.settings = settings
        self.desired_count = settings.desired_count
        self.deployment = Deployment("the system starts")
        self._targets, self._sink, self._timing = targets, sink, timing or Timing()
        self._former: Deployment | None = None
        self._throttle = RestartThrottle(self._timing)
        self._tasks: list[Task] = []
        self._stopped: deque[TaskStatus] = deque(maxlen=_STOPPED_KEPT)
        self._counted: set[str] = set()
        self._lives: set[asyncio.Task[None]] = set()
        self._events: deque[ServiceEvent] = deque(maxlen=_EVENTS_KEPT)
        self._wake, self._settled, self._unwatch = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._failure = ""
        self._steady = False
        self._work: list[asyncio.Task[None]] = []
        self._stopping = False
        # Only one process can have a port that the process itself insists on.
        self._single = settings.container_port is not None and not takes_any_port(settings)

    # -- what others call ----------------------------------------------------------------------------------------------

    @property
    def events(self) -> list[ServiceEvent]:
        """The service's history, oldest first, the latest 100."""
        return list(self._events)

    def status(self) -> list[TaskStatus]:
        """Every task that has not ended, then those that ended last."""
        return [*(task.describe() for task in self._tasks), *reversed(self._stopped)]

    async def start(self) -> None:
        """Begin; `wait_steady` tells when it is up. Returns when a changed file would be noticed."""
        for caution in self.settings.cautions:
            self._log(caution, "warning")
        if self._single:
            self._log(f"its process is given no PORT variable and no port in its command, so it listens on "
                      f"{self.settings.container_port} itself: only one task can run on this machine", "warning")
        loop = asyncio.get_running_loop()
        watching = asyncio.Event()
        self._work = [loop.create_task(self._keep()), loop.create_task(self._follow(watching))]
        await asyncio.wait({loop.create_task(watching.wait()), self._work[1]}, return_when=asyncio.FIRST_COMPLETED)

    async def wait_steady(self, timeout: float) -> None:
        """Wait until the wanted tasks of the newest files are up, and no others.

        Arguments:
            timeout: seconds.

        Raises:
            ServiceNotSteady: the deployment failed, or is not over in time; the text says why.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
        except TimeoutError:
            why = f"; last failure: {self.deployment.why}" if self.deployment.why else ""
            states = describe([task.describe() for task in self._tasks])
            raise ServiceNotSteady(f"service {self.settings.service_name} has not reached a steady state within "
                                   f"{timeout:g} s: {states}{why}") from None
        if self._failure:
            raise ServiceNotSteady(self._failure)

    async def redeploy(self, reason: str) -> None:
        """Replace every task, one by one; `wait_steady` tells the outcome.

        Arguments:
            reason: for the log.
        """
        self._deploy(reason)

    async def scale(self, count: int) -> None:
        """Run another number of tasks.

        Raises:
            ValueError: the count is negative.
        """
        if count < 0:
            raise ValueError(f"a service cannot run {count} tasks")
        self.desired_count = count
        self._event(f"has been scaled to {count} tasks")
        # A deployment that was given up starts nothing until something changes, whatever the count.
        if self.deployment.state != status.FAILED:
            self._failure = ""
            self._unsettle()
        self._wake.set()

    async def stop(self) -> None:
        """End every task: drained, SIGTERM, after its stop timeout SIGKILL. Cancelled, it kills at once."""
        self._stopping = True
        self._unwatch.set()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        for task in self._tasks:
            task.request_stop("Service stopped", drain_limit=self._timing.drain_on_stop)
        try:
            await asyncio.gather(*self._lives, return_exceptions=True)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.kill()
            raise
        self._account()

    # -- deployments ---------------------------------------------------------------------------------------------------

    def _deploy(self, reason: str) -> None:
        if self.deployment.state == status.COMPLETED or any(task.ready for task in self._of(self.deployment)):
            self._former = self.deployment
        self.deployment = Deployment(reason)
        self._failure = ""
        self._throttle.reset()
        self._unsettle()
        self._event(f"(deployment {self.deployment.id}) begins: {reason}")
        self._wake.set()

    def _give_up(self) -> None:
        deployment = self.deployment
        deployment.state = status.FAILED
        former = [task for task in self._live() if task.deployment_id != deployment.id]
        message = f"(deployment {deployment.id}) deployment failed: tasks failed to start."
        self._event(f"{message} {deployment.why}".strip(), "error")
        for task in self._of(deployment):
            if not task.ready:
                task.request_stop(f"Scaling activity initiated by (deployment {deployment.id})")
        self._failure = f"service {self.settings.service_name}: deployment failed: tasks failed to start. {deployment.why}"
        if former and self.settings.rollback and self.settings.circuit_breaker:
            kept = self._former or Deployment("rollback")
            kept.state = status.COMPLETED
            # Tasks of the new files that are up stay up: there is nothing left to start the former ones from.
            for task in self._live():
                task.deployment_id = kept.id
            self.deployment, self._former = kept, None
            self._throttle.reset()
            self._event(f"rolling back to (deployment {kept.id})")
            self._log("deployment circuit breaker: tasks failed to start; rolled back: the former tasks go on with the "
                      "former files, and the next change is tried again", "error")
        else:
            self._log("deployment circuit breaker: tasks failed to start; the next change is tried again", "error")
        self._settled.set()

    # -- reconciling ---------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            self._wake.clear()
            delay = self._reconcile()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()

    def _reconcile(self) -> float | None:
        """One look at what is and what should be; returns the seconds until the next look, None for a change."""
        self._account()
        deployment = self.deployment
        if deployment.state == status.IN_PROGRESS and self._hopeless(deployment):
            self._give_up()
            deployment = self.deployment
        wanted = min(self.desired_count, 1) if self._single else self.desired_count
        new = self._of(deployment)
        surplus = sorted(new, key=lambda task: (task.ready, -task.lived))[: max(0, len(new) - wanted)]
        if surplus:
            self._stop_tasks(surplus, f"Scaling activity initiated by (deployment {deployment.id})")
        delay = None
        if deployment.state != status.FAILED:
            self._retire(deployment, wanted)
            delay = self._launch(deployment, wanted)
        self._judge(deployment, wanted)
        return delay

    def _launch(self, deployment: Deployment, wanted: int) -> float | None:
        new = self._of(deployment)
        old = len(self._live()) - len(new)
        missing = wanted - len(new)
        if self._single:
            missing = min(missing, 0 if self._tasks else 1)
        elif old:
            most = wanted * self.settings.maximum_percent // 100
            one_at_a_time = 1 - sum(not task.ready for task in new)
            missing = min(missing, most - len(new) - old, one_at_a_time)
        if missing <= 0:
            return None
        wait = self._throttle.wait(time.monotonic())
        if wait > 0:
            return wait
        settle = self._timing.settle_replacement if old else self._timing.settle
        made = [self._start_task(deployment, settle) for _ in range(missing)]
        self._event(f"has started {len(made)} tasks: {', '.join(f'(task {task.id[:8]})' for task in made)}.")
        return None

    def _start_task(self, deployment: Deployment, settle: float) -> Task:
        declared = self.settings.container_port
        port = declared if declared is None or self._single else self._port()
        task = Task(self.settings, deployment.id, port, self._targets, self._sink, self._timing, settle, self._wake.set)
        self._tasks.append(task)
        life = asyncio.get_running_loop().create_task(task.run())
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        return task

    def _port(self) -> int:
        used = {task.port for task in self._tasks}
        while (port := free_port()) in used:
            pass
        return port

    def _retire(self, deployment: Deployment, wanted: int) -> None:
        """Stop tasks of former files, as far as enough others are up."""
        old = [task for task in self._live() if task.deployment_id != deployment.id]
        if not old:
            return
        up = sum(task.ready for task in self._live())
        least = -(-wanted * self.settings.minimum_healthy_percent // 100)
        leaving: list[Task] = []
        for task in sorted(old, key=lambda task: task.ready):
            if not task.ready or self._single or up - 1 >= least:
                up -= task.ready
                leaving.append(task)
        if leaving:
            self._stop_tasks(leaving, f"Scaling activity initiated by (deployment {deployment.id})")

    def _stop_tasks(self, tasks: list[Task], reason: str) -> None:
        for task in tasks:
            task.request_stop(reason)
        names = ", ".join(f"(task {task.id[:8]})" for task in tasks)
        self._event(f"has stopped {len(tasks)} running tasks: {names}.")

    def _judge(self, deployment: Deployment, wanted: int) -> None:
        live = self._live()
        up = [task for task in live if task.ready and task.deployment_id == deployment.id]
        # A task that was asked to stop is still the load balancer's until it begins to.
        leaving = any(not task.live and task.state in (status.PENDING, status.RUNNING) for task in self._tasks)
        if len(live) == len(up) == wanted and not leaving and deployment.state != status.FAILED:
            if deployment.state == status.IN_PROGRESS:
                deployment.state, self._former = status.COMPLETED, None
                self._event(f"(deployment {deployment.id}) deployment completed.")
            if not self._steady:
                self._steady = True
                self._event("has reached a steady state.")
                self._settled.set()
        elif self._steady:
            self._unsettle()

    def _hopeless(self, deployment: Deployment) -> bool:
        allowed = self._timing.failures_allowed(self.desired_count)
        return deployment.impossible or (self.settings.circuit_breaker and deployment.failures >= allowed)

    def _account(self) -> None:
        """Take note of tasks that failed and of tasks that ended."""
        for task in list(self._tasks):
            if task.failed and not task.live and task.id not in self._counted:
                self._counted.add(task.id)
                self._count_failure(task)
            if task.state == status.STOPPED:
                self._tasks.remove(task)
                self._counted.discard(task.id)
                self._stopped.append(task.describe())

    def _count_failure(self, task: Task) -> None:
        delay = self._throttle.failed(time.monotonic(), task.lived)
        if self._stopping:
            return
        code = f", exit code {task.exit_code}" if task.exit_code is not None else ""
        if task.deployment_id == self.deployment.id:
            self.deployment.failures += 1
            self.deployment.why = f"task {task.id[:8]}: {task.container_reason or task.stopped_reason}{code}"
            self.deployment.impossible = task.impossible
        given_up = self.deployment.state == status.IN_PROGRESS and self._hopeless(self.deployment)
        if delay and not given_up:
            self._event(f"is unable to consistently start tasks successfully; the next attempt is in {delay:g} s", "warning")

    # -- small parts ---------------------------------------------------------------------------------------------------

    def _live(self) -> list[Task]:
        return [task for task in self._tasks if task.live]

    def _of(self, deployment: Deployment) -> list[Task]:
        return [task for task in self._live() if task.deployment_id == deployment.id]

    def _unsettle(self) -> None:
        self._steady = False
        self._settled.clear()

    async def _follow(self, started: asyncio.Event) -> None:
        if not self.settings.watch:
            started.set()
            return
        try:
            async for paths in changes(self.settings.watch, self._unwatch, started):
                names = ", ".join(_shown(path, self.settings.directory) for path in paths[:3])
                more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
                self._deploy(f"changed: {names}{more}")
        except (OSError, RuntimeError) as error:
            # Above all the system's limit of watched files.
            self._log(f"its files are not followed, so a change needs a restart: {error}", "warning")

    def _event(self, message: str, level: str = "info") -> None:
        text = f"(service {self.settings.service_name}) {message}"
        self._events.append(ServiceEvent(datetime.now(UTC), text))
        self._sink(self.settings.component, "service", text, level)

    def _log(self, message: str, level: str = "info") -> None:
        self._sink(self.settings.component, "service", f"(service {self.settings.service_name}) {message}", level)


def _shown(path: Path, directory: Path) -> str:
    try:
        return str(path.relative_to(directory.resolve()))
    except ValueError:
        return str(path)
