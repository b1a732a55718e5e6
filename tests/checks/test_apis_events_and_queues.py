"""APIs, events, schedules, queues, and who may start or send to whom."""

from __future__ import annotations

from typing import Any

import pytest

from .support import Case, changed, finds, found, graph, json, resource, system, tells_apart


def queues(fifo: bool = False, kept: int = 345_600, dead: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "aws_sqs_queue.jobs": {
            "name": "jobs.fifo" if fifo else "jobs",
            "fifo_queue": fifo,
            "message_retention_seconds": kept,
            "redrive_policy": json({"deadLetterTargetArn": "${aws_sqs_queue.dead.arn}", "maxReceiveCount": 3}),
            **more,
        },
        "aws_sqs_queue.dead": {"name": "dead", "message_retention_seconds": 1_209_600, **(dead or {})},
    }


def subscription(policy: Any = None, **queue: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "aws_sns_topic.t": {"name": "t"},
        "aws_sqs_queue.q": {"name": "q", **queue},
        "aws_sns_topic_subscription.s": {
            "topic_arn": "${aws_sns_topic.t.arn}",
            "protocol": "sqs",
            "endpoint": "${aws_sqs_queue.q.arn}",
        },
    }
    if policy is not None:
        made["aws_sqs_queue_policy.p"] = {"queue_url": "${aws_sqs_queue.q.id}", "policy": json({"Statement": [policy]})}
    return made


SNS_SENDS = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": "${aws_sqs_queue.q.arn}",
    "Condition": {"ArnEquals": {"aws:SourceArn": "${aws_sns_topic.t.arn}"}},
}
OTHER_TOPIC = {**SNS_SENDS, "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:other"}}}


def api(timeout: int = 29, *, rest: bool = False, permission: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"aws_lambda_function.f": {"function_name": "f", "timeout": timeout}}
    if rest:
        made["aws_api_gateway_rest_api.a"] = {"name": "a"}
        made["aws_api_gateway_integration.i"] = {
            "rest_api_id": "${aws_api_gateway_rest_api.a.id}",
            "type": "AWS_PROXY",
            "uri": "${aws_lambda_function.f.invoke_arn}",
        }
    else:
        made["aws_apigatewayv2_api.a"] = {"protocol_type": "HTTP"}
        made["aws_apigatewayv2_integration.i"] = {
            "api_id": "${aws_apigatewayv2_api.a.id}",
            "integration_uri": "${aws_lambda_function.f.invoke_arn}",
        }
        made["aws_apigatewayv2_route.r"] = {
            "api_id": "${aws_apigatewayv2_api.a.id}",
            "route_key": "ANY /v1/{proxy+}",
            "target": "integrations/${aws_apigatewayv2_integration.i.id}",
        }
    if permission is not None:
        made["aws_lambda_permission.p"] = {
            "function_name": "${aws_lambda_function.f.function_name}",
            "principal": "apigateway.amazonaws.com",
            **permission,
        }
    return made


def event(pattern: Any = None, **rule: Any) -> dict[str, Any]:
    given = {"event_pattern": json({"source": ["shop"]} if pattern is None else pattern), **rule}
    return {
        "aws_cloudwatch_event_rule.r": {
            "name": "r",
            **{key: value for key, value in given.items() if value is not None},
        },
        "aws_cloudwatch_event_target.t": {"rule": "${aws_cloudwatch_event_rule.r.name}", "arn": "arn:aws:lambda:x"},
    }


SOURCED = {"source_arn": "${aws_apigatewayv2_api.a.execution_arn}/*/*"}
SOCKET: dict[str, Any] = {
    "aws_apigatewayv2_api.ws": {"protocol_type": "WEBSOCKET"},
    "aws_apigatewayv2_stage.ws": {"api_id": "${aws_apigatewayv2_api.ws.id}", "auto_deploy": True},
}


