"""The definition against the requirement rows: settings, data, secrets, containers and monitoring."""

from __future__ import annotations

import json

import pytest
from pa_support.defined import FOLDER, graph

from groundsill import GroundsillError
from groundsill.definition.running import load_system
from groundsill.graph import ContainerImage
from groundsill.terraform.bootstrap import Wish
from groundsill.terraform.bootstrap import configuration as bootstrap_configuration
from groundsill.terraform.synth import synthesize
from groundsill.testing import Defined

STAGE_NAMES = ("dev", "stage", "prod")
ALL = {name: Defined(graph(name)) for name in STAGE_NAMES}
DEV, PROD = ALL["dev"], ALL["prod"]
STAGES = pytest.mark.parametrize("stage", list(ALL.values()), ids=STAGE_NAMES)
SERVICES = pytest.mark.parametrize(("service", "port"), [("backend", 3001), ("frontend", 3000)])
DOMAINS = {DEV: "parrot.example", ALL["stage"]: "stage.parrot.example", PROD: "app.parrot.example"}


@pytest.mark.requirement("PA-R01", "PA-C39")
def test_inputs_have_the_stated_defaults_and_a_domain_must_be_given() -> None:
    system = load_system(FOLDER)
    assert (list(system.stages), system.region) == (["dev", "stage", "prod"], "us-east-1")
    assert system.settings is not None
    fields = system.settings.model_fields
    assert fields["root_domain"].is_required()
    assert {
        name: fields[name].default for name in ("region", "auth_only_mode", "cors_origins", "backend_desired_count")
    } == {"region": "us-east-1", "auth_only_mode": False, "cors_origins": [], "backend_desired_count": None}
    with pytest.raises(GroundsillError):
        graph("dev", root_domain="not a domain")
    assert DEV.all("aws_ecs_service")["backend"]["desired_count"] == 1
    assert graph("dev", backend_desired_count=3)["aws_ecs_service.backend"].arguments["desired_count"] == 3
    assert synthesize(DEV.graph)["terraform"]["required_version"] == ">= 1.11.0"


@STAGES
@pytest.mark.requirement("PA-R02")
def test_names_are_system_stage_and_resource_and_everything_is_tagged(stage: Defined) -> None:
    name = stage.graph.stage
    assert stage.one("aws_db_instance")["identifier"] == f"parrot-{name}-db"
    assert stage.one("aws_secretsmanager_secret")["name"] == f"parrot-{name}-app-env"
    for resource in stage.graph:
        tags = resource.arguments.get("tags")
        if tags is not None and not resource.data:
            assert {"System": "parrot", "Stage": name, "ManagedBy": "groundsill"}.items() <= tags.items()
    tagged = {"aws_vpc", "aws_lb", "aws_db_instance", "aws_ecs_service", "aws_ecs_cluster", "aws_secretsmanager_secret"}
    assert all("tags" in resource.arguments for resource in stage.graph.of_type(*tagged))


@pytest.mark.requirement("PA-R03", "PA-R04", "PA-C25", "PA-C26")
def test_the_state_is_kept_in_a_bucket_with_a_lock_file_and_no_table_is_needed() -> None:
    backend = {"s3": {"bucket": "state", "key": "parrot/dev", "region": "us-east-1", "encrypt": True, "use_lockfile": True}}
    configuration = synthesize(DEV.graph, backend=backend)
    assert configuration["terraform"]["backend"] == backend
    assert not DEV.all("aws_dynamodb_table")
    made = bootstrap_configuration(Wish("us-east-1"), "state")["resource"]
    assert made["aws_s3_bucket_versioning"]["state"]["versioning_configuration"] == {"status": "Enabled"}
    assert made["aws_s3_bucket_server_side_encryption_configuration"]["state"]["rule"]
    assert "aws_dynamodb_table" not in made


@pytest.mark.requirement("PA-R14", "PA-R18", "PA-C01", "PA-C35")
def test_redis_comes_only_when_a_setting_says_so_and_the_backend_alone_enters_it() -> None:
    assert not DEV.all("aws_elasticache_replication_group")
    on = Defined(graph("dev", redis=True))
    cache = on.one("aws_elasticache_replication_group")
    assert (cache["node_type"], cache["port"], cache["engine"]) == ("cache.t4g.micro", 6379, "redis")
    assert cache["transit_encryption_enabled"] and cache["at_rest_encryption_enabled"]
    assert on.one("aws_elasticache_subnet_group")["subnet_ids"] == [
        "${aws_subnet.main_private_a.id}",
        "${aws_subnet.main_private_b.id}",
    ]
    assert on.ingress("redis") == {("${aws_security_group.backend.id}", 6379)}
    assert {"REDIS_HOST", "REDIS_PORT", "REDIS_URL"} <= set(on.environment("backend"))
    assert "REDIS_URL" not in DEV.environment("backend")
    assert on.outputs["redis_endpoint"] == "${aws_elasticache_replication_group.redis.primary_endpoint_address}"


