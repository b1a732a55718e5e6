"""How Terraform is told of a resource that exists already: its import identifier, by type, and how it is found.

Source: section "Import" of each type's page in the AWS provider's documentation; the ARNs are those of the Service
Authorization Reference, "Resource types defined by ...".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType
from typing import Any

_BETWEEN = re.compile(r"[/:]")
_NO_VALUE = (None, "")


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a resource of one type from the others.

    Arguments:
        form: import identifier, with names of attributes in braces. ``{id}`` is the identifier that AWS gives,
            ``{account}``, ``{region}`` and ``{partition}`` are those of the deployment; ``{cluster/}`` is the last part of
            a path or an ARN.
        arn: service and beginning of the resource part of its ARN, for example ``ec2:vpc/``: it can be found by its tags
            where AWS gives the identifier. Empty where it cannot.
        whole: whether the whole ARN is the identifier; else what follows ``arn``.
        named: attribute whose value is part of the ARN, where there is one.
    """

    form: str = "{id}"
    arn: str = ""
    whole: bool = False
    named: str = ""

    @property
    def needs_id(self) -> bool:
        """Whether the identifier is known only to AWS until somebody has seen it."""
        return "{id}" in self.form

    def text(self, values: Mapping[str, Any], found_id: str = "") -> str | None:
        """The import identifier; None where a part of it is not known.

        Arguments:
            values: of attributes, and of ``account``, ``region`` and ``partition``.
            found_id: what AWS gave it, empty where that is not known.

        Example:
            >>> Identity("{cluster/}/{name}").text({"cluster": "arn:aws:ecs:us-east-1:1:cluster/shop", "name": "web"})
            'shop/web'
        """
        parts: list[str] = []
        for literal, name, _, _ in Formatter().parse(self.form):
            parts.append(literal)
            if name is None:
                continue
            value = found_id if name == "id" else values.get(name.removesuffix("/"))
            if value in _NO_VALUE or isinstance(value, dict | list):
                return None
            parts.append(str(value).rpartition("/")[2] if name.endswith("/") else str(value))
        return "".join(parts)

    def id_in(self, arn: str, values: Mapping[str, Any]) -> str | None:
        """The identifier in an ARN; None where the ARN is of another type or of another name.

        Example:
            >>> Identity(arn="ec2:vpc/").id_in("arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1", {})
            'vpc-1'
        """
        parts = arn.split(":", 5)
        service, _, beginning = self.arn.partition(":")
        if not self.arn or len(parts) != 6 or parts[2] != service or not parts[5].startswith(beginning):
            return None
        tail = parts[5].removeprefix(beginning)
        if self.named:
            name = str(values.get(self.named) or "")
            # A secret's ARN ends with its name, a hyphen and six characters: Secrets Manager User Guide.
            if not name or not (name in _BETWEEN.split(tail) or re.fullmatch(re.escape(name) + "-[A-Za-z0-9]{6}", tail)):
                return None
        elif not self.whole and "/" in tail:
            return None
        return arn if self.whole else tail


def _ec2(kind: str) -> Identity:
    return Identity(arn=f"ec2:{kind}/")


def _of(form: str) -> Identity:
    return Identity(form)


_LOAD_BALANCING = "elasticloadbalancing"

