"""Amazon VPC: NAT gateways, addresses, endpoints.

"Amazon VPC Pricing" (aws.amazon.com/vpc/pricing): a NAT gateway by the hour and by the GB that it handles, in both
directions; an interface endpoint by the hour in each zone; a public IPv4 address by the hour, in use or not.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted
from groundsill.cost.model import Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.graph.resource import Resource

_UNPRICED = {
    "aws_ec2_transit_gateway_vpc_attachment": "the price book has no transit gateways",
    "aws_vpn_connection": "the price book has no VPN connections",
}
service = Service("Amazon VPC", unpriced=_UNPRICED, free={
    f"aws_{name}": "part of the network, which is free" for name in (
        "vpc", "subnet", "route", "route_table", "route_table_association", "main_route_table_association",
        "default_route_table", "internet_gateway", "egress_only_internet_gateway", "network_acl", "network_acl_rule",
        "default_network_acl", "default_vpc", "default_subnet", "vpc_dhcp_options", "vpc_dhcp_options_association",
        "vpc_endpoint_policy", "vpc_endpoint_route_table_association", "vpc_endpoint_subnet_association",
        "vpc_ipv4_cidr_block_association", "vpc_peering_connection_accepter", "vpc_peering_connection_options",
        "network_interface", "network_interface_attachment", "network_interface_sg_attachment", "ec2_managed_prefix_list",
        "ec2_transit_gateway", "ec2_transit_gateway_route", "ec2_transit_gateway_route_table",
        "vpc_endpoint_security_group_association")
} | {
    f"aws_{name}": "security groups are free" for name in (
        "security_group", "security_group_rule", "default_security_group", "vpc_security_group_egress_rule",
        "vpc_security_group_ingress_rule")
} | {"aws_eip_association": "a setting; the address is paid by itself"})
_GB = 2.0**30
_UPKEEP = Amount(0.1 * _GB, 1 * _GB, 10 * _GB)


@service.meter(
    "aws_nat_gateway",
    Parameter("data", Dimension.GROWTH, "what goes through it for its workloads' calls"),
    Parameter("upkeep", Dimension.GROWTH, "images, updates and what else goes through it without any call:", _UPKEEP),
)
def nat_gateway(context: Context, gateway: Resource) -> Lines:
    """Hours, and data in both directions."""
    yield context.line(gateway, "hours", "vpc.nat_gateway_hour", counted(1, "NAT gateway"), context.month)
    yield context.line(gateway, "data of upkeep", "vpc.nat_gateway_gb", context.measure(gateway, "upkeep").scaled(GB))
    stated = context.traffic.stated(gateway, "data")
    if stated is None and context.flow.at(gateway, "data") is None:
        yield context.free(gateway, "no workload that is known sends anything through it", "data of calls")
    else:
        yield context.line(gateway, "data of calls", "vpc.nat_gateway_gb", context.measure(gateway, "data").scaled(GB))


@service.meter("aws_eip")
def address(context: Context, address: Resource) -> Lines:
    """An address, in use or not."""
    yield context.line(address, "public IPv4 address", "vpc.public_ipv4_hour", counted(1, "address"), context.month)


@service.meter("aws_vpc_endpoint", Parameter(
    "data", Dimension.GROWTH, "what goes through it:", Amount(0.01 * _GB, 1 * _GB, 20 * _GB)))
def endpoint(context: Context, endpoint: Resource) -> Lines:
    """Gateways to S3 and DynamoDB are free; interfaces are paid in each zone."""
    kind = context.text(endpoint, "vpc_endpoint_type", default="Gateway")
    if kind == "Gateway":
        yield context.free(endpoint, "gateway endpoints to S3 and DynamoDB are free")
        return
    if kind is None:
        yield context.not_known(endpoint, "hours", "`vpc_endpoint_type` is known only after apply")
        return
    yield context.line(endpoint, "hours", "vpc.interface_endpoint_hour",
                       context.length(endpoint, "subnet_ids", words="zones", default=1), context.month)
    yield context.line(endpoint, "data", "vpc.interface_endpoint_gb", context.measure(endpoint, "data").scaled(GB))


@service.meter("aws_vpc_peering_connection", Parameter(
    "data", Dimension.GROWTH, "what goes through it:", Amount(0, 1 * _GB, 50 * _GB)))
def peering(context: Context, peering: Resource) -> Lines:
    """Peering is free; data between zones is paid in each direction."""
    yield context.line(peering, "data between zones", "data_transfer.between_azs_each_direction",
                       context.measure(peering, "data").scaled(GB), counted(2, "directions"))
