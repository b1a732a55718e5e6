"""Task definitions and images: a size that Fargate has, roles that let a task start, and a Dockerfile that builds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.containers import FARGATE_SIZES, PULL_ACTIONS
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text, truth, unknown, whole
from groundsill.checks.workloads import containers
from groundsill.graph.artifact import ContainerImage
from groundsill.graph.iam_reach import role_of
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
_ECR = r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/"


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
