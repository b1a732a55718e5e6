"""From the graph to the nodes of a picture: which resources are drawn, what they are called and where they stand."""

from __future__ import annotations

from collections import Counter
from typing import Any

from groundsill.diagram.catalog import OPERATIONS, SERVICES, Layer, Service
from groundsill.diagram.model import Network, Node, Picture, Place, Subnets
from groundsill.graph.provisioner import TASK_RUN_TYPE, runs_task
from groundsill.graph.reference import split_template
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list
from groundsill.graph.view import View, is_known

_INSIDE: dict[str, tuple[tuple[str, ...], ...]] = {
    # Arguments that lead to the subnets of a type.
    "aws_lb": (("subnets",), ("subnet_mapping",)), "aws_alb": (("subnets",),), "aws_elb": (("subnets",),),
    "aws_nat_gateway": (("subnet_id",),), "aws_lambda_function": (("vpc_config", "subnet_ids"),),
    "terraform_data": (("input", "subnets"),),
    "aws_ecs_service": (("network_configuration", "subnets"),), "aws_instance": (("subnet_id",),),
    "aws_autoscaling_group": (("vpc_zone_identifier",),), "aws_db_instance": (("db_subnet_group_name",),),
    "aws_rds_cluster": (("db_subnet_group_name",),), "aws_elasticache_cluster": (("subnet_group_name",),),
    "aws_elasticache_replication_group": (("subnet_group_name",),), "aws_eks_cluster": (("vpc_config", "subnet_ids"),),
    "aws_opensearch_domain": (("vpc_options", "subnet_ids"),), "aws_docdb_cluster": (("db_subnet_group_name",),),
    "aws_elasticache_serverless_cache": (("subnet_ids",),), "aws_redshift_cluster": (("cluster_subnet_group_name",),),
    "aws_mq_broker": (("subnet_ids",),), "aws_msk_cluster": (("broker_node_group_info", "client_subnets"),),
}
_SUBNET_GROUPS = ("aws_db_subnet_group", "aws_elasticache_subnet_group", "aws_redshift_subnet_group")
_TIERS = ("public", "private", "isolated")


def add_nodes(picture: Picture, view: View) -> None:
    """Put every drawn resource of a graph into a picture, its networks and its operations."""
    kinds = _subnet_kinds(view)
    picture.networks = _networks(view, kinds)
    regions = {provider.alias: provider.region for provider in view.graph.providers}
    counted: Counter[tuple[str, str]] = Counter()
    alike = Counter((resource.component, resource.type) for resource in view.graph)
    for resource in view.graph:
        if resource.data:
            continue
        region = regions.get(resource.provider, view.graph.region)
        service = SERVICES.get(resource.type)
        if resource.type in OPERATIONS:
            counted[region, resource.type] += 1
        if service is None or not _is_drawn(view, resource):
            continue
        place, zones = _place(view, resource, service, region, kinds)
        picture.nodes[resource.address] = Node(
            resource.address, _label(view, resource, service, alike), service.name, service.layer, service.category, place,
            resource.component, _note(view, resource), zones,
        )
    _add_operations(picture, counted)
    _add_owners(picture, view)


def _is_drawn(view: View, resource: Resource) -> bool:
    if resource.type == TASK_RUN_TYPE:
        return runs_task(resource)
    if resource.type == "aws_cloudwatch_event_rule":
        # A rule on a bus of the system's own is an arrow out of that bus.
        bus = view.target(resource, "event_bus_name")
        return bus is None or bus.type != "aws_cloudwatch_event_bus"
    return True


def _label(view: View, resource: Resource, service: Service, alike: Counter[tuple[str, str]]) -> str:
    """The component's name where that says which one it is, else the name that AWS sees."""
    if resource.component and alike[resource.component, resource.type] == 1 and "aliases" not in service.label:
        return resource.component
    for argument in service.label:
        value: Any = view.get(resource, argument)
        if is_list(value) and value:
            value = value[0]
        if isinstance(value, str) and value:
            text = "".join(part for part in split_template(value) if isinstance(part, str)) if not is_known(value) else value
            if text:
                return text
    return resource.component or (f"{resource.name}[{resource.key}]" if resource.key is not None else resource.name)


