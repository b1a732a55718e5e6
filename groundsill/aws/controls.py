"""What it takes to create, read, change and delete each type of resource: the rights of the `Deployer`.

Which of these a certain change cannot do without is in `groundsill.aws.calls`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Control(NamedTuple):
    """What it takes to create, read, change and delete resources of some types.

    Source: Service Authorization Reference, the page of each service: actions with the resource types they name.

    Arguments:
        service: IAM service prefix.
        actions: actions on the resources, of the control plane but for a migration's call; a ``*`` at the end covers a
            family of names and never a data-plane action.
        arn: ARN after the partition, with ``{name}`` for the resource's name. Several where actions name several.
        unnamed: actions that AWS lets name no resource: most that list, and many that create.
        argument: the argument that holds the name, with a dot before a part of it.
        follows: whether it may refer to a resource that has the name. Else what refers to one is covered by that one's ARN.
    """

    service: str
    actions: tuple[str, ...]
    arn: str | tuple[str, ...]
    unnamed: tuple[str, ...] = ()
    argument: str = "name"
    follows: bool = False

    @property
    def arns(self) -> tuple[str, ...]:
        """The forms of ARN that the actions name."""
        return (self.arn,) if isinstance(self.arn, str) else self.arn


# Their endpoints are in one region, whichever region a system is in.
GLOBAL_SERVICES = ("budgets", "ce", "cloudfront", "iam", "route53")

_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
_NETWORK = Control("ec2", (
    "AllocateAddress", "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroup*",
    "AcceptVpcPeeringConnection", "CreateFlowLogs", "CreateInternetGateway", "CreateNatGateway", "CreateRoute",
    "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateTags", "CreateVpc", "CreateVpcEndpoint",
    "CreateVpcPeeringConnection", "DeleteFlowLogs", "DeleteInternetGateway", "DeleteNatGateway", "DeleteRoute",
    "DeleteRouteTable", "DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc", "DeleteVpcEndpoints",
    "DeleteVpcPeeringConnection", "DescribeVpcAttribute", "DetachInternetGateway", "DisassociateAddress",
    "DisassociateRouteTable", "ModifySecurityGroupRules", "ModifySubnetAttribute", "ModifyVpcAttribute",
    "ModifyVpcEndpoint", "ReleaseAddress", "ReplaceRoute", "ReplaceRouteTableAssociation", "RevokeSecurityGroup*",
    "UpdateSecurityGroupRuleDescriptions*",
), "ec2:{region}:{account}:*", (
    "DescribeAccountAttributes", "DescribeAddresses", "DescribeAddressesAttribute", "DescribeAvailabilityZones",
    "DescribeFlowLogs", "DescribeInternetGateways", "DescribeManagedPrefixLists", "DescribeNatGateways",
    "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribePrefixLists", "DescribeRouteTables",
    "DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets", "DescribeTags",
    "DescribeVpcEndpointServices", "DescribeVpcEndpoints", "DescribeVpcPeeringConnections", "DescribeVpcs",
))
_MACHINES = Control("ec2", (
    "AttachVolume", "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "CreateSnapshot", "CreateTags", "CreateVolume",
    "DeleteLaunchTemplate", "DeleteLaunchTemplateVersions", "DeleteTags", "DeleteVolume", "DescribeInstanceAttribute",
    "DetachVolume", "GetLaunchTemplateData", "ModifyInstanceAttribute", "ModifyInstanceMaintenanceOptions",
    "ModifyInstanceMetadataOptions", "ModifyLaunchTemplate", "ModifyVolume", "RunInstances", "StartInstances",
    "StopInstances", "TerminateInstances",
    # Images, and the snapshots behind them, belong to whoever made them.
), ("ec2:{region}:{account}:*", "ec2:{region}::image/*", "ec2:{region}::snapshot/*"), (
    "DescribeImages", "DescribeInstanceCreditSpecifications", "DescribeInstanceStatus",
    "DescribeInstanceTypes", "DescribeInstances", "DescribeLaunchTemplateVersions", "DescribeLaunchTemplates",
    "DescribeTags", "DescribeVolumeStatus", "DescribeVolumes", "DescribeVolumesModifications",
))
_DATABASES = Control("rds", (
    "AddTagsToResource", "CreateDB*", "DeleteDB*", "DescribeDB*", "DescribeGlobalClusters", "DescribePending*",
    "ListTagsForResource", "ModifyDB*", "RebootDBInstance", "RemoveTagsFromResource", "ResetDB*",
), "rds:{region}:{account}:*", ("DescribeDBEngineVersions", "DescribeOrderableDBInstanceOptions"))
_BALANCING = Control("elasticloadbalancing", (
    "AddTags", "Create*", "Delete*", "Modify*", "RegisterTargets", "DeregisterTargets", "RemoveTags", "SetIpAddressType",
    "SetRulePriorities", "SetSecurityGroups", "SetSubnets",
), "elasticloadbalancing:{region}:{account}:*", ("Describe*", "SetWebAcl"))
_API = Control("apigateway", ("DELETE", "GET", "PATCH", "POST", "PUT", "SetWebACL"), "apigateway:{region}::/*")
_ALARMS = Control("cloudwatch", (
    "DeleteAlarms", "DescribeAlarms", "PutCompositeAlarm", "PutMetricAlarm", *_TAGS),
    "cloudwatch:{region}:{account}:alarm:{name}", argument="alarm_name")
_CONFIG = Control("config", (
    "DeleteConfigRule", "DeleteConfigurationRecorder", "DeleteRemediationConfiguration", "DescribeConfigurationRecorder*",
    "DescribeRemediationConfigurations", "PutConfigRule", "PutConfigurationRecorder", "PutRemediationConfigurations",
    "StartConfigurationRecorder", "StopConfigurationRecorder", *_TAGS), "config:{region}:{account}:*", (
    "DeleteDeliveryChannel", "DescribeConfigRules", "DescribeDeliveryChannel*", "PutDeliveryChannel"))
_FIREWALL = Control("wafv2", (
    "AssociateWebACL", "CreateWebACL", "DeleteLoggingConfiguration", "DeleteWebACL", "DisassociateWebACL",
    "GetLoggingConfiguration", "GetWebACL*", "ListResourcesForWebACL", "PutLoggingConfiguration", "UpdateWebACL", *_TAGS,
    # What is protected is named beside the rules: REST APIs, load balancers and user pools.
), ("wafv2:{region}:{account}:*", "wafv2:{region}:aws:managedruleset/*", "apigateway:{region}::/restapis/*",
    "elasticloadbalancing:{region}:{account}:loadbalancer/*", "cognito-idp:{region}:{account}:userpool/*"),
    ("ListWebACLs",))
# AWS WAF developer guide, "Sending web ACL traffic logs": what letting it write to a log group takes.
_FIREWALL_LOG = Control("logs", (), (), (
    "CreateLogDelivery", "DeleteLogDelivery", "DescribeResourcePolicies", "PutResourcePolicy"))
_SMS = Control("sms-voice", (
    "DeleteConfigurationSet", "DeleteOptOutList", "DescribeConfigurationSets", "DescribeOptOutLists", "DescribePhoneNumbers",
    "ReleasePhoneNumber", "RequestPhoneNumber", "SetDefaultMessageType", "SetDefaultSenderId", "UpdatePhoneNumber", *_TAGS),
    "sms-voice:{region}:{account}:*", ("CreateConfigurationSet", "CreateOptOutList"))
_ANOMALIES = Control("ce", (
    "DeleteAnomalyMonitor", "DeleteAnomalySubscription", "GetAnomalyMonitors", "GetAnomalySubscriptions",
    "UpdateAnomalyMonitor", "UpdateAnomalySubscription", *_TAGS), "ce::{account}:*", (
    "CreateAnomalyMonitor", "CreateAnomalySubscription", "ListCostAllocationTags", "UpdateCostAllocationTagsStatus"))

CONTROLS: MappingProxyType[str, Control] = MappingProxyType({
    "aws_acm_certificate": Control("acm", (
        "AddTagsToCertificate", "DeleteCertificate", "DescribeCertificate", "ListTagsForCertificate",
        "RemoveTagsFromCertificate", "UpdateCertificateOptions"), "acm:{region}:{account}:certificate/*",
        ("RequestCertificate",)),
    "aws_api_gateway_": _API,
    "aws_apigatewayv2_": _API,
    "aws_appautoscaling_": Control("application-autoscaling", (
        "DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget",
        *_TAGS), "application-autoscaling:{region}:{account}:scalable-target/*", ("Describe*",)),
    "aws_autoscaling_group": Control("autoscaling", (
        "AttachLoadBalancerTargetGroups", "CancelInstanceRefresh", "CreateAutoScalingGroup", "CreateOrUpdateTags",
        "DeleteAutoScalingGroup", "DeleteTags", "DetachLoadBalancerTargetGroups", "SetInstanceProtection",
        "StartInstanceRefresh", "TerminateInstanceInAutoScalingGroup", "UpdateAutoScalingGroup"),
        "autoscaling:{region}:{account}:*", ("Describe*",)),
    "aws_backup_": Control("backup", (
        "CreateBackup*", "CreateRestoreTesting*", "DeleteBackup*", "DeleteRestoreTesting*", "DescribeBackupVault",
        "GetBackup*", "GetRestoreTestingPlan", "GetRestoreTestingSelection", "ListBackupSelections", "ListTags",
        "PutBackupVaultNotifications", "TagResource", "UntagResource", "UpdateBackupPlan", "UpdateRestoreTesting*"),
        ("backup:{region}:{account}:backup-*", "backup:{region}:{account}:restore-testing-plan:*"),
        ("DescribeRegionSettings", "UpdateRegionSettings")),
    "aws_bedrock_guardrail": Control("bedrock", (
        "CreateGuardrail*", "DeleteGuardrail", "GetGuardrail", "ListGuardrails", "UpdateGuardrail", *_TAGS),
        "bedrock:{region}:{account}:guardrail*"),
    "aws_bedrock_model_invocation_logging_configuration": Control("bedrock", (), (), (
        "DeleteModelInvocationLoggingConfiguration", "GetModelInvocationLoggingConfiguration",
        "PutModelInvocationLoggingConfiguration")),
    "aws_budgets_budget": Control("budgets", ("ModifyBudget", "ViewBudget", *_TAGS), "budgets::{account}:budget/{name}"),
    "aws_ce_": _ANOMALIES,
    "aws_cloudfront_": Control("cloudfront", (
        "Delete*", "Describe*", "Get*", "ListTagsForResource", "PublishFunction", "TagResource", "UntagResource",
        "UpdateDistribution", "UpdateFunction", "UpdateOriginAccessControl"), "cloudfront::{account}:*", (
        "CreateDistribution", "CreateFunction", "CreateMonitoringSubscription", "CreateOriginAccessControl",
        "DeleteMonitoringSubscription", "GetMonitoringSubscription", "ListDistributions", "ListFunctions",
        "ListOriginAccessControls")),
    "aws_cloudtrail": Control("cloudtrail", (
        "AddTags", "CreateTrail", "DeleteTrail", "GetEventSelectors", "GetInsightSelectors", "GetTrail*", "ListTags",
        "PutEventSelectors", "RemoveTags", "StartLogging", "StopLogging", "UpdateTrail"),
        "cloudtrail:{region}:{account}:trail/{name}", ("DescribeTrails",)),
    "aws_cloudwatch_composite_alarm": _ALARMS,
    "aws_cloudwatch_dashboard": Control("cloudwatch", ("DeleteDashboards", "GetDashboard", "PutDashboard"),
                                        "cloudwatch::{account}:dashboard/{name}", argument="dashboard_name"),
    "aws_cloudwatch_event_": Control("events", (
        "CreateArchive", "CreateEventBus", "DeleteArchive", "DeleteEventBus", "DeleteRule", "Describe*", "DisableRule",
        "EnableRule", "ListTagsForResource", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets", "TagResource",
        "UntagResource", "UpdateArchive", "UpdateEventBus"), "events:{region}:{account}:*"),
    "aws_cloudwatch_log_group": Control("logs", (
        "AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteRetentionPolicy", "DisassociateKmsKey",
        "PutRetentionPolicy", *_TAGS), "logs:{region}:{account}:log-group:{name}*", ("DescribeLogGroups",)),
    "aws_cloudwatch_log_metric_filter": Control("logs", ("DeleteMetricFilter", "DescribeMetricFilters", "PutMetricFilter"),
                                                "logs:{region}:{account}:log-group:*"),
    "aws_cloudwatch_metric_alarm": _ALARMS,
    "aws_cloudwatch_query_definition": Control("logs", (), (), (
        "DeleteQueryDefinition", "DescribeQueryDefinitions", "PutQueryDefinition")),
    "aws_codedeploy_": Control("codedeploy", (
        "CreateApplication", "CreateDeploymentGroup", "DeleteApplication", "DeleteDeploymentGroup", "GetApplication",
        "GetDeploymentGroup", "ListTagsForResource", "TagResource", "UntagResource", "UpdateApplication",
        "UpdateDeploymentGroup"), "codedeploy:{region}:{account}:*"),
    "aws_cognito_user_pool": Control("cognito-idp", (
        "AssociateWebACL", "CreateUserPoolClient", "DeleteUserPool*", "DescribeUserPool", "DescribeUserPoolClient",
        "DisassociateWebACL", "GetUserPoolMfaConfig", "GetWebACLForResource", "SetUserPoolMfaConfig", "UpdateUserPool*",
        *_TAGS), "cognito-idp:{region}:{account}:userpool/*", ("CreateUserPool",)),
    "aws_config_": _CONFIG,
    "aws_db_": _DATABASES,
    "aws_dlm_lifecycle_policy": Control("dlm", (
        "DeleteLifecyclePolicy", "GetLifecyclePolicy", "UpdateLifecyclePolicy", *_TAGS),
        "dlm:{region}:{account}:policy/*", ("CreateLifecyclePolicy",)),
    "aws_dynamodb_table": Control("dynamodb", (
        "CreateTable", "CreateTableReplica", "DeleteTable", "DeleteTableReplica", "DescribeContinuousBackups",
        "DescribeTable*", "DescribeTimeToLive", "ListTagsOfResource", "TagResource", "UntagResource",
        "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"), "dynamodb:{region}:{account}:table/{name}"),
    "aws_ecr_": Control("ecr", (
        "BatchDeleteImage", "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
        "DeleteLifecyclePolicy", "DeleteRepository", "DescribeImages", "DescribeRepositories", "GetLifecyclePolicy",
        "GetDownloadUrlForLayer", "InitiateLayerUpload", "ListImages", "PutImage*", "PutLifecyclePolicy", "UploadLayerPart",
        *_TAGS), "ecr:{region}:{account}:repository/{name}", ("GetAuthorizationToken",)),
    "aws_ecs_cluster": Control("ecs", (
        "CreateCluster", "DeleteCluster", "DescribeClusters", "PutClusterCapacityProviders", "UpdateCluster*", *_TAGS),
        "ecs:{region}:{account}:cluster/{name}"),
    "aws_ecs_service": Control("ecs", (
        "CreateService", "DeleteService", "DescribeServices", "UpdateService", *_TAGS),
        "ecs:{region}:{account}:service/*/{name}"),
    "aws_ecs_task_definition": Control("ecs", ("RegisterTaskDefinition", *_TAGS),
        "ecs:{region}:{account}:task-definition/{name}:*", ("DeregisterTaskDefinition", "DescribeTaskDefinition"), "family"),
    "aws_elasticache_": Control("elasticache", (
        "AddTagsToResource", "CreateCache*", "CreateReplicationGroup", "DecreaseReplicaCount", "DeleteCache*",
        "DeleteReplicationGroup", "DescribeCacheClusters", "DescribeCacheParameter*", "DescribeCacheSubnetGroups",
        "DescribeReplicationGroups", "IncreaseReplicaCount", "ListTagsForResource", "ModifyCache*",
        "ModifyReplicationGroup*", "RemoveTagsFromResource"), "elasticache:{region}:{account}:*",
        ("DescribeCacheEngineVersions", "DescribeEngineDefaultParameters")),
    "aws_guardduty_detector": Control("guardduty", ("DeleteDetector", "GetDetector", "UpdateDetector", *_TAGS),
        "guardduty:{region}:{account}:detector/*", ("CreateDetector", "ListDetectors")),
    "aws_iam_instance_profile": Control("iam", (
        "AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile",
        "ListInstanceProfileTags", "RemoveRoleFromInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile"),
        "iam::{account}:instance-profile/{name}"),
    "aws_iam_role": Control("iam", (
        "AttachRolePolicy", "CreateRole", "DeleteRole*", "DetachRolePolicy", "GetRole*", "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole", "ListRolePolicies", "PassRole", "PutRolePolicy", "TagRole", "UntagRole",
        "UpdateAssumeRolePolicy", "UpdateRole*"), "iam::{account}:role/{name}"),
    "aws_kms_": Control("kms", (
        "CreateAlias", "CreateGrant", "DeleteAlias", "DescribeKey", "DisableKey*", "EnableKey*", "GetKey*",
        "ListResourceTags", "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
        "UpdateKeyDescription"), ("kms:{region}:{account}:alias/*", "kms:{region}:{account}:key/*"),
        ("CreateKey", "ListAliases")),
    "aws_lambda_": Control("lambda", (
        "AddPermission", "CreateAlias", "CreateFunction", "DeleteAlias", "DeleteEventSourceMapping",
        "DeleteFunction*", "DeleteProvisionedConcurrencyConfig", "GetAlias", "GetEventSourceMapping", "GetFunction*",
        "GetPolicy", "GetProvisionedConcurrencyConfig", "GetRuntimeManagementConfig", "ListTags", "ListVersionsByFunction",
        "PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig", "PutProvisionedConcurrencyConfig",
        "RemovePermission", "TagResource", "UntagResource", "UpdateAlias", "UpdateEventSourceMapping", "UpdateFunction*"),
        ("lambda:{region}:{account}:function:{name}", "lambda:{region}:{account}:event-source-mapping:*"),
        ("CreateEventSourceMapping",), "function_name"),
    # What an apply of a migration calls: the function itself, or a task of its own and the log of that.
    "aws_lambda_invocation": Control(
        "lambda", ("InvokeFunction",), "lambda:{region}:{account}:function:{name}", argument="function_name", follows=True),
    "terraform_data": Control(
        "ecs", ("RunTask",), "ecs:{region}:{account}:task-definition/{name}:*", argument="input.family"),
    "aws_lb": _BALANCING,
    "aws_pinpointsmsvoicev2_": _SMS,
    "aws_rds_": _DATABASES,
    "aws_route53_": Control("route53", (
        "ChangeResourceRecordSets", "ChangeTagsForResource", "DeleteHealthCheck", "DeleteHostedZone", "GetChange",
        "GetHealthCheck", "GetHostedZone", "ListResourceRecordSets", "ListTagsForResource", "UpdateHealthCheck",
        "UpdateHostedZoneComment"), ("route53:::change/*", "route53:::healthcheck/*", "route53:::hostedzone/*"),
        ("CreateHealthCheck", "CreateHostedZone", "ListHostedZones")),
    "aws_s3_": Control("s3", (
        "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetAccelerateConfiguration", "GetBucket*",
        "GetEncryptionConfiguration", "GetLifecycleConfiguration", "GetReplicationConfiguration", "ListBucket",
        "PutBucketCORS", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutBucketVersioning",
        "PutEncryptionConfiguration", "PutLifecycleConfiguration"), "s3:::{name}", argument="bucket"),
    "aws_scheduler_schedule": Control("scheduler", ("CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule"),
                                      "scheduler:{region}:{account}:schedule/*/{name}"),
    "aws_scheduler_schedule_group": Control("scheduler", (
        "CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup", *_TAGS),
        "scheduler:{region}:{account}:schedule-group/{name}"),
    "aws_secretsmanager_": Control("secretsmanager", (
        "CancelRotateSecret", "CreateSecret", "DeleteSecret", "DescribeSecret", "GetResourcePolicy", "PutSecretValue",
        "RotateSecret", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage"),
        "secretsmanager:{region}:{account}:secret:{name}*", ("GetRandomPassword",)),
    "aws_securityhub_": Control("securityhub", (
        "BatchDisableStandards", "BatchEnableStandards", "DescribeHub", "DescribeStandards*", "DisableSecurityHub",
        "EnableSecurityHub", "GetEnabledStandards", "UpdateSecurityHubConfiguration", *_TAGS),
        "securityhub:{region}:{account}:*"),
    "aws_sesv2_": Control("ses", (
        "CreateEmailIdentity*", "DeleteEmailIdentity*", "GetEmailIdentity*", "PutEmailIdentity*",
        "UpdateEmailIdentityPolicy", *_TAGS), "ses:{region}:{account}:identity/*"),
    "aws_sns_": Control("sns", (
        "CreateTopic", "DeleteTopic", "GetTopicAttributes", "ListTagsForResource", "SetTopicAttributes", "Subscribe",
        "TagResource", "UntagResource"), "sns:{region}:{account}:{name}",
        ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")),
    "aws_sqs_": Control("sqs", (
        "CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "SetQueueAttributes",
        "TagQueue", "UntagQueue"), "sqs:{region}:{account}:{name}"),
    "aws_ssm_document": Control("ssm", (
        "AddTagsToResource", "CreateDocument", "DeleteDocument", "DescribeDocument*", "GetDocument", "ListTagsForResource",
        "RemoveTagsFromResource", "UpdateDocument*"), "ssm:{region}:{account}:document/{name}"),
    "aws_ssm_parameter": Control("ssm", (
        "AddTagsToResource", "DeleteParameter", "GetParameter", "GetParameters", "ListTagsForResource", "PutParameter",
        "RemoveTagsFromResource"), "ssm:{region}:{account}:parameter{name}", ("DescribeParameters",)),
    "aws_wafv2_": _FIREWALL,
    "aws_xray_group": Control("xray", ("CreateGroup", "DeleteGroup", "GetGroup", "UpdateGroup", *_TAGS),
                              "xray:{region}:{account}:group/*"),
    "aws_xray_sampling_rule": Control("xray", ("CreateSamplingRule", "DeleteSamplingRule", "UpdateSamplingRule", *_TAGS),
        "xray:{region}:{account}:sampling-rule/{name}", ("GetSamplingRules",), "rule_name"),
    **dict.fromkeys((
        "aws_ebs_volume", "aws_instance", "aws_launch_template", "aws_volume_attachment"), _MACHINES),
    **dict.fromkeys((
        "aws_default_security_group", "aws_eip", "aws_flow_log", "aws_internet_gateway", "aws_nat_gateway", "aws_route",
        "aws_route_table", "aws_route_table_association", "aws_security_group", "aws_subnet", "aws_vpc",
        "aws_vpc_endpoint", "aws_vpc_peering_connection",
        "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"), _NETWORK),
})

# Amazon RDS user guide, "Password management with Amazon RDS and AWS Secrets Manager": permissions for it.
_MANAGED_PASSWORD = Control("secretsmanager", (
    "CancelRotateSecret", "CreateSecret", "DescribeSecret", "RotateSecret", "TagResource"),
    "secretsmanager:{region}:{account}:secret:rds!*")
# What types of other services take besides.
_FURTHER: MappingProxyType[str, tuple[Control, ...]] = MappingProxyType({
    "aws_db_instance": (_MANAGED_PASSWORD,),
    # IAM user guide, "Using service-linked roles": many services make one when they are first used.
    "aws_iam_role": (Control("iam", ("CreateServiceLinkedRole",), "iam::{account}:role/aws-service-role/*"),),
    "aws_rds_cluster": (_MANAGED_PASSWORD,),
    "aws_wafv2_web_acl_logging_configuration": (_FIREWALL_LOG,),
    # "Identity-based policy examples for Amazon ECS": tasks are listed by the cluster's container instances.
    "terraform_data": (
        Control("ecs", ("DescribeTasks", "ListTasks", "StopTask"), (
            "ecs:{region}:{account}:task/{name}/*", "ecs:{region}:{account}:container-instance/{name}/*"),
            argument="input.cluster_name"),
        Control("logs", ("CreateLogStream", "DescribeLogStreams", "GetLogEvents"),
                "logs:{region}:{account}:log-group:{name}:*", argument="input.log_group"),
    ),
})


# Types whose own name stands in no ARN: the argument that says on what they are.
_BELONGS: MappingProxyType[str, str] = MappingProxyType({
    "aws_cloudwatch_log_metric_filter": "log_group_name",
    "aws_iam_role_policy": "role",
    "aws_iam_role_policy_attachment": "role",
})


def naming_argument(type: str, control: Control) -> str:
    """The argument that holds the name in a resource's ARN, or that refers to whose name it is."""
    return _BELONGS.get(type, control.argument)


def controls_of(type: str) -> tuple[Control, ...]:
    """What it takes to manage a resource type, its own service's control first; none where the type is not known.

    The first is found by the type's own name, else by the longest family that it belongs to.
    """
    family = type if type in CONTROLS else max(
        (name for name in CONTROLS if type.startswith(name) and (name.endswith("_") or type[len(name)] == "_")),
        key=len, default=None)
    if family is None:
        return ()
    return (CONTROLS[family], *_FURTHER.get(type, ()))
