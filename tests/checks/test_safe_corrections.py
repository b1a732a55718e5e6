"""Corrections of the five systems' documents: what the document said is caught, and what was made of it is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from groundsill.graph import Graph, JsonDocument

from .support import changed, finds, found, graph, resource, system

SYSTEM = {"OM": "open_metabolics", "AN": "ai_nutritionist", "IU": "image_understander", "MT": "multitask", "PA": "parrot"}


def in_block(**values: Any) -> Callable[[Any], Any]:
    """The first block with other values; None takes one away."""

    def change(blocks: Any) -> Any:
        first, *rest = blocks if isinstance(blocks, list) else [blocks or {}]
        return [{key: item for key, item in {**first, **values}.items() if item is not None}, *rest]

    return change


def container(**values: Any) -> Callable[[Any], Any]:
    """The container of a task definition with other values."""
    return lambda definition: JsonDocument([{**definition.content[0], **values}])


def variables(**values: str) -> Callable[[Any], Any]:
    """A function's environment with more variables."""
    return lambda blocks: [{"variables": {**blocks[0]["variables"], **values}}]


def container_variables(**values: str) -> Callable[[Any], Any]:
    """A container's environment with more variables."""

    def change(definition: Any) -> Any:
        first = copy.copy(definition.content[0])
        first["environment"] = [*first["environment"], *({"name": name, "value": value} for name, value in values.items())]
        return JsonDocument([first])

    return change


FORWARD = [{"type": "forward", "target_group_arn": "${aws_lb_target_group.front_energy_api.arn}"}]
OPEN_LISTENER = {"aws_lb_listener.front_http.default_action": FORWARD}
ONE_ROLE = "${aws_iam_role.save_raw_sensor_data.arn}"
WRITES_SECRET = """#!/bin/bash
aws secretsmanager get-secret-value --secret-id app --query SecretString --output text > /opt/backend/.env
"""

