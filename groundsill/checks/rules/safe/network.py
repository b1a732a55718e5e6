"""Networks and security groups: who may knock, and what is recorded."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from groundsill.checks.context import Context
from groundsill.checks.expect import FALSE, expected, number
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.network_topology import GroupRule
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.SAFE)
GROUP = "aws_security_group"
_GROUPS = (GROUP, "aws_default_security_group")
_RULE_TYPES = ("aws_vpc_security_group_ingress_rule", "aws_security_group_rule")
_WEB = {80, 443}
_ALL_PORTS = (0, 65_535)
_WIDE = 8  # prefixes shorter than this hold a good part of the internet: 128.0.0.0/1 and 0.0.0.0/1 are the world in two
# AWS Security Hub, EC2.19: ports that nobody should find open; EC2.13 and EC2.14: SSH and RDP.
_HIGH_RISK = {20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 6379, 8080,
              8088, 8888, 9200, 9300, 11211, 27017}
_ICMP = {"icmp", "icmpv6", "1", "58"}


class Opening(NamedTuple):
    """One way into a security group.

    Arguments:
        group: the group; None where it is not part of the graph.
        rule: what it lets in.
    """

    group: Resource | None
    rule: GroupRule

    @property
    def resource(self) -> Resource:
        """What says it: the group itself, or a rule."""
        return self.rule.source

    @property
    def first(self) -> int:
        """First port; 0 where it is not known."""
        return self.rule.ports[0] if self.rule.ports else _ALL_PORTS[0]

    @property
    def last(self) -> int:
        """Last port; 65,535 where it is not known."""
        return self.rule.ports[1] if self.rule.ports else _ALL_PORTS[1]

    @property
    def ports(self) -> str:
        """Its ports as a report says them."""
        if (self.first, self.last) == _ALL_PORTS:
            return "every port"
        return f"port {self.first}" if self.first == self.last else f"ports {self.first} to {self.last}"

    @property
    def argument(self) -> str:
        """Where it is written."""
        return "ingress" if self.resource is self.group else "cidr_ipv4"

    def covers(self, port: int) -> bool:
        """Whether a port is open."""
        return self.first <= port <= self.last

    def width(self) -> int:
        """How many ports are open."""
        return self.last - self.first + 1


def openings(context: Context) -> list[Opening]:
    """Every way into every security group, wherever it is written."""
    topology = context.network.topology
    found = [Opening(group, rule) for group in context.of_type(*_GROUPS) for rule in topology.ingress(group)]
    for resource in context.of_type(*_RULE_TYPES):
        kind = context.view.get(resource, "type", default="ingress")
        if context.view.target(resource, "security_group_id") is None and kind == "ingress":
            found.append(Opening(None, topology.rule(context.view.follow(resource.arguments), None, resource)))
    return found


def world(context: Context, opening: Opening) -> str:
    """The range by which an opening is for the world; empty where it is not."""
    for network in opening.rule.ranges:
        if _is_world(network):
            return str(network)
    if opening.rule.prefix_lists:
        for argument in ("prefix_list_id", "prefix_list_ids", "ingress"):
            for listed in context.view.targets(opening.resource, argument):
                for entry in context.view.blocks(listed, "entry"):
                    try:
                        network = ipaddress.ip_network(str(entry.get("cidr")), strict=False)
                    except ValueError:
                        continue
                    if _is_world(network):
                        return f"{network} of {listed.address}"
    return ""


def _is_world(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.prefixlen < _WIDE and not (network.prefixlen and network.is_private)


def serves_the_web(context: Context, group: Resource | None) -> bool:
    """Whether a public load balancer uses the group: what is meant for everybody."""
    if group is None:
        return False
    return any(context.view.get(balancer, "internal") not in (True, "true")
               for balancer in context.view.referring(group, "aws_lb", "aws_alb", "aws_elb"))


@RULES.rule(
    "security-group-open-to-the-world", Severity.HIGH, "everybody on the internet may connect",
    rationale="What listens there is scanned within minutes. AWS Security Hub, EC2.18 and EC2.19: the world belongs on ports 80 "
              "and 443 of a load balancer alone.",
    mend="let in the security group of what calls it, or the addresses of your own office",
    controls=("PCI EC2.13", "PCI EC2.14", "FSBP EC2.18", "FSBP EC2.19", "CIS 5.2", "CIS 5.3", "CKV_AWS_24", "CKV_AWS_25",
              "CKV_AWS_260", "CKV_AWS_277"),
)
def _open(context: Context) -> Iterator[Finding]:
    for opening in openings(context):
        source = world(context, opening)
        if not source or opening.rule.protocol in _ICMP:
            continue
        if opening.width() == 1 and opening.first in _WEB and serves_the_web(context, opening.group):
            continue
        risky = sorted(port for port in _HIGH_RISK if opening.covers(port))
        named = f", among them {risky[0]}" if risky and opening.width() > 1 else ""
        of = f" of {opening.group.address}" if opening.group is not None and opening.group is not opening.resource else ""
        yield Finding(opening.resource, f"{opening.ports}{of}{named} to {source}", attribute=opening.argument,
                      severity=Severity.CRITICAL if risky else None,
                      related=(opening.group,) if opening.group is not None else ())


@RULES.rule(
    "security-group-wider-than-network", Severity.MEDIUM, "a security group lets in addresses beyond its own network",
    rationale="A range that holds the network and more lets in every network that is ever connected to it: Amazon VPC user "
              "guide, \"Security group rules\".",
    mend="let in the security group of what calls it",
)
def _wider(context: Context) -> Iterator[Finding]:
    for opening in openings(context):
        network = context.network.topology.vpc(opening.group) if opening.group is not None else None
        own = context.network.topology.range(network) if network is not None else None
        if own is None:
            continue
        for allowed in opening.rule.ranges:
            if isinstance(allowed, ipaddress.IPv4Network) and allowed.is_private and allowed.prefixlen and allowed != own \
                    and allowed.supernet_of(own):
                yield Finding(opening.resource, f"{allowed} is {2 ** (own.prefixlen - allowed.prefixlen)} times as large as the "
                                                f"network, {own}", attribute=opening.argument)


@RULES.rule(
    "security-group-shared-by-services", Severity.LOW, "services share a security group, so each is open where another listens",
    rationale="A group's rules are for everything in it: Amazon VPC user guide, \"Control traffic to your AWS resources using "
              "security groups\".",
    mend="give each service a group of its own", types=(GROUP,),
)
def _shared(context: Context, group: Resource) -> Iterator[Finding]:
    services = [service for service in context.view.referring(group, "aws_ecs_service")
                if any(balancer.get("container_port") for balancer in context.view.blocks(service, "load_balancer"))]
    ports = {str(balancer.get("container_port")) for service in services
             for balancer in context.view.blocks(service, "load_balancer")}
    if len(services) > 1 and len(ports) > 1:
        yield Finding(group, f"{', '.join(service.name for service in services)} listen on {', '.join(sorted(ports))}",
                      related=tuple(services))


@RULES.rule(
    "default-security-group-in-use", Severity.MEDIUM, "the network's default security group lets traffic through",
    rationale="What names no group gets this one, and everything in it may talk to everything in it: Amazon VPC user guide, "
              "\"Default security groups for your VPCs\".",
    mend="add an aws_default_security_group without rules", types=("aws_vpc", "aws_default_security_group"),
    controls=("FSBP EC2.2", "CIS 5.4", "CKV2_AWS_12"),
)
def _default_group(context: Context, resource: Resource) -> Iterator[Finding]:
    if resource.type == "aws_vpc":
        if not any(context.view.referring(resource, "aws_default_security_group")):
            yield Finding(resource, "no aws_default_security_group closes it")
    elif resource.arguments.get("ingress") or resource.arguments.get("egress"):
        yield Finding(resource, "it has rules", attribute="ingress" if resource.arguments.get("ingress") else "egress")


@RULES.rule(
    "security-group-rule-unexplained", Severity.LOW, "nobody can tell what a security group is for",
    rationale="Rules that nobody understands are never removed: Amazon VPC user guide, \"Security group rules\", descriptions.",
    mend="give it a description", types=(GROUP, *_RULE_TYPES, "aws_vpc_security_group_egress_rule"), controls=("CKV_AWS_23",),
)
def _unexplained(context: Context, resource: Resource) -> Iterator[Finding]:
    description = context.view.get(resource, "description")
    if description in (None, "", "Managed by Terraform"):
        yield Finding(resource, "`description` is not set", attribute="description")
    for name in ("ingress", "egress") if resource.type == GROUP else ():
        if any(not block.get("description") for block in context.view.blocks(resource, name)):
            yield Finding(resource, f"a rule of `{name}` has no description", attribute=name)


@RULES.rule(
    "security-group-unused", Severity.LOW, "a security group is in nobody's use",
    rationale="Its rules wait for whoever takes it by mistake: AWS Security Hub, EC2.22.", mend="remove it", types=(GROUP,),
    controls=("CKV2_AWS_5",),
)
def _unused(context: Context, group: Resource) -> Iterator[Finding]:
    users = (source for source in context.view.referring(group) if "security_group" not in source.type)
    if next(users, None) is not None:
        return
    # A group may also be there to be let in somewhere by what is not part of the graph.
    if not any(output.value is not None and group.address in str(output.value) for output in context.graph.outputs.values()):
        yield Finding(group, "nothing refers to it but rules")


@RULES.rule(
    "network-without-flow-log", Severity.MEDIUM, "who talked to whom in the network cannot be told afterwards",
    rationale="Amazon VPC user guide, \"Logging IP traffic using VPC Flow Logs\".", mend="add an aws_flow_log",
    types=("aws_vpc",), tiers=("enterprise",), controls=("FSBP EC2.6", "CIS 3.7", "CKV2_AWS_11"),
)
def _no_flow_log(context: Context, network: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(network, "aws_flow_log")):
        yield Finding(network, "no aws_flow_log refers to it")


@RULES.rule(
    "network-acl-open-for-administration", Severity.MEDIUM, "a network ACL lets the world connect to SSH or RDP",
    rationale="Amazon VPC user guide, \"Control subnet traffic with network access control lists\".",
    mend="let in the addresses of your own office", controls=("FSBP EC2.21", "CIS 5.1"),
    types=("aws_network_acl", "aws_network_acl_rule"),
)
def _acl(context: Context, resource: Resource) -> Iterator[Finding]:
    alone = resource.type.endswith("_rule")
    own = [context.view.follow(resource.arguments)] if alone else context.view.blocks(resource, "ingress")
    for rule in own:
        source = rule.get("cidr_block") or rule.get("ipv6_cidr_block")
        action = str(rule.get("action") or rule.get("rule_action")).lower()
        first, last = number(rule.get("from_port")), number(rule.get("to_port"))
        if str(rule.get("egress")).lower() == "true" or action != "allow" or source not in ("0.0.0.0/0", "::/0"):
            continue
        everything = str(rule.get("protocol")) == "-1"
        for port in (22, 3389):
            if not everything and first is not None and last is not None and first <= port <= last:
                yield Finding(resource, f"port {port} to {source}", attribute="ingress")


@RULES.rule(
    "peering-route-too-wide", Severity.MEDIUM, "all traffic goes to the other network",
    rationale="Amazon VPC peering guide, \"Route tables for a VPC peering connection\".",
    mend="route the other network's own range", types=("aws_route",), controls=("CIS 5.5", "CKV2_AWS_44"),
)
def _peering(context: Context, route: Resource) -> Iterator[Finding]:
    if route.arguments.get("vpc_peering_connection_id") and context.view.get(route, "destination_cidr_block") == "0.0.0.0/0":
        yield Finding(route, "`destination_cidr_block` is 0.0.0.0/0", attribute="destination_cidr_block")

RULES.items += [
    expected(
        "subnet-gives-public-addresses", Severity.MEDIUM, "whatever starts in the subnet gets an address on the internet",
        "aws_subnet", at="map_public_ip_on_launch", wanted=FALSE, absent=True,
        why="An address should be asked for, not happen: Amazon VPC user guide, \"IP addressing for your VPCs and subnets\".",
        mend="leave map_public_ip_on_launch out", controls=("FSBP EC2.15", "CKV_AWS_130"),
    ),
]
