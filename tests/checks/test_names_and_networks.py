"""Names, tags, address ranges and zones that make an apply fail."""

from __future__ import annotations

from typing import Any

import pytest

from .support import Case, changed, finds, found, graph, system, tells_apart, unknown


def vpc(**subnets: tuple[str, str]) -> dict[str, Any]:
    """A VPC of 10.0.0.0/24 and subnets of name, range and zone."""
    made: dict[str, Any] = {"aws_vpc.main": {"cidr_block": "10.0.0.0/24"}}
    for name, (cidr, zone) in subnets.items():
        made[f"aws_subnet.{name}"] = {"vpc_id": "${aws_vpc.main.id}", "cidr_block": cidr, "availability_zone": zone}
    return made


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "name-refused",
        {"aws_lb.a": {"name": "a-name-of-more-than-thirty-two-chars"}},
        {"aws_lb.a": {"name": "front"}},
        "36",
    ),
    (
        "name-refused",
        {"aws_dynamodb_table.a": {"name": "orders!"}},
        {"aws_dynamodb_table.a": {"name": "orders"}},
        "'!'",
    ),
    ("name-refused", {"aws_dynamodb_table.a": {"name": "ab"}}, {"aws_dynamodb_table.a": {"name": "abc"}}, "asks for 3"),
    (
        "bucket-name-refused",
        {"aws_s3_bucket.a": {"bucket": "My_Bucket"}},
        {"aws_s3_bucket.a": {"bucket": "my-bucket"}},
        "lower",
    ),
    (
        "bucket-name-refused",
        {"aws_s3_bucket.a": {"bucket": "192.168.0.1"}},
        {"aws_s3_bucket.a": {"bucket": "a.b.c"}},
        "IP",
    ),
    (
        "bucket-name-refused",
        {"aws_s3_bucket.a": {"bucket": "xn--abc"}},
        {"aws_s3_bucket.a": {"bucket": "site-${data.aws_caller_identity.me.account_id}"}},
        "keeps for itself",
    ),
    (
        "name-taken-twice",
        {"aws_sqs_queue.a": {"name": "jobs"}, "aws_sqs_queue.b": {"name": "jobs"}},
        {"aws_sqs_queue.a": {"name": "jobs"}, "aws_sqs_queue.b": {"name": "other"}},
        "'jobs' too",
    ),
    (
        "name-taken-twice",
        {
            "aws_cloudwatch_event_rule.a": {"name": "r", "event_bus_name": "x"},
            "aws_cloudwatch_event_rule.b": {"name": "r", "event_bus_name": "x"},
        },
        {
            "aws_cloudwatch_event_rule.a": {"name": "r", "event_bus_name": "x"},
            "aws_cloudwatch_event_rule.b": {"name": "r", "event_bus_name": "y"},
        },
        "aws_cloudwatch_event_rule.a",
    ),
    (
        "tags-refused",
        {"aws_sqs_queue.a": {"tags": {"aws:team": "x"}}},
        {"aws_sqs_queue.a": {"tags": {"team": "x"}}},
        "aws:",
    ),
    (
        "tags-refused",
        {"aws_sqs_queue.a": {"tags": {str(index): "" for index in range(51)}}},
        {"aws_sqs_queue.a": {"tags": {str(index): "" for index in range(50)}}},
        "51",
    ),
    (
        "address-range-invalid",
        {"aws_vpc.a": {"cidr_block": "10.0.0.5/16"}},
        {"aws_vpc.a": {"cidr_block": "10.0.0.0/16"}},
        "10.0.0.0/16",
    ),
    (
        "address-range-invalid",
        {"aws_vpc.a": {"cidr_block": "10.0.0.0/8"}},
        {"aws_vpc.a": {"cidr_block": "10.0.0.0/28"}},
        "/16",
    ),
    (
        "address-range-invalid",
        {"aws_subnet.a": {"cidr_block": "10.0.0.300/24"}},
        {"aws_subnet.a": {"cidr_block": "10.0.0.0/24"}},
        "no address range",
    ),
    (
        "subnet-outside-network",
        vpc(a=("10.1.0.0/26", "us-east-1a")),
        vpc(a=("10.0.0.0/26", "us-east-1a")),
        "10.0.0.0/24",
    ),
    (
        "subnets-overlap",
        vpc(a=("10.0.0.0/25", "us-east-1a"), b=("10.0.0.64/26", "us-east-1b")),
        vpc(a=("10.0.0.0/25", "us-east-1a"), b=("10.0.0.128/26", "us-east-1b")),
        "overlaps 10.0.0.0/25 of aws_subnet.a",
    ),
    (
        "peered-networks-overlap",
        {
            "aws_vpc.a": {"cidr_block": "10.0.0.0/16"},
            "aws_vpc.b": {"cidr_block": "10.0.128.0/17"},
            "aws_vpc_peering_connection.p": {"vpc_id": "${aws_vpc.a.id}", "peer_vpc_id": "${aws_vpc.b.id}"},
        },
        {
            "aws_vpc.a": {"cidr_block": "10.0.0.0/16"},
            "aws_vpc.b": {"cidr_block": "10.1.0.0/16"},
            "aws_vpc_peering_connection.p": {"vpc_id": "${aws_vpc.a.id}", "peer_vpc_id": "${aws_vpc.b.id}"},
        },
        "overlap",
    ),
    (
        "load-balancer-subnet-too-small",
        {**vpc(a=("10.0.0.0/28", "us-east-1a")), "aws_lb.l": {"subnets": ["${aws_subnet.a.id}"]}},
        {**vpc(a=("10.0.0.0/27", "us-east-1a")), "aws_lb.l": {"subnets": ["${aws_subnet.a.id}"]}},
        "11 addresses",
    ),
    (
        "zone-taken-twice",
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a"), b=("10.0.0.32/27", "us-east-1a"), c=("10.0.0.64/27", "us-east-1b")),
            "aws_lb.l": {"subnets": ["${aws_subnet.a.id}", "${aws_subnet.b.id}", "${aws_subnet.c.id}"]},
        },
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a"), b=("10.0.0.32/27", "us-east-1b")),
            "aws_lb.l": {"subnets": ["${aws_subnet.a.id}", "${aws_subnet.b.id}"]},
        },
        "2 of its subnets are in us-east-1a",
    ),
    (
        "zone-of-another-region",
        {"aws_subnet.a": {"availability_zone": "eu-west-1a"}},
        {"aws_subnet.a": {"availability_zone": "us-east-1a"}},
        "not in us-east-1",
    ),
    (
        "too-few-zones",
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a"), b=("10.0.0.32/27", "us-east-1a")),
            "aws_db_subnet_group.g": {"subnet_ids": ["${aws_subnet.a.id}", "${aws_subnet.b.id}"]},
        },
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a"), b=("10.0.0.32/27", "us-east-1b")),
            "aws_db_subnet_group.g": {"subnet_ids": ["${aws_subnet.a.id}", "${aws_subnet.b.id}"]},
        },
        "in us-east-1a",
    ),
    (
        "volume-in-another-zone",
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a")),
            "aws_ebs_volume.d": {"availability_zone": "us-east-1b"},
            "aws_instance.m": {"subnet_id": "${aws_subnet.a.id}"},
            "aws_volume_attachment.x": {"volume_id": "${aws_ebs_volume.d.id}", "instance_id": "${aws_instance.m.id}"},
        },
        {
            **vpc(a=("10.0.0.0/27", "us-east-1a")),
            "aws_ebs_volume.d": {"availability_zone": "us-east-1a"},
            "aws_instance.m": {"subnet_id": "${aws_subnet.a.id}"},
            "aws_volume_attachment.x": {"volume_id": "${aws_ebs_volume.d.id}", "instance_id": "${aws_instance.m.id}"},
        },
        "us-east-1b",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case)