# Row, rule, stage, tier, what the document says, words of the finding.
ROWS: list[tuple[str, str, str, str | None, dict[str, Any], str]] = [
    # -- OpenMetabolics ------------------------------------------------------------------------------------------------
    ("OM-C03", "api-route-without-authorizer", "dev", None,
     {"aws_apigatewayv2_route.api_post_save_raw_sensor_data.authorization_type": "NONE",
      "aws_apigatewayv2_route.api_post_save_raw_sensor_data.authorizer_id": None}, "POST /save-raw-sensor-data"),
    ("OM-C07", "load-balancer-takes-clear-text", "prod", None, OPEN_LISTENER, "port 80"),
    ("OM-C08", "service-with-public-address", "prod", None,
     {"aws_ecs_service.energy_api.network_configuration": in_block(assign_public_ip=True)}, "true"),
    ("OM-C15", "role-shared-by-workloads", "dev", None,
     {f"aws_lambda_function.{name}.role": ONE_ROLE for name in ("get_user_profile", "manage_user_profile")}, "3 workloads"),
    ("OM-C19", "repository-tags-move", "prod", None, {"aws_ecr_repository.energy.image_tag_mutability": "MUTABLE"}, "MUTABLE"),
    ("OM-C19", "container-image-moves", "prod", None,
     {"aws_ecs_task_definition.energy_api.container_definitions":
      container(image="${aws_ecr_repository.energy.repository_url}:latest")}, "latest"),
    ("OM-C21", "client-sends-passwords", "prod", None,
     {"aws_cognito_user_pool_client.users_app.explicit_auth_flows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]},
     "ALLOW_USER_PASSWORD_AUTH"),
    ("OM-C21", "client-tells-who-is-a-user", "dev", None,
     {"aws_cognito_user_pool_client.users_app.prevent_user_existence_errors": None}, "not set"),
    ("OM-C22", "log-without-retention", "dev", None,
     {"aws_cloudwatch_log_group.save_raw_sensor_data.retention_in_days": None}, "retention_in_days"),
    ("OM-C25", "table-without-point-in-time-recovery", "prod", None,
     {"aws_dynamodb_table.user_profiles.point_in_time_recovery": None}, "point_in_time_recovery"),
    ("OM-C25", "table-without-deletion-protection", "prod", None,
     {"aws_dynamodb_table.user_profiles.deletion_protection_enabled": None}, "not set"),
    ("OM-C25", "data-without-own-key", "prod", "enterprise", {"aws_dynamodb_table.user_profiles.server_side_encryption": None},
     "kms_key_arn"),
    ("OM-C28", "container-port-needs-root", "dev", None,
     {"aws_ecs_task_definition.energy_api.container_definitions":
      container(portMappings=[{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}])}, "listens on 80"),
    # -- AI Nutritionist -----------------------------------------------------------------------------------------------
    ("AN-C09", "api-route-without-authorizer", "prod", None,
     {"aws_api_gateway_method.api_post_webhook_sms.api_key_required": True}, "an API key, which authenticates nobody"),
    ("AN-C17", "cache-without-standby", "prod", None,
     {"aws_elasticache_replication_group.cache.automatic_failover_enabled": False}, "automatic_failover_enabled"),
    ("AN-C17", "cache-takes-clear-text", "prod", None,
     {"aws_elasticache_replication_group.cache.transit_encryption_enabled": None}, "transit_encryption_enabled"),
    ("AN-C23", "secret-in-environment", "prod", None,
     {"aws_lambda_function.async_worker.environment": variables(TWILIO_AUTH_TOKEN="8f3a9c21b7d04e65a1c2d3e4f5061728")},
     "TWILIO_AUTH_TOKEN"),
    ("AN-C23", "secret-value-in-state", "prod", None,
     {"aws_secretsmanager_secret_version.stripe.secret_string": "${var.stripe_key}"}, "secret_string"),
    ("AN-C24", "firewall-cannot-protect-this-api", "prod", None,
     {"aws_wafv2_web_acl_association.api_rules_api.resource_arn": "${aws_apigatewayv2_stage.api.arn}"}, "aws_apigatewayv2_stage"),
    ("AN-C20", "key-without-rotation", "prod", None, {"aws_kms_key.data.enable_key_rotation": None}, "not set"),
    # -- ImageUnderstander ---------------------------------------------------------------------------------------------
    ("IU-C15", "volume-without-snapshots", "prod", None,
     {"aws_dlm_lifecycle_policy.chromadb.policy_details":
      in_block(target_tags={"Snapshots": "something-else"})}, "no lifecycle policy"),
    ("IU-C16", "secret-value-in-state", "prod", None,
     {"aws_secretsmanager_secret_version.app_secrets.secret_string": "${random_password.jwt.result}"}, "secret_string"),
    ("IU-C16", "database-password-in-state", "prod", None,
     {"aws_db_instance.db.password": "${random_password.db.result}", "aws_db_instance.db.manage_master_user_password": None},
     "`password` is given"),
    ("IU-C18", "secret-written-to-disk", "prod", None, {"aws_instance.llm.user_data": WRITES_SECRET}, "/opt/backend/.env"),
    ("IU-C25", "database-in-one-zone", "prod", None, {"aws_db_instance.db.multi_az": False}, "multi_az"),
    ("IU-C31", "load-balancer-pins-users-for-a-day", "prod", None,
     {"aws_lb_target_group.front_frontend.stickiness": [{"enabled": True, "type": "lb_cookie",
                                                         "cookie_duration": 86400}]}, "24 h"),
    ("IU-C32", "spot-with-a-price-limit", "prod", None,
     {"aws_instance.llm.instance_market_options": [{"market_type": "spot", "spot_options": [{"max_price": "0.5"}]}]},
     "max_price"),
    ("IU-C34", "load-balancer-tls-without-post-quantum", "prod", "enterprise",
     {"aws_lb_listener.front_https.ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}, "TLS13-1-2-2021-06"),
    ("IU-C36", "bucket-open-to-any-page", "prod", None,
     {"aws_s3_bucket_cors_configuration.uploads.cors_rule": in_block(allowed_origins=["*"])}, "allowed_origins"),
    # -- Multitask -----------------------------------------------------------------------------------------------------
    ("MT-C04", "role-shared-by-workloads", "prod", None,
     {f"aws_lambda_function.{name}_lambda.role": "${aws_iam_role.auth_lambda.arn}" for name in ("profile", "chat", "posts")},
     "4 workloads"),
    ("MT-C19", "alarm-counts-the-whole-account", "prod", None,
     {"aws_cloudwatch_metric_alarm.auth_lambda_errors.dimensions": None}, "AWS/Lambda"),
    ("MT-C21", "firewall-cannot-protect-this-api", "prod", None,
     {"aws_wafv2_web_acl_association.multitask_waf_multitask_api.resource_arn":
      "${aws_apigatewayv2_stage.multitask_sockets.arn}"},
     "multitask_sockets"),
    ("MT-C22", "bucket-archives-what-it-serves", "prod", None,
     {"aws_s3_bucket_lifecycle_configuration.profile_avatars_bucket.rule": [
         {"id": "archive", "status": "Enabled", "transition": [{"days": 90, "storage_class": "GLACIER"}],
          "expiration": [{"days": 2555}]}]}, "GLACIER"),
    ("MT-C23", "secret-in-environment", "prod", None,
     {"aws_lambda_function.ai_lambda.environment": variables(OPENAI_API_KEY="k9Xw2pQz7Lm4Vb8Nc1Rt6Ys3")}, "OPENAI_API_KEY"),
    ("MT-C23", "secret-in-parameter", "prod", None, {"aws_ssm_parameter.rds_password.value": "Tr0ub4dor-and-3"}, "rds-password"),
    ("MT-C24", "secret-in-environment", "prod", None,
     {"aws_lambda_function.auth_lambda.environment": variables(JWT_SECRET="multitask-signing-key-2024")}, "JWT_SECRET"),
    ("MT-C25", "api-route-without-authorizer", "prod", None,
     {"aws_api_gateway_method.multitask_api_any_v1_posts_proxy.authorization": "NONE"}, "ANY .../{proxy+}"),
    ("MT-C31", "bucket-deleted-with-its-objects", "prod", None,
     {"aws_s3_bucket.platform_backups_bucket.force_destroy": True}, "force_destroy"),
    ("MT-C31", "database-without-deletion-protection", "prod", None,
     {"aws_rds_cluster.catalog_database.deletion_protection": False}, "deletion_protection"),
    ("MT-C31", "database-without-final-snapshot", "prod", None,
     {"aws_rds_cluster.catalog_database.skip_final_snapshot": True}, "skip_final_snapshot"),
    ("MT-C38", "table-without-point-in-time-recovery", "prod", None,
     {"aws_dynamodb_table.chat_messages.point_in_time_recovery": [{"enabled": False}]}, "enabled"),
    ("MT-C39", "function-without-tracing", "prod", None,
     {"aws_lambda_function.posts_lambda.tracing_config": [{"mode": "PassThrough"}]}, "PassThrough"),
    ("MT-C44", "api-has-a-second-way-in", "prod", "enterprise",
     {"aws_api_gateway_rest_api.multitask_api.disable_execute_api_endpoint": None}, "a domain is mapped"),
    # -- Parrot --------------------------------------------------------------------------------------------------------
    ("PA-C01", "security-group-wider-than-network", "dev", None,
     {"aws_vpc_security_group_ingress_rule.backend_to_db.referenced_security_group_id": None,
      "aws_vpc_security_group_ingress_rule.backend_to_db.cidr_ipv4": "10.10.0.0/16"}, "256 times as large"),
    ("PA-C05", "database-in-one-zone", "prod", None, {"aws_db_instance.db.multi_az": False}, "multi_az"),
    ("PA-C06", "service-with-shell-in-production", "prod", None,
     {"aws_ecs_service.backend.enable_execute_command": True}, "true"),
    ("PA-C09", "repository-tags-move", "prod", None, {"aws_ecr_repository.backend_image.image_tag_mutability": None}, "not set"),
    ("PA-C09", "container-image-moves", "prod", None,
     {"aws_ecs_task_definition.backend.container_definitions":
      container(image="${aws_ecr_repository.backend_image.repository_url}:latest")}, "latest"),
    ("PA-C11", "development-switch-in-production", "prod", None,
     {"aws_ecs_task_definition.backend.container_definitions": container_variables(SEED_DB="true")}, "SEED_DB"),
    ("PA-C14", "secret-stale-after-rotation", "prod", None,
     {"aws_ecs_task_definition.frontend.container_definitions": container(secrets=[
         {"name": "DATABASE_PASSWORD", "valueFrom": "${aws_db_instance.db.master_user_secret}"}])}, "DATABASE_PASSWORD"),
    ("PA-C15", "setting-hidden-in-a-secret", "prod", None,
     {"aws_secretsmanager_secret_version.app_env.secret_string_wo": JsonDocument({
         "jwt_secret": "${var.jwt_secret}", "jwt_expiration": "15m", "jwt_refresh_expiration": "7d"})}, "jwt_expiration"),
    ("PA-C16", "secret-in-environment", "prod", None,
     {"aws_ecs_task_definition.backend.container_definitions": container_variables(
         DATABASE_URL="postgresql://parrot_admin:Xk29dLq8@db.parrot.example:5432/parrot")}, "a password in an address"),
    ("PA-C17", "secret-in-environment", "prod", None,
     {"aws_ecs_task_definition.backend.container_definitions": container_variables(
         DATABASE_URL="postgresql://parrot_admin:${random_password.db.result}@${aws_db_instance.db.address}:5432/parrot")},
     "a password in an address"),
    ("PA-C18", "database-takes-clear-text", "prod", None,
     {"aws_db_parameter_group.db.parameter": [{"name": "rds.force_ssl", "value": "0"}]}, "rds.force_ssl"),
    ("PA-C19", "service-with-public-address", "prod", None,
     {"aws_ecs_service.backend.network_configuration": in_block(assign_public_ip=True)}, "true"),
    ("PA-C20", "security-group-shared-by-services", "prod", None,
     {"aws_ecs_service.frontend.network_configuration":
      in_block(security_groups=["${aws_security_group.backend.id}"])}, "3000, 3001"),
    ("PA-C22", "load-balancer-answers-any-host", "prod", None,
     {"aws_lb_listener.front_https.default_action":
      [{"type": "forward", "target_group_arn": "${aws_lb_target_group.front_frontend.arn}"}]}, "forwarded"),
    ("PA-C24", "load-balancer-old-tls", "prod", None, {"aws_lb_listener.front_https.ssl_policy": None}, "not set"),
    ("PA-C28", "repository-forgets-what-runs", "prod", None,
     {"aws_ecr_lifecycle_policy.backend_image.policy": JsonDocument({"rules": [{
         "rulePriority": 1, "action": {"type": "expire"},
         "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}}]})}, "10 images"),
    ("PA-C27", "repository-forgets-what-runs", "stage", None,
     {"aws_ecr_lifecycle_policy.frontend_image.policy": JsonDocument({"rules": [{
         "rulePriority": 1, "action": {"type": "expire"},
         "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}}]})}, "10 images"),
    ("PA-C34", "database-without-final-snapshot", "prod", None, {"aws_db_instance.db.skip_final_snapshot": True}, "true"),
    ("PA-C34", "database-without-deletion-protection", "prod", None, {"aws_db_instance.db.deletion_protection": None}, "not set"),
    ("PA-C34", "database-minor-upgrades-off", "prod", None, {"aws_db_instance.db.auto_minor_version_upgrade": False}, "false"),
    ("PA-C40", "database-backup-too-short", "prod", None, {"aws_db_instance.db.backup_retention_period": 1}, "1 days"),
    ("PA-C05", "database-backup-too-short", "prod", None, {"aws_db_instance.db.backup_retention_period": 1}, "1 days"),
]


@pytest.mark.parametrize(
    ("row", "rule", "stage", "tier", "changes", "words"),
    [pytest.param(*item, marks=pytest.mark.requirement(item[0]), id=f"{item[0]} {item[1]}") for item in ROWS],
)
def test_what_the_document_says_is_caught(
    row: str, rule: str, stage: str, tier: str | None, changes: dict[str, Any], words: str,
) -> None:
    name = SYSTEM[row[:2]]
    assert finds(rule, changed(name, stage, changes, tier=tier), words)
    assert not found(rule, system(name, stage, tier))


def with_more(name: str, stage: str, *added: Any, **more: Any) -> Graph:
    return changed(name, stage, add=added, **more)


@pytest.mark.requirement("OM-C16")
def test_a_user_with_a_standing_key_is_caught() -> None:
    user = resource("aws_iam_user.deployer", {"name": "deployer"})
    key = resource("aws_iam_access_key.deployer", {"user": "${aws_iam_user.deployer.name}"})
    assert finds("user-with-a-standing-key", with_more("open_metabolics", "prod", user, key), "access key")
    assert not found("user-with-a-standing-key", system("open_metabolics", "prod"))


@pytest.mark.requirement("OM-C22")
def test_a_log_that_lambda_makes_by_itself_is_caught() -> None:
    given = changed("open_metabolics", "dev", {"aws_lambda_function.save_raw_sensor_data.logging_config": None},
                    without=["aws_cloudwatch_log_group.save_raw_sensor_data"])
    assert finds("function-log-made-by-itself", given, "/aws/lambda/save-raw-sensor-data")
    assert not found("function-log-made-by-itself", system("open_metabolics", "dev"))


@pytest.mark.requirement("AN-C10")
def test_an_alarm_on_attacks_without_shield_advanced_is_caught() -> None:
    alarm = resource("aws_cloudwatch_metric_alarm.ddos", {
        "alarm_name": "ddos", "namespace": "AWS/DDoSProtection", "metric_name": "DDoSDetected", "comparison_operator": "x",
        "evaluation_periods": 1, "alarm_actions": ["${aws_sns_topic.alerts_critical.arn}"]})
    assert finds("alarm-that-never-sounds", with_more("ai_nutritionist", "prod", alarm), "Shield")
    assert not found("alarm-that-never-sounds", system("ai_nutritionist", "prod"))


@pytest.mark.requirement("IU-C08")
def test_a_bucket_for_the_state_made_without_anything_is_caught() -> None:
    bare = graph({"aws_s3_bucket.state": {"bucket": "terraform-state"}})
    for rule in ("bucket-public-block-missing", "bucket-takes-clear-text", "bucket-without-versions", "bucket-without-access-log",
                 "bucket-without-own-key"):
        assert finds(rule, bare), rule
        assert not found(rule, system("image_understander", "prod", "enterprise")), rule


@pytest.mark.requirement("IU-C04")
def test_one_spot_machine_behind_a_load_balancer_is_caught() -> None:
    machine = resource("aws_instance.frontend", {"ami": "ami-1", "instance_market_options": [{"market_type": "spot"}]})
    attached = resource("aws_lb_target_group_attachment.frontend", {
        "target_group_arn": "${aws_lb_target_group.front_frontend.arn}", "target_id": "${aws_instance.frontend.id}"})
    assert finds("web-tier-on-spot-alone", with_more("image_understander", "prod", machine, attached), "one spot machine")
    assert not found("web-tier-on-spot-alone", system("image_understander", "prod"))


@pytest.mark.requirement("IU-C30")
def test_a_model_service_that_reaches_the_database_is_caught() -> None:
    way = resource("aws_vpc_security_group_ingress_rule.llm_to_db", {
        "security_group_id": "${aws_security_group.db.id}", "ip_protocol": "tcp", "from_port": 3306, "to_port": 3306,
        "referenced_security_group_id": "${aws_security_group.llm.id}", "description": "From llm"}, component="db")
    assert finds("database-open-to-a-stranger", with_more("image_understander", "prod", way), "llm")
    assert not found("database-open-to-a-stranger", system("image_understander", "prod"))
    used = system("image_understander", "prod", None, (("model_uses_database", True),))
    assert not found("database-open-to-a-stranger", used)


@pytest.mark.requirement("MT-C05")
def test_a_bucket_name_instead_of_an_arn_is_caught() -> None:
    policy = resource("aws_iam_role_policy.avatars", {"role": "${aws_iam_role.profile_lambda.id}", "policy": JsonDocument({
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["multitask-avatars/*"]}]})})
    assert finds("policy-resource-is-no-arn", with_more("multitask", "prod", policy), "multitask-avatars/*")
    assert not found("policy-resource-is-no-arn", system("multitask", "prod"))


@pytest.mark.requirement("MT-C16")
def test_a_budget_filter_of_the_wrong_form_is_caught() -> None:
    for wrong in ([{"name": "TagKey", "values": ["Project"]}], [{"name": "TagKeyValue", "values": ["multitask-platform"]}]):
        given = changed("multitask", "prod", {"aws_budgets_budget.multitask_budget.cost_filter": wrong})
        assert finds("budget-filter-matches-nothing", given)
    assert not found("budget-filter-matches-nothing", system("multitask", "prod"))


@pytest.mark.requirement("MT-C21")
def test_an_acl_without_an_association_is_caught() -> None:
    given = changed("multitask", "prod", without=["aws_wafv2_web_acl_association.multitask_waf_multitask_api"])
    assert finds("firewall-protects-nothing", given)
    assert not found("firewall-protects-nothing", system("multitask", "prod"))


@pytest.mark.requirement("MT-C28")
def test_any_origin_with_credentials_is_caught() -> None:
    given = graph({"aws_apigatewayv2_api.api": {
        "name": "api", "protocol_type": "HTTP",
        "cors_configuration": [{"allow_origins": ["*"], "allow_methods": ["ANY"], "allow_credentials": True}]}}, production=True)
    assert finds("api-cors-with-any-origin-and-credentials", given)
    assert finds("api-open-to-any-page", given)
    anybody = {"aws_api_gateway_integration_response.multitask_api_options_v1_auth.response_parameters": {
        "method.response.header.Access-Control-Allow-Origin": "'*'"}}
    assert finds("api-open-to-any-page", changed("multitask", "prod", anybody))
    assert not found("api-open-to-any-page", system("multitask", "prod"))


@pytest.mark.requirement("PA-C05")
@pytest.mark.requirement("PA-C31")
def test_production_without_an_alarm_is_caught() -> None:
    given = system("parrot", "prod")
    alarms = [item.address for item in given if item.type == "aws_cloudwatch_metric_alarm"]
    assert alarms
    assert finds("production-without-alarms", changed("parrot", "prod", without=alarms), "no alarm")
    assert not found("production-without-alarms", given)


@pytest.mark.requirement("PA-C19")
def test_a_task_that_the_world_reaches_is_caught() -> None:
    world = {"aws_vpc_security_group_ingress_rule.backend_from_front.referenced_security_group_id": None,
             "aws_vpc_security_group_ingress_rule.backend_from_front.cidr_ipv4": "0.0.0.0/0"}
    assert finds("workload-reachable-from-the-internet", changed("parrot", "dev", world), "port 3001")
    assert finds("security-group-open-to-the-world", changed("parrot", "dev", world), "port 3001")
    assert not found("workload-reachable-from-the-internet", system("parrot", "dev"))
    assert not found("security-group-open-to-the-world", system("parrot", "dev"))
