"""HTTP APIs (API Gateway v2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.functions import Function
from groundsill.components.identity import UserPool
from groundsill.components.load_balancing import LoadBalancer
from groundsill.components.logs import log_group
from groundsill.components.roles import require
from groundsill.definition.component import Collecting, Component, Mistake, step
from groundsill.definition.naming import terraform_name
from groundsill.graph import Broken, JsonDocument, Reference, Resource
from groundsill.graph.value import Value

_METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE = re.compile(rf"({'|'.join(_METHODS)}) (/\S*)")
_LONGEST_WAIT = 30  # Amazon API Gateway: quotas for configuring and running an HTTP API, maximum integration timeout
_ACCESS_LOG = {
    "requestId": "$context.requestId", "time": "$context.requestTime", "route": "$context.routeKey",
    "status": "$context.status", "milliseconds": "$context.responseLatency",
    "integrationMilliseconds": "$context.integrationLatency", "integrationError": "$context.integrationErrorMessage",
    "bytes": "$context.responseLength",
}


class Cors(Value, metaclass=Collecting):
    """Which web pages may call an API.

    Arguments:
        origins: for example ``("https://app.shop.example",)``; ``("*",)`` for any.
        methods: default ``GET`` and ``POST``.
        headers: request headers, default ``authorization`` and ``content-type``.
        max_age: seconds that a browser may remember the answer, default 3,600.

    Example:
        ``HttpApi("api", cors=Cors(["https://app.shop.example"], methods=["GET", "PUT"]))``
    """

    __slots__ = ("origins", "methods", "headers", "max_age")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, origins: Sequence[str], methods: Sequence[str] = ("GET", "POST"),
        headers: Sequence[str] = ("authorization", "content-type"), max_age: int = 3600,
    ) -> None:
        self.origins: Final = origins
        self.methods: Final = methods
        self.headers: Final = headers
        self.max_age: Final = max_age


class HttpApi(Component):
    """An HTTP API: routes to functions, and to services through a private way.

    Arguments:
        component: unique in the system.
        authorizer: the user pool whose signed-in users may call; with it every route wants a token that is not told
            otherwise. Default none.
        cors: web pages that may call it; default none.
        stage_name: part of the path before every route; default the system's stage name. ``$default`` for none.
        burst: requests at once before callers are refused, default 500.
        rate: requests a second, default 200.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_apigatewayv2_api``, ``aws_apigatewayv2_stage``, ``aws_cloudwatch_log_group``; an
    ``aws_apigatewayv2_authorizer`` with a user pool; an ``aws_apigatewayv2_integration``, an ``aws_apigatewayv2_route`` and
    an ``aws_lambda_permission`` for each route; where a route leads to a load balancer an ``aws_apigatewayv2_vpc_link`` with
    an ``aws_security_group`` and an ``aws_vpc_security_group_egress_rule``.

    Costs: per million requests; nothing while it is not used.

    Example:
        ``HttpApi("api", authorizer=users).route("POST /orders", Function("save-order", "functions.orders:save"))``
    """

    def __init__(
        self, component: str, /, *, authorizer: UserPool | None = None, cors: Cors | None = None,
        stage_name: str | None = None, burst: int = 500, rate: float = 200, name: str | None = None,
    ) -> None:
        super().__init__(component)
        self.resource = aws.apigatewayv2_api(
            self.terraform_name(), name=self.physical_name("aws_apigatewayv2_api", name), protocol_type="HTTP",
            cors_configuration={
                "allow_origins": list(cors.origins), "allow_methods": list(cors.methods),
                "allow_headers": list(cors.headers), "max_age": cors.max_age,
            } if cors else None,
        )
        log = log_group(self, f"/apigateway/{self.building.system}-{self.stage.name}-{component}")
        self.stage_name = stage_name or self.stage.name
        self.api_stage = aws.apigatewayv2_stage(
            self.terraform_name(), api_id=self.id, name=self.stage_name, auto_deploy=True,
            default_route_settings={"throttling_burst_limit": burst, "throttling_rate_limit": rate,
                                    "detailed_metrics_enabled": True},
            access_log_settings={"destination_arn": log["arn"], "format": JsonDocument(_ACCESS_LOG)},
        )
        self.authorizer: Resource | None = None
        if authorizer is not None:
            require(authorizer, UserPool, "authorizer", self)
            self.authorizer = self._authorizer(authorizer)
        self._routes: dict[str, str] = {}
        self._functions: dict[str, Resource] = {}
        self._links: dict[str, Resource] = {}

    @property
    def id(self) -> Reference:
        """Id of the API."""
        return self.resource["id"]

    @property
    def url(self) -> str:
        """Where clients reach it, stage path included, without a slash at the end."""
        return str(self.resource["api_endpoint"]) + ("" if self.stage_name == "$default" else f"/{self.stage_name}")

    def _authorizer(self, users: UserPool) -> Resource:
        if not users.clients:
            raise Mistake("GS1390", f"{users.subject} has no client, so no token can be meant for this API",
                          mend="declare users.client(\"app\") before the API")
        return aws.apigatewayv2_authorizer(
            self.terraform_name(), api_id=self.id, name=users.name, authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration={"audience": [client["id"] for client in users.clients], "issuer": users.issuer},
        )

    @step
    def route(self, route: str, target: Function | LoadBalancer, /, *, authorize: bool | None = None) -> HttpApi:
        """Send requests to a function, or to what is behind a load balancer.

        Arguments:
            route: method and path, for example ``"POST /orders"``, ``"GET /orders/{id}"``, ``"ANY /files/{proxy+}"``.
            target: a `Function`, or a `LoadBalancer`, which gets the path from ``{proxy+}`` on.
            authorize: whether a token is needed; default wherever the API has an authorizer.

        Returns:
            The API, so that routes can be chained.
        """
        match = _ROUTE.fullmatch(route)
        if match is None:
            self.building.report("GS1391", f"{route!r} is not a route",
                                 mend='write a method and a path, for example "POST /orders"')
        elif route in self._routes:
            self.building.report("GS1392", f"the route `{route}` is already taken by {self._routes[route]}",
                                 mend="remove one of them, or give it another path")
        elif isinstance(target, Function):
            self._check_timeout(route, target)
            self._add(route, target, self._function_integration(target), authorize)
            self._permit(route, target)
        elif not isinstance(target, Broken):
            self._add(route, target, self._private_integration(route, target), authorize)
        return self

    def _check_timeout(self, route: str, function: Function) -> None:
        if function.timeout >= _LONGEST_WAIT:
            self.building.report(
                "GS1394", f"{function.subject} may run {function.timeout} s behind `{route}`",
                f"an HTTP API answers 503 after {_LONGEST_WAIT} s, and the function runs on unseen",
                f"give it timeout={_LONGEST_WAIT - 1} or less, and do longer work from a queue",
            )

    def _add(self, route: str, target: Component, integration: Resource, authorize: bool | None) -> None:
        self._routes[route] = target.subject
        wanted = self.authorizer is not None if authorize is None else authorize
        if wanted and self.authorizer is None:
            self.building.report("GS1395", f"`{route}` wants a token, but the API has no authorizer",
                                 mend="give the API authorizer=users")
            wanted = False
        aws.apigatewayv2_route(
            self.terraform_name(_route_name(route)), api_id=self.id, route_key=route,
            target=f"integrations/{integration['id']}",
            authorization_type="JWT" if wanted else "NONE",
            authorizer_id=self.authorizer["id"] if wanted and self.authorizer else None,
        )

    def _function_integration(self, function: Function) -> Resource:
        if function.name not in self._functions:
            self._functions[function.name] = aws.apigatewayv2_integration(
                self.terraform_name(function.name), api_id=self.id, integration_type="AWS_PROXY",
                integration_method="POST", integration_uri=function.invoke_arn,
                payload_format_version="2.0", timeout_milliseconds=_LONGEST_WAIT * 1000,
            )
        return self._functions[function.name]

    def _permit(self, route: str, function: Function) -> None:
        method, path = route.split(" ", 1)
        path = re.sub(r"\{[^}]*\}", "*", path)
        aws.lambda_permission(
            self.terraform_name(_route_name(route)), statement_id=terraform_name(self.name, _route_name(route)),
            action="lambda:InvokeFunction", function_name=function.resource["function_name"], qualifier=function.qualifier,
            principal="apigateway.amazonaws.com",
            source_arn=f"{self.resource['execution_arn']}/{'*' if self.stage_name == '$default' else self.stage_name}"
                       f"/{'*' if method == 'ANY' else method}{path}",
        )

    def _private_integration(self, route: str, balancer: LoadBalancer) -> Resource:
        link = self._links.get(balancer.subnets.network.name)
        if link is None:
            link = self._links[balancer.subnets.network.name] = self._link(balancer)
        path = "/$request.path.proxy" if route.endswith("/{proxy+}") else route.split(" ", 1)[1]
        return aws.apigatewayv2_integration(
            self.terraform_name(_route_name(route)), api_id=self.id, integration_type="HTTP_PROXY",
            integration_method="ANY", connection_type="VPC_LINK", connection_id=link["id"],
            integration_uri=balancer.listener["arn"], payload_format_version="1.0",
            timeout_milliseconds=_LONGEST_WAIT * 1000,
            # The stage's own path would be sent along otherwise, which the service does not know.
            request_parameters={"overwrite:path": path},
            tls_config={"server_name_to_verify": balancer.domain} if balancer.domain else None,
        )

    def _link(self, balancer: LoadBalancer) -> Resource:
        network = balancer.subnets.network
        group = aws.security_group(
            self.terraform_name("link", network.name), name=self.physical_name("aws_security_group", part="link"),
            description=f"Private way of {self.name} into {network.name}", vpc_id=network.id,
        )
        aws.vpc_security_group_egress_rule(
            self.terraform_name("link", network.name), security_group_id=group["id"],
            description=f"To {balancer.name}", referenced_security_group_id=balancer.security_group["id"],
            ip_protocol="tcp", from_port=443 if balancer.domain else 80, to_port=443 if balancer.domain else 80,
        )
        balancer.let_in(group, self.name)
        return aws.apigatewayv2_vpc_link(
            self.terraform_name(network.name), name=self.physical_name("aws_apigatewayv2_api", part=network.name),
            subnet_ids=network.private.ids, security_group_ids=[group["id"]],
        )

    def alarms(self) -> Iterable[Alarm]:
        """Answers with a server error."""
        yield Alarm("5xx", f"{self.name} answered with server errors: see its access log for the route.",
                    "AWS/ApiGateway", "5xx", {"ApiId": self.id, "Stage": self.stage_name}, 5, period=300)


def _route_name(route: str) -> str:
    method, path = route.split(" ", 1)
    return terraform_name(method.lower(), path.replace("{", "").replace("}", "").replace("+", ""))
