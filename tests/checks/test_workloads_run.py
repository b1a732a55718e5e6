"""Will it run? Images, roles, ports, networks, code and alarms of the systems, each with one fault put in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import ContainerImage, FunctionPackage, Graph

from .support import changed, finds, found, graph, json, ref, resource, system, unknown


def without_action(*actions: str) -> Any:
    """Takes actions out of a policy."""

    def narrowed(policy: Any) -> Any:
        kept = []
        for item in policy.content["Statement"]:
            left = [action for action in item["Action"] if action not in actions]
            if left:
                kept.append({**item, "Action": left})
        return json({**policy.content, "Statement": kept})

    return narrowed


def on_container(**changes: Any) -> Any:
    """Changes the first container of a task definition."""
    return lambda found: json([{**found.content[0], **changes}, *found.content[1:]])


def variables(**changes: Any) -> Any:
    """Changes variables of a function; None takes one away."""

    def changed_variables(environment: Any) -> Any:
        merged = {**environment[0]["variables"], **changes}
        return [{"variables": {name: item for name, item in merged.items() if item is not None}}]

    return changed_variables


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


@pytest.mark.parametrize(("rule", "faulty", "right", "words"), CASES)
def test_a_rule_finds_its_fault_and_nothing_else(
    rule: str, faulty: dict[str, Any], right: dict[str, Any], words: str
) -> None:
    wrong = graph(faulty)
    assert finds(rule, wrong, words), [item.detail for item in found(rule, wrong)]
    assert not found(rule, graph(right))


# -- containers --------------------------------------------------------------------------------------------------------


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
