"""Tasks on Fargate that run to their end, once each time that something starts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundsill.components.containers import Cluster, Container
from groundsill.components.fargate import Process, check_size, task_parts
from groundsill.components.network import Subnets
from groundsill.components.roles import require, usable_grants
from groundsill.definition.component import Component, Mistake, duration
from groundsill.definition.grant import Grant

_TIMEOUT = "1h"
_SHORTEST, _LONGEST = 60, 86_400


class Task(Component):
    """A process that runs to its end: a task of one image on Fargate, with rights, log and network of its own.

    By itself nothing starts it: a `Migration` does, in its place in a deploy. Unlike a function it may take hours.

    Arguments:
        component: unique in the system.
        container: the image.
        subnets: where it runs; in private subnets without a public address, in public ones with one.
        cluster: the cluster.
        command: the program and its arguments, default the container's own; another one lets a task share the image of a
            service.
        cpu: CPU units, 256 to 16,384 (1,024 are one vCPU), default 256.
        memory: MB, within what Fargate offers for the CPU units, default 512.
        timeout: how long a run may take before it is stopped, ``"1m"`` to ``"24h"``, default ``"1h"``. ECS has no limit.
        uses: grants of other components.
        environment: further environment variables.
        name: name of the task definition; default from the system's name pattern.
        log_name: log group name; default ``/ecs/<name of the task definition>``.

    Resources created: ``aws_ecs_task_definition``, ``aws_iam_role`` with ``aws_iam_role_policy`` (one for the task, one for
    Fargate to start it), ``aws_security_group`` with ``aws_vpc_security_group_egress_rule`` and an
    ``aws_vpc_security_group_ingress_rule`` for each way that it uses, ``aws_cloudwatch_log_group``.

    Costs: per vCPU and GB by the second while it runs; nothing otherwise.

    Example:
        ``Task("migrate", image, network.private, cluster=cluster, command=("python", "-m", "app.migrate"), uses=[orders.write])``
    """

    def __init__(
        self, component: str, container: Container, subnets: Subnets, /, *, cluster: Cluster,
        command: Sequence[str] | None = None, cpu: int = 256, memory: int = 512, timeout: int | str = _TIMEOUT,
        uses: Sequence[Grant] = (), environment: Mapping[str, Any] | None = None, name: str | None = None,
        log_name: str | None = None,
    ) -> None:
        super().__init__(component)
        require(container, Container, "container", self)
        require(subnets, Subnets, "subnets", self)
        require(cluster, Cluster, "cluster", self)
        check_size(cpu, memory)
        if command is not None and not command:
            raise Mistake("GS1371", f"`command` takes the program and its arguments one by one, not {command!r}",
                          mend='write for example command=("python", "-m", "app.migrate")')
        self.timeout = duration("timeout", timeout)
        if not _SHORTEST <= self.timeout <= _LONGEST:
            raise Mistake("GS1573", f"a task has {_SHORTEST} s to 24 h, not {self.timeout} s",
                          "Fargate takes most of a minute to start one, and a run that lasts days is a service",
                          'write for example timeout="1h"')
        self.container, self.cluster, self.subnets = container, cluster, subnets
        self.command = tuple(command or container.command)
        grants = usable_grants(uses, self.subject)
        family = self.physical_name("aws_ecs_task_definition", name)
        log_name = self.building.physical_name(
            "aws_cloudwatch_log_group", component, log_name) if log_name else f"/ecs/{family}"
        self.task_role, self.log_group, self.execution_role, self.security_group, self.resource = task_parts(
            self, Process(container, self.command, cpu, memory, None, environment or {}), subnets, grants,
            family=family, log_name=log_name,
        )
