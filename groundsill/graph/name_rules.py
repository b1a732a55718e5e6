"""What AWS accepts as names: one fact, kept once, for definitions that make names and for checks that judge them."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class NameRule(NamedTuple):
    """What AWS accepts as the name of a kind of thing.

    Arguments:
        longest: most characters.
        forbidden: regular expression of the characters that AWS refuses.
        source: AWS page that says so.
        shortest: fewest characters, default 1.
        tidy: whether two separators in a row and one at an end are refused too, default False.
        lower: whether only lower-case letters are taken, default False.
    """

    longest: int
    forbidden: str
    source: str
    shortest: int = 1
    tidy: bool = False
    lower: bool = False


NAME_RULES: MappingProxyType[str, NameRule] = MappingProxyType({
    "aws_api_gateway_api_key": NameRule(255, r"[^ -~]", "API Gateway quotas"),
    "aws_api_gateway_rest_api": NameRule(255, r"[^ -~]", "API Gateway quotas"),
    "aws_api_gateway_usage_plan": NameRule(255, r"[^ -~]", "API Gateway quotas"),
    "aws_apigatewayv2_api": NameRule(128, r"[^ -~]", "API Gateway quotas"),
    "aws_backup_restore_testing_plan": NameRule(50, r"[^A-Za-z0-9_]", "AWS Backup API: RestoreTestingPlanForCreate"),
    "aws_backup_plan": NameRule(50, r"[^A-Za-z0-9\-_.]", "AWS Backup API: BackupPlanInput"),
    "aws_backup_vault": NameRule(50, r"[^A-Za-z0-9\-_]", "AWS Backup API: CreateBackupVault", 2),
    "aws_cloudfront_function": NameRule(64, r"[^A-Za-z0-9_\-]", "CloudFront API: CreateFunction"),
    "aws_cloudfront_origin_access_control": NameRule(64, r"[^ -~]", "CloudFront API: OriginAccessControlConfig"),
    "aws_cloudwatch_event_archive": NameRule(48, r"[^A-Za-z0-9_.\-]", "EventBridge API: CreateArchive"),
    "aws_cloudwatch_event_bus": NameRule(256, r"[^A-Za-z0-9_./\-]", "EventBridge API: CreateEventBus"),
    "aws_cloudwatch_event_rule": NameRule(64, r"[^A-Za-z0-9_.\-]", "EventBridge API: PutRule"),
    "aws_bedrock_guardrail": NameRule(50, r"[^A-Za-z0-9\-_]", "Amazon Bedrock API: CreateGuardrail"),
    "aws_budgets_budget": NameRule(100, r"[^A-Za-z0-9 ._\-]", "AWS Budgets API: Budget"),
    "aws_ce_anomaly_monitor": NameRule(1024, r"[^ -~]", "AWS Cost Explorer API: AnomalyMonitor"),
    "aws_cloudtrail": NameRule(128, r"[^A-Za-z0-9._\-]", "AWS CloudTrail: naming requirements", 3),
    "aws_cloudwatch_dashboard": NameRule(255, r"[^A-Za-z0-9_\-]", "CloudWatch API: PutDashboard"),
    "aws_cloudwatch_log_group": NameRule(512, r"[^A-Za-z0-9_\-/.#]", "CloudWatch Logs API: CreateLogGroup"),
    "aws_cloudwatch_metric_alarm": NameRule(255, r"[^ -~]", "CloudWatch API: PutMetricAlarm"),
    "aws_codedeploy_app": NameRule(100, r"[^ -~]", "CodeDeploy API: CreateApplication"),
    "aws_codedeploy_deployment_group": NameRule(100, r"[^ -~]", "CodeDeploy API: CreateDeploymentGroup"),
    "aws_cloudwatch_query_definition": NameRule(255, r"[^ -~]", "CloudWatch Logs API: PutQueryDefinition"),
    "aws_cognito_user_pool": NameRule(128, r"[^\w\s+=,.@-]", "Cognito API: CreateUserPool"),
    "aws_cognito_user_pool_client": NameRule(128, r"[^\w\s+=,.@-]", "Cognito API: CreateUserPoolClient"),
    "aws_config_config_rule": NameRule(128, r"[^A-Za-z0-9_\-]", "AWS Config API: ConfigRule"),
    "aws_autoscaling_group": NameRule(255, r"[^A-Za-z0-9_\-]", "Amazon EC2 Auto Scaling API: CreateAutoScalingGroup"),
    "aws_db_instance": NameRule(63, r"[^a-z0-9\-]", "Amazon RDS API: CreateDBInstance", tidy=True, lower=True),
    "aws_db_subnet_group": NameRule(255, r"[^a-z0-9._\-]", "Amazon RDS API: CreateDBSubnetGroup", tidy=True, lower=True),
    "aws_dynamodb_table": NameRule(255, r"[^A-Za-z0-9_.\-]", "DynamoDB: naming rules and data types", 3),
    "aws_ecr_repository": NameRule(256, r"[^a-z0-9_./\-]", "Amazon ECR API: CreateRepository", 2, tidy=True, lower=True),
    "aws_ecs_cluster": NameRule(255, r"[^A-Za-z0-9_\-]", "Amazon ECS API: CreateCluster"),
    "aws_ecs_service": NameRule(255, r"[^A-Za-z0-9_\-]", "Amazon ECS API: CreateService"),
    "aws_ecs_task_definition": NameRule(255, r"[^A-Za-z0-9_\-]", "Amazon ECS API: RegisterTaskDefinition"),
    "aws_elasticache_parameter_group": NameRule(
        255, r"[^a-z0-9\-]", "ElastiCache API: CreateCacheParameterGroup", tidy=True, lower=True),
    "aws_elasticache_replication_group": NameRule(
        40, r"[^a-z0-9\-]", "ElastiCache API: CreateReplicationGroup", tidy=True, lower=True),
    "aws_elasticache_subnet_group": NameRule(
        255, r"[^a-z0-9\-]", "ElastiCache API: CreateCacheSubnetGroup", tidy=True, lower=True),
    "aws_iam_instance_profile": NameRule(128, r"[^\w+=,.@\-]", "IAM and AWS STS quotas"),
    "aws_iam_policy": NameRule(128, r"[^\w+=,.@\-]", "IAM and AWS STS quotas"),
    "aws_iam_role": NameRule(64, r"[^\w+=,.@\-]", "IAM and AWS STS quotas"),
    "aws_lambda_function": NameRule(64, r"[^A-Za-z0-9_\-]", "Lambda API: CreateFunction"),
    "aws_launch_template": NameRule(128, r"[^A-Za-z0-9()./_\-]", "Amazon EC2 API: CreateLaunchTemplate", 3),
    "aws_lb": NameRule(32, r"[^A-Za-z0-9\-]", "Elastic Load Balancing API: CreateLoadBalancer", tidy=True),
    "aws_lb_target_group": NameRule(32, r"[^A-Za-z0-9\-]", "Elastic Load Balancing API: CreateTargetGroup", tidy=True),
    "aws_s3_bucket": NameRule(63, r"[^a-z0-9\-]", "Amazon S3: general purpose bucket naming rules", 3, tidy=True, lower=True),
    "aws_pinpointsmsvoicev2_configuration_set": NameRule(
        64, r"[^A-Za-z0-9_\-]", "AWS End User Messaging SMS API: CreateConfigurationSet"),
    "aws_pinpointsmsvoicev2_opt_out_list": NameRule(
        64, r"[^A-Za-z0-9_\-]", "AWS End User Messaging SMS API: CreateOptOutList"),
    "aws_scheduler_schedule": NameRule(64, r"[^A-Za-z0-9._\-]", "EventBridge Scheduler API: CreateSchedule"),
    "aws_scheduler_schedule_group": NameRule(64, r"[^A-Za-z0-9._\-]", "EventBridge Scheduler API: CreateScheduleGroup"),
    "aws_rds_cluster": NameRule(63, r"[^a-z0-9\-]", "Amazon RDS API: CreateDBCluster", tidy=True, lower=True),
    "aws_secretsmanager_secret": NameRule(512, r"[^A-Za-z0-9/_+=.@\-]", "Secrets Manager API: CreateSecret"),
    "aws_security_group": NameRule(255, r"[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]", "Amazon EC2 API: CreateSecurityGroup"),
    "aws_sns_topic": NameRule(256, r"[^A-Za-z0-9_\-]", "Amazon SNS API: CreateTopic"),
    "aws_sqs_queue": NameRule(80, r"[^A-Za-z0-9_\-]", "Amazon SQS: queue and message identifiers"),
    "aws_ssm_document": NameRule(128, r"[^A-Za-z0-9_\-.]", "Systems Manager API: CreateDocument", 3),
    "aws_wafv2_web_acl": NameRule(128, r"[^A-Za-z0-9_\-]", "AWS WAF API: CreateWebACL"),
    "aws_xray_group": NameRule(32, r"[^A-Za-z0-9\-]", "AWS X-Ray API: CreateGroup"),
    "aws_xray_sampling_rule": NameRule(32, r"[^A-Za-z0-9\-]", "AWS X-Ray API: SamplingRule"),
})
