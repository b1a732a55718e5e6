"""Availability zones: enough of them, the right ones, and not one for all."""

from __future__ import annotations

import re

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import text
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list

RULES = Ruleset(Family.DEPLOYS)
_NEED_TWO = {
    "aws_db_subnet_group": ("subnet_ids", "Amazon RDS User Guide, \"Working with a DB instance in a VPC\""),
    "aws_lb": ("subnets", "Application Load Balancers guide, \"Subnets for your load balancer\""),
}


def zone(context: Context, subnet: Resource) -> str | None:
    """The zone of a subnet, where it is known."""
    return text(context.view.get(subnet, "availability_zone")) or text(context.view.get(subnet, "availability_zone_id"))


def region(context: Context, resource: Resource) -> str:
    """The region that a resource is made in."""
    for provider in context.graph.providers:
        if provider.alias == resource.provider:
            return provider.region
    return context.graph.region


def _zones(context: Context, resource: Resource, argument: str) -> list[str] | None:
    """Zones of the subnets that an argument names; None where one of them is not known."""
    value = context.view.get(resource, argument)
    subnets = context.view.targets(resource, argument)
    if not is_list(value) or len(subnets) < len(set(map(str, value))):
        return None
    zones = [zone(context, subnet) for subnet in subnets]
    return None if any(item is None for item in zones) else [item for item in zones if item]


@RULES.rule(
    "too-few-zones", Severity.CRITICAL, "subnets of two zones are needed, and there is one", types=tuple(_NEED_TWO),
    rationale="A DB subnet group and an Application Load Balancer take subnets of at least two availability zones; the apply "
              "fails otherwise.",
    mend="add a subnet of another zone",
    example="aws_db_subnet_group: subnet_ids = [aws_subnet.a.id]",
)
def few(context: Context, resource: Resource) -> Found:
    argument, page = _NEED_TWO[resource.type]
    if resource.type == "aws_lb" and context.view.get(resource, "load_balancer_type", default="application") != "application":
        return
    if context.view.get(resource, argument) is None:
        return
    zones = _zones(context, resource, argument)
    if zones is None:
        yield Finding(resource, "a subnet's zone is not known", unknown=True)
    elif len(set(zones)) < 2:
        yield Finding(resource, f"its subnets are in {zones[0] if zones else 'no zone'} ({page})", attribute=argument)


@RULES.rule(
    "zone-taken-twice", Severity.CRITICAL, "a load balancer has two subnets of one zone", types=("aws_lb",),
    rationale="A load balancer takes one subnet a zone (InvalidConfigurationRequest).",
    mend="keep one subnet a zone",
    example="aws_lb: subnets of us-east-1a, us-east-1a and us-east-1b",
)
def same(context: Context, balancer: Resource) -> Found:
    zones = _zones(context, balancer, "subnets") or []
    for name in sorted({item for item in zones if zones.count(item) > 1}):
        if len(set(zones)) > 1:
            yield Finding(balancer, f"{zones.count(name)} of its subnets are in {name}", attribute="subnets")


@RULES.rule(
    "zone-of-another-region", Severity.CRITICAL, "a zone is not in the region of the resource",
    types=("aws_subnet", "aws_ebs_volume", "aws_instance", "aws_db_instance", "aws_rds_cluster_instance"),
    rationale="Zones are named after their region; one of another region is refused (InvalidParameterValue).",
    mend="name a zone of the region, or set the provider's region",
    example="region = \"eu-central-1\", availability_zone = \"us-east-1a\"",
)
def foreign(context: Context, resource: Resource) -> Found:
    name = text(context.view.get(resource, "availability_zone"))
    home = region(context, resource)
    if name and re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", name) and not name.startswith(home):
        yield Finding(resource, f"{name} is not in {home}", attribute="availability_zone")