@STAGES
@pytest.mark.requirement("PA-R15")
def test_the_database_stands_in_the_private_subnets(stage: Defined) -> None:
    assert stage.one("aws_db_subnet_group")["subnet_ids"] == [
        "${aws_subnet.main_private_a.id}",
        "${aws_subnet.main_private_b.id}",
    ]


@STAGES
@pytest.mark.requirement("PA-R16", "PA-C04", "PA-C33", "PA-C34", "PA-C40", "PA-C05", "PA-S08", "PA-S13", "PA-C18")
def test_postgresql_is_private_encrypted_backed_up_and_protected_in_production(stage: Defined) -> None:
    database, production = stage.one("aws_db_instance"), stage is PROD
    assert (database["engine"], database["engine_version"], database["instance_class"]) == (
        "postgres",
        "17",
        "db.t4g.micro",
    )
    assert database["identifier"] == f"parrot-{stage.stage}-db"
    assert (database["allocated_storage"], database["storage_type"]) == (20, "gp3")
    assert (database["db_name"], database["username"], database["port"]) == ("parrot", "parrot_admin", 5432)
    assert (database["storage_encrypted"], database["publicly_accessible"], database["auto_minor_version_upgrade"]) == (
        True,
        False,
        True,
    )
    assert database["multi_az"] is database["deletion_protection"] is production
    assert database["skip_final_snapshot"] is not production
    assert database["backup_retention_period"] == (14 if production else 7)
    group = stage.one("aws_db_parameter_group")
    assert group["family"] == "postgres17"
    assert {item["name"]: item["value"] for item in group["parameter"]} == {"rds.force_ssl": "1"}
    assert stage.environment("backend")["DATABASE_SSLMODE"] == "verify-full"
    assert graph("dev", database_class="db.t4g.small")["aws_db_instance.db"].arguments["instance_class"] == "db.t4g.small"


@STAGES
@pytest.mark.requirement("PA-R17", "PA-R24", "PA-C16", "PA-C17", "PA-S11")
def test_rds_makes_keeps_and_changes_the_password_and_the_backend_reads_it_at_its_start(stage: Defined) -> None:
    database = stage.one("aws_db_instance")
    assert database["manage_master_user_password"] is True
    assert not {"password", "password_wo"} & set(database)
    assert not [resource for resource in stage.graph if resource.type.startswith("random_")]
    secret = "${aws_db_instance.db.master_user_secret[0].secret_arn}"
    assert {name: value for name, value in stage.environment("backend").items() if name.startswith("DATABASE_")} == {
        "DATABASE_HOST": "${aws_db_instance.db.address}",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": "parrot",
        "DATABASE_SECRET_ARN": secret,
        "DATABASE_SSLMODE": "verify-full",
        "DATABASE_POOL_SIZE": "5",
    }
    assert secret in stage.rights("backend")["secretsmanager:GetSecretValue"]
    assert stage.outputs["db_credentials_secret_arn"] == secret


@pytest.mark.requirement("PA-R19")
def test_a_read_replica_comes_only_when_a_setting_says_so() -> None:
    assert len(DEV.all("aws_db_instance")) == 1
    replica = Defined(graph("dev", database_replicas=1)).all("aws_db_instance")["db_replica_1"]
    assert replica["replicate_source_db"] == "${aws_db_instance.db.identifier}"


