"""ECS tasks and services, and the repositories their images come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import FALSE, expected, none_of, number, one_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import JsonDocument
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
TASK, SERVICE, CLUSTER, REPOSITORY = "aws_ecs_task_definition", "aws_ecs_service", "aws_ecs_cluster", "aws_ecr_repository"
_FIRST_FREE_PORT = 1024


def containers(context: Context, task: Resource) -> list[Mapping[str, Any]]:
    """The container definitions of a task definition; none where they are not known."""
    value = context.view.get(task, "container_definitions")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    content = value.content if isinstance(value, JsonDocument) else value
    return [item for item in content if is_mapping(item)] if is_list(content) else []


@RULES.rule(
    "container-privileged", Severity.HIGH, "a container has the rights of the machine's administrator",
    rationale="Whoever breaks into it has the machine and all its containers: Amazon ECS developer guide, \"Task and container "
              "security best practices\".",
    mend="leave `privileged` out", types=(TASK,), controls=("FSBP ECS.4", "CKV_AWS_334"),
)
def _privileged(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        if truth(container.get("privileged")):
            yield Finding(task, f"container `{container.get('name')}` is privileged", attribute="container_definitions")


@RULES.rule(
    "container-writable-root", Severity.LOW, "whoever breaks into a container can change its programs",
    rationale="With a read-only root file system nothing can be left there: Amazon ECS developer guide, \"Task and container "
              "security best practices\".",
    mend="set readonlyRootFilesystem, and mount a volume where the process writes", types=(TASK,), tiers=("enterprise",),
    production_only=True, controls=("FSBP ECS.5", "CKV_AWS_336"),
)
def _writable(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        if not truth(container.get("readonlyRootFilesystem")) and is_known(container.get("readonlyRootFilesystem")):
            yield Finding(task, f"container `{container.get('name')}` may write to it", attribute="container_definitions")


@RULES.rule(
    "container-runs-as-root", Severity.HIGH, "a container's process runs as root",
    rationale="A way out of the container then leads to the machine's root: Amazon ECS developer guide, \"Task and container "
              "security best practices\".",
    mend="name a user without privileges", types=(TASK,), controls=("FSBP ECS.20",),
)
def _root(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        user = str(container.get("user", "")).split(":")[0]
        if user in ("root", "0"):
            yield Finding(task, f"`user` of container `{container.get('name')}` is {user}", attribute="container_definitions")


@RULES.rule(
    "container-port-needs-root", Severity.MEDIUM, "a container listens on a port that only root may take",
    rationale="Below 1024 a process without privileges cannot listen, so the image runs as root: Amazon ECS developer guide, "
              "\"Task and container security best practices\", run containers as a non-root user.",
    mend="listen on 8080; the load balancer listens on 80 and 443", types=(TASK,),
)
def _low_port(context: Context, task: Resource) -> Iterator[Finding]:
    if context.view.get(task, "network_mode") != "awsvpc":
        return
    for container in containers(context, task):
        mappings = container.get("portMappings")
        for mapping in mappings if is_list(mappings) else ():
            port = number(mapping.get("containerPort")) if is_mapping(mapping) else None
            if port is not None and port < _FIRST_FREE_PORT:
                yield Finding(task, f"container `{container.get('name')}` listens on {port:g}", attribute="container_definitions")


@RULES.rule(
    "container-without-log", Severity.MEDIUM, "what a container says is lost",
    rationale="After an incident there is nothing to read: Amazon ECS developer guide, \"Send Amazon ECS logs to CloudWatch\".",
    mend="add a logConfiguration", types=(TASK,), controls=("FSBP ECS.9",),
)
def _no_log(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        if not container.get("logConfiguration"):
            yield Finding(task, f"container `{container.get('name')}` has no logConfiguration", attribute="container_definitions")


@RULES.rule(
    "container-image-moves", Severity.MEDIUM, "which image runs is decided by whoever pushes next",
    rationale="The same task definition starts something else after a push, and a rollback starts the same: Amazon ECS developer "
              "guide, \"Best practices for Amazon ECS container images\".",
    mend="deploy by digest, or by a tag that is never given twice", types=(TASK,),
)
def _moving_image(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        image = container.get("image")
        if not isinstance(image, str) or not image or "@sha256:" in image:
            continue
        repository, _, tag = image.rpartition("/")[2].partition(":")
        known = is_known(image)
        if (known or is_known(tag)) and (tag == "latest" or (known and repository and not tag)):
            yield Finding(task, f"container `{container.get('name')}` runs the tag {tag or 'latest'}",
                          attribute="container_definitions")


@RULES.rule(
    "task-shares-its-roles", Severity.MEDIUM, "the process has the rights with which it is started",
    rationale="Pulling images and fetching secrets is for the agent, not for the program: Amazon ECS developer guide, \"Task IAM "
              "role\".",
    mend="give task_role_arn a role of its own", types=(TASK,), controls=("CKV_AWS_249",),
)
def _same_role(context: Context, task: Resource) -> Iterator[Finding]:
    own, starting = context.view.get(task, "task_role_arn"), context.view.get(task, "execution_role_arn")
    if own is not None and own == starting:
        yield Finding(task, "`task_role_arn` and `execution_role_arn` are the same", attribute="task_role_arn")


@RULES.rule(
    "service-with-public-address", Severity.MEDIUM, "tasks have addresses on the internet",
    rationale="Behind a load balancer nobody needs to reach a task, and each address costs: Amazon ECS developer guide, \"Best "
              "practices for connecting Amazon ECS to AWS services from inside your VPC\".",
    mend="place tasks in private subnets, with a NAT gateway or endpoints", types=(SERVICE, "aws_ecs_task_set"),
    production_only=True, controls=("FSBP ECS.2", "FSBP ECS.16", "CKV_AWS_333"),
)
def _public_address(context: Context, service: Resource) -> Iterator[Finding]:
    if truth(context.view.get(service, "network_configuration", "assign_public_ip")):
        yield Finding(service, "`assign_public_ip` is true", attribute="network_configuration")


@RULES.rule(
    "cluster-without-insights", Severity.LOW, "what tasks and services use cannot be seen one by one",
    rationale="Metrics by task and by service come from it alone: Amazon CloudWatch user guide, \"Container Insights\".",
    mend="set containerInsights to enabled or enhanced", types=(CLUSTER,), tiers=("standard", "enterprise"),
    production_only=True, controls=("FSBP ECS.12", "CKV_AWS_65"),
)
def _no_insights(context: Context, cluster: Resource) -> Iterator[Finding]:
    settings = context.view.blocks(cluster, "setting")
    values = [block.get("value") for block in settings if block.get("name") == "containerInsights"]
    if not any(value in ("enabled", "enhanced") or not is_known(value) for value in values):
        yield Finding(cluster, f"containerInsights is {values[0] if values else 'not set'}", attribute="setting")


@RULES.rule(
    "repository-not-scanned", Severity.MEDIUM, "known flaws in images are not looked for",
    rationale="A scan on push names the packages with known flaws: Amazon ECR user guide, \"Scan images for software "
              "vulnerabilities\".",
    mend="set image_scanning_configuration with scan_on_push, or scan for the whole registry", types=(REPOSITORY,),
    controls=("FSBP ECR.1", "CKV_AWS_163"),
)
def _not_scanned(context: Context, repository: Resource) -> Iterator[Finding]:
    if context.of_type("aws_ecr_registry_scanning_configuration"):
        return
    scan = context.view.get(repository, "image_scanning_configuration", "scan_on_push", default=False)
    if is_known(scan) and not truth(scan):
        yield Finding(repository, "`scan_on_push` is not true", attribute="image_scanning_configuration")


@RULES.rule(
    "repository-keeps-everything", Severity.LOW, "images are kept for ever",
    rationale="Old images cost, and carry flaws that nobody mends: Amazon ECR user guide, \"Automate the cleanup of images by "
              "using lifecycle policies\".",
    mend="add an aws_ecr_lifecycle_policy", types=(REPOSITORY,), controls=("FSBP ECR.3",),
)
def _no_lifecycle(context: Context, repository: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(repository, "aws_ecr_lifecycle_policy")):
        yield Finding(repository, "no lifecycle policy refers to it")


_FEWEST_IMAGES = 20


@RULES.rule(
    "repository-forgets-what-runs", Severity.LOW, "a busy day of builds deletes the image that runs",
    rationale="A count over all images knows nothing of what is deployed, and then no task starts and no rollback "
              "works: Amazon ECR user "
              "guide, \"Automate the cleanup of images by using lifecycle policies\".",
    mend="keep images whose tag says that they were deployed by a rule of their own, before the count over all",
    types=("aws_ecr_lifecycle_policy",),
)
def _forgets(context: Context, policy: Resource) -> Iterator[Finding]:
    document = context.view.get(policy, "policy")
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return
    content = document.content if isinstance(document, JsonDocument) else document
    rules = [rule for rule in as_blocks(content.get("rules")) if is_mapping(rule)] if is_mapping(content) else []
    selections = [selection for rule in rules if is_mapping(selection := rule.get("selection"))]
    if any(selection.get("tagStatus") == "tagged" for selection in selections):
        return
    for selection in selections:
        kept = number(selection.get("countNumber"))
        if selection.get("tagStatus") == "any" and selection.get("countType") == "imageCountMoreThan" and kept is not None \
                and kept < _FEWEST_IMAGES:
            yield Finding(policy, f"{kept:g} images are kept, whichever they are", attribute="policy")


RULES.items += [
    expected(
        "task-shares-the-host-processes", Severity.HIGH, "a task sees and signals every process of its machine", TASK,
        at="pid_mode", wanted=none_of("host"), absent=True,
        why="Containers are no longer apart: Amazon ECS developer guide, \"Task and container security best practices\".",
        mend="leave pid_mode out", controls=("FSBP ECS.3", "CKV_AWS_335"),
    ),
    expected(
        "task-shares-the-host-network", Severity.MEDIUM, "a task listens on its machine's own addresses", TASK,
        at="network_mode", wanted=none_of("host"), absent=True,
        why="Security groups then cannot tell tasks apart: Amazon ECS developer guide, \"Amazon ECS task networking options\".",
        mend="use awsvpc", controls=("NIST ECS.17",),
    ),
    expected(
        "task-files-in-clear-text", Severity.MEDIUM, "files cross the network without TLS", TASK,
        at="volume.efs_volume_configuration.transit_encryption", wanted=one_of("ENABLED"), absent=False,
        when=lambda context, task: bool(context.view.get(task, "volume", "efs_volume_configuration")),
        why="Amazon ECS developer guide, \"Use Amazon EFS volumes with Amazon ECS\".",
        mend="set transit_encryption = \"ENABLED\"",
        controls=("FSBP ECS.18", "CKV_AWS_97"),
    ),
    expected(
        "service-on-old-platform", Severity.MEDIUM, "tasks run on a Fargate platform that gets no fixes", SERVICE,
        at="platform_version", wanted=one_of("LATEST"), absent=True,
        why="Fixes of the kernel and the runtime come with the platform version: Amazon ECS developer guide, \"Fargate platform "
            "versions\".",
        mend="leave platform_version out", controls=("FSBP ECS.10", "CKV_AWS_332"),
    ),
    expected(
        "service-with-shell-in-production", Severity.MEDIUM, "operators can run commands in production's tasks", SERVICE,
        at="enable_execute_command", wanted=FALSE, absent=True, production_only=True,
        why="A shell has the task's rights and data, and is recorded only where the cluster says so: Amazon ECS developer guide, "
            "\"Monitor Amazon ECS containers with ECS Exec\".",
        mend="turn it on for the time it is needed",
    ),
    expected(
        "cluster-shell-not-recorded", Severity.MEDIUM, "commands that operators run in tasks are not recorded", CLUSTER,
        at="configuration.execute_command_configuration.logging", wanted=none_of("NONE"), absent=True,
        why="Amazon ECS developer guide, \"Monitor Amazon ECS containers with ECS Exec\", logging.",
        mend="set logging to OVERRIDE with a log group", controls=("CKV_AWS_223", "CKV_AWS_224"),
    ),
    expected(
        "repository-tags-move", Severity.MEDIUM, "a tag can be given to another image", REPOSITORY,
        at="image_tag_mutability", wanted=one_of("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"), absent=False,
        why="What was tested and what runs are then told apart by nothing: Amazon ECR user guide, \"Preventing image tags from "
            "being overwritten\".",
        mend="set image_tag_mutability = \"IMMUTABLE\"", controls=("FSBP ECR.2", "CKV_AWS_51"),
    ),
    expected(
        "repository-deleted-with-its-images", Severity.MEDIUM, "destroying the repository deletes every image", REPOSITORY,
        at="force_delete", wanted=FALSE, absent=True, production_only=True,
        why="What runs can then not be started again: provider documentation, aws_ecr_repository.", mend="leave force_delete out",
    ),
]
