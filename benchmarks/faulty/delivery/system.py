"""Everything that front doors, containers and records can do wrong, beside what is right. Never deploy it."""

from __future__ import annotations

from groundsill import Stage, System, aws
from groundsill.graph import JsonDocument

system = System("faulty-delivery", region="us-east-1", stages={"prod": "enterprise"})


@system.define
def define(stage: Stage) -> None:
    rest = aws.api_gateway_rest_api("plain", name="plain")
    part = aws.api_gateway_resource("orders", rest_api_id=rest.id, parent_id=rest.root_resource_id, path_part="orders")
    aws.api_gateway_method("post", rest_api_id=rest.id, resource_id=part.id, http_method="POST", authorization="NONE")
    aws.api_gateway_method("safe", rest_api_id=rest.id, resource_id=part.id, http_method="DELETE", authorization="AWS_IAM")
    shown = aws.api_gateway_stage("prod", rest_api_id=rest.id, deployment_id="d", stage_name="prod")
    aws.api_gateway_method_settings("prod", rest_api_id=rest.id, stage_name=shown.stage_name, method_path="*/*", settings={
        "data_trace_enabled": True, "caching_enabled": True, "cache_data_encrypted": False})
    aws.api_gateway_domain_name("old", domain_name="api.shop.example", security_policy="TLS_1_0")
    http = aws.apigatewayv2_api("plain", name="plain", protocol_type="HTTP")
    aws.apigatewayv2_route("post", api_id=http.id, route_key="POST /orders")
    aws.apigatewayv2_stage("prod", api_id=http.id, name="$default")

    bucket = aws.s3_bucket("site", bucket="faulty-site")
    aws.cloudfront_distribution(
        "plain", enabled=True,
        origin=[{"domain_name": bucket.bucket_regional_domain_name, "origin_id": "site"},
                {"domain_name": "api.shop.example", "origin_id": "api", "custom_origin_config": {
                    "http_port": 80, "https_port": 443, "origin_protocol_policy": "http-only", "origin_ssl_protocols": ["TLSv1"]}}],
        default_cache_behavior={"target_origin_id": "site", "viewer_protocol_policy": "allow-all", "allowed_methods": ["GET", "HEAD"],
                                "cached_methods": ["GET", "HEAD"]},
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate={"cloudfront_default_certificate": True})
    aws.wafv2_web_acl("empty", name="empty", scope="REGIONAL", default_action={"allow": {}}, visibility_config={
        "cloudwatch_metrics_enabled": False, "metric_name": "empty", "sampled_requests_enabled": False})

    aws.ecr_repository("plain", name="plain", image_tag_mutability="MUTABLE")
    aws.ecs_cluster("plain", name="plain", setting={"name": "containerInsights", "value": "disabled"})
    task = aws.ecs_task_definition(
        "plain", family="plain", pid_mode="host", network_mode="awsvpc", task_role_arn="arn:aws:iam::123456789012:role/a",
        execution_role_arn="arn:aws:iam::123456789012:role/a",
        container_definitions=JsonDocument([{"name": "shop", "image": "shop:latest", "privileged": True, "user": "root",
                                             "portMappings": [{"containerPort": 80}]}]))
    aws.ecs_service("plain", name="plain", cluster="plain", task_definition=task.arn, platform_version="1.3.0",
                    launch_type="FARGATE", network_configuration={"subnets": ["subnet-1"], "assign_public_ip": True})

    aws.cloudtrail("plain", name="plain", s3_bucket_name=bucket.id, enable_logging=False)
    aws.guardduty_detector("off", enable=False)
    aws.config_configuration_recorder("some", name="some", role_arn="arn:aws:iam::123456789012:role/a",
                                      recording_group={"all_supported": False, "resource_types": ["AWS::EC2::Instance"]})
    aws.cloudwatch_metric_alarm("off", alarm_name="off", comparison_operator="GreaterThanThreshold", evaluation_periods=1,
                                namespace="AWS/Lambda", metric_name="Errors", period=60, statistic="Sum", threshold=1,
                                actions_enabled=False)
    aws.acm_certificate("plain", domain_name="*.shop.example", validation_method="DNS")
    aws.ssm_document("session", name="session", document_type="Session", content=JsonDocument({
        "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}))
