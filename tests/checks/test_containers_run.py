"""Will it run? Tasks, services, images and what stands before them, each with one fault put in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import ContainerImage, Graph

from .support import (
    Case,
    changed,
    finds,
    found,
    graph,
    json,
    on_container,
    resource,
    system,
    tells_apart,
    without_action,
)


def task(size: tuple[Any, Any] = (256, 512), container: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "aws_ecs_task_definition.t": {
            "requires_compatibilities": ["FARGATE"],
            "network_mode": "awsvpc",
            "cpu": size[0],
            "memory": size[1],
            "container_definitions": json([{"name": "app", "image": "nginx", **(container or {})}]),
            **more,
        }
    }


def service(**more: Any) -> dict[str, Any]:
    return {
        **task(),
        "aws_ecs_service.s": {
            "task_definition": "${aws_ecs_task_definition.t.arn}",
            "desired_count": 1,
            "deployment_circuit_breaker": [{"enable": True}],
            **more,
        },
    }


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("fargate-size-refused", task((256, 4096)), task((256, 2048)), "512 to 2048"),
    ("fargate-size-refused", task((300, 512)), task((16384, 122880)), "300 CPU"),
    ("task-definition-refused", task(network_mode="bridge"), task(), "bridge"),
    ("task-definition-refused", task(container={"essential": False}), task(container={"essential": True}), "essential"),
    (
        "task-definition-refused",
        task(container={"portMappings": [{"containerPort": 80, "hostPort": 8080}]}),
        task(container={"portMappings": [{"containerPort": 80, "hostPort": 80}]}),
        "8080",
    ),
    ("task-definition-refused", task(container={"memory": 1024}), task(container={"memory": 512}), "1024 MB"),
    (
        "execution-role-cannot-pull",
        task(container={"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"}),
        task(),
        "ECR",
    ),
    ("service-cannot-roll", service(deployment_maximum_percent=100), service(deployment_maximum_percent=200), "1 task"),
    (
        "service-cannot-roll",
        service(deployment_minimum_healthy_percent=0, deployment_maximum_percent=100),
        service(desired_count=2, deployment_minimum_healthy_percent=50, deployment_maximum_percent=100),
        "none runs",
    ),
    (
        "service-without-grace",
        service(load_balancer=[{"container_port": 80}]),
        service(load_balancer=[{"container_port": 80}], health_check_grace_period_seconds=60),
        "grace",
    ),
    (
        "service-without-circuit-breaker",
        service(deployment_circuit_breaker=None),
        service(),
        "deployment_circuit_breaker",
    ),
    (
        "target-port-does-not-meet",
        service(load_balancer=[{"container_name": "app", "container_port": 80}]),
        service(),
        "no port",
    ),
    ("shell-without-rights", service(enable_execute_command=True), service(), "no task role"),
    (
        "spot-without-fallback",
        service(capacity_provider_strategy=[{"capacity_provider": "FARGATE_SPOT", "weight": 1}]),
        service(
            capacity_provider_strategy=[
                {"capacity_provider": "FARGATE_SPOT"},
                {"capacity_provider": "FARGATE", "base": 1},
            ]
        ),
        "SPOT",
    ),
    (
        "scaling-fights-the-definition",
        {**service(), "aws_appautoscaling_target.t": {"resource_id": "service/c/${aws_ecs_service.s.name}"}},
        service(),
        "scales it",
    ),
    (
        "image-before-its-service",
        {
            **service(),
            **task(container={"image": "${aws_ecr_repository.r.repository_url}:latest"}),
            "aws_ecr_repository.r": {},
        },
        {
            **service(),
            **task(container={"image": "${aws_ecr_repository.r.repository_url}@sha256:0a"}),
            "aws_ecr_repository.r": {},
        },
        "tag",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case)


@pytest.mark.requirement("PA-T01")
def test_what_keeps_parrots_tasks_from_starting_is_found() -> None:
    definition = "aws_ecs_task_definition.backend"
    assert finds("fargate-size-refused", changed("parrot", "prod", {f"{definition}.memory": "4096"}))
    role = next(
        item.address
        for item in system("parrot", "prod").of_type("aws_iam_role_policy")
        if item.name == "backend_execution"
    )
    pulling = without_action("ecr:BatchGetImage")
    assert finds(
        "execution-role-cannot-pull", changed("parrot", "prod", {f"{role}.policy": pulling}), "ecr:BatchGetImage"
    )
    given = changed(
        "parrot",
        "prod",
        {
            f"{definition}.container_definitions": on_container(
                secrets=[{"name": "JWT", "valueFrom": "${aws_secretsmanager_secret.app_env.arn}:jwt_secret::"}]
            )
        },
    )
    assert finds("execution-role-cannot-read-secret", given, "secretsmanager:GetSecretValue")
    for rule in (
        "fargate-size-refused",
        "execution-role-cannot-pull",
        "execution-role-cannot-read-secret",
        "task-cannot-pull-image",
    ):
        for stage in ("dev", "prod"):
            assert not found(rule, system("parrot", stage))


@pytest.mark.requirement("PA-T01")
@pytest.mark.requirement("PA-C19")
def test_tasks_without_a_way_to_their_image_are_found() -> None:
    closed = lambda blocks: [{**blocks[0], "assign_public_ip": False}]  # noqa: E731
    faulty = changed("parrot", "dev", {"aws_ecs_service.backend.network_configuration": closed})
    assert finds("task-cannot-pull-image", faulty, "needs a public address")
    assert not found("task-cannot-pull-image", system("parrot", "dev"))


@pytest.mark.requirement("OM-T03")
@pytest.mark.requirement("OM-C09")
def test_removing_the_nat_gateways_without_a_replacement_is_found() -> None:
    routes = [
        item.address for item in system("open_metabolics", "prod").of_type("aws_route") if item.address.endswith("_nat")
    ]
    faulty = changed("open_metabolics", "prod", without=routes)
    assert finds("task-cannot-pull-image", faulty, "ecr.api, ecr.dkr, logs")
    assert not found("task-cannot-pull-image", system("open_metabolics", "prod"))


@pytest.mark.requirement("OM-T03")
def test_an_execution_role_without_its_log_and_an_image_of_another_processor_are_found() -> None:
    role = next(
        item.address
        for item in system("open_metabolics", "prod").of_type("aws_iam_role_policy")
        if item.name == "energy_api_execution"
    )
    silent = changed("open_metabolics", "prod", {f"{role}.policy": without_action("logs:CreateLogStream")})
    assert finds("execution-role-cannot-write-log", silent, "logs:CreateLogStream")
    other = changed(
        "open_metabolics",
        "prod",
        {"aws_ecs_task_definition.energy_api.runtime_platform": [{"cpu_architecture": "X86_64"}]},
    )
    assert finds("image-of-another-architecture", other, "linux/arm64")
    for rule in ("execution-role-cannot-write-log", "image-of-another-architecture"):
        assert not found(rule, system("open_metabolics", "prod"))


@pytest.mark.requirement("OM-T04")
@pytest.mark.requirement("PA-T02")
@pytest.mark.requirement("PA-C20")
def test_a_load_balancer_that_does_not_reach_its_targets_is_found() -> None:
    for name, group, task_name, port in (
        ("open_metabolics", "energy_api", "energy_api", 8080),
        ("parrot", "backend", "backend", 3001),
    ):
        rules = [
            item.address
            for item in system(name, "prod").of_type("aws_vpc_security_group_ingress_rule")
            if f"aws_security_group.{group}" in str(item.arguments["security_group_id"])
        ]
        assert rules and finds(
            "load-balancer-cannot-reach-target", changed(name, "prod", without=rules), f"does not let tcp {port} in"
        )
        moved = changed(
            name,
            "prod",
            {
                f"aws_ecs_task_definition.{task_name}.container_definitions": on_container(
                    portMappings=[{"containerPort": 9000}]
                )
            },
        )
        assert finds("target-port-does-not-meet", moved, f"has 9000, not {port}")
        for rule in ("load-balancer-cannot-reach-target", "target-port-does-not-meet"):
            assert not found(rule, system(name, "prod"))


@pytest.mark.requirement("PA-C29")
def test_a_rollout_that_cannot_get_through_is_found() -> None:
    faulty = changed(
        "parrot",
        "prod",
        {
            "aws_ecs_service.backend.deployment_maximum_percent": 100,
            "aws_ecs_service.backend.deployment_circuit_breaker": None,
            "aws_ecs_service.backend.health_check_grace_period_seconds": None,
        },
    )
    for rule in ("service-cannot-roll", "service-without-grace", "service-without-circuit-breaker"):
        assert finds(rule, faulty), rule
        assert not found(rule, system("parrot", "prod"))


@pytest.mark.requirement("PA-C06")
def test_a_shell_without_the_task_roles_rights_is_found() -> None:
    policies = [
        item.address for item in system("parrot", "dev").of_type("aws_iam_role_policy") if item.name == "backend"
    ]
    faulty = changed("parrot", "dev", {f"{name}.policy": json({"Statement": []}) for name in policies})
    assert finds("shell-without-rights", faulty, "ssmmessages:CreateControlChannel")
    assert not found("shell-without-rights", system("parrot", "dev"))


@pytest.mark.requirement("PA-C11")
def test_demo_data_in_production_is_found() -> None:
    seeded = on_container(
        environment=[{"name": "NODE_ENV", "value": "production"}, {"name": "SEED_DB", "value": "true"}]
    )
    faulty = changed("parrot", "prod", {"aws_ecs_task_definition.backend.container_definitions": seeded})
    assert finds("demo-data-in-production", faulty, "SEED_DB")
    for stage in ("dev", "prod"):
        assert not found("demo-data-in-production", system("parrot", stage))


@pytest.mark.requirement("PA-C08")
def test_a_service_that_starts_from_an_empty_repository_is_found() -> None:
    tagged = on_container(image="${aws_ecr_repository.backend_image.repository_url}:latest")
    faulty = changed("parrot", "prod", {"aws_ecs_task_definition.backend.container_definitions": tagged})
    assert finds("image-before-its-service", faulty, "aws_ecr_repository.backend_image")
    assert not found("image-before-its-service", system("parrot", "prod"))


@pytest.mark.requirement("OM-T05")
def test_a_dockerfile_that_cannot_be_built_is_found(tmp_path: Path) -> None:
    def built(content: str | None) -> Graph:
        given = graph({"aws_ecr_repository.r": {}})
        given.add_artifact(
            ContainerImage("app", tmp_path, "Dockerfile", ("python",), "linux/arm64", "aws_ecr_repository.r", "image")
        )
        (tmp_path / "Dockerfile").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "Dockerfile").write_text(content)
        return given

    (tmp_path / "app.py").write_text("")
    assert finds("dockerfile-unreadable", built(None), "no Dockerfile")
    assert finds("dockerfile-unreadable", built("COPY app.py .\n"), "FROM")
    assert finds("dockerfile-unreadable", built("FROM python:3.13\nCOPY apps.py \\\n  .\n"), "apps.py")
    assert not found(
        "dockerfile-unreadable", built("ARG V=3\nFROM python:$V AS run\nCOPY app.py .\nCOPY --from=x /a /b\n")
    )
    for name in ("open_metabolics", "parrot"):
        assert not found("dockerfile-unreadable", system(name, "prod"))


@pytest.mark.requirement("IU-T08")
@pytest.mark.requirement("IU-C04")
@pytest.mark.requirement("IU-C32")
def test_a_service_on_one_spot_machine_is_found() -> None:
    market = [{"market_type": "spot", "spot_options": [{"max_price": "0.30"}]}]
    alone = resource(
        "aws_instance.frontend", {"instance_type": "t3.small", "instance_market_options": market, "user_data": "#"}
    )
    faulty = changed("image_understander", "prod", add=[alone])
    assert finds("spot-without-fallback", faulty, "one zone") and finds("spot-price-set", faulty)
    for rule in ("spot-without-fallback", "spot-price-set"):
        assert not found(rule, system("image_understander", "prod"))
