"""REST and WebSocket APIs and CDNs: who gets in, how far, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from tests.component_support import arguments, build, examine


def function(name: str = "f", **more: Any) -> Any:
    return c.Function(name, "functions.f:handle", **more)


def names() -> tuple[Any, Any]:
    zone = c.Zone("zone", "shop.example")
    return zone, c.Certificate("certificate", "shop.example", also=["*.shop.example"], zone=zone)


def rest(_: Stage) -> None:
    users = c.UserPool("users")
    users.client("app")
    api = c.RestApi("api", authorizer=users, cors=c.Cors(["https://shop.example"], methods=["GET"]))
    api.route("GET /orders/{id}", function()).route("GET /open", function("open"), authorize=False, key=True)
    api.usage_plan("partners", keys=["one", "two"], burst=10, rate=5, quota=1000, period="DAY")
    zone, certificate = names()
    api.domain("api.shop.example", certificate, zone=zone)


def test_a_route_wants_a_token_unless_it_is_told_otherwise_and_a_key_where_it_is_told() -> None:
    methods = {resource.name: resource.arguments for resource in build(rest).of_type("aws_api_gateway_method")}
    assert methods["api_get_orders_id"]["authorization"] == "COGNITO_USER_POOLS"
    assert (methods["api_get_open"]["authorization"], methods["api_get_open"]["api_key_required"]) == ("NONE", True)
    assert methods["api_options_orders_id"]["authorization"] == "NONE"


def test_a_changed_route_deploys_the_api_again_and_an_unchanged_one_does_not() -> None:
    def digest(define: Any) -> str:
        return build(define)["aws_api_gateway_deployment.api"].arguments["triggers"]["routes"]

    def other(stage: Stage) -> None:
        rest(stage)
        c.Queue("something-else")

    def changed(_: Stage) -> None:
        c.RestApi("api").route("GET /orders", function())

    assert digest(rest) == digest(other)
    assert digest(rest) != digest(changed)


def test_a_preflight_names_an_origin_that_is_allowed_and_no_other() -> None:
    origins = ["https://shop.example", "https://www.shop.example"]
    graph = build(lambda _: c.RestApi("api", cors=c.Cors(origins)).route("GET /a", function()))
    answer = arguments(graph["aws_api_gateway_integration_response.api_options_a"])
    assert answer["response_parameters"]["method.response.header.Access-Control-Allow-Origin"] == "'https://shop.example'"
    template = answer["response_templates"]["application/json"]
    assert all(f'$origin == "{origin}"' in template for origin in origins)


def test_each_key_of_a_plan_has_its_limits() -> None:
    graph = build(rest)
    plan = arguments(graph["aws_api_gateway_usage_plan.api_partners"])
    assert plan["throttle_settings"] == [{"burst_limit": 10, "rate_limit": 5}]
    assert plan["quota_settings"] == [{"limit": 1000, "period": "DAY"}]
    assert len(graph.of_type("aws_api_gateway_api_key")) == len(graph.of_type("aws_api_gateway_usage_plan_key")) == 2


def test_logs_of_apis_are_written_with_one_role_of_the_account_however_many_there_are() -> None:
    def define(_: Stage) -> None:
        c.RestApi("one").route("GET /", function("a"))
        c.RestApi("two").route("GET /", function("b"))
        c.WebSocketApi("sockets").route("$default", function("c"))

    graph = build(define)
    (account,) = graph.of_type("aws_api_gateway_account")
    assert account.component == "api-logging"
    assert all(account.address in stage.depends_on for stage in graph.of_type("aws_api_gateway_stage", "aws_apigatewayv2_stage"))


def test_a_function_decides_who_calls_a_rest_api() -> None:
    graph = build(lambda _: c.RestApi("api", authorizer=function("gate")).route("GET /", function()))
    assert arguments(graph["aws_api_gateway_method.api_get_root"])["authorization"] == "CUSTOM"
    assert "authorizers/" in arguments(graph["aws_lambda_permission.api_authorizer"])["source_arn"]


def test_routes_lead_to_the_alias_of_a_function_that_is_rolled_out() -> None:
    def define(_: Stage) -> None:
        made = function(rollout=c.Rollout())
        c.RestApi("api").route("GET /", made)
        c.HttpApi("http").route("GET /", made)
        c.WebSocketApi("sockets").route("$default", made)

    graph = build(define)
    alias = "${aws_lambda_alias.f.invoke_arn}"
    assert arguments(graph["aws_api_gateway_integration.api_get_root"])["uri"] == alias
    assert {arguments(item)["integration_uri"] for item in graph.of_type("aws_apigatewayv2_integration")} == {alias}
    assert {arguments(item)["qualifier"] for item in graph.of_type("aws_lambda_permission")} == {"${aws_lambda_alias.f.name}"}


def test_a_function_pushes_to_connections_of_one_stage_of_one_api() -> None:
    def define(_: Stage) -> None:
        sockets = c.WebSocketApi("sockets")
        sockets.route("$connect", function()).route("send", function("g", uses=[sockets.push]))

    graph = build(define)
    (statement,) = [item for item in arguments(graph["aws_iam_role_policy.g"])["policy"]["Statement"]
                    if item["Sid"] == "SocketsPush"]
    assert statement["Action"] == ["execute-api:ManageConnections"]
    assert statement["Resource"] == ["${aws_apigatewayv2_api.sockets.execution_arn}/dev/*/@connections/*"]
    (told,) = arguments(graph["aws_lambda_function.g"])["environment"]
    assert told["variables"]["SOCKETS_ENDPOINT"].startswith("https://")


def site(_: Stage, **more: Any) -> Any:
    pages = c.Bucket("pages", served=True)
    _, certificate = names()
    return c.Cdn("site", bucket=pages, domains=["shop.example"], certificate=certificate, **more)


@pytest.mark.parametrize("stage", ["dev", "prod", "prod-strict"])
def test_a_cdn_is_the_only_reader_of_its_bucket_over_new_tls_in_every_tier(stage: str) -> None:
    graph = build(lambda given: site(given), stage)
    cdn = arguments(graph["aws_cloudfront_distribution.site"])
    assert cdn["viewer_certificate"][0]["minimum_protocol_version"] == "TLSv1.2_2021"
    assert cdn["default_cache_behavior"][0]["viewer_protocol_policy"] == "redirect-to-https"
    (encryption,) = map(arguments, graph.of_type("aws_s3_bucket_server_side_encryption_configuration"))
    assert encryption["rule"][0]["apply_server_side_encryption_by_default"] == [{"sse_algorithm": "AES256"}]
    statements = arguments(graph["aws_s3_bucket_policy.pages"])["policy"]["Statement"]
    readers = [item for item in statements if item["Effect"] == "Allow"]
    assert [item["Condition"] for item in readers] == [
        {"StringEquals": {"AWS:SourceArn": "${aws_cloudfront_distribution.site.arn}"}}]


def test_an_application_of_one_page_keeps_the_apis_own_errors() -> None:
    def define(stage: Stage) -> None:
        api = c.RestApi("api").route("GET /", function())
        site(stage, single_page=True).route("/v1/*", api, headers={"x-from": "cdn"})

    graph = build(define)
    cdn = arguments(graph["aws_cloudfront_distribution.site"])
    assert "custom_error_response" not in cdn
    assert "index.html" in arguments(graph["aws_cloudfront_function.site"])["code"]
    assert cdn["origin"][1]["origin_path"] == "/dev"
    assert cdn["origin"][1]["custom_header"] == [{"name": "x-from", "value": "cdn"}]
    assert "function_association" not in cdn["ordered_cache_behavior"][0]


def in_region(region: str) -> Any:
    return c.Certificate("certificate", "shop.example", region=region)


@pytest.mark.parametrize(("code", "define"), [
    ("GS1520", lambda _: c.RestApi("api", cors=c.Cors(["*"], methods=["ANY"]))),
    ("GS1521", lambda _: c.RestApi("api").route("GET /", function()).route("FETCH /", function("g"))),
    ("GS1522", lambda _: c.RestApi("api").route("GET /", function()).route("GET /", function("g"))),
    ("GS1523", lambda _: c.RestApi("api").route("GET /", function(timeout=60))),
    ("GS1524", lambda _: c.RestApi("api").route("GET /", function(), authorize=True)),
    ("GS1525", lambda _: c.RestApi("api")),
    ("GS1526", lambda _: c.RestApi("api").route("GET /", function()).usage_plan("p", keys=[], burst=1, rate=1)),
    ("GS1527", lambda _: c.RestApi("api").route("GET /", function()).domain("a.b.example", in_region("us-east-1"))),
    ("GS1528", lambda _: c.RestApi("api").route("GET /", function()).domain("shop.example", in_region("eu-west-1"))),
    ("GS1529", lambda _: c.RestApi("api", cors=c.Cors([]))),
    ("GS1530", lambda _: c.WebSocketApi("w").route("$connected", function())),
    ("GS1531", lambda _: c.WebSocketApi("w").route("a", function()).route("a", function("g"))),
    ("GS1532", lambda _: c.WebSocketApi("w").route("a", function(timeout=30))),
    ("GS1541", lambda _: c.Cdn("s", bucket=c.Bucket("b"), domains=["shop.example"])),
    ("GS1542", lambda _: c.Cdn("s", bucket=c.Bucket("b"), certificate=in_region("eu-west-1"))),
    ("GS1543", lambda _: c.Cdn("s", bucket=c.Bucket("b"), domains=["a.shop.example"], certificate=in_region("us-east-1"))),
    ("GS1544", lambda given: site(given).route("/a", c.Bucket("a", served=True)).route("/a", c.Bucket("b", served=True))),
    ("GS1545", lambda _: c.Cdn("s", bucket=c.Bucket("b")).route("/a", c.LoadBalancer("l", c.Network("n").private))),
])
def test_what_aws_would_refuse_or_leave_unreachable_is_refused_at_once(code: str, define: Any) -> None:
    assert {item.code for item in examine(define)[1]} == {code}


def test_a_bucket_under_a_key_of_the_account_cannot_be_served() -> None:
    _, found = examine(lambda _: c.Cdn("s", bucket=c.Bucket("b")), "lab")
    assert {item.code for item in found} == {"GS1540"}