LIMITS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("lambda", "aws_lambda_function", {"timeout": 901}, {"timeout": 900, "memory_size": 10_240}),
    ("lambda", "aws_lambda_function", {"memory_size": 64}, {"memory_size": "128"}),
    ("sqs", "aws_sqs_queue", {"message_retention_seconds": 1_209_601}, {"message_retention_seconds": 60}),
    ("api-gateway", "aws_apigatewayv2_integration", {"timeout_milliseconds": 30_001}, {"timeout_milliseconds": 30_000}),
    ("logs", "aws_cloudwatch_log_group", {"retention_in_days": 15}, {"retention_in_days": 14}),
    ("load-balancing", "aws_lb_target_group", {"health_check": [{"interval": 3}]}, {"health_check": [{"interval": 5}]}),
    (
        "ecs",
        "aws_ecs_service",
        {"deployment_minimum_healthy_percent": 101},
        {"deployment_minimum_healthy_percent": 100},
    ),
    ("kms", "aws_kms_key", {"deletion_window_in_days": 5}, {"deletion_window_in_days": 7}),
    ("secrets", "aws_secretsmanager_secret", {"recovery_window_in_days": 3}, {"recovery_window_in_days": 0}),
    (
        "rds",
        "aws_db_instance",
        {"backup_retention_period": 36},
        {"backup_retention_period": 35, "monitoring_interval": 60},
    ),
    ("elasticache", "aws_elasticache_replication_group", {"num_cache_clusters": 7}, {"num_cache_clusters": 2}),
    (
        "cloudfront",
        "aws_cloudfront_distribution",
        {"origin": [{"connection_attempts": 1}, {"connection_attempts": 4}]},
        {"origin": [{"connection_attempts": 3}]},
    ),
    (
        "waf",
        "aws_wafv2_web_acl",
        {"rule": [{"statement": [{"rate_based_statement": [{"limit": 5}]}]}]},
        {"rule": [{"statement": [{"rate_based_statement": [{"limit": 500, "evaluation_window_sec": 300}]}]}]},
    ),
    (
        "dynamodb",
        "aws_dynamodb_table",
        {"point_in_time_recovery": [{"recovery_period_in_days": 36}]},
        {"point_in_time_recovery": [{"recovery_period_in_days": 35}]},
    ),
]


