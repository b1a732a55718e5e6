"""Containers on Fargate: images, clusters and services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.fargate import ARCHITECTURES, SHELL, Process, check_size, task_parts
from groundsill.components.keys import Key
from groundsill.components.network import Subnets
from groundsill.components.roles import require, usable_grants
from groundsill.components.scaling import Scaling
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant
from groundsill.graph import ContainerImage, JsonDocument, Resource, Variable

_GRACE = 60


class Container(Component):
    """An image built from the user's files, in a repository of its own.

    The image is built and pushed apart from Terraform; its URI with the content's digest comes in as a variable, so a
    plan shows exactly what will run and a rollback is the earlier digest.

    Arguments:
        component: unique in the system.
        context: build context folder below the system's folder, default the system's folder itself.
        dockerfile: below the context, default ``Dockerfile``.
        command: the process that the image runs, for example ``("python", "-m", "services.energy")``; the ground starts
            the same one in the context folder.
        platform: ``linux/arm64`` (default, cheaper) or ``linux/amd64``.
        name: repository name that AWS sees; default from the system's name pattern.
        keep: images kept in the repository, default 30.
        keep_releases: images kept besides that have been deployed: their tags begin with ``release-``. Default none.
        target: stage of a Dockerfile with several, default the last one.
        encryption: a `Key` of the account's own; default ECR's own.

    Resources created: ``aws_ecr_repository``, ``aws_ecr_lifecycle_policy``.

    Costs: per stored GB.

    Example:
        ``Container("energy", dockerfile="services/energy/Dockerfile", command=("python", "-m", "services.energy"))``
    """

    def __init__(
        self, component: str, /, *, context: str = ".", dockerfile: str = "Dockerfile", command: Sequence[str],
        platform: str = "linux/arm64", name: str | None = None, keep: int = 30, keep_releases: int | None = None,
        target: str = "", encryption: Key | None = None,
    ) -> None:
        super().__init__(component)
        if platform not in ARCHITECTURES:
            raise Mistake("GS1370", f"unknown platform {platform!r}", mend=f"known: {', '.join(ARCHITECTURES)}")
        if isinstance(command, str) or not command:
            raise Mistake("GS1371", f"`command` takes the program and its arguments one by one, not {command!r}",
                          mend='write for example command=("python", "-m", "app")')
        self.platform, self.command = platform, tuple(command)
        self.resource = aws.ecr_repository(
            self.terraform_name(),
            name=self.physical_name("aws_ecr_repository", name),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configuration=(
                {"encryption_type": "KMS", "kms_key": encryption.arn} if encryption else {"encryption_type": "AES256"}
            ),
            force_delete=not self.stage.production,
        )
        aws.ecr_lifecycle_policy(
            self.terraform_name(), repository=self.resource["name"],
            policy=JsonDocument({"rules": _expiry(keep, keep_releases)}),
        )
        variable = f"{self.terraform_name()}_image"
        self.image = self.building.graph.add_variable(Variable(
            variable, f"Image that {component} runs, by digest: <repository>@sha256:...", component=component,
            location=self.location,
        ))
        self.building.graph.add_artifact(ContainerImage(
            component, self.building.folder / context, dockerfile, self.command, platform, self.resource.address, variable,
            target,
        ))


def _expiry(keep: int, keep_releases: int | None) -> list[Any]:
    """Rules of expiry: an image that a rule covers is left alone by every later one (Amazon ECR, lifecycle policies)."""
    rules: list[Any] = []
    if keep_releases is not None:
        rules.append({
            "rulePriority": 1, "description": f"Keep the newest {keep_releases} images that were deployed",
            "selection": {"tagStatus": "tagged", "tagPrefixList": ["release-"], "countType": "imageCountMoreThan",
                          "countNumber": keep_releases},
            "action": {"type": "expire"},
        })
    rules.append({
        "rulePriority": len(rules) + 1, "description": f"Keep the newest {keep} images",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep},
        "action": {"type": "expire"},
    })
    return rules


class Cluster(Component):
    """Where services run: an ECS cluster on Fargate.

    Spot capacity is offered as soon as a service asks for it.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_ecs_cluster``; with a spot service ``aws_ecs_cluster_capacity_providers``.

    Costs: nothing by itself; Container Insights (tier ``standard`` and above) per metric.

    Example:
        ``Service("web", image, network.private, cluster=Cluster("cluster"), port=8080)``
    """

    def __init__(self, component: str, /, *, name: str | None = None) -> None:
        super().__init__(component)
        insights = "enabled" if self.stage.tier.container_insights else "disabled"
        self.resource = aws.ecs_cluster(
            self.terraform_name(), name=self.physical_name("aws_ecs_cluster", name),
            setting=[{"name": "containerInsights", "value": insights}],
        )
        self._providers: Resource | None = None

    def offer_spot(self) -> Resource:
        """Spare capacity for the cluster's services, beside the ordinary one."""
        if self._providers is None:
            with self.lowering():
                self._providers = aws.ecs_cluster_capacity_providers(
                    self.terraform_name(), cluster_name=self.resource["name"],
                    capacity_providers=["FARGATE", "FARGATE_SPOT"],
                )
        return self._providers


