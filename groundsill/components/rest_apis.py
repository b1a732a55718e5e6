"""REST APIs (API Gateway v1): for usage plans with keys, request limits by method, and a web firewall."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.api_parts import api_logs, record_of_domain
from groundsill.components.apis import Cors
from groundsill.components.dns import Certificate, Zone
from groundsill.components.functions import Function
from groundsill.components.identity import UserPool
from groundsill.components.roles import require
from groundsill.definition.component import Component, Mistake, step
from groundsill.graph import Broken, JsonDocument, Lifecycle, Reference, Resource, resolve

Period = Literal["DAY", "WEEK", "MONTH"]

_METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_CORS_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE = re.compile(rf"({'|'.join(_METHODS)}) (/\S*)")
_SEGMENT = re.compile(r"[A-Za-z0-9._:-]+|\{[A-Za-z0-9._-]+\+?\}")
_LONGEST_WAIT = 29  # Amazon API Gateway quotas: integration timeout of Lambda integrations of a REST API, without a raise
_ACCESS_LOG = {
    "requestId": "$context.requestId", "time": "$context.requestTime", "method": "$context.httpMethod",
    "route": "$context.resourcePath", "status": "$context.status", "milliseconds": "$context.responseLatency",
    "integrationMilliseconds": "$context.integrationLatency", "integrationError": "$context.integration.error",
    "bytes": "$context.responseLength", "trace": "$context.xrayTraceId",
}
_USUAL_ERROR = {"application/json": '{"message":$context.error.messageString}'}
"""What API Gateway keeps where a gateway response is given no template ("Gateway responses in API Gateway", Amazon API
Gateway Developer Guide). Said all the same: Terraform would else see it as a change."""


class RestApi(Component):
    """A REST API: routes to functions, who may call them and how often.

    Arguments:
        component: unique in the system.
        authorizer: the user pool whose signed-in users may call, or a function that decides; with it every route wants a
            token that is not told otherwise. Default none. A user pool's id token is what Cognito's authorizer checks.
        cors: web pages that may call it; default none.
        stage_name: part of the path before every route; default the system's stage name.
        burst: requests at once before callers are refused, default 500.
        rate: requests a second, default 200.
        detailed_metrics: metrics of each route, which cost extra, default yes.
        closed: whether the address that AWS gives is closed, so that only `domain` leads in; default no.
        name: the name that AWS sees; default from the system's name pattern.

    Verbs for `uses`: none; functions are called through it.

    Resources created: ``aws_api_gateway_rest_api``, ``aws_api_gateway_stage``, ``aws_api_gateway_deployment``,
    ``aws_api_gateway_method_settings``, ``aws_cloudwatch_log_group``; for each route ``aws_api_gateway_resource``,
    ``aws_api_gateway_method``, ``aws_api_gateway_integration``, ``aws_lambda_permission``; with an authorizer
    ``aws_api_gateway_authorizer``; with CORS ``aws_api_gateway_gateway_response`` and an ``OPTIONS`` method a path, with
    ``aws_api_gateway_method_response`` and ``aws_api_gateway_integration_response``; with a usage plan
    ``aws_api_gateway_usage_plan``, ``aws_api_gateway_api_key`` and ``aws_api_gateway_usage_plan_key``; with a domain
    ``aws_api_gateway_domain_name``, ``aws_api_gateway_base_path_mapping`` and ``aws_route53_record``; once a system
    ``aws_api_gateway_account`` with a role, without which API Gateway writes no log.

    Costs: per million requests; nothing while it is not used.

    Example:
        ``RestApi("api", authorizer=users).route("GET /orders", Function("orders", "functions.orders:list"))``
    """

    def __init__(
        self, component: str, /, *, authorizer: UserPool | Function | None = None, cors: Cors | None = None,
        stage_name: str | None = None, burst: int = 500, rate: float = 200,
        detailed_metrics: bool = True, closed: bool = False, name: str | None = None,
    ) -> None:
        super().__init__(component)
        if cors is not None:
            require(cors, Cors, "cors", self)
            self._check_cors(cors)
        self.cors = cors
        self.resource = aws.api_gateway_rest_api(
            self.terraform_name(), name=self.physical_name("aws_api_gateway_rest_api", name),
            endpoint_configuration={"types": ["REGIONAL"]}, disable_execute_api_endpoint=closed,
        )
        self.stage_name = stage_name or self.stage.name
        self._deployment = aws.api_gateway_deployment(
            self.terraform_name(), rest_api_id=self.id, description=f"Routes of {component}",
            lifecycle=Lifecycle(create_before_destroy=True),
        )
        log, before = api_logs(self, f"API-Gateway-Execution-Logs_{self.id}/{self.stage_name}")
        self.api_stage = aws.api_gateway_stage(
            self.terraform_name(), rest_api_id=self.id, deployment_id=self._deployment["id"], stage_name=self.stage_name,
            xray_tracing_enabled=self.stage.tier.tracing,
            access_log_settings={"destination_arn": log["arn"], "format": JsonDocument(_ACCESS_LOG)},
            depends_on=list(before),
        )
        aws.api_gateway_method_settings(
            self.terraform_name(), rest_api_id=self.id, stage_name=self.api_stage["stage_name"], method_path="*/*",
            settings={"throttling_burst_limit": burst, "throttling_rate_limit": rate, "metrics_enabled": detailed_metrics,
                      "logging_level": "ERROR", "data_trace_enabled": False},
        )
        self.authorizer: Resource | None = None
        if authorizer is not None:
            self.authorizer = self._authorizer(authorizer)
        self._kind = "COGNITO_USER_POOLS" if isinstance(authorizer, UserPool) else "CUSTOM"
        self._paths: dict[str, Any] = {"": self.resource["root_resource_id"]}
        self._routes: dict[str, str] = {}
        self._methods_of: dict[str, list[str]] = {}
        self._parts: list[Resource] = []
        self.keys: dict[str, Resource] = {}
        if cors:
            for response in ("DEFAULT_4XX", "DEFAULT_5XX"):
                self._parts.append(aws.api_gateway_gateway_response(
                    self.terraform_name(response.lower()), rest_api_id=self.id, response_type=response,
                    response_parameters={f"gatewayresponse.header.{header}": value
                                         for header, value in self._error_headers(cors).items()},
                    response_templates=_USUAL_ERROR,
                ))
        self.building.at_end.append(self._deploy)

    @property
    def id(self) -> Reference:
        """Id of the API."""
        return self.resource["id"]

    @property
    def arn(self) -> Reference:
        """ARN of the API's stage: what a web firewall is put in front of."""
        return self.api_stage["arn"]

    @property
    def host(self) -> str:
        """Host name that AWS gives the API."""
        return f"{self.resource['id']}.execute-api.{self.building.graph.region}.amazonaws.com"

    @property
    def url(self) -> Reference:
        """Where clients reach it, stage path included, without a slash at the end."""
        return self.api_stage["invoke_url"]

    def _check_cors(self, cors: Cors) -> None:
        if not cors.origins:
            raise Mistake("GS1529", "a CORS answer for no web page", mend='name origins, or leave `cors` out')
        unknown = [method for method in cors.methods if method not in _CORS_METHODS]
        if unknown:
            raise Mistake("GS1520", f"{unknown[0]!r} is no method that a browser may be told of",
                          "a route may say ANY, a CORS answer may not", f"name some of {', '.join(_CORS_METHODS)}")

    def _authorizer(self, by: UserPool | Function) -> Resource:
        if isinstance(by, UserPool):
            return aws.api_gateway_authorizer(
                self.terraform_name(), rest_api_id=self.id, name=by.name, type="COGNITO_USER_POOLS",
                provider_arns=[by.arn], identity_source="method.request.header.Authorization",
            )
        made = aws.api_gateway_authorizer(
            self.terraform_name(), rest_api_id=self.id, name=by.name, type="TOKEN", authorizer_uri=by.invoke_arn,
            identity_source="method.request.header.Authorization", authorizer_result_ttl_in_seconds=60,
        )
        by.permit(self.terraform_name("authorizer"), "apigateway.amazonaws.com",
                  f"{self.resource['execution_arn']}/authorizers/{made['id']}")
        return made

    @step
    def route(self, route: str, function: Function, /, *, authorize: bool | None = None, key: bool = False) -> RestApi:
        """Send requests to a function.

        Arguments:
            route: method and path, for example ``"POST /orders"``, ``"GET /orders/{id}"``, ``"ANY /files/{proxy+}"``. A
                path that ends in ``{proxy+}`` does not match without anything there: add the route without it too.
            function: the function, which answers in API Gateway's proxy form (payload version 1.0).
            authorize: whether a token is needed; default wherever the API has an authorizer.
            key: whether an API key of a `usage_plan` is needed, default no. A key identifies, it proves nothing.

        Returns:
            The API, so that routes can be chained.
        """
        match = _ROUTE.fullmatch(route)
        if match is None or not all(_SEGMENT.fullmatch(part) for part in match[2].strip("/").split("/") if part):
            self.building.report("GS1521", f"{route!r} is not a route",
                                 mend='write a method and a path, for example "POST /orders"')
        elif route in self._routes:
            self.building.report("GS1522", f"the route `{route}` is already taken by {self._routes[route]}",
                                 mend="remove one of them, or give it another path")
        elif not isinstance(function, Broken):
            self._routes[route] = function.subject
            self._add(match[1], match[2].strip("/"), function, authorize, key)
        return self

    def _add(self, method: str, path: str, function: Function, authorize: bool | None, key: bool) -> None:
        if function.timeout > _LONGEST_WAIT:
            self.building.report(
                "GS1523", f"{function.subject} may run {function.timeout} s behind `{method} /{path}`",
                f"a REST API answers 504 after {_LONGEST_WAIT} s, and the function runs on unseen",
                f"give it timeout={_LONGEST_WAIT - 1}, and do longer work from a queue or over a WebSocket",
            )
        wanted = self.authorizer is not None if authorize is None else authorize
        if wanted and self.authorizer is None:
            self.building.report("GS1524", f"`{method} /{path}` wants a token, but the API has no authorizer",
                                 mend="give the API authorizer=users")
            wanted = False
        resource, name = self._path(path), self._part(method, path)
        made = aws.api_gateway_method(
            name, rest_api_id=self.id, resource_id=resource, http_method=method,
            authorization=self._kind if wanted else "NONE",
            authorizer_id=self.authorizer["id"] if wanted and self.authorizer else None,
            api_key_required=key,
        )
        integration = aws.api_gateway_integration(
            name, rest_api_id=self.id, resource_id=resource, http_method=made["http_method"],
            type="AWS_PROXY", integration_http_method="POST", uri=function.invoke_arn,
            timeout_milliseconds=_LONGEST_WAIT * 1000,
        )
        self._parts += [made, integration]
        self._methods_of.setdefault(path, []).append(method)
        where = re.sub(r"\{[^}]*\}", "*", path)
        function.permit(name, "apigateway.amazonaws.com",
                        f"{self.resource['execution_arn']}/{self.stage_name}/{'*' if method == 'ANY' else method}/{where}")

    def _part(self, method: str, path: str) -> str:
        return self.terraform_name(method.lower(), re.sub(r"[{}+]", "", path) or "root")

    def _path(self, path: str) -> Any:
        """The id of a path's resource, made with those above it where they are not there yet."""
        if path not in self._paths:
            above, _, last = path.rpartition("/")
            made = aws.api_gateway_resource(
                self.terraform_name(re.sub(r"[{}+]", "", path)), rest_api_id=self.id, parent_id=self._path(above),
                path_part=last,
            )
            self._parts.append(made)
            self._paths[path] = made["id"]
        return self._paths[path]

    def _cors_headers(self, cors: Cors) -> dict[str, str]:
        return {"Access-Control-Allow-Origin": f"'{cors.origins[0]}'",
                "Access-Control-Allow-Headers": f"'{','.join(cors.headers)}'",
                "Access-Control-Allow-Methods": f"'{','.join(cors.methods)}'"}

    def _error_headers(self, cors: Cors) -> dict[str, str]:
        """Headers of API Gateway's own refusals. It can name one origin; with several it names the one that asked, since
        what it says there is nobody's secret."""
        headers = self._cors_headers(cors)
        if len(cors.origins) > 1:
            headers["Access-Control-Allow-Origin"] = "method.request.header.Origin"
        return headers

    def _preflight(self, path: str, cors: Cors) -> None:
        """``OPTIONS`` of a path, answered by API Gateway itself: it names the origin that asked where it is allowed, else
        the first one, so that the browser stops."""
        resource, name = self._paths[path], self._part("OPTIONS", path)
        template: Any = {"application/json": JsonDocument({"statusCode": 204})}
        method = aws.api_gateway_method(
            name, rest_api_id=self.id, resource_id=resource, http_method="OPTIONS", authorization="NONE",
        )
        integration = aws.api_gateway_integration(
            name, rest_api_id=self.id, resource_id=resource, http_method=method["http_method"], type="MOCK",
            request_templates=template,
        )
        headers = self._cors_headers(cors) | {"Access-Control-Max-Age": f"'{cors.max_age}'", "Vary": "'Origin'"}
        response = aws.api_gateway_method_response(
            name, rest_api_id=self.id, resource_id=resource, http_method=method["http_method"], status_code="204",
            response_parameters={f"method.response.header.{header}": True for header in headers},
        )
        answer = aws.api_gateway_integration_response(
            name, rest_api_id=self.id, resource_id=resource, http_method=method["http_method"],
            status_code=response["status_code"],
            response_parameters={f"method.response.header.{header}": value for header, value in headers.items()},
            response_templates={"application/json": _echo_origin(cors.origins)} if len(cors.origins) > 1 else None,
            depends_on=[integration],
        )
        self._parts += [method, integration, response, answer]

    def _deploy(self) -> None:
        """Deploy again whenever anything of the routes has changed, and only after all of it is there."""
        with self.lowering():
            if not self._routes:
                self.building.report("GS1525", f"{self.subject} has no routes, and an API without routes cannot be deployed",
                                     mend='add one, for example .route("GET /health", function)')
            for path, methods in self._methods_of.items():
                if self.cors and "OPTIONS" not in methods:
                    self._preflight(path, self.cors)
        content = {part.address: resolve(part.arguments, lambda reference: reference.expression) for part in self._parts}
        if self.authorizer is not None:
            content[self.authorizer.address] = resolve(self.authorizer.arguments, lambda reference: reference.expression)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
        self._deployment.override(triggers={"routes": digest})
        self._deployment.depends_on = tuple(part.address for part in self._parts)

    @step
    def usage_plan(
        self, plan: str, /, *, keys: Sequence[str], burst: int, rate: float, quota: int | None = None,
        period: Period = "MONTH",
    ) -> RestApi:
        """Limits for callers with keys, which `keys` then holds by name.

        Arguments:
            plan: unique in the API, for example ``partners``.
            keys: one name for each key; AWS makes their values, which `groundsill outputs` never shows.
            burst: requests at once of each key.
            rate: requests a second of each key.
            quota: requests in a period of each key; default no limit.
            period: ``DAY``, ``WEEK`` or ``MONTH`` (default).

        Returns:
            The API.
        """
        if not keys:
            raise Mistake("GS1526", f"the usage plan `{plan}` has no keys", mend='name some, for example keys=["partner"]')
        made = aws.api_gateway_usage_plan(
            self.terraform_name(plan), name=self.physical_name("aws_api_gateway_usage_plan", part=plan),
            api_stages=[{"api_id": self.id, "stage": self.api_stage["stage_name"]}],
            throttle_settings={"burst_limit": burst, "rate_limit": rate},
            quota_settings={"limit": quota, "period": period} if quota else None,
        )
        for key in keys:
            value = self.keys[key] = aws.api_gateway_api_key(
                self.terraform_name(plan, key), name=self.physical_name("aws_api_gateway_api_key", part=key), enabled=True,
            )
            aws.api_gateway_usage_plan_key(
                self.terraform_name(plan, key), key_id=value["id"], key_type="API_KEY", usage_plan_id=made["id"],
            )
        return self

    @step
    def domain(self, host: str, certificate: Certificate, /, *, zone: Zone | None = None) -> RestApi:
        """Give the API a host name of its own, without the stage in its paths.

        Arguments:
            host: host name, for example ``api.shop.example``.
            certificate: covers it, in the API's region.
            zone: zone that gets its record; without it the record is to be made by hand.

        Returns:
            The API.
        """
        name = aws.api_gateway_domain_name(
            self.terraform_name(), domain_name=host, regional_certificate_arn=certificate.arn,
            endpoint_configuration={"types": ["REGIONAL"]}, security_policy="TLS_1_2",
        )
        aws.api_gateway_base_path_mapping(
            self.terraform_name(), api_id=self.id, stage_name=self.api_stage["stage_name"], domain_name=name["domain_name"],
        )
        record_of_domain(self, host, certificate, zone, name["regional_domain_name"], name["regional_zone_id"])
        return self

    def alarms(self) -> Iterable[Alarm]:
        """Answers with a server error."""
        yield Alarm("5xx", f"{self.name} answered with server errors: see its access log for the route.",
                    "AWS/ApiGateway", "5XXError", {"ApiName": self.resource["name"], "Stage": self.stage_name}, 5, period=300)


def _echo_origin(origins: Sequence[str]) -> str:
    """A mapping template that answers with the origin that asked, where it is one of those allowed."""
    tests = " || ".join(f'$origin == "{origin}"' for origin in origins)
    return (
        '#set($origin = $input.params().header.get("Origin"))\n'
        '#if($origin == "") #set($origin = $input.params().header.get("origin")) #end\n'
        f"#if({tests})\n"
        "  #set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)\n#end\n"
    )