IDENTITIES: MappingProxyType[str, Identity] = MappingProxyType({
    "aws_acm_certificate": Identity(arn="acm:certificate/", whole=True),
    "aws_api_gateway_api_key": Identity(arn="apigateway:/apikeys/"),
    "aws_api_gateway_authorizer": _of("{rest_api_id}/{id}"),
    "aws_api_gateway_base_path_mapping": _of("{domain_name}/{base_path}"),
    "aws_api_gateway_deployment": _of("{rest_api_id}/{id}"),
    "aws_api_gateway_domain_name": _of("{domain_name}"),
    "aws_api_gateway_method": _of("{rest_api_id}/{resource_id}/{http_method}"),
    "aws_api_gateway_method_response": _of("{rest_api_id}/{resource_id}/{http_method}/{status_code}"),
    "aws_api_gateway_resource": _of("{rest_api_id}/{id}"),
    "aws_api_gateway_rest_api": Identity(arn="apigateway:/restapis/"),
    "aws_api_gateway_stage": _of("{rest_api_id}/{stage_name}"),
    "aws_api_gateway_usage_plan": Identity(arn="apigateway:/usageplans/"),
    "aws_api_gateway_usage_plan_key": _of("{usage_plan_id}/{key_id}"),
    "aws_apigatewayv2_api": Identity(arn="apigateway:/apis/"),
    "aws_apigatewayv2_api_mapping": _of("{id}/{domain_name}"),
    "aws_apigatewayv2_authorizer": _of("{api_id}/{id}"),
    "aws_apigatewayv2_domain_name": _of("{domain_name}"),
    "aws_apigatewayv2_integration": _of("{api_id}/{id}"),
    "aws_apigatewayv2_route": _of("{api_id}/{id}"),
    "aws_apigatewayv2_stage": _of("{api_id}/{name}"),
    "aws_apigatewayv2_vpc_link": Identity(arn="apigateway:/vpclinks/"),
    "aws_autoscaling_group": _of("{name}"),
    "aws_backup_plan": Identity(arn="backup:backup-plan:"),
    "aws_backup_restore_testing_plan": _of("{name}"),
    "aws_backup_restore_testing_selection": _of("{name}:{restore_testing_plan_name}"),
    "aws_backup_selection": _of("{plan_id}|{id}"),
    "aws_backup_vault": _of("{name}"),
    "aws_budgets_budget": _of("{account}:{name}"),
    "aws_ce_anomaly_monitor": Identity(arn="ce:anomalymonitor/", whole=True),
    "aws_ce_anomaly_subscription": Identity(arn="ce:anomalysubscription/", whole=True),
    "aws_cloudfront_distribution": Identity(arn="cloudfront:distribution/"),
    "aws_cloudfront_function": _of("{name}"),
    "aws_cloudwatch_event_archive": _of("{name}"),
    "aws_cloudwatch_event_bus": _of("{name}"),
    "aws_cloudfront_origin_access_control": Identity(),
    "aws_cloudwatch_log_group": _of("{name}"),
    "aws_cloudwatch_query_definition": _of("arn:{partition}:logs:{region}:{account}:query-definition:{id}"),
    "aws_codedeploy_app": _of("{name}"),
    "aws_codedeploy_deployment_group": _of("{app_name}:{deployment_group_name}"),
    "aws_cognito_user_pool": Identity(arn="cognito-idp:userpool/"),
    "aws_cognito_user_pool_client": _of("{user_pool_id}/{id}"),
    "aws_db_instance": _of("{identifier}"),
    "aws_db_parameter_group": _of("{name}"),
    "aws_db_subnet_group": _of("{name}"),
    "aws_dlm_lifecycle_policy": Identity(arn="dlm:policy/"),
    "aws_dynamodb_table": _of("{name}"),
    "aws_ebs_volume": _ec2("volume"),
    "aws_ecr_repository": _of("{name}"),
    "aws_ecs_cluster": _of("{name}"),
    "aws_ecs_service": _of("{cluster/}/{name}"),
    "aws_ecs_task_definition": Identity(arn="ecs:task-definition/", whole=True),
    "aws_eip": _ec2("elastic-ip"),
    "aws_elasticache_parameter_group": _of("{name}"),
    "aws_elasticache_replication_group": _of("{replication_group_id}"),
    "aws_elasticache_subnet_group": _of("{name}"),
    "aws_flow_log": _ec2("vpc-flow-log"),
    "aws_iam_instance_profile": _of("{name}"),
    "aws_iam_policy": _of("arn:{partition}:iam::{account}:policy{path}{name}"),
    "aws_iam_role": _of("{name}"),
    "aws_instance": _ec2("instance"),
    "aws_internet_gateway": _ec2("internet-gateway"),
    "aws_kms_alias": _of("{name}"),
    "aws_kms_key": Identity(arn="kms:key/"),
    "aws_lambda_alias": _of("{function_name}/{name}"),
    "aws_lambda_event_source_mapping": Identity(arn="lambda:event-source-mapping:"),
    "aws_lambda_function": _of("{function_name}"),
    "aws_lambda_permission": _of("{function_name}/{statement_id}"),
    "aws_launch_template": _ec2("launch-template"),
    "aws_lb": Identity(arn=f"{_LOAD_BALANCING}:loadbalancer/", whole=True, named="name"),
    "aws_lb_listener": Identity(arn=f"{_LOAD_BALANCING}:listener/", whole=True),
    "aws_lb_listener_rule": Identity(arn=f"{_LOAD_BALANCING}:listener-rule/", whole=True),
    "aws_lb_target_group": Identity(arn=f"{_LOAD_BALANCING}:targetgroup/", whole=True, named="name"),
    "aws_nat_gateway": _ec2("natgateway"),
    "aws_rds_cluster": _of("{cluster_identifier}"),
    "aws_rds_cluster_instance": _of("{identifier}"),
    "aws_rds_cluster_parameter_group": _of("{name}"),
    "aws_route": _of("{route_table_id}_{destination_cidr_block}"),
    "aws_route53_health_check": Identity(arn="route53:healthcheck/"),
    "aws_route53_record": _of("{zone_id}_{name}_{type}"),
    "aws_route53_zone": Identity(arn="route53:hostedzone/"),
    "aws_route_table": _ec2("route-table"),
    "aws_route_table_association": _of("{subnet_id}/{route_table_id}"),
    "aws_s3_bucket": _of("{bucket}"),
    "aws_scheduler_schedule": _of("{group_name}/{name}"),
    "aws_scheduler_schedule_group": _of("{name}"),
    "aws_secretsmanager_secret": Identity(arn="secretsmanager:secret:", whole=True, named="name"),
    "aws_security_group": _ec2("security-group"),
    "aws_sesv2_email_identity": _of("{email_identity}"),
    "aws_sesv2_email_identity_policy": _of("{email_identity}|{policy_name}"),
    "aws_sns_topic": Identity(arn="sns:", whole=True, named="name"),
    "aws_sns_topic_subscription": _of("{id}"),
    "aws_sqs_queue": _of("{id}"),
    "aws_ssm_document": _of("{name}"),
    "aws_ssm_parameter": _of("{name}"),
    "aws_subnet": _ec2("subnet"),
    "aws_vpc": _ec2("vpc"),
    "aws_vpc_endpoint": _ec2("vpc-endpoint"),
    "aws_vpc_security_group_egress_rule": _ec2("security-group-rule"),
    "aws_vpc_security_group_ingress_rule": _ec2("security-group-rule"),
    "aws_wafv2_web_acl": Identity("{id}/{name}/{scope}", arn="wafv2:regional/webacl/"),
    "aws_xray_group": Identity(arn="xray:group/", whole=True),
    "aws_xray_sampling_rule": _of("{rule_name}"),
})
"""By Terraform type. Of other types the identifier that AWS gave is tried."""

