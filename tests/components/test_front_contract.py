"""What front doors, events and storage keep like every component: tags, origins, exact rights, logs that end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.aws.schema import type_schema
from groundsill.components.deployers import unmanaged_types
from groundsill.graph.name_rules import NAME_RULES
from groundsill.terraform.synth import text
from tests.component_support import STAGES, arguments, build


def everything(stage: Stage) -> None:
    """One of every component of these families, wired."""
    zone = c.Zone("zone", "shop.example")
    certificate = c.Certificate("certificate", "shop.example", also=["*.shop.example"], zone=zone)
    network = c.Network("main", isolated=True)
    cache = c.Cache("cache", network.isolated)
    files, pages = c.Bucket("files", cors=c.Cors(["*"], methods=["PUT"])), c.Bucket("pages", served=True)
    orders, jobs, dead, news = c.Table("orders", key="id", stream=True), c.Queue("jobs"), c.Queue("dead"), c.Topic("news")
    users = c.UserPool("users")
    users.client("app")
    bus = c.EventBus("events", archive=30)
    sockets = c.WebSocketApi("sockets", authorizer=c.Function("gate", "functions.g:handle"))
    work = c.Function(
        "work", "functions.w:handle", network=network.private, rollout=c.Rollout(provisioned=1), failures=dead,
        sources=[c.EventSource(jobs), c.EventSource(orders)],
        uses=[cache.connect, files.read_write, bus.publish, sockets.push])
    c.Function("clean", "functions.c:handle", uses=[work.prune, work.invoke])
    sockets.route("$connect", work).route("$default", work).domain("ws.shop.example", certificate, zone=zone)
    api = c.RestApi("api", authorizer=users, cors=c.Cors(["https://shop.example"])).route("ANY /work", work)
    api.usage_plan("partners", keys=["one"], burst=1, rate=1).domain("api.shop.example", certificate, zone=zone)
    c.WebAcl("rules").protect(api)
    site = c.Cdn("site", bucket=pages, domains=["shop.example"], certificate=certificate, single_page=True)
    site.route("/v1/*", api).route("/files/*", c.Bucket("more", served=True))
    zone.point("", site)
    c.EventRule("placed", bus=bus, pattern={"source": ["shop"]}, targets=[jobs, news, work], dead_letter=dead)
    c.Alerts("alerts", email="ops@shop.example")


GRAPHS = {stage: build(everything, stage) for stage in STAGES}
EACH = pytest.mark.parametrize("stage", list(STAGES))
UNNAMED = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


@EACH
def test_everything_says_whose_it_is_and_which_line_wrote_it(stage: str) -> None:
    for resource in GRAPHS[stage]:
        assert resource.component, resource
        assert resource.subject, resource
        assert resource.location is not None, resource
        schema = type_schema(resource.type, data=resource.data)
        assert schema is not None
        tags = schema.attributes.get("tags")
        if not resource.data and tags is not None and tags.settable:
            assert resource.arguments["tags"]["Component"] == resource.component


@EACH
def test_the_same_definition_gives_the_same_bytes(stage: str) -> None:
    assert text(build(everything, stage)) == text(GRAPHS[stage])


@EACH
def test_rights_name_exact_actions_and_arns(stage: str) -> None:
    for policy in GRAPHS[stage].of_type("aws_iam_role_policy"):
        for statement in arguments(policy)["policy"]["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action], policy
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= UNNAMED, policy
            for arn in set(statement["Resource"]) - {"*"}:
                assert re.match(r"\$\{(aws|data)[\w.]+arn\}", arn), (policy, arn)


@EACH
def test_every_log_ends_and_every_type_can_be_deployed(stage: str) -> None:
    groups = GRAPHS[stage].of_type("aws_cloudwatch_log_group")
    assert len(groups) >= 6
    assert all(group.arguments["retention_in_days"] for group in groups)
    mine = ("aws_api_gateway_", "aws_apigatewayv2_", "aws_cloudfront_", "aws_cloudwatch_event_", "aws_codedeploy_",
            "aws_lambda_", "aws_s3_")
    assert not [type_ for type_ in unmanaged_types(GRAPHS[stage]) if type_.startswith(mine)]


@EACH
def test_names_stay_within_what_aws_takes_however_long_the_parts_are(stage: str) -> None:
    def long(given: Stage) -> None:
        name = "a-name-that-is-much-longer-than-it-should-be-for-anything-at-all"
        c.Bucket(name, random_suffix=True)
        c.EventRule(f"r{name[1:]}", pattern={"source": ["a"]}, targets=[c.Queue("q")])
        c.EventBus(f"b{name[1:]}", archive=1)
        function = c.Function(f"f{name[1:]}", "functions.f:handle", rollout=c.Rollout())
        c.RestApi(f"i{name[1:]}").route("GET /", function).usage_plan("p", keys=["k"], burst=1, rate=1)
        c.WebSocketApi(f"w{name[1:]}").route("$default", function)

    graph = build(long, stage, name="a-system-with-quite-a-long-name-as-well")
    for resource in graph:
        rule = NAME_RULES.get(resource.type)
        given: Any = resource.arguments.get("name") or resource.arguments.get("bucket_prefix")
        if rule and isinstance(given, str) and resource.type.startswith("aws_"):
            assert len(given) <= rule.longest, resource
            assert not re.search(rule.forbidden, given), resource


def test_one_component_more_moves_no_other() -> None:
    def more(stage: Stage) -> None:
        everything(stage)
        c.RestApi("another").route("GET /", c.Function("other", "functions.o:handle", rollout=c.Rollout()))

    before, after = ({resource.address for resource in build(define)} for define in (everything, more))
    assert before <= after
