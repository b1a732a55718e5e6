"""Findings that a user lives with: for a stage, a component, some of its resources, or one resource of `aws`."""

from __future__ import annotations

from collections.abc import Callable

from groundsill import Stage, aws
from groundsill.checks.run import Report, check
from groundsill.components import Bucket, Function, HttpApi
from tests.component_support import build, examine

ROUTE = "api-route-without-authorizer"


def report(define: Callable[[Stage], None]) -> Report:
    return check(build(define, "prod"))


def accepted(found: Report, rule: str) -> list[str]:
    return [result.finding.resource.address for result in found.suppressed if result.rule.id == rule and result.finding.resource]


def test_a_component_can_accept_a_finding_for_some_of_its_resources() -> None:
    def define(stage: Stage) -> None:
        api = HttpApi("api")
        hook = Function("hook", "app.hook:handle")
        api.route("POST /hooks/stripe", hook).route("POST /orders", hook)
        api.suppress(ROUTE, only="aws_apigatewayv2_route.api_post_hooks_*", because="Stripe signs what it sends")

    found = report(define)
    assert accepted(found, ROUTE) == ["aws_apigatewayv2_route.api_post_hooks_stripe"]
    left = [result.finding.resource for result in found.results if result.rule.id == ROUTE]
    assert [resource.address for resource in left if resource] == ["aws_apigatewayv2_route.api_post_orders"]


def test_a_resource_of_aws_and_an_overridden_one_can_accept_a_finding() -> None:
    def define(stage: Stage) -> None:
        aws.sqs_queue("plain", name="plain", sqs_managed_sse_enabled=False).suppress(
            "queue-not-encrypted", because="it carries what is public")
        bucket = Bucket("assets")
        bucket.resource.override(force_destroy=True).suppress("bucket-deleted-with-its-objects", because="made anew by CI")

    found = report(define)
    assert accepted(found, "queue-not-encrypted") == ["aws_sqs_queue.plain"]
    assert accepted(found, "bucket-deleted-with-its-objects") == ["aws_s3_bucket.assets"]


def test_a_stage_can_accept_a_finding_wherever_it_is() -> None:
    def define(stage: Stage) -> None:
        Function("hook", "app.hook:handle")
        stage.suppress("production-without-alarms", because="the platform team watches every account")

    found = report(define)
    assert [result.rule.id for result in found.suppressed] == ["production-without-alarms"]
    assert found.suppressed[0].suppression is not None
    assert found.suppressed[0].suppression.reason == "the platform team watches every account"


def test_without_a_reason_nothing_is_accepted() -> None:
    def define(stage: Stage) -> None:
        stage.suppress("production-without-alarms", because=" ")
        aws.sqs_queue("plain", name="plain").suppress("queue-not-encrypted", because="")

    graph, found = examine(define, "prod")
    assert [item.code for item in found] == ["GS1210", "GS1210"]
    assert not graph.suppressions
