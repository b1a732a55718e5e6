"""What a service and a task have in common: the task definition, with its roles, its log and its security group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from groundsill import aws
from groundsill.components.logs import log_group, write_log
from groundsill.components.roles import merged_environment, workload_role
from groundsill.components.security_groups import let_out, security_group
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.graph import JsonDocument, Resource

if TYPE_CHECKING:
    from groundsill.components.containers import Container
    from groundsill.components.network import Subnets

# Amazon ECS: task CPU and memory on Fargate, in CPU units: (least MB, most MB, step MB).
_SIZES: dict[int, tuple[int, int, int]] = {
    256: (512, 2048, 512), 512: (1024, 4096, 1024), 1024: (2048, 8192, 1024), 2048: (4096, 16_384, 1024),
    4096: (8192, 30_720, 1024), 8192: (16_384, 61_440, 4096), 16_384: (32_768, 122_880, 8192),
}
ARCHITECTURES = {"linux/arm64": "ARM64", "linux/amd64": "X86_64"}
"""What ECS calls the platforms that images are built for."""
_STOP_TIMEOUT = 60
# Names no resource: Service Authorization Reference, "Actions ... for Amazon Session Manager Message Gateway Service".
SHELL = (Statement(("ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel"), ("*",)),)
"""What a task's role needs so that operators can run commands in it."""


class Process(NamedTuple):
    """What runs in a task, and with how much of a machine.

    Arguments:
        container: the image.
        command: the program and its arguments.
        cpu: CPU units.
        memory: MB.
        port: that it listens on; None where it listens on none.
        environment: further environment variables.
    """

    container: Container
    command: Sequence[str]
    cpu: int
    memory: int
    port: int | None
    environment: Mapping[str, Any]


class TaskParts(NamedTuple):
    """Resources of a task.

    Arguments:
        task_role: what the process may do.
        log_group: where its lines go.
        execution_role: how Fargate starts it.
        security_group: who lets it in.
        definition: the task definition.
    """

    task_role: Resource
    log_group: Resource
    execution_role: Resource
    security_group: Resource
    definition: Resource


def task_parts(
    component: Component, process: Process, subnets: Subnets, grants: list[Grant], *, family: str, log_name: str,
    own: Sequence[Statement] = (), own_sid: str = "Own",
) -> TaskParts:
    """Lower a task: with the exact rights, variables and ways of its grants, and nothing else.

    Arguments:
        component: the service or the task.
        process: what runs.
        subnets: where.
        grants: usable grants.
        family: name of the task definition.
        log_name: name of the log group.
        own: statements that the process needs beside its grants.
        own_sid: statement id of those.
    """
    container = process.container
    role = workload_role(component, "ecs-tasks.amazonaws.com", grants, own=own, own_sid=own_sid,
                         description=f"What {component.name} of {component.building.system} may do")
    log = log_group(component, log_name)
    execution_role = _execution_role(component, container, log, grants)
    group = security_group(component, subnets.network.id, "tasks", f"Tasks of {component.name}")
    let_out(component, group, grants)
    definition = aws.ecs_task_definition(
        component.terraform_name(),
        family=family,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(process.cpu), memory=str(process.memory),
        runtime_platform={"cpu_architecture": ARCHITECTURES[container.platform], "operating_system_family": "LINUX"},
        execution_role_arn=execution_role["arn"],
        task_role_arn=role["arn"],
        container_definitions=JsonDocument([_container(component, process, log, grants)]),
    )
    return TaskParts(role, log, execution_role, group, definition)


def _container(component: Component, process: Process, log: Resource, grants: list[Grant]) -> dict[str, Any]:
    port = process.port
    own = {"PORT": str(port), **process.environment} if port else dict(process.environment)
    variables = merged_environment(own, grants, component.subject)
    return {
        "name": component.name,
        "image": process.container.image,
        "command": list(process.command),
        "essential": True,
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        **({"secrets": fetched} if (fetched := _fetched(grants)) else {}),
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"}] if port else [],
        "linuxParameters": {"initProcessEnabled": True},
        "stopTimeout": _STOP_TIMEOUT,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log["name"], "awslogs-region": component.building.graph.region,
                "awslogs-stream-prefix": component.name,
            },
        },
    }


def _fetched(grants: list[Grant]) -> list[dict[str, Any]]:
    """Environment variables that Fargate fetches from secrets when a task starts."""
    found = {name: value for grant in grants for name, value in grant.secrets.items()}
    return [{"name": name, "valueFrom": found[name]} for name in sorted(found)]


def _execution_role(component: Component, container: Container, log: Resource, grants: list[Grant]) -> Resource:
    """The role with which Fargate pulls the image, opens the log and fetches secrets, before the process runs."""
    return workload_role(
        component, "ecs-tasks.amazonaws.com", (), part="execution", own_sid="StartTask",
        description=f"How Fargate starts {component.name} of {component.building.system}",
        own=[
            # Names no resource: Service Authorization Reference, "Actions ... for Amazon Elastic Container Registry".
            Statement(("ecr:GetAuthorizationToken",), ("*",)),
            Statement(("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
                      (container.resource["arn"],)),
            write_log(log),
            *(statement for grant in grants for statement in grant.secret_statements),
        ],
    )


def check_size(cpu: int, memory: int) -> None:
    """Refuse a size that Fargate does not have.

    Raises:
        Mistake: GS1374 or GS1375.
    """
    size = _SIZES.get(cpu)
    if size is None:
        raise Mistake("GS1374", f"Fargate has no tasks of {cpu!r} CPU units",
                      mend=f"choose one of {', '.join(map(str, _SIZES))}")
    least, most, step = size
    fits = isinstance(memory, int) and least <= memory <= most and (memory - least) % step == 0  # pyright: ignore[reportUnnecessaryIsInstance]
    if not fits:
        raise Mistake("GS1375", f"Fargate has no tasks of {cpu} CPU units with {memory!r} MB",
                      mend=f"choose {least} to {most} MB in steps of {step} MB")