@pytest.mark.parametrize(("service", "type", "faulty", "right"), LIMITS)
def test_a_value_outside_of_the_limits_is_found(
    service: str, type: str, faulty: dict[str, Any], right: dict[str, Any]
) -> None:
    rule = f"{service}-value-outside-limits"
    assert finds(rule, graph({f"{type}.a": faulty}), "AWS takes")
    assert not found(rule, graph({f"{type}.a": right}))


def test_a_value_that_only_an_apply_tells_is_not_judged() -> None:
    given = graph({"aws_lambda_function.a": {"timeout": "${var.timeout}"}})
    assert not found("lambda-value-outside-limits", given) and unknown("lambda-value-outside-limits", given)


@pytest.mark.requirement("OM-T08")
def test_a_table_with_a_name_that_dynamodb_refuses_or_that_is_taken_is_found() -> None:
    name = "aws_dynamodb_table.raw_sensor_data.name"
    assert finds("name-refused", changed("open_metabolics", "prod", {name: "raw sensor data"}), "' '")
    assert finds("name-taken-twice", changed("open_metabolics", "prod", {name: "open-metabolics-energy-results-prod"}))
    for rule in ("name-refused", "name-taken-twice"):
        assert not found(rule, system("open_metabolics", "prod"))


@pytest.mark.requirement("AN-T03")
@pytest.mark.requirement("IU-T03")
def test_two_things_of_one_name_are_found_before_aws_refuses_the_second() -> None:
    same = changed("ai_nutritionist", "prod", {"aws_dynamodb_table.users.name": "ai-nutritionist-families-prod"})
    assert finds("name-taken-twice", same, "ai-nutritionist-families-prod")
    assert not found("name-taken-twice", system("ai_nutritionist", "prod"))
    faulty = graph({"aws_secretsmanager_secret.a": {"name": "iu/db"}, "aws_secretsmanager_secret.b": {"name": "iu/db"}})
    assert finds("name-taken-twice", faulty)
    assert not found("name-taken-twice", system("image_understander", "prod"))


@pytest.mark.requirement("IU-C41")
def test_a_placeholder_of_an_example_is_found() -> None:
    for value in ("mycompany-terraform-state", "www.yourdomain.com", "files.example.com"):
        assert finds("placeholder-left", graph({"aws_s3_bucket.a": {"bucket": value}}))
    assert not found("placeholder-left", system("image_understander", "prod"))


@pytest.mark.requirement("AN-T05")
def test_subnets_of_one_zone_alone_are_found() -> None:
    faulty = changed("image_understander", "prod", {"aws_db_subnet_group.db.subnet_ids": lambda ids: ids[:1]})
    assert finds("too-few-zones", faulty)
    assert not found("too-few-zones", system("image_understander", "prod"))


@pytest.mark.requirement("PA-C36")
def test_a_network_that_has_no_room_for_a_third_zone_is_found() -> None:
    small = {
        f"aws_subnet.main_{kind}_{zone}.cidr_block": f"10.10.0.{64 * index}/26"
        for index, (kind, zone) in enumerate((("public", "a"), ("public", "b"), ("private", "a"), ("private", "b")))
    }
    faulty = changed("parrot", "prod", {"aws_vpc.main.cidr_block": "10.10.0.0/24", **small})
    assert finds("network-without-room", faulty, "256 addresses")
    assert not found("network-without-room", system("parrot", "prod"))
    assert not found("network-without-room", system("parrot", "dev")), "a small network is right for development"


@pytest.mark.requirement("OM-C09")
@pytest.mark.requirement("IU-C26")
def test_one_nat_gateway_for_two_zones_is_found_in_production() -> None:
    for name, route, device in (
        ("open_metabolics", "aws_route.main_private_b_nat", "aws_nat_gateway.main_a"),
        ("image_understander", "aws_route.main_private_b_nat", "aws_nat_gateway.main_a"),
    ):
        faulty = changed(name, "prod", {f"{route}.nat_gateway_id": f"${{{device}.id}}"})
        assert finds("one-nat-gateway-for-many-zones", faulty, "us-east-1a, us-east-1b"), name
        assert not found("one-nat-gateway-for-many-zones", system(name, "prod"))
