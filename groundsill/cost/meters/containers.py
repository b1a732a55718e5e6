"""Amazon ECS on Fargate, and the images of Amazon ECR.

"AWS Fargate Pricing" (aws.amazon.com/fargate/pricing): vCPU and memory by the second, storage above 20 GB.
"Amazon ECR Pricing": private storage by the GB and month.
"""

from __future__ import annotations

from typing import Any

from groundsill.cost.amount import Amount, exactly, spread
from groundsill.cost.context import GB, Context, counted, plain_number, title, unknown
from groundsill.cost.meters.databases import between_zones
from groundsill.cost.meters.functions import WORKLOAD_PARAMETERS
from groundsill.cost.meters.models import MODEL_PARAMETERS, model_lines
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.graph.provisioner import runs_task
from groundsill.graph.reference import JsonDocument
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import as_blocks

service = Service("Amazon ECS", free={
    "aws_ecs_account_setting_default": "a setting", "aws_ecs_capacity_provider": "its machines are paid by themselves",
    "aws_ecs_cluster_capacity_providers": "a setting of the cluster",
    "aws_ecs_task_definition": "only tasks that run cost something",
})
MB = 2.0**20
ALL_HOURS = Parameter("hours", Dimension.HOURS, "it runs", exactly(730))
_SPOT = Amount(0.3, 0.4, 0.7)
SPOT_WORDS = "of the list price as Spot, which floats"
_IMAGES = Amount(1, 5, 10)
_LEAST_SECONDS = 60


@service.meter(
    "aws_ecs_service",
    Parameter("requests", Dimension.RATE, "requests or jobs that it handles", entry=True),
    Parameter("tasks", Dimension.COUNT, "tasks that run on average:"),
    ALL_HOURS, *WORKLOAD_PARAMETERS, *MODEL_PARAMETERS,
)
def ecs_service(context: Context, ecs_service: Resource) -> Lines:
    """Tasks by vCPU and memory, their public addresses, and what they do."""
    tasks, time = tasks_of(context, ecs_service), context.measure(ecs_service, "hours", "h")
    time = time if time.amount is None or not time.amount.exact else counted(time.amount, "h")
    definition = next((item for item in context.view.targets(ecs_service, "task_definition")
                       if item.type == "aws_ecs_task_definition"), None)
    launch = context.text(ecs_service, "launch_type") or _launch(context, definition)
    providers = {str(block.get("capacity_provider")) for block in context.view.blocks(ecs_service, "capacity_provider_strategy")}
    if launch == "EC2" or (providers and not any(name.startswith("FARGATE") for name in providers)):
        yield context.free(ecs_service, "its tasks run on machines, which are paid by themselves", "tasks")
    elif definition is None:
        yield context.not_known(ecs_service, "tasks", "its task definition is not in the graph")
    else:
        spot = [counted(_SPOT, SPOT_WORDS)] if providers == {"FARGATE_SPOT"} else []
        arm = context.text(definition, "runtime_platform", "cpu_architecture") == "ARM64"
        kind = "arm64" if arm else "x86"
        yield context.line(ecs_service, "vCPU", f"fargate.vcpu_hour_{kind}", tasks, time,
                           _resized(context.number(definition, "cpu"), "vCPU"), *spot)
        yield context.line(ecs_service, "memory", f"fargate.gb_hour_{kind}", tasks, time,
                           _resized(context.number(definition, "memory"), "GB"), *spot)
        storage = context.number(definition, "ephemeral_storage", "size_in_gib", default=20)
        if storage.amount is not None and storage.amount.expected > 20:
            yield context.line(ecs_service, "temporary storage", "fargate.ephemeral_storage_over_20gb", tasks, time,
                               counted(storage.amount.expected - 20, "GB above 20"))
        if context.flag(ecs_service, "network_configuration", "assign_public_ip"):
            yield context.line(ecs_service, "public IPv4 addresses", "vpc.public_ipv4_hour", tasks, time)
    requests = context.measure(ecs_service, "requests")
    yield from model_lines(context, ecs_service, requests)
    yield from between_zones(context, ecs_service, requests)


@service.meter(
    "terraform_data",
    Parameter("runs", Dimension.COUNT, "deploys of a month that run it:", Amount(1, 4, 20)),
    Parameter("duration", Dimension.TIME, "one run takes", Amount(20, 60, 600)),
)
def task_run(context: Context, run: Resource) -> Lines:
    """A task that an apply runs, by the second; "AWS Fargate Pricing" bills a minute at least, the start included."""
    if not runs_task(run):
        yield context.free(run, "nothing in AWS")
        return
    definition = next((item for item in context.view.targets(run, "input") if item.type == "aws_ecs_task_definition"), None)
    if definition is None:
        yield context.not_known(run, "task", "its task definition is not in the graph")
        return
    runs, duration = context.measure(run, "runs"), context.measure(run, "duration")
    time = duration.each(lambda seconds: max(seconds, _LEAST_SECONDS) / 3600)
    kind = "arm64" if context.text(definition, "runtime_platform", "cpu_architecture") == "ARM64" else "x86"
    for what, price, argument, unit in (("vCPU", "vcpu", "cpu", "vCPU"), ("memory", "gb", "memory", "GB")):
        yield context.line(run, what, f"fargate.{price}_hour_{kind}", runs, time,
                           _resized(context.number(definition, argument), unit))
    if context.flag(run, "input", "assign_public_ip"):
        yield context.line(run, "public IPv4 addresses", "vpc.public_ipv4_hour", runs, time)


