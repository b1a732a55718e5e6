"""Amazon API Gateway: HTTP, REST and WebSocket APIs.

"Amazon API Gateway Pricing" (aws.amazon.com/api-gateway/pricing): HTTP requests are metered in 512 KB, WebSocket messages
in 32 KB; REST requests once each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.model import Edge, Factor, Line, Lines, Node, Parameter, Service, unknown
from groundsill.cost.quantities import Dimension, count_text
from groundsill.cost.routes import calls, function_of, shared, takers
from groundsill.graph.resource import Resource

service = Service("Amazon API Gateway", free={
    f"aws_api_gateway_{name}": "part of its API, which is paid by the request" for name in (
        "account", "authorizer", "base_path_mapping", "deployment", "gateway_response", "integration", "integration_response",
        "method", "method_response", "model", "request_validator", "resource", "rest_api_policy", "documentation_part",
        "documentation_version", "client_certificate")
} | {
    f"aws_apigatewayv2_{name}": "part of its API, which is paid by the request" for name in (
        "api_mapping", "authorizer", "deployment", "integration", "integration_response", "model", "route", "route_response")
} | {
    "aws_api_gateway_api_key": "keys cost nothing", "aws_api_gateway_usage_plan": "usage plans cost nothing",
    "aws_api_gateway_usage_plan_key": "usage plans cost nothing", "aws_api_gateway_domain_name": "a domain name costs nothing",
    "aws_apigatewayv2_domain_name": "a domain name costs nothing",
    "aws_apigatewayv2_vpc_link": "a VPC link of HTTP APIs costs nothing; the load balancer behind it does",
})
KB = 2.0**10
_HTTP_CHUNK, _SOCKET_CHUNK = 512 * KB, 32 * KB
_INSIDE = ("aws_cloudfront_distribution", "aws_apigatewayv2_api", "aws_api_gateway_rest_api")
FRONT_PARAMETERS = (
    Parameter("requests", Dimension.RATE, "requests that come in", entry=True),
    Parameter("request_size", Dimension.SIZE, "a request has", Amount(0.5 * KB, 2 * KB, 20 * KB), entry=True),
    Parameter("response_size", Dimension.SIZE, "an answer has", Amount(0.5 * KB, 4 * KB, 50 * KB), entry=True),
    Parameter("routes", Dimension.SHARES, "how requests are spread over routes"),
)
_METRICS = Amount(3, 5, 7)  # that detailed metrics add for each route: Count, 4xx, 5xx, Latency, IntegrationLatency, ...


@service.meter(
    "aws_apigatewayv2_api", *FRONT_PARAMETERS,
    Parameter("pushes", Dimension.RATE, "messages that are pushed to clients", Amount(0, 0, 0)),
    Parameter("connection_minutes", Dimension.RATE, "minutes that clients are connected", entry=True),
)
def http_api(context: Context, api: Resource) -> Lines:
    """Requests of an HTTP API; messages and minutes of a WebSocket API."""
    protocol = context.text(api, "protocol_type", default="HTTP")
    if protocol is None:
        yield context.not_known(api, "requests", "`protocol_type` is known only after apply")
        return
    requests = context.measure(api, "requests", "messages" if protocol == "WEBSOCKET" else "requests")
    if protocol != "WEBSOCKET":
        yield context.line(api, "requests", "api_gateway.http_api_request", requests,
                           *_chunks(context.measure(api, "request_size"), _HTTP_CHUNK))
        yield data_out(context, api, requests)
        return
    pushes = context.measure(api, "pushes", "pushed")
    messages = requests if pushes.amount is not None and not pushes.amount.high else requests + pushes
    yield context.line(api, "messages", "api_gateway.websocket_message", messages,
                       *_chunks(context.measure(api, "request_size"), _SOCKET_CHUNK))
    yield context.line(api, "connections", "api_gateway.websocket_connection_minute",
                       context.measure(api, "connection_minutes"))
    yield data_out(context, api, pushes, "pushed messages")


@service.meter("aws_api_gateway_rest_api", *FRONT_PARAMETERS)
def rest_api(context: Context, api: Resource) -> Lines:
    """Requests of a REST API."""
    requests = context.measure(api, "requests", "requests")
    yield context.line(api, "requests", "api_gateway.rest_api_request", requests)
    yield data_out(context, api, requests)


@service.meter("aws_apigatewayv2_stage")
def stage(context: Context, stage: Resource) -> Lines:
    """Detailed metrics are metrics of one's own, for each route."""
    apis = context.view.targets(stage, "api_id")
    if not context.flag(stage, "default_route_settings", "detailed_metrics_enabled") or not apis:
        yield context.free(stage, "a stage costs nothing; its API's requests do")
        return
    yield _detailed(context, stage, len(context.referring(apis[0], "aws_apigatewayv2_route")))


