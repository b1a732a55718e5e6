"""Networks: a VPC with public and private subnets, ways out and private ways to AWS services."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from groundsill import aws
from groundsill.definition.component import Component, Mistake, step
from groundsill.graph import Reference, Resource
from groundsill.graph.value import Value

_LETTERS = "abcdef"
_KINDS = 3  # public, private, isolated
_SMALLEST_PREFIX, _LARGEST_PREFIX = 28, 16  # Amazon VPC: VPC and subnet CIDR blocks
# Endpoints that a Fargate task without a NAT gateway needs: Amazon ECR interface VPC endpoints.
_FARGATE_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs")
_GATEWAY_ENDPOINTS = ("s3", "dynamodb")


class Subnets(Value):
    """The subnets of one kind, one a zone: where a component is placed.

    Arguments:
        network: the network they belong to.
        kind: ``public``, ``private`` or ``isolated``.
        resources: subnet resources, in zone order.
        cidrs: their address ranges.
    """

    __slots__ = ("network", "kind", "resources", "cidrs")  # noqa: RUF023  in the constructor's order

    def __init__(self, network: Network, kind: str, resources: tuple[Resource, ...], cidrs: tuple[str, ...]) -> None:
        self.network: Final = network
        self.kind: Final = kind
        self.resources: Final = resources
        self.cidrs: Final = cidrs

    @property
    def ids(self) -> list[Reference]:
        """Subnet ids, in zone order."""
        return [subnet["id"] for subnet in self.resources]


class Network(Component):
    """A VPC over several zones: public subnets that the internet reaches, private ones that it does not, isolated ones.

    Arguments:
        component: unique in the system.
        cidr: address range, a /16 to a /28 of private addresses, default ``10.0.0.0/16``.
        zones: availability zones, 1 to 6, default 2.
        public: ranges of the public subnets, one a zone; default the first of equal parts of ``cidr``.
        private: ranges of the private subnets, one a zone; default the next ones.
        isolated: subnets without any way out, for databases: True, or their ranges, one a zone. Default none.
        nat: NAT gateways, the private subnets' way out: 0, 1, or one a zone; default by tier.
        endpoints: interface endpoints to AWS services by their endpoint names, for example ``("sqs",)``; without a NAT
            gateway those that Fargate needs are added, unless this is an empty list: then nothing in the private subnets
            calls an AWS service. Gateway endpoints for S3 and DynamoDB are free and always there.
        flow_logs: record the network's traffic; default by tier.

    Gives `public`, `private` and `isolated` subnets; `peer` connects another network.

    Resources created: ``aws_vpc``, ``aws_subnet``, ``aws_internet_gateway``, ``aws_nat_gateway``, ``aws_eip``,
    ``aws_route_table``, ``aws_route``, ``aws_route_table_association``, ``aws_vpc_endpoint``,
    ``aws_default_security_group``; with interface endpoints an ``aws_security_group`` and an
    ``aws_vpc_security_group_ingress_rule``; with flow logs an ``aws_flow_log``, ``aws_cloudwatch_log_group``,
    ``aws_iam_role`` and ``aws_iam_role_policy``; with a peer ``aws_vpc_peering_connection``.

    Costs: each NAT gateway and each interface endpoint by the hour and by the GB; the rest is free.

    Example:
        ``Network("main", cidr="10.0.0.0/16", zones=2, nat=stage.pick(dev=1, prod=2))``
    """

    def __init__(
        self, component: str, /, *, cidr: str = "10.0.0.0/16", zones: int = 2, public: Sequence[str] | None = None,
        private: Sequence[str] | None = None, isolated: Sequence[str] | bool = False, nat: int | None = None,
        endpoints: Sequence[str] | None = None, flow_logs: bool | None = None,
    ) -> None:
        super().__init__(component)
        if isinstance(zones, bool) or not isinstance(zones, int) or not 1 <= zones <= len(_LETTERS):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Mistake("GS1350", f"a network spans 1 to {len(_LETTERS)} zones, not {zones!r}",
                          mend="two zones survive the loss of one")
        block = _block(cidr, "cidr")
        if not _LARGEST_PREFIX <= block.prefixlen <= _SMALLEST_PREFIX:
            raise Mistake("GS1351", f"the range of a network is a /{_LARGEST_PREFIX} to a /{_SMALLEST_PREFIX}, not {cidr}",
                          mend='write for example "10.0.0.0/16"')
        self.cidr, self.zones = cidr, zones
        ranges = self._ranges(block, public, private, isolated)
        gateways = (zones if self.stage.tier.nat_per_zone else 1) if nat is None else nat
        if gateways not in (0, 1, zones):
            raise Mistake("GS1352", f"`nat` is 0, 1 or one a zone ({zones}), not {gateways!r}",
                          mend="one for all is cheaper, one a zone survives the loss of a zone")
        self.resource = aws.vpc(
            self.terraform_name(), cidr_block=cidr, enable_dns_hostnames=True, enable_dns_support=True,
            tags=self._named(),
        )
        # Without rules, so that nothing can use it by accident: Security Hub control EC2.2.
        aws.default_security_group(self.terraform_name(), vpc_id=self.id, tags=self._named("default, closed"))
        internet = aws.internet_gateway(self.terraform_name(), vpc_id=self.id, tags=self._named())
        self.public = self._subnets("public", ranges[0])
        self.private = self._subnets("private", ranges[1])
        public_table = self._route_table("public", "", self.public.resources)
        aws.route(self.terraform_name("public", "internet"), route_table_id=public_table["id"],
                  destination_cidr_block="0.0.0.0/0", gateway_id=internet["id"])
        tables = self._private_tables(gateways, internet)
        self.isolated = self._subnets("isolated", ranges[2])
        if self.isolated.resources:
            tables.append(self._route_table("isolated", "", self.isolated.resources))
        self._tables = (public_table, *tables)
        self._endpoint_group: Resource | None = None
        for service in _GATEWAY_ENDPOINTS:
            aws.vpc_endpoint(
                self.terraform_name(service), vpc_id=self.id, vpc_endpoint_type="Gateway",
                service_name=f"com.amazonaws.{self.building.graph.region}.{service}",
                route_table_ids=[table["id"] for table in (public_table, *tables)], tags=self._named(service),
            )
        needed = tuple(endpoints or ())
        if gateways == 0 and (endpoints is None or needed):
            needed = (*_FARGATE_ENDPOINTS, *needed)
        for service in dict.fromkeys(needed):
            self._interface_endpoint(service)
        if self.stage.tier.flow_logs if flow_logs is None else flow_logs:
            self._flow_log()

    @property
    def id(self) -> Reference:
        """Id of the VPC."""
        return self.resource["id"]

    def _ranges(
        self, block: ipaddress.IPv4Network, public: Sequence[str] | None, private: Sequence[str] | None,
        isolated: Sequence[str] | bool,
    ) -> tuple[list[str], list[str], list[str]]:
        """The ranges of all kinds of subnets: those given, checked, and equal parts of the network for the rest."""
        apart = None if isinstance(isolated, bool) else isolated
        taken: dict[str, ipaddress.IPv4Network] = {}
        kinds: list[list[str]] = []
        for kind, given in (("public", public), ("private", private), ("isolated", apart)):
            if given is not None and len(given) != self.zones:
                raise Mistake("GS1353", f"`{kind}` has {len(given)} ranges for {self.zones} zones",
                              mend="give one range a zone")
            for text in given or ():
                part = _block(text, kind)
                if not _LARGEST_PREFIX <= part.prefixlen <= _SMALLEST_PREFIX:
                    raise Mistake("GS1358", f"a subnet is a /{_LARGEST_PREFIX} to a /{_SMALLEST_PREFIX}, not {text}",
                                  mend="choose a larger range" if part.prefixlen > _SMALLEST_PREFIX else "choose a smaller range")
                if not part.subnet_of(block):
                    raise Mistake("GS1354", f"the {kind} subnet {text} lies outside the network's range {block}",
                                  mend=f"choose a range inside {block}")
                for other, used in taken.items():
                    if part.overlaps(used):
                        raise Mistake("GS1355", f"the subnets {text} and {other} overlap", mend="choose another range")
                taken[text] = part
        # A quarter of the next power of two leaves room for isolated subnets to come without moving these.
        size = min(block.prefixlen + max((4 * self.zones - 1).bit_length(), 1), _SMALLEST_PREFIX)
        free = (part for part in block.subnets(new_prefix=size) if not any(part.overlaps(used) for used in taken.values()))
        for given in (public, private, apart if isolated else ()):
            if given is not None:
                kinds.append(list(given))
                continue
            if len(kinds) == _KINDS - 1:
                free = (part for part in block.subnets(new_prefix=size)
                        if not any(part.overlaps(ipaddress.IPv4Network(used)) for kind in (*kinds, taken) for used in kind))
            chosen = [str(part) for part, _ in zip(free, range(self.zones), strict=False)]
            if len(chosen) < self.zones:
                raise Mistake("GS1356", f"{self.cidr} has no room for the subnets of {self.zones} zones",
                              mend="choose a larger range")
            kinds.append(chosen)
        return kinds[0], kinds[1], kinds[2]

    def _named(self, *parts: str) -> dict[str, str]:
        return {"Name": " ".join((f"{self.building.system}-{self.stage.name}-{self.name}", *parts))}

    def _subnets(self, kind: str, cidrs: Sequence[str]) -> Subnets:
        region = self.building.graph.region
        resources = tuple(
            aws.subnet(
                self.terraform_name(kind, letter), vpc_id=self.id, cidr_block=cidr,
                availability_zone=f"{region}{letter}", map_public_ip_on_launch=False,
                tags={**self._named(kind, letter), "Type": kind.capitalize()},
            )
            for letter, cidr in zip(_LETTERS, cidrs, strict=False)
        )
        return Subnets(self, kind, resources, tuple(cidrs))

    def _route_table(self, kind: str, letter: str, subnets: Sequence[Resource]) -> Resource:
        table = aws.route_table(self.terraform_name(kind, letter), vpc_id=self.id, tags=self._named(kind, letter))
        for subnet in subnets:
            aws.route_table_association(subnet.name, subnet_id=subnet["id"], route_table_id=table["id"])
        return table

    def _private_tables(self, gateways: int, internet: Resource) -> list[Resource]:
        """Route tables of the private subnets: one a NAT gateway, else a single one without a way out."""
        if gateways <= 1:
            groups = [("", self.private.resources)]
        else:
            groups = [(letter, (subnet,)) for letter, subnet in zip(_LETTERS, self.private.resources, strict=False)]
        tables: list[Resource] = []
        for index, (letter, subnets) in enumerate(groups):
            table = self._route_table("private", letter, subnets)
            tables.append(table)
            if not gateways:
                continue
            zone = _LETTERS[index]
            address = aws.eip(self.terraform_name("nat", zone), domain="vpc", tags=self._named("nat", zone),
                              depends_on=[internet])
            gateway = aws.nat_gateway(
                self.terraform_name(zone), allocation_id=address["id"], subnet_id=self.public.resources[index]["id"],
                tags=self._named(zone), depends_on=[internet],
            )
            aws.route(self.terraform_name("private", letter, "nat"), route_table_id=table["id"],
                      destination_cidr_block="0.0.0.0/0", nat_gateway_id=gateway["id"])
        return tables

    @step
    def peer(self, name: str, /, *, network: str, cidr: str, account: str | None = None, region: str | None = None) -> Resource:
        """Connect another network, whose owner accepts and routes back.

        Arguments:
            name: what the other network is called here.
            network: its VPC id.
            cidr: its address range, which must not overlap with this one.
            account: account id of its owner, default this account.
            region: its region, default the system's region.
        """
        other = _block(cidr, "cidr")
        if other.overlaps(ipaddress.IPv4Network(self.cidr)):
            raise Mistake("GS1359", f"the range of {name}, {cidr}, overlaps with this network's {self.cidr}",
                          "no address could be told apart", "give one of them another range")
        connection = aws.vpc_peering_connection(
            self.terraform_name("peer", name), vpc_id=self.id, peer_vpc_id=network, peer_owner_id=account,
            peer_region=region, auto_accept=None if account or region else True, tags=self._named("peer", name),
        )
        for table in self._tables:
            aws.route(f"{table.name}_{self.terraform_name('peer', name)}", route_table_id=table["id"],
                      destination_cidr_block=cidr, vpc_peering_connection_id=connection["id"])
        return connection

    def _interface_endpoint(self, service: str) -> None:
        if self._endpoint_group is None:
            self._endpoint_group = aws.security_group(
                self.terraform_name("endpoints"), name=self.physical_name("aws_security_group", part="endpoints"),
                description="Private ways to AWS services", vpc_id=self.id, tags=self._named("endpoints"),
            )
            aws.vpc_security_group_ingress_rule(
                self.terraform_name("endpoints"), security_group_id=self._endpoint_group["id"],
                description="HTTPS from inside the network", cidr_ipv4=self.cidr, ip_protocol="tcp", from_port=443,
                to_port=443,
            )
        aws.vpc_endpoint(
            self.terraform_name(service), vpc_id=self.id, vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{self.building.graph.region}.{service}", private_dns_enabled=True,
            subnet_ids=self.private.ids, security_group_ids=[self._endpoint_group["id"]], tags=self._named(service),
        )

    def _flow_log(self) -> None:
        from groundsill.components.logs import log_group, write_log
        from groundsill.components.roles import workload_role

        group = log_group(self, f"/vpc/{self.building.system}-{self.stage.name}-{self.name}", "flow")
        role = workload_role(self, "vpc-flow-logs.amazonaws.com", (), part="flow", own=[write_log(group)])
        aws.flow_log(self.terraform_name(), vpc_id=self.id, traffic_type="ALL", log_destination=group["arn"],
                     iam_role_arn=role["arn"])


def _block(text: Any, argument: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except (ValueError, TypeError) as error:
        raise Mistake("GS1357", f"`{argument}` is not an address range: {text!r}", str(error),
                      'write for example "10.0.0.0/16"') from error