class Service(Component):
    """A process that runs all the time: tasks of one image on Fargate, replaced when they die, rolled when they change.

    Arguments:
        component: unique in the system.
        container: the image.
        subnets: where tasks run; in private subnets without a public address, in public ones with one.
        cluster: the cluster.
        cpu: CPU units of a task, 256 to 16,384 (1,024 are one vCPU), default 256.
        memory: MB of a task, within what Fargate offers for the CPU units, default 512.
        port: the port that the process listens on; None (default) for a worker without one. Above 1,024, so that it
            needs no privileges.
        count: tasks, default 1.
        scale: scale by demand instead, for example ``jobs.backlog(per_task=5, max=10)`` or ``Scale(max=4, cpu=60)``.
        spot: run on spare capacity, up to 70 % cheaper, which AWS takes back with two minutes' notice; default no.
        shell: let operators run commands in a task (ECS Exec), default no. The task role then may open such a session.
        grace: seconds after a task's start in which failed health checks do not count, default 60.
        uses: grants of other components.
        environment: further environment variables.
        name: service name that AWS sees; default from the system's name pattern.
        log_name: log group name; default ``/ecs/<service name>``.

    Resources created: ``aws_ecs_service``, ``aws_ecs_task_definition``, ``aws_iam_role`` with ``aws_iam_role_policy``
    (one for the task, one for Fargate to start it), ``aws_security_group`` with ``aws_vpc_security_group_egress_rule``
    and an ``aws_vpc_security_group_ingress_rule`` for each way that it uses, ``aws_cloudwatch_log_group``; with a scale
    ``aws_appautoscaling_target`` and ``aws_appautoscaling_policy``.

    Costs: per vCPU and GB by the second while tasks run.

    Example:
        ``Service("worker", image, network.private, cluster=cluster, uses=[jobs.consume, results.write])``
    """

    def __init__(
        self, component: str, container: Container, subnets: Subnets, /, *, cluster: Cluster, cpu: int = 256,
        memory: int = 512, port: int | None = None, count: int = 1, scale: Scaling | None = None,
        spot: bool = False, shell: bool = False, grace: int = _GRACE,
        uses: Sequence[Grant] = (), environment: Mapping[str, Any] | None = None, name: str | None = None,
        log_name: str | None = None,
    ) -> None:
        super().__init__(component)
        require(container, Container, "container", self)
        require(subnets, Subnets, "subnets", self)
        require(cluster, Cluster, "cluster", self)
        check_size(cpu, memory)
        if port is not None and not 1024 <= port <= 65_535:
            raise Mistake("GS1373", f"the port of a service is 1024 to 65535, not {port}",
                          "a process without privileges cannot listen below 1024",
                          "listen on 8080; the load balancer listens on 80 and 443")
        if scale is not None:
            require(scale, Scaling, "scale", self)
        self.container, self.cluster, self.port, self.count, self._grace = container, cluster, port, count, grace
        self.target_groups: list[Resource] = []
        grants = usable_grants(uses, self.subject)
        service_name = self.physical_name("aws_ecs_service", name)
        log_name = self.building.physical_name(
            "aws_cloudwatch_log_group", component, log_name) if log_name else f"/ecs/{service_name}"
        self.task_role, self.log_group, self.execution_role, self.security_group, self.task_definition = task_parts(
            self, Process(container, container.command, cpu, memory, port, environment or {}), subnets, grants,
            family=self.physical_name("aws_ecs_task_definition", name), log_name=log_name, own=SHELL if shell else (),
            own_sid="Shell",
        )
        self.resource = self._service = aws.ecs_service(
            self.terraform_name(),
            name=service_name,
            cluster=cluster.resource["id"],
            task_definition=self.task_definition["arn"],
            desired_count=scale.min if scale else count,
            launch_type=None if spot else "FARGATE",
            capacity_provider_strategy=[{"capacity_provider": "FARGATE_SPOT", "weight": 1}] if spot else None,
            depends_on=[cluster.offer_spot()] if spot else None,
            propagate_tags="SERVICE",
            enable_execute_command=shell,
            deployment_minimum_healthy_percent=100, deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            network_configuration={
                "subnets": subnets.ids, "security_groups": [self.security_group["id"]],
                "assign_public_ip": subnets.kind == "public",
            },
        )
        if scale:
            scale.attach(self)

    target_type = "ip"  # tasks are targets by their addresses

    def register_with(self, target_group: Resource, *ways: Resource) -> None:
        """Make tasks targets of a load balancer; the service is made after the listener and the rule that lead to it."""
        self.target_groups.append(target_group)
        before: list[Any] = self._service.arguments.get("load_balancer", [])
        self._service.override(
            load_balancer=[*before, {"target_group_arn": target_group["arn"], "container_name": self.name,
                                     "container_port": self.port}],
            health_check_grace_period_seconds=self._grace,
        )
        self._service.depends_on = (
            *self._service.depends_on, *dict.fromkeys(way.address for way in ways))

    def alarms(self) -> Iterable[Alarm]:
        """Fewer tasks than wanted."""
        if self.stage.tier.container_insights:
            yield Alarm(
                "running", f"{self.name} runs fewer tasks than it should: see the service's events and its log.",
                "ECS/ContainerInsights", "RunningTaskCount",
                {"ClusterName": self.cluster.resource["name"], "ServiceName": self.resource["name"]},
                self.count, comparison="LessThanThreshold", statistic="Minimum", periods=5, missing="breaching",
            )
        else:
            # Without Container Insights the CPU metric is the sign of life: it has no data while no task runs.
            yield Alarm(
                "running", f"{self.name} runs no task: see the service's events and its log.", "AWS/ECS",
                "CPUUtilization", {"ClusterName": self.cluster.resource["name"], "ServiceName": self.resource["name"]},
                self.count, comparison="LessThanThreshold", statistic="SampleCount", periods=5, missing="breaching",
            )