def _note(view: View, resource: Resource) -> str:
    """What tells things of a kind apart, in a few words; nothing where it is not known."""

    def known(*path: str) -> Any:
        value = view.get(resource, *path)
        return value if is_known(value) else None

    parts: list[str] = []
    if resource.type == "aws_lambda_function":
        parts = [f"{known('memory_size') or 128} MB"]
    elif resource.type == "aws_ecs_service":
        parts = [f"{count} task{'s' * (count != 1)}"] if isinstance(count := known("desired_count"), int) else []
    elif resource.type == TASK_RUN_TYPE:
        parts = ["runs in a deploy"]
    elif resource.type == "aws_instance":
        parts = [str(known("instance_type") or "")]
    elif resource.type == "aws_autoscaling_group":
        parts = [f"{known('min_size')} to {known('max_size')}"] if known("max_size") is not None else []
    elif resource.type == "aws_db_instance":
        parts = [str(known("engine") or ""), str(known("instance_class") or ""), "Multi-AZ" if known("multi_az") else ""]
    elif resource.type == "aws_rds_cluster":
        parts = [str(known("engine") or "").removeprefix("aurora-")]
    elif resource.type.startswith("aws_elasticache"):
        parts = [str(known("engine") or ""), str(known("node_type") or "")]
    elif resource.type == "aws_apigatewayv2_api":
        parts = [{"HTTP": "HTTP API", "WEBSOCKET": "WebSocket API"}.get(str(known("protocol_type")), "")]
    elif resource.type == "aws_api_gateway_rest_api":
        parts = ["REST API"]
    elif resource.type in ("aws_lb", "aws_alb"):
        parts = ["internal" if known("internal") else "", str(known("load_balancer_type") or "application")]
    elif resource.type in ("aws_scheduler_schedule", "aws_cloudwatch_event_rule"):
        parts = [str(known("schedule_expression") or "")]
    return ", ".join(part for part in parts if part)


# -- networks ----------------------------------------------------------------------------------------------------------


def _subnet_kinds(view: View) -> dict[str, str]:
    """Whether a subnet is public (a route to an internet gateway), private (one to a NAT gateway) or isolated."""
    ways: dict[str, set[str]] = {}
    for route in view.graph.of_type("aws_route"):
        for table in view.targets(route, "route_table_id"):
            ways.setdefault(table.address, set()).update(_ways(view, route))
    for table in view.graph.of_type("aws_route_table", "aws_default_route_table"):
        for target in view.targets(table, "route"):
            ways.setdefault(table.address, set()).add(target.type)
    found: dict[str, str] = {}
    for association in view.graph.of_type("aws_route_table_association"):
        for subnet in view.targets(association, "subnet_id"):
            reached = {way for table in view.targets(association, "route_table_id") for way in ways.get(table.address, ())}
            found[subnet.address] = (
                "public" if "aws_internet_gateway" in reached else "private" if "aws_nat_gateway" in reached else "isolated")
    for subnet in view.graph.of_type("aws_subnet"):
        found.setdefault(subnet.address, "isolated")
    return found


def _ways(view: View, route: Resource) -> set[str]:
    arguments = ("gateway_id", "nat_gateway_id", "transit_gateway_id", "network_interface_id")
    return {target.type for argument in arguments for target in view.targets(route, argument)}


def _networks(view: View, kinds: dict[str, str]) -> dict[str, Network]:
    found: dict[str, Network] = {}
    for vpc in view.graph.of_type("aws_vpc"):
        subnets = list(view.referring(vpc, "aws_subnet"))
        tiers: list[Subnets] = []
        for kind in _TIERS:
            cells = [
                (_text(view.get(subnet, "availability_zone")), _text(view.get(subnet, "cidr_block")))
                for subnet in subnets if kinds.get(subnet.address) == kind
            ]
            if cells:
                tiers.append(Subnets(kind, tuple(sorted(cells))))
        name = _text(view.get(vpc, "tags", "Name")) or vpc.component or vpc.name
        found[vpc.address] = Network(vpc.address, " · ".join(filter(None, [name, _text(view.get(vpc, "cidr_block"))])),
                                     tuple(tiers))
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) and is_known(value) else ""


