"""Buses and rules, and what calls a function by itself; rollouts."""

from __future__ import annotations

from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from tests.component_support import arguments, build, examine


def function(name: str = "f", **more: Any) -> Any:
    return c.Function(name, "functions.f:handle", **more)


def test_a_rule_is_let_in_by_each_target_and_by_its_dead_letters() -> None:
    def define(_: Stage) -> None:
        c.EventRule("placed", bus=c.EventBus("events"), pattern={"detail-type": ["placed"]}, dead_letter=c.Queue("dead"),
                    targets=[c.Queue("jobs"), c.Topic("news"), function()])

    graph = build(define)
    rule = "${aws_cloudwatch_event_rule.placed.arn}"
    for queue in ("jobs", "dead"):
        (statement,) = arguments(graph[f"aws_sqs_queue_policy.{queue}"])["policy"]["Statement"]
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    assert rule in str(arguments(graph["aws_sns_topic_policy.news"])["policy"])
    assert arguments(graph["aws_lambda_permission.placed_f"])["source_arn"] == rule
    assert {item.arguments["target_id"] for item in graph.of_type("aws_cloudwatch_event_target")} == {"jobs", "news", "f"}


def test_a_rule_may_write_to_a_queue_under_a_key_of_the_account() -> None:
    graph = build(lambda _: c.EventRule("r", pattern={"source": ["aws.guardduty"]}, targets=[c.Queue("jobs")]), "lab")
    policies = [arguments(key)["policy"] for key in graph.of_type("aws_kms_key")]
    assert "events.amazonaws.com" in str(policies)


def test_a_queue_keeps_every_sender_in_one_policy() -> None:
    def define(_: Stage) -> None:
        jobs = c.Queue("jobs")
        for name in ("a", "b"):
            c.EventRule(name, pattern={"source": [name]}, targets=[jobs])

    (policy,) = build(define).of_type("aws_sqs_queue_policy")
    assert [item["Sid"] for item in arguments(policy)["policy"]["Statement"]] == ["A", "B"]


def test_a_function_reads_queues_and_streams_with_the_rights_to() -> None:
    def define(_: Stage) -> None:
        function(failures=c.Queue("dead"), sources=[
            c.EventSource(c.Queue("jobs"), batch=100, window=5, concurrency=4),
            c.EventSource(c.Table("t", key="id", stream=True))])

    graph = build(define)
    jobs = arguments(graph["aws_lambda_event_source_mapping.f_jobs"])
    assert (jobs["batch_size"], jobs["scaling_config"]) == (100, [{"maximum_concurrency": 4}])
    stream = arguments(graph["aws_lambda_event_source_mapping.f_t"])
    assert stream["destination_config"] == [{"on_failure": [{"destination_arn": "${aws_sqs_queue.dead.arn}"}]}]
    assert "aws_iam_role_policy.f" in graph["aws_lambda_event_source_mapping.f_t"].depends_on
    held = {action for item in arguments(graph["aws_iam_role_policy.f"])["policy"]["Statement"] for action in item["Action"]}
    assert {"sqs:ReceiveMessage", "sqs:SendMessage", "dynamodb:GetRecords"} <= held


def test_a_function_in_a_network_opens_what_it_uses_and_nothing_else() -> None:
    def define(_: Stage) -> None:
        network = c.Network("main", isolated=True)
        cache = c.Cache("cache", network.isolated)
        function(network=network.private, uses=[cache.connect])
        function("apart")

    graph = build(define)
    (rule,) = map(arguments, graph.of_type("aws_vpc_security_group_ingress_rule"))
    assert rule["referenced_security_group_id"] == "${aws_security_group.f.id}"
    assert rule["from_port"] == rule["to_port"] == 6379
    assert "vpc_config" not in arguments(graph["aws_lambda_function.apart"])
    assert "aws_iam_role_policy_attachment.f_network" in graph["aws_lambda_function.f"].depends_on


