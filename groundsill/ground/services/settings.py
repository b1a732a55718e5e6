"""What the runner must know about one service, read from `aws_ecs_service` and its `aws_ecs_task_definition`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

# Amazon ECS API Reference, "ContainerDefinition", stopTimeout: 30 seconds where it is not given, at most 120 on Fargate.
DEFAULT_STOP_SECONDS = 30
_UNSUPPORTED = {
    "healthCheck": "its container health check is not run here; the load balancer's is",
    "dependsOn": "its `dependsOn` has nothing to wait for: one container of a task runs here",
    "environmentFiles": "its `environmentFiles` are not read here",
    "mountPoints": "its `mountPoints` are not mounted here: it sees the build context's own files",
    "workingDirectory": "its `workingDirectory` is not used here: it starts in the build context's folder",
}


class ServiceRefused(Exception):
    """A service that the ground cannot run.

    Arguments:
        address: Terraform address of the service.
        reason: why, as a sentence without its subject.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} does not run here: {reason}")
        self.address, self.reason = address, reason


@dataclass(frozen=True)
class ServiceSettings:
    """One service as the runner starts it.

    Arguments:
        component: the name in the user's definition, for logs.
        service_name: name on AWS.
        container_name: the container that runs, for example ``energy-api``.
        command: program and arguments. ``python`` and ``python3`` stand for `interpreter`.
        directory: the image's build context; the process starts in it.
        interpreter: the Python of the workload.
        environment: declared variables, and those that name its role and the AWS API.
        container_port: the port it listens on inside its container; None (default) for a worker.
        desired_count: tasks, default 1.
        cpu_units: recorded; a process here may use the whole machine. Default 256.
        memory_megabytes: a task whose processes use more is killed. Default 512.
        stop_timeout: seconds from SIGTERM to SIGKILL, default 30.
        target_group_arns: where its tasks are registered.
        health_check_grace_seconds: a young task is not replaced for failing health checks, default 0.
        watch: files and folders whose change replaces the tasks.
        minimum_healthy_percent: of the desired count, while tasks are replaced. Default 100.
        maximum_percent: of the desired count, while tasks are replaced. Default 200.
        circuit_breaker: whether a deployment whose tasks do not start is given up. Default true.
        rollback: whether the former tasks then go on. Default true.
        log_prefix: first part of the log stream; default `component`.
        region: for example ``us-east-1``.
        cautions: what of the definition is not done here; logged at the start.

    Example:
        >>> import sys
        >>> ServiceSettings("worker", "jobs-worker", "worker", ("python", "-m", "worker"), Path("."),
        ...                 Path(sys.executable), {}).desired_count
        1
    """

    component: str
    service_name: str
    container_name: str
    command: tuple[str, ...]
    directory: Path
    interpreter: Path
    environment: Mapping[str, str]
    container_port: int | None = None
    desired_count: int = 1
    cpu_units: int = 256
    memory_megabytes: int = 512
    stop_timeout: float = DEFAULT_STOP_SECONDS
    target_group_arns: tuple[str, ...] = ()
    health_check_grace_seconds: float = 0
    watch: tuple[Path, ...] = ()
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    circuit_breaker: bool = True
    rollback: bool = True
    log_prefix: str = ""
    region: str = "us-east-1"
    cautions: tuple[str, ...] = ()


def settings_from(
    graph: ResolvedGraph,
    *,
    directory_of: Callable[[str], Path],
    interpreter: Path,
    credentials: Callable[[str], Mapping[str, str]],
    watch_of: Callable[[str], Sequence[Path]] | None = None,
    secret_of: Callable[[str], str] | None = None,
    refused: Callable[[str, str], None] | None = None,
) -> list[ServiceSettings]:
    """The settings of every `aws_ecs_service`.

    Arguments:
        graph: all resources, references resolved.
        directory_of: the build context of a component's image. A ``KeyError`` means that the image is not built from
            files of this system.
        interpreter: the Python of the workloads.
        credentials: the variables of a role and of the AWS API, by the role's ARN.
        watch_of: what to watch of a component; default its build context. See `dockerfile.copied_paths`.
        secret_of: the value of a secret by the ARN that `valueFrom` holds; without it such services are refused.
        refused: told the address and the reason of each service that cannot run. Default: raise.

    Raises:
        ServiceRefused: a service cannot run here, and `refused` is not given.

    Example::

        services = settings_from(graph, directory_of=contexts.__getitem__, interpreter=Path(sys.executable),
                                 credentials=lambda role: variables[role], refused=lambda address, why: print(why))
    """
    found: list[ServiceSettings] = []
    for service in graph.of_type("aws_ecs_service"):
        try:
            try:
                found.append(_settings(graph, service, directory_of, interpreter, credentials, watch_of, secret_of))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # Container definitions are the user's own JSON, which Terraform does not look into.
                raise ServiceRefused(service.address, f"its task cannot be read: {error!r}") from error
        except ServiceRefused as refusal:
            if refused is None:
                raise
            refused(refusal.address, refusal.reason)
    return found


