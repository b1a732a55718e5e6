"""Machines: the disk that they start from, and the endpoints that their agent asks for."""

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