def tasks_of(context: Context, ecs_service: Resource) -> Factor:
    """How many tasks run: as stated, else between the bounds of its scaling, else as many as the service says."""
    stated = context.traffic.stated(ecs_service, "tasks")
    if stated is not None:
        return counted(stated, "tasks")
    desired = context.number(ecs_service, "desired_count", words="tasks", default=1)
    for target in context.referring(ecs_service, "aws_appautoscaling_target"):
        least, most = (context.number(target, name).amount for name in ("min_capacity", "max_capacity"))
        if least is None or most is None:
            return unknown("the bounds of its scaling are known only after apply")
        usual = max(least.expected, min(desired.amount.expected, most.expected)) if desired.amount else least.expected
        return context.assumed(ecs_service, "tasks", spread(least.expected, usual, most.expected),
                               "between the bounds of its scaling", "tasks")
    return desired


def _launch(context: Context, definition: Resource | None) -> str:
    if definition is None:
        return ""
    compatible = context.view.get(definition, "requires_compatibilities", default=[])
    return "EC2" if compatible == ["EC2"] else ""


def _resized(number: Factor, words: str) -> Factor:
    """Units of a task: 1,024 are a vCPU, 1,024 MB a GB."""
    return number if number.amount is None else counted(number.amount * (1 / 1024), words)


@service.meter(
    "aws_ecs_cluster",
    Parameter("insight_metrics", Dimension.COUNT, "metrics of Container Insights for each service:", Amount(8, 15, 30)),
)
def cluster(context: Context, cluster: Resource) -> Lines:
    """Container Insights make metrics that are paid as one's own."""
    on = [block.get("value") for block in context.view.blocks(cluster, "setting") if block.get("name") == "containerInsights"]
    if "enhanced" in on:
        yield context.not_known(cluster, "Container Insights", "the price book has no price of enhanced observability")
        return
    if "enabled" not in on:
        yield context.free(cluster, "a cluster costs nothing; its tasks do")
        return
    services = len(context.referring(cluster, "aws_ecs_service"))
    yield context.line(cluster, "Container Insights", "cloudwatch.custom_metric_month", counted(services, "services"),
                       context.measure(cluster, "insight_metrics", "metrics"))


registry = Service("Amazon ECR", free={
    "aws_ecr_lifecycle_policy": "a setting of its repository", "aws_ecr_repository_policy": "a policy",
    "aws_ecr_registry_scanning_configuration": "basic scanning is free; enhanced scanning is paid to Amazon Inspector",
    "aws_ecr_pull_through_cache_rule": "a rule; the images that it keeps are paid in their repositories",
})


@registry.meter(
    "aws_ecr_repository",
    Parameter("image_size", Dimension.SIZE, "an image adds to what is kept", Amount(20 * MB, 100 * MB, 400 * MB)),
    Parameter("images", Dimension.COUNT, "images that are kept:"),
)
def repository(context: Context, repository: Resource) -> Lines:
    """Images that are kept: layers that images share are kept once."""
    kept = max((_kept(policy) for policy in context.referring(repository, "aws_ecr_lifecycle_policy")), default=0.0)
    default = spread(1, kept / 2, kept) if kept >= 1 else _IMAGES
    why = f"half of the {kept:.0f} that its lifecycle keeps" if kept >= 1 else "since no lifecycle says how many"
    yield context.line(repository, "images", "ecr.storage", context.assumed(repository, "images", default, why, "images"),
                       context.measure(repository, "image_size").scaled(GB))


def _kept(policy: Resource) -> float:
    """How many images a lifecycle policy keeps at most."""
    document: Any = policy.arguments.get("policy")
    if isinstance(document, str):
        import json

        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return 0
    content = document.content if isinstance(document, JsonDocument) else document
    rules = content.get("rules") if is_mapping(content) else None
    selections = [rule.get("selection") for rule in as_blocks(rules) if is_mapping(rule)] if is_list(rules) else []
    return sum(plain_number(item.get("countNumber")) or 0 for item in selections
               if is_mapping(item) and item.get("countType") == "imageCountMoreThan")


__all__ = ["ALL_HOURS", "SPOT_WORDS", "service", "tasks_of", "title"]
