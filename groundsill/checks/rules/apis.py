"""API Gateway: integrations that answer in time, routes that are found, and a stage that serves them."""

from __future__ import annotations

import re

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, literal_parts, mapping, text, whole
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)
# API Gateway Developer Guide, "Amazon API Gateway quotas": HTTP APIs 30 s; WebSocket APIs and, unless raised, REST APIs 29 s.
_HTTP_MS, _REST_MS = 30_000, 29_000
_ENDPOINT_NAMES = ("ENDPOINT", "MANAGEMENT", "CALLBACK", "CONNECTIONS")


def _websocket(context: Context, resource: Resource) -> bool:
    api = context.view.target(resource, "api_id")
    return api is not None and context.view.get(api, "protocol_type") == "WEBSOCKET"


@RULES.rule(
    "function-outlives-its-api",
    Severity.HIGH,
    "a caller is told that a request failed while the function still works on it",
    types=("aws_apigatewayv2_integration", "aws_api_gateway_integration"),
    rationale="API Gateway gives up after 30 s (HTTP APIs) or 29 s (REST and WebSocket APIs): the caller gets 503 or 504, "
              "retries, and the function runs on and is paid for (API Gateway Developer Guide, \"Amazon API Gateway "
              "quotas\").",
    mend="let the function return within the API's limit, and do long work behind a queue",
    example="aws_lambda_function: timeout = 60 behind an HTTP API",
)
def outlives(context: Context, integration: Resource) -> Found:
    rest = integration.type == "aws_api_gateway_integration"
    function = context.function(integration, "uri" if rest else "integration_uri")
    if function is None or (rest and context.view.get(integration, "type") not in ("AWS_PROXY", "AWS")):
        return
    usual = _REST_MS if rest or _websocket(context, integration) else _HTTP_MS
    limit = whole(context.view.get(integration, "timeout_milliseconds", default=usual))
    timeout = whole(context.view.get(function, "timeout", default=3))
    if limit is None or timeout is None:
        yield Finding(integration, "the function's timeout is known only after apply", unknown=True)
    elif timeout * 1_000 > limit:
        yield Finding(
            function,
            f"it runs up to {timeout} s, and {integration.address} waits {limit / 1000:g} s",
            attribute="timeout",
            related=(integration,),
        )


@RULES.rule(
    "integration-timeout-needs-quota",
    Severity.HIGH,
    "a REST API waits longer than its quota lets it",
    family=Family.DEPLOYS,
    types=("aws_api_gateway_integration",),
    rationale="29 s is the quota of REST APIs; more takes a request to AWS, for regional and private APIs alone (API Gateway "
              "Developer Guide, \"Amazon API Gateway quotas\").",
    mend="29000 or less; or have the quota raised first",
    example="timeout_milliseconds = 60000",
)
def waits(context: Context, integration: Resource) -> Found:
    limit = whole(context.view.get(integration, "timeout_milliseconds"))
    if limit is not None and limit > _REST_MS:
        yield Finding(integration, f"it waits {limit / 1000:g} s", attribute="timeout_milliseconds")


@RULES.rule(
    "route-taken-twice",
    Severity.CRITICAL,
    "two routes of an API are the same",
    family=Family.DEPLOYS,
    rationale="CreateRoute and PutMethod fail for the second one (ConflictException).",
    mend="keep one of them",
    example='two aws_apigatewayv2_route with route_key = "POST /orders"',
)
def twice(context: Context) -> Found:
    seen: dict[tuple[str, str, str], Resource] = {}
    for type, arguments in (
        ("aws_apigatewayv2_route", ("api_id", "route_key")),
        ("aws_api_gateway_method", ("resource_id", "http_method")),
        ("aws_api_gateway_resource", ("parent_id", "path_part")),
    ):
        for route in context.of_type(type):
            parent, key = (context.view.get(route, name) for name in arguments)
            name = text(key)
            if name is None:
                continue
            first = seen.setdefault((type, str(parent), name), route)
            if first is not route:
                yield Finding(route, f"{first.address} is {name} too", attribute=arguments[1], related=(first,))


@RULES.rule(
    "api-without-stage",
    Severity.HIGH,
    "an API is served nowhere",
    types=("aws_apigatewayv2_api", "aws_api_gateway_rest_api"),
    rationale="An API answers through a stage; without one every call gets 403 or 404.",
    mend="make a stage; for an HTTP API $default with auto_deploy = true",
    example="aws_apigatewayv2_api with routes and without aws_apigatewayv2_stage",
)
def unstaged(context: Context, api: Resource) -> Found:
    kind = "aws_apigatewayv2_stage" if api.type == "aws_apigatewayv2_api" else "aws_api_gateway_stage"
    routed = ("aws_apigatewayv2_route",) if api.type == "aws_apigatewayv2_api" else ("aws_api_gateway_method",)
    if (
        any(True for _ in context.view.referring(api, *routed))
        and not any(True for _ in context.view.referring(api, kind))
        and not any(item.arguments.get("stage_name") for item in context.view.referring(api, "aws_api_gateway_deployment"))
    ):
        yield Finding(api, "it has routes and no stage")


