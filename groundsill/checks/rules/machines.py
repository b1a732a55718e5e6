"""Machines: the disk that they start from, the endpoints that their agent asks for, and capacity that AWS may take back."""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import mapping, text, whole
from groundsill.graph.resource import Resource
from groundsill.graph.view import as_blocks

RULES = Ruleset(Family.DEPLOYS)
# A plan has an image's disks and not which of them is the root. Amazon EC2 User Guide, "Device names for volumes on Amazon
# EC2 instances": reserved for the root volume.
_ROOTS = ("/dev/xvda", "/dev/sda1")


@RULES.rule(
    "root-disk-smaller-than-image", Severity.CRITICAL, "a machine's root disk is smaller than what it starts from",
    types=("aws_instance", "aws_launch_template"),
    rationale="The root volume is made from the image's snapshot and cannot be smaller (InvalidBlockDeviceMapping); images "
              "with drivers and frameworks, such as the Deep Learning AMIs, take many times the 8 GB of a plain one (Amazon "
              "EC2 User Guide, \"Block device mappings for volumes on Amazon EC2 instances\").",
    mend="leave volume_size out, or make it as large as the image's own",
    example="root_block_device: volume_size = 20, an image whose root snapshot has 75 GB",
)
def root(context: Context, machine: Resource) -> Found:
    view = context.view
    image = view.target(machine, "ami") or view.target(machine, "image_id")
    if image is None or image.type not in ("aws_ami", "aws_ami_copy"):
        return
    device = text(view.get(image, "root_device_name"))
    roots = (device,) if device else _ROOTS
    sizes = [whole(mapping(disk.get("ebs")).get("volume_size")) for disk in view.blocks(image, "block_device_mappings")
             if disk.get("device_name") in roots]
    sizes += [whole(disk.get("volume_size")) for disk in view.blocks(image, "ebs_block_device")
              if disk.get("device_name") in roots]
    least = max((size for size in sizes if size is not None), default=None)
    given = view.blocks(machine, "root_block_device") or [
        mapping(ebs) for disk in view.blocks(machine, "block_device_mappings") if disk.get("device_name") in roots
        for ebs in as_blocks(disk.get("ebs"))]
    for disk in given:
        size = whole(disk.get("volume_size"))
        if size is not None and least is not None and size < least:
            yield Finding(machine, f"it has {size} GB, and {image.address} {least} GB", attribute="root_block_device",
                          related=(image,))


@RULES.rule(
    "endpoint-of-an-older-agent", Severity.LOW, "an endpoint is paid that the agent on the machines no longer asks for",
    types=("aws_vpc_endpoint",), family=Family.RUNS,
    rationale="The Systems Manager agent takes its messages through ssmmessages wherever it is let in; ec2messages is for older "
              "agents, and an interface endpoint is paid by the hour in each zone (AWS Systems Manager User Guide, "
              "\"Reference: ec2messages, ssmmessages, and other API operations\").",
    mend="take the endpoint of ec2messages away",
    example="service_name = \"com.amazonaws.us-east-1.ec2messages\" beside one of ssmmessages",
)
def older(context: Context, endpoint: Resource) -> Found:
    def of(item: Resource, service: str) -> bool:
        return (text(context.view.get(item, "service_name")) or "").endswith(f".{service}")

    vpc = context.view.target(endpoint, "vpc_id")
    if of(endpoint, "ec2messages") and any(
            of(item, "ssmmessages") and context.view.target(item, "vpc_id") is vpc
            for item in context.of_type("aws_vpc_endpoint")):
        yield Finding(endpoint, "ssmmessages has an endpoint in the same network", attribute="service_name")


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
