"""Where a request goes: from a front door to the workload that answers it, and from a workload to the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from groundsill.cost.amount import exactly
from groundsill.cost.model import Edge, Node
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

if TYPE_CHECKING:
    from groundsill.cost.context import Context

CALLS = {"aws_lambda_function": "invocations"}
"""The parameter that counts what a workload does; ``requests`` for every other."""


def calls(workload: Resource) -> Node:
    """The node of a workload's invocations or requests."""
    return workload.address, CALLS.get(workload.type, "requests")


def function_of(context: Context, resource: Resource | None) -> Resource | None:
    """The function that a resource is or stands for: an alias stands for its function."""
    for _ in range(4):
        if resource is None or resource.type == "aws_lambda_function":
            return resource
        if resource.type not in ("aws_lambda_alias", "aws_lambda_permission"):
            return None
        resource = context.view.target(resource, "function_name")
    return None


def takers(context: Context, value: Any) -> Iterator[Node]:
    """The nodes that what an argument refers to takes its traffic at: a function, a queue, a topic, a load balancer."""
    for reference in references_in(value):
        target = context.graph.target(reference)
        if target is not None and not target.data:
            yield from taker(context, target)


def taker(context: Context, target: Resource) -> Iterator[Node]:
    """The node where a resource takes traffic."""
    match target.type:
        case "aws_lambda_function" | "aws_lambda_alias":
            function = function_of(context, target)
            if function is not None:
                yield calls(function)
        case "aws_sqs_queue" | "aws_sns_topic":
            yield target.address, "messages"
        case "aws_cloudwatch_event_bus":
            yield target.address, "events"
        case "aws_lb" | "aws_alb":
            yield target.address, "requests"
        case "aws_lb_listener" | "aws_lb_target_group":
            for balancer in context.view.targets(target, "load_balancer_arn"):
                yield balancer.address, "requests"
        case "aws_apigatewayv2_api" | "aws_api_gateway_rest_api":
            yield target.address, "requests"
        case "aws_apigatewayv2_stage" | "aws_api_gateway_stage":
            for api in context.view.targets(target, "api_id") + context.view.targets(target, "rest_api_id"):
                yield api.address, "requests"
        case "aws_s3_bucket":
            yield target.address, "gets"
        case "aws_cloudfront_distribution":
            yield target.address, "requests"
        case _:
            pass


def shared(
    context: Context, source: Resource, measure: str, table: str, routes: Sequence[tuple[str, Node]],
) -> Iterator[Edge]:
    """Traffic that is spread over routes: by the user's shares, and evenly where none are stated.

    Arguments:
        context: traffic.
        source: where the traffic comes in.
        measure: its parameter.
        table: the parameter that holds the shares.
        routes: key and target of each route.
    """
    if not routes:
        return
    keys = list(dict.fromkeys(key for key, _ in routes))
    stated = context.traffic.table(source, table, keys)
    rest = max(1 - sum(amount.expected for amount in stated.values()), 0.0)
    unstated = [key for key in keys if key not in stated]
    even = exactly(rest / len(unstated)) if unstated else exactly(0)
    name = source.component or source.address
    assumption = "" if len(keys) == 1 or not unstated or not rest else (
        f"{name}: its traffic is spread evenly over {len(unstated)} {table} that nobody gave a share (`{table}`)")
    number = {key: sum(1 for other, _ in routes if other == key) for key in keys}
    for key, target in routes:
        times = stated.get(key, even) * (1 / number[key])
        yield Edge((source.address, measure), target, times, assumption if key in unstated else "")


def nat_gateways(context: Context, workload: Resource) -> list[Resource]:
    """The NAT gateways through which a workload's subnets reach the internet."""
    found: dict[str, Resource] = {}
    for subnet in subnets(context, workload):
        for association in context.referring(subnet, "aws_route_table_association"):
            for table in context.view.targets(association, "route_table_id"):
                holders = [*context.referring(table, "aws_route"), table]
                for holder in holders:
                    found |= {item.address: item for item in context.graph_targets(holder) if item.type == "aws_nat_gateway"}
    return list(found.values())


def subnets(context: Context, workload: Resource) -> list[Resource]:
    """The subnets that a workload is in."""
    paths = {
        "aws_lambda_function": ("vpc_config", "subnet_ids"), "aws_ecs_service": ("network_configuration", "subnets"),
        "aws_instance": ("subnet_id",), "aws_autoscaling_group": ("vpc_zone_identifier",),
    }
    return [item for item in context.view.targets(workload, *paths[workload.type]) if item.type == "aws_subnet"]
