"""The ids of controls that rules name are those of the standards: a mistyped or a retired one is noticed."""

from __future__ import annotations

import tomllib
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from groundsill.checks.rule import Rule
from groundsill.checks.rules import every_rule

from .support import finds, found, graph, json

STANDARDS = ("FSBP", "NIST", "PCI", "CIS")
OF_CHECKOV = ("CKV_", "CKV2_")


@cache
def known() -> dict[str, frozenset[str]]:
    """The ids of each standard, as ``controls.toml`` has them."""
    given = tomllib.loads(Path(__file__).with_name("controls.toml").read_text("utf-8"))
    return {standard: frozenset(f"{standard} {section}.{number}" for section, text in sections.items() if isinstance(text, str)
                                for number in chain.from_iterable(map(numbers, text.split())))
            for standard, sections in given.items()}


def numbers(text: str) -> range:
    """The numbers of ``4`` or of ``4-7``."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def unknown(rule: Rule) -> list[str]:
    """The ids of a rule that no standard has."""
    return [control for control in rule.controls
            if not control.startswith(OF_CHECKOV) and control not in known().get(control.partition(" ")[0], ())]


def test_each_control_that_a_rule_names_is_one_of_its_standard() -> None:
    assert {rule.id: ids for rule in every_rule() if (ids := unknown(rule))} == {}


@pytest.mark.parametrize("control", [
    "FSBP ECS.1",  # retired
    "FSBP AutoScaling.5",  # Security Hub writes Autoscaling.5
    "FSBP SNS.1",  # in NIST SP 800-53 alone
    "FSBP RDS.18", "FSBP S3.99", "FSBP s3.1", "S3.1", "CIS 2.3.4", "CIS 6.1", "NIST S3.1", "HIPAA S3.1", "",
])
def test_a_mistyped_or_retired_control_is_noticed(control: str) -> None:
    assert unknown(next(every_rule())._replace(controls=("FSBP S3.1", control, "CIS 2.1.4", "CKV_AWS_18"))) == [control]


def test_a_control_of_the_practices_is_not_called_by_another_standard() -> None:
    practices = {control.partition(" ")[2] for control in known()["FSBP"]}
    others = {control.partition(" ")[2] for standard in ("NIST", "PCI") for control in known()[standard]}
    assert not practices & others


def test_no_rule_names_a_control_twice() -> None:
    assert [rule.id for rule in every_rule() if len(set(rule.controls)) != len(rule.controls)] == []


def test_each_standard_is_named_by_some_rule_and_says_where_it_was_read() -> None:
    given = tomllib.loads(Path(__file__).with_name("controls.toml").read_text("utf-8"))
    assert tuple(given) == STANDARDS
    for standard, sections in given.items():
        assert sections["sources"] and sections["read"]
        assert any(control.startswith(f"{standard} ") for rule in every_rule() for control in rule.controls)


# A control, the smallest thing that fails it, and a resource's arguments made right.
FAILING: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("FSBP Autoscaling.5", "aws_launch_configuration.a", {"associate_public_ip_address": True}, {}),
    ("FSBP DMS.1", "aws_dms_replication_instance.a", {"publicly_accessible": True}, {"publicly_accessible": False}),
    ("FSBP EC2.173", "aws_spot_fleet_request.a", {"launch_specification": [{"ebs_block_device": [{"encrypted": False}]}]},
     {"launch_specification": [{"ebs_block_device": [{"encrypted": True}]}]}),
    ("FSBP EC2.173", "aws_spot_fleet_request.a", {"launch_specification": [{"root_block_device": [{"volume_size": 20}]}]},
     {"launch_specification": [{"root_block_device": [{"encrypted": "true"}]}]}),
    ("FSBP ECS.20", "aws_ecs_task_definition.a", {"container_definitions": json([{"name": "app", "user": "0:0"}])},
     {"container_definitions": json([{"name": "app", "user": "1000"}])}),
    ("FSBP Kinesis.1", "aws_kinesis_stream.a", {}, {"encryption_type": "KMS", "kms_key_id": "${aws_kms_key.a.arn}"}),
    ("FSBP Lambda.1", "aws_lambda_permission.a", {"principal": "s3.amazonaws.com"},
     {"principal": "s3.amazonaws.com", "source_account": "123456789012"}),
    ("FSBP RDS.40", "aws_db_instance.a", {"engine": "sqlserver-se"},
     {"engine": "sqlserver-se", "enabled_cloudwatch_logs_exports": ["agent", "error"]}),
    ("FSBP RDS.42", "aws_db_instance.a", {"engine": "mariadb"},
     {"engine": "mariadb", "enabled_cloudwatch_logs_exports": ["audit", "error"]}),
    ("FSBP RDS.44", "aws_db_instance.a", {"engine": "mariadb"},
     {"engine": "mariadb", "parameter_group_name": "${aws_db_parameter_group.tls.name}"}),
    ("FSBP WAF.12", "aws_wafv2_rule_group.a", {"visibility_config": [{"cloudwatch_metrics_enabled": False}]},
     {"visibility_config": [{"cloudwatch_metrics_enabled": True}]}),
    ("NIST ECS.17", "aws_ecs_task_definition.a", {"network_mode": "host"}, {"network_mode": "awsvpc"}),
    ("NIST SNS.1", "aws_sns_topic.a", {}, {"kms_master_key_id": "${aws_kms_key.a.id}"}),
    ("CIS 3.1", "aws_cloudtrail.a", {"is_multi_region_trail": True, "enable_logging": False}, {"is_multi_region_trail": True}),
    ("CIS 5.5", "aws_route.a", {"vpc_peering_connection_id": "p", "destination_cidr_block": "0.0.0.0/0"},
     {"vpc_peering_connection_id": "p", "destination_cidr_block": "10.1.0.0/16"}),
]
BESIDE: dict[str, dict[str, Any]] = {
    "aws_kms_key.a": {},
    "aws_db_parameter_group.tls": {"parameter": [{"name": "require_secure_transport", "value": "1"}]},
}


@pytest.mark.parametrize(("control", "address", "wrong", "right"), FAILING)
def test_what_fails_a_control_is_found_by_a_rule_that_names_it(
    control: str, address: str, wrong: dict[str, Any], right: dict[str, Any],
) -> None:
    rules = [rule.id for rule in every_rule() if control in rule.controls]
    assert any(finds(rule, graph({**BESIDE, address: wrong})) for rule in rules)
    assert not any(found(rule, graph({**BESIDE, address: right})) for rule in rules)
