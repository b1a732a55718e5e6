"""The least of each type that the AWS API keeps and does not run (``ground/aws_api/records/``), and what it needs.

``EXAMPLES`` has the resource of the type itself by Terraform type; ``NEEDED`` what some of them refer to.
"""

from __future__ import annotations

import json
from typing import Any

from groundsill.graph import Reference


def _of(address: str, attribute: str) -> Reference:
    return Reference(address, (attribute,))


ROLE = {
    "assume_role_policy": json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "config.amazonaws.com"}}],
    }),
}
NEEDED: dict[str, dict[str, Any]] = {
    "aws_iam_role.kept": {"name": "kept", **ROLE},
    "aws_cloudwatch_log_group.kept": {"name": "aws-waf-logs-kept"},
    "aws_backup_vault.kept": {"name": "kept"},
    "aws_wafv2_web_acl.kept": {
        "name": "kept", "scope": "REGIONAL", "default_action": [{"allow": [{}]}],
        "visibility_config": [{"cloudwatch_metrics_enabled": False, "metric_name": "kept",
                               "sampled_requests_enabled": False}]},
    "aws_config_configuration_recorder.kept": {"name": "kept", "role_arn": _of("aws_iam_role.kept", "arn")},
    "aws_s3_bucket.kept": {"bucket": "kept-config"},
    "aws_sns_topic.kept": {"name": "kept"},
    "aws_dynamodb_table.kept": {"name": "kept", "hash_key": "id", "billing_mode": "PROVISIONED", "read_capacity": 1,
                               "write_capacity": 1, "attribute": [{"name": "id", "type": "S"}]},
}
_SCALED = {name: _of("aws_appautoscaling_target.kept", name)
           for name in ("service_namespace", "resource_id", "scalable_dimension")}
