"""Will it run? Networks, rights, code, alarms and mail of the systems, each with one fault put in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import FunctionPackage

from .support import (
    Case,
    changed,
    finds,
    found,
    graph,
    json,
    ref,
    resource,
    system,
    tells_apart,
    unknown,
    variables,
    without_action,
)


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "aws_cloudwatch_metric_alarm.a": {
            "namespace": "AWS/SQS",
            "metric_name": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": "q"},
            "period": 60,
            "evaluation_periods": 1,
            **more,
        }
    }


def trusting(service: str) -> dict[str, Any]:
    return {
        "aws_iam_role.r": {
            "name": "r",
            "assume_role_policy": json(
                {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
            ),
        }
    }


FUNCTION = {"aws_lambda_function.f": {"role": "${aws_iam_role.r.arn}"}}
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "role-not-trusted",
        {**FUNCTION, **trusting("ec2.amazonaws.com")},
        {**FUNCTION, **trusting("lambda.amazonaws.com")},
        "trust",
    ),
    (
        "function-cannot-join-network",
        {
            "aws_lambda_function.f": {"role": "${aws_iam_role.r.arn}", "vpc_config": [{"subnet_ids": []}]},
            **trusting("x"),
        },
        {**FUNCTION, **trusting("x")},
        "ec2:CreateNetworkInterface",
    ),
    ("alarm-watches-nothing", alarm(metric_name="MessagesVisible"), alarm(), "no metric MessagesVisible"),
    ("alarm-watches-nothing", alarm(dimensions={"Queue": "q"}), alarm(), "QueueName"),
    ("alarm-periods-refused", alarm(period=45), alarm(period=300), "45"),
    ("alarm-periods-refused", alarm(datapoints_to_alarm=2), alarm(datapoints_to_alarm=1), "2 datapoints"),
    (
        "metric-filter-without-alarm",
        {"aws_cloudwatch_log_metric_filter.f": {"metric_transformation": [{"name": "Refused"}]}},
        {
            "aws_cloudwatch_log_metric_filter.f": {"metric_transformation": [{"name": "Refused"}]},
            **alarm(namespace="shop", metric_name="Refused"),
        },
        "Refused",
    ),
    (
        "sender-not-declared",
        {"aws_cognito_user_pool.p": {"email_configuration": [{"email_sending_account": "DEVELOPER"}]}},
        {"aws_cognito_user_pool.p": {}},
        "source_arn",
    ),
    (
        "endpoint-names-do-not-resolve",
        {"aws_vpc.v": {}, "aws_vpc_endpoint.e": {"vpc_id": "${aws_vpc.v.id}", "private_dns_enabled": True}},
        {
            "aws_vpc.v": {"enable_dns_hostnames": True},
            "aws_vpc_endpoint.e": {"vpc_id": "${aws_vpc.v.id}", "private_dns_enabled": True},
        },
        "enable_dns_hostnames",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case)


# -- networks ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PA-T03")
def test_a_backend_that_does_not_reach_its_database_is_found() -> None:
    faulty = changed("parrot", "prod", without=["aws_vpc_security_group_ingress_rule.backend_to_db"])
    assert finds(
        "workload-cannot-reach-database",
        faulty,
        "aws_security_group.db does not let tcp 5432 in from aws_ecs_service.backend",
    )

    def told(found: Any) -> Any:
        first = found.content[0]
        return json(
            [
                {
                    **first,
                    "environment": [
                        {**item, "value": "3306"} if item["name"] == "DATABASE_PORT" else item
                        for item in first["environment"]
                    ],
                }
            ]
        )

    faulty = changed("parrot", "prod", {"aws_ecs_task_definition.backend.container_definitions": told})
    assert finds("database-address-does-not-fit", faulty, "DATABASE_PORT is 3306")
    for rule in ("workload-cannot-reach-database", "database-address-does-not-fit"):
        assert not found(rule, system("parrot", "prod"))


def test_a_port_inside_of_a_database_url_is_compared_too() -> None:
    given = {
        "aws_db_instance.d": {"engine": "postgres"},
        "aws_lambda_function.f": {
            "environment": [{"variables": {"DATABASE_URL": "postgresql://app@${aws_db_instance.d.address}:3306/shop"}}]
        },
    }
    assert finds("database-address-does-not-fit", graph(given), "names port 3306")


@pytest.mark.requirement("MT-T03")
@pytest.mark.requirement("MT-C09")
def test_a_function_outside_of_its_databases_network_is_found() -> None:
    faulty = changed("multitask", "prod", {"aws_lambda_function.catalog_lambda.vpc_config": None})
    assert finds("workload-cannot-reach-database", faulty, "is in a network, and the function is not")
    closed = changed("multitask", "prod", without=["aws_vpc_security_group_ingress_rule.chat_lambda_to_chat_redis"])
    assert finds("workload-cannot-reach-database", closed, "aws_security_group.chat_redis does not let tcp 6379 in")
    assert not found("workload-cannot-reach-database", system("multitask", "prod"))


@pytest.mark.requirement("MT-T04")
@pytest.mark.requirement("MT-C10")
@pytest.mark.requirement("AN-T05")
@pytest.mark.requirement("AN-T07")
def test_a_function_in_a_network_without_a_way_to_aws_is_found() -> None:
    for name in ("multitask", "ai_nutritionist"):
        given = system(name, "prod", "enterprise")
        away = [item.address for item in given.of_type("aws_route") if "nat" in item.name] + [
            item.address for item in given.of_type("aws_vpc_endpoint")
        ]
        assert finds(
            "function-without-way-out", changed(name, "prod", without=away, tier="enterprise"), "has no way there"
        ), name
        assert not found("function-without-way-out", given)


# -- rights and code ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-C04")
@pytest.mark.requirement("AN-T06")
def test_a_function_without_the_queue_and_the_right_that_its_code_needs_is_found() -> None:
    name = "process_energy_expenditure"
    faulty = changed(
        "open_metabolics",
        "prod",
        {
            f"aws_lambda_function.{name}.environment": variables(QUEUE_URL=None),
            f"aws_iam_role_policy.{name}.policy": without_action("sqs:SendMessage"),
        },
    )
    assert finds("function-misses-variable", faulty, "process.py")
    assert finds("function-may-not-do-what-it-does", faulty, "sqs:SendMessage")
    for rule in ("function-misses-variable", "function-may-not-do-what-it-does"):
        assert not found(rule, system("open_metabolics", "prod"))


def test_code_is_followed_as_far_as_names_go_and_no_further(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, boto3\nfrom helpers import table, need\nqueue = boto3.client('sqs')\n"
        "def handle(event, context):\n    save(event)\n    return os.environ['NAME']\n"
        "def save(event):\n    table().put_item(Item=event)\n    queue.send_message(QueueUrl=need('QUEUE'), MessageBody='')\n"
        "def never():\n    os.environ['OTHER']\n    boto3.client('s3').put_object()\n"
    )
    (tmp_path / "helpers.py").write_text(
        "import os, boto3\ndef table():\n    return boto3.resource('dynamodb').Table(os.environ['TABLE'])\n"
        "def need(name):\n    value = os.environ.get(name)\n    if not value:\n        raise RuntimeError(name)\n"
        "    return value\n"
    )
    given = graph(
        {"aws_lambda_function.f": {"handler": "app.handle", "role": "${aws_iam_role.r.arn}"}, "aws_iam_role.r": {}}
    )
    given.add_artifact(FunctionPackage("f", tmp_path, (".",), None, "python3.13", "arm64", "aws_lambda_function.f"))
    missing = {item.detail.split()[-1] for item in found("function-misses-variable", given)}
    assert missing == {"NAME", "QUEUE", "TABLE"}
    denied = {item.detail.rsplit(" ", 1)[-1] for item in found("function-may-not-do-what-it-does", given)}
    assert denied == {"dynamodb:PutItem", "sqs:SendMessage"}


@pytest.mark.requirement("MT-T02")
@pytest.mark.requirement("MT-C04")
def test_a_role_without_its_tables_indexes_is_found() -> None:
    def table_alone(policy: Any) -> Any:
        return json(
            {
                **policy.content,
                "Statement": [
                    {
                        **item,
                        "Resource": [arn for arn in item["Resource"] if "/index/" not in str(arn)] or ["arn:aws:x:::y"],
                    }
                    if isinstance(item["Resource"], list)
                    else item
                    for item in policy.content["Statement"]
                ],
            }
        )

    policies = {
        f"{item.address}.policy": table_alone for item in system("multitask", "prod").of_type("aws_iam_role_policy")
    }
    assert finds("index-not-allowed", changed("multitask", "prod", policies), "user-id-index")
    for name in ("multitask", "open_metabolics", "ai_nutritionist"):
        assert not found("index-not-allowed", system(name, "prod"))


@pytest.mark.requirement("MT-C06")
def test_a_function_that_may_not_read_its_stream_or_join_its_network_is_found() -> None:
    policies = {
        f"{item.address}.policy": without_action("sqs:ReceiveMessage")
        for item in system("multitask", "prod").of_type("aws_iam_role_policy")
    }
    assert finds("function-cannot-consume", changed("multitask", "prod", policies), "sqs:ReceiveMessage")
    attached = [
        item.address
        for item in system("multitask", "prod").of_type("aws_iam_role_policy_attachment")
        if "VPCAccess" in str(item.arguments["policy_arn"])
    ]
    assert finds(
        "function-cannot-join-network", changed("multitask", "prod", without=attached), "ec2:CreateNetworkInterface"
    )
    for rule in (
        "function-cannot-consume",
        "function-cannot-join-network",
        "function-cannot-keep-what-fails",
        "role-not-trusted",
    ):
        for name in ("multitask", "ai_nutritionist", "open_metabolics", "parrot", "image_understander"):
            assert not found(rule, system(name, "prod"))


# -- alarms and mail ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("IU-C24")
@pytest.mark.requirement("MT-C40")
def test_alarms_and_graphs_in_a_region_without_their_metric_are_found() -> None:
    lost = graph(
        alarm(namespace="AWS/Route53", metric_name="HealthCheckStatus", dimensions={"HealthCheckId": "x"}),
        region="eu-central-1",
    )
    assert finds("alarm-in-wrong-region", lost, "eu-central-1")
    body = json(
        {"widgets": [{"properties": {"region": "eu-central-1", "metrics": [["AWS/Billing", "EstimatedCharges"]]}}]}
    )
    assert finds(
        "dashboard-graph-misleads", graph({"aws_cloudwatch_dashboard.d": {"dashboard_body": body}}), "AWS/Billing"
    )
    for name in ("image_understander", "multitask"):
        for rule in ("alarm-in-wrong-region", "dashboard-graph-misleads"):
            assert not found(rule, system(name, "prod"))


@pytest.mark.requirement("AN-C10")
def test_an_alarm_on_a_metric_without_its_dimension_is_found() -> None:
    shield = resource(
        "aws_cloudwatch_metric_alarm.ddos",
        {"namespace": "AWS/DDoSProtection", "metric_name": "DDoSDetected", "dimensions": {}},
    )
    assert finds("alarm-watches-nothing", changed("ai_nutritionist", "prod", add=[shield]), "ResourceArn")
    assert not found("alarm-watches-nothing", system("ai_nutritionist", "prod", "enterprise"))


@pytest.mark.requirement("MT-C19")
@pytest.mark.requirement("MT-C20")
def test_an_error_count_of_the_whole_account_and_a_sum_of_durations_are_found() -> None:
    account = resource(
        "aws_cloudwatch_metric_alarm.rate", {"namespace": "AWS/Lambda", "metric_name": "Errors", "dimensions": {}}
    )
    assert finds("alarm-counts-the-whole-account", changed("multitask", "prod", add=[account]))
    body = json(
        {"widgets": [{"properties": {"stat": "Sum", "metrics": [["AWS/Lambda", "Duration", "FunctionName", "f"]]}}]}
    )
    faulty = changed("multitask", "prod", {"aws_cloudwatch_dashboard.multitask_platform.dashboard_body": body})
    assert finds("dashboard-graph-misleads", faulty, "sum of AWS/Lambda Duration")
    for rule in ("alarm-counts-the-whole-account", "dashboard-graph-misleads"):
        assert not found(rule, system("multitask", "prod"))


@pytest.mark.requirement("PA-C31")
def test_a_metric_filter_without_an_alarm_is_found() -> None:
    alarms = [item.address for item in system("parrot", "prod").of_type("aws_cloudwatch_metric_alarm")]
    assert finds("metric-filter-without-alarm", changed("parrot", "prod", without=alarms), "RefusedSignIns")
    assert not found("metric-filter-without-alarm", system("parrot", "prod"))


@pytest.mark.requirement("OM-T06")
@pytest.mark.requirement("OM-C29")
def test_mail_from_an_identity_that_nobody_declares_or_of_the_sandbox_is_found() -> None:
    bare = [{"email_sending_account": "DEVELOPER", "from_email_address": "x@other.example"}]
    assert finds(
        "sender-not-declared",
        changed("open_metabolics", "prod", {"aws_cognito_user_pool.users.email_configuration": bare}),
    )
    other = [{**bare[0], "source_arn": ref("aws_sesv2_email_identity.sender.arn")}]
    assert finds(
        "sender-not-declared",
        changed("open_metabolics", "prod", {"aws_cognito_user_pool.users.email_configuration": other}),
        "x@other.example",
    )
    usual = [{"email_sending_account": "COGNITO_DEFAULT"}]
    assert finds(
        "mail-of-the-sandbox",
        changed("open_metabolics", "prod", {"aws_cognito_user_pool.users.email_configuration": usual}),
    )
    for rule in ("sender-not-declared", "mail-of-the-sandbox"):
        assert not found(rule, system("open_metabolics", "prod"))


def test_what_depends_on_an_unknown_network_is_not_judged() -> None:
    given = graph(
        {
            "data.aws_subnet.a": {},
            "data.aws_security_group.g": {},
            "aws_db_instance.d": {"engine": "postgres", "db_subnet_group_name": "x"},
            "aws_lambda_function.f": {
                "vpc_config": [
                    {
                        "subnet_ids": ["${data.aws_subnet.a.id}"],
                        "security_group_ids": ["${data.aws_security_group.g.id}"],
                    }
                ],
                "environment": [{"variables": {"DATABASE_HOST": "${aws_db_instance.d.address}"}}],
            },
        }
    )
    assert not found("workload-cannot-reach-database", given)
    assert unknown("workload-cannot-reach-database", given)


@pytest.mark.requirement("MT-T10")
def test_alarms_that_nobody_hears_are_found() -> None:
    for name in ("multitask", "open_metabolics"):
        listeners = [item.address for item in system(name, "prod").of_type("aws_sns_topic_subscription")]
        assert finds("alarm-topic-without-subscriber", changed(name, "prod", without=listeners), "and no subscription")
        assert not found("alarm-topic-without-subscriber", system(name, "prod"))


@pytest.mark.requirement("PA-T05")
def test_two_repositories_of_one_name_are_found() -> None:
    names = {"aws_ecr_repository.backend_image.name": "parrot", "aws_ecr_repository.frontend_image.name": "parrot"}
    assert finds("name-taken-twice", changed("parrot", "prod", names), "'parrot' too")
    assert not found("name-taken-twice", system("parrot", "prod"))
