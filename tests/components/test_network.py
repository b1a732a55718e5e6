"""Networks: ranges that never overlap and always lie inside, and always a way to what a workload needs."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill import Stage
from groundsill import components as c
from tests.component_support import arguments, build, examine

RANGES = st.builds(
    lambda start, prefix: str(ip_network((start, prefix), strict=False)), st.integers(0, 2**32 - 1), st.integers(14, 30))


def inside(cidr: str) -> st.SearchStrategy[list[str]]:
    """Ranges that mostly lie inside another one."""
    block = ip_network(cidr)
    part = st.builds(lambda offset, longer: str(ip_network(
        (int(block.network_address) + offset, min(block.prefixlen + longer, 32)), strict=False)),
        st.integers(0, block.num_addresses - 1), st.integers(0, 12))
    return st.lists(part | RANGES, min_size=1, max_size=3)


@given(cidr=RANGES, zones=st.integers(1, 6), data=st.data())
def test_subnets_never_overlap_and_always_lie_inside_the_network(cidr: str, zones: int, data: st.DataObject) -> None:
    given_ranges = data.draw(st.none() | inside(cidr))
    if given_ranges:
        zones = len(given_ranges)

    def define(stage: Stage) -> None:
        c.Network("main", cidr=cidr, zones=zones, public=given_ranges)

    graph, diagnostics = examine(define)
    if diagnostics.errors:
        assert {item.code for item in diagnostics} <= {"GS1351", "GS1353", "GS1354", "GS1355", "GS1356", "GS1358"}
        return
    parts = [ip_network(subnet.arguments["cidr_block"]) for subnet in graph.of_type("aws_subnet")]
    assert len(parts) == 2 * zones
    assert all(part.subnet_of(ip_network(cidr)) and 16 <= part.prefixlen <= 28 for part in parts)
    assert not any(one.overlaps(other) for one, other in combinations(parts, 2))


@pytest.mark.requirement("OM-C09")
def test_without_a_gateway_tasks_reach_what_they_need_by_private_ways() -> None:
    def define(stage: Stage) -> None:
        c.Network("main", nat=0, endpoints=("sqs",))

    graph = build(define)
    assert not graph.of_type("aws_nat_gateway", "aws_eip")
    services = {(item.arguments["vpc_endpoint_type"], item.arguments["service_name"].removeprefix("com.amazonaws.us-east-1."))
                for item in graph.of_type("aws_vpc_endpoint")}
    assert services == {("Gateway", "s3"), ("Gateway", "dynamodb"), ("Interface", "ecr.api"), ("Interface", "ecr.dkr"),
                        ("Interface", "logs"), ("Interface", "sqs")}
    (rule,) = graph.of_type("aws_vpc_security_group_ingress_rule")
    assert (rule.arguments["cidr_ipv4"], rule.arguments["from_port"]) == ("10.0.0.0/16", 443)


@pytest.mark.requirement("OM-C09")
@pytest.mark.parametrize(("stage", "nat", "gateways"), [("dev", None, 1), ("prod", None, 3), ("dev", 3, 3), ("prod", 1, 1)])
def test_the_tier_decides_how_many_gateways_there_are_unless_told(stage: str, nat: int | None, gateways: int) -> None:
    graph = build(lambda stage: c.Network("main", zones=3, nat=nat), stage)
    assert len(graph.of_type("aws_nat_gateway")) == gateways
    tables = {arguments(item)["route_table_id"] for item in graph.of_type("aws_route_table_association")}
    assert len(tables) == 1 + gateways
