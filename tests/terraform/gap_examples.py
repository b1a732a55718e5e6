"""The least of each type that is on the list of gaps (and what it needs), by which the list is kept true.

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
    "aws_iam_role.gap": {"name": "gap", **ROLE},
    "aws_cloudwatch_log_group.gap": {"name": "aws-waf-logs-gap"},
    "aws_backup_vault.gap": {"name": "gap"},
    "aws_wafv2_web_acl.gap": {
        "name": "gap", "scope": "REGIONAL", "default_action": [{"allow": [{}]}],
        "visibility_config": [{"cloudwatch_metrics_enabled": False, "metric_name": "gap",
                               "sampled_requests_enabled": False}]},
    "aws_config_configuration_recorder.gap": {"name": "gap", "role_arn": _of("aws_iam_role.gap", "arn")},
    "aws_dynamodb_table.gap": {"name": "gap", "hash_key": "id", "billing_mode": "PROVISIONED", "read_capacity": 1,
                               "write_capacity": 1, "attribute": [{"name": "id", "type": "S"}]},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "aws_accessanalyzer_analyzer": {"analyzer_name": "gap"},
    "aws_api_gateway_api_key": {"name": "gap"},
    "aws_appautoscaling_target": {
        "service_namespace": "dynamodb", "resource_id": f"table/{_of('aws_dynamodb_table.gap', 'name')}",
        "scalable_dimension": "dynamodb:table:ReadCapacityUnits", "min_capacity": 1, "max_capacity": 2},
    "aws_backup_region_settings": {"resource_type_opt_in_preference": {"DynamoDB": True}},
    "aws_backup_restore_testing_plan": {
        "name": "gap", "schedule_expression": "cron(0 5 ? * SUN *)",
        "recovery_point_selection": [{"algorithm": "LATEST_WITHIN_WINDOW", "include_vaults": ["*"],
                                      "recovery_point_types": ["SNAPSHOT"]}]},
    "aws_backup_vault_lock_configuration": {"backup_vault_name": _of("aws_backup_vault.gap", "name"), "min_retention_days": 7},
    "aws_ce_anomaly_monitor": {"name": "gap", "monitor_type": "DIMENSIONAL", "monitor_dimension": "SERVICE"},
    "aws_ce_cost_allocation_tag": {"tag_key": "System", "status": "Active"},
    "aws_ce_cost_category": {"name": "gap", "rule_version": "CostCategoryExpression.v1",
                             "rule": [{"value": "gap", "rule": [{"dimension": [{
                                 "key": "LINKED_ACCOUNT_NAME", "values": ["gap"], "match_options": ["ENDS_WITH"]}]}]}]},
    "aws_cloudwatch_query_definition": {"name": "gap", "query_string": "fields @message"},
    "aws_config_config_rule": {"name": "gap", "source": [{"owner": "AWS", "source_identifier": "S3_BUCKET_VERSIONING_ENABLED"}],
                               "depends_on": ["aws_config_configuration_recorder.gap"]},
    "aws_dlm_lifecycle_policy": {
        "description": "gap", "execution_role_arn": _of("aws_iam_role.gap", "arn"), "state": "ENABLED",
        "policy_details": [{"resource_types": ["VOLUME"], "target_tags": {"a": "b"}, "schedule": [{
            "name": "gap", "create_rule": [{"interval": 24}], "retain_rule": [{"count": 1}]}]}]},
    "aws_guardduty_detector": {"enable": True},
    "aws_macie2_account": {},
    "aws_pinpointsmsvoicev2_configuration_set": {"name": "gap"},
    "aws_pinpointsmsvoicev2_opt_out_list": {"name": "gap"},
    "aws_pinpointsmsvoicev2_phone_number": {
        "iso_country_code": "US", "message_type": "TRANSACTIONAL", "number_capabilities": ["SMS"],
        "number_type": "TOLL_FREE"},
    "aws_securityhub_account": {},
    "aws_sns_sms_preferences": {"default_sms_type": "Transactional"},
    "aws_wafv2_web_acl_logging_configuration": {
        "log_destination_configs": [_of("aws_cloudwatch_log_group.gap", "arn")],
        "resource_arn": _of("aws_wafv2_web_acl.gap", "arn")},
    "aws_xray_encryption_config": {"type": "NONE"},
    "aws_xray_group": {"group_name": "gap", "filter_expression": "responsetime > 5"},
    "aws_xray_sampling_rule": {
        "rule_name": "gap", "priority": 9000, "version": 1, "reservoir_size": 1, "fixed_rate": 0.05, "url_path": "*",
        "host": "*", "http_method": "*", "service_type": "*", "service_name": "*", "resource_arn": "*"},
}
