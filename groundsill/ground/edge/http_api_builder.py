"""From the resources of API Gateway to running HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.ground.edge.authorizer import JwtAuthorizer
from groundsill.ground.edge.blocks import blocks, texts
from groundsill.ground.edge.cors import Cors
from groundsill.ground.edge.http_api import EdgeCallbacks, HttpApi, Integration, Route
from groundsill.ground.edge.integrations import (
    TIMEOUT_SECONDS,
    FixedIntegration,
    FunctionIntegration,
)
from groundsill.ground.edge.permissions import may_invoke, route_source_arn
from groundsill.ground.edge.proxy import Proxy
from groundsill.ground.edge.request import EventFacts
from groundsill.ground.edge.routes import RouteTable
from groundsill.ground.edge.throttle import TokenBucket
from groundsill.ground.functions.pool import INIT_SECONDS
from groundsill.ground.functions.runner import function_name
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource


@dataclass(frozen=True)
class Refusal:
    """A resource that the ground does not run, and why."""

    address: str
    reason: str


def http_apis(graph: ResolvedGraph, callbacks: EdgeCallbacks) -> tuple[list[HttpApi], list[Refusal]]:
    """Every HTTP API of a system, ready to be served, and what of them cannot run here.

    Arguments:
        graph: the system's resources.
        callbacks: the supervisor's.

    Raises:
        RouteKeyInvalid: a route key is malformed.

    Example::

        apis, refused = http_apis(graph, EdgeCallbacks(invoke=runner.invoke))
        server = await serve(apis[0], port=4510)
        ...
        await server.stop()
        await apis[0].close()
    """
    apis: list[HttpApi] = []
    refused: list[Refusal] = []
    for resource in graph.of_type("aws_apigatewayv2_api"):
        if resource.arguments.get("protocol_type") != "HTTP":
            refused.append(
                Refusal(resource.address, "only HTTP APIs run on the ground, WebSocket APIs do not yet")
            )
            continue
        apis.append(_Builder(graph, resource, callbacks, refused).build())
    return apis, refused


class _Builder:
    def __init__(
        self, graph: ResolvedGraph, api: ResolvedResource, callbacks: EdgeCallbacks, refused: list[Refusal]
    ) -> None:
        self._graph = graph
        self._api = api
        self._callbacks = callbacks
        self._refused = refused
        self._id = str(api.attributes.get("id") or api.name)
        self._component = api.component or api.name
        self._permissions = graph.of_type("aws_lambda_permission")
        self._execution_arn = str(
            api.attributes.get("execution_arn")
            or f"arn:aws:execute-api:us-east-1:{callbacks.account_id}:{self._id}"
        )
        self._integrations: dict[str, tuple[Integration, ResolvedResource | None]] = {}
        self._authorizers: dict[str, JwtAuthorizer] = {}
        self._proxy = Proxy(authority=callbacks.authority)

    def _own(self, type: str) -> list[ResolvedResource]:
        return [found for found in self._graph.of_type(type) if found.arguments.get("api_id") == self._id]

    def build(self) -> HttpApi:
        for resource in self._own("aws_apigatewayv2_integration"):
            self._integrations[str(resource.attributes.get("id"))] = (self._integration(resource), resource)
        for resource in self._own("aws_apigatewayv2_authorizer"):
            try:
                self._authorizers[str(resource.attributes.get("id"))] = JwtAuthorizer.from_resource(
                    resource, self._callbacks.jwks_url_for, self._callbacks.fetch or self._proxy.fetch
                )
            except ValueError as error:
                self._refused.append(Refusal(resource.address, str(error)))
        routes = self._own("aws_apigatewayv2_route")
        stages: dict[str, RouteTable[Route]] = {}
        for stage in self._own("aws_apigatewayv2_stage"):
            pairs = [(str(route.arguments["route_key"]), self._route(route, stage)) for route in routes]
            stages[str(stage.arguments["name"])] = RouteTable(pairs)
        cors = self._api.block("cors_configuration")
        return HttpApi(
            self._id, self._component, stages, Cors(cors) if cors else None, self._callbacks, self._proxy
        )

    def _integration(self, resource: ResolvedResource) -> Integration:
        given = resource.arguments
        kind = given.get("integration_type")
        timeout = float(given.get("timeout_milliseconds") or TIMEOUT_SECONDS * 1000) / 1000
        if kind == "AWS_PROXY" and not given.get("integration_subtype"):
            name = function_name(str(given.get("integration_uri")))
            function = next(
                (
                    found
                    for found in self._graph.of_type("aws_lambda_function")
                    if found.arguments.get("function_name") == name
                ),
                None,
            )
            longest = float((function and function.arguments.get("timeout")) or 3) + INIT_SECONDS
            return FunctionIntegration(
                name,
                str(given.get("payload_format_version") or "1.0"),
                timeout,
                longest >= timeout,
                self._component,
                self._callbacks,
            )
        if kind == "HTTP_PROXY":
            from groundsill.ground.edge.http_integration import HttpIntegration

            if given.get("response_parameters"):
                self._refused.append(Refusal(resource.address, "response_parameters are not applied"))
            return HttpIntegration(resource, timeout, self._component, self._callbacks, self._proxy)
        what = given.get("integration_subtype") or kind
        return self._refuse(resource.address, f"integration {what} does not run on the ground")

    def _refuse(self, address: str, reason: str) -> Integration:
        self._refused.append(Refusal(address, reason))
        return FixedIntegration(500, reason, self._component, self._callbacks)

    def _route(self, resource: ResolvedResource, stage: ResolvedResource) -> Route:
        given = resource.arguments
        key = str(given["route_key"])
        stage_name = str(stage.arguments["name"])
        target = str(given.get("target") or "").removeprefix("integrations/")
        integration, definition = self._integrations.get(target, (None, None))
        if integration is None:
            integration = self._refuse(resource.address, "the route has no integration")
        authorizer: JwtAuthorizer | None = None
        refusal = ""
        kind = str(given.get("authorization_type") or "NONE")
        if kind == "JWT":
            authorizer = self._authorizers.get(str(given.get("authorizer_id")))
            if authorizer is None:
                refusal = f"route {key}: its authorizer does not run on the ground"
        elif kind != "NONE":
            refusal = f"route {key}: authorization {kind} does not run on the ground"
            self._refused.append(Refusal(resource.address, refusal))
        refusal = refusal or self._missing_permission(definition, stage_name, key)
        facts = EventFacts(
            self._id,
            self._callbacks.account_id,
            stage_name,
            key,
            texts(stage.arguments, "stage_variables"),
        )
        scopes = tuple(str(scope) for scope in given.get("authorization_scopes") or ())
        return Route(facts, integration, authorizer, scopes, _bucket(stage, key), refusal)

    def _missing_permission(self, integration: ResolvedResource | None, stage: str, key: str) -> str:
        if integration is None or integration.arguments.get("integration_type") != "AWS_PROXY":
            return ""
        # With a role of its own, API Gateway calls the function by IAM instead.
        if integration.arguments.get("integration_subtype") or integration.arguments.get("credentials_arn"):
            return ""
        name = function_name(str(integration.arguments.get("integration_uri")))
        source = route_source_arn(self._execution_arn, stage, key)
        if may_invoke(self._permissions, name, "apigateway.amazonaws.com", source):
            return ""
        return (
            f"route {key}: API Gateway may not invoke {name}: no aws_lambda_permission allows "
            f"apigateway.amazonaws.com with source_arn {source}"
        )


def _bucket(stage: ResolvedResource, route_key: str) -> TokenBucket | None:
    settings: dict[str, Any] = dict(stage.block("default_route_settings"))
    routes: list[Mapping[str, Any]] = blocks(stage.arguments, "route_settings")
    for route in routes:
        if route.get("route_key") == route_key:
            settings.update({name: value for name, value in route.items() if value is not None})
    rate, burst = settings.get("throttling_rate_limit"), settings.get("throttling_burst_limit")
    if rate is None and burst is None:
        return None
    # API Gateway Developer Guide, "Quotas": without a value the account's own hold, 10,000 a second and
    # 5,000 at once.
    return TokenBucket(float(10_000 if rate is None else rate), int(5_000 if burst is None else burst))
