"""Address ranges: valid, inside their network, and beside each other."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from itertools import combinations, pairwise

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, text
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
# Amazon VPC User Guide, "Subnet CIDR blocks": the first four addresses and the last one are AWS's.
_RESERVED = 5
# Application Load Balancer guide, "Subnets for your load balancer": at least a /27 with 8 free addresses.
_LOAD_BALANCER_PREFIX = 27
_RANGES = {
    "aws_vpc": ("cidr_block",), "aws_subnet": ("cidr_block",), "aws_route": ("destination_cidr_block",),
    "aws_vpc_security_group_ingress_rule": ("cidr_ipv4",), "aws_vpc_security_group_egress_rule": ("cidr_ipv4",),
    "aws_security_group_rule": ("cidr_blocks",), "aws_vpc_ipv4_cidr_block_association": ("cidr_block",),
}


@RULES.rule(
    "address-range-invalid", Severity.CRITICAL, "AWS refuses this address range", types=tuple(_RANGES),
    rationale="A range is written as its first address and a length; a VPC or subnet is /16 to /28 (Amazon VPC User Guide, "
              "\"VPC CIDR blocks\" and \"Subnet CIDR blocks\").",
    mend="write the first address of the range, and a length that AWS takes",
    example="aws_vpc: cidr_block = \"10.0.0.5/16\"",
)
def invalid(context: Context, resource: Resource) -> Found:
    for argument in _RANGES[resource.type]:
        for item in each(context.view.get(resource, argument)):
            written = text(item)
            if written is None:
                continue
            reason = _fault(written, sized=resource.type in ("aws_vpc", "aws_subnet", "aws_vpc_ipv4_cidr_block_association"))
            if reason:
                yield Finding(resource, f"{written!r} {reason}", attribute=argument)


def _fault(written: str, *, sized: bool) -> str:
    try:
        found = ip_network(written, strict=False)
    except ValueError:
        return "is no address range"
    if "/" not in written:
        return "has no length: for a single address write /32"
    if str(found) != written and isinstance(found, IPv4Network):
        return f"does not begin at the start of its range; that is {found}"
    if sized and isinstance(found, IPv4Network) and not 16 <= found.prefixlen <= 28:
        return f"is a /{found.prefixlen}; AWS takes /16 to /28"
    return ""


@RULES.rule(
    "subnet-outside-network", Severity.CRITICAL, "a subnet is not inside its VPC", types=("aws_subnet",),
    rationale="A subnet's range is part of one of its VPC's ranges, else CreateSubnet fails (InvalidSubnet.Range).",
    mend="give the subnet a range inside the VPC's",
    example="aws_vpc: cidr_block = \"10.0.0.0/24\"; aws_subnet: cidr_block = \"10.1.0.0/26\"",
)
def outside(context: Context, subnet: Resource) -> Found:
    topology = context.network.topology
    vpc, own = topology.vpc(subnet), topology.range(subnet)
    if vpc is None or own is None or vpc.data:
        return
    ranges = [topology.range(vpc)]
    ranges += [topology.range(more) for more in context.view.referring(vpc, "aws_vpc_ipv4_cidr_block_association")]
    known = [item for item in ranges if item is not None]
    if len(known) < len(ranges):
        yield Finding(subnet, f"a range of {vpc.address} is not known", unknown=True)
    elif not any(own.subnet_of(item) for item in known):
        yield Finding(subnet, f"{own} is not inside {', '.join(map(str, known))} of {vpc.address}", attribute="cidr_block",
                      related=(vpc,))


@RULES.rule(
    "subnets-overlap", Severity.CRITICAL, "two subnets of a VPC overlap",
    rationale="CreateSubnet fails for the second one (InvalidSubnet.Conflict).",
    mend="give them ranges beside each other",
    example="aws_subnet: cidr_block = \"10.0.0.0/24\" and another with \"10.0.0.128/25\"",
)
def overlap(context: Context) -> Found:
    topology = context.network.topology
    by_vpc: dict[str, list[tuple[Resource, IPv4Network]]] = {}
    for subnet in context.of_type("aws_subnet"):
        vpc, own = topology.vpc(subnet), topology.range(subnet)
        if vpc is not None and own is not None:
            by_vpc.setdefault(vpc.address, []).append((subnet, own))
    for subnets in by_vpc.values():
        ordered = sorted(subnets, key=lambda item: (int(item[1].network_address), item[1].prefixlen))
        for (first, one), (second, other) in pairwise(ordered):
            if one.overlaps(other):
                yield Finding(second, f"{other} overlaps {one} of {first.address}", attribute="cidr_block", related=(first,))


@RULES.rule(
    "peered-networks-overlap", Severity.CRITICAL, "two peered VPCs have overlapping ranges",
    types=("aws_vpc_peering_connection",),
    rationale="A peering connection between overlapping ranges cannot be made (Amazon VPC Peering Guide, \"VPC peering "
              "limitations\").",
    mend="give one of the VPCs another range",
    example="both aws_vpc have cidr_block = \"10.0.0.0/16\"",
)
def peered(context: Context, peering: Resource) -> Found:
    topology = context.network.topology
    ours, theirs = context.view.target(peering, "vpc_id"), context.view.target(peering, "peer_vpc_id")
    if ours is None or theirs is None:
        return
    one, other = topology.range(ours), topology.range(theirs)
    if one is not None and other is not None and one.overlaps(other):
        yield Finding(peering, f"{one} of {ours.address} and {other} of {theirs.address} overlap", related=(ours, theirs))


@RULES.rule(
    "load-balancer-subnet-too-small", Severity.CRITICAL, "a load balancer's subnet is too small for it", types=("aws_lb",),
    rationale="An Application Load Balancer needs subnets of at least /27 with eight free addresses, to scale (Application "
              "Load Balancers guide, \"Subnets for your load balancer\").",
    mend="give the subnet a /27 or more",
    example="aws_subnet of an aws_lb: cidr_block = \"10.0.0.0/28\"",
)
def small(context: Context, balancer: Resource) -> Found:
    if context.view.get(balancer, "load_balancer_type", default="application") != "application":
        return
    for subnet in context.view.targets(balancer, "subnets"):
        own = context.network.topology.range(subnet)
        if own is not None and own.prefixlen > _LOAD_BALANCER_PREFIX:
            yield Finding(balancer, f"{own} of {subnet.address} has {own.num_addresses - _RESERVED} addresses",
                          attribute="subnets", related=(subnet,))


@RULES.rule(
    "network-without-room", Severity.LOW, "a VPC has no room for another subnet", types=("aws_vpc",), production_only=True,
    rationale="The range of a VPC's subnets cannot be changed later: a third zone, or subnets of another kind, then need a "
              "secondary range, or a new network.",
    mend="give the VPC a wider range, for example a /16",
    example="aws_vpc: cidr_block = \"10.10.0.0/24\" with four aws_subnet of /26",
)
def room(context: Context, vpc: Resource) -> Found:
    topology = context.network.topology
    own = topology.range(vpc)
    subnets = [item for item in context.view.referring(vpc, "aws_subnet") if topology.vpc(item) is vpc]
    ranges = [found for item in subnets if (found := topology.range(item)) is not None and own and found.subnet_of(own)]
    if own is None or not ranges or len(ranges) < len(subnets) or any(one.overlaps(two) for one, two in combinations(ranges, 2)):
        return
    if sum(item.num_addresses for item in ranges) == own.num_addresses and own.prefixlen > 20:
        yield Finding(vpc, f"its {len(ranges)} subnets take all {own.num_addresses} addresses of {own}", attribute="cidr_block")