def pushes(address: str) -> dict[str, Any]:
    return {**SOCKET, "aws_lambda_function.f": {"environment": [{"variables": {"SOCKET_ENDPOINT": address}}]}}


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("function-outlives-its-api", api(31), api(30), "31 s"),
    ("function-outlives-its-api", api(30, rest=True), api(29, rest=True), "waits 29 s"),
    (
        "integration-timeout-needs-quota",
        {"aws_api_gateway_integration.i": {"timeout_milliseconds": 60_000}},
        {"aws_api_gateway_integration.i": {"timeout_milliseconds": 29_000}},
        "60 s",
    ),
    (
        "route-taken-twice",
        {
            **api(),
            "aws_apigatewayv2_route.s": {"api_id": "${aws_apigatewayv2_api.a.id}", "route_key": "ANY /v1/{proxy+}"},
        },
        {**api(), "aws_apigatewayv2_route.s": {"api_id": "${aws_apigatewayv2_api.a.id}", "route_key": "ANY /v1"}},
        "ANY /v1/{proxy+}",
    ),
    (
        "api-without-stage",
        api(),
        {**api(), "aws_apigatewayv2_stage.s": {"api_id": "${aws_apigatewayv2_api.a.id}"}},
        "no stage",
    ),
    (
        "api-changes-not-deployed",
        {"aws_api_gateway_deployment.d": {}},
        {"aws_api_gateway_deployment.d": {"triggers": {"a": "b"}}},
        "triggers",
    ),
    (
        "greedy-route-misses-its-root",
        api(),
        {
            **api(),
            "aws_apigatewayv2_route.s": {
                "api_id": "${aws_apigatewayv2_api.a.id}",
                "route_key": "GET /v1",
                "target": "x",
            },
            "aws_apigatewayv2_route.r": {
                "api_id": "${aws_apigatewayv2_api.a.id}",
                "route_key": "GET /v1/{proxy+}",
                "target": "integrations/${aws_apigatewayv2_integration.i.id}",
            },
        },
        "does not match /v1",
    ),
    (
        "websocket-address-of-the-wrong-kind",
        pushes("${aws_apigatewayv2_stage.ws.invoke_url}"),
        pushes("https://${aws_apigatewayv2_api.ws.id}.execute-api.us-east-1.amazonaws.com/prod"),
        "wss://",
    ),
    (
        "api-integration-missing",
        {"aws_api_gateway_method.m": {"resource_id": "r", "http_method": "GET"}},
        {
            "aws_api_gateway_method.m": {"resource_id": "r", "http_method": "GET"},
            "aws_api_gateway_integration.i": {"resource_id": "r", "http_method": "GET"},
        },
        "GET",
    ),
    ("caller-may-not-invoke-function", api(), api(permission=SOURCED), "apigateway.amazonaws.com"),
    (
        "caller-may-not-invoke-function",
        {
            **api(permission={"source_arn": "${aws_apigatewayv2_api.other.execution_arn}/*"}),
            "aws_apigatewayv2_api.other": {},
        },
        api(permission={}),
        "another source",
    ),
    (
        "schedule-invalid",
        {"aws_scheduler_schedule.s": {"schedule_expression": "rate(1 days)"}},
        {"aws_scheduler_schedule.s": {"schedule_expression": "at(2026-12-01T08:00:00)"}},
        "1 goes with day",
    ),
    (
        "schedule-invalid",
        {"aws_cloudwatch_event_rule.r": {"schedule_expression": "cron(0 5 * * * *)"}},
        {"aws_cloudwatch_event_rule.r": {"schedule_expression": "cron(0/15 8-17 ? * MON-FRI *)"}},
        "must be ?",
    ),
    (
        "schedule-invalid",
        {"aws_cloudwatch_event_rule.r": {"schedule_expression": "cron(60 5 * * ? *)"}},
        {"aws_backup_plan.p": {"rule": [{"schedule": "cron(0 5 L * ? *)"}]}},
        "'60' is no minutes",
    ),
    (
        "event-pattern-invalid",
        event({"source": "shop"}),
        event({"source": [{"prefix": "shop."}], "detail": {"a": [1]}}),
        "not a list",
    ),
    ("event-pattern-invalid", event({"source": [{"begins": "x"}]}), event(), "begins"),
    ("event-rule-refused", event(event_pattern=None), event(), "neither"),
    (
        "event-rule-refused",
        event(schedule_expression="rate(1 day)", event_bus_name="orders"),
        event(event_bus_name="orders"),
        "bus",
    ),
    ("event-rule-without-target", {"aws_cloudwatch_event_rule.r": {"name": "r"}}, event(), "no target"),
    ("event-target-on-another-bus", event(event_bus_name="orders"), event(), "another bus"),
    (
        "autoscaling-range-refused",
        {"aws_appautoscaling_target.t": {"min_capacity": 4, "max_capacity": 2}},
        {
            "aws_appautoscaling_target.t": {
                "min_capacity": 1,
                "max_capacity": 2,
                "service_namespace": "ecs",
                "scalable_dimension": "ecs:service:DesiredCount",
                "resource_id": "service/c/s",
            }
        },
        "above",
    ),
    (
        "queue-drops-before-dead-letter",
        queues(kept=600, visibility_timeout_seconds=300),
        queues(visibility_timeout_seconds=300),
        "15 min",
    ),
    ("dead-letters-expire-first", queues(dead={"message_retention_seconds": 86_400}), queues(), "1 d"),
    ("dead-letter-queue-of-another-kind", queues(fifo=True), queues(), "standard"),
    (
        "fifo-name-refused",
        {"aws_sqs_queue.q": {"name": "jobs", "fifo_queue": True}},
        {"aws_sqs_queue.q": {"name": "jobs.fifo", "fifo_queue": True}},
        "FIFO",
    ),
    (
        "redrive-not-allowed",
        queues(dead={"redrive_allow_policy": json({"redrivePermission": "denyAll"})}),
        queues(
            dead={
                "redrive_allow_policy": json(
                    {"redrivePermission": "byQueue", "sourceQueueArns": ["${aws_sqs_queue.jobs.arn}"]}
                )
            }
        ),
        "denyAll",
    ),
    ("sender-may-not-send", subscription(), subscription(SNS_SENDS), "no policy"),
    (
        "sender-may-not-send",
        subscription(OTHER_TOPIC),
        subscription({**SNS_SENDS, "Condition": None}),
        "sns.amazonaws.com",
    ),
    (
        "key-keeps-sender-out",
        subscription(SNS_SENDS, kms_master_key_id="alias/aws/sqs"),
        subscription(SNS_SENDS),
        "alias/aws/sqs",
    ),
    (
        "key-keeps-sender-out",
        {
            **subscription(SNS_SENDS, kms_master_key_id="${aws_kms_key.k.arn}"),
            "aws_kms_key.k": {
                "policy": json(
                    {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"AWS": "arn:aws:iam::1:root"},
                                "Action": "kms:*",
                                "Resource": "*",
                            }
                        ]
                    }
                )
            },
        },
        {
            **subscription(SNS_SENDS, kms_master_key_id="${aws_kms_key.k.arn}"),
            "aws_kms_key.k": {
                "policy": json(
                    {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "sns.amazonaws.com"},
                                "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                                "Resource": "*",
                            }
                        ]
                    }
                )
            },
        },
        "aws_kms_key.k",
    ),
    (
        "cdn-behaviour-without-origin",
        {
            "aws_cloudfront_distribution.c": {
                "origin": [{"origin_id": "asset"}],
                "default_cache_behavior": [{"target_origin_id": "assets"}],
            }
        },
        {
            "aws_cloudfront_distribution.c": {
                "origin": [{"origin_id": "assets"}],
                "default_cache_behavior": [{"target_origin_id": "assets"}],
            }
        },
        "'assets'",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case)