@service.meter("aws_api_gateway_stage")
def rest_stage(context: Context, stage: Resource) -> Lines:
    """A cache is paid by the hour."""
    if not context.flag(stage, "cache_cluster_enabled"):
        yield context.free(stage, "a stage costs nothing without a cache; its API's requests do")
        return
    size = context.text(stage, "cache_cluster_size")
    key = f"api_gateway.rest_cache_{(size or 'unknown').replace('.', '_')}gb"
    yield context.line(stage, "cache", key, counted(1, "cache"), context.month)


@service.meter("aws_api_gateway_method_settings")
def method_settings(context: Context, settings: Resource) -> Lines:
    """Detailed metrics are metrics of one's own, for each method."""
    apis = context.view.targets(settings, "rest_api_id")
    if context.flag(settings, "settings", "metrics_enabled") and apis:
        yield _detailed(context, settings, len(context.referring(apis[0], "aws_api_gateway_method")))
    else:
        yield context.free(settings, "throttles and log levels cost nothing")


def _detailed(context: Context, stage: Resource, routes: int) -> Line:
    metrics = counted(_METRICS, "detailed metrics", f"{title(stage)}: each route has 5 detailed metrics (3 to 7), and requests "
                      "to every route each hour")
    return context.line(stage, "detailed metrics", "cloudwatch.custom_metric_month", counted(routes, "routes"), metrics)


def data_out(context: Context, front: Resource, requests: Factor, what: str = "answers") -> Line:
    """What goes to the internet; what goes to CloudFront, or to an API in front, is free."""
    size = context.measure(front, "response_size", "each").scaled(GB)
    inside = context.flow.brought(front, "requests", *_INSIDE) if what == "answers" else Amount(0, 0, 0)
    if inside.high and requests.amount is not None:
        requests = counted(requests.amount.less(inside), f"{what} that no other door passes on", *requests.assumptions)
    return context.line(front, "data to the internet", "data_transfer.out_to_internet", requests, size)


def _chunks(size: Factor, chunk: float) -> list[Factor]:
    """How often a request is counted; nothing where it is once."""
    if size.amount is None or size.amount.high <= chunk:
        return []
    number = size.each(lambda value: float(max(math.ceil(value / chunk), 1)))
    assert number.amount is not None
    return [Factor(number.amount, f"{count_text(number.amount.expected)} chunks", size.assumptions)]


@service.flow
def routes_v2(context: Context) -> Iterator[Edge]:
    """What answers the routes of HTTP and WebSocket APIs."""
    for api in context.of_type("aws_apigatewayv2_api"):
        found: list[tuple[str, Node]] = []
        for route in context.referring(api, "aws_apigatewayv2_route"):
            key = context.text(route, "route_key") or route.name
            for integration in context.view.targets(route, "target"):
                found += [(key, node) for node in takers(context, integration.arguments.get("integration_uri"))]
        yield from shared(context, api, "requests", "routes", found)
        yield from _authorizers(context, api, "aws_apigatewayv2_authorizer", Amount(0, 0.1, 1))


@service.flow
def routes_rest(context: Context) -> Iterator[Edge]:
    """What answers the methods of REST APIs."""
    for api in context.of_type("aws_api_gateway_rest_api"):
        found: list[tuple[str, Node]] = []
        for integration in context.referring(api, "aws_api_gateway_integration"):
            key = f"{context.text(integration, 'http_method') or 'ANY'} {_path(context, integration)}"
            found += [(key, node) for node in takers(context, integration.arguments.get("uri"))]
        yield from shared(context, api, "requests", "routes", found)
        yield from _authorizers(context, api, "aws_api_gateway_authorizer", Amount(0, 0.1, 1))


def _authorizers(context: Context, api: Resource, type: str, times: Amount) -> Iterator[Edge]:
    for authorizer in context.referring(api, type):
        function = function_of(context, context.view.target(authorizer, "authorizer_uri"))
        if function is not None:
            yield Edge((api.address, "requests"), calls(function), times,
                       f"{title(function)}: decides on a tenth of requests; answers are kept")


def _path(context: Context, integration: Resource) -> str:
    parts: list[str] = []
    place = context.view.target(integration, "resource_id")
    while place is not None and place.type == "aws_api_gateway_resource" and len(parts) < 50:
        parts.insert(0, context.text(place, "path_part") or "?")
        place = context.view.target(place, "parent_id")
    return "/" + "/".join(parts)


@service.meter("aws_api_gateway_vpc_link")
def vpc_link(context: Context, link: Resource) -> Lines:
    """A link of REST APIs needs a network load balancer, which is paid by itself."""
    yield context.free(link, "the link costs nothing; the network load balancer behind it does")


__all__ = ["FRONT_PARAMETERS", "data_out", "service", "unknown"]