@RULES.rule(
    "api-changes-not-deployed",
    Severity.HIGH,
    "changes of an API reach nobody",
    types=("aws_apigatewayv2_stage", "aws_api_gateway_deployment"),
    rationale="A stage serves the deployment that it names: without auto_deploy, or without triggers that change with the "
              "routes, a new route is defined and never served (Terraform, aws_api_gateway_deployment).",
    mend="auto_deploy = true; for a REST API triggers over its resources, methods and integrations",
    example="aws_api_gateway_deployment without triggers",
)
def undeployed(context: Context, resource: Resource) -> Found:
    if resource.type == "aws_apigatewayv2_stage":
        if (
            context.view.get(resource, "auto_deploy", default=False) is False
            and context.view.get(resource, "deployment_id") is None
        ):
            yield Finding(resource, "neither auto_deploy nor deployment_id", attribute="auto_deploy")
    elif context.view.get(resource, "triggers") is None and not resource.depends_on:
        yield Finding(resource, "neither triggers nor depends_on: it may be made before the methods", attribute="triggers")


@RULES.rule(
    "greedy-route-misses-its-root",
    Severity.MEDIUM,
    "a route for everything below a path does not match the path itself",
    rationale="{proxy+} needs one segment more: /v1/posts/{proxy+} matches /v1/posts/7 and answers /v1/posts with 403 "
              "\"Missing Authentication Token\" or 404 (API Gateway Developer Guide, \"Set up a proxy integration with a "
              "proxy resource\").",
    mend="add the route of the path itself",
    example="ANY /v1/posts/{proxy+} without ANY /v1/posts",
)
def greedy(context: Context) -> Found:
    by_api: dict[str, dict[str, Resource]] = {}
    for route in context.of_type("aws_apigatewayv2_route"):
        key = text(context.view.get(route, "route_key"))
        if key:
            by_api.setdefault(str(context.view.get(route, "api_id")), {})[key] = route
    for routes in by_api.values():
        for key, route in routes.items():
            method, _, path = key.partition(" ")
            root = re.sub(r"/\{\w+\+\}$", "", path)
            names = {f"{method} {root}", f"ANY {root}", "$default"}
            integration = context.view.target(route, "target")
            served = integration is not None and context.function(integration, "integration_uri") is not None
            if root != path and root and served and not names & set(routes):
                yield Finding(route, f"{key} does not match {root}", attribute="route_key")
    yield from _greedy_resources(context)


def _greedy_resources(context: Context) -> Found:
    for item in context.of_type("aws_api_gateway_resource"):
        part = text(context.view.get(item, "path_part"))
        parent = context.view.target(item, "parent_id")
        if (
            part is None
            or not re.fullmatch(r"\{\w+\+\}", part)
            or parent is None
            or parent.type != "aws_api_gateway_resource"
        ):
            continue
        methods = [
            context.view.get(method, "http_method") for method in context.view.referring(parent, "aws_api_gateway_method")
        ]
        if not any(method != "OPTIONS" for method in methods):
            path = context.view.get(parent, "path_part")
            yield Finding(item, f"{part} does not match .../{path} itself, which has no method", attribute="path_part")


@RULES.rule(
    "websocket-without-default-route",
    Severity.MEDIUM,
    "messages of an unknown kind get no answer",
    types=("aws_apigatewayv2_api",),
    rationale="A message that matches no route selection is dropped with an error of the gateway's own (API Gateway "
              "Developer Guide, \"Create routes for WebSocket APIs in API Gateway\").",
    mend="add the route $default",
    example="WebSocket API with $connect and $disconnect alone",
)
def default_route(context: Context, api: Resource) -> Found:
    if context.view.get(api, "protocol_type") != "WEBSOCKET":
        return
    keys = [context.view.get(route, "route_key") for route in context.view.referring(api, "aws_apigatewayv2_route")]
    if keys and all(text(key) for key in keys) and "$default" not in keys:
        yield Finding(api, f"its routes are {', '.join(sorted(keys))}")


