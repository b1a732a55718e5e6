"""Amazon CloudFront: requests, data to viewers, functions at the edge.

"Amazon CloudFront Pricing" (aws.amazon.com/cloudfront/pricing), pay as you go; viewers are counted as in North America and
Europe. Data from AWS origins to CloudFront is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted
from groundsill.cost.meters.apis import FRONT_PARAMETERS
from groundsill.cost.model import Edge, Lines, Node, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.cost.routes import shared, takers
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

service = Service("Amazon CloudFront", free={
    f"aws_cloudfront_{name}": "part of a distribution, which is paid by the request" for name in (
        "cache_policy", "key_group", "key_value_store", "origin_access_control", "origin_access_identity",
        "origin_request_policy", "public_key", "response_headers_policy", "realtime_log_config")
})
_METRICS = 8  # "Viewing additional CloudFront distribution metrics": eight for each distribution


@service.meter(
    "aws_cloudfront_distribution", *FRONT_PARAMETERS,
    Parameter("misses", Dimension.SHARE, "of requests for files are not in a cache:", Amount(0.02, 0.1, 0.5)),
)
def distribution(context: Context, distribution: Resource) -> Lines:
    """Requests and data of a distribution."""
    requests = context.measure(distribution, "requests", "requests")
    yield context.line(distribution, "requests", "cloudfront.https_request_us", requests)
    yield context.line(distribution, "data to viewers", "cloudfront.data_out_us_ca_mx", requests,
                       context.measure(distribution, "response_size", "each").scaled(GB))
    yield context.line(distribution, "data to origins", "cloudfront.data_out_to_origin_us", requests,
                       context.measure(distribution, "request_size", "each").scaled(GB),
                       counted(Amount(0, 0.1, 1), "sent on", "a tenth of what viewers send goes on to an origin (none to all)"))


@service.meter("aws_cloudfront_function")
def function(context: Context, function: Resource) -> Lines:
    """Invocations of a function at the edge: one for each request of its distributions."""
    for holder in context.referring(function, "aws_cloudfront_distribution"):
        yield context.line(function, "invocations", "cloudfront.functions_invocation",
                           context.measure(holder, "requests", "requests"))
        return
    yield context.free(function, "no distribution uses it")


@service.meter("aws_cloudfront_monitoring_subscription")
def monitoring(context: Context, subscription: Resource) -> Lines:
    """Further metrics of a distribution, paid as one's own."""
    yield context.line(subscription, "further metrics", "cloudwatch.custom_metric_month", counted(_METRICS, "metrics"))


@service.flow
def origins(context: Context) -> Iterator[Edge]:
    """What CloudFront has not in its caches, it asks an origin for."""
    for distribution in context.of_type("aws_cloudfront_distribution"):
        nodes: dict[str, list[Node]] = {}
        for origin in context.view.blocks(distribution, "origin"):
            raw = _raw_origin(distribution, origin.get("origin_id"))
            nodes[str(origin.get("origin_id"))] = list(takers(context, raw))
        asked = [distribution.arguments.get("default_cache_behavior"), distribution.arguments.get("ordered_cache_behavior")]
        used = [str(item.get("target_origin_id")) for value in asked
                for item in (value if is_list(value) else [value]) if is_mapping(item)]
        found = [(origin, node) for origin in dict.fromkeys(used) for node in nodes.get(origin, ())]
        misses, assumption = context.each(distribution, "misses")
        for edge in shared(context, distribution, "requests", "routes", found):
            files = edge.target[1] == "gets"
            yield Edge(edge.source, edge.target, edge.times * misses if files else edge.times,
                       edge.assumption or (assumption if files else ""))


def _raw_origin(distribution: Resource, origin_id: Any) -> Any:
    origins = distribution.arguments.get("origin")
    for origin in origins if is_list(origins) else [origins]:
        if is_mapping(origin) and origin.get("origin_id") == origin_id:
            return origin.get("domain_name")
    return list(references_in(origins))
