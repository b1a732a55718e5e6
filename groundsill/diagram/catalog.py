"""Which resource types are drawn, as what and where: one table for every picture.

A type that is not named here is part of something that is (a policy, a rule, an attachment), or is counted below
"Operations".
"""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import NamedTuple


class Layer(enum.IntEnum):
    """The column of a thing: requests go from left to right."""

    USERS = 0
    EDGE = 1
    FRONT = 2
    COMPUTE = 3
    MESSAGES = 4
    WORKERS = 5
    DATA = 6


class Category(enum.StrEnum):
    """The colour of a thing."""

    PEOPLE = "people"
    NETWORK = "network"
    COMPUTE = "compute"
    MESSAGES = "messages"
    DATA = "data"
    SECURITY = "security"
    OPERATIONS = "operations"


class Service(NamedTuple):
    """How resources of a type are drawn.

    Arguments:
        name: AWS's name of the service, in the singular: heading of the card.
        layer: its column.
        category: its colour.
        label: arguments that hold the name people know it by, the first that has one.
        everywhere: True for services that belong to no region.
    """

    name: str
    layer: Layer
    category: Category
    label: tuple[str, ...] = ("name",)
    everywhere: bool = False


_E, _F, _C, _M, _D = Layer.EDGE, Layer.FRONT, Layer.COMPUTE, Layer.MESSAGES, Layer.DATA
_NET, _RUN, _MSG, _DATA, _SEC = (
    Category.NETWORK, Category.COMPUTE, Category.MESSAGES, Category.DATA, Category.SECURITY,
)

SERVICES: MappingProxyType[str, Service] = MappingProxyType({
    "aws_route53_zone": Service("Route 53", _E, _NET, everywhere=True),
    "aws_cloudfront_distribution": Service("CloudFront", _E, _NET, ("aliases", "comment"), everywhere=True),
    "aws_wafv2_web_acl": Service("WAF", _E, _SEC),
    "aws_globalaccelerator_accelerator": Service("Global Accelerator", _E, _NET, everywhere=True),
    "aws_lb": Service("Elastic Load Balancing", _F, _NET),
    "aws_alb": Service("Elastic Load Balancing", _F, _NET),
    "aws_elb": Service("Elastic Load Balancing", _F, _NET),
    "aws_apigatewayv2_api": Service("API Gateway", _F, _NET),
    "aws_api_gateway_rest_api": Service("API Gateway", _F, _NET),
    "aws_appsync_graphql_api": Service("AppSync", _F, _NET),
    "aws_cognito_user_pool": Service("Cognito", _F, _SEC),
    "aws_nat_gateway": Service("NAT gateway", _F, _NET, ()),
    "aws_lambda_function": Service("Lambda", _C, _RUN, ("function_name",)),
    "aws_ecs_service": Service("Amazon ECS", _C, _RUN),
    "terraform_data": Service("Amazon ECS task", _C, _RUN, ()),
    "aws_eks_cluster": Service("Amazon EKS", _C, _RUN),
    "aws_apprunner_service": Service("App Runner", _C, _RUN, ("service_name",)),
    "aws_instance": Service("Amazon EC2", _C, _RUN, ()),
    "aws_autoscaling_group": Service("EC2 Auto Scaling", _C, _RUN),
    "aws_sfn_state_machine": Service("Step Functions", _C, _RUN),
    "aws_batch_job_queue": Service("AWS Batch", _C, _RUN),
    "aws_sqs_queue": Service("Amazon SQS", _M, _MSG),
    "aws_sns_topic": Service("Amazon SNS", _M, _MSG),
    "aws_cloudwatch_event_bus": Service("EventBridge", _M, _MSG),
    "aws_cloudwatch_event_rule": Service("EventBridge", _M, _MSG),
    "aws_scheduler_schedule": Service("EventBridge Scheduler", _M, _MSG),
    "aws_kinesis_stream": Service("Kinesis", _M, _MSG),
    "aws_mq_broker": Service("Amazon MQ", _M, _MSG, ("broker_name",)),
    "aws_msk_cluster": Service("Amazon MSK", _M, _MSG, ("cluster_name",)),
    "aws_dynamodb_table": Service("DynamoDB", _D, _DATA),
    "aws_db_instance": Service("Amazon RDS", _D, _DATA, ("identifier",)),
    "aws_rds_cluster": Service("Amazon Aurora", _D, _DATA, ("cluster_identifier",)),
    "aws_elasticache_replication_group": Service("ElastiCache", _D, _DATA, ("replication_group_id",)),
    "aws_elasticache_cluster": Service("ElastiCache", _D, _DATA, ("cluster_id",)),
    "aws_elasticache_serverless_cache": Service("ElastiCache", _D, _DATA),
    "aws_s3_bucket": Service("Amazon S3", _D, _DATA, ("bucket",)),
    "aws_efs_file_system": Service("Amazon EFS", _D, _DATA, ("creation_token",)),
    "aws_opensearch_domain": Service("OpenSearch", _D, _DATA, ("domain_name",)),
    "aws_redshift_cluster": Service("Redshift", _D, _DATA, ("cluster_identifier",)),
    "aws_docdb_cluster": Service("DocumentDB", _D, _DATA, ("cluster_identifier",)),
    "aws_secretsmanager_secret": Service("Secrets Manager", _D, _SEC),
    "aws_ssm_parameter": Service("Parameter Store", _D, _SEC),
    "aws_sesv2_email_identity": Service("Amazon SES", _D, _MSG, ("email_identity",)),
    "aws_ses_email_identity": Service("Amazon SES", _D, _MSG, ("email",)),
    "aws_ses_domain_identity": Service("Amazon SES", _D, _MSG, ("domain",)),
    "aws_pinpointsmsvoicev2_phone_number": Service("End User Messaging", _D, _MSG, ()),
    "aws_bedrock_guardrail": Service("Amazon Bedrock", _D, _RUN),
})

