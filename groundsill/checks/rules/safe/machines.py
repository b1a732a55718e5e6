"""EC2 machines, their volumes, images, groups and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import GIVEN, NOT_GIVEN, TRUE, at_most, expected, none_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import JsonDocument
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
MACHINE, TEMPLATE, VOLUME, GROUP = "aws_instance", "aws_launch_template", "aws_ebs_volume", "aws_autoscaling_group"
FLEET = "aws_spot_fleet_request"
_DISKS = ("root_block_device", "ebs_block_device")


def _by_default(context: Context) -> bool:
    """Whether the region encrypts every new volume."""
    return any(truth(context.view.get(setting, "enabled", default=True))
               for setting in context.of_type("aws_ebs_encryption_by_default"))


def _of_template(context: Context, machine: Resource, *path: str) -> Any:
    """What a machine's launch template says."""
    template = context.view.target(machine, "launch_template") if machine.type == MACHINE else None
    return context.view.get(template, *path) if template is not None else None


@RULES.rule(
    "machine-metadata-without-token", Severity.HIGH, "a flaw in a program on the machine gives its role's credentials away",
    rationale="With version 1 one forged request reads them; version 2 asks for a token first: Amazon EC2 user guide, \"Use the "
              "Instance Metadata Service to access instance metadata\".",
    mend="set metadata_options with http_tokens = \"required\"", types=(MACHINE, TEMPLATE, "aws_launch_configuration"),
    controls=("FSBP EC2.8", "FSBP EC2.170", "FSBP AutoScaling.3", "CIS 5.6", "CKV_AWS_79"),
)
def _metadata(context: Context, machine: Resource) -> Iterator[Finding]:
    def option(name: str) -> Any:
        value = context.view.get(machine, "metadata_options", name)
        return _of_template(context, machine, "metadata_options", name) if value is None else value

    if option("http_endpoint") == "disabled":
        return
    tokens = option("http_tokens")
    if tokens is None or (is_known(tokens) and tokens != "required"):
        yield Finding(machine, f"`http_tokens` is {tokens or 'not set'}", attribute="metadata_options")


@RULES.rule(
    "machine-with-public-address", Severity.MEDIUM, "the machine has an address on the internet",
    rationale="What listens on it is one rule away from the world: Amazon EC2 user guide, \"Amazon EC2 instance IP addressing\".",
    mend="place it in a private subnet behind a load balancer, and manage it with Session Manager",
    types=(MACHINE, TEMPLATE, "aws_launch_configuration"), production_only=True,
    controls=("FSBP EC2.9", "FSBP EC2.25", "FSBP Autoscaling.5", "CKV_AWS_88"),
)
def _public(context: Context, machine: Resource) -> Iterator[Finding]:
    if truth(context.view.get(machine, "associate_public_ip_address")):
        yield Finding(machine, "`associate_public_ip_address` is true", attribute="associate_public_ip_address")
    for interface in context.view.blocks(machine, "network_interfaces"):
        if truth(interface.get("associate_public_ip_address")):
            yield Finding(machine, "a network interface takes a public address", attribute="network_interfaces")


@RULES.rule(
    "volume-not-encrypted", Severity.HIGH, "what is on the disk can be read from its snapshot",
    rationale="Amazon EBS user guide, \"Amazon EBS encryption\": it covers the volume, its snapshots and what moves between; it "
              "cannot be turned on later.",
    mend="set encrypted = true", types=(VOLUME, MACHINE, TEMPLATE, "aws_launch_configuration", FLEET),
    controls=("FSBP EC2.3", "FSBP EC2.173", "FSBP EC2.181", "CKV_AWS_3", "CKV_AWS_8", "CKV2_AWS_2"),
)
def _not_encrypted(context: Context, resource: Resource) -> Iterator[Finding]:
    if _by_default(context):
        return
    for name, block in _disks(context, resource):
        value = block.get("encrypted")
        if not truth(value) and (value is None or is_known(value)):
            yield Finding(resource, f"{name} is not encrypted", attribute=name.split("`")[1] if "`" in name else "encrypted")


