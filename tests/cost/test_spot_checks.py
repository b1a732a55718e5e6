"""Lines of an estimate against figures that were worked out by hand from the list prices of us-east-1.

Each entry is: what is paid for, the expected cost as arithmetic, the resources, what is said of traffic. A month has 730
hours; a GB is 2^30 bytes. Where nothing is said, lines have an assumption, and are checked elsewhere.
"""

from __future__ import annotations

from typing import Any

import pytest

from groundsill.graph import Resource

from .cost_support import function, line, priced

KB, GB = 1024, 1024**3
HOURS = 730


def one(type: str, traffic: dict[str, Any] | None = None, /, **arguments: Any) -> tuple[list[Resource], dict[str, Any]]:
    return [Resource(type, "x", arguments)], {f"{type}.x": traffic} if traffic else {}


def fargate(kind: str, tasks: int, cpu: str, memory: str, **more: Any) -> tuple[list[Resource], dict[str, Any]]:
    task = Resource(
        "aws_ecs_task_definition",
        "x",
        {
            "cpu": cpu,
            "memory": memory,
            "requires_compatibilities": ["FARGATE"],
            "runtime_platform": [{"cpu_architecture": kind}],
            **more.pop("task", {}),
        },
    )
    return [
        task,
        Resource(
            "aws_ecs_service",
            "x",
            {"task_definition": task["arn"], "desired_count": tasks, "launch_type": "FARGATE", **more},
        ),
    ], {}


def lambda_(traffic: dict[str, Any], **arguments: Any) -> tuple[list[Resource], dict[str, Any]]:
    return function("x", **arguments), {"aws_lambda_function.x": traffic}


def balancer(kind: str, requests: str, **more: Any) -> tuple[list[Resource], dict[str, Any]]:
    return one(
        "aws_lb",
        {"requests": requests, "request_size": "1 KB", "response_size": "9 KB"},
        load_balancer_type=kind,
        internal=False,
        subnets=["subnet-1", "subnet-2", "subnet-3"],
        **more,
    )


def table(traffic: dict[str, Any], **arguments: Any) -> tuple[list[Resource], dict[str, Any]]:
    return one("aws_dynamodb_table", traffic, **{"billing_mode": "PAY_PER_REQUEST", "hash_key": "Id", **arguments})


def api(protocol: str, traffic: dict[str, Any]) -> tuple[list[Resource], dict[str, Any]]:
    return one("aws_apigatewayv2_api", traffic, protocol_type=protocol)