@RULES.rule(
    "volume-in-another-zone", Severity.CRITICAL, "a volume is in another zone than its machine", types=("aws_volume_attachment",),
    rationale="An EBS volume is attached to instances of its own zone only (Amazon EBS User Guide, \"Attach an Amazon EBS "
              "volume to an Amazon EC2 instance\").",
    mend="give the volume the zone of the machine's subnet",
    example="aws_ebs_volume: availability_zone = \"us-east-1b\", aws_instance in a subnet of us-east-1a",
)
def volume(context: Context, attachment: Resource) -> Found:
    disk, machine = context.view.target(attachment, "volume_id"), context.view.target(attachment, "instance_id")
    if disk is None or machine is None:
        return
    where = text(context.view.get(disk, "availability_zone"))
    subnet = context.view.target(machine, "subnet_id")
    there = text(context.view.get(machine, "availability_zone")) or (zone(context, subnet) if subnet else None)
    if where and there and where != there:
        yield Finding(disk, f"it is in {where}, and {machine.address} in {there}", attribute="availability_zone",
                      related=(machine,))


@RULES.rule(
    "one-nat-gateway-for-many-zones", Severity.MEDIUM, "one NAT gateway serves several zones", production_only=True,
    family=Family.RUNS,
    rationale="A NAT gateway lives in one zone: when that zone is lost, tasks in the others no longer reach AWS or the "
              "internet (Amazon VPC User Guide, \"NAT gateway basics\").",
    mend="one NAT gateway a zone, each with its own route table; or interface endpoints for what the tasks call",
    example="two private subnets, one aws_nat_gateway",
)
def nat(context: Context) -> Found:
    topology = context.network.topology
    served: dict[str, tuple[Resource, set[str], list[Resource]]] = {}
    for subnet in context.of_type("aws_subnet"):
        table = topology.route_table(subnet)
        for route in topology.routes(table) if table else ():
            if route.kind == "nat_gateway_id" and route.target is not None:
                _, zones, subnets = served.setdefault(route.target.address, (route.target, set(), []))
                zones.add(zone(context, subnet) or subnet.address)
                subnets.append(subnet)
    for device, zones, subnets in served.values():
        home = context.view.target(device, "subnet_id")
        others = zones - ({zone(context, home)} if home else set())
        if len(zones) > 1 and others:
            yield Finding(device, f"subnets of {', '.join(sorted(zones))} depend on it", related=tuple(subnets))


@RULES.rule(
    "target-in-zone-without-load-balancer", Severity.HIGH, "targets are in a zone that their load balancer does not serve",
    types=("aws_ecs_service", "aws_autoscaling_group"), family=Family.RUNS,
    rationale="Targets of a zone that is not enabled for the load balancer are registered and get no traffic: they are paid "
              "for, and count as unused (Elastic Load Balancing User Guide, \"How Elastic Load Balancing works\").",
    mend="give the load balancer a subnet of every zone that its targets are in",
    example="aws_lb in us-east-1a and us-east-1b, the service's subnets in us-east-1c too",
)
def unserved(context: Context, targets: Resource) -> Found:
    path = ("network_configuration", "subnets") if targets.type == "aws_ecs_service" else ("vpc_zone_identifier",)
    subnets = context.view.targets(targets, *path)
    theirs = {name for subnet in subnets if (name := zone(context, subnet)) is not None}
    for balancer in _balancers(context, targets):
        served = _zones(context, balancer, "subnets")
        left = sorted(theirs - set(served or ()))
        if served and left:
            yield Finding(targets, f"{balancer.address} has no subnet in {' and '.join(left)}", attribute=path[0],
                          related=(balancer,))


def _balancers(context: Context, targets: Resource) -> list[Resource]:
    """The load balancers whose listeners lead to the target groups of a service or a group of machines."""
    groups = [*context.view.targets(targets, "load_balancer"), *context.view.targets(targets, "target_group_arns")]
    found: dict[str, Resource] = {}
    for group in groups:
        for item in context.view.referring(group, "aws_lb_listener", "aws_lb_listener_rule"):
            listener = item if item.type == "aws_lb_listener" else context.view.target(item, "listener_arn")
            balancer = context.view.target(listener, "load_balancer_arn") if listener is not None else None
            if balancer is not None and balancer.type == "aws_lb" and not balancer.data:
                found[balancer.address] = balancer
    return list(found.values())