EXAMPLES: dict[str, dict[str, Any]] = {
    "aws_accessanalyzer_analyzer": {"analyzer_name": "kept"},
    "aws_api_gateway_api_key": {"name": "kept"},
    "aws_appautoscaling_target": {
        "service_namespace": "dynamodb", "resource_id": f"table/{_of('aws_dynamodb_table.kept', 'name')}",
        "scalable_dimension": "dynamodb:table:ReadCapacityUnits", "min_capacity": 1, "max_capacity": 2},
    "aws_appautoscaling_policy": {
        **_SCALED, "name": "kept", "policy_type": "TargetTrackingScaling", "target_tracking_scaling_policy_configuration": [{
            "target_value": 70, "predefined_metric_specification": [{
                "predefined_metric_type": "DynamoDBReadCapacityUtilization"}]}]},
    "aws_appautoscaling_scheduled_action": {
        **_SCALED, "name": "kept", "schedule": "cron(0 8 * * ? *)",
        "scalable_target_action": [{"min_capacity": 1, "max_capacity": 3}]},
    "aws_backup_region_settings": {"resource_type_opt_in_preference": {"DynamoDB": True}},
    "aws_backup_restore_testing_plan": {
        "name": "kept", "schedule_expression": "cron(0 5 ? * SUN *)",
        "recovery_point_selection": [{"algorithm": "LATEST_WITHIN_WINDOW", "include_vaults": ["*"],
                                      "recovery_point_types": ["SNAPSHOT"]}]},
    "aws_backup_restore_testing_selection": {
        "name": "kept", "restore_testing_plan_name": _of("aws_backup_restore_testing_plan.kept", "name"),
        "protected_resource_type": "DynamoDB", "iam_role_arn": _of("aws_iam_role.kept", "arn"),
        "protected_resource_arns": [_of("aws_dynamodb_table.kept", "arn")], "validation_window_hours": 4},
    "aws_backup_vault_notifications": {
        "backup_vault_name": _of("aws_backup_vault.kept", "name"), "sns_topic_arn": _of("aws_sns_topic.kept", "arn"),
        "backup_vault_events": ["BACKUP_JOB_COMPLETED"]},
    "aws_backup_vault_policy": {
        "backup_vault_name": _of("aws_backup_vault.kept", "name"), "policy": json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Resource": "*",
                                                    "Action": "backup:DeleteRecoveryPoint"}]})},
    "aws_backup_vault_lock_configuration": {"backup_vault_name": _of("aws_backup_vault.kept", "name"), "min_retention_days": 7},
    "aws_ce_anomaly_monitor": {"name": "kept", "monitor_type": "DIMENSIONAL", "monitor_dimension": "SERVICE"},
    "aws_ce_anomaly_subscription": {
        "name": "kept", "frequency": "DAILY", "monitor_arn_list": [_of("aws_ce_anomaly_monitor.kept", "arn")],
        "subscriber": [{"type": "EMAIL", "address": "costs@shop.example"}], "threshold_expression": [{"dimension": [{
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "values": ["100"], "match_options": ["GREATER_THAN_OR_EQUAL"]}]}]},
    "aws_ce_cost_allocation_tag": {"tag_key": "System", "status": "Active"},
    "aws_ce_cost_category": {"name": "kept", "rule_version": "CostCategoryExpression.v1",
                             "rule": [{"value": "kept", "rule": [{"dimension": [{
                                 "key": "LINKED_ACCOUNT_NAME", "values": ["kept"], "match_options": ["ENDS_WITH"]}]}]}]},
    "aws_cloudwatch_query_definition": {"name": "kept", "query_string": "fields @message"},
    "aws_cloudtrail": {"name": "kept", "s3_bucket_name": _of("aws_s3_bucket.kept", "id"), "tags": {"System": "kept"}},
    "aws_codedeploy_app": {"name": "kept", "compute_platform": "Lambda"},
    "aws_codedeploy_deployment_group": {
        "app_name": _of("aws_codedeploy_app.kept", "name"), "deployment_group_name": "kept",
        "service_role_arn": _of("aws_iam_role.kept", "arn"),
        "deployment_config_name": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
        "deployment_style": [{"deployment_type": "BLUE_GREEN", "deployment_option": "WITH_TRAFFIC_CONTROL"}],
        "auto_rollback_configuration": [{"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}]},
    "aws_config_config_rule": {"name": "kept", "source": [{"owner": "AWS", "source_identifier": "S3_BUCKET_VERSIONING_ENABLED"}],
                               "depends_on": ["aws_config_configuration_recorder.kept"]},
    "aws_config_delivery_channel": {"name": "kept", "s3_bucket_name": _of("aws_s3_bucket.kept", "id"),
                                    "depends_on": ["aws_config_configuration_recorder.kept"]},
    "aws_config_remediation_configuration": {
        "config_rule_name": _of("aws_config_config_rule.kept", "name"), "target_type": "SSM_DOCUMENT",
        "target_id": "AWS-ConfigureS3BucketVersioning", "parameter": [
            {"name": "AutomationAssumeRole", "static_value": _of("aws_iam_role.kept", "arn")},
            {"name": "BucketName", "resource_value": "RESOURCE_ID"}]},
    "aws_dlm_lifecycle_policy": {
        "description": "kept", "execution_role_arn": _of("aws_iam_role.kept", "arn"), "state": "ENABLED",
        "policy_details": [{"resource_types": ["VOLUME"], "target_tags": {"a": "b"}, "schedule": [{
            "name": "kept", "create_rule": [{"interval": 24}], "retain_rule": [{"count": 1}]}]}]},
    "aws_guardduty_detector": {"enable": True},
    "aws_guardduty_detector_feature": {
        "detector_id": _of("aws_guardduty_detector.kept", "id"), "name": "S3_DATA_EVENTS", "status": "ENABLED"},
    "aws_macie2_account": {},
    "aws_pinpointsmsvoicev2_configuration_set": {"name": "kept"},
    "aws_pinpointsmsvoicev2_opt_out_list": {"name": "kept"},
    "aws_pinpointsmsvoicev2_phone_number": {
        "iso_country_code": "US", "message_type": "TRANSACTIONAL", "number_capabilities": ["SMS"],
        "number_type": "TOLL_FREE"},
    "aws_securityhub_account": {"enable_default_standards": False},
    "aws_securityhub_standards_subscription": {
        "standards_arn": "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0",
        "depends_on": ["aws_securityhub_account.kept"]},
    "aws_sns_sms_preferences": {"default_sms_type": "Transactional"},
    "aws_ssm_document": {
        "name": "kept", "document_type": "Command", "content": json.dumps({
            "schemaVersion": "2.2", "description": "kept", "parameters": {"name": {"type": "String", "default": "a"}},
            "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["true"]}}]})},
    "aws_wafv2_web_acl_logging_configuration": {
        "log_destination_configs": [_of("aws_cloudwatch_log_group.kept", "arn")],
        "resource_arn": _of("aws_wafv2_web_acl.kept", "arn")},
    "aws_xray_encryption_config": {"type": "NONE"},
    "aws_xray_group": {"group_name": "kept", "filter_expression": "responsetime > 5"},
    "aws_xray_sampling_rule": {
        "rule_name": "kept", "priority": 9000, "version": 1, "reservoir_size": 1, "fixed_rate": 0.05, "url_path": "*",
        "host": "*", "http_method": "*", "service_type": "*", "service_name": "*", "resource_arn": "*"},
}