INDEX = {"name": "i", "hash_key": "A", "projection_type": "ALL"}
AURORA = Resource(
    "aws_rds_cluster",
    "c",
    {"engine": "aurora-postgresql", "serverlessv2_scaling_configuration": [{"min_capacity": 2, "max_capacity": 16}]},
)
TOPIC = Resource("aws_sns_topic", "t", {"name": "t"})
DOWNLOADS = one("aws_s3_bucket", {"downloads": "200 GB/month", "stored": "1 GB"})
CHECKS: list[tuple[str, str, float, tuple[list[Resource], dict[str, Any]]]] = [
    # -- AWS Lambda
    ("aws_lambda_function.x", "requests", 10e6 * 0.20 / 1e6, lambda_({"invocations": "10M/month"})),
    (
        "aws_lambda_function.x",
        "duration",
        10e6 * 0.1 * 0.5 * 0.0000133334,
        lambda_({"invocations": "10M/month", "duration": "100 ms"}, memory_size=512),
    ),
    (
        "aws_lambda_function.x",
        "duration",
        10e6 * 0.1 * 0.5 * 0.0000166667,
        lambda_({"invocations": "10M/month", "duration": "100 ms"}, memory_size=512, architectures=["x86_64"]),
    ),
    # A function of 128 MB where nothing is said about memory; no invocation is longer than the timeout of 3 s.
    (
        "aws_lambda_function.x",
        "duration",
        1e6 * 3 * 0.125 * 0.0000133334,
        lambda_({"invocations": "1M/month", "duration": "10 s"}, memory_size=None, timeout=None),
    ),
    (
        "aws_lambda_function.x",
        "temporary storage",
        1e6 * 1 * 1.5 * 0.0000000309,
        lambda_({"invocations": "1M/month", "duration": "1 s"}, ephemeral_storage=[{"size": 2048}]),
    ),
    (
        "aws_cloudwatch_log_group.x",
        "logs taken in",
        10e6 * 2 * KB / GB * 0.50,
        lambda_({"invocations": "10M/month", "log_size": "2 KB"}),
    ),
    # 30 days of a month of 730 hours, billed at 0.15 of their size.
    (
        "aws_cloudwatch_log_group.x",
        "logs kept",
        10e6 * 2 * KB / GB * (30 * 24 / 730) * 0.15 * 0.03,
        lambda_({"invocations": "10M/month", "log_size": "2 KB"}),
    ),
    # -- Amazon API Gateway
    (
        "aws_apigatewayv2_api.x",
        "requests",
        1e6 * 1.00 / 1e6,
        api("HTTP", {"requests": "1M/month", "request_size": "20 KB"}),
    ),
    # 300 million at 1.00, the other 100 million at 0.90.
    (
        "aws_apigatewayv2_api.x",
        "requests",
        300 * 1.00 + 100 * 0.90,
        api("HTTP", {"requests": "400M/month", "request_size": "1 KB"}),
    ),
    ("aws_apigatewayv2_api.x", "requests", 2 * 1.00, api("HTTP", {"requests": "1M/month", "request_size": "600 KB"})),
    (
        "aws_apigatewayv2_api.x",
        "data to the internet",
        1e6 * 10 * KB / GB * 0.09,
        api("HTTP", {"requests": "1M/month", "response_size": "10 KB"}),
    ),
    (
        "aws_apigatewayv2_api.x",
        "messages",
        5 * 1.00,
        api("WEBSOCKET", {"requests": "5M/month", "request_size": "1 KB"}),
    ),
    ("aws_apigatewayv2_api.x", "connections", 20 * 0.25, api("WEBSOCKET", {"connection_minutes": "20M/month"})),
    ("aws_api_gateway_rest_api.x", "requests", 10 * 3.50, one("aws_api_gateway_rest_api", {"requests": "10M/month"})),
    (
        "aws_api_gateway_rest_api.x",
        "requests",
        333 * 3.50 + 67 * 2.80,
        one("aws_api_gateway_rest_api", {"requests": "400M/month"}),
    ),
    # -- Elastic Load Balancing
    ("aws_lb.x", "hours", HOURS * 0.0225, balancer("application", "1M/month")),
    ("aws_lb.x", "public IPv4 addresses", 3 * HOURS * 0.005, balancer("application", "1M/month")),
    # 1,000 GB in a month are more than the connections need; the busiest hours have 1.5 times the average.
    (
        "aws_lb.x",
        "capacity units",
        104_857_600 * 10 * KB / GB * 1.5 * 0.008,
        balancer("application", "104857600/month"),
    ),
    ("aws_lb.x", "hours", HOURS * 0.0225, balancer("network", "1M/month")),
    ("aws_lb.x", "capacity units", 104_857_600 * 10 * KB / GB * 1.5 * 0.006, balancer("network", "104857600/month")),
    ("aws_lb.x", "data to the internet", 1e6 * 9 * KB / GB * 0.09, balancer("application", "1M/month")),
    # -- AWS Fargate
    ("aws_ecs_service.x", "vCPU", 2 * HOURS * 0.25 * 0.04048, fargate("X86_64", 2, "256", "512")),
    ("aws_ecs_service.x", "memory", 2 * HOURS * 0.5 * 0.004445, fargate("X86_64", 2, "256", "512")),
    ("aws_ecs_service.x", "vCPU", 1 * HOURS * 1 * 0.03238, fargate("ARM64", 1, "1024", "2048")),
    ("aws_ecs_service.x", "memory", 1 * HOURS * 2 * 0.00356, fargate("ARM64", 1, "1024", "2048")),
    (
        "aws_ecs_service.x",
        "temporary storage",
        3 * HOURS * 30 * 0.000111,
        fargate("ARM64", 3, "256", "512", task={"ephemeral_storage": [{"size_in_gib": 50}]}),
    ),
    (
        "aws_ecs_service.x",
        "public IPv4 addresses",
        2 * HOURS * 0.005,
        fargate("ARM64", 2, "256", "512", network_configuration=[{"subnets": ["s"], "assign_public_ip": True}]),
    ),
    # -- Amazon VPC
    ("aws_nat_gateway.x", "hours", HOURS * 0.045, one("aws_nat_gateway")),
    ("aws_nat_gateway.x", "data of calls", 100 * 0.045, one("aws_nat_gateway", {"data": "100 GB/month"})),
    ("aws_eip.x", "public IPv4 address", HOURS * 0.005, one("aws_eip")),
    (
        "aws_vpc_endpoint.x",
        "hours",
        2 * HOURS * 0.01,
        one("aws_vpc_endpoint", vpc_endpoint_type="Interface", subnet_ids=["a", "b"]),
    ),
    (
        "aws_vpc_endpoint.x",
        "data",
        50 * 0.01,
        one("aws_vpc_endpoint", {"data": "50 GB/month"}, vpc_endpoint_type="Interface", subnet_ids=["a"]),
    ),
    # -- Amazon EC2 and Amazon EBS
    ("aws_instance.x", "hours", HOURS * 1.006, one("aws_instance", instance_type="g5.xlarge")),
    ("aws_instance.x", "hours", 180 * 1.006, one("aws_instance", {"hours": "180 h/month"}, instance_type="g5.xlarge")),
    ("aws_instance.x", "hours", HOURS * 0.0336, one("aws_instance", instance_type="t4g.medium")),
    (
        "aws_instance.x",
        "hours (Spot)",
        HOURS * 1.006 * 0.4,
        one("aws_instance", instance_type="g5.xlarge", instance_market_options=[{"market_type": "spot"}]),
    ),
    (
        "aws_instance.x",
        "root volume",
        30 * 0.08,
        one("aws_instance", instance_type="t3.micro", root_block_device=[{"volume_size": 30}]),
    ),
    ("aws_ebs_volume.x", "storage", 100 * 0.08, one("aws_ebs_volume", type="gp3", size=100)),
    ("aws_ebs_volume.x", "iops", 1000 * 0.005, one("aws_ebs_volume", type="gp3", size=100, iops=4000)),
    ("aws_ebs_volume.x", "throughput", 125 * 0.04, one("aws_ebs_volume", type="gp3", size=100, throughput=250)),
    (
        "aws_autoscaling_group.x",
        "hours",
        2 * HOURS * 0.0104,
        (
            [
                Resource("aws_launch_template", "t", {"instance_type": "t3.micro"}),
                Resource(
                    "aws_autoscaling_group",
                    "x",
                    {
                        "min_size": 2,
                        "max_size": 6,
                        "launch_template": [{"id": Resource("aws_launch_template", "t")["id"]}],
                    },
                ),
            ],
            {},
        ),
    ),
    # -- Amazon RDS and Aurora
    (
        "aws_db_instance.x",
        "hours",
        HOURS * 0.018,
        one("aws_db_instance", engine="postgres", instance_class="db.t3.micro", allocated_storage=20),
    ),
    # A Multi-AZ instance has a price of its own: 0.065, and not twice 0.032.
    (
        "aws_db_instance.x",
        "hours",
        HOURS * 0.065,
        one("aws_db_instance", engine="postgres", instance_class="db.t4g.small", allocated_storage=20, multi_az=True),
    ),
    (
        "aws_db_instance.x",
        "hours",
        HOURS * 0.017,
        one("aws_db_instance", engine="mysql", instance_class="db.t3.micro", allocated_storage=20),
    ),
    (
        "aws_db_instance.x",
        "storage",
        20 * 0.115,
        one(
            "aws_db_instance", engine="postgres", instance_class="db.t3.micro", allocated_storage=20, storage_type="gp3"
        ),
    ),
    (
        "aws_db_instance.x",
        "storage",
        20 * 0.23,
        one(
            "aws_db_instance",
            engine="postgres",
            instance_class="db.t3.micro",
            allocated_storage=20,
            storage_type="gp3",
            multi_az=True,
        ),
    ),
    (
        "aws_db_instance.x",
        "backups",
        10 * 0.095,
        one(
            "aws_db_instance",
            {"backups": "10 GB"},
            engine="postgres",
            instance_class="db.t3.micro",
            allocated_storage=20,
        ),
    ),
    (
        "aws_db_instance.x",
        "password in Secrets Manager",
        0.40,
        one(
            "aws_db_instance",
            engine="postgres",
            instance_class="db.t3.micro",
            allocated_storage=20,
            manage_master_user_password=True,
        ),
    ),
    ("aws_rds_cluster.x", "storage", 50 * 0.10, one("aws_rds_cluster", {"stored": "50 GB"}, engine="aurora-mysql")),
    (
        "aws_rds_cluster.x",
        "I/O requests",
        100 * 0.20,
        one("aws_rds_cluster", {"io_requests": "100M/month"}, engine="aurora-mysql"),
    ),
    (
        "aws_rds_cluster_instance.x",
        "capacity units",
        4 * HOURS * 0.12,
        (
            [
                AURORA,
                Resource(
                    "aws_rds_cluster_instance",
                    "x",
                    {"instance_class": "db.serverless", "cluster_identifier": AURORA["id"]},
                ),
            ],
            {"aws_rds_cluster_instance.x": {"capacity": 4}},
        ),
    ),
    # -- Amazon ElastiCache
    (
        "aws_elasticache_replication_group.x",
        "nodes",
        2 * HOURS * 0.016,
        one("aws_elasticache_replication_group", engine="redis", node_type="cache.t4g.micro", num_cache_clusters=2),
    ),
    (
        "aws_elasticache_replication_group.x",
        "nodes",
        2 * 3 * HOURS * 0.0128,
        one(
            "aws_elasticache_replication_group",
            engine="valkey",
            node_type="cache.t4g.micro",
            num_node_groups=2,
            replicas_per_node_group=2,
        ),
    ),
    (
        "aws_elasticache_cluster.x",
        "nodes",
        HOURS * 0.017,
        one("aws_elasticache_cluster", engine="redis", node_type="cache.t3.micro", num_cache_nodes=1),
    ),
    # -- Amazon DynamoDB
    ("aws_dynamodb_table.x", "writes", 10 * 0.625, table({"writes": "10M/month", "item_size": "1 KB"})),
    # 2.5 KB are three units, in the table and in an index.
    (
        "aws_dynamodb_table.x",
        "writes",
        10 * 3 * 2 * 0.625,
        table({"writes": "10M/month", "item_size": "2.5 KB"}, global_secondary_index=[INDEX]),
    ),
    # Written in two regions.
    (
        "aws_dynamodb_table.x",
        "writes",
        10 * 2 * 0.625,
        table({"writes": "10M/month", "item_size": "1 KB"}, replica=[{"region_name": "b"}]),
    ),
    # 10 KB are three units of 4 KB, half of each where the newest is not needed.
    ("aws_dynamodb_table.x", "reads", 10 * 3 * 0.5 * 0.125, table({"reads": "10M/month", "read_size": "10 KB"})),
    ("aws_dynamodb_table.x", "storage", 40 * 0.25, table({"stored": "40 GB", "writes": "0/month"})),
    ("aws_dynamodb_table.x", "storage", 12 * 30 * 0.25, table({"growth": "30 GB/month", "writes": "0/month"})),
    (
        "aws_dynamodb_table.x",
        "continuous backups",
        40 * 0.20,
        table({"stored": "40 GB", "writes": "0/month"}, point_in_time_recovery=[{"enabled": True}]),
    ),
    (
        "aws_dynamodb_table.x",
        "storage",
        40 * 0.10,
        table({"stored": "40 GB", "writes": "0/month"}, table_class="STANDARD_INFREQUENT_ACCESS"),
    ),
    (
        "aws_dynamodb_table.x",
        "read capacity",
        5 * HOURS * 0.00013,
        one("aws_dynamodb_table", read_capacity=5, write_capacity=5),
    ),
    (
        "aws_dynamodb_table.x",
        "write capacity",
        5 * HOURS * 0.00065,
        one("aws_dynamodb_table", read_capacity=5, write_capacity=5),
    ),
    # -- Amazon S3 and Amazon CloudFront
    ("aws_s3_bucket.x", "data out", 200 * 0.09, DOWNLOADS),
    ("aws_s3_bucket.x", "storage", 1000 * 0.023, one("aws_s3_bucket", {"stored": "1000 GB"})),
    ("aws_s3_bucket.x", "writes", 1 * 5.00, one("aws_s3_bucket", {"puts": "1M/month", "stored": "1 GB"})),
    ("aws_s3_bucket.x", "reads", 10 * 0.40, one("aws_s3_bucket", {"gets": "10M/month", "stored": "1 GB"})),
    (
        "aws_cloudfront_distribution.x",
        "requests",
        20 * 1.00,
        one("aws_cloudfront_distribution", {"requests": "20M/month"}),
    ),
    # 10 TB at 0.085, what is above at 0.08: 20 million answers of 1 MB are 19,531.25 GB.
    (
        "aws_cloudfront_distribution.x",
        "data to viewers",
        10_240 * 0.085 + (19_531.25 - 10_240) * 0.08,
        one("aws_cloudfront_distribution", {"requests": "20M/month", "response_size": "1 MB"}),
    ),
    # -- messages, events, schedules
    (
        "aws_sqs_queue.x",
        "requests",
        3 * 10 * 0.40,
        one("aws_sqs_queue", {"messages": "10M/month", "message_size": "1 KB"}),
    ),
    (
        "aws_sqs_queue.x",
        "requests",
        3 * 2 * 10 * 0.50,
        one("aws_sqs_queue", {"messages": "10M/month", "message_size": "100 KB"}, fifo_queue=True),
    ),
    ("aws_sns_topic.t", "publishes", 10 * 0.50, ([TOPIC], {"aws_sns_topic.t": {"messages": "10M/month"}})),
    (
        "aws_sns_topic_subscription.x",
        "deliveries",
        10_000 / 1000 * 0.02,
        (
            [
                TOPIC,
                Resource(
                    "aws_sns_topic_subscription",
                    "x",
                    {"topic_arn": TOPIC["arn"], "protocol": "email", "endpoint": "a@b.example"},
                ),
            ],
            {"aws_sns_topic.t": {"messages": "10k/month"}},
        ),
    ),
    (
        "aws_cloudwatch_event_bus.x",
        "events",
        10 * 1.00,
        one("aws_cloudwatch_event_bus", {"events": "10M/month", "message_size": "1 KB"}),
    ),
    (
        "aws_scheduler_schedule.x",
        "invocations",
        730 * 60 / 1e6 * 1.00,
        one("aws_scheduler_schedule", schedule_expression="rate(1 minute)", target=[{}]),
    ),
    # -- keys, secrets, users, mails
    ("aws_kms_key.x", "key", 1.00, one("aws_kms_key")),
    ("aws_kms_key.x", "requests", 1e6 / 10_000 * 0.03, one("aws_kms_key", {"requests": "1M/month"})),
    ("aws_secretsmanager_secret.x", "secret", 0.40, one("aws_secretsmanager_secret")),
    (
        "aws_secretsmanager_secret.x",
        "reads",
        100_000 / 10_000 * 0.05,
        one("aws_secretsmanager_secret", {"reads": "100k/month"}),
    ),
    ("aws_ssm_parameter.x", "parameter", 0.05, one("aws_ssm_parameter", tier="Advanced")),
    ("aws_cognito_user_pool.x", "active users", 2000 * 0.015, one("aws_cognito_user_pool", {"users": 2000})),
    (
        "aws_cognito_user_pool.x",
        "active users",
        90_000 * 0.0055 + 10_000 * 0.0046,
        one("aws_cognito_user_pool", {"users": 100_000}, user_pool_tier="LITE"),
    ),
    ("aws_sesv2_email_identity.x", "mails", 50 * 0.10, one("aws_sesv2_email_identity", {"emails": "50k/month"})),
    # -- monitoring, security, names
    ("aws_cloudwatch_metric_alarm.x", "alarm", 0.10, one("aws_cloudwatch_metric_alarm", period=60)),
    (
        "aws_cloudwatch_metric_alarm.x",
        "alarm",
        2 * 0.10,
        one(
            "aws_cloudwatch_metric_alarm",
            metric_query=[
                {"id": "a", "metric": [{"period": 300}]},
                {"id": "b", "metric": [{"period": 300}]},
                {"id": "c", "expression": "a/b"},
            ],
        ),
    ),
    ("aws_cloudwatch_metric_alarm.x", "alarm", 0.30, one("aws_cloudwatch_metric_alarm", period=10)),
    ("aws_cloudwatch_composite_alarm.x", "composite alarm", 0.50, one("aws_cloudwatch_composite_alarm")),
    ("aws_cloudwatch_dashboard.x", "dashboard", 3.00, one("aws_cloudwatch_dashboard")),
    ("aws_cloudwatch_log_metric_filter.x", "metric of its own", 0.30, one("aws_cloudwatch_log_metric_filter")),
    ("aws_wafv2_web_acl.x", "web ACL", 5.00, one("aws_wafv2_web_acl")),
    ("aws_wafv2_web_acl.x", "rules", 2 * 1.00, one("aws_wafv2_web_acl", rule=[{"name": "a"}, {"name": "b"}])),
    ("aws_wafv2_web_acl.x", "requests", 10 * 0.60, one("aws_wafv2_web_acl", {"requests": "10M/month"})),
    ("aws_guardduty_detector.x", "management events", 2 * 4.00, one("aws_guardduty_detector", {"events": "2M/month"})),
    (
        "aws_config_configuration_recorder.x",
        "changes recorded",
        1000 * 0.003,
        one("aws_config_configuration_recorder", {"items": "1000/month"}),
    ),
    (
        "aws_config_config_rule.x",
        "evaluations",
        5000 * 0.001,
        one("aws_config_config_rule", {"evaluations": "5000/month"}),
    ),
    ("aws_route53_zone.x", "hosted zone", 0.50, one("aws_route53_zone")),
    ("aws_route53_zone.x", "queries", 10 * 0.40, one("aws_route53_zone", {"queries": "10M/month"})),
    (
        "aws_route53_health_check.x",
        "health check",
        0.75,
        one("aws_route53_health_check", type="HTTPS", fqdn="shop.example"),
    ),
    (
        "aws_ecr_repository.x",
        "images",
        20 * 0.5 * 0.10,
        one("aws_ecr_repository", {"images": 20, "image_size": "512 MB"}),
    ),
    (
        "aws_xray_sampling_rule.x",
        "traces",
        1e6 * 0.05 * 5 / 1e6,
        one("aws_xray_sampling_rule", {"requests": "1M/month"}, fixed_rate=0.05, reservoir_size=0),
    ),
]


@pytest.mark.parametrize(
    ("address", "what", "worked", "given"),
    CHECKS,
    ids=[f"{index}-{row[0]}-{row[1]}".replace(" ", "_") for index, row in enumerate(CHECKS)],
)
def test_a_line_costs_what_it_does_by_hand(
    address: str,
    what: str,
    worked: float,
    given: tuple[list[Resource], dict[str, Any]],
) -> None:
    resources, traffic = given
    found = line(priced(*resources, traffic=traffic), address, what)
    assert found.cost is not None, found.reason
    assert found.cost.expected == pytest.approx(worked, rel=1e-9)
    assert found.cost.low <= found.cost.expected <= found.cost.high
    assert found.price and found.formula.startswith(found.formula.split(" x ")[0]) and "$" in found.formula


def test_more_than_sixty_lines_are_checked() -> None:
    assert len(CHECKS) >= 60


def test_a_formula_says_how_the_cost_comes_about() -> None:
    resources, traffic = fargate("X86_64", 2, "256", "512")
    assert (
        line(priced(*resources, traffic=traffic), "aws_ecs_service.x", "vCPU").formula
        == "2 tasks x 730 h x 0.25 vCPU x $0.04048"
    )
