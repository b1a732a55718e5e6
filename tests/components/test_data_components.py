"""Databases, caches, secrets and parameters: what is special to them."""

from __future__ import annotations

from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.terraform.synth import synthesize
from tests.component_support import arguments, build, examine, plain


def data(stage: Stage, **options: Any) -> None:
    network = c.Network("main", isolated=True)
    database = c.Database("db", network.isolated, **options)
    cache = c.Cache("cache", network.isolated, nodes=2)
    secret = c.Secret("app", generate=["token"], keys=["provider"])
    cluster, image = c.Cluster("cluster"), c.Container("image", command=("python", "-m", "app"))
    c.Service(
        "web",
        image,
        network.private,
        cluster=cluster,
        port=8080,
        uses=[database.connect, cache.connect, secret.read, secret.inject({"TOKEN": "token"})],
    )


def test_a_workload_that_uses_a_database_and_a_cache_alone_gets_in() -> None:
    graph = build(data)
    rules = {
        (rule.arguments["security_group_id"].address, rule.arguments["from_port"]): rule.arguments[
            "referenced_security_group_id"
        ].address
        for rule in graph.of_type("aws_vpc_security_group_ingress_rule")
        if "referenced_security_group_id" in rule.arguments
    }
    assert rules["aws_security_group.db", 5432] == "aws_security_group.web"
    assert rules["aws_security_group.cache", 6379] == "aws_security_group.web"


def test_isolated_subnets_have_no_way_out() -> None:
    graph = build(data)
    tables = {plain(item.arguments["route_table_id"]) for item in graph.of_type("aws_route")}
    assert "${aws_route_table.main_isolated.id}" not in tables
    cidrs = [item.arguments["cidr_block"] for item in graph.of_type("aws_subnet")]
    assert len(set(cidrs)) == 6


@pytest.mark.parametrize("zones", [1, 2, 3, 4])
def test_isolated_subnets_never_move_the_others(zones: int) -> None:
    def define(stage: Stage, isolated: bool) -> None:
        c.Network("main", zones=zones, isolated=isolated)

    def cidrs(isolated: bool) -> dict[str, str]:
        graph = build(lambda stage: define(stage, isolated))
        return {item.name: item.arguments["cidr_block"] for item in graph.of_type("aws_subnet")}

    without, having = cidrs(False), cidrs(True)
    assert without.items() <= having.items()
    assert len(set(having.values())) == 3 * zones


def test_no_password_is_in_the_configuration_and_random_texts_are_in_no_state() -> None:
    configuration = synthesize(build(data))
    assert configuration["resource"]["aws_db_instance"]["db"]["manage_master_user_password"] is True
    version = configuration["resource"]["aws_secretsmanager_secret_version"]["app"]
    assert version["secret_string_wo"] == (
        '{"provider":"","token":${jsonencode(ephemeral.aws_secretsmanager_random_password.app_token.random_password)}}'
    )
    assert configuration["ephemeral"]["aws_secretsmanager_random_password"]["app_token"]["password_length"] == 48
    assert "aws_secretsmanager_random_password" not in configuration.get("data", {})


def test_the_platform_fetches_an_injected_secret_and_the_task_itself_may_read_only_what_it_reads() -> None:
    graph = build(data)
    (container,) = plain(graph["aws_ecs_task_definition.web"].arguments["container_definitions"])
    assert container["secrets"] == [{"name": "TOKEN", "valueFrom": "${aws_secretsmanager_secret.app.arn}:token::"}]
    execution = arguments(graph["aws_iam_role_policy.web_execution"])["policy"]["Statement"]
    assert [item["Resource"] for item in execution if "secretsmanager:GetSecretValue" in item["Action"]] == [
        ["${aws_secretsmanager_secret.app.arn}"]
    ]


def test_production_data_has_a_standby_a_final_snapshot_and_protection() -> None:
    database = arguments(build(data, "prod")["aws_db_instance.db"])
    assert database["multi_az"] and database["deletion_protection"] and not database["skip_final_snapshot"]
    assert database["final_snapshot_identifier"] == "shop-prod-db-final"


def test_the_tiers_key_encrypts_database_cache_and_secret() -> None:
    graph = build(data, "prod-strict")
    for address in ("aws_db_instance.db", "aws_elasticache_replication_group.cache", "aws_secretsmanager_secret.app"):
        assert plain(graph[address].arguments["kms_key_id"]) == "${aws_kms_key.data.arn}"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"version": "17.2"}, "GS1434"),
        ({"storage": 5}, "GS1435"),
        ({"storage": 100, "most_storage": 50}, "GS1436"),
        ({"instance": "t4g.micro"}, "GS1437"),
        ({"monitoring": 7}, "GS1438"),
        ({"replicas": 9}, "GS1439"),
        ({"database": "a-b"}, "GS1432"),
        ({"backup_days": 90}, "GS1433"),
        ({"rotate_every": "5s"}, "GS1418"),
    ],
)
def test_what_rds_would_refuse_is_refused_here(options: dict[str, Any], code: str) -> None:
    _, diagnostics = examine(lambda stage: data(stage, **options))
    assert [item.code for item in diagnostics] == [code]


def test_a_database_is_never_public() -> None:
    _, diagnostics = examine(lambda stage: c.Database("db", c.Network("main").public))
    assert [item.code for item in diagnostics] == ["GS1430"]


def test_aurora_grows_with_the_load_and_has_two_servers_in_production() -> None:
    def define(stage: Stage) -> None:
        c.ServerlessDatabase("db", c.Network("main", isolated=True).isolated, least=2, most=16)

    graph = build(define, "prod")
    cluster = arguments(graph["aws_rds_cluster.db"])
    assert cluster["serverlessv2_scaling_configuration"] == [{"min_capacity": 2, "max_capacity": 16}]
    assert {item.arguments["instance_class"] for item in graph.of_type("aws_rds_cluster_instance")} == {"db.serverless"}
    assert len(graph.of_type("aws_rds_cluster_instance")) == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "GS1424"),
        ({"generate": ["a"], "keys": ["a"]}, "GS1412"),
        ({"generate": ["a"], "length": 3}, "GS1413"),
        ({"keys": ["a"], "recovery": "90d"}, "GS1414"),
    ],
)
def test_a_secret_that_cannot_be_is_refused(options: dict[str, Any], code: str) -> None:
    _, diagnostics = examine(lambda stage: c.Secret("app", **options))
    assert [item.code for item in diagnostics] == [code]


def test_a_function_rotates_a_secret_and_may_write_it() -> None:
    def define(stage: Stage) -> None:
        turn = c.Function("turn", "functions.turn:handle")
        c.Secret("app", generate=["token"], rotation=turn, rotate_every="7d")

    graph = build(define)
    assert arguments(graph["aws_secretsmanager_secret_rotation.app"])["rotation_rules"] == [{"automatically_after_days": 7}]
    (statement,) = arguments(graph["aws_iam_role_policy.app_rotation"])["policy"]["Statement"]
    assert "secretsmanager:PutSecretValue" in statement["Action"]
