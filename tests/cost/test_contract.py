"""Every resource has an answer: a price, free with the reason, or unknown with the reason. Nothing is a silent zero."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.meters import every_service
from groundsill.cost.model import Answer
from groundsill.graph import Graph, Resource
from groundsill.testing import Definition

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ("open_metabolics", "ai_nutritionist", "image_understander", "multitask", "parrot")
STAGES = [
    (system, stage)
    for system, stages in {
        "open_metabolics": ("dev", "prod"),
        "ai_nutritionist": ("dev", "staging", "prod"),
        "parrot": ("dev", "stage", "prod"),
        "image_understander": ("dev", "staging", "prod"),
        "multitask": ("dev", "staging", "prod"),
    }.items()
    for stage in stages
]
# The 151 types that the five systems' requirements name, and the data source `aws_ami`; `aws_` left out.
TYPES = [
    name
    for line in (
        "eip flow_log internet_gateway nat_gateway route route_table route_table_association security_group subnet vpc",
        "vpc_endpoint vpc_peering_connection vpc_security_group_egress_rule vpc_security_group_ingress_rule acm_certificate",
        "acm_certificate_validation cloudfront_distribution cloudfront_origin_access_control lb lb_listener lb_listener_rule",
        "lb_target_group lb_target_group_attachment route53_health_check route53_record route53_zone api_gateway_api_key",
        "api_gateway_authorizer api_gateway_base_path_mapping api_gateway_deployment api_gateway_domain_name",
        "api_gateway_integration api_gateway_method api_gateway_method_settings api_gateway_resource api_gateway_rest_api",
        "api_gateway_stage api_gateway_usage_plan api_gateway_usage_plan_key apigatewayv2_api apigatewayv2_api_mapping",
        "apigatewayv2_authorizer apigatewayv2_domain_name apigatewayv2_integration apigatewayv2_route apigatewayv2_stage",
        "apigatewayv2_vpc_link wafv2_web_acl wafv2_web_acl_association wafv2_web_acl_logging_configuration",
        "cloudwatch_event_archive cloudwatch_event_bus cloudwatch_event_rule cloudwatch_event_target codedeploy_app",
        "codedeploy_deployment_group lambda_alias lambda_event_source_mapping lambda_function lambda_permission",
        "lambda_provisioned_concurrency_config scheduler_schedule scheduler_schedule_group appautoscaling_policy",
        "appautoscaling_target ecr_lifecycle_policy ecr_repository ecs_cluster ecs_service ecs_task_definition ami",
        "autoscaling_group dlm_lifecycle_policy ebs_volume ec2_fleet iam_instance_profile instance launch_template",
        "ssm_document volume_attachment db_instance db_parameter_group db_subnet_group dynamodb_table elasticache_cluster",
        "elasticache_parameter_group elasticache_replication_group elasticache_subnet_group rds_cluster rds_cluster_instance",
        "s3_bucket s3_bucket_cors_configuration s3_bucket_lifecycle_configuration s3_bucket_policy",
        "s3_bucket_public_access_block s3_bucket_server_side_encryption_configuration s3_bucket_versioning sns_topic",
        "sns_topic_policy sns_topic_subscription sqs_queue sqs_queue_policy sqs_queue_redrive_allow_policy bedrock_guardrail",
        "bedrock_model_invocation_logging_configuration cognito_user_pool cognito_user_pool_client iam_policy iam_role",
        "iam_role_policy iam_role_policy_attachment iam_user iam_user_policy_attachment kms_alias kms_key",
        "pinpointsmsvoicev2_configuration_set pinpointsmsvoicev2_opt_out_list pinpointsmsvoicev2_phone_number",
        "secretsmanager_secret secretsmanager_secret_rotation secretsmanager_secret_version sesv2_email_identity",
        "sesv2_email_identity_policy ssm_parameter cloudtrail config_config_rule config_configuration_recorder",
        "config_configuration_recorder_status config_delivery_channel config_remediation_configuration guardduty_detector",
        "securityhub_account securityhub_standards_subscription cloudwatch_composite_alarm cloudwatch_dashboard",
        "cloudwatch_log_group cloudwatch_log_metric_filter cloudwatch_metric_alarm cloudwatch_query_definition xray_group",
        "xray_sampling_rule backup_plan backup_region_settings backup_restore_testing_plan backup_restore_testing_selection",
        "backup_selection backup_vault backup_vault_notifications budgets_budget ce_anomaly_monitor ce_anomaly_subscription",
        "ce_cost_allocation_tag",
    )
    for name in line.split()
]
NO_METER = "there is no meter"


def answered(found: Estimate) -> None:
    """Every resource has a line; every line says what it must."""
    with_lines = {line.resource.address for line in found.lines}
    assert with_lines == {resource.address for resource in found.graph if not resource.data}
    for line in found.lines:
        where = f"{line.resource.address} {line.what}"
        assert NO_METER not in line.reason, where
        assert line.service, where
        if line.answer is Answer.PRICED:
            assert line.cost and line.price and line.quantity and line.formula and line.what, where
        elif line.answer is Answer.FREE:
            assert line.reason and line.cost and not line.cost.high, where
        else:
            assert line.reason and line.cost is None, where


def test_every_type_that_the_five_systems_name_has_an_answer_even_where_nothing_is_known_of_it() -> None:
    assert len(TYPES) == len(set(TYPES)) == 152
    graph = Graph("all")
    for name in TYPES:
        graph.add(Resource(f"aws_{name}", "x", {}))
    answered(estimate(graph))


@pytest.mark.parametrize(("system", "stage"), STAGES)
def test_every_resource_of_the_five_systems_has_an_answer(system: str, stage: str) -> None:
    folder = ROOT / "systems" / system
    for tier in (None, "basic", "standard", "enterprise"):
        answered(estimate(Definition(folder).graph(stage, tier=tier), traffic_file=folder / "traffic.toml"))


def test_the_accounts_security_services_have_answers_and_a_price() -> None:
    found = estimate(Definition(ROOT / "systems" / "ai_nutritionist" / "account").graph("prod"))
    answered(found)
    for service in ("Amazon GuardDuty", "AWS Security Hub", "AWS Config", "AWS KMS"):
        group = next(group for group in found.by("service") if group.name == service)
        assert group.cost.expected > 0 and group.cost.low < group.cost.high


def test_a_type_that_nobody_has_priced_is_unknown_and_never_free() -> None:
    graph = Graph("odd")
    graph.add(Resource("aws_redshift_cluster", "x", {}))
    (line,) = estimate(graph).lines
    assert line.answer is Answer.UNKNOWN and "no meter for aws_redshift_cluster" in line.reason


def test_no_type_is_both_free_and_priced_and_no_service_names_a_type_twice() -> None:
    seen: dict[str, str] = {}
    for service in every_service():
        own = [*service.meters, *service.free, *service.unpriced]
        assert len(own) == len(set(own)), service.name
        for type in own:
            assert type not in seen, f"{type}: {service.name}, {seen.get(type)}"
            seen[type] = service.name
    assert len(seen) > 300


def test_what_can_be_said_of_a_type_is_named_once_and_explained() -> None:
    for service in every_service():
        for type, parameters in service.parameters.items():
            names = [parameter.name for parameter in parameters]
            assert len(names) == len(set(names)), type
            for parameter in parameters:
                assert parameter.what and re.fullmatch(r"[a-z_]+", parameter.name), type
                if parameter.default:
                    assert 0 <= parameter.default.low <= parameter.default.expected <= parameter.default.high, (
                        type,
                        parameter.name,
                    )
