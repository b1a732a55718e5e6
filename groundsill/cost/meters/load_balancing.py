"""Elastic Load Balancing: hours, and capacity units by traffic.

"Elastic Load Balancing Pricing" (aws.amazon.com/elasticloadbalancing/pricing): an LCU is 25 new connections a second, 3,000
active connections a minute, 1 GB an hour or 1,000 rule evaluations a second, whichever is most; an NLCU of TCP is 800 new
connections a second or 1 GB an hour. A balancer that faces the internet holds a public IPv4 address in each zone.
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.meters.apis import FRONT_PARAMETERS, data_out
from groundsill.cost.model import Edge, Factor, Lines, Node, Parameter, Service
from groundsill.cost.quantities import Dimension, count_text
from groundsill.cost.routes import calls, shared
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

service = Service("Elastic Load Balancing", free={
    f"aws_{kind}_{name}": "part of its load balancer, which is paid by the hour and by traffic"
    for kind in ("lb", "alb") for name in (
        "listener", "listener_rule", "listener_certificate", "target_group", "target_group_attachment", "trust_store")
})
_KINDS = {"application": ("alb", 25), "network": ("nlb", 800)}
_PEAK = Amount(1, 1.5, 4)  # the busiest hour against the average one: units are counted by the hour


_CONNECTIONS = Parameter("requests_per_connection", Dimension.COUNT, "requests share a connection", Amount(5, 5, 5))


@service.meter("aws_lb", *FRONT_PARAMETERS, _CONNECTIONS)
@service.meter("aws_alb", *FRONT_PARAMETERS, _CONNECTIONS)
def balancer(context: Context, balancer: Resource) -> Lines:
    """Hours, capacity units, public addresses and data to the internet."""
    kind = context.text(balancer, "load_balancer_type", default="application")
    if kind not in _KINDS:
        yield context.not_known(balancer, "hours", f"the price book has no load balancer of type {kind or 'known after apply'}")
        return
    name, per_second = _KINDS[kind]
    yield context.line(balancer, "hours", f"elb.{name}_hour", counted(1, "load balancer"), context.month)
    requests = context.measure(balancer, "requests", "requests")
    yield context.line(balancer, "capacity units", f"elb.{name}_lcu_hour", _units(context, balancer, requests, per_second))
    internal = context.view.get(balancer, "internal", default=False)
    if internal is True:
        return
    if internal is not False:
        yield context.not_known(balancer, "public IPv4 addresses", "`internal` is known only after apply")
        return
    if not context.view.blocks(balancer, "subnet_mapping"):
        yield context.line(balancer, "public IPv4 addresses", "vpc.public_ipv4_hour",
                           context.length(balancer, "subnets", words="addresses"), context.month)
    yield data_out(context, balancer, requests)


def _units(context: Context, balancer: Resource, requests: Factor, per_second: int) -> Factor:
    """LCU-hours of a month: the most of what connections and what data need, at least by the hour's peak."""
    sizes = [context.measure(balancer, name) for name in ("request_size", "response_size")]
    shared_by = context.measure(balancer, "requests_per_connection")
    if requests.amount is None or any(size.amount is None for size in sizes) or shared_by.amount is None:
        return requests
    data = sum((size.amount for size in sizes if size.amount), Amount(0, 0, 0)) * requests.amount * GB
    fewest = shared_by.amount.expected
    connections = requests.amount * (1 / fewest / 3600 / per_second) if fewest else requests.amount
    most = Amount(*(max(pair) for pair in zip(
        (data.low, data.expected, data.high), (connections.low, connections.expected, connections.high), strict=True)))
    amount = most * _PEAK
    text = f"{count_text(amount.expected)} LCU-h of {requests.text}"
    assumptions = (*requests.assumptions, *(item for size in sizes for item in size.assumptions), *shared_by.assumptions)
    return Factor(amount, text, assumptions).because(
        f"{title(balancer)}: its busiest hours have 1.5 times the traffic of the average one (1 to 4)")


@service.flow
def targets(context: Context) -> Iterator[Edge]:
    """What answers behind a load balancer."""
    behind: dict[str, list[Resource]] = {}
    for workload in context.of_type("aws_ecs_service", "aws_autoscaling_group"):
        arguments = workload.arguments.get("load_balancer"), workload.arguments.get("target_group_arns")
        for reference in references_in(list(arguments)):
            behind.setdefault(reference.address, []).append(workload)
    for attachment in context.of_type("aws_lb_target_group_attachment", "aws_autoscaling_attachment",
                                      "aws_autoscaling_traffic_source_attachment"):
        referred = context.graph_targets(attachment)
        for group in referred:
            if group.type == "aws_lb_target_group":
                behind.setdefault(group.address, []).extend(
                    item for item in referred if item.type in ("aws_instance", "aws_autoscaling_group", "aws_lambda_function"))
    for balancer in context.of_type("aws_lb", "aws_alb"):
        groups: dict[str, None] = {}
        for listener in context.referring(balancer, "aws_lb_listener", "aws_alb_listener"):
            for holder in [listener, *context.referring(listener, "aws_lb_listener_rule", "aws_alb_listener_rule")]:
                for target in context.graph_targets(holder):
                    if target.type in ("aws_lb_target_group", "aws_alb_target_group"):
                        groups[target.address] = None
        found: list[tuple[str, Node]] = []
        for group in groups:
            found += [(title(workload), calls(workload)) for workload in dict.fromkeys(behind.get(group, ()))]
        yield from shared(context, balancer, "requests", "routes", found)
