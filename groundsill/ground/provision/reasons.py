"""What the ground does with each resource type: runs it, or only records it and says why."""

from __future__ import annotations

from types import MappingProxyType

_NETWORK = "processes on one machine share its network: routes and groups are checked in the graph, not enforced here"
_DNS = "names and certificates need the real internet"
_ACCOUNT = "it watches an AWS account, and there is none here"
_BILL = "nothing costs money here"
_CHARTS = "metrics are not collected here, so there is nothing to show"
_PHONE = "text messages need a phone number and a carrier"
_BACKUP = "the data folder of this machine is not backed up by AWS Backup"

# Types that the ground really runs, in its own processes or in the AWS API.
RUNS: frozenset[str] = frozenset({
    "aws_apigatewayv2_api", "aws_apigatewayv2_authorizer", "aws_apigatewayv2_integration", "aws_apigatewayv2_route",
    "aws_apigatewayv2_stage", "aws_apigatewayv2_vpc_link", "aws_cloudwatch_log_group", "aws_cognito_user_pool",
    "aws_cognito_user_pool_client", "aws_dynamodb_table", "aws_ecs_cluster", "aws_ecs_service",
    "aws_ecs_task_definition", "aws_iam_policy", "aws_iam_role", "aws_iam_role_policy",
    "aws_iam_role_policy_attachment", "aws_kms_alias", "aws_kms_key", "aws_lambda_function", "aws_lambda_permission",
    "aws_lb", "aws_lb_listener", "aws_lb_listener_rule", "aws_lb_target_group", "aws_sesv2_email_identity",
    "aws_sns_topic", "aws_sns_topic_subscription", "aws_sqs_queue", "aws_sqs_queue_redrive_allow_policy",
})

RECORDED_ONLY: MappingProxyType[str, str] = MappingProxyType({
    "aws_acm_certificate": _DNS,
    "aws_acm_certificate_validation": _DNS,
    "aws_appautoscaling_policy": "services keep their declared number of tasks here",
    "aws_appautoscaling_target": "services keep their declared number of tasks here",
    "aws_backup_plan": _BACKUP,
    "aws_backup_region_settings": _BACKUP,
    "aws_backup_restore_testing_plan": _BACKUP,
    "aws_backup_restore_testing_selection": _BACKUP,
    "aws_backup_selection": _BACKUP,
    "aws_backup_vault": _BACKUP,
    "aws_backup_vault_notifications": _BACKUP,
    "aws_bedrock_guardrail": "models are called from here as they are, without AWS's guard in front",
    "aws_bedrock_model_invocation_logging_configuration": _ACCOUNT,
    "aws_budgets_budget": _BILL,
    "aws_ce_anomaly_monitor": _BILL,
    "aws_ce_anomaly_subscription": _BILL,
    "aws_ce_cost_allocation_tag": _BILL,
    "aws_cloudfront_monitoring_subscription": _CHARTS,
    "aws_cloudtrail": _ACCOUNT,
    "aws_cloudwatch_composite_alarm": "metrics are not collected here, so no alarm can fire",
    "aws_cloudwatch_dashboard": _CHARTS,
    "aws_cloudwatch_log_metric_filter": _CHARTS,
    "aws_cloudwatch_metric_alarm": "metrics are not collected here, so no alarm can fire",
    "aws_cloudwatch_query_definition": "logs are read with `groundsill logs` here",
    "aws_config_config_rule": _ACCOUNT,
    "aws_config_configuration_recorder": _ACCOUNT,
    "aws_config_configuration_recorder_status": _ACCOUNT,
    "aws_config_delivery_channel": _ACCOUNT,
    "aws_config_remediation_configuration": _ACCOUNT,
    "aws_default_security_group": _NETWORK,
    "aws_ecr_lifecycle_policy": "services run from their folders here, so there are no images",
    "aws_ecr_repository": "services run from their folders here, so there are no images",
    "aws_eip": _NETWORK,
    "aws_flow_log": _NETWORK,
    "aws_guardduty_detector": _ACCOUNT,
    "aws_iam_openid_connect_provider": "nobody signs in to this machine through it",
    "aws_internet_gateway": _NETWORK,
    "aws_nat_gateway": _NETWORK,
    "aws_pinpointsmsvoicev2_configuration_set": _PHONE,
    "aws_pinpointsmsvoicev2_opt_out_list": _PHONE,
    "aws_pinpointsmsvoicev2_phone_number": _PHONE,
    "aws_route": _NETWORK,
    "aws_route53_record": _DNS,
    "aws_route_table": _NETWORK,
    "aws_route_table_association": _NETWORK,
    "aws_security_group": _NETWORK,
    "aws_securityhub_account": _ACCOUNT,
    "aws_securityhub_standards_subscription": _ACCOUNT,
    "aws_sesv2_email_identity_policy": "mail is captured here, whoever sends it",
    "aws_sns_topic_policy": "only the system's own roles reach its topics here",
    "aws_subnet": _NETWORK,
    "aws_vpc": _NETWORK,
    "aws_vpc_endpoint": _NETWORK,
    "aws_vpc_security_group_egress_rule": _NETWORK,
    "aws_vpc_security_group_ingress_rule": _NETWORK,
    "aws_wafv2_web_acl_logging_configuration": "what rules refuse is not logged here",
    "aws_xray_group": "traces are not collected here",
    "aws_xray_sampling_rule": "traces are not collected here",
})


def reason_not_run(type: str) -> str | None:
    """Why resources of a type are only recorded; None where the ground runs them."""
    if type in RUNS:
        return None
    return RECORDED_ONLY.get(type, "the ground cannot run this type yet")
