"""Networks as the graph describes them: where things are placed, which routes leave a subnet, what security groups let by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NamedTuple

from groundsill.graph.reference import Reference, Unknown, references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View

_ALL_PORTS = (0, 65_535)
# IANA protocol numbers, as security groups take them beside names (Amazon EC2 API: IpPermission).
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


class Placement(NamedTuple):
    """Where something is in a network.

    Arguments:
        resource: that is placed.
        subnets: it may be in any of them.
        groups: its security groups.
        public_address: whether it has a public address; None where nobody can say.
        whole: False where some subnets or groups are not known.
    """

    resource: Resource
    subnets: tuple[Resource, ...]
    groups: tuple[Resource, ...]
    public_address: bool | None = False
    whole: bool = True


class GroupRule(NamedTuple):
    """One thing that a security group lets by.

    Arguments:
        protocol: ``tcp``, ``udp``, ``icmp`` or ``-1`` for all; None where it is not known.
        ports: first and last; None where they are not known.
        ranges: address ranges of the other side.
        groups: security groups of the other side, by address.
        prefix_lists: whether a prefix list is the other side.
        open_ended: whether some of the other side is not known.
        source: resource that holds the rule.
    """

    protocol: str | None
    ports: tuple[int, int] | None
    ranges: tuple[IPv4Network | IPv6Network, ...]
    groups: tuple[str, ...]
    prefix_lists: bool
    open_ended: bool
    source: Resource


class Route(NamedTuple):
    """One way out of a route table.

    Arguments:
        destination: address range; None for a prefix list or an unknown one.
        kind: argument that names the target: ``gateway_id``, ``nat_gateway_id``, ``vpc_peering_connection_id``, ...
        target: resource that it goes to, where the graph has it.
    """

    destination: IPv4Network | IPv6Network | None
    kind: str
    target: Resource | None


_ROUTE_TARGETS = (
    "gateway_id", "nat_gateway_id", "vpc_peering_connection_id", "transit_gateway_id", "network_interface_id",
    "vpc_endpoint_id", "egress_only_gateway_id", "carrier_gateway_id", "core_network_arn", "local_gateway_id", "instance_id",
)
# Type: arguments with the subnets, the security groups and the public address.
_PLACES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "aws_lambda_function": (("vpc_config", "subnet_ids"), ("vpc_config", "security_group_ids"), ()),
    "aws_ecs_service": (("network_configuration", "subnets"), ("network_configuration", "security_groups"),
                        ("network_configuration", "assign_public_ip")),
    # A migration's run of a task says so in what it hands on: see `groundsill.graph.provisioner`.
    "terraform_data": (("input", "subnets"), ("input", "security_groups"), ("input", "assign_public_ip")),
    "aws_instance": (("subnet_id",), ("vpc_security_group_ids",), ("associate_public_ip_address",)),
    "aws_lb": (("subnets",), ("security_groups",), ()),
    "aws_apigatewayv2_vpc_link": (("subnet_ids",), ("security_group_ids",), ()),
    "aws_vpc_endpoint": (("subnet_ids",), ("security_group_ids",), ()),
    "aws_autoscaling_group": (("vpc_zone_identifier",), (), ()),
}
_DATA_PLACES: Mapping[str, tuple[str, str, str]] = {
    "aws_db_instance": ("db_subnet_group_name", "aws_db_subnet_group", "vpc_security_group_ids"),
    "aws_rds_cluster": ("db_subnet_group_name", "aws_db_subnet_group", "vpc_security_group_ids"),
    "aws_elasticache_replication_group": ("subnet_group_name", "aws_elasticache_subnet_group", "security_group_ids"),
    "aws_elasticache_cluster": ("subnet_group_name", "aws_elasticache_subnet_group", "security_group_ids"),
}


class Topology:
    """The networks of a graph, each part worked out once.

    Arguments:
        view: of a finished graph.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.graph = view.graph
        by_type: dict[str, list[Resource]] = {}
        for resource in self.graph:
            by_type.setdefault(resource.type, []).append(resource)
        self._by_type = by_type
        self._routes: dict[str, list[Route]] = {}
        self._tables = self._route_tables()
        self._ingress, self._egress = self._standalone_rules()
        self._places: dict[str, Placement | None] = {}

    # -- placements ----------------------------------------------------------------------------------------------------

    def placement(self, resource: Resource) -> Placement | None:
        """Where a resource is placed; None for one that is in no network of the graph."""
        if resource.address not in self._places:
            self._places[resource.address] = self._placement(resource)
        return self._places[resource.address]

    def _placement(self, resource: Resource) -> Placement | None:
        if resource.type in _DATA_PLACES:
            return self._data_placement(resource)
        if resource.type not in _PLACES:
            return None
        subnet_path, group_path, public_path = _PLACES[resource.type]
        subnets, all_subnets = self._named(resource, "aws_subnet", subnet_path)
        groups, all_groups = self._named(resource, "aws_security_group", group_path)
        if not subnets and all_subnets:
            return None
        public = self._public(resource, subnets, public_path)
        return Placement(resource, subnets, groups, public, all_subnets and all_groups)

    def _data_placement(self, resource: Resource) -> Placement | None:
        group_argument, group_type, groups_argument = _DATA_PLACES[resource.type]
        group = next((item for item in self.view.targets(resource, group_argument) if item.type == group_type), None)
        groups, all_groups = self._named(resource, "aws_security_group", (groups_argument,))
        if group is None:
            named = resource.arguments.get(group_argument) is not None
            return Placement(resource, (), groups, False, whole=False) if named or groups else None
        subnets, all_subnets = self._named(group, "aws_subnet", ("subnet_ids",))
        return Placement(resource, subnets, groups, False, all_subnets and all_groups)

    def _named(self, resource: Resource, type: str, path: tuple[str, ...]) -> tuple[tuple[Resource, ...], bool]:
        """The resources of a type that an argument names, and whether it names nothing else."""
        if not path:
            return (), True
        value = self.view.get(resource, *path)
        if value is None:
            return (), True
        items = list(value) if is_list(value) else [value]
        found: dict[str, Resource] = {}
        whole = True
        for item in items:
            targets = [target for reference in references_in(item) if (target := self.graph.target(reference)) is not None]
            right = [target for target in targets if target.type.replace("_default", "") == type and not target.data]
            found.update({target.address: target for target in right})
            whole = whole and bool(right)
        return tuple(found.values()), whole

    def _public(self, resource: Resource, subnets: tuple[Resource, ...], path: tuple[str, ...]) -> bool | None:
        if not path:
            return False
        value = self.view.get(resource, *path)
        if value is None and resource.type == "aws_instance":
            values = {self.view.get(subnet, "map_public_ip_on_launch", default=False) for subnet in subnets}
            value = values.pop() if len(values) == 1 else None
            return value if isinstance(value, bool) else None
        if value is None:
            return False
        return value if isinstance(value, bool) else None

    # -- subnets and routes --------------------------------------------------------------------------------------------

    def vpc(self, resource: Resource) -> Resource | None:
        """The VPC of a subnet, a security group, a route table, an endpoint."""
        return next((item for item in self.view.targets(resource, "vpc_id") if item.type in ("aws_vpc", "aws_default_vpc")),
                    None)

    def range(self, resource: Resource) -> IPv4Network | None:
        """The IPv4 range of a VPC or a subnet; None where it is not known or not one."""
        return _range4(self.view.get(resource, "cidr_block"))

    def route_table(self, subnet: Resource) -> Resource | None:
        """The route table of a subnet: its own, else the main one of its VPC; None where the graph has neither."""
        own = self._tables.get(subnet.address)
        if own is not None:
            return own
        vpc = self.vpc(subnet)
        return self._tables.get(vpc.address) if vpc else None

    def routes(self, table: Resource) -> list[Route]:
        """Every route that a table's resources name, beside the one inside the network itself."""
        if table.address not in self._routes:
            found = [self._route(block) for block in self.view.blocks(table, "route")]
            found += [
                self._route(self.view.follow(item.arguments), item) for item in self._by_type.get("aws_route", ())
                if any(target.address == table.address for target in self.view.targets(item, "route_table_id"))
            ]
            self._routes[table.address] = found
        return self._routes[table.address]

    def _route(self, block: Mapping[str, Any], source: Resource | None = None) -> Route:
        text = block.get("destination_cidr_block") or block.get("cidr_block") or block.get("ipv6_cidr_block") or \
            block.get("destination_ipv6_cidr_block")
        for kind in _ROUTE_TARGETS:
            value = block.get(kind)
            if value:
                target = next((found for item in references_in(value) if (found := self.graph.target(item)) is not None), None)
                return Route(_range(text), kind, target)
        return Route(_range(text), "", None)

    def _route_tables(self) -> dict[str, Resource]:
        """Route table by the address of the subnet that is associated with it, or of the VPC that it is the main one of."""
        found: dict[str, Resource] = {}
        for link in self._by_type.get("aws_route_table_association", ()):
            table = self.view.target(link, "route_table_id")
            for subnet in self.view.targets(link, "subnet_id"):
                if table is not None:
                    found[subnet.address] = table
        for link in self._by_type.get("aws_main_route_table_association", ()):
            vpc, table = self.view.target(link, "vpc_id"), self.view.target(link, "route_table_id")
            if vpc is not None and table is not None:
                found[vpc.address] = table
        for table in self._by_type.get("aws_default_route_table", ()):
            vpc = self.view.target(table, "default_route_table_id")
            if vpc is not None:
                found.setdefault(vpc.address, table)
        return found

    def endpoints(self, vpc: Resource) -> list[Resource]:
        """The endpoints of a VPC."""
        return [item for item in self._by_type.get("aws_vpc_endpoint", ()) if self.vpc(item) is vpc]

    def guarded(self, subnet: Resource) -> bool:
        """Whether a network ACL of the graph stands before a subnet: what it lets by is not followed."""
        return any(subnet in self.view.targets(item, "subnet_ids") for item in self._by_type.get("aws_network_acl", ())) or \
            any(subnet in self.view.targets(item, "subnet_id") for item in self._by_type.get("aws_network_acl_association", ()))

    # -- security groups -----------------------------------------------------------------------------------------------

    def ingress(self, group: Resource) -> list[GroupRule]:
        """What a security group lets in."""
        return [*self._inline(group, "ingress"), *self._ingress.get(group.address, ())]

    def egress(self, group: Resource) -> list[GroupRule]:
        """What a security group lets out. Terraform takes away the rule that EC2 makes, which lets everything out."""
        return [*self._inline(group, "egress"), *self._egress.get(group.address, ())]

    def _inline(self, group: Resource, name: str) -> Iterator[GroupRule]:
        for block in self.view.blocks(group, name):
            yield self.rule(block, group, group)

    def _standalone_rules(self) -> tuple[dict[str, list[GroupRule]], dict[str, list[GroupRule]]]:
        ingress: dict[str, list[GroupRule]] = {}
        egress: dict[str, list[GroupRule]] = {}
        kinds = {"aws_vpc_security_group_ingress_rule": ingress, "aws_vpc_security_group_egress_rule": egress}
        for type in (*kinds, "aws_security_group_rule"):
            for item in self._by_type.get(type, ()):
                where = kinds.get(type)
                if where is None:
                    where = ingress if self.view.get(item, "type") == "ingress" else egress
                for group in self.view.targets(item, "security_group_id"):
                    where.setdefault(group.address, []).append(self.rule(self.view.follow(item.arguments), group, item))
        return ingress, egress

    def rule(self, block: Mapping[str, Any], group: Resource | None, source: Resource) -> GroupRule:
        """A rule as it is written, in a block or as a resource of its own.

        Arguments:
            block: its arguments.
            group: the group it belongs to; None where the graph does not have it.
            source: resource that holds it.
        """
        ranges: list[IPv4Network | IPv6Network] = []
        groups: list[str] = []
        open_ended = False
        for name in ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"):
            for item in _items(block.get(name)):
                found = _range(item)
                open_ended = open_ended or found is None
                ranges += [found] if found else []
        for name in ("security_groups", "source_security_group_id", "referenced_security_group_id"):
            for item in _items(block.get(name)):
                targets = [target.address for reference in references_in(item)
                           if (target := self.graph.target(reference)) is not None and not target.data]
                groups += targets
                open_ended = open_ended or (not targets and not isinstance(item, str))
        if block.get("self") is True and group is not None:
            groups.append(group.address)
        return GroupRule(
            _protocol(block), _ports(block), tuple(ranges), tuple(groups),
            bool(block.get("prefix_list_ids") or block.get("prefix_list_id")), open_ended, source,
        )


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if is_list(value) else [value]


def _protocol(block: Mapping[str, Any]) -> str | None:
    value = block.get("ip_protocol", block.get("protocol"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _PROTOCOLS.get(value.lower(), value.lower()) if isinstance(value, str) else None


def _ports(block: Mapping[str, Any]) -> tuple[int, int] | None:
    if _protocol(block) == "-1":
        return _ALL_PORTS
    first, last = _port(block.get("from_port")), _port(block.get("to_port"))
    if first is None or last is None:
        return None
    return _ALL_PORTS if first == -1 else (first, last)


def _port(value: Any) -> int | None:
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _range(value: Any) -> IPv4Network | IPv6Network | None:
    if not isinstance(value, str):
        return None
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _range4(value: Any) -> IPv4Network | None:
    found = _range(value)
    return found if isinstance(found, IPv4Network) else None


def unknown_in(value: Any) -> bool:
    """Whether a value, or a member of it, is not known."""
    if isinstance(value, Reference | Unknown):
        return True
    if is_mapping(value):
        return any(unknown_in(item) for item in value.values())
    return is_list(value) and any(unknown_in(item) for item in value)