@STAGES
@pytest.mark.parametrize(
    "part",
    [
        pytest.param("backend", marks=pytest.mark.requirement("PA-R20")),
        pytest.param("frontend", marks=pytest.mark.requirement("PA-R21")),
    ],
)
@pytest.mark.requirement("PA-C09", "PA-C27", "PA-C28", "PA-S12", "PA-S16")
def test_a_repository_is_scanned_keeps_ten_images_and_what_was_deployed_and_no_tag_moves(stage: Defined, part: str) -> None:
    repository = stage.all("aws_ecr_repository")[f"{part}_image"]
    assert repository["name"] == f"parrot-{part}" + ("" if stage is DEV else f"-{stage.graph.stage}")
    assert repository["image_scanning_configuration"] == [{"scan_on_push": True}]
    assert repository["image_tag_mutability"] == "IMMUTABLE"
    released, rest = stage.all("aws_ecr_lifecycle_policy")[f"{part}_image"]["policy"]["rules"]
    assert (rest["selection"]["tagStatus"], rest["selection"]["countNumber"]) == ("any", 10)
    assert (released["selection"]["tagPrefixList"], released["rulePriority"]) == (["release-"], 1)


@pytest.mark.requirement("PA-R22", "PA-R23", "PA-C32")
def test_each_service_has_the_cluster_of_its_name_or_both_share_one() -> None:
    for name, stage in ALL.items():
        assert {key: item["name"] for key, item in stage.all("aws_ecs_cluster").items()} == {
            "backend_cluster": f"parrot-{name}-backend",
            "frontend_cluster": f"parrot-{name}-frontend",
        }
        for part in ("backend", "frontend"):
            assert stage.all("aws_ecs_service")[part]["cluster"] == f"${{aws_ecs_cluster.{part}_cluster.id}}"
    shared = Defined(graph("dev", one_cluster=True))
    assert {item["cluster"] for item in shared.all("aws_ecs_service").values()} == {"${aws_ecs_cluster.backend_cluster.id}"}


@STAGES
@pytest.mark.requirement("PA-R25", "PA-C15", "PA-S09", "PA-S11")
def test_token_keys_are_random_in_no_state_and_lifetimes_are_plain_settings(stage: Defined) -> None:
    version = stage.one("aws_secretsmanager_secret_version")
    assert "secret_string" not in version
    assert version["secret_string_wo"] == {
        key: f"${{ephemeral.aws_secretsmanager_random_password.app_env_{key}.random_password}}"
        for key in ("jwt_refresh_secret", "jwt_secret")
    }
    environment = stage.environment("backend")
    assert (environment["JWT_EXPIRATION"], environment["JWT_REFRESH_EXPIRATION"]) == ("15m", "7d")
    assert set(synthesize(stage.graph)["ephemeral"]["aws_secretsmanager_random_password"]) == {
        "app_env_jwt_secret",
        "app_env_jwt_refresh_secret",
    }


@pytest.mark.requirement("PA-R26", "PA-C16")
def test_the_password_is_changed_at_a_pace_of_ones_own_only_when_a_setting_says_so() -> None:
    assert not DEV.all("aws_secretsmanager_secret_rotation")
    rotation = Defined(graph("dev", rotate_password_days=30)).one("aws_secretsmanager_secret_rotation")
    assert rotation["rotation_rules"] == [{"automatically_after_days": 30}]
    assert rotation["secret_id"] == "${aws_db_instance.db.master_user_secret[0].secret_arn}"


@STAGES
@pytest.mark.requirement("PA-R27", "PA-C11", "PA-C14")
def test_a_task_of_the_backend_has_the_stated_size_port_and_environment(stage: Defined) -> None:
    task = stage.all("aws_ecs_task_definition")["backend"]
    assert (task["cpu"], task["memory"], task["requires_compatibilities"]) == ("256", "512", ["FARGATE"])
    (container,) = task["container_definitions"]
    assert (container["name"], container["portMappings"][0]["containerPort"]) == ("backend", 3001)
    environment = stage.environment("backend")
    domain = DOMAINS[stage]
    assert {
        name: environment[name]
        for name in (
            "NODE_ENV",
            "PORT",
            "API_PREFIX",
            "CORS_ORIGINS",
            "SEED_DB",
            "PRISMA_DB_PUSH_ON_START",
            "APP_SECRET_ARN",
        )
    } == {
        "NODE_ENV": "production",
        "PORT": "3001",
        "API_PREFIX": "api",
        "CORS_ORIGINS": f"https://{domain},https://www.{domain}",
        "SEED_DB": "true" if stage is DEV else "false",
        "PRISMA_DB_PUSH_ON_START": "false",
        "APP_SECRET_ARN": "${aws_secretsmanager_secret.app_env.arn}",
    }
    assert container["logConfiguration"]["logDriver"] == "awslogs"
    (image,) = [item for item in stage.graph.artifacts if isinstance(item, ContainerImage) and item.name == "backend-image"]
    assert image.target == "production"
    assert f"AS {image.target}" in (image.context / image.dockerfile).read_text()


