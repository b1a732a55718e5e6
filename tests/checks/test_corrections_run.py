"""Corrections of the five systems' documents that decide whether a system runs: what the document did is caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import Graph, JsonDocument, Variable
from groundsill.graph.resource import Lifecycle
from groundsill.sources.plan import read_plan
from groundsill.sources.reading import read

from .support import STAGES, changed, finds, found, graph, json, resource, system


def subnets(**zones: str) -> dict[str, Any]:
    return {f"aws_subnet.{name}": {"vpc_id": "vpc-1", "availability_zone": zone} for name, zone in zones.items()}


def behind(*names: str) -> dict[str, Any]:
    return {
        "aws_lb.front": {"subnets": ["${aws_subnet.a.id}", "${aws_subnet.b.id}"]},
        "aws_lb_listener.l": {"load_balancer_arn": "${aws_lb.front.arn}",
                              "default_action": [{"target_group_arn": "${aws_lb_target_group.g.arn}"}]},
        "aws_lb_target_group.g": {},
        "aws_autoscaling_group.m": {"target_group_arns": ["${aws_lb_target_group.g.arn}"],
                                    "vpc_zone_identifier": [f"${{aws_subnet.{name}.id}}" for name in names]},
    }


def released(caller: str) -> dict[str, Any]:
    return {
        "aws_lambda_function.f": {"function_name": "f"},
        "aws_lambda_alias.live": {"name": "live", "function_name": "${aws_lambda_function.f.function_name}",
                                  "function_version": "3", "routing_config": [{"additional_version_weights": {"4": 0.1}}]},
        "aws_apigatewayv2_integration.i": {"integration_uri": caller},
    }


def permitted(qualifier: str | None) -> dict[str, Any]:
    return {
        "aws_lambda_function.f": {"function_name": "f"},
        "aws_lambda_alias.live": {"name": "live", "function_name": "${aws_lambda_function.f.function_name}"},
        "aws_lambda_permission.p": {"function_name": "${aws_lambda_function.f.function_name}", "qualifier": qualifier},
    }


def image(size: int) -> dict[str, Any]:
    disks = [{"device_name": "/dev/xvda", "ebs": {"volume_size": "75"}}]
    return {"data.aws_ami.deep_learning": {"owners": ["amazon"], "block_device_mappings": disks},
            "aws_instance.m": {"ami": "${data.aws_ami.deep_learning.id}", "root_block_device": [{"volume_size": size}]}}


def endpoints(*services: str) -> dict[str, Any]:
    return {"aws_vpc.v": {}, **{f"aws_vpc_endpoint.{name}": {
        "vpc_id": "${aws_vpc.v.id}", "service_name": f"com.amazonaws.us-east-1.{name}"} for name in services}}


def told(**variables: str) -> dict[str, Any]:
    content = [{"name": "app", "image": "app", "environment": [{"name": key, "value": item} for key, item in variables.items()]}]
    return {"aws_ecs_task_definition.t": {"container_definitions": json(content)},
            "aws_ecs_service.s": {"task_definition": "${aws_ecs_task_definition.t.arn}"},
            "aws_db_instance.d": {"engine": "postgres"}}


MIGRATION = {"aws_ecs_task_definition.migration": {"container_definitions": json([{"name": "m", "command": ["migrate"]}])}}
BUDGET = {"aws_budgets_budget.b": {"cost_filter": [{"name": "TagKeyValue", "values": ["user:Project$shop"]}]}}
TAG = {"aws_ce_cost_allocation_tag.p": {"tag_key": "Project", "status": "Active"}}

CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("IU-C27", "target-in-zone-without-load-balancer",
     {**subnets(a="us-east-1a", b="us-east-1b", c="us-east-1c"), **behind("a", "b", "c")},
     {**subnets(a="us-east-1a", b="us-east-1b", c="us-east-1c"), **behind("a", "b")}, "us-east-1c"),
    ("MT-C17", "caller-goes-round-the-alias", released("${aws_lambda_function.f.invoke_arn}"),
     released("${aws_lambda_alias.live.invoke_arn}"), "aws_lambda_alias.live"),
    ("MT-C18", "alias-missing", permitted("production"), permitted("live"), "no alias 'production'"),
    ("IU-C35", "root-disk-smaller-than-image", image(50), image(75), "it has 50 GB"),
    ("IU-C02", "endpoint-of-an-older-agent", endpoints("ssm", "ssmmessages", "ec2messages"), endpoints("ssm", "ssmmessages"),
     "ssmmessages has an endpoint"),
    ("PA-C12", "schema-never-made", told(DB_PUSH_ON_START="false"), {**told(DB_PUSH_ON_START="false"), **MIGRATION}, "false"),
    ("PA-C12", "schema-never-made", told(PRISMA_DB_PUSH_ON_START="false"), told(PRISMA_DB_PUSH_ON_START="true"), "PRISMA"),
    ("PA-C13", "variable-of-the-build-at-run-time", told(NEXT_PUBLIC_API_URL="/api"), told(API_URL="/api"), "NEXT_PUBLIC"),
    ("AN-C32", "cost-tag-not-activated", BUDGET, {**BUDGET, **TAG}, "the tag Project"),
    ("MT-C45", "function-with-usual-timeout", {"aws_lambda_function.f": {"vpc_config": [{"subnet_ids": ["a"]}]}},
     {"aws_lambda_function.f": {"vpc_config": [{"subnet_ids": ["a"]}], "timeout": 15}}, "not set"),
    ("MT-C42", "migration-may-be-cut-off", {"aws_lambda_function.db_migrate": {"timeout": 300}},
     {"aws_lambda_function.db_migrate": {"timeout": 900}}, "300 s"),
    ("MT-C48", "text-garbled", {"aws_sns_topic.t": {"display_name": "CafÃ© â€“ alerts"}},
     {"aws_sns_topic.t": {"display_name": "Café – alerts, größer, 日本, Ân"}}, "CafÃ©"),
    ("PA-C39", "path-on-somebodys-machine", {"aws_lambda_function.f": {"filename": "/Users/maria/shop/api.zip"}},
     {"aws_lambda_function.f": {"filename": "./dist/api.zip"}}, "/Users/maria/shop/api.zip"),
    ("PA-C39", "path-on-somebodys-machine", {"aws_lambda_function.f": {"filename": r"C:\Users\maria\api.zip"}},
     {"aws_instance.m": {"user_data": "cp x /home/maria/", "tags": {"Path": "/home/ec2-user/app"}}}, "maria"),
]


@pytest.mark.parametrize(
    ("row", "rule", "faulty", "right", "words"),
    [pytest.param(*item, marks=pytest.mark.requirement(item[0]), id=f"{item[0]} {item[1]} {number}")
     for number, item in enumerate(CASES)],
)
def test_what_the_document_did_is_caught(
    row: str, rule: str, faulty: dict[str, Any], right: dict[str, Any], words: str,
) -> None:
    assert finds(rule, graph(faulty), words), [item.detail for item in found(rule, graph(faulty))]
    assert not found(rule, graph(right)), row


@pytest.mark.requirement("IU-C35")
def test_the_disk_of_an_image_is_known_from_a_plan() -> None:
    machine = {"address": "aws_instance.m", "mode": "managed", "type": "aws_instance", "name": "m"}
    ami = {"address": "data.aws_ami.x", "mode": "data", "type": "aws_ami", "name": "x"}
    values = {"ami": "ami-0123456789abcdef0", "root_block_device": [{"volume_size": 20}]}
    disks = [{"device_name": "/dev/xvda", "ebs": {"volume_size": "75"}}]
    plan, _ = read_plan({
        "format_version": "1.2", "terraform_version": "1.11.4",
        "resource_changes": [
            {**machine, "change": {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}}],
        "planned_values": {"root_module": {"resources": [{**machine, "values": values}]}},
        "prior_state": {"values": {"root_module": {"resources": [
            {**ami, "values": {"id": values["ami"], "root_device_name": "/dev/xvda", "block_device_mappings": disks}}]}}},
        "configuration": {"root_module": {"resources": [
            {**machine, "expressions": {"ami": {"references": ["data.aws_ami.x.id", "data.aws_ami.x"]},
                                        "root_block_device": [{"volume_size": {"constant_value": 20}}]}}, ami]}},
    }, "plan")
    assert finds("root-disk-smaller-than-image", plan, "it has 20 GB, and data.aws_ami.x 75 GB")


@pytest.mark.requirement("MT-C17")
def test_a_caller_is_found_also_where_codedeploy_moves_the_alias() -> None:
    alias = resource("aws_lambda_alias.live", {"name": "live", "function_name": "${aws_lambda_function.f.function_name}"},
                     lifecycle=Lifecycle(ignore_changes=("function_version", "routing_config")))
    given = graph({"aws_lambda_function.f": {}, "aws_apigatewayv2_integration.i": {
        "integration_uri": "${aws_lambda_function.f.invoke_arn}"}})
    assert not found("caller-goes-round-the-alias", given)
    given.add(alias)
    assert finds("caller-goes-round-the-alias", given, "aws_lambda_alias.live")


@pytest.mark.requirement("OM-C27", "MT-C47", "AN-C27")
def test_somebodys_mail_address_as_a_default_is_found() -> None:
    for address, wrong in (("m.rossi@university.edu", True), ("alerts@example.com", False), ("me@shop.example", False)):
        given = Graph("shop")
        given.add_variable(Variable("sender", "who sends", default=address))
        assert bool(found("default-is-somebodys-address", given)) is wrong, address
    for name, stages in STAGES.items():
        assert not found("default-is-somebodys-address", system(name, stages[0]))


@pytest.mark.requirement("OM-C13")
def test_sizes_that_look_swapped_are_found() -> None:
    assert finds("worker-smaller-than-its-sender", changed("open_metabolics", "prod"), "256 CPU units")
    assert not found("worker-smaller-than-its-sender", system("open_metabolics", "prod", None, (("task_sizes", "suggested"),)))


@pytest.mark.requirement("AN-C13")
def test_a_cache_without_the_network_that_it_needs_is_found() -> None:
    told = next(item for item in system("ai_nutritionist", "prod").of_type("aws_lambda_function")
                if any("elasticache" in reference.address for reference in item.references()))
    outside = changed("ai_nutritionist", "prod", {f"{told.address}.vpc_config": None})
    assert finds("workload-cannot-reach-database", outside, "which is in a network, and the function is not")
    assert not found("workload-cannot-reach-database", system("ai_nutritionist", "prod"))


@pytest.mark.requirement("IU-C33")
def test_a_firewall_that_no_flood_is_noticed_by_is_found() -> None:
    rules = resource("aws_wafv2_web_acl.web", {"scope": "REGIONAL", "rule": [{"name": "common", "statement": [
        {"managed_rule_group_statement": [{"name": "AWSManagedRulesCommonRuleSet", "vendor_name": "AWS"}]}]}]})
    assert finds("firewall-without-rate-rule", changed("image_understander", "prod", add=[rules]))
    with_rules = system("image_understander", "prod", None, (("extras", ("web-rules",)),))
    assert not found("firewall-without-rate-rule", with_rules)


@pytest.mark.requirement("OM-C14", "MT-C03")
def test_a_name_that_does_not_say_its_stage_is_found() -> None:
    tables = system("multitask", "prod").of_type("aws_dynamodb_table")
    plain = changed("multitask", "prod", {f"{tables[0].address}.name": "sessions"})
    assert finds("name-without-its-stage", plain, "it is named 'sessions'")
    for name in ("multitask", "open_metabolics"):
        for stage in STAGES[name]:
            assert not found("name-without-its-stage", system(name, stage))


@pytest.mark.requirement("MT-C32")
def test_a_module_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "networking" {\n  source = "./modules/networking"\n}\n')
    (problem,) = [item for item in read(tmp_path).diagnostics if item.code == "GS4012"]
    assert "networking" in problem.summary and problem.location == (str(tmp_path / "main.tf"), 1)


# -- what nobody uses --------------------------------------------------------------------------------------------------


def whole(resources: dict[str, Any]) -> Graph:
    return graph(resources, stage="prod", tier="standard")


def test_a_function_that_nothing_starts_is_found() -> None:
    alone = {"aws_lambda_function.f": {}, "aws_cloudwatch_metric_alarm.a": {
        "dimensions": {"FunctionName": "${aws_lambda_function.f.function_name}"}}}
    called = {**alone, "aws_scheduler_schedule.s": {"target": [{"arn": "${aws_lambda_function.f.arn}"}]}}
    assert finds("function-that-nothing-starts", whole(alone), "no route")
    assert not found("function-that-nothing-starts", whole(called))
    assert not found("function-that-nothing-starts", graph(alone)), "a part of a system"


def test_a_queue_that_nobody_empties_is_found() -> None:
    queue = {"aws_sqs_queue.q": {"name": "q"}}
    consumed = {**queue, "aws_iam_role.r": {"name": "r"}, "aws_iam_role_policy.r": {
        "role": "${aws_iam_role.r.id}", "policy": JsonDocument({"Statement": [
            {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]})}}
    dead = {**queue, "aws_sqs_queue.jobs": {"redrive_policy": json({"deadLetterTargetArn": "${aws_sqs_queue.q.arn}"})},
            "aws_lambda_event_source_mapping.m": {"event_source_arn": "${aws_sqs_queue.jobs.arn}"}}
    user = {**queue, "aws_iam_user.u": {"name": "legacy"}}
    reading = json({"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "${aws_sqs_queue.q.arn}"}]})
    assert finds("queue-that-nobody-empties", whole(queue))
    assert finds("queue-that-nobody-empties", whole(user))
    assert not found("queue-that-nobody-empties", whole({**user, "aws_iam_user_policy.p": {
        "user": "legacy", "policy": reading}})), "a user takes from it"
    assert not found("queue-that-nobody-empties", whole({**user, "aws_iam_user_group_membership.g": {
        "user": "${aws_iam_user.u.name}", "groups": ["workers"]}})), "what the groups may do is not known here"
    assert not found("queue-that-nobody-empties", whole(consumed))
    assert not found("queue-that-nobody-empties", whole(dead)), "dead letters are for people"


def test_a_topic_that_nobody_hears_is_found() -> None:
    topic = {"aws_sns_topic.t": {"name": "t"}}
    heard = {**topic, "aws_sns_topic_subscription.s": {"topic_arn": "${aws_sns_topic.t.arn}", "protocol": "email"}}
    assert finds("topic-that-nobody-hears", whole(topic))
    assert not found("topic-that-nobody-hears", whole(heard))


def test_a_boot_script_may_have_homes_of_its_machine() -> None:
    assert not found("path-on-somebodys-machine", graph({"aws_instance.m": {"user_data": "cd /home/maria/app"}}))


@pytest.mark.requirement("PA-C12")
@pytest.mark.parametrize("stage", STAGES["parrot"])
def test_parrot_without_its_migration_is_found_and_with_it_is_not(stage: str) -> None:
    assert not found("schema-never-made", system("parrot", stage))
    assert not [item for item in system("parrot", stage).suppressions if item.rule == "schema-never-made"]
    without = changed("parrot", stage, without=("terraform_data.schema", "aws_ecs_task_definition.migrate"))
    assert finds("schema-never-made", without, "PRISMA_DB_PUSH_ON_START is false")
