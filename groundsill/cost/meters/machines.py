"""Amazon EC2: machines, groups of them, volumes and their snapshots.

"Amazon EC2 On-Demand Pricing", "Amazon EBS Pricing" (aws.amazon.com/ebs/pricing): gp3 has 3,000 IOPS and 125 MB/s included.
Machines run Linux; Spot prices float, so they are a range of the list price.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundsill.cost.amount import Amount, exactly, spread
from groundsill.cost.context import GB, Context, counted, plain_number, title, unknown
from groundsill.cost.meters.containers import ALL_HOURS, SPOT_WORDS
from groundsill.cost.meters.databases import between_zones
from groundsill.cost.meters.functions import WORKLOAD_PARAMETERS
from groundsill.cost.meters.models import MODEL_PARAMETERS, model_lines
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import DAYS_PER_MONTH, Dimension
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

_UNPRICED = {
    "aws_ec2_fleet": "a fleet chooses number and types of its machines itself",
}
service = Service("Amazon EC2", unpriced=_UNPRICED, free={
    "aws_ami": "only the snapshots of an image cost something", "aws_autoscaling_attachment": "a setting",
    "aws_autoscaling_policy": "scaling costs nothing", "aws_autoscaling_lifecycle_hook": "a setting",
    "aws_autoscaling_schedule": "a schedule costs nothing; say the hours in `machines` or `hours` of its group",
    "aws_iam_instance_profile": "IAM costs nothing", "aws_key_pair": "key pairs cost nothing",
    "aws_launch_template": "only machines made from it cost something", "aws_placement_group": "a setting",
    "aws_volume_attachment": "a setting; the volume is paid by itself",
})
_SPOT = Amount(0.3, 0.4, 0.7)
_ROOT = Amount(8, 8, 30)
_INCLUDED = {"iops": 3000, "throughput": 125}
_MACHINE = (
    Parameter("requests", Dimension.RATE, "requests or jobs that it handles", entry=True),
    ALL_HOURS,
)


@service.meter("aws_instance", *_MACHINE, *WORKLOAD_PARAMETERS, *MODEL_PARAMETERS)
def machine(context: Context, machine: Resource) -> Lines:
    """Hours, the root volume, a public address."""
    spot = bool(context.view.blocks(machine, "instance_market_options"))
    template = next((item for item in context.view.targets(machine, "launch_template", "id")
                     if item.type == "aws_launch_template"), None)
    kind = context.text(machine, "instance_type") or (context.text(template, "instance_type") if template else None)
    yield from _hours(context, machine, kind, counted(1, kind or "machine"), spot=spot)
    yield from _volumes(context, machine, counted(1, "volume"), context.view.blocks(machine, "root_block_device"),
                        context.view.blocks(machine, "ebs_block_device"))
    if context.flag(machine, "associate_public_ip_address"):
        yield context.line(machine, "public IPv4 addresses", "vpc.public_ipv4_hour", counted(1, "address"),
                           _time(context, machine))
    requests = context.measure(machine, "requests")
    yield from model_lines(context, machine, requests)
    yield from between_zones(context, machine, requests)


@service.meter("aws_autoscaling_group", *_MACHINE, Parameter("machines", Dimension.COUNT, "machines that run on average:"),
               *WORKLOAD_PARAMETERS, *MODEL_PARAMETERS)
def group(context: Context, group: Resource) -> Lines:
    """Machines between the bounds of a group, of the first of its types."""
    templates = [item for item in context.graph_targets(group) if item.type == "aws_launch_template"]
    template = templates[0] if templates else None
    overrides = context.view.get(group, "mixed_instances_policy", "launch_template", "override")
    types = [item.get("instance_type") for item in overrides if is_mapping(item)] if is_list(overrides) else []
    kind = next((item for item in types if isinstance(item, str)), None) or (
        context.text(template, "instance_type") if template else None)
    number = _number(context, group)
    base, share = _on_demand(context, group, template)
    if number.amount is None:
        yield context.not_known(group, "hours", number.unknown)
    else:
        ordinary = number.amount.each(lambda value: min(value, base) + max(value - base, 0) * share)
        floating = number.amount.each(lambda value: max(value - base, 0) * (1 - share))
        if ordinary.high:
            yield from _hours(context, group, kind, counted(ordinary, kind or "machines", *number.assumptions), spot=False)
        if floating.high:
            yield from _hours(context, group, kind, counted(floating, f"{kind or 'machines'}", *number.assumptions), spot=True)
    devices = context.view.blocks(template, "block_device_mappings") if template else []
    disks = [block for device in devices for block in _blocks(device.get("ebs"))]
    volumes = counted(number.amount, "volumes", *number.assumptions) if number.amount is not None else number
    yield from _volumes(context, group, volumes, disks[:1], disks[1:])
    interfaces = context.view.blocks(template, "network_interfaces") if template else []
    if any(block.get("associate_public_ip_address") in (True, "true") for block in interfaces):
        yield context.line(group, "public IPv4 addresses", "vpc.public_ipv4_hour", number, _time(context, group))
    requests = context.measure(group, "requests")
    yield from model_lines(context, group, requests)
    yield from between_zones(context, group, requests)


def _number(context: Context, group: Resource) -> Factor:
    stated = context.traffic.stated(group, "machines")
    if stated is not None:
        return counted(stated, "machines")
    least, most = (context.number(group, name).amount for name in ("min_size", "max_size"))
    desired = context.number(group, "desired_capacity", default=least.expected if least else 0).amount
    if least is None or most is None or desired is None:
        return unknown("the bounds of the group are known only after apply")
    bounds = spread(least.expected, min(max(desired.expected, least.expected), most.expected), most.expected)
    if bounds.exact:
        return counted(bounds, "machines")
    return context.assumed(group, "machines", bounds, "between the bounds of the group", "machines")


def _on_demand(context: Context, group: Resource, template: Resource | None) -> tuple[float, float]:
    """How many machines are no Spot machines in any case, and which share of the others is none either."""
    if template is not None and context.view.blocks(template, "instance_market_options"):
        return 0, 0
    if not context.view.blocks(group, "mixed_instances_policy"):
        return 0, 1
    path = ("mixed_instances_policy", "instances_distribution")
    base = context.number(group, *path, "on_demand_base_capacity", default=0).amount
    share = context.number(group, *path, "on_demand_percentage_above_base_capacity", default=100).amount
    return base.expected if base else 0, min(share.expected / 100, 1) if share else 1


def _hours(context: Context, holder: Resource, kind: str | None, number: Factor, *, spot: bool) -> Lines:
    if kind is None:
        yield context.not_known(holder, "hours", "its type is known only after apply")
        return
    factors = [number, _time(context, holder)]
    if spot:
        factors.append(counted(_SPOT, SPOT_WORDS, f"{title(holder)}: Spot costs 40 % of the list price (30 % to 70 %)"))
    yield context.line(holder, "hours (Spot)" if spot else "hours", f"ec2.{kind}", *factors)


def _time(context: Context, holder: Resource) -> Factor:
    time = context.measure(holder, "hours", "h")
    return counted(time.amount, "h") if time.amount is not None and time.amount.exact else time


def _volumes(
    context: Context, holder: Resource, number: Factor, root: list[Mapping[str, Any]], others: list[Mapping[str, Any]],
) -> Lines:
    size = plain_number(root[0].get("volume_size")) if root else None
    shown = counted(size, "GB") if size is not None else counted(
        _ROOT, "GB", f"{title(holder)}: its root volume is as large as its image's, 8 GB (8 to 30)")
    kind = root[0].get("volume_type") if root else None
    yield context.line(holder, "root volume", f"ebs.{kind or 'gp3'}_gb_month", number, shown)
    for block in others:
        found = plain_number(block.get("volume_size"))
        yield context.line(holder, "volume", f"ebs.{block.get('volume_type') or 'gp3'}_gb_month", number,
                           unknown("its size is known only after apply") if found is None else counted(found, "GB"))


def _blocks(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in (value if is_list(value) else [value]) if is_mapping(item)]


@service.meter("aws_ebs_volume")
def volume(context: Context, volume: Resource) -> Lines:
    """Storage, and IOPS and throughput above what is included."""
    kind = context.text(volume, "type", default="gp2")
    if kind is None:
        yield context.not_known(volume, "storage", "`type` is known only after apply")
        return
    yield context.line(volume, "storage", f"ebs.{kind}_gb_month", context.number(volume, "size", words="GB"))
    for name, key, words in (("iops", "gp3_iops_over_3000", "IOPS above 3,000"),
                             ("throughput", "gp3_throughput_over_125", "MB/s above 125")):
        found = context.number(volume, name, default=0)
        if kind == "gp3" and found.amount is not None and found.amount.expected > _INCLUDED[name]:
            yield context.line(volume, name, f"ebs.{key}", counted(found.amount.expected - _INCLUDED[name], words))
        elif kind in ("io1", "io2") and name == "iops":
            yield context.line(volume, name, f"ebs.{kind}_iops", found)


@service.meter(
    "aws_dlm_lifecycle_policy",
    Parameter("filled", Dimension.SHARE, "of its volumes is filled:", Amount(0.1, 0.3, 0.8)),
    Parameter("changed", Dimension.SHARE, "of what is filled changes from one snapshot to the next:", Amount(0.001, 0.01, 0.05)),
)
def snapshots(context: Context, policy: Resource) -> Lines:
    """Snapshots: the first is as large as what is filled, each later one as what changed."""
    tags = context.view.get(policy, "policy_details", "target_tags")
    volumes = [item for item in context.of_type("aws_ebs_volume", "aws_instance") if _tagged(context, item, tags)]
    sizes = [context.number(item, "size" if item.type == "aws_ebs_volume" else "root_block_device", *(
        () if item.type == "aws_ebs_volume" else ("volume_size",)), words="GB", default=8) for item in volumes]
    count = context.number(policy, "policy_details", "schedule", "retain_rule", "count", default=1).amount
    if not volumes or count is None or any(size.amount is None for size in sizes):
        yield context.not_known(policy, "snapshots", "which volumes it is about, or how many are kept, is not known")
        return
    whole = counted(sum(size.amount.expected for size in sizes if size.amount), "GB of volumes")
    changed = context.measure(policy, "changed")
    kept = count.expected - 1 if count.expected else 0
    grown = Factor(None if changed.amount is None else exactly(1) + changed.amount * kept,
                   f"(1 + {kept:.0f} x {changed.text})", changed.assumptions)
    yield context.line(policy, "snapshots", "ebs.snapshot_gb_month", whole, context.measure(policy, "filled", "filled"), grown)


def _tagged(context: Context, holder: Resource, tags: Any) -> bool:
    own = context.view.get(holder, "tags")
    return is_mapping(tags) and is_mapping(own) and bool(tags) and all(own.get(key) == value for key, value in tags.items())


@service.meter("aws_ebs_snapshot", Parameter("stored", Dimension.STORED, "it holds"))
def snapshot(context: Context, snapshot: Resource) -> Lines:
    """One snapshot: at most as large as its volume."""
    source = next((item for item in context.view.targets(snapshot, "volume_id") if item.type == "aws_ebs_volume"), None)
    size = context.number(source, "size").amount if source else None
    stated = context.traffic.stated(snapshot, "stored")
    if stated is None and size is None:
        yield context.not_known(snapshot, "storage", f"`stored` of {title(snapshot)} is not stated")
        return
    whole = spread(0.1, 0.3, 1) * (size.expected * 2**30) if size else exactly(0)
    yield context.line(snapshot, "storage", "ebs.snapshot_gb_month",
                       context.assumed(snapshot, "stored", whole, "a third of its volume").scaled(GB))


__all__ = ["DAYS_PER_MONTH", "service"]