@pytest.mark.requirement("PA-R27", "PA-C09")
@pytest.mark.parametrize(("size", "numbers"), [("medium", ("512", "1024")), ("large", ("1024", "2048"))])
def test_tasks_grow_by_a_setting_and_run_an_image_by_its_digest(size: str, numbers: tuple[str, str]) -> None:
    tasks = Defined(graph("dev", task_size=size)).all("aws_ecs_task_definition")
    assert {(tasks[name]["cpu"], tasks[name]["memory"]) for name in ("backend", "frontend")} == {numbers}
    assert tasks["backend"]["container_definitions"][0]["image"] == "${var.backend_image_image}"


@STAGES
@SERVICES
@pytest.mark.requirement("PA-R28", "PA-R30", "PA-C05", "PA-C06", "PA-C19", "PA-C29")
def test_a_service_rolls_without_a_gap_and_takes_shells_outside_production_alone(
    stage: Defined, service: str, port: int
) -> None:
    made, production = stage.all("aws_ecs_service")[service], stage is PROD
    assert made["name"] == f"parrot-{stage.graph.stage}-{service}"
    assert made["desired_count"] == (2 if production else 1)
    (network,) = made["network_configuration"]
    kind = "public" if stage is DEV else "private"
    assert network["subnets"] == [f"${{aws_subnet.main_{kind}_{letter}.id}}" for letter in "ab"]
    assert network["assign_public_ip"] is (stage is DEV)
    assert made["enable_execute_command"] is not production
    assert ("ssmmessages:OpenDataChannel" in stage.rights(service)) is not production
    assert (made["deployment_minimum_healthy_percent"], made["deployment_maximum_percent"]) == (100, 200)
    assert made["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}]
    assert made["health_check_grace_period_seconds"] == 60
    assert made["load_balancer"] == [
        {
            "target_group_arn": f"${{aws_lb_target_group.front_{service}.arn}}",
            "container_name": service,
            "container_port": port,
        }
    ]


@STAGES
@pytest.mark.requirement("PA-R29", "PA-C13", "PA-C14")
def test_a_task_of_the_frontend_is_told_where_the_api_is_and_no_secret(stage: Defined) -> None:
    task = stage.all("aws_ecs_task_definition")["frontend"]
    assert (task["cpu"], task["memory"]) == ("256", "512")
    assert stage.environment("frontend") == {
        "NODE_ENV": "production",
        "PORT": "3000",
        "NEXT_PUBLIC_API_BASE_URL": f"https://{DOMAINS[stage]}/api",
        "NEXT_PUBLIC_AUTH_ONLY_MODE": "false",
    }
    assert "secrets" not in task["container_definitions"][0]
    assert "secretsmanager:GetSecretValue" not in stage.rights("frontend")
    (image,) = [
        item for item in stage.graph.artifacts if isinstance(item, ContainerImage) and item.name == "frontend-image"
    ]
    assert image.target == "runner"
    closed = Defined(graph(stage.graph.stage, auth_only_mode=True))
    assert closed.environment("frontend")["NEXT_PUBLIC_AUTH_ONLY_MODE"] == "true"
    assert closed.environment("backend") == stage.environment("backend")


@STAGES
@SERVICES
@pytest.mark.requirement("PA-R40", "PA-C06", "PA-S11")
def test_fargate_may_pull_the_image_and_write_the_log_and_nothing_else(stage: Defined, service: str, port: int) -> None:
    statements = stage.statements(f"{service}_execution").values()
    assert sorted((sorted(actions), sorted(resources)) for actions, resources in statements) == [
        (
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [f"${{aws_ecr_repository.{service}_image.arn}}"],
        ),
        (["ecr:GetAuthorizationToken"], ["*"]),
        (["logs:CreateLogStream", "logs:PutLogEvents"], [f"${{aws_cloudwatch_log_group.{service}.arn}}:*"]),
    ]
    task = stage.all("aws_ecs_task_definition")[service]
    assert task["execution_role_arn"] == f"${{aws_iam_role.{service}_execution.arn}}"
    assert task["task_role_arn"] == f"${{aws_iam_role.{service}.arn}}"


@STAGES
@pytest.mark.parametrize(
    "service",
    [
        pytest.param("backend", marks=pytest.mark.requirement("PA-R41")),
        pytest.param("frontend", marks=pytest.mark.requirement("PA-R42")),
    ],
)
@pytest.mark.requirement("PA-S06")
def test_logs_are_kept_30_days(stage: Defined, service: str) -> None:
    group = stage.all("aws_cloudwatch_log_group")[service]
    assert (group["name"], group["retention_in_days"]) == (f"/aws/ecs/parrot-{stage.graph.stage}-{service}", 30)


@STAGES
@pytest.mark.requirement("PA-R43", "PA-C31", "PA-S07")
def test_refused_sign_ins_and_errors_are_counted_and_somebody_is_told(stage: Defined) -> None:
    filters = stage.all("aws_cloudwatch_log_metric_filter")
    assert filters["refused_sign_ins"]["log_group_name"] == "${aws_cloudwatch_log_group.backend.name}"
    assert filters["refused_sign_ins"]["pattern"] == '{ $.event = "authentication-failed" }'
    assert set(filters) == {"refused_sign_ins", "backend_errors", "frontend_errors"}
    alarms = stage.all("aws_cloudwatch_metric_alarm")
    watched = {alarm["metric_name"] for alarm in alarms.values() if "metric_name" in alarm}
    assert {"CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "UnHealthyHostCount"} <= watched
    assert all(alarm["alarm_actions"] for alarm in alarms.values())
    assert stage.all("aws_cloudwatch_dashboard")
    told = stage.all("aws_sns_topic_subscription")
    assert [item["endpoint"] for item in told.values()] == (["operators@parrot.example"] if stage is PROD else [])


@pytest.mark.requirement("PA-R44")
def test_services_scale_by_cpu_memory_and_requests_only_when_a_setting_says_so() -> None:
    assert not DEV.all("aws_appautoscaling_target")
    on = Defined(graph("dev", autoscaling=True))
    target = on.all("aws_appautoscaling_target")["backend"]
    assert (target["min_capacity"], target["max_capacity"]) == (1, 4)
    metrics = {
        policy["target_tracking_scaling_policy_configuration"][0]["predefined_metric_specification"][0][
            "predefined_metric_type"
        ]
        for policy in on.all("aws_appautoscaling_policy").values()
    }
    assert metrics == {"ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", "ALBRequestCountPerTarget"}
    assert "${aws_lb.front.arn_suffix}/${aws_lb_target_group.front_backend.arn_suffix}" in json.dumps(
        on.all("aws_appautoscaling_policy")
    )


@STAGES
@pytest.mark.requirement("PA-R48")
def test_a_budget_tells_before_the_month_is_over(stage: Defined) -> None:
    budget = stage.one("aws_budgets_budget")
    limit = {"dev": 120, "stage": 160, "prod": 200}[stage.stage]
    assert (float(budget["limit_amount"]), budget["time_unit"]) == (limit, "MONTHLY")
    assert budget["notification"]


@STAGES
@pytest.mark.requirement("PA-R49", "PA-C37")
def test_outputs_hold_all_that_the_operators_commands_need(stage: Defined) -> None:
    assert set(stage.outputs) == {
        "vpc_id",
        "public_subnet_ids",
        "private_subnet_ids",
        "db_endpoint",
        "db_port",
        "db_credentials_secret_arn",
        "ecr_repositories",
        "alb_dns_name",
        "route53_nameservers",
        "ecs_backend_cluster_id",
        "ecs_backend_service_name",
        "backend_target_group_arn",
        "ecs_frontend_cluster_id",
        "ecs_frontend_service_name",
        "frontend_target_group_arn",
    }
    assert stage.outputs["ecr_repositories"] == {
        part: f"${{aws_ecr_repository.{part}_image.repository_url}}" for part in ("backend", "frontend")
    }


@pytest.mark.requirement("PA-R50", "PA-C26", "PA-C27")
def test_every_stage_comes_from_one_definition_and_is_one_root_with_its_own_backend() -> None:
    roots = {name: synthesize(stage.graph, backend={"s3": {"key": f"parrot/{name}"}}) for name, stage in ALL.items()}
    for name, root in roots.items():
        assert root["terraform"]["backend"]["s3"]["key"] == f"parrot/{name}"
        assert root["provider"]["aws"] == [{"region": "us-east-1"}]
        assert root["terraform"]["required_providers"]["aws"]["version"]
    assert set(roots["stage"]["resource"]["aws_db_instance"]) == set(roots["dev"]["resource"]["aws_db_instance"])