@RULES.rule(
    "websocket-nobody-may-answer",
    Severity.HIGH,
    "no function may send to the WebSocket's clients",
    types=("aws_apigatewayv2_api",),
    rationale="Pushing to a connection is execute-api:ManageConnections on the API's stage; without it PostToConnection gets "
              "403 (API Gateway Developer Guide, \"Use @connections commands in your backend service\").",
    mend="grant the functions behind the API execute-api:ManageConnections on its connections",
    example="WebSocket API whose functions' roles lack execute-api:ManageConnections",
)
def answers(context: Context, api: Resource) -> Found:
    if context.view.get(api, "protocol_type") != "WEBSOCKET":
        return
    judged = [
        context.access.allows(work.role, "execute-api:ManageConnections")
        for work in context.workloads
        if work.role is not None
    ]
    behind = [
        item
        for item in context.view.referring(api, "aws_apigatewayv2_integration")
        if context.function(item, "integration_uri")
    ]
    if behind and judged and all(item.is_no for item in judged):
        yield Finding(api, f"none of {len(judged)} roles has execute-api:ManageConnections")


@RULES.rule(
    "websocket-address-of-the-wrong-kind",
    Severity.HIGH,
    "a function pushes to an address that takes no pushes",
    types=("aws_lambda_function",),
    rationale="Clients connect to wss://, and a backend pushes to https://…/@connections: with the first one, or without a "
              "scheme, the SDK cannot call it.",
    mend="give the https:// management address: https://API.execute-api.REGION.amazonaws.com/STAGE",
    example="WEBSOCKET_API_ENDPOINT = aws_apigatewayv2_stage.chat.invoke_url",
)
def scheme(context: Context, function: Resource) -> Found:
    # What is written counts here: an invoke_url is wss:// whatever follows from it.
    variables = mapping(mapping(next(iter(each(function.arguments.get("environment"))), None)).get("variables"))
    for name, value in variables.items():
        if not any(word in str(name).upper() for word in _ENDPOINT_NAMES):
            continue
        for reference in references_in(value):
            target = context.graph.target(reference)
            if target is None or reference.attribute not in ("invoke_url", "api_endpoint"):
                continue
            api = target if target.type == "aws_apigatewayv2_api" else context.view.target(target, "api_id")
            if api is not None and context.view.get(api, "protocol_type") == "WEBSOCKET" and not literal_parts(value):
                yield Finding(
                    function,
                    f"{name} is {reference.expression}, which begins with wss://",
                    attribute="environment",
                    related=(target,),
                )


@RULES.rule(
    "api-integration-missing",
    Severity.HIGH,
    "a method of a REST API leads nowhere",
    types=("aws_api_gateway_method",),
    family=Family.DEPLOYS,
    rationale="A deployment is refused while a method has no integration (\"No integration defined for method\").",
    mend="add an aws_api_gateway_integration of the same resource and method",
    example="aws_api_gateway_method without aws_api_gateway_integration",
)
def integrated(context: Context, method: Resource) -> Found:
    kinds = ("aws_api_gateway_integration",)
    place = (str(context.view.get(method, "resource_id")), str(context.view.get(method, "http_method")))
    if any(True for _ in context.view.referring(method, *kinds)):
        return
    others = {
        (str(context.view.get(item, "resource_id")), str(context.view.get(item, "http_method")))
        for item in context.of_type(*kinds)
    }
    if place not in others:
        yield Finding(method, f"{place[1]} has no integration")


@RULES.rule(
    "names-answer-the-same",
    Severity.LOW,
    "a name for the API answers with the site",
    types=("aws_lb",),
    rationale="Two names point at one load balancer that has one target group and no rule for a host: api.example.com shows "
              "the pages of www.example.com, and what the name promises is not there.",
    mend="add a rule for the host with the target group that it is for, or take the record away",
    example="records example.com and api.example.com, and a load balancer with one default action",
)
def same(context: Context, balancer: Resource) -> Found:
    from groundsill.checks.rules.certificates import full_name

    names = {
        name: record
        for record in context.view.referring(balancer, "aws_route53_record")
        if (name := full_name(context, record))
    }
    apis = [record for name, record in names.items() if name.startswith("api.")]
    listeners = list(context.view.referring(balancer, "aws_lb_listener"))
    rules = [rule for item in listeners for rule in context.view.referring(item, "aws_lb_listener_rule")]
    groups = {
        group.address
        for item in (*listeners, *rules)
        for group in context.view.targets(item)
        if group.type == "aws_lb_target_group"
    }
    others = [item for item in context.of_type("aws_lb_target_group") if item.address not in groups]
    proxied = any(item is not balancer for item in context.of_type("aws_lb"))
    hosted = any(
        condition.get("host_header")
        for rule in rules
        for condition in context.view.blocks(rule, "condition")
    )
    if apis and len(names) > 1 and len(groups) == 1 and not hosted and not others and not proxied:
        yield Finding(apis[0], f"{balancer.address} has one target group for {', '.join(sorted(names))}", related=(balancer,))
