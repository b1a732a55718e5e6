"""Which actions Terraform certainly takes to make, change and delete a resource of a type.

`groundsill.aws.controls` says what a role needs that does everything with a type, also what few resources ever take. Here is
the part of it without which nothing goes: what is missing of this makes a deploy fail, so it can be told before.

Source: the operations that the AWS provider 5.100.0 calls for each type; the actions of each operation are those of the
Service Authorization Reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from groundsill.aws.controls import Control, controls_of

ARNS = Path(__file__).with_name("action_arns.json")
"""What each action names; written by ``scripts/generate_action_arns.py``."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Actions on one resource, without their service.

    Arguments:
        make: to create it and read it.
        change: to change it in place, where whatever changes takes the same; tags apart.
        end: to delete it.
    """

    make: tuple[str, ...]
    change: tuple[str, ...] = ()
    end: tuple[str, ...] = ()

    def of(self, action: str) -> tuple[str, ...]:
        """What an action of a plan takes: ``create``, ``update``, ``replace`` or ``destroy``; nothing for any other."""
        return {"create": self.make, "update": self.change, "replace": self.make + self.end, "destroy": self.end}.get(action, ())


def _calls(make: str, change: str = "", end: str = "") -> Calls:
    return Calls(tuple(make.split()), tuple(change.split()), tuple(end.split()))


_REST = _calls("POST GET", "PATCH", "DELETE")
_REST_PUT = _calls("PUT GET", "PATCH", "DELETE")
_ALARM = _calls("PutMetricAlarm DescribeAlarms", "PutMetricAlarm", "DeleteAlarms")
_INSTANCE = _calls("CreateDBInstance DescribeDBInstances", "ModifyDBInstance", "DeleteDBInstance")
_QUEUE_PART = _calls("SetQueueAttributes GetQueueAttributes", "SetQueueAttributes", "SetQueueAttributes")
_RECORD = _calls("ChangeResourceRecordSets ListResourceRecordSets", "ChangeResourceRecordSets", "ChangeResourceRecordSets")

CALLS: MappingProxyType[str, Calls] = MappingProxyType({
    "aws_acm_certificate": _calls("RequestCertificate DescribeCertificate", end="DeleteCertificate"),
    "aws_acm_certificate_validation": _calls("DescribeCertificate"),
    "aws_api_gateway_account": _calls("PATCH GET", "PATCH"),
    **dict.fromkeys((
        "aws_api_gateway_api_key", "aws_api_gateway_authorizer", "aws_api_gateway_base_path_mapping",
        "aws_api_gateway_deployment", "aws_api_gateway_domain_name", "aws_api_gateway_resource", "aws_api_gateway_rest_api",
        "aws_api_gateway_stage", "aws_api_gateway_usage_plan", "aws_api_gateway_usage_plan_key", "aws_apigatewayv2_api",
        "aws_apigatewayv2_api_mapping", "aws_apigatewayv2_authorizer", "aws_apigatewayv2_domain_name",
        "aws_apigatewayv2_integration", "aws_apigatewayv2_route", "aws_apigatewayv2_stage", "aws_apigatewayv2_vpc_link"), _REST),
    **dict.fromkeys((
        "aws_api_gateway_gateway_response", "aws_api_gateway_integration", "aws_api_gateway_integration_response",
        "aws_api_gateway_method", "aws_api_gateway_method_response"), _REST_PUT),
    "aws_api_gateway_method_settings": _calls("PATCH GET", "PATCH", "PATCH"),
    "aws_appautoscaling_policy": _calls("PutScalingPolicy DescribeScalingPolicies", "PutScalingPolicy", "DeleteScalingPolicy"),
    "aws_appautoscaling_target": _calls(
        "RegisterScalableTarget DescribeScalableTargets", "RegisterScalableTarget", "DeregisterScalableTarget"),
    "aws_autoscaling_group": _calls(
        "CreateAutoScalingGroup DescribeAutoScalingGroups", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup"),
    "aws_backup_plan": _calls("CreateBackupPlan GetBackupPlan", "UpdateBackupPlan", "DeleteBackupPlan"),
    "aws_backup_region_settings": _calls("UpdateRegionSettings DescribeRegionSettings", "UpdateRegionSettings"),
    "aws_backup_restore_testing_plan": _calls(
        "CreateRestoreTestingPlan GetRestoreTestingPlan", "UpdateRestoreTestingPlan", "DeleteRestoreTestingPlan"),
    "aws_backup_restore_testing_selection": _calls(
        "CreateRestoreTestingSelection GetRestoreTestingSelection", "UpdateRestoreTestingSelection",
        "DeleteRestoreTestingSelection"),
    "aws_backup_selection": _calls("CreateBackupSelection GetBackupSelection", end="DeleteBackupSelection"),
    "aws_backup_vault": _calls("CreateBackupVault DescribeBackupVault", end="DeleteBackupVault"),
    "aws_backup_vault_notifications": _calls(
        "PutBackupVaultNotifications GetBackupVaultNotifications", end="DeleteBackupVaultNotifications"),
    "aws_bedrock_guardrail": _calls("CreateGuardrail GetGuardrail", "UpdateGuardrail", "DeleteGuardrail"),
    "aws_bedrock_model_invocation_logging_configuration": _calls(
        "PutModelInvocationLoggingConfiguration GetModelInvocationLoggingConfiguration",
        "PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration"),
    "aws_budgets_budget": _calls("ModifyBudget ViewBudget", "ModifyBudget", "ModifyBudget"),
    "aws_ce_anomaly_monitor": _calls("CreateAnomalyMonitor GetAnomalyMonitors", "UpdateAnomalyMonitor", "DeleteAnomalyMonitor"),
    "aws_ce_anomaly_subscription": _calls(
        "CreateAnomalySubscription GetAnomalySubscriptions", "UpdateAnomalySubscription", "DeleteAnomalySubscription"),
    "aws_cloudfront_distribution": _calls("CreateDistribution GetDistribution", "UpdateDistribution", "DeleteDistribution"),
    "aws_cloudfront_function": _calls("CreateFunction DescribeFunction GetFunction", "UpdateFunction", "DeleteFunction"),
    "aws_cloudfront_monitoring_subscription": _calls(
        "CreateMonitoringSubscription GetMonitoringSubscription", end="DeleteMonitoringSubscription"),
    "aws_cloudfront_origin_access_control": _calls(
        "CreateOriginAccessControl GetOriginAccessControl", "UpdateOriginAccessControl", "DeleteOriginAccessControl"),
    "aws_cloudtrail": _calls("CreateTrail DescribeTrails StartLogging", "UpdateTrail", "DeleteTrail"),
    "aws_cloudwatch_composite_alarm": _calls("PutCompositeAlarm DescribeAlarms", "PutCompositeAlarm", "DeleteAlarms"),
    "aws_cloudwatch_dashboard": _calls("PutDashboard GetDashboard", "PutDashboard", "DeleteDashboards"),
    "aws_cloudwatch_event_archive": _calls("CreateArchive DescribeArchive", "UpdateArchive", "DeleteArchive"),
    "aws_cloudwatch_event_bus": _calls("CreateEventBus DescribeEventBus", end="DeleteEventBus"),
    "aws_cloudwatch_event_rule": _calls("PutRule DescribeRule", "PutRule", "DeleteRule"),
    "aws_cloudwatch_event_target": _calls("PutTargets ListTargetsByRule", "PutTargets", "RemoveTargets"),
    "aws_cloudwatch_log_group": _calls("CreateLogGroup DescribeLogGroups", end="DeleteLogGroup"),
    "aws_cloudwatch_log_metric_filter": _calls(
        "PutMetricFilter DescribeMetricFilters", "PutMetricFilter", "DeleteMetricFilter"),
    "aws_cloudwatch_metric_alarm": _ALARM,
    "aws_cloudwatch_query_definition": _calls(
        "PutQueryDefinition DescribeQueryDefinitions", "PutQueryDefinition", "DeleteQueryDefinition"),
    "aws_codedeploy_app": _calls("CreateApplication GetApplication", "UpdateApplication", "DeleteApplication"),
    "aws_codedeploy_deployment_group": _calls(
        "CreateDeploymentGroup GetDeploymentGroup", "UpdateDeploymentGroup", "DeleteDeploymentGroup"),
    "aws_cognito_user_pool": _calls("CreateUserPool DescribeUserPool", "UpdateUserPool", "DeleteUserPool"),
    "aws_cognito_user_pool_client": _calls(
        "CreateUserPoolClient DescribeUserPoolClient", "UpdateUserPoolClient", "DeleteUserPoolClient"),
    "aws_config_config_rule": _calls("PutConfigRule DescribeConfigRules", "PutConfigRule", "DeleteConfigRule"),
    "aws_config_configuration_recorder": _calls(
        "PutConfigurationRecorder DescribeConfigurationRecorders", "PutConfigurationRecorder", "DeleteConfigurationRecorder"),
    "aws_config_configuration_recorder_status": _calls(
        "StartConfigurationRecorder DescribeConfigurationRecorderStatus", end="StopConfigurationRecorder"),
    "aws_config_delivery_channel": _calls(
        "PutDeliveryChannel DescribeDeliveryChannels", "PutDeliveryChannel", "DeleteDeliveryChannel"),
    "aws_config_remediation_configuration": _calls(
        "PutRemediationConfigurations DescribeRemediationConfigurations", "PutRemediationConfigurations",
        "DeleteRemediationConfiguration"),
    "aws_db_instance": _INSTANCE,
    "aws_db_parameter_group": _calls(
        "CreateDBParameterGroup DescribeDBParameterGroups", "ModifyDBParameterGroup", "DeleteDBParameterGroup"),
    "aws_db_subnet_group": _calls("CreateDBSubnetGroup DescribeDBSubnetGroups", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup"),
    "aws_default_security_group": _calls(
        "DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress"),
    "aws_dlm_lifecycle_policy": _calls(
        "CreateLifecyclePolicy GetLifecyclePolicy", "UpdateLifecyclePolicy", "DeleteLifecyclePolicy"),
    "aws_dynamodb_table": _calls(
        "CreateTable DescribeTable DescribeContinuousBackups DescribeTimeToLive", end="DeleteTable"),
    "aws_ebs_volume": _calls("CreateVolume DescribeVolumes", "ModifyVolume", "DeleteVolume"),
    "aws_ecr_lifecycle_policy": _calls("PutLifecyclePolicy GetLifecyclePolicy", "PutLifecyclePolicy", "DeleteLifecyclePolicy"),
    "aws_ecr_repository": _calls("CreateRepository DescribeRepositories", end="DeleteRepository"),
    "aws_ecs_cluster": _calls("CreateCluster DescribeClusters", end="DeleteCluster"),
    "aws_ecs_service": _calls("CreateService DescribeServices", "UpdateService", "DeleteService"),
    "aws_ecs_task_definition": _calls("RegisterTaskDefinition DescribeTaskDefinition", end="DeregisterTaskDefinition"),
    "aws_eip": _calls("AllocateAddress DescribeAddresses", end="ReleaseAddress"),
    "aws_elasticache_parameter_group": _calls(
        "CreateCacheParameterGroup DescribeCacheParameterGroups", "ModifyCacheParameterGroup", "DeleteCacheParameterGroup"),
    "aws_elasticache_replication_group": _calls(
        "CreateReplicationGroup DescribeReplicationGroups", end="DeleteReplicationGroup"),
    "aws_elasticache_subnet_group": _calls(
        "CreateCacheSubnetGroup DescribeCacheSubnetGroups", "ModifyCacheSubnetGroup", "DeleteCacheSubnetGroup"),
    "aws_flow_log": _calls("CreateFlowLogs DescribeFlowLogs", end="DeleteFlowLogs"),
    "aws_guardduty_detector": _calls("CreateDetector GetDetector", "UpdateDetector", "DeleteDetector"),
    "aws_iam_instance_profile": _calls(
        "CreateInstanceProfile AddRoleToInstanceProfile GetInstanceProfile",
        end="RemoveRoleFromInstanceProfile DeleteInstanceProfile"),
    "aws_iam_openid_connect_provider": _calls(
        "CreateOpenIDConnectProvider GetOpenIDConnectProvider", end="DeleteOpenIDConnectProvider"),
    "aws_iam_policy": _calls("CreatePolicy GetPolicy GetPolicyVersion", "CreatePolicyVersion", "DeletePolicy"),
    "aws_iam_role": _calls("CreateRole GetRole", end="DeleteRole"),
    "aws_iam_role_policy": _calls("PutRolePolicy GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
    "aws_iam_role_policy_attachment": _calls("AttachRolePolicy ListAttachedRolePolicies", end="DetachRolePolicy"),
    "aws_instance": _calls("RunInstances DescribeInstances", end="TerminateInstances"),
    "aws_internet_gateway": _calls(
        "CreateInternetGateway AttachInternetGateway DescribeInternetGateways",
        end="DetachInternetGateway DeleteInternetGateway"),
    "aws_kms_alias": _calls("CreateAlias ListAliases", "UpdateAlias", "DeleteAlias"),
    "aws_kms_key": _calls("CreateKey DescribeKey GetKeyPolicy GetKeyRotationStatus", end="ScheduleKeyDeletion"),
    "aws_lambda_alias": _calls("CreateAlias GetAlias", "UpdateAlias", "DeleteAlias"),
    "aws_lambda_event_source_mapping": _calls(
        "CreateEventSourceMapping GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"),
    "aws_lambda_function": _calls("CreateFunction GetFunction", end="DeleteFunction"),
    "aws_lambda_function_event_invoke_config": _calls(
        "PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig"),
    "aws_lambda_invocation": _calls("InvokeFunction", "InvokeFunction"),
    "aws_lambda_permission": _calls("AddPermission GetPolicy", end="RemovePermission"),
    "aws_lambda_provisioned_concurrency_config": _calls(
        "PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig",
        "DeleteProvisionedConcurrencyConfig"),
    "aws_launch_template": _calls(
        "CreateLaunchTemplate DescribeLaunchTemplates DescribeLaunchTemplateVersions", "CreateLaunchTemplateVersion",
        "DeleteLaunchTemplate"),
    "aws_lb": _calls("CreateLoadBalancer DescribeLoadBalancers DescribeLoadBalancerAttributes ModifyLoadBalancerAttributes",
                     end="DeleteLoadBalancer"),
    "aws_lb_listener": _calls("CreateListener DescribeListeners", "ModifyListener", "DeleteListener"),
    "aws_lb_listener_rule": _calls("CreateRule DescribeRules", end="DeleteRule"),
    "aws_lb_target_group": _calls(
        "CreateTargetGroup DescribeTargetGroups DescribeTargetGroupAttributes", end="DeleteTargetGroup"),
    "aws_nat_gateway": _calls("CreateNatGateway DescribeNatGateways", end="DeleteNatGateway"),
    "aws_rds_cluster": _calls("CreateDBCluster DescribeDBClusters", "ModifyDBCluster", "DeleteDBCluster"),
    "aws_rds_cluster_instance": _INSTANCE,
    "aws_rds_cluster_parameter_group": _calls(
        "CreateDBClusterParameterGroup DescribeDBClusterParameterGroups", "ModifyDBClusterParameterGroup",
        "DeleteDBClusterParameterGroup"),
    "aws_route": _calls("CreateRoute DescribeRouteTables", "ReplaceRoute", "DeleteRoute"),
    "aws_route53_health_check": _calls("CreateHealthCheck GetHealthCheck", "UpdateHealthCheck", "DeleteHealthCheck"),
    "aws_route53_record": _RECORD,
    "aws_route53_zone": _calls("CreateHostedZone GetHostedZone", end="DeleteHostedZone"),
    "aws_route_table": _calls("CreateRouteTable DescribeRouteTables", end="DeleteRouteTable"),
    "aws_route_table_association": _calls(
        "AssociateRouteTable DescribeRouteTables", "ReplaceRouteTableAssociation", "DisassociateRouteTable"),
    "aws_s3_bucket": _calls("CreateBucket ListBucket", end="DeleteBucket"),
    "aws_s3_bucket_cors_configuration": _calls("PutBucketCORS GetBucketCORS", "PutBucketCORS", "PutBucketCORS"),
    "aws_s3_bucket_lifecycle_configuration": _calls(
        "PutLifecycleConfiguration GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"),
    "aws_s3_bucket_policy": _calls("PutBucketPolicy GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "aws_s3_bucket_public_access_block": _calls(
        "PutBucketPublicAccessBlock GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
    "aws_s3_bucket_server_side_encryption_configuration": _calls(
        "PutEncryptionConfiguration GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"),
    "aws_s3_bucket_versioning": _calls("PutBucketVersioning GetBucketVersioning", "PutBucketVersioning"),
    "aws_scheduler_schedule": _calls("CreateSchedule GetSchedule", "UpdateSchedule", "DeleteSchedule"),
    "aws_scheduler_schedule_group": _calls("CreateScheduleGroup GetScheduleGroup", end="DeleteScheduleGroup"),
    "aws_secretsmanager_secret": _calls("CreateSecret DescribeSecret GetResourcePolicy", end="DeleteSecret"),
    "aws_secretsmanager_secret_version": _calls("PutSecretValue"),
    "aws_security_group": _calls("CreateSecurityGroup DescribeSecurityGroups", end="DeleteSecurityGroup"),
    "aws_securityhub_account": _calls("EnableSecurityHub DescribeHub", end="DisableSecurityHub"),
    "aws_securityhub_standards_subscription": _calls("BatchEnableStandards GetEnabledStandards", end="BatchDisableStandards"),
    "aws_sesv2_email_identity": _calls("CreateEmailIdentity GetEmailIdentity", end="DeleteEmailIdentity"),
    "aws_sesv2_email_identity_policy": _calls(
        "CreateEmailIdentityPolicy GetEmailIdentityPolicies", "UpdateEmailIdentityPolicy", "DeleteEmailIdentityPolicy"),
    "aws_sns_topic": _calls("CreateTopic GetTopicAttributes", "SetTopicAttributes", "DeleteTopic"),
    "aws_sns_topic_policy": _calls("SetTopicAttributes GetTopicAttributes", "SetTopicAttributes", "SetTopicAttributes"),
    "aws_sns_topic_subscription": _calls("Subscribe GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe"),
    "aws_sqs_queue": _calls("CreateQueue GetQueueAttributes", "SetQueueAttributes", "DeleteQueue"),
    "aws_sqs_queue_policy": _QUEUE_PART,
    "aws_sqs_queue_redrive_allow_policy": _QUEUE_PART,
    "aws_ssm_document": _calls("CreateDocument DescribeDocument GetDocument", "UpdateDocument", "DeleteDocument"),
    "aws_ssm_parameter": _calls("PutParameter GetParameter DescribeParameters", "PutParameter", "DeleteParameter"),
    "aws_subnet": _calls("CreateSubnet DescribeSubnets", "ModifySubnetAttribute", "DeleteSubnet"),
    "aws_volume_attachment": _calls("AttachVolume DescribeVolumes", end="DetachVolume"),
    "aws_vpc": _calls("CreateVpc DescribeVpcs DescribeVpcAttribute", "ModifyVpcAttribute", "DeleteVpc"),
    "aws_vpc_endpoint": _calls("CreateVpcEndpoint DescribeVpcEndpoints", "ModifyVpcEndpoint", "DeleteVpcEndpoints"),
    "aws_vpc_peering_connection": _calls(
        "CreateVpcPeeringConnection DescribeVpcPeeringConnections", end="DeleteVpcPeeringConnection"),
    "aws_vpc_security_group_egress_rule": _calls(
        "AuthorizeSecurityGroupEgress DescribeSecurityGroupRules", "ModifySecurityGroupRules", "RevokeSecurityGroupEgress"),
    "aws_vpc_security_group_ingress_rule": _calls(
        "AuthorizeSecurityGroupIngress DescribeSecurityGroupRules", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress"),
    "aws_wafv2_web_acl": _calls("CreateWebACL GetWebACL", "UpdateWebACL", "DeleteWebACL"),
    "aws_wafv2_web_acl_association": _calls("AssociateWebACL GetWebACLForResource", end="DisassociateWebACL"),
    "aws_wafv2_web_acl_logging_configuration": _calls(
        "PutLoggingConfiguration GetLoggingConfiguration", "PutLoggingConfiguration", "DeleteLoggingConfiguration"),
    "aws_xray_group": _calls("CreateGroup GetGroup", "UpdateGroup", "DeleteGroup"),
    "aws_xray_sampling_rule": _calls("CreateSamplingRule GetSamplingRules", "UpdateSamplingRule", "DeleteSamplingRule"),
    "terraform_data": _calls("RunTask", "RunTask"),
})
"""By Terraform type."""

# Types that a deployer may only read: who could write policies could give itself every right. An administrator makes them.
_ADMINISTRATOR: MappingProxyType[str, Control] = MappingProxyType({
    "aws_iam_openid_connect_provider": Control("iam", (), "iam::{account}:oidc-provider/*"),
    "aws_iam_policy": Control("iam", (), "iam::{account}:policy/{name}"),
})
# A resource that is made from another one, for example a replica, is made by another operation.
_COPIES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({
    "aws_db_instance": ("replicate_source_db", "restore_to_point_in_time", "s3_import", "snapshot_identifier"),
    "aws_rds_cluster": ("replication_source_identifier", "restore_to_point_in_time", "s3_import", "snapshot_identifier"),
})


def control_of(type: str) -> Control | None:
    """Service, ARN and name of a type; None where the type is not known."""
    return _ADMINISTRATOR.get(type) or next(iter(controls_of(type)), None)


def actions_of(type: str, action: str, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """What an action of a plan takes of whoever applies it, with the service; nothing where the type is not known.

    Arguments:
        type: Terraform type.
        action: of a plan, for example ``create``.
        arguments: of the resource.

    Example:
        >>> actions_of("aws_sqs_queue", "create", {})
        ('sqs:CreateQueue', 'sqs:GetQueueAttributes')
    """
    calls, control = CALLS.get(type), control_of(type)
    if calls is None or control is None:
        return ()
    copied = any(arguments.get(name) for name in _COPIES.get(type, ()))
    return tuple(f"{control.service}:{name}" for name in calls.of(action) if not (copied and name.startswith("CreateDB")))


@cache
def arn_forms() -> Mapping[str, tuple[str, ...]]:
    """What each of these actions names, as ARNs after the partition; ``{name}`` is the resource's own name, ``{other}``
    whatever else stands in it. Actions that name nothing have none."""
    content: dict[str, list[str]] = json.loads(ARNS.read_text(encoding="utf-8"))["actions"]
    return MappingProxyType({action: tuple(forms) for action, forms in content.items()})
