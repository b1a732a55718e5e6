"""Buckets, disks, machines' images and backups: what is refused, and what is lost later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import document, each, mapping, text, truth, whole
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
# Amazon S3 User Guide, "Transitioning objects using Amazon S3 Lifecycle".
_EARLIEST = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
# Amazon EBS User Guide, "Amazon EBS volume types": IOPS low, high, and most a GiB.
_IOPS = {"gp3": (3_000, 80_000, 500), "io1": (100, 64_000, 50), "io2": (100, 256_000, 1_000)}
# AWS Backup Developer Guide, "Backup plan options": a recovery point stays 90 days in cold storage.
_COLD_DAYS = 90
_USER_DATA_BYTES = 16_384
_FORMATS = r"\bmkfs(\.\w+)?\b"
_LOOKS_FIRST = r"\bblkid\b|\bfile\s+-\w*s|\blsblk\b|\bfindfs\b|\bwipefs\b"
_ARM = r"^(a1|t4g|[a-z]+\d+g[a-z]*|im4gn|is4gen|hpc7g|g5g)\."


def lifecycle_rules(context: Context, bucket: Resource) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """The lifecycle rules of a bucket that are switched on, with the resource that holds them."""
    for item in context.view.referring(bucket, "aws_s3_bucket_lifecycle_configuration"):
        for block in context.view.blocks(item, "rule"):
            if block.get("status", "Enabled") == "Enabled":
                yield item, block
    for block in context.view.blocks(bucket, "lifecycle_rule"):
        if block.get("enabled") is not False:
            yield bucket, block


@RULES.rule(
    "lifecycle-refused",
    Severity.CRITICAL,
    "S3 refuses this lifecycle rule",
    types=("aws_s3_bucket",),
    rationale="Objects stay 30 days before they move to an infrequent-access class, and expire after they have moved (Amazon "
              "S3 User Guide, \"Transitioning objects using Amazon S3 Lifecycle\").",
    mend="move after 30 days or more, and expire later than that",
    example='transition: days = 7, storage_class = "STANDARD_IA"',
)
def lifecycle(context: Context, bucket: Resource) -> Found:
    for holder, rule in lifecycle_rules(context, bucket):
        name = rule.get("id", "")
        expires = whole(mapping(next(iter(each(rule.get("expiration"))), None)).get("days"))
        for step in each(rule.get("transition")):
            days, kind = whole(mapping(step).get("days")), mapping(step).get("storage_class")
            earliest = _EARLIEST.get(kind) if isinstance(kind, str) else None
            if days is not None and earliest and days < earliest:
                yield Finding(holder, f"rule {name} moves to {kind} after {days} days, not {earliest}", attribute="rule")
            if days is not None and expires is not None and expires <= days:
                yield Finding(holder, f"rule {name} expires after {expires} days, and moves after {days}", attribute="rule")


@RULES.rule(
    "served-bucket-archives",
    Severity.HIGH,
    "objects of a bucket that is served are archived",
    types=("aws_s3_bucket",),
    family=Family.RUNS,
    rationale="An archived object cannot be read before it has been restored, which takes minutes to hours: browsers get 403 "
              "(Amazon S3 User Guide, \"Understanding and managing Amazon S3 storage classes\").",
    mend="use STANDARD_IA or INTELLIGENT_TIERING for what is served",
    example='bucket behind CloudFront, transition: days = 90, storage_class = "GLACIER"',
)
def archived(context: Context, bucket: Resource) -> Found:
    served = list(context.view.referring(bucket, "aws_cloudfront_distribution", "aws_s3_bucket_website_configuration"))
    if not served:
        return
    for holder, rule in lifecycle_rules(context, bucket):
        for step in each(rule.get("transition")):
            if mapping(step).get("storage_class") in _ARCHIVES:
                yield Finding(
                    holder,
                    f"rule {rule.get('id', '')} moves objects to {step['storage_class']}, and "
                    f"{served[0].address} serves them",
                    attribute="rule",
                    related=(served[0],),
                )


@RULES.rule(
    "cors-method-refused",
    Severity.CRITICAL,
    "a CORS rule names a method that is refused",
    types=("aws_s3_bucket_cors_configuration", "aws_apigatewayv2_api"),
    rationale="S3 takes GET, PUT, POST, DELETE and HEAD; an HTTP API the methods of HTTP or * - ANY is a word of routes, not "
              "of CORS (Amazon S3 API Reference, \"CORSRule\"; API Gateway, \"Configure CORS for HTTP APIs\").",
    mend="list the methods",
    example='allow_methods = ["ANY"]',
)
def methods(context: Context, resource: Resource) -> Found:
    if resource.type == "aws_apigatewayv2_api":
        given = each(context.view.get(resource, "cors_configuration", "allow_methods"))
        right = {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "*"}
    else:
        given = [item for rule in context.view.blocks(resource, "cors_rule") for item in each(rule.get("allowed_methods"))]
        right = {"GET", "PUT", "POST", "DELETE", "HEAD"}
    wrong = sorted({item for item in given if text(item) and item.upper() not in right})
    if wrong:
        yield Finding(
            resource,
            f"{', '.join(wrong)} is not among {', '.join(sorted(right))}",
            attribute="cors_configuration" if resource.type == "aws_apigatewayv2_api" else "cors_rule",
        )


@RULES.rule(
    "volume-performance-refused",
    Severity.CRITICAL,
    "EBS refuses these IOPS or this throughput",
    types=("aws_ebs_volume",),
    rationale="gp3 has 3,000 to 80,000 IOPS, at most 500 a GiB, and 0.25 MiB/s an IOPS; io1 at most 50 and io2 1,000 a GiB "
              "(Amazon EBS User Guide, \"Amazon EBS volume types\").",
    mend="give fewer IOPS, or a larger disk",
    example='type = "gp3", size = 5, iops = 6000',
)
def performance(context: Context, volume: Resource) -> Found:
    view = context.view
    kind, size, iops = (
        text(view.get(volume, "type")) or "gp2",
        whole(view.get(volume, "size")),
        whole(view.get(volume, "iops")),
    )
    throughput = whole(view.get(volume, "throughput"))
    if iops is not None and kind not in _IOPS:
        yield Finding(volume, f"{kind} takes no iops", attribute="iops")
    elif iops is not None:
        low, high, ratio = _IOPS[kind]
        if not low <= iops <= high:
            yield Finding(volume, f"{iops} IOPS; {kind} has {low} to {high}", attribute="iops")
        elif size is not None and iops > size * ratio and iops > low:
            yield Finding(volume, f"{iops} IOPS for {size} GiB; {kind} has at most {ratio} a GiB", attribute="iops")
    if throughput is not None and kind != "gp3":
        yield Finding(volume, f"{kind} takes no throughput", attribute="throughput")
    elif throughput is not None and throughput > (iops or 3_000) * 0.25:
        yield Finding(
            volume, f"{throughput} MiB/s with {iops or 3_000} IOPS; gp3 has 0.25 MiB/s an IOPS", attribute="throughput"
        )


@RULES.rule(
    "boot-script-formats-disk",
    Severity.HIGH,
    "a boot script formats a disk without looking at it first",
    types=("aws_instance", "aws_launch_template"),
    family=Family.RUNS,
    rationale="The script runs again on a replaced machine, to which the old disk is attached: formatting wipes the data.",
    mend="format only where blkid finds no file system, and mount by UUID",
    example="user_data: mkfs -t xfs /dev/nvme1n1",
)
def formats(context: Context, machine: Resource) -> Found:
    script = context.view.get(machine, "user_data")
    if isinstance(script, str) and re.search(_FORMATS, script) and not re.search(_LOOKS_FIRST, script):
        yield Finding(machine, "mkfs without blkid, lsblk or file -s before it", attribute="user_data")


@RULES.rule(
    "boot-script-too-long",
    Severity.CRITICAL,
    "EC2 refuses a boot script of this length",
    types=("aws_instance",),
    rationale="user_data takes 16 KB (Amazon EC2 User Guide, \"Run commands when you launch an EC2 instance with user data "
              "input\").",
    mend="fetch the script from a bucket at boot",
    example="user_data of 20 KB",
)
def length(context: Context, machine: Resource) -> Found:
    script = text(context.view.get(machine, "user_data"))
    if script is not None and len(script.encode()) > _USER_DATA_BYTES:
        yield Finding(machine, f"it has {len(script.encode())} bytes of {_USER_DATA_BYTES}", attribute="user_data")


@RULES.rule(
    "machine-image-of-another-architecture",
    Severity.CRITICAL,
    "a machine's image is built for another processor",
    types=("aws_instance", "aws_launch_template"),
    rationale="RunInstances refuses it: \"The architecture of the specified instance type does not match the architecture of "
              "the specified AMI\".",
    mend="look up an image of the machine's architecture",
    example='instance_type = "t4g.medium", aws_ami filter architecture = x86_64',
)
def architecture(context: Context, machine: Resource) -> Found:
    kind = text(context.view.get(machine, "instance_type"))
    image = context.view.target(machine, "ami" if machine.type == "aws_instance" else "image_id")
    if kind is None or image is None or image.type not in ("aws_ami", "aws_ssm_parameter"):
        return
    wanted = "arm64" if re.match(_ARM, kind) else "x86_64"
    words = " ".join(str(value) for block in context.view.blocks(image, "filter") for value in each(block.get("values")))
    words += f" {context.view.get(image, 'name', default='')}"
    other = "x86_64" if wanted == "arm64" else "arm64"
    if other in words and wanted not in words:
        yield Finding(
            machine, f"{kind} is {wanted}, and {image.address} looks for {other}", attribute="instance_type", related=(image,)
        )


@RULES.rule(
    "machine-image-written-down",
    Severity.LOW,
    "a machine's image is an id of one region and one day",
    types=("aws_instance", "aws_launch_template"),
    family=Family.RUNS,
    rationale="Image ids differ by region and images are deprecated: the same definition fails elsewhere, or later "
              "(InvalidAMIID.NotFound).",
    mend="look it up with data aws_ami, or take the public SSM parameter",
    example='ami = "ami-0abcdef1234567890"',
)
def image_id(context: Context, machine: Resource) -> Found:
    argument = "ami" if machine.type == "aws_instance" else "image_id"
    value = text(context.view.get(machine, argument))
    if value and value.startswith("ami-"):
        yield Finding(machine, f"it is {value}", attribute=argument)


@RULES.rule(
    "machine-never-patched",
    Severity.MEDIUM,
    "a machine keeps the image of the day it was made",
    types=("aws_instance",),
    family=Family.RUNS,
    rationale="ignore_changes on the image means that no apply ever replaces it: after a year the machine runs a year-old "
              "system.",
    mend="pin the image in a file, and change it on purpose; or patch with Systems Manager",
    example="most_recent = true, lifecycle: ignore_changes = [ami]",
)
def patched(context: Context, machine: Resource) -> Found:
    image = context.view.target(machine, "ami")
    ignored = machine.lifecycle.ignore_changes if machine.lifecycle else ()
    if (
        image is not None
        and image.type == "aws_ami"
        and image.data
        and "ami" in ignored
        and truth(context.view.get(image, "most_recent"), default=False)
        and not context.of_type("aws_ssm_association")
    ):
        yield Finding(machine, f"{image.address} is the newest of its day, and changes are ignored", attribute="ami")


@RULES.rule(
    "machine-replaced-by-news",
    Severity.MEDIUM,
    "a machine is replaced whenever AWS publishes an image",
    types=("aws_instance",),
    family=Family.RUNS,
    rationale="most_recent gives another id every few weeks: an apply about something else then replaces the machine.",
    mend="pin the image, and change it on purpose",
    example="data aws_ami: most_recent = true, used by aws_instance",
)
def replaced(context: Context, machine: Resource) -> Found:
    image = context.view.target(machine, "ami")
    ignored = machine.lifecycle.ignore_changes if machine.lifecycle else ()
    if (
        image is not None
        and image.type == "aws_ami"
        and image.data
        and "ami" not in ignored
        and truth(context.view.get(image, "most_recent"), default=False)
        and not context.graph.tier
    ):
        yield Finding(machine, f"{image.address} is the newest of the day", attribute="ami")


@RULES.rule(
    "backup-lifecycle-refused",
    Severity.CRITICAL,
    "AWS Backup refuses how long backups are kept",
    types=("aws_backup_plan",),
    rationale="What has gone to cold storage stays there 90 days or more, so backups are kept 90 days longer than they are "
              "warm (AWS Backup Developer Guide, \"Backup plan options and configuration\").",
    mend="set delete_after to cold_storage_after + 90 or more",
    example="lifecycle: cold_storage_after = 30, delete_after = 60",
)
def cold(context: Context, plan: Resource) -> Found:
    for rule in context.view.blocks(plan, "rule"):
        copies = [mapping(item).get("lifecycle") for item in each(rule.get("copy_action"))]
        for block in (item for found in (rule.get("lifecycle"), *copies) for item in each(found)):
            warm, kept = whole(mapping(block).get("cold_storage_after")), whole(mapping(block).get("delete_after"))
            if warm is not None and warm > 0 and kept is not None and kept < warm + _COLD_DAYS:
                yield Finding(
                    plan,
                    f"rule {rule.get('rule_name', '')}: {kept} days in all, {warm} of them warm; "
                    f"{warm + _COLD_DAYS} are needed",
                    attribute="rule.lifecycle",
                )


@RULES.rule(
    "cold-backup-never-deleted",
    Severity.MEDIUM,
    "backups go to cold storage and stay for ever",
    types=("aws_backup_plan",),
    family=Family.RUNS,
    rationale="Without an end every day adds a backup that is paid for until somebody deletes it.",
    mend="set delete_after to 120 or more",
    example="lifecycle: cold_storage_after = 30 without delete_after",
)
def endless(context: Context, plan: Resource) -> Found:
    for rule in context.view.blocks(plan, "rule"):
        for block in each(rule.get("lifecycle")):
            if whole(mapping(block).get("cold_storage_after")) and mapping(block).get("delete_after") is None:
                yield Finding(plan, f"rule {rule.get('rule_name', '')} has no delete_after", attribute="rule.lifecycle")


@RULES.rule(
    "backup-opt-in-missing",
    Severity.HIGH,
    "cold storage or a copy of a table needs an opt-in that nothing makes",
    types=("aws_backup_plan",),
    family=Family.RUNS,
    rationale="DynamoDB's cold storage and cross-region copies need the account's advanced DynamoDB backup (AWS Backup "
              "Developer Guide, \"Advanced DynamoDB backup\"); the jobs fail without it.",
    mend="aws_backup_region_settings with resource_type_management_preference DynamoDB = true",
    example="aws_backup_selection of tables, copy_action, and no aws_backup_region_settings",
)
def opt_in(context: Context, plan: Resource) -> Found:
    needs = any(
        each(rule.get("copy_action"))
        or whole(mapping(next(iter(each(rule.get("lifecycle"))), None)).get("cold_storage_after"))
        for rule in context.view.blocks(plan, "rule")
    )
    tables = any(
        item.type == "aws_dynamodb_table"
        for selection in context.view.referring(plan, "aws_backup_selection")
        for item in context.view.targets(selection, "resources")
    )
    if not needs or not tables:
        return
    settings = context.of_type("aws_backup_region_settings")
    on = any(
        mapping(context.view.get(item, "resource_type_management_preference")).get("DynamoDB") is True for item in settings
    )
    if not on and not context.graph.tier:
        yield Finding(plan, "its tables are copied or go cold, and no aws_backup_region_settings switches that on")
    elif settings and not on:
        yield Finding(settings[0], "DynamoDB is not managed by AWS Backup", attribute="resource_type_management_preference")


@RULES.rule(
    "images-expire-while-deployed",
    Severity.MEDIUM,
    "a busy day of builds deletes the image that runs",
    types=("aws_ecr_lifecycle_policy",),
    family=Family.RUNS,
    rationale="A rule that keeps the newest images counts builds, not deployments: after a few builds the running image is "
              "gone, and a new task or a rollback cannot pull it (Amazon ECR User Guide, \"Lifecycle policies\").",
    mend="keep images that were deployed by a rule of their own with a tag prefix, before the one for the rest; or keep 30 "
         "and more",
    example="countType = imageCountMoreThan, countNumber = 10, tagStatus = any",
)
def expiry(context: Context, policy: Resource) -> Found:
    content = mapping(document(context.view.get(policy, "policy")))
    rules = sorted(
        (mapping(item) for item in each(content.get("rules"))), key=lambda item: whole(item.get("rulePriority")) or 0
    )
    protected = False
    for rule in rules:
        selection = mapping(rule.get("selection"))
        if selection.get("tagStatus") == "tagged":
            protected = True
        count = whole(selection.get("countNumber"))
        if (
            selection.get("tagStatus") == "any"
            and selection.get("countType") == "imageCountMoreThan"
            and not protected
            and count is not None
            and count < 30
        ):
            yield Finding(policy, f"it keeps the newest {count} images, whatever runs", attribute="policy")