MADE_AGAIN = frozenset({
    "aws_acm_certificate_validation", "aws_api_gateway_account", "aws_api_gateway_gateway_response",
    "aws_api_gateway_integration", "aws_api_gateway_integration_response", "aws_api_gateway_method_settings",
    "aws_backup_vault_notifications", "aws_cloudfront_monitoring_subscription", "aws_cloudwatch_composite_alarm",
    "aws_cloudwatch_dashboard", "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_metric_filter", "aws_cloudwatch_metric_alarm", "aws_default_security_group",
    "aws_ecr_lifecycle_policy", "aws_iam_role_policy", "aws_iam_role_policy_attachment",
    "aws_lambda_function_event_invoke_config", "aws_lambda_invocation", "aws_lambda_provisioned_concurrency_config",
    "aws_s3_bucket_cors_configuration", "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning", "aws_secretsmanager_secret_version", "aws_sns_topic_policy",
    "aws_sns_topic_subscription", "aws_sqs_queue", "aws_sqs_queue_policy", "aws_sqs_queue_redrive_allow_policy",
    "aws_volume_attachment", "aws_wafv2_web_acl_association", "aws_wafv2_web_acl_logging_configuration", "terraform_data",
})
"""Types of which making one a second time sets the same thing again and makes no other, so that one whose identifier is
not known need not be found. Source: the API Reference of the operation that makes each ("Put", "Set", "Update",
"Attach"; CreateQueue and Subscribe return what exists)."""


def identity(type: str) -> Identity:
    """How a resource of a type is identified."""
    return IDENTITIES.get(type, Identity())
