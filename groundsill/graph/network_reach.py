"""Who reaches whom over the network: route, security groups, gateways and endpoints, judged before anything exists."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network

from groundsill.graph.judgement import Judgement, every, some
from groundsill.graph.network_topology import GroupRule, Placement, Route, Topology
from groundsill.graph.reference import split_template
from groundsill.graph.resource import Resource
from groundsill.graph.view import View

# AWS PrivateLink guide, "Gateway endpoints": the only two services that have them.
_GATEWAY_SERVICES = ("s3", "dynamodb")


class NetworkReach:
    """Answers over the networks of a graph.

    Arguments:
        view: of a finished graph.

    Example:
        ``NetworkReach(View(graph)).connects(task, database, 5432)`` is yes, no or unknown, with the reasons.
    """

    def __init__(self, view: View) -> None:
        self.view = view

    @cached_property
    def topology(self) -> Topology:
        """Placements, routes and security groups, read once."""
        return Topology(self.view)

    # -- between two things of the graph -------------------------------------------------------------------------------

    def connects(self, source: Placement, target: Placement, port: int, protocol: str = "tcp") -> Judgement:
        """Whether one thing reaches another on a port.

        Arguments:
            source: that opens the connection.
            target: that listens.
            port: TCP or UDP port.
            protocol: ``tcp`` (default) or ``udp``.
        """
        return every((
            self._same_network(source, target),
            self.lets_out(source, target, port, protocol),
            self.lets_in(target, source, port, protocol),
        ))

    def lets_out(self, source: Placement, target: Placement, port: int, protocol: str = "tcp") -> Judgement:
        """Whether the security groups of the source let it out to the target."""
        return self._lets(source, target, port, protocol, out=True)

    def lets_in(self, target: Placement, source: Placement, port: int, protocol: str = "tcp") -> Judgement:
        """Whether the security groups of the target let the source in."""
        return self._lets(target, source, port, protocol, out=False)

    def _lets(self, holder: Placement, other: Placement, port: int, protocol: str, *, out: bool) -> Judgement:
        topology = self.topology
        if not holder.groups:
            return Judgement.unknown(f"the security groups of {holder.resource.address} are not known")
        rules = [rule for group in holder.groups for rule in (topology.egress(group) if out else topology.ingress(group))]
        way = "out to" if out else "in from"
        names = ", ".join(group.address for group in holder.groups)
        judged = some(self._permits(rule, other, port, protocol) for rule in rules)
        if judged.is_yes:
            return Judgement.yes(f"{names} lets {protocol} {port} {way} {other.resource.address}")
        if judged.is_unknown or not holder.whole or not other.whole:
            return Judgement.unknown(f"whether {names} lets {protocol} {port} {way} {other.resource.address} is not known")
        return Judgement.no(f"{names} does not let {protocol} {port} {way} {other.resource.address}")

    def _permits(self, rule: GroupRule, other: Placement, port: int, protocol: str) -> Judgement:
        if rule.protocol not in (None, "-1", protocol):
            return Judgement.no()
        if rule.ports is not None and not rule.ports[0] <= port <= rule.ports[1]:
            return Judgement.no()
        certain = rule.protocol is not None and rule.ports is not None
        if {group.address for group in other.groups} & set(rule.groups):
            return Judgement.yes() if certain else Judgement.unknown()
        covered = self._covered(rule.ranges, other.subnets)
        if covered.is_yes and certain:
            return covered
        if covered.is_no and not rule.open_ended and not rule.prefix_lists:
            return covered
        return Judgement.unknown()

    def _covered(self, ranges: Iterable[IPv4Network | IPv6Network], subnets: tuple[Resource, ...]) -> Judgement:
        """Whether address ranges hold every subnet."""
        listed = list(ranges)
        if any(item.prefixlen == 0 and item.version == 4 for item in listed):
            return Judgement.yes()
        known = [self.topology.range(subnet) for subnet in subnets]
        own = [item for item in known if item is not None]
        fours = [item for item in listed if isinstance(item, IPv4Network)]
        if not fours:
            return Judgement.no()
        if not own or len(own) < len(known):
            return Judgement.unknown()
        if all(any(item.subnet_of(range) for range in fours) for item in own):
            return Judgement.yes()
        return Judgement.unknown() if any(item.overlaps(range) for item in own for range in fours) else Judgement.no()

    def _same_network(self, source: Placement, target: Placement) -> Judgement:
        topology = self.topology
        if not source.subnets or not target.subnets:
            return Judgement.unknown("the subnets are not known")
        guarded = [subnet.address for subnet in (*source.subnets, *target.subnets) if topology.guarded(subnet)]
        free = Judgement.unknown(f"network ACLs before {', '.join(guarded)} are not followed") if guarded else Judgement.yes()
        ours, theirs = topology.vpc(source.subnets[0]), topology.vpc(target.subnets[0])
        if ours is None or theirs is None:
            return Judgement.unknown("the VPC is not in this definition")
        if ours is theirs:
            return Judgement.yes(f"both are in {ours.address}").and_then(free)
        there = every(self._routed(subnet, theirs) for subnet in source.subnets)
        back = every(self._routed(subnet, ours) for subnet in target.subnets)
        return every((there, back, free))

    def _routed(self, subnet: Resource, vpc: Resource) -> Judgement:
        """Whether a subnet has a route to another VPC."""
        topology = self.topology
        table, destination = topology.route_table(subnet), topology.range(vpc)
        if table is None or destination is None:
            return Judgement.unknown(f"the route table of {subnet.address} is not known")
        for route in topology.routes(table):
            if route.kind in ("vpc_peering_connection_id", "transit_gateway_id") and route.destination is not None and \
                    route.destination.version == 4 and destination.overlaps(route.destination):  # type: ignore[arg-type]
                return Judgement.yes(f"{table.address} leads to {vpc.address}")
        return Judgement.no(f"{table.address} has no route to {vpc.address}")

    # -- to AWS and the internet ---------------------------------------------------------------------------------------

    def way_out(self, source: Placement, port: int = 443) -> Judgement:
        """Whether something reaches the internet, and with it every AWS service, from each of its subnets."""
        if not source.subnets:
            return Judgement.unknown(f"the subnets of {source.resource.address} are not known")
        routed = every(self._leaves(subnet, source.public_address) for subnet in source.subnets)
        return routed.and_then(self._group_opens(source, port))

    def to_service(self, source: Placement, service: str) -> Judgement:
        """Whether something reaches an AWS service, by an endpoint of its network or over the internet.

        Arguments:
            source: that calls it.
            service: its name in endpoints, for example ``ecr.api``, ``secretsmanager`` or ``s3``.
        """
        if not source.subnets:
            return Judgement.unknown(f"the subnets of {source.resource.address} are not known")
        private = self._by_endpoint(source, service)
        if private.is_yes:
            return private
        out = self.way_out(source)
        return out if not private.reasons else Judgement(out.or_else(private).answer, (*private.reasons, *out.reasons))

    def _by_endpoint(self, source: Placement, service: str) -> Judgement:
        topology = self.topology
        vpc = topology.vpc(source.subnets[0])
        if vpc is None:
            return Judgement.unknown("the VPC is not in this definition, so its endpoints are not known")
        for endpoint in topology.endpoints(vpc):
            if _service_name(self.view.get(endpoint, "service_name")) != service:
                continue
            kind = self.view.get(endpoint, "vpc_endpoint_type", default="Gateway")
            if kind == "Gateway" and service in _GATEWAY_SERVICES:
                return self._by_gateway(source, endpoint)
            if self.view.get(endpoint, "private_dns_enabled") is not True:
                return Judgement.no(f"{endpoint.address} has private_dns_enabled off, so the service's usual name misses it")
            there = topology.placement(endpoint)
            return Judgement.unknown() if there is None else self.connects(source, there, 443)
        return Judgement.no(f"{vpc.address} has no endpoint for {service}")

    def _by_gateway(self, source: Placement, endpoint: Resource) -> Judgement:
        tables = self.view.targets(endpoint, "route_table_ids")
        linked = {
            found.address for item in self.view.referring(endpoint, "aws_vpc_endpoint_route_table_association")
            for found in self.view.targets(item, "route_table_id")
        }
        ours = [self.topology.route_table(subnet) for subnet in source.subnets]
        if any(table is None for table in ours):
            return Judgement.unknown("the route table is not known")
        missing = [table.address for table in ours if table and table not in tables and table.address not in linked]
        if missing:
            return Judgement.no(f"{endpoint.address} is not in {', '.join(missing)}")
        groups = self._group_opens(source, 443, prefix_lists=True)
        return Judgement.yes(f"{endpoint.address} leads there").and_then(groups)

    def _leaves(self, subnet: Resource, public_address: bool | None) -> Judgement:
        topology = self.topology
        table = topology.route_table(subnet)
        if table is None:
            if topology.vpc(subnet) is None:
                return Judgement.unknown(f"the routes of {subnet.address} are not in this definition")
            return Judgement.no(f"{subnet.address} has no route table of its own, and the main one of a new VPC leads nowhere")
        routes = [route for route in topology.routes(table) if _is_default(route)]
        if not routes:
            vague = any(route.destination is None for route in topology.routes(table))
            text = f"{table.address} of {subnet.address} has no route to the internet"
            return Judgement.unknown(text) if vague else Judgement.no(text)
        return self._by_route(routes[0], subnet, public_address)

    def _by_route(self, route: Route, subnet: Resource, public_address: bool | None) -> Judgement:
        target = route.target
        if target is not None and target.type == "aws_internet_gateway":
            if public_address:
                return Judgement.yes(f"{subnet.address} leads to {target.address}, and it has a public address")
            if public_address is None:
                return Judgement.unknown("whether it has a public address is not known")
            return Judgement.no(f"{subnet.address} leads to {target.address}, which needs a public address, and it has none")
        if target is not None and target.type == "aws_nat_gateway":
            if self.view.get(target, "connectivity_type", default="public") == "private":
                return Judgement.no(f"{target.address} is private: it leads to other networks, not to the internet")
            home = self.view.target(target, "subnet_id")
            if home is None or home.data:
                return Judgement.yes(f"{subnet.address} leads to {target.address}")
            own = self._leaves(home, public_address=True) if home is not subnet else Judgement.no(
                f"{target.address} is in the subnet that it serves")
            if own.is_no:
                return Judgement.no(f"{target.address} itself has no way out", *own.reasons)
            return Judgement.yes(f"{subnet.address} leads to {target.address}")
        return Judgement.unknown(f"{subnet.address} leads out by {route.kind or 'something'}, which is not followed")

    def _group_opens(self, source: Placement, port: int, *, prefix_lists: bool = False) -> Judgement:
        if not source.groups:
            return Judgement.unknown(f"the security groups of {source.resource.address} are not known")
        names = ", ".join(group.address for group in source.groups)
        vague = not source.whole
        for group in source.groups:
            for rule in self.topology.egress(group):
                fits = rule.protocol in ("-1", "tcp") and rule.ports is not None and rule.ports[0] <= port <= rule.ports[1]
                if fits and (any(item.prefixlen == 0 for item in rule.ranges) or (prefix_lists and rule.prefix_lists)):
                    return Judgement.yes(f"{group.address} lets port {port} out")
                vague = vague or rule.open_ended or rule.prefix_lists or rule.protocol is None or rule.ports is None or \
                    bool(fits and rule.ranges)
        if vague:
            return Judgement.unknown(f"whether {names} lets port {port} out to AWS is not known")
        return Judgement.no(f"{names} does not let port {port} out")


def _is_default(route: Route) -> bool:
    return route.destination is not None and route.destination.prefixlen == 0 and route.destination.version == 4


def _service_name(value: object) -> str:
    """``ecr.api`` of ``com.amazonaws.us-east-1.ecr.api``, also where the region is a reference."""
    if not isinstance(value, str):
        return ""
    text = "".join(part if isinstance(part, str) else "region" for part in split_template(value))
    parts = text.split(".", 3)
    return parts[3] if len(parts) == 4 and parts[:2] == ["com", "amazonaws"] else ""
