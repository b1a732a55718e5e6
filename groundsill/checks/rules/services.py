"""Services: an image that is there, ports that meet, and rollouts that get through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.containers import EXEC_ACTIONS
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text, truth, whole
from groundsill.checks.workloads import containers
from groundsill.graph.iam_reach import role_of
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)


@RULES.rule(
    "image-before-its-service",
    Severity.MEDIUM,
    "a service starts from a repository that is still empty",
    types=("aws_ecs_service",),
    rationale="The repository is made in the same apply, so the first tasks find no image: the service never gets stable, "
    "and with a circuit breaker the apply fails.",
    mend="make the repository first, push, and deploy the service by the image's digest",
    example='image = "${aws_ecr_repository.app.repository_url}:latest" with the repository in the same graph',
)
def empty(context: Context, service: Resource) -> Found:
    task = context.view.target(service, "task_definition")
    for container in (containers(context.view, task) or ()) if task is not None else ():
        image = container.get("image")
        for reference in references_in(image):
            target = context.graph.target(reference)
            count = whole(context.view.get(service, "desired_count", default=1))
            if (
                target is not None
                and target.type == "aws_ecr_repository"
                and not target.data
                and count != 0
                and "@sha256:" not in str(image)
            ):
                yield Finding(
                    service, f"container {container.get('name')} takes a tag of {target.address}", related=(target,)
                )


@RULES.rule(
    "service-cannot-roll",
    Severity.HIGH,
    "a service cannot replace its tasks",
    types=("aws_ecs_service",),
    rationale="A rollout stays between the minimum and the maximum of healthy tasks: with 100 % and 100 % no task may stop "
    'and none may start (Amazon ECS Developer Guide, "Amazon ECS service definition parameters").',
    mend="minimum 100 and maximum 200 percent",
    example="desired_count = 1, deployment_minimum_healthy_percent = 100, deployment_maximum_percent = 100",
)
def rolls(context: Context, service: Resource) -> Found:
    count = whole(context.view.get(service, "desired_count", default=1))
    low = whole(context.view.get(service, "deployment_minimum_healthy_percent", default=100))
    high = whole(context.view.get(service, "deployment_maximum_percent", default=200))
    if not count or low is None or high is None or context.view.get(service, "scheduling_strategy") == "DAEMON":
        return
    least, most = -(-count * low // 100), count * high // 100
    if least >= count and most <= count:
        yield Finding(
            service, f"{count} task{'s' * (count != 1)} between {low} % and {high} %", attribute="deployment_maximum_percent"
        )
    elif context.graph.production is not False and least < 1 and most <= count:
        yield Finding(
            service,
            f"{count} task{'s' * (count != 1)} with a minimum of {low} %: none runs during a rollout",
            attribute="deployment_minimum_healthy_percent",
            severity=Severity.MEDIUM,
        )


@RULES.rule(
    "service-without-grace",
    Severity.MEDIUM,
    "a slow start is taken for a failure",
    types=("aws_ecs_service",),
    rationale="Without a grace period ECS kills a task at the load balancer's first failed checks, while it still starts, "
    'and starts the next one: a loop (Amazon ECS Developer Guide, "Amazon ECS service definition parameters").',
    mend="health_check_grace_period_seconds = 60, or as long as a start takes",
    example="load_balancer without health_check_grace_period_seconds",
)
def grace(context: Context, service: Resource) -> Found:
    if (
        context.view.blocks(service, "load_balancer")
        and whole(context.view.get(service, "health_check_grace_period_seconds", default=0)) == 0
    ):
        yield Finding(service, "no health_check_grace_period_seconds", attribute="health_check_grace_period_seconds")


@RULES.rule(
    "service-without-circuit-breaker",
    Severity.LOW,
    "a broken release is tried for ever",
    types=("aws_ecs_service",),
    production_only=True,
    rationale="ECS starts and stops tasks of a release that does not come up until somebody notices; a circuit breaker gives "
    'up and goes back (Amazon ECS Developer Guide, "How the Amazon ECS deployment circuit breaker detects '
    'failures").',
    mend="deployment_circuit_breaker: enable = true, rollback = true",
    example="aws_ecs_service without deployment_circuit_breaker",
)
def breaker(context: Context, service: Resource) -> Found:
    if context.view.get(service, "deployment_controller", "type", default="ECS") != "ECS":
        return
    if truth(context.view.get(service, "deployment_circuit_breaker", "enable"), default=False) is False:
        yield Finding(service, "no deployment_circuit_breaker", attribute="deployment_circuit_breaker")


@RULES.rule(
    "target-port-does-not-meet",
    Severity.HIGH,
    "a load balancer asks a port on which nothing listens",
    types=("aws_ecs_service",),
    rationale="CreateService refuses a container port that no mapping names; a health check on another port never succeeds.",
    mend="use one port for the container's mapping, the service's load_balancer block and the target group",
    example="containerPort = 3000, load_balancer: container_port = 3001",
)
def ports(context: Context, service: Resource) -> Found:
    task = context.view.target(service, "task_definition")
    found = containers(context.view, task) if task is not None and task.type == "aws_ecs_task_definition" else None
    if found is None:
        return
    for block in context.view.blocks(service, "load_balancer"):
        name, port = text(block.get("container_name")), whole(block.get("container_port"))
        container = next((item for item in found if item.get("name") == name), None)
        if name is None or port is None:
            continue
        if container is None:
            yield Finding(service, f"no container is named {name}", attribute="load_balancer")
            continue
        mapped = [whole(mapping(item).get("containerPort")) for item in each(container.get("portMappings"))]
        if port not in mapped:
            yield Finding(
                service,
                f"container {name} has {', '.join(map(str, mapped)) or 'no port'}, not {port}",
                attribute="load_balancer",
            )
        told = mapping(
            {str(mapping(item).get("name")): mapping(item).get("value") for item in each(container.get("environment"))}
        )
        listens = whole(told.get("PORT"))
        if listens is not None and listens != port:
            yield Finding(service, f"container {name} is told PORT={listens}, and asked on {port}", attribute="load_balancer")
        for group in _groups(context, block):
            checked = context.view.get(group, "health_check", "port", default="traffic-port")
            if checked != "traffic-port" and whole(checked) not in (None, *mapped):
                yield Finding(
                    group,
                    f"it checks port {checked}, and the container has {', '.join(map(str, mapped))}",
                    attribute="health_check.port",
                    related=(service,),
                )


def _groups(context: Context, block: Mapping[str, Any]) -> Iterator[Resource]:
    for reference in references_in(block.get("target_group_arn")):
        target = context.graph.target(reference)
        if target is not None and target.type == "aws_lb_target_group":
            yield target


@RULES.rule(
    "shell-without-rights",
    Severity.HIGH,
    "a shell into tasks is switched on, and cannot be opened",
    types=("aws_ecs_service",),
    rationale="ECS Exec runs an agent with the task role, which needs four ssmmessages actions (Amazon ECS Developer Guide, "
    '"Monitor Amazon ECS containers with ECS Exec").',
    mend="give the task role the ssmmessages actions, or switch enable_execute_command off",
    example="enable_execute_command = true, task without task_role_arn",
)
def shell(context: Context, service: Resource) -> Found:
    if truth(context.view.get(service, "enable_execute_command"), default=False) is not True:
        return
    task = context.view.target(service, "task_definition")
    if task is None or task.type != "aws_ecs_task_definition":
        return
    role = role_of(context.view, task, "task_role_arn")
    if context.view.get(task, "task_role_arn") is None:
        yield Finding(service, f"{task.address} has no task role", attribute="enable_execute_command", related=(task,))
    elif role is not None:
        for action in EXEC_ACTIONS:
            judged = context.access.allows(role, action)
            if judged.is_no:
                yield Finding(service, judged.reasons[0], attribute="enable_execute_command", related=(role,))
                return


@RULES.rule(
    "scaling-fights-the-definition",
    Severity.MEDIUM,
    "every apply undoes what autoscaling did",
    types=("aws_ecs_service",),
    rationale="desired_count of the definition is set again at each apply: in the middle of a busy day the service shrinks "
    "to it.",
    mend="lifecycle: ignore_changes = [desired_count]",
    example="aws_appautoscaling_target of a service without ignore_changes",
)
def fights(context: Context, service: Resource) -> Found:
    targets = list(context.view.referring(service, "aws_appautoscaling_target"))
    ignored = service.lifecycle.ignore_changes if service.lifecycle else ()
    if (
        targets
        and service.arguments.get("desired_count") is not None
        and "desired_count" not in ignored
        and "all" not in ignored
    ):
        yield Finding(service, f"{targets[0].address} scales it", attribute="desired_count", related=(targets[0],))
