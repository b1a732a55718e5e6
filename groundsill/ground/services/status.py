"""What the services on the ground say of themselves, in the words of ECS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

PENDING, RUNNING, STOPPING, STOPPED = "PENDING", "RUNNING", "STOPPING", "STOPPED"
IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"

#: Takes component, log stream, message and level (``info``, ``warning``, ``error``).
LogSink = Callable[[str, str, str, str], None]


class TargetState(Protocol):
    """The health of one target."""

    @property
    def target_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def description(self) -> str: ...


class TargetRegistry(Protocol):
    """Where tasks are registered as targets of a load balancer."""

    def register(self, target_group_arn: str, target_id: str, host: str, port: int) -> None:
        """Add a target."""
        ...

    async def deregister(self, target_group_arn: str, target_id: str) -> None:
        """Remove a target; returns when its requests are over."""
        ...

    def health(self, target_group_arn: str) -> Iterable[TargetState]:
        """The health of every target of a group."""
        ...


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task, as ``DescribeTasks`` would tell it.

    Arguments:
        task_id: 32 hexadecimal digits.
        deployment_id: the deployment that started it.
        pid: process id of the command; 0 when it never ran.
        state: ``PENDING``, ``RUNNING``, ``STOPPING`` or ``STOPPED``.
        ready: whether it counts as up: healthy behind its load balancer, or running without one.
        port: its port on 127.0.0.1; None for a worker.
        started: when its command started.
        stopped: when it ended.
        exit_code: of its command, as ECS shows it.
        stopped_reason: of the task, for example ``Essential container in task exited``.
        container_reason: of the container, for example ``OutOfMemoryError: Container killed due to memory usage``.
    """

    task_id: str
    deployment_id: str
    pid: int
    state: str
    ready: bool
    port: int | None
    started: datetime | None
    stopped: datetime | None = None
    exit_code: int | None = None
    stopped_reason: str = ""
    container_reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One line of a service's history, as ``DescribeServices`` tells it."""

    time: datetime
    message: str


class ServiceNotSteady(Exception):
    """A service that has not come up: its text says why."""


def describe(tasks: Sequence[TaskStatus]) -> str:
    """One line about a service's tasks."""
    if not tasks:
        return "no task runs"
    return ", ".join(f"task {task.task_id[:8]} is {task.state}{'' if task.ready else ' and not ready'}" for task in tasks)