@pytest.mark.requirement("OM-C02")
@pytest.mark.requirement("OM-T07")
def test_a_function_that_runs_longer_than_the_http_api_waits_is_found() -> None:
    faulty = changed(
        "open_metabolics",
        "prod",
        {
            "aws_lambda_function.process_energy_expenditure.timeout": 300,
            "aws_lambda_function.save_raw_sensor_data.timeout": 60,
        },
    )
    assert finds("function-outlives-its-api", faulty, "up to 300 s") and finds(
        "function-outlives-its-api", faulty, "up to 60 s"
    )
    assert not found("function-outlives-its-api", system("open_metabolics", "prod"))


@pytest.mark.requirement("OM-T07")
def test_a_route_whose_function_does_not_let_the_api_call_it_is_found() -> None:
    faulty = changed("open_metabolics", "prod", without=["aws_lambda_permission.api_post_save_raw_sensor_data"])
    assert finds("caller-may-not-invoke-function", faulty, "aws_lambda_function.save_raw_sensor_data")
    assert not found("caller-may-not-invoke-function", system("open_metabolics", "prod"))


@pytest.mark.requirement("MT-T06")
@pytest.mark.requirement("MT-C27")
def test_thirty_seconds_behind_a_rest_or_websocket_api_are_found() -> None:
    for name in ("ai_lambda", "chat_lambda"):
        faulty = changed("multitask", "prod", {f"aws_lambda_function.{name}.timeout": 30})
        assert finds("function-outlives-its-api", faulty, "up to 30 s"), name
    assert not found("function-outlives-its-api", system("multitask", "prod"))