OPERATIONS: MappingProxyType[str, tuple[str, str, str]] = MappingProxyType({
    "aws_cloudwatch_metric_alarm": ("CloudWatch", "alarm", "alarms"),
    "aws_cloudwatch_composite_alarm": ("CloudWatch", "composite alarm", "composite alarms"),
    "aws_cloudwatch_dashboard": ("CloudWatch", "dashboard", "dashboards"),
    "aws_cloudwatch_log_group": ("CloudWatch", "log group", "log groups"),
    "aws_cloudwatch_log_metric_filter": ("CloudWatch", "log metric", "log metrics"),
    "aws_xray_group": ("X-Ray", "group", "groups"),
    "aws_backup_plan": ("AWS Backup", "plan", "plans"),
    "aws_backup_vault": ("AWS Backup", "vault", "vaults"),
    "aws_backup_restore_testing_plan": ("AWS Backup", "restore test", "restore tests"),
    "aws_dlm_lifecycle_policy": ("Data Lifecycle Manager", "policy", "policies"),
    "aws_budgets_budget": ("AWS Budgets", "budget", "budgets"),
    "aws_ce_anomaly_monitor": ("Cost Anomaly Detection", "monitor", "monitors"),
    "aws_ecr_repository": ("Amazon ECR", "repository", "repositories"),
    "aws_kms_key": ("AWS KMS", "key", "keys"),
    "aws_acm_certificate": ("Certificate Manager", "certificate", "certificates"),
    "aws_codedeploy_deployment_group": ("CodeDeploy", "deployment group", "deployment groups"),
    "aws_cloudtrail": ("CloudTrail", "trail", "trails"),
    "aws_guardduty_detector": ("GuardDuty", "detector", "detectors"),
    "aws_securityhub_account": ("Security Hub", "account", "accounts"),
    "aws_config_configuration_recorder": ("AWS Config", "recorder", "recorders"),
    "aws_config_config_rule": ("AWS Config", "rule", "rules"),
    "aws_vpc_endpoint": ("VPC endpoints", "endpoint", "endpoints"),
    "aws_flow_log": ("VPC flow logs", "log", "logs"),
    "aws_ssm_document": ("Systems Manager", "document", "documents"),
})
"""What is counted below "Operations": service, and what one and several of it are called."""

VERBS: tuple[tuple[str, str, str], ...] = (
    # IAM service prefix, beginnings of actions separated by "|" (empty for all), verb
    ("dynamodb", "PutItem|UpdateItem|DeleteItem|BatchWriteItem|PartiQLInsert|PartiQLUpdate|PartiQLDelete", "write"),
    ("dynamodb", "GetRecords|GetShardIterator|DescribeStream|ListStreams", ""),
    ("dynamodb", "Get|Query|Scan|BatchGet|PartiQLSelect|*", "read"),
    ("s3", "Put|Delete|Abort|*", "write"),
    ("s3", "Get|List", "read"),
    ("sqs", "SendMessage", "send"),
    ("sqs", "ReceiveMessage", "consume"),
    ("sns", "Publish", "publish"),
    ("events", "PutEvents", "publish"),
    ("lambda", "Invoke", "invoke"),
    ("states", "Start", "start"),
    ("kinesis", "Put", "publish"),
    ("kinesis", "Get", "consume"),
    ("secretsmanager", "GetSecretValue", "read"),
    ("ssm", "GetParameter", "read"),
    ("ses", "Send", "send mail"),
    ("execute-api", "ManageConnections|Invoke", "push"),
    ("cognito-idp", "", "manage users"),
    ("bedrock", "Invoke|Apply|Converse", "ask"),
    ("elasticfilesystem", "Client", "mount"),
    ("rds-db", "connect", "connect"),
    ("sms-voice", "Send", "send SMS"),
)
"""What actions on a thing are called beside an arrow; the first match of a service counts, an empty verb draws nothing."""