def test_rollouts_share_one_application_and_go_back_on_alarms_of_their_function() -> None:
    def define(_: Stage) -> None:
        function(rollout=c.Rollout(provisioned=3))
        function("g", rollout=c.Rollout(shift="at once"))
        c.Alerts("alerts")

    graph = build(define)
    (app,) = graph.of_type("aws_codedeploy_app")
    assert app.component == "rollouts"
    alarms = arguments(graph["aws_codedeploy_deployment_group.f"])["alarm_configuration"][0]["alarms"]
    assert alarms == [f"${{aws_cloudwatch_metric_alarm.f_{kind}.alarm_name}}" for kind in ("errors", "throttles")]
    (warm,) = map(arguments, graph.of_type("aws_lambda_provisioned_concurrency_config"))
    assert (warm["qualifier"], warm["provisioned_concurrent_executions"]) == ("${aws_lambda_alias.f.name}", 3)


def test_a_function_without_a_rollout_is_called_by_its_name() -> None:
    graph = build(lambda _: function("caller", uses=[function().invoke]))
    assert not graph.of_type("aws_lambda_alias", "aws_codedeploy_app")
    assert arguments(graph["aws_lambda_function.caller"])["environment"][0]["variables"] == {
        "F_FUNCTION": "${aws_lambda_function.f.function_name}"}


def adjusted(stage: Stage) -> None:
    stage.adjust(log_retention_days=7, tracing=True)
    function()


def test_a_stage_can_differ_from_its_tier_in_single_things() -> None:
    graph = build(adjusted)
    assert graph["aws_cloudwatch_log_group.f"].arguments["retention_in_days"] == 7
    assert arguments(graph["aws_lambda_function.f"])["tracing_config"] == [{"mode": "Active"}]


def test_a_system_has_tags_of_its_own() -> None:
    graph = build(lambda _: c.Queue("jobs"), tags={"Project": "{system}", "Environment": "{stage}", "ManagedBy": "terraform"})
    tags = graph["aws_sqs_queue.jobs"].arguments["tags"]
    assert (tags["Project"], tags["Environment"], tags["ManagedBy"]) == ("shop", "dev", "terraform")


def reading(source: Any, **more: Any) -> Any:
    return lambda _: function(sources=[c.EventSource(source(), **more)])


def jobs(**more: Any) -> Any:
    return lambda: c.Queue("jobs", **more)


@pytest.mark.parametrize(("code", "define"), [
    ("GS1315", lambda stage: stage.adjust(log_days=7)),
    ("GS1363", lambda _: c.UserPool("users", message="no code here")),
    ("GS1510", reading(jobs(), batch=0)),
    ("GS1511", reading(jobs(), window=301)),
    ("GS1512", reading(lambda: c.Table("t", key="id"))),
    ("GS1513", reading(jobs(), batch=11)),
    ("GS1514", reading(jobs(visibility=5))),
    ("GS1515", reading(jobs(), concurrency=1)),
    ("GS1516", lambda _: function(rollout=c.Rollout(provisioned=-1))),
    ("GS1517", lambda _: function(retries=3)),
    ("GS1518", lambda _: function(uses=[c.Cache("cache", c.Network("n").private).connect])),
    ("GS1550", lambda _: c.EventBus("b", archive=-1)),
    ("GS1551", lambda _: c.EventRule("r", targets=[c.Queue("q")])),
    ("GS1552", lambda _: c.EventRule("r", targets=[c.Queue("q")], schedule="daily")),
    ("GS1553", lambda _: c.EventRule("r", targets=[], pattern={"source": ["a"]})),
    ("GS1554", lambda _: c.EventRule("r", targets=[c.Queue("q")], pattern={"source": ["a"]}, retries=200)),
    ("GS1555", lambda _: c.EventRule("r", targets=[c.Table("t", key="id")], pattern={"source": ["a"]})),
])
def test_what_cannot_work_is_refused_at_once(code: str, define: Any) -> None:
    assert {item.code for item in examine(define)[1]} == {code}
