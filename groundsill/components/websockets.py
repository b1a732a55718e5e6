"""WebSocket APIs (API Gateway v2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.api_parts import api_logs, record_of_domain
from groundsill.components.dns import Certificate, Zone
from groundsill.components.functions import Function
from groundsill.components.roles import require
from groundsill.definition.component import Component, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name, terraform_name
from groundsill.graph import Broken, JsonDocument, Reference, Resource

_ROUTE = re.compile(r"\$connect|\$disconnect|\$default|[A-Za-z0-9_.-]{1,128}")
_LONGEST_WAIT = 29  # Amazon API Gateway quotas for WebSocket APIs: integration timeout
_ACCESS_LOG = {
    "requestId": "$context.requestId", "time": "$context.requestTime", "route": "$context.routeKey",
    "event": "$context.eventType", "connection": "$context.connectionId", "status": "$context.status",
    "integrationError": "$context.integrationErrorMessage",
}


class WebSocketApi(Component):
    """Connections that stay open: clients send messages to functions, and functions push messages to clients.

    Arguments:
        component: unique in the system.
        authorizer: a function that lets a connection in or not, from the query parameter ``token``; a browser can send no
            header with a WebSocket. Default none.
        action: field of a message that names its route, default ``action``.
        stage_name: part of the path; default the system's stage name.
        burst: messages at once before clients are refused, default 500.
        rate: messages a second, default 200.
        detailed_metrics: metrics of each route, which cost extra, default yes.
        name: the name that AWS sees; default from the system's name pattern.

    Verbs for `uses`: ``push`` (send to connections, look at them, close them). Passes the management address, with its
    scheme, as ``<NAME>_ENDPOINT``.

    Resources created: ``aws_apigatewayv2_api``, ``aws_apigatewayv2_stage``, ``aws_cloudwatch_log_group``; for each route
    ``aws_apigatewayv2_route`` and ``aws_lambda_permission``; for each function ``aws_apigatewayv2_integration``; with an
    authorizer ``aws_apigatewayv2_authorizer``; with a domain ``aws_apigatewayv2_domain_name``,
    ``aws_apigatewayv2_api_mapping`` and ``aws_route53_record``; once a system ``aws_api_gateway_account`` with a role,
    without which API Gateway writes no log.

    Costs: per million messages and per minute of open connections.

    Example:
        ``WebSocketApi("sockets").route("$connect", chat).route("send_message", chat)``
    """

    def __init__(
        self, component: str, /, *, authorizer: Function | None = None, action: str = "action",
        stage_name: str | None = None, burst: int = 500, rate: float = 200,
        detailed_metrics: bool = True, name: str | None = None,
    ) -> None:
        super().__init__(component)
        self.resource = aws.apigatewayv2_api(
            self.terraform_name(), name=self.physical_name("aws_apigatewayv2_api", name), protocol_type="WEBSOCKET",
            route_selection_expression=f"$request.body.{action}",
        )
        self.stage_name = stage_name or self.stage.name
        log, before = api_logs(self, f"/aws/apigateway/{self.id}/{self.stage_name}")
        self.api_stage = aws.apigatewayv2_stage(
            self.terraform_name(), api_id=self.id, name=self.stage_name, auto_deploy=True,
            default_route_settings={"throttling_burst_limit": burst, "throttling_rate_limit": rate,
                                    "detailed_metrics_enabled": detailed_metrics, "logging_level": "ERROR",
                                    "data_trace_enabled": False},
            access_log_settings={"destination_arn": log["arn"], "format": JsonDocument(_ACCESS_LOG)},
            depends_on=list(before),
        )
        self.authorizer: Resource | None = None
        if authorizer is not None:
            require(authorizer, Function, "authorizer", self)
            self.authorizer = aws.apigatewayv2_authorizer(
                self.terraform_name(), api_id=self.id, name=authorizer.name, authorizer_type="REQUEST",
                authorizer_uri=authorizer.invoke_arn, identity_sources=["route.request.querystring.token"],
            )
            authorizer.permit(self.terraform_name("authorizer"), "apigateway.amazonaws.com",
                              f"{self.resource['execution_arn']}/authorizers/{self.authorizer['id']}")
        self._routes: dict[str, str] = {}
        self._integrations: dict[str, Resource] = {}

    @property
    def id(self) -> Reference:
        """Id of the API."""
        return self.resource["id"]

    @property
    def url(self) -> str:
        """Where clients connect, without a slash at the end."""
        return f"{self.resource['api_endpoint']}/{self.stage_name}"

    @property
    def endpoint(self) -> str:
        """Where functions push messages to: the management address, with its scheme."""
        return f"https://{self.id}.execute-api.{self.building.graph.region}.amazonaws.com/{self.stage_name}"

    @step
    def route(self, route: str, function: Function, /) -> WebSocketApi:
        """Send messages to a function.

        Arguments:
            route: ``$connect``, ``$disconnect``, ``$default`` (whatever no other route takes), or what the action field
                says, for example ``send_message``.
            function: the function.

        Returns:
            The API, so that routes can be chained.
        """
        if not _ROUTE.fullmatch(route):
            self.building.report("GS1530", f"{route!r} is not a route of a WebSocket API",
                                 mend='write "$connect", "$disconnect", "$default", or an action, for example "send_message"')
        elif route in self._routes:
            self.building.report("GS1531", f"the route `{route}` is already taken by {self._routes[route]}",
                                 mend="remove one of them, or give it another name")
        elif not isinstance(function, Broken):
            self._routes[route] = function.subject
            self._add(route, function)
        return self

    def _add(self, route: str, function: Function) -> None:
        if function.timeout > _LONGEST_WAIT:
            self.building.report(
                "GS1532", f"{function.subject} may run {function.timeout} s behind `{route}`",
                f"a WebSocket API waits {_LONGEST_WAIT} s for an answer", f"give it timeout={_LONGEST_WAIT - 1}",
            )
        if function.name not in self._integrations:
            self._integrations[function.name] = aws.apigatewayv2_integration(
                self.terraform_name(function.name), api_id=self.id, integration_type="AWS_PROXY",
                integration_method="POST", integration_uri=function.invoke_arn,
                timeout_milliseconds=_LONGEST_WAIT * 1000, content_handling_strategy="CONVERT_TO_TEXT",
            )
        guarded = route == "$connect" and self.authorizer is not None
        name = self.terraform_name(route.strip("$"))
        aws.apigatewayv2_route(
            name, api_id=self.id, route_key=route, target=f"integrations/{self._integrations[function.name]['id']}",
            authorization_type="CUSTOM" if guarded else "NONE",
            authorizer_id=self.authorizer["id"] if guarded and self.authorizer else None,
        )
        function.permit(terraform_name(self.name, route.strip("$")), "apigateway.amazonaws.com",
                        f"{self.resource['execution_arn']}/{self.stage_name}/{route}")

    @step
    def domain(self, host: str, certificate: Certificate, /, *, zone: Zone | None = None) -> WebSocketApi:
        """Give the API a host name of its own, without the stage in its path.

        Arguments:
            host: host name, for example ``ws.shop.example``.
            certificate: covers it, in the API's region.
            zone: zone that gets its record; without it the record is to be made by hand.

        Returns:
            The API.
        """
        name = aws.apigatewayv2_domain_name(
            self.terraform_name(), domain_name=host,
            domain_name_configuration={"certificate_arn": certificate.arn, "endpoint_type": "REGIONAL",
                                       "security_policy": "TLS_1_2"},
        )
        aws.apigatewayv2_api_mapping(
            self.terraform_name(), api_id=self.id, domain_name=name["id"], stage=self.api_stage["id"],
        )
        configuration = name["domain_name_configuration"]
        record_of_domain(self, host, certificate, zone, configuration.at(0, "target_domain_name"),
                         configuration.at(0, "hosted_zone_id"))
        return self

    @property
    def push(self) -> Grant:
        """Send messages to connections, look at them, close them."""
        connections = f"{self.resource['execution_arn']}/{self.stage_name}/*/@connections/*"
        return Grant(self.name, "push", (Statement(("execute-api:ManageConnections",), (connections,)),),
                     {environment_name(self.name, "endpoint"): self.endpoint})

    def alarms(self) -> Iterable[Alarm]:
        """Messages that a function failed to take."""
        yield Alarm("errors", f"{self.name} could not hand messages to its functions: see its access log for the route.",
                    "AWS/ApiGateway", "IntegrationError", {"ApiId": self.id, "Stage": self.stage_name}, 5, period=300)