def _disks(context: Context, resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Disks that a resource makes. A machine without a word about its root disk has one as its image says."""
    if resource.type == VOLUME:
        if not context.view.get(resource, "snapshot_id"):
            yield "the volume", context.view.follow(resource.arguments)
        return
    if resource.type == TEMPLATE:
        for mapping in context.view.blocks(resource, "block_device_mappings"):
            for disk in as_blocks(mapping.get("ebs")):
                if is_mapping(disk) and not disk.get("snapshot_id"):
                    yield f"`block_device_mappings` {mapping.get('device_name', '')}".rstrip(), disk
        return
    if resource.type == FLEET:
        for specification in context.view.blocks(resource, "launch_specification"):
            for name in _DISKS:
                for disk in as_blocks(specification.get(name)):
                    if is_mapping(disk) and not disk.get("snapshot_id"):
                        yield f"`launch_specification` {name}", disk
        return
    for name in _DISKS:
        for disk in context.view.blocks(resource, name):
            yield f"`{name}`", disk
    said = resource.arguments.get("root_block_device") or resource.arguments.get("launch_template")
    if resource.type == MACHINE and not said:
        yield "`root_block_device`", {}


@RULES.rule(
    "volume-without-snapshots", Severity.MEDIUM, "what is on the disk exists once",
    rationale="A volume lives in one zone and fails now and then: Amazon EBS user guide, \"Automate backups with Amazon Data "
              "Lifecycle Manager\".",
    mend="add an aws_dlm_lifecycle_policy or an aws_backup_selection that covers it", types=(VOLUME,), production_only=True,
    controls=("NIST EC2.28", "CKV2_AWS_9"),
)
def _no_snapshots(context: Context, volume: Resource) -> Iterator[Finding]:
    if any(context.view.referring(volume, "aws_backup_selection")):
        return
    tags = context.view.get(volume, "tags", default={})
    wanted: list[Any] = []
    for policy in context.of_type("aws_dlm_lifecycle_policy"):
        wanted += [block.get("target_tags") for block in context.view.blocks(policy, "policy_details")]
    for selection in context.of_type("aws_backup_selection"):
        if "*" in as_blocks(context.view.get(selection, "resources")):
            return
        wanted += [{block.get("key"): block.get("value")} for block in context.view.blocks(selection, "selection_tag")]
    if not any(is_mapping(tag) and is_mapping(tags) and any(tags.get(key) == value for key, value in tag.items())
               for tag in wanted):
        yield Finding(volume, "no lifecycle policy's tags and no backup selection cover it")


@RULES.rule(
    "machine-without-role", Severity.LOW, "the machine has no role, so that keys must be put onto it",
    rationale="A role's credentials change by themselves: Amazon EC2 user guide, \"IAM roles for Amazon EC2\".",
    mend="give it an iam_instance_profile", types=(MACHINE,), controls=("CIS 1.18", "CKV2_AWS_41"),
)
def _no_role(context: Context, machine: Resource) -> Iterator[Finding]:
    if machine.arguments.get("iam_instance_profile") is None and not _of_template(context, machine, "iam_instance_profile"):
        yield Finding(machine, "`iam_instance_profile` is not set", attribute="iam_instance_profile")


@RULES.rule(
    "image-from-anybody", Severity.HIGH, "the machine may start an image that somebody else named alike",
    rationale="Without an owner the newest image of that name wins, whoever published it: Amazon EC2 user guide, \"Allowed "
              "AMIs\"; the provider's aws_ami.",
    mend="set owners, for example [\"amazon\"]", controls=("CKV_AWS_386",),
)
def _anybodys_image(context: Context) -> Iterator[Finding]:
    for image in context.graph:
        if image.data and image.type == "aws_ami" and not image.arguments.get("owners"):
            named = [block.get("name") for block in context.view.blocks(image, "filter")]
            if not {"owner-id", "owner-alias", "image-id"} & {str(name) for name in named}:
                yield Finding(image, "`owners` is not set", attribute="owners")


@RULES.rule(
    "image-disk-not-encrypted", Severity.MEDIUM, "whoever gets the image reads its disks",
    rationale="Amazon EC2 user guide, \"Use encryption with EBS-backed AMIs\".", mend="make it from encrypted snapshots",
    types=("aws_ami",), controls=("CKV_AWS_204",),
)
def _image_disk(context: Context, image: Resource) -> Iterator[Finding]:
    for disk in context.view.blocks(image, "ebs_block_device"):
        if not truth(disk.get("encrypted")) and is_known(disk.get("encrypted")) and not disk.get("snapshot_id"):
            yield Finding(image, f"{disk.get('device_name')} is not encrypted", attribute="ebs_block_device")


@RULES.rule(
    "image-or-snapshot-public", Severity.CRITICAL, "everybody can start the image or read the snapshot",
    rationale="It is copied within hours of being public: Amazon EBS user guide, \"Share an Amazon EBS snapshot\"; Amazon EC2 "
              "user guide, \"Share an AMI\".",
    mend="share it with the accounts that need it", controls=("FSBP RDS.1",),
    types=("aws_ami_launch_permission", "aws_db_snapshot", "aws_db_cluster_snapshot"),
)
def _shared(context: Context, resource: Resource) -> Iterator[Finding]:
    if context.view.get(resource, "group") == "all":
        yield Finding(resource, "`group` is all", attribute="group")
    if "all" in as_blocks(context.view.get(resource, "shared_accounts")):
        yield Finding(resource, "`shared_accounts` holds all", attribute="shared_accounts")


@RULES.rule(
    "group-in-one-zone", Severity.MEDIUM, "the group's machines stop with one data centre",
    rationale="Amazon EC2 Auto Scaling user guide, \"Availability Zone distribution\".",
    mend="give it subnets in two zones or more", types=(GROUP,), production_only=True, controls=("FSBP AutoScaling.2",),
)
def _one_zone(context: Context, group: Resource) -> Iterator[Finding]:
    for argument in ("vpc_zone_identifier", "availability_zones"):
        zones = as_blocks(context.view.get(group, argument))
        if (len(zones) == 1 and is_known(zones)) or (len(zones) == 1 and context.view.target(group, argument) is not None):
            yield Finding(group, f"`{argument}` holds one", attribute=argument)


@RULES.rule(
    "group-ignores-the-load-balancer", Severity.LOW, "a machine that the load balancer gave up on is not replaced",
    rationale="EC2's own check sees a machine that runs, not a program that answers: Amazon EC2 Auto Scaling user "
              "guide, \"Health "
              "checks for instances\".",
    mend="set health_check_type = \"ELB\"", types=(GROUP,), controls=("FSBP AutoScaling.1", "CKV2_AWS_15"),
)
def _ignores(context: Context, group: Resource) -> Iterator[Finding]:
    attached = group.arguments.get("target_group_arns") or group.arguments.get("load_balancers") or group.arguments.get(
        "traffic_source") or any(context.view.referring(group, "aws_autoscaling_attachment"))
    if attached and context.view.known(group, "health_check_type", default="EC2") == "EC2":
        yield Finding(group, "`health_check_type` is EC2", attribute="health_check_type")


@RULES.rule(
    "group-with-launch-configuration", Severity.MEDIUM, "the group uses launch configurations, which get nothing new",
    rationale="Amazon EC2 Auto Scaling user guide, \"Launch configurations\".", mend="use a launch template", types=(GROUP,),
    controls=("FSBP AutoScaling.9", "CKV_AWS_315"),
)
def _configuration(context: Context, group: Resource) -> Iterator[Finding]:
    if group.arguments.get("launch_configuration"):
        yield Finding(group, "`launch_configuration` is set", attribute="launch_configuration")


@RULES.rule(
    "snapshots-copied-in-clear", Severity.HIGH, "copies of snapshots in another region are not encrypted",
    rationale="Amazon EBS user guide, \"Create Amazon Data Lifecycle Manager custom policy for EBS snapshots\", "
              "cross-region copy.",
    mend="set encrypted = true in the copy rule", types=("aws_dlm_lifecycle_policy",),
    controls=("CKV_AWS_253", "CKV_AWS_255"),
)
def _copied(context: Context, policy: Resource) -> Iterator[Finding]:
    for details in context.view.blocks(policy, "policy_details"):
        for holder in ("schedule", "action"):
            for part in as_blocks(details.get(holder)):
                for name in ("cross_region_copy_rule", "cross_region_copy"):
                    for rule in as_blocks(part.get(name)) if is_mapping(part) else ():
                        if is_mapping(rule) and not _encrypts(rule):
                            yield Finding(policy, f"`{name}` does not encrypt", attribute="policy_details")


def _encrypts(rule: Mapping[str, Any]) -> bool:
    inner = rule.get("encryption_configuration")
    return truth(rule.get("encrypted")) or any(is_mapping(block) and truth(block.get("encrypted")) for block in as_blocks(inner))


@RULES.rule(
    "document-shared-with-everybody", Severity.HIGH, "everybody can read the document",
    rationale="AWS Systems Manager user guide, \"Sharing SSM documents\".", mend="share it with the accounts that need it",
    types=("aws_ssm_document",), controls=("FSBP SSM.4", "CKV_AWS_303"),
)
def _public_document(context: Context, document: Resource) -> Iterator[Finding]:
    shared = context.view.get(document, "permissions", "account_ids")
    if shared is not None and str(shared).lower() == "all":
        yield Finding(document, "`permissions` are for All", attribute="permissions")


@RULES.rule(
    "sessions-not-recorded", Severity.MEDIUM, "what operators do on machines is not recorded, or recorded in clear text",
    rationale="AWS Systems Manager user guide, \"Enabling and disabling session logging\".",
    mend="log sessions to an encrypted bucket or log group", types=("aws_ssm_document",),
    controls=("CKV_AWS_112", "CKV_AWS_113"),
)
def _sessions(context: Context, document: Resource) -> Iterator[Finding]:
    if context.view.get(document, "document_type") != "Session":
        return
    content = context.view.get(document, "content")
    inputs = content.content.get("inputs") if isinstance(content, JsonDocument) and is_mapping(content.content) else None
    if is_mapping(inputs) and not inputs.get("s3BucketName") and not inputs.get("cloudWatchLogGroupName"):
        yield Finding(document, "it names neither a bucket nor a log group", attribute="content")
    elif is_mapping(inputs) and not inputs.get("kmsKeyId"):
        yield Finding(document, "it names no key for the session's data", attribute="content")


@RULES.rule(
    "web-tier-on-spot-alone", Severity.MEDIUM, "AWS may take all machines behind the load balancer away with two minutes' notice",
    rationale="Amazon EC2 user guide, \"Spot Instance interruptions\"; Amazon EC2 Auto Scaling user guide, \"Auto "
              "Scaling groups with "
              "multiple instance types and purchase options\".",
    mend="keep one on demand: on_demand_base_capacity = 1 in a group; spot for what comes on top", types=(GROUP, MACHINE),
)
def _spot(context: Context, resource: Resource) -> Iterator[Finding]:
    if resource.type == MACHINE:
        market = context.view.get(resource, "instance_market_options", "market_type")
        if market == "spot" and any(context.view.referring(resource, "aws_lb_target_group_attachment", "aws_elb_attachment")):
            yield Finding(resource, "one spot machine is all there is", attribute="instance_market_options")
        return
    shares = context.view.get(resource, "mixed_instances_policy", "instances_distribution")
    for share in as_blocks(shares):
        if is_mapping(share) and resource.arguments.get("target_group_arns") and \
                str(share.get("on_demand_base_capacity", 0)) == "0" and str(
                    share.get("on_demand_percentage_above_base_capacity", 100)) == "0":
            yield Finding(resource, "`on_demand_base_capacity` is 0, and the rest is spot", attribute="mixed_instances_policy")


RULES.items += [
    expected(
        "machine-metadata-reaches-further", Severity.LOW, "containers on the machine can take its credentials", TEMPLATE,
        at="metadata_options.http_put_response_hop_limit", wanted=at_most(1), absent=True,
        why="A hop limit of 1 ends at the machine: Amazon EC2 user guide, \"Configure the Instance Metadata Service options\".",
        mend="set http_put_response_hop_limit = 1", controls=("CKV_AWS_341",),
    ),
    expected(
        "image-not-encrypted", Severity.MEDIUM, "whoever gets the image reads its disks", "aws_ami_copy",
        at="encrypted", wanted=TRUE, absent=False, why="Amazon EC2 user guide, \"Use encryption with EBS-backed AMIs\".",
        mend="set encrypted = true", controls=("CKV_AWS_235",),
    ),
    expected(
        "machine-of-paravirtual-type", Severity.LOW, "the machine's type is of a generation without fixes",
        MACHINE, at="instance_type", wanted=none_of("t1.micro", "m1.small", "m1.medium", "m1.large", "m1.xlarge"), absent=True,
        why="Paravirtual types miss isolation that Nitro gives: Amazon EC2 user guide, \"Virtualization types\".",
        mend="take a current type", controls=("FSBP EC2.24",),
    ),
    expected(
        "spot-with-a-price-limit", Severity.LOW, "the machine is taken away when its price rises above a limit", MACHINE,
        at="instance_market_options.spot_options.max_price", wanted=NOT_GIVEN, absent=True,
        why="The price paid is the market's, never the limit: a limit saves nothing and interrupts more often. Amazon "
            "EC2 user guide, "
            "\"Best practices for Amazon EC2 Spot\".",
        mend="leave max_price out",
    ),
    expected(
        "group-of-one-type", Severity.LOW, "when AWS has no machine of the type left, the group cannot grow", GROUP,
        at="mixed_instances_policy", wanted=GIVEN, absent=False, production_only=True, tiers=("enterprise",),
        why="Amazon EC2 Auto Scaling user guide, \"Auto Scaling groups with multiple instance types and purchase options\".",
        mend="give it a mixed_instances_policy with several types", controls=("FSBP AutoScaling.6",),
    ),
]
