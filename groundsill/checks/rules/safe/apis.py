"""API Gateway: who may call what, how often, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import FALSE, TRUE, Wanted, expected, number, one_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
METHOD, ROUTE = "aws_api_gateway_method", "aws_apigatewayv2_route"
STAGE, STAGE_2 = "aws_api_gateway_stage", "aws_apigatewayv2_stage"
_BETTER = ("standard", "enterprise")
_READING = {"GET", "HEAD", "OPTIONS"}
_SOCKETS = "WEBSOCKET"
# API Gateway developer guide, "Supported security policies": all but TLS_1_0 begin at TLS 1.2; HTTP APIs have TLS_1_2 alone.
_SINCE_TLS_1_2 = Wanted("`TLS_1_2` or one of the policies SecurityPolicy_TLS...", lambda value: str(value).upper().startswith(
    ("TLS_1_2", "SECURITYPOLICY_TLS12", "SECURITYPOLICY_TLS13")))


def api_of(context: Context, resource: Resource) -> Resource | None:
    """The API that a part of one belongs to."""
    return context.view.target(resource, "rest_api_id") or context.view.target(resource, "api_id")


def sockets(context: Context, resource: Resource) -> bool:
    """Whether a part belongs to a WebSocket API."""
    api = api_of(context, resource)
    return api is not None and context.view.get(api, "protocol_type") == _SOCKETS


def private(context: Context, api: Resource | None) -> bool:
    """Whether an API answers inside a network alone."""
    return api is not None and "PRIVATE" in as_blocks(context.view.get(api, "endpoint_configuration", "types"))


@RULES.rule(
    "api-route-without-authorizer", Severity.HIGH, "anybody on the internet may call a route that changes something",
    rationale="API Gateway passes every request on that no authorizer refuses; an API key tells clients apart and authenticates "
              "nobody: API Gateway developer guide, \"Control and manage access to HTTP APIs\" and \"... REST APIs\".",
    mend="give the route an authorizer; suppress it where the program itself verifies who calls, for example a "
         "webhook's signature",
    types=(METHOD, ROUTE), controls=("FSBP APIGateway.8", "CKV_AWS_59", "CKV_AWS_309", "CKV2_AWS_70"),
)
def _no_authorizer(context: Context, route: Resource) -> Iterator[Finding]:
    if context.view.get(route, "authorization" if route.type == METHOD else "authorization_type", default="NONE") != "NONE":
        return
    api = api_of(context, route)
    if private(context, api):
        return
    named, keyed = _route_name(context, route)
    if not named:
        return
    also = "; it asks for an API key, which authenticates nobody" if keyed else ""
    yield Finding(route, f"{named} has no authorizer{also}", related=(api,) if api else (),
                  attribute="authorization" if route.type == METHOD else "authorization_type")


def _route_name(context: Context, route: Resource) -> tuple[str, bool]:
    """What a route that changes something is called, and whether it asks for a key; empty for any other route."""
    keyed = truth(context.view.get(route, "api_key_required"))
    if route.type == METHOD:
        method = str(context.view.get(route, "http_method"))
        part = context.view.target(route, "resource_id")
        path = context.view.get(part, "path_part", default="") if part is not None else ""
        named = f"{method} .../{path}" if isinstance(path, str) and path else method
        return ("" if method in _READING else named), keyed
    key = context.view.get(route, "route_key")
    if not isinstance(key, str) or not is_known(key):
        return "", keyed
    if sockets(context, route):
        return (key if key == "$connect" else ""), keyed  # whoever is connected has been let in
    return ("" if key.split(" ")[0] in _READING else key), keyed


@RULES.rule(
    "api-without-access-log", Severity.MEDIUM, "nobody can tell who called what",
    rationale="API Gateway developer guide, \"Set up CloudWatch logging for REST APIs\" and \"Configure logging for HTTP APIs\".",
    mend="set access_log_settings with a log group", types=(STAGE, STAGE_2), controls=("FSBP APIGateway.9", "CKV_AWS_76"),
    tiers=_BETTER,
)
def _no_access_log(context: Context, stage: Resource) -> Iterator[Finding]:
    if not stage.arguments.get("access_log_settings"):
        yield Finding(stage, "`access_log_settings` is not set", attribute="access_log_settings")


@RULES.rule(
    "api-without-execution-log", Severity.LOW, "why a call failed inside the API cannot be seen",
    rationale="Errors of integrations and authorizers are in the execution log alone: API Gateway developer guide, \"Set up "
              "CloudWatch logging for REST APIs\".",
    mend="set logging_level to ERROR", types=(STAGE, STAGE_2), tiers=_BETTER, production_only=True,
    controls=("FSBP APIGateway.1", "CKV2_AWS_4"),
)
def _no_execution_log(context: Context, stage: Resource) -> Iterator[Finding]:
    if stage.type == STAGE_2:
        levels = [context.view.get(stage, "default_route_settings", "logging_level")] if sockets(context, stage) else ["INFO"]
    else:
        settings = [*context.view.referring(stage, "aws_api_gateway_method_settings")]
        levels = [context.view.get(setting, "settings", "logging_level") for setting in settings]
    if not any(level in ("ERROR", "INFO") or (level is not None and not is_known(level)) for level in levels):
        yield Finding(stage, "no method settings set `logging_level`" if stage.type == STAGE else "`logging_level` is not set")


@RULES.rule(
    "api-without-firewall", Severity.LOW, "floods and known attacks reach the programs behind",
    rationale="AWS WAF counts requests by address and refuses known attacks; HTTP APIs cannot have it: API Gateway "
              "developer guide, "
              "\"Use AWS WAF to protect your REST APIs\".",
    mend="associate an aws_wafv2_web_acl with the stage", types=(STAGE,), tiers=("enterprise",), production_only=True,
    controls=("FSBP APIGateway.4", "CKV2_AWS_29"),
)
def _no_firewall(context: Context, stage: Resource) -> Iterator[Finding]:
    if not private(context, api_of(context, stage)) and not any(
        context.view.referring(stage, "aws_wafv2_web_acl_association", "aws_wafregional_web_acl_association")
    ):
        yield Finding(stage, "no web ACL is associated with it")


@RULES.rule(
    "api-without-throttle", Severity.LOW, "one client can use up the rate of every API in the account",
    rationale="Without limits of its own an API takes what the account has, 10,000 requests a second: API Gateway "
              "developer guide, "
              "\"Throttle requests to your REST APIs\" and \"... HTTP APIs\".",
    mend="set throttling_rate_limit and throttling_burst_limit", types=(STAGE, STAGE_2), tiers=_BETTER, production_only=True,
)
def _no_throttle(context: Context, stage: Resource) -> Iterator[Finding]:
    if stage.type == STAGE_2:
        rates = [context.view.get(stage, "default_route_settings", "throttling_rate_limit")]
    else:
        rates = [context.view.get(setting, "settings", "throttling_rate_limit")
                 for setting in context.view.referring(stage, "aws_api_gateway_method_settings")]
    if not any(rate is not None and ((found := number(rate)) is None or found >= 0) for rate in rates):
        yield Finding(stage, "no rate is set")


@RULES.rule(
    "api-open-to-any-page", Severity.LOW, "any web page may call the API from a visitor's browser",
    rationale="CORS tells a browser which pages may use an answer: API Gateway developer guide, \"Configure CORS for "
              "HTTP APIs\".",
    mend="name the origins of your own pages", types=("aws_apigatewayv2_api", "aws_api_gateway_integration_response"),
    production_only=True,
)
def _any_page(context: Context, resource: Resource) -> Iterator[Finding]:
    origins = context.view.get(resource, "cors_configuration", "allow_origins")
    if is_list(origins) and "*" in origins:
        yield Finding(resource, "`allow_origins` is *", attribute="cors_configuration")
    answers = context.view.get(resource, "response_parameters")
    if is_mapping(answers) and answers.get("method.response.header.Access-Control-Allow-Origin") == "'*'":
        yield Finding(resource, "it answers Access-Control-Allow-Origin: *", attribute="response_parameters")


@RULES.rule(
    "api-cors-with-any-origin-and-credentials", Severity.HIGH, "the API asks browsers for what they refuse",
    rationale="A browser refuses `*` together with credentials, and echoing the origin opens the API to every page: "
              "Fetch standard, "
              "\"CORS protocol and credentials\"; API Gateway refuses the pair.",
    mend="name the origins of your own pages", types=("aws_apigatewayv2_api",),
)
def _credentials(context: Context, api: Resource) -> Iterator[Finding]:
    origins = context.view.get(api, "cors_configuration", "allow_origins")
    if truth(context.view.get(api, "cors_configuration", "allow_credentials")) and is_list(origins) and "*" in origins:
        yield Finding(api, "`allow_credentials` with `allow_origins` *", attribute="cors_configuration")


@RULES.rule(
    "api-has-a-second-way-in", Severity.LOW, "the API answers under its own address too, past what stands before the domain",
    rationale="Rules that a CDN or a domain enforces do not hold there: API Gateway developer guide, \"Disable the default "
              "endpoint for REST APIs\" and \"... HTTP APIs\".",
    mend="set disable_execute_api_endpoint = true", types=("aws_api_gateway_rest_api", "aws_apigatewayv2_api"),
    tiers=("enterprise",), production_only=True,
)
def _second_way(context: Context, api: Resource) -> Iterator[Finding]:
    mapped = any(context.view.referring(api, "aws_api_gateway_base_path_mapping", "aws_apigatewayv2_api_mapping"))
    closed = context.view.get(api, "disable_execute_api_endpoint", default=False)
    if mapped and is_known(closed) and not truth(closed):
        yield Finding(api, "a domain is mapped to it, and `disable_execute_api_endpoint` is not true",
                      attribute="disable_execute_api_endpoint")


@RULES.rule(
    "api-in-front-of-clear-text", Severity.MEDIUM, "the API calls its backend over the internet in clear text",
    rationale="API Gateway developer guide, \"HTTP integrations\".", mend="use https:// in the integration's address",
    types=("aws_api_gateway_integration", "aws_apigatewayv2_integration"),
)
def _backend(context: Context, integration: Resource) -> Iterator[Finding]:
    address: Any = context.view.get(integration, "uri") or context.view.get(integration, "integration_uri")
    if isinstance(address, str) and address.startswith("http://") and context.view.get(
        integration, "connection_type", default="INTERNET") == "INTERNET":
        yield Finding(integration, f"it calls {address[:40]}" if is_known(address) else "it calls http://...",
                      attribute="uri" if integration.arguments.get("uri") else "integration_uri")


@RULES.rule(
    "api-behind-a-cdn-answers-beside-it", Severity.LOW, "the API can be called past the CDN and its firewall",
    rationale="Without a header that only the CDN sends, or a firewall of its own, everything that the CDN refuses is "
              "taken at the "
              "API's address: CloudFront developer guide, \"Restrict access to origins\".",
    mend="let the CDN send a secret header that the API or its web ACL asks for", types=("aws_cloudfront_distribution",),
    tiers=("enterprise",), production_only=True,
)
def _beside(context: Context, cdn: Resource) -> Iterator[Finding]:
    for origin in as_blocks(cdn.arguments.get("origin")):
        if not is_mapping(origin) or origin.get("custom_header") or origin.get("s3_origin_config") is not None:
            continue
        for reference in references_in(origin.get("domain_name")):
            target = context.graph.target(reference)
            if target is not None and target.type.startswith(("aws_api_gateway", "aws_apigatewayv2")) and not any(
                context.view.referring(target, "aws_wafv2_web_acl_association")
            ):
                yield Finding(cdn, f"origin {origin.get('origin_id')} is {target.address}, without a header of the CDN's",
                              attribute="origin", related=(target,))

RULES.items += [
    expected(
        "api-logs-whole-requests", Severity.MEDIUM, "whole requests and answers are in the log",
        "aws_api_gateway_method_settings", at="settings.data_trace_enabled", wanted=FALSE, absent=True, production_only=True,
        why="Tokens and personal data are kept where many may read: API Gateway developer guide, \"Set up CloudWatch "
            "logging for REST "
            "APIs\", do not use it in production.",
        mend="leave data_trace_enabled out", controls=("CKV_AWS_276",),
    ),
    expected(
        "api-cache-not-encrypted", Severity.MEDIUM, "answers are kept unencrypted", "aws_api_gateway_method_settings",
        at="settings.cache_data_encrypted", wanted=TRUE, absent=False,
        when=lambda context, settings: truth(context.view.get(settings, "settings", "caching_enabled")),
        why="API Gateway developer guide, \"Cache settings for REST APIs\".", mend="set cache_data_encrypted = true",
        controls=("FSBP APIGateway.5", "CKV_AWS_308"),
    ),
    expected(
        "api-without-tracing", Severity.LOW, "where a slow call lost its time cannot be seen", STAGE,
        at="xray_tracing_enabled", wanted=TRUE, absent=False, tiers=_BETTER, production_only=True,
        why="API Gateway developer guide, \"Trace user requests to REST APIs using X-Ray\".",
        mend="set xray_tracing_enabled = true",
        controls=("FSBP APIGateway.3", "CKV_AWS_73"),
    ),
    expected(
        "api-domain-old-tls", Severity.MEDIUM, "clients may still use TLS 1.0", "aws_api_gateway_domain_name",
        at="security_policy", wanted=_SINCE_TLS_1_2, absent=False,
        why="API Gateway developer guide, \"Choose a security policy for your custom domain in API Gateway\".",
        mend="set security_policy = \"TLS_1_2\"", controls=("CKV_AWS_206",),
    ),
    expected(
        "http-api-domain-old-tls", Severity.MEDIUM, "clients may still use TLS 1.0", "aws_apigatewayv2_domain_name",
        at="domain_name_configuration.security_policy", wanted=one_of("TLS_1_2"), absent=False,
        why="API Gateway developer guide, \"Choose a security policy for your custom domain in API Gateway\".",
        mend="set security_policy = \"TLS_1_2\"",
    ),
]
