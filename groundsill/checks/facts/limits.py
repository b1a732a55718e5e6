"""Values that AWS refuses: lowest, highest, steps and lists, one line an argument, each with the page that says so."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Limit(NamedTuple):
    """What one argument takes.

    Arguments:
        path: names from the resource inwards; ``*`` for every block of a list.
        low: lowest number.
        high: highest number.
        allowed: the only values.
        unit: of the number, for the message.
    """

    path: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    allowed: tuple[float | str, ...] = ()
    unit: str = ""


LOG_RETENTION = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Source: CloudWatch Logs API Reference, "PutRetentionPolicy"; 0 is Terraform's word for never."""

SERVICE_LIMITS: MappingProxyType[str, tuple[str, MappingProxyType[str, tuple[Limit, ...]]]] = MappingProxyType({
    "lambda": ("AWS Lambda Developer Guide, \"Lambda quotas\"", MappingProxyType({
        "aws_lambda_function": (
            Limit(("timeout",), 1, 900, unit="s"), Limit(("memory_size",), 128, 10_240, unit="MB"),
            Limit(("ephemeral_storage", "size"), 512, 10_240, unit="MB"), Limit(("reserved_concurrent_executions",), -1),
        ),
        "aws_lambda_event_source_mapping": (
            Limit(("batch_size",), 1, 10_000), Limit(("maximum_batching_window_in_seconds",), 0, 300, unit="s"),
            Limit(("scaling_config", "maximum_concurrency"), 2, 1_000),
        ),
        "aws_lambda_function_event_invoke_config": (
            Limit(("maximum_retry_attempts",), 0, 2), Limit(("maximum_event_age_in_seconds",), 60, 21_600, unit="s"),
        ),
    })),
    "sqs": ("Amazon SQS API Reference, \"CreateQueue\"", MappingProxyType({
        "aws_sqs_queue": (
            Limit(("visibility_timeout_seconds",), 0, 43_200, unit="s"), Limit(("delay_seconds",), 0, 900, unit="s"),
            Limit(("message_retention_seconds",), 60, 1_209_600, unit="s"),
            Limit(("receive_wait_time_seconds",), 0, 20, unit="s"),
            Limit(("max_message_size",), 1_024, 1_048_576, unit="bytes"),
        ),
    })),
    "api-gateway": ("Amazon API Gateway Developer Guide, \"Amazon API Gateway quotas\"", MappingProxyType({
        "aws_apigatewayv2_integration": (Limit(("timeout_milliseconds",), 50, 30_000, unit="ms"),),
        "aws_apigatewayv2_authorizer": (Limit(("authorizer_result_ttl_in_seconds",), 0, 3_600, unit="s"),),
        "aws_api_gateway_authorizer": (Limit(("authorizer_result_ttl_in_seconds",), 0, 3_600, unit="s"),),
        # Above 29 s a quota increase is needed, which only regional and private REST APIs can have.
        "aws_api_gateway_integration": (Limit(("timeout_milliseconds",), 50, 300_000, unit="ms"),),
    })),
    "logs": ("CloudWatch Logs API Reference, \"PutRetentionPolicy\"", MappingProxyType({
        "aws_cloudwatch_log_group": (Limit(("retention_in_days",), allowed=LOG_RETENTION, unit="days"),),
    })),
    "load-balancing": ("Elastic Load Balancing, \"Target groups for your Application Load Balancers\"", MappingProxyType({
        "aws_lb_target_group": (
            Limit(("deregistration_delay",), 0, 3_600, unit="s"), Limit(("slow_start",), 0, 900, unit="s"),
            Limit(("health_check", "interval"), 5, 300, unit="s"), Limit(("health_check", "timeout"), 2, 120, unit="s"),
            Limit(("health_check", "healthy_threshold"), 2, 10), Limit(("health_check", "unhealthy_threshold"), 2, 10),
            Limit(("stickiness", "cookie_duration"), 1, 604_800, unit="s"),
        ),
        "aws_lb": (Limit(("idle_timeout",), 1, 4_000, unit="s"),),
        "aws_lb_listener_rule": (Limit(("priority",), 1, 50_000),),
    })),
    "ecs": ("Amazon ECS API Reference, \"Service\" and \"ContainerDefinition\"", MappingProxyType({
        "aws_ecs_service": (
            Limit(("health_check_grace_period_seconds",), 0, 2_147_483_647, unit="s"),
            Limit(("deployment_minimum_healthy_percent",), 0, 100, unit="%"), Limit(("desired_count",), 0, 5_000),
        ),
    })),
    "kms": ("AWS KMS API Reference, \"ScheduleKeyDeletion\" and \"EnableKeyRotation\"", MappingProxyType({
        "aws_kms_key": (Limit(("deletion_window_in_days",), 7, 30, unit="days"),
                        Limit(("rotation_period_in_days",), 90, 2_560, unit="days")),
    })),
    "secrets": ("AWS Secrets Manager API Reference, \"DeleteSecret\"", MappingProxyType({
        # 0 deletes at once; else 7 to 30.
        "aws_secretsmanager_secret": (Limit(("recovery_window_in_days",), allowed=(0, *range(7, 31)), unit="days"),),
    })),
    "rds": ("Amazon RDS API Reference, \"CreateDBInstance\"", MappingProxyType({
        "aws_db_instance": (
            Limit(("backup_retention_period",), 0, 35, unit="days"), Limit(("allocated_storage",), 5, 65_536, unit="GiB"),
            Limit(("monitoring_interval",), allowed=(0, 1, 5, 10, 15, 30, 60), unit="s"), Limit(("port",), 1_150, 65_535),
            Limit(("performance_insights_retention_period",), 7, 731, unit="days"),
        ),
        "aws_rds_cluster": (
            Limit(("backup_retention_period",), 1, 35, unit="days"), Limit(("port",), 1_150, 65_535),
            Limit(("serverlessv2_scaling_configuration", "min_capacity"), 0, 256, unit="ACU"),
            Limit(("serverlessv2_scaling_configuration", "max_capacity"), 1, 256, unit="ACU"),
        ),
        "aws_rds_cluster_instance": (Limit(("promotion_tier",), 0, 15),),
    })),
    "elasticache": ("Amazon ElastiCache API Reference, \"CreateReplicationGroup\"", MappingProxyType({
        "aws_elasticache_replication_group": (
            Limit(("num_cache_clusters",), 1, 6), Limit(("replicas_per_node_group",), 0, 5),
            Limit(("num_node_groups",), 1, 500), Limit(("snapshot_retention_limit",), 0, 35, unit="days"),
        ),
    })),
    "cloudfront": ("Amazon CloudFront Developer Guide, \"Quotas\"", MappingProxyType({
        "aws_cloudfront_distribution": (
            Limit(("origin", "*", "connection_attempts"), 1, 3), Limit(("origin", "*", "connection_timeout"), 1, 10, unit="s"),
            Limit(("origin", "*", "custom_origin_config", "origin_read_timeout"), 1, 120, unit="s"),
            Limit(("origin", "*", "custom_origin_config", "origin_keepalive_timeout"), 1, 120, unit="s"),
        ),
    })),
    "ebs": ("Amazon EBS User Guide, \"Amazon EBS volume types\"", MappingProxyType({
        "aws_ebs_volume": (Limit(("throughput",), 125, 2_000, unit="MiB/s"), Limit(("size",), 1, 65_536, unit="GiB")),
    })),
    "backup": ("AWS Backup Developer Guide, \"Backup plan options and configuration\"", MappingProxyType({
        "aws_backup_plan": (Limit(("rule", "*", "start_window"), 60, unit="min"),),
        "aws_backup_vault_lock_configuration": (Limit(("changeable_for_days",), 3, unit="days"),),
    })),
    "cognito": ("Amazon Cognito User Pools API Reference, \"CreateUserPool\" and \"CreateUserPoolClient\"", MappingProxyType({
        "aws_cognito_user_pool": (
            Limit(("password_policy", "minimum_length"), 6, 99),
            Limit(("password_policy", "temporary_password_validity_days"), 0, 365),
        ),
    })),
    "cloudwatch": ("CloudWatch API Reference, \"PutMetricAlarm\"", MappingProxyType({
        "aws_cloudwatch_metric_alarm": (
            Limit(("evaluation_periods",), 1), Limit(("datapoints_to_alarm",), 1),
            Limit(("treat_missing_data",), allowed=("missing", "ignore", "breaching", "notBreaching")),
        ),
    })),
    "events": ("Amazon EventBridge API Reference, \"RetryPolicy\" and \"CreateArchive\"", MappingProxyType({
        "aws_cloudwatch_event_target": (
            Limit(("retry_policy", "maximum_retry_attempts"), 0, 185),
            Limit(("retry_policy", "maximum_event_age_in_seconds"), 60, 86_400, unit="s"),
        ),
        "aws_scheduler_schedule": (
            Limit(("target", "retry_policy", "maximum_retry_attempts"), 0, 185),
            Limit(("target", "retry_policy", "maximum_event_age_in_seconds"), 60, 86_400, unit="s"),
            Limit(("flexible_time_window", "maximum_window_in_minutes"), 1, 1_440, unit="min"),
        ),
    })),
    "waf": ("AWS WAF API Reference, \"RateBasedStatement\"", MappingProxyType({
        "aws_wafv2_web_acl": (
            Limit(("rule", "*", "statement", "rate_based_statement", "limit"), 10, 2_000_000_000),
            Limit(("rule", "*", "statement", "rate_based_statement", "evaluation_window_sec"), allowed=(60, 120, 300, 600),
                  unit="s"),
        ),
    })),
    "dynamodb": ("Amazon DynamoDB API Reference, \"PointInTimeRecoverySpecification\"", MappingProxyType({
        "aws_dynamodb_table": (Limit(("point_in_time_recovery", "recovery_period_in_days"), 1, 35, unit="days"),),
    })),
    "route53": ("Amazon Route 53 API Reference, \"HealthCheckConfig\" and \"ResourceRecordSet\"", MappingProxyType({
        "aws_route53_health_check": (
            Limit(("request_interval",), allowed=(10, 30), unit="s"), Limit(("failure_threshold",), 1, 10)),
        "aws_route53_record": (Limit(("ttl",), 0, 2_147_483_647, unit="s"),),
    })),
    "autoscaling": ("Application Auto Scaling API Reference, \"RegisterScalableTarget\"", MappingProxyType({
        "aws_appautoscaling_target": (Limit(("min_capacity",), 0), Limit(("max_capacity",), 0)),
    })),
})
"""Limits by service: the page, then the arguments of each Terraform type."""