def _settings(
    graph: ResolvedGraph, service: ResolvedResource, directory_of: Callable[[str], Path], interpreter: Path,
    credentials: Callable[[str], Mapping[str, str]], watch_of: Callable[[str], Sequence[Path]] | None,
    secret_of: Callable[[str], str] | None,
) -> ServiceSettings:
    given = service.arguments
    task = _task_definition(graph, service)
    balancers = _blocks(given, "load_balancer")
    container, others = _container(service, task, balancers)
    component = service.component or service.name
    command = tuple(str(part) for part in [*(container.get("entryPoint") or ()), *(container.get("command") or ())])
    if not command:
        raise ServiceRefused(service.address, "its container definition has no `command`, so only the image knows what "
                                              "to start")
    try:
        directory = directory_of(component)
    except KeyError:
        raise ServiceRefused(service.address, "its image is not built from files of this system") from None
    role = task.arguments.get("task_role_arn")
    breaker = service.block("deployment_circuit_breaker")
    name = str(container.get("name") or component)
    ports = [int(entry["containerPort"]) for entry in container.get("portMappings") or () if entry.get("containerPort")]
    balanced = [int(block["container_port"]) for block in balancers if block.get("container_port")]
    logging: Mapping[str, Any] = container.get("logConfiguration") or {}
    options: Mapping[str, Any] = logging.get("options") or {}
    grace = given.get("health_check_grace_period_seconds")
    memory = container.get("memory") or task.arguments.get("memory")
    stop = container.get("stopTimeout")
    desired = given.get("desired_count")
    return ServiceSettings(
        component=component,
        service_name=str(given.get("name") or service.name),
        container_name=name,
        command=command,
        directory=directory,
        interpreter=interpreter,
        environment={**(credentials(str(role)) if role else {}), **_variables(service, container, secret_of)},
        container_port=(balanced or ports or [None])[0],
        # AWS provider, "aws_ecs_service": desired_count defaults to 0; a daemon runs one task a machine.
        desired_count=1 if given.get("scheduling_strategy") == "DAEMON" else int(desired or 0),
        cpu_units=_amount(task.arguments.get("cpu"), "vcpu", 256),
        memory_megabytes=_amount(memory, "gb", 512),
        stop_timeout=float(DEFAULT_STOP_SECONDS if stop is None else stop),
        target_group_arns=tuple(str(block["target_group_arn"]) for block in balancers if block.get("target_group_arn")),
        health_check_grace_seconds=float(grace or 0),
        watch=tuple(watch_of(component)) if watch_of else (directory,),
        minimum_healthy_percent=_percent(given.get("deployment_minimum_healthy_percent"), 100),
        maximum_percent=_percent(given.get("deployment_maximum_percent"), 200),
        circuit_breaker=bool(breaker.get("enable")),
        rollback=bool(breaker.get("rollback")),
        log_prefix=str(options.get("awslogs-stream-prefix") or component),
        region=_region(task, options),
        cautions=(*(f"container {other!r} of the same task does not run here" for other in others),
                  *(text for key, text in _UNSUPPORTED.items() if container.get(key))),
    )


def _task_definition(graph: ResolvedGraph, service: ResolvedResource) -> ResolvedResource:
    wanted = str(service.arguments.get("task_definition") or "")
    for task in graph.of_type("aws_ecs_task_definition"):
        family = str(task.arguments.get("family") or "")
        names = {str(task.attributes.get("arn")), str(task.attributes.get("arn_without_revision")), family,
                 f"{family}:{task.attributes.get('revision')}"}
        if wanted and wanted in names:
            return task
    raise ServiceRefused(service.address, f"its task definition {wanted!r} is not a resource of this system")


def _container(
    service: ResolvedResource, task: ResolvedResource, balancers: list[Mapping[str, Any]],
) -> tuple[Mapping[str, Any], list[str]]:
    """The container that runs, and the names of those that do not."""
    text = task.arguments.get("container_definitions")
    try:
        containers: list[Mapping[str, Any]] = json.loads(text) if isinstance(text, str) else list(text or ())
    except ValueError as error:
        raise ServiceRefused(service.address, f"the container definitions of {task.address} are not JSON: {error}") from None
    if not containers:
        raise ServiceRefused(service.address, f"{task.address} has no container definition")
    balanced = {block.get("container_name") for block in balancers}
    chosen = next((one for one in containers if one.get("name") in balanced), None)
    chosen = chosen or next((one for one in containers if one.get("essential") is not False), containers[0])
    return chosen, [str(one.get("name")) for one in containers if one is not chosen]


def _variables(
    service: ResolvedResource, container: Mapping[str, Any], secret_of: Callable[[str], str] | None,
) -> dict[str, str]:
    variables = {str(entry["name"]): _text(entry.get("value")) for entry in container.get("environment") or ()}
    for entry in container.get("secrets") or ():
        source = str(entry.get("valueFrom"))
        if secret_of is None:
            raise ServiceRefused(service.address, f"its variable {entry.get('name')} is the secret {source}, which is not "
                                                  "known here")
        variables[str(entry["name"])] = secret_of(source)
    return variables


def _text(value: object) -> str:
    # ECS takes strings only; Terraform's jsonencode writes true and numbers as they are.
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _blocks(arguments: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value: Mapping[str, Any] | Sequence[Mapping[str, Any]] = arguments.get(name) or []
    return [value] if isinstance(value, Mapping) else list(value)


def _percent(value: object, default: int) -> int:
    return default if value is None or value == "" else int(str(value))


def _amount(value: object, unit: str, default: int) -> int:
    """CPU units or megabytes of ``512``, ``".5 vCPU"`` or ``"2 GB"`` (Amazon ECS, "Task size")."""
    match = re.fullmatch(rf"\s*(\d*\.?\d+)\s*({unit})?\s*", str(value), re.IGNORECASE) if value else None
    if match is None:
        return default
    return round(float(match[1]) * (1024 if match[2] else 1))


def _region(task: ResolvedResource, options: Mapping[str, Any]) -> str:
    parts = str(task.attributes.get("arn") or "").split(":")
    return str((parts[3] if len(parts) > 5 else "") or options.get("awslogs-region") or "us-east-1")