@pytest.mark.requirement("MT-T05")
@pytest.mark.requirement("MT-C26")
def test_a_greedy_route_alone_is_found() -> None:
    methods = [
        item.address
        for item in system("multitask", "prod").of_type("aws_api_gateway_method", "aws_api_gateway_integration")
        if item.address.endswith(("any_v1_posts", "options_v1_posts"))
    ]
    assert methods and finds("greedy-route-misses-its-root", changed("multitask", "prod", without=methods), "posts")
    assert not found("greedy-route-misses-its-root", system("multitask", "prod"))


@pytest.mark.requirement("MT-C36")
def test_a_socket_without_a_default_route_and_with_an_address_for_clients_is_found() -> None:
    default = [
        item.address
        for item in system("multitask", "prod").of_type("aws_apigatewayv2_route")
        if item.arguments["route_key"] == "$default"
    ]
    assert finds("websocket-without-default-route", changed("multitask", "prod", without=default), "$connect")
    stage = system("multitask", "prod").of_type("aws_apigatewayv2_stage")[0]
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_lambda_function.chat_lambda.environment": [
                {"variables": {"WEBSOCKET_API_ENDPOINT": f"${{{stage.address}.invoke_url}}"}}
            ]
        },
    )
    assert finds("websocket-address-of-the-wrong-kind", faulty, "WEBSOCKET_API_ENDPOINT")
    for rule in ("websocket-without-default-route", "websocket-address-of-the-wrong-kind"):
        assert not found(rule, system("multitask", "prod"))


@pytest.mark.requirement("MT-T07")
@pytest.mark.requirement("MT-C06")
def test_a_socket_to_which_nobody_may_push_is_found() -> None:
    def closed(policy: Any) -> Any:
        kept = [item for item in policy.content["Statement"] if "execute-api" not in str(item["Action"])]
        return json({**policy.content, "Statement": kept})

    policies = {f"{item.address}.policy": closed for item in system("multitask", "prod").of_type("aws_iam_role_policy")}
    assert finds("websocket-nobody-may-answer", changed("multitask", "prod", policies), "execute-api:ManageConnections")
    assert not found("websocket-nobody-may-answer", system("multitask", "prod"))


@pytest.mark.requirement("MT-C41")
def test_a_migration_by_the_clock_is_found() -> None:
    faulty = changed("multitask", "prod", {"aws_scheduler_schedule.migration_schedule.state": "ENABLED"})
    assert finds("migration-on-a-schedule", faulty, "migration_lambda")
    assert not found("migration-on-a-schedule", system("multitask", "prod"))


def test_a_schedule_whose_role_may_not_start_its_function_is_found() -> None:
    role = next(
        item.address
        for item in system("multitask", "prod").of_type("aws_iam_role_policy")
        if item.name == "migration_schedule"
    )
    assert finds(
        "scheduler-may-not-start-its-target", changed("multitask", "prod", without=[role]), "lambda:InvokeFunction"
    )
    for name in ("multitask", "ai_nutritionist"):
        assert not found("scheduler-may-not-start-its-target", system(name, "prod"))