def _place(
    view: View, resource: Resource, service: Service, region: str, kinds: dict[str, str],
) -> tuple[Place, tuple[str, ...]]:
    if service.everywhere or (resource.type == "aws_wafv2_web_acl" and view.get(resource, "scope") == "CLOUDFRONT"):
        return Place(), ()
    subnets = _subnets(view, resource)
    if not subnets:
        return Place(region), ()
    vpc = view.target(subnets[0], "vpc_id")
    if vpc is None:
        return Place(region), ()
    tier = kinds[subnets[0].address]
    zones = tuple(sorted({_text(view.get(subnet, "availability_zone")) for subnet in subnets} - {""}))
    everywhere = {
        _text(view.get(subnet, "availability_zone"))
        for subnet in view.referring(vpc, "aws_subnet") if kinds.get(subnet.address) == tier
    } - {""}
    return Place(region, vpc.address, tier), () if set(zones) == everywhere else zones


def _subnets(view: View, resource: Resource) -> list[Resource]:
    found: list[Resource] = []
    for path in _INSIDE.get(resource.type, ()):
        for target in view.targets(resource, *path):
            if target.type in _SUBNET_GROUPS:
                found += [subnet for subnet in view.targets(target, "subnet_ids") if subnet.type == "aws_subnet"]
            elif target.type == "aws_subnet":
                found.append(target)
    return found


# -- what belongs to what ----------------------------------------------------------------------------------------------


def _add_operations(picture: Picture, counted: Counter[tuple[str, str]]) -> None:
    by_service: dict[tuple[str, str], list[str]] = {}
    for type, (service, one, many) in OPERATIONS.items():
        for (region, counted_type), number in counted.items():
            if counted_type == type:
                by_service.setdefault((region, service), []).append(f"{number} {one if number == 1 else many}")
    for (region, service), parts in by_service.items():
        picture.operations.setdefault(region, []).append((service, ", ".join(parts)))


def _add_owners(picture: Picture, view: View) -> None:
    """Every resource belongs to the node of its component, else to a drawn one that it refers to, or that refers to it."""
    first: dict[str, str] = {}
    for node in picture.nodes.values():
        if node.component:
            first.setdefault(node.component, node.id)
    for resource in view.graph:
        address = resource.address
        owner = address if address in picture.nodes else first.get(resource.component)
        if owner is None:
            near = (*view.graph.dependencies(address), *view.graph.referrers(address))
            owner = next((other for other in near if other in picture.nodes), None)
        if owner is not None:
            picture.owner[address] = owner
            picture.nodes[owner].addresses.append(address)


def set_aside_alerts(picture: Picture) -> None:
    """A topic that only alarms publish to is no part of the system's work: it is counted below "Operations"."""
    linked = {end for edge in picture.edges for end in (edge.source, edge.target)}
    alone = [node for node in picture.nodes.values() if node.service == "Amazon SNS" and node.id not in linked]
    for node in alone:
        del picture.nodes[node.id]
        picture.operations.setdefault(node.place.region, []).append((node.service, node.label))


def move_workers(picture: Picture) -> None:
    """Compute that only messages start stands to the right of them, so that arrows go one way."""
    started: dict[str, set[Layer]] = {}
    for edge in picture.edges:
        if edge.kind != "network":
            started.setdefault(edge.target, set()).add(picture.nodes[edge.source].layer)
    for node in picture.nodes.values():
        if node.layer is Layer.COMPUTE and started.get(node.id) == {Layer.MESSAGES}:
            node.layer = Layer.WORKERS
