"""Tasks and services: a size that Fargate has, roles that let them start, ports that meet, and rollouts that get through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.containers import EXEC_ACTIONS, FARGATE_SIZES, PULL_ACTIONS
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text, truth, unknown, whole
from groundsill.checks.workloads import containers
from groundsill.graph.artifact import ContainerImage
from groundsill.graph.iam_reach import role_of
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
_ECR = r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/"
_SEEDS = r"(^|_)(SEED|DEMO|FIXTURES?|SAMPLE_DATA)(_|$)"
_TRUE = ("true", "1", "yes", "on")


def _fargate(context: Context, task: Resource) -> bool:
    return "FARGATE" in each(context.view.get(task, "requires_compatibilities"))


def _ecr_images(context: Context, task: Resource) -> Iterator[tuple[Mapping[str, Any], Resource | None]]:
    """Containers whose image comes from ECR, and the repository where the graph has it."""
    for container in containers(context.view, task) or ():
        image = container.get("image")
        repository = None
        for reference in references_in(image):
            target = context.graph.target(reference)
            if target is not None and target.type == "aws_ecr_repository":
                repository = target
            artifact = context.artifacts.get(reference.address)
            if isinstance(artifact, ContainerImage):
                repository = context.graph.resources.get(artifact.repository)
        if repository is not None or (isinstance(image, str) and re.match(_ECR, image)):
            yield container, repository


@RULES.rule(
    "fargate-size-refused",
    Severity.CRITICAL,
    "Fargate has no task of this size",
    types=("aws_ecs_task_definition",),
    rationale='Memory goes with CPU in fixed steps (Amazon ECS Developer Guide, "Fargate task definition differences"): '
    'RegisterTaskDefinition refuses other pairs ("No Fargate configuration exists for given values").',
    mend="choose a pair that Fargate has, for example 256 and 512, 512 and 1024, 1024 and 2048",
    example="cpu = 256, memory = 4096",
)
def size(context: Context, task: Resource) -> Found:
    if not _fargate(context, task):
        return
    given = (context.view.get(task, "cpu"), context.view.get(task, "memory"))
    cpu, memory = (whole(item) for item in given)
    if any(unknown(item) for item in given):
        yield Finding(task, "its size is known only after apply", unknown=True)
    elif cpu is None or memory is None:
        yield Finding(task, "Fargate needs cpu and memory of the task", attribute="cpu")
    elif cpu not in FARGATE_SIZES:
        yield Finding(task, f"{cpu} CPU units; Fargate has {', '.join(map(str, FARGATE_SIZES))}", attribute="cpu")
    elif memory not in FARGATE_SIZES[cpu]:
        low, high = FARGATE_SIZES[cpu][0], FARGATE_SIZES[cpu][-1]
        yield Finding(task, f"{cpu} CPU units with {memory} MB; they go with {low} to {high} MB in steps", attribute="memory")


@RULES.rule(
    "task-definition-refused",
    Severity.CRITICAL,
    "ECS refuses the task definition",
    types=("aws_ecs_task_definition",),
    rationale="Fargate takes network mode awsvpc, in which a host port is the container's; one container is essential, and "
    'names and ports are taken once (Amazon ECS API Reference, "RegisterTaskDefinition").',
    mend="correct what is named",
    example='requires_compatibilities = ["FARGATE"], network_mode = "bridge"',
)
def definition(context: Context, task: Resource) -> Found:
    mode = context.view.get(task, "network_mode")
    if _fargate(context, task) and not unknown(mode) and mode != "awsvpc":
        yield Finding(task, f"network_mode is {mode}", attribute="network_mode")
    found = containers(context.view, task)
    if found is None:
        return
    if not found:
        yield Finding(task, "it has no container", attribute="container_definitions")
    elif all(truth(item.get("essential"), default=True) is False for item in found):
        yield Finding(task, "no container is essential", attribute="container_definitions")
    names = [str(item.get("name")) for item in found]
    for name in sorted({item for item in names if names.count(item) > 1}):
        yield Finding(task, f"two containers are named {name}", attribute="container_definitions")
    for item in found:
        for port in each(item.get("portMappings")):
            host, inside = whole(mapping(port).get("hostPort")), whole(mapping(port).get("containerPort"))
            if mode == "awsvpc" and host not in (None, 0, inside) and inside is not None:
                yield Finding(
                    task,
                    f"container {item.get('name')}: host port {host} is not its port {inside}",
                    attribute="container_definitions",
                )
    memory, taken = whole(context.view.get(task, "memory")), [whole(item.get("memory")) or 0 for item in found]
    if memory and sum(taken) > memory:
        yield Finding(task, f"its containers take {sum(taken)} MB of {memory}", attribute="container_definitions")


@RULES.rule(
    "execution-role-cannot-pull",
    Severity.HIGH,
    "the execution role may not pull the image",
    types=("aws_ecs_task_definition",),
    family=Family.RUNS,
    rationale="ECS pulls with the execution role: without ecr:GetAuthorizationToken, BatchGetImage and "
    'GetDownloadUrlForLayer tasks stop with CannotPullContainerError (Amazon ECS Developer Guide, "Amazon ECS '
    'task execution IAM role").',
    mend="attach AmazonECSTaskExecutionRolePolicy, or grant the three actions on the repository",
    example="execution role without ecr:BatchGetImage",
)
def pull(context: Context, task: Resource) -> Found:
    images = list(_ecr_images(context, task))
    if not images:
        return
    if context.view.get(task, "execution_role_arn") is None:
        yield Finding(task, "it has no execution role, and its image is in ECR", attribute="execution_role_arn")
        return
    role = role_of(context.view, task, "execution_role_arn")
    if role is None:
        return
    for _, repository in images:
        for action in PULL_ACTIONS:
            about = {} if action == PULL_ACTIONS[0] or repository is None else {"target": repository}
            judged = context.access.allows(role, action, **about)
            if judged.is_no:
                yield Finding(task, judged.reasons[0], attribute="execution_role_arn", related=(role,))
                return
            if judged.is_unknown:
                yield Finding(task, f"whether {role.address} may {action} is not known", unknown=True)
                return


@RULES.rule(
    "execution-role-cannot-write-log",
    Severity.HIGH,
    "the execution role may not open the container's log",
    types=("aws_ecs_task_definition",),
    family=Family.RUNS,
    rationale="The awslogs driver starts before the container: without logs:CreateLogStream and PutLogEvents the task stops "
    'with ResourceInitializationError (Amazon ECS Developer Guide, "Send Amazon ECS logs to CloudWatch").',
    mend="grant both actions on the log group",
    example="logDriver = awslogs, execution role without logs:CreateLogStream",
)
def log(context: Context, task: Resource) -> Found:
    drivers = [mapping(item.get("logConfiguration")) for item in containers(context.view, task) or ()]
    used = [item for item in drivers if item.get("logDriver") == "awslogs"]
    if not used or not _fargate(context, task):
        return
    role = role_of(context.view, task, "execution_role_arn")
    if context.view.get(task, "execution_role_arn") is None:
        yield Finding(task, "it logs to CloudWatch, and has no execution role", attribute="execution_role_arn")
    elif role is not None:
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            judged = context.access.allows(role, action)
            if judged.is_no:
                yield Finding(task, judged.reasons[0], attribute="execution_role_arn", related=(role,))
                return


@RULES.rule(
    "execution-role-cannot-read-secret",
    Severity.HIGH,
    "the execution role may not read a secret of the container",
    types=("aws_ecs_task_definition",),
    family=Family.RUNS,
    rationale="ECS puts secrets into containers with the execution role: without secretsmanager:GetSecretValue or "
    "ssm:GetParameters on the exact ARN the task stops with ResourceInitializationError (Amazon ECS Developer "
    'Guide, "Pass sensitive data to an Amazon ECS container").',
    mend="grant the action on the secret's ARN to the execution role, not to the task role",
    example="secrets: valueFrom = aws_secretsmanager_secret.db.arn, execution role without secretsmanager:GetSecretValue",
)
def secret(context: Context, task: Resource) -> Found:
    role = role_of(context.view, task, "execution_role_arn")
    for container in containers(context.view, task) or ():
        for item in each(container.get("secrets")):
            value = mapping(item).get("valueFrom")
            targets = [context.graph.target(reference) for reference in references_in(value)]
            parameter = any(found is not None and found.type == "aws_ssm_parameter" for found in targets)
            written = text(value) or ""
            action = "ssm:GetParameters" if parameter or ":ssm:" in written else "secretsmanager:GetSecretValue"
            if role is None:
                if context.view.get(task, "execution_role_arn") is None:
                    yield Finding(
                        task,
                        f"{mapping(item).get('name')} is a secret, and there is no execution role",
                        attribute="execution_role_arn",
                    )
                continue
            about = next((found for found in targets if found is not None), value)
            if about is not None and getattr(about, "type", "") not in (
                "aws_secretsmanager_secret",
                "aws_ssm_parameter",
                "aws_secretsmanager_secret_version",
            ):
                about = next(iter(references_in(value)), value)
            judged = context.access.allows(role, action, about)
            if judged.is_no:
                yield Finding(
                    task,
                    f"{mapping(item).get('name')}: {judged.reasons[0]}",
                    attribute="container_definitions",
                    related=(role,),
                )
            elif judged.is_unknown:
                yield Finding(task, f"whether {role.address} may read {mapping(item).get('name')} is not known", unknown=True)


@RULES.rule(
    "image-before-its-service",
    Severity.MEDIUM,
    "a service starts from a repository that is still empty",
    types=("aws_ecs_service",),
    family=Family.RUNS,
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
    "image-of-another-architecture",
    Severity.HIGH,
    "an image is built for another processor than its task runs on",
    types=("aws_ecs_task_definition",),
    family=Family.RUNS,
    rationale='The container exits at once with "exec format error".',
    mend="build for the platform of runtime_platform.cpu_architecture",
    example="cpu_architecture = X86_64, image built for linux/arm64",
)
def architecture(context: Context, task: Resource) -> Found:
    wanted = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}.get(
        context.view.get(task, "runtime_platform", "cpu_architecture", default="X86_64")
    )
    # The references themselves: a variable stands for the image that is built for it.
    for reference in references_in(task.arguments.get("container_definitions")):
        artifact = context.artifacts.get(reference.address)
        if isinstance(artifact, ContainerImage) and wanted and artifact.platform != wanted:
            yield Finding(
                task,
                f"{artifact.name} is built for {artifact.platform}, and the task runs on {wanted}",
                attribute="runtime_platform",
            )


@RULES.rule(
    "dockerfile-unreadable",
    Severity.HIGH,
    "an image cannot be built from its Dockerfile",
    family=Family.DEPLOYS,
    rationale="The build stops: there is no such file, it begins without FROM, or it copies what the context does not hold.",
    mend="correct the path, or the line that is named",
    example="COPY requirement.txt . where the file is requirements.txt",
)
def dockerfile(context: Context) -> Found:
    for artifact in context.graph.artifacts:
        if not isinstance(artifact, ContainerImage):
            continue
        resource = context.graph.resources.get(artifact.repository)
        file = artifact.context / artifact.dockerfile
        if not file.is_file():
            yield Finding(resource, f"there is no {artifact.dockerfile}")
            continue
        for reason in _dockerfile_faults(file.read_text(encoding="utf-8", errors="replace"), artifact):
            yield Finding(resource, f"{artifact.dockerfile}: {reason}")


def _dockerfile_faults(content: str, artifact: ContainerImage) -> Iterator[str]:
    joined = re.sub(r"\\\s*\n", " ", content)
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    first = next((line for line in lines if not line.upper().startswith("ARG ")), "")
    if not first.upper().startswith("FROM "):
        yield "it does not begin with FROM"
    stages = {parts[-1].lower() for line in lines if line.upper().startswith("FROM ") and len(parts := line.split()) >= 4}
    if artifact.target and artifact.target.lower() not in stages:
        yield f"there is no stage {artifact.target!r}"
    for line in lines:
        parts = line.split()
        if parts[0].upper() not in ("COPY", "ADD") or "--from=" in line or len(parts) < 3:
            continue
        for source in [part for part in parts[1:-1] if not part.startswith(("--", "["))]:
            if not re.search(r"[*?\[\]$\"']|://", source) and not (artifact.context / source.lstrip("/")).exists():
                yield f"it copies {source}, which is not in the context"


@RULES.rule(
    "service-cannot-roll",
    Severity.HIGH,
    "a service cannot replace its tasks",
    types=("aws_ecs_service",),
    family=Family.RUNS,
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
    family=Family.RUNS,
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
    family=Family.RUNS,
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
    family=Family.RUNS,
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
    family=Family.RUNS,
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
    "demo-data-in-production",
    Severity.HIGH,
    "production is filled with demo data at each start",
    types=("aws_ecs_task_definition", "aws_lambda_function"),
    family=Family.RUNS,
    rationale="A seed that belongs to development writes rows, and often accounts with known passwords, into the real "
    "database.",
    mend="switch it off outside of development",
    example='SEED_DB = "true" beside NODE_ENV = "production"',
)
def seeds(context: Context, resource: Resource) -> Found:
    if resource.type == "aws_lambda_function":
        found = [mapping(context.view.get(resource, "environment", "variables"))]
    else:
        found = [
            {str(mapping(item).get("name")): mapping(item).get("value") for item in each(container.get("environment"))}
            for container in containers(context.view, resource) or ()
        ]
    for variables in found:
        if context.graph.production is False and context.graph.stage:
            continue
        real = context.graph.production or any(
            variables.get(name) == "production" for name in ("NODE_ENV", "APP_ENV", "ENVIRONMENT")
        )
        for name, value in variables.items():
            if real and str(value).lower() in _TRUE and re.search(_SEEDS, name.upper()):
                yield Finding(resource, f"{name} is {value}", attribute="environment")


@RULES.rule(
    "spot-without-fallback",
    Severity.MEDIUM,
    "a service depends on spare capacity that AWS may take back",
    types=("aws_instance", "aws_ecs_service", "aws_autoscaling_group"),
    family=Family.RUNS,
    production_only=True,
    rationale="Spot capacity is taken back after two minutes' notice, and may be missing in one zone or of one type for "
    'hours (Amazon EC2 User Guide, "Spot Instances").',
    mend="a base of on-demand capacity, several types and zones; spot for what is beyond",
    example="aws_ecs_service: capacity_provider_strategy = FARGATE_SPOT alone",
)
def spot(context: Context, resource: Resource) -> Found:
    view = context.view
    if resource.type == "aws_instance":
        if (
            view.get(resource, "instance_market_options", "market_type") == "spot"
            or view.get(resource, "spot_price") is not None
        ):
            yield Finding(resource, "it is one machine of one type in one zone, on spot", attribute="instance_market_options")
    elif resource.type == "aws_ecs_service":
        blocks = view.blocks(resource, "capacity_provider_strategy")
        if blocks and all(text(block.get("capacity_provider")) == "FARGATE_SPOT" for block in blocks):
            yield Finding(resource, "all of its tasks are on FARGATE_SPOT", attribute="capacity_provider_strategy")
    else:
        policy = view.get(resource, "mixed_instances_policy", "instances_distribution")
        for block in view.blocks(resource, "mixed_instances_policy", "instances_distribution") if policy is not None else ():
            base = whole(block.get("on_demand_base_capacity")) or 0
            above = block.get("on_demand_percentage_above_base_capacity")
            if base == 0 and above is not None and whole(above) == 0:
                yield Finding(resource, "no machine is on demand", attribute="mixed_instances_policy")


@RULES.rule(
    "spot-price-set",
    Severity.LOW,
    "a highest price for spot capacity",
    types=("aws_instance", "aws_launch_template"),
    family=Family.RUNS,
    rationale="Spot is charged at its market price whatever the highest price is; a low one only takes the machine away "
    'sooner (Amazon EC2 User Guide, "Spot Instances", maximum price).',
    mend="leave it out: the on-demand price is the limit then",
    example='spot_options: max_price = "0.30"',
)
def price(context: Context, machine: Resource) -> Found:
    if (
        context.view.get(machine, "instance_market_options", "spot_options", "max_price") is not None
        or context.view.get(machine, "spot_price") is not None
    ):
        yield Finding(machine, "max_price is set", attribute="instance_market_options")


@RULES.rule(
    "scaling-fights-the-definition",
    Severity.MEDIUM,
    "every apply undoes what autoscaling did",
    types=("aws_ecs_service",),
    family=Family.RUNS,
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