@pytest.mark.requirement("OM-C05")
@pytest.mark.requirement("OM-C06")
def test_jobs_that_expire_before_they_are_dead_letters_are_found() -> None:
    queue, dead = "aws_sqs_queue.energy_jobs", "aws_sqs_queue.energy_jobs_dead"
    faulty = changed(
        "open_metabolics",
        "prod",
        {
            f"{queue}.message_retention_seconds": 86_400,
            f"{queue}.visibility_timeout_seconds": 26_400,
            f"{dead}.message_retention_seconds": 86_400,
        },
    )
    assert finds("queue-drops-before-dead-letter", faulty, "3 receives of 440 min take 22 h, and messages are kept 1 d")
    assert finds("dead-letters-expire-first", faulty)
    alarms = [item.address for item in system("open_metabolics", "prod").of_type("aws_cloudwatch_metric_alarm")]
    assert finds("dead-letter-queue-not-watched", changed("open_metabolics", "prod", without=alarms))
    for rule in ("queue-drops-before-dead-letter", "dead-letters-expire-first", "dead-letter-queue-not-watched"):
        assert not found(rule, system("open_metabolics", "prod"))


def test_a_queue_whose_messages_come_back_while_a_function_works_is_found() -> None:
    mapping = next(item for item in system("ai_nutritionist", "prod").of_type("aws_lambda_event_source_mapping"))
    queue = str(mapping.arguments["event_source_arn"].address)
    assert finds(
        "queue-visibility-below-function-timeout",
        changed("ai_nutritionist", "prod", {f"{queue}.visibility_timeout_seconds": 5}),
        "visibility is 5 s",
    )
    for name in ("ai_nutritionist", "multitask"):
        assert not found("queue-visibility-below-function-timeout", system(name, "prod"))


def test_a_topic_that_a_queue_takes_nothing_from_is_found_in_a_system() -> None:
    faulty = changed("multitask", "prod", without=["aws_sqs_queue_policy.multitask_notifications_queue"])
    assert finds("sender-may-not-send", faulty, "aws_sqs_queue.multitask_notifications_queue")
    faulty = changed("ai_nutritionist", "prod", {"aws_kms_key.data.policy": json({"Statement": []})}, tier="enterprise")
    assert finds("key-keeps-sender-out", faulty, "cloudwatch.amazonaws.com")
    for name in ("multitask", "ai_nutritionist", "open_metabolics"):
        for rule in ("sender-may-not-send", "key-keeps-sender-out"):
            assert not found(rule, system(name, "prod", "enterprise"))


def test_a_bucket_that_keeps_its_cdn_out_is_found() -> None:
    def closed(policy: Any) -> Any:
        return json({"Statement": [item for item in policy.content["Statement"] if item["Effect"] == "Deny"]})

    faulty = changed("multitask", "prod", {"aws_s3_bucket_policy.profile_avatars_bucket.policy": closed})
    assert finds("bucket-keeps-cdn-out", faulty, "aws_s3_bucket.profile_avatars_bucket")
    for name in ("multitask", "ai_nutritionist"):
        assert not found("bucket-keeps-cdn-out", system(name, "prod"))


@pytest.mark.requirement("IU-C03")
def test_a_name_for_an_api_that_shows_the_site_is_found() -> None:
    given: dict[str, Any] = {
        "aws_lb.l": {},
        "aws_route53_zone.z": {"name": "shop.com"},
        "aws_lb_target_group.g": {},
        "aws_lb_listener.s": {
            "load_balancer_arn": "${aws_lb.l.arn}",
            "default_action": [{"type": "forward", "target_group_arn": "${aws_lb_target_group.g.arn}"}],
        },
    }
    for name in ("", "api"):
        given[f"aws_route53_record.{name or 'apex'}"] = {
            "zone_id": "${aws_route53_zone.z.zone_id}",
            "name": name,
            "type": "A",
            "alias": [{"name": "${aws_lb.l.dns_name}"}],
        }
    assert finds("names-answer-the-same", graph(given), "api.shop.com")
    given["aws_lb_target_group.api"] = {}
    assert not found("names-answer-the-same", graph(given))
    assert not found("names-answer-the-same", system("image_understander", "prod"))
    assert resource("aws_lb.x", {}).address == "aws_lb.x"
