"""Each rule of safety on the smallest thing that is wrong, and on the same thing made right."""

from __future__ import annotations

import copy
import json as text
from pathlib import Path
from typing import Any

import pytest

from groundsill.checks.rule import Family
from groundsill.checks.rules import every_rule
from groundsill.checks.rules.safe.rights import can_name_a_resource
from groundsill.checks.run import check
from groundsill.graph import Graph, JsonDocument
from groundsill.testing import Definition

from .support import finds, found, graph, json

Resources = dict[str, dict[str, Any]]
SAFE = [rule for rule in every_rule() if rule.family is Family.SAFE]


def one(address: str, **arguments: Any) -> Resources:
    return {address: arguments}


def policy(address: str, argument: str, *statements: dict[str, Any], **more: Any) -> Resources:
    return {address: {argument: json({"Version": "2012-10-17", "Statement": list(statements)}), **more}}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trusts(principal: Any, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
            **({"Condition": condition} if condition else {})}


def task(**container: Any) -> Resources:
    named = {"name": "app", "image": "app@sha256:1", "logConfiguration": {"logDriver": "awslogs"}, **container}
    return {"aws_ecs_task_definition.a": {"network_mode": "awsvpc", "container_definitions": json([named])}}


def cdn(**arguments: Any) -> Resources:
    usual: dict[str, Any] = {"default_cache_behavior": [{"viewer_protocol_policy": "redirect-to-https"}]}
    return {"aws_cloudfront_distribution.a": {**usual, **arguments}}


def acl(*statements: dict[str, Any], **more: Any) -> Resources:
    rules = [{"name": "r", "statement": [statement]} for statement in statements]
    return {"aws_wafv2_web_acl.a": {"scope": "REGIONAL", "rule": rules, **more}}


def beside(*parts: Resources) -> Resources:
    return {address: arguments for part in parts for address, arguments in part.items()}


ARN = "arn:aws:s3:::shop/*"
LB, ALB = "aws_lb.a", "${aws_lb.a.arn}"
S3, BUCKET = "aws_s3_bucket.a", "${aws_s3_bucket.a.id}"
DB, TABLE, CACHE = "aws_db_instance.a", "aws_dynamodb_table.a", "aws_elasticache_replication_group.a"
STAGE, STAGE_ARN = "aws_api_gateway_stage.a", "${aws_api_gateway_stage.a.arn}"
GITHUB = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
SUB = "token.actions.githubusercontent.com:sub"
OTHER = {"AWS": "arn:aws:iam::999999999999:root"}

# Rule, what is wrong, what is right, words of the finding.
CASES: list[tuple[str, Resources, Resources, str]] = [
    # -- APIs ----------------------------------------------------------------------------------------------------------
    ("api-without-access-log", one("aws_apigatewayv2_stage.a"),
     one("aws_apigatewayv2_stage.a", access_log_settings=[{}, ]), "set"),
    ("api-without-execution-log", one(STAGE), beside(one(STAGE), one(
        "aws_api_gateway_method_settings.a", stage_name="${aws_api_gateway_stage.a.stage_name}",
        settings=[{"logging_level": "ERROR"}])), "logging_level"),
    ("api-without-firewall", one(STAGE),
     beside(one(STAGE), one("aws_wafv2_web_acl_association.a", resource_arn=STAGE_ARN)), "no web"),
    ("api-without-throttle", one("aws_apigatewayv2_stage.a"),
     one("aws_apigatewayv2_stage.a", default_route_settings=[{"throttling_rate_limit": 50}]), "rate"),
    ("api-in-front-of-clear-text", one("aws_apigatewayv2_integration.a", integration_uri="http://backend.example"),
     one("aws_apigatewayv2_integration.a", integration_uri="https://backend.example"), "http://"),
    ("api-behind-a-cdn-answers-beside-it",
     beside(one("aws_apigatewayv2_api.a"), cdn(origin=[{"domain_name": "${aws_apigatewayv2_api.a.api_endpoint}"}])),
     beside(one("aws_apigatewayv2_api.a"), cdn(origin=[{"domain_name": "${aws_apigatewayv2_api.a.api_endpoint}",
                                                      "custom_header": [{"name": "x-origin",
                                                          "value": "${var.key}"}]}])), "header"),
    ("api-logs-whole-requests", one("aws_api_gateway_method_settings.a", settings=[{"data_trace_enabled": True}]),
     one("aws_api_gateway_method_settings.a", settings=[{}]), "true"),
    ("api-cache-not-encrypted", one("aws_api_gateway_method_settings.a", settings=[{"caching_enabled": True}]),
     one("aws_api_gateway_method_settings.a", settings=[{"caching_enabled": True, "cache_data_encrypted": True}]), "not set"),
    ("api-without-tracing", one(STAGE), one(STAGE, xray_tracing_enabled=True), "not set"),
    ("api-domain-old-tls", one("aws_api_gateway_domain_name.a", security_policy="TLS_1_0"),
     one("aws_api_gateway_domain_name.a", security_policy="TLS_1_2"), "TLS_1_0"),
    ("api-domain-old-tls", one("aws_api_gateway_domain_name.a"),
     one("aws_api_gateway_domain_name.a", security_policy="SecurityPolicy_TLS13_1_3_2025_09"), "not set"),
    ("http-api-domain-old-tls", one("aws_apigatewayv2_domain_name.a", domain_name_configuration=[{"security_policy": "TLS_1_0"}]),
     one("aws_apigatewayv2_domain_name.a", domain_name_configuration=[{"security_policy": "TLS_1_2"}]), "TLS_1_0"),
    # -- buckets -------------------------------------------------------------------------------------------------------
    ("bucket-public-by-acl", one("aws_s3_bucket_acl.a", acl="public-read"), one("aws_s3_bucket_acl.a", acl="private"),
     "public-read"),
    ("bucket-public-block-open", one("aws_s3_bucket_public_access_block.a", block_public_acls=True),
     one("aws_s3_bucket_public_access_block.a", block_public_acls=True, block_public_policy=True, ignore_public_acls="true",
         restrict_public_buckets="${var.closed}"), "`block_public_policy`"),
    ("bucket-without-lifecycle", one(S3),
     beside(one(S3), one("aws_s3_bucket_lifecycle_configuration.a", bucket=BUCKET)), "no lifecycle"),
    ("bucket-uploads-never-given-up", one("aws_s3_bucket_lifecycle_configuration.a", rule=[{"status": "Enabled"}]),
     one("aws_s3_bucket_lifecycle_configuration.a",
         rule=[{"status": "Enabled", "abort_incomplete_multipart_upload": [{"days_after_initiation": 7}]}]), "unfinished"),
    ("bucket-acls-in-use", one("aws_s3_bucket_ownership_controls.a", rule=[{"object_ownership": "ObjectWriter"}]),
     one("aws_s3_bucket_ownership_controls.a", rule=[{"object_ownership": "BucketOwnerEnforced"}]), "ObjectWriter"),
    ("bucket-key-off", one("aws_s3_bucket_server_side_encryption_configuration.a", rule=[
        {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]),
     one("aws_s3_bucket_server_side_encryption_configuration.a", rule=[
         {"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]), "not set"),
    # -- CDN -----------------------------------------------------------------------------------------------------------
    ("cdn-takes-clear-text", cdn(ordered_cache_behavior=[{"viewer_protocol_policy": "allow-all"}]), cdn(),
     "ordered_cache_behavior"),
    ("cdn-old-tls", cdn(viewer_certificate=[{"acm_certificate_arn": "a", "minimum_protocol_version": "TLSv1"}]),
     cdn(viewer_certificate=[{"acm_certificate_arn": "a", "minimum_protocol_version": "TLSv1.2_2021"}]), "TLSv1"),
    ("cdn-without-own-certificate", cdn(viewer_certificate=[{"cloudfront_default_certificate": True}]),
     cdn(viewer_certificate=[{"acm_certificate_arn": "a"}]), "true"),
    ("cdn-with-dedicated-addresses", cdn(viewer_certificate=[{"ssl_support_method": "vip"}]),
     cdn(viewer_certificate=[{"ssl_support_method": "sni-only"}]), "vip"),
    ("cdn-fetches-in-clear-text", cdn(origin=[{"custom_origin_config": [{"origin_protocol_policy": "http-only"}]}]),
     cdn(origin=[{"custom_origin_config": [{"origin_protocol_policy": "https-only", "origin_ssl_protocols": ["TLSv1.2"]}]}]),
     "http-only"),
    ("cdn-bucket-without-access-control", beside(one(S3), cdn(origin=[{"domain_name": "${aws_s3_bucket.a.bucket_domain_name}"}])),
     beside(one(S3), cdn(origin=[{"domain_name": "${aws_s3_bucket.a.bucket_domain_name}", "origin_access_control_id": "x"}])),
     "no origin access control"),
    ("cdn-without-firewall", cdn(), cdn(web_acl_id="${var.acl}"), "web_acl_id"),
    ("cdn-without-access-log", cdn(), cdn(logging_config=[{"bucket": "b"}]), "logging_config"),
    ("cdn-function-open-beside",
     beside(one("aws_lambda_function_url.a"), cdn(origin=[{"domain_name": "${aws_lambda_function_url.a.function_url}"}])),
     beside(one("aws_lambda_function_url.a"), cdn(origin=[{"domain_name": "${aws_lambda_function_url.a.function_url}",
                                                         "origin_access_control_id": "x"}])), "no origin access control"),
    ("cdn-without-root-object", cdn(origin=[{"domain_name": "b"}]),
     cdn(origin=[{"domain_name": "b"}], default_root_object="index.html"), "not set"),
    # -- containers ----------------------------------------------------------------------------------------------------
    ("container-privileged", task(privileged=True), task(), "`app` is privileged"),
    ("container-writable-root", task(), task(readonlyRootFilesystem=True), "may write"),
    ("container-runs-as-root", task(user="0:0"), task(user="10001"), "is 0"),
    ("container-without-log", task(logConfiguration=None), task(), "logConfiguration"),
    ("task-shares-its-roles", one("aws_ecs_task_definition.a", task_role_arn="${aws_iam_role.a.arn}",
                                  execution_role_arn="${aws_iam_role.a.arn}"),
     one("aws_ecs_task_definition.a", task_role_arn="${aws_iam_role.a.arn}", execution_role_arn="${aws_iam_role.b.arn}"), "same"),
    ("cluster-without-insights", one("aws_ecs_cluster.a"),
     one("aws_ecs_cluster.a", setting=[{"name": "containerInsights", "value": "enhanced"}]), "not set"),
    ("repository-not-scanned", one("aws_ecr_repository.a"),
     one("aws_ecr_repository.a", image_scanning_configuration=[{"scan_on_push": True}]), "scan_on_push"),
    ("repository-keeps-everything", one("aws_ecr_repository.a"), beside(one("aws_ecr_repository.a"), one(
        "aws_ecr_lifecycle_policy.a", repository="${aws_ecr_repository.a.name}")), "no lifecycle"),
    ("task-shares-the-host-processes", one("aws_ecs_task_definition.a", pid_mode="host"), task(), "host"),
    ("task-shares-the-host-network", one("aws_ecs_task_definition.a", network_mode="host"), task(), "host"),
    ("task-files-in-clear-text", one("aws_ecs_task_definition.a",
                                     volume=[{"efs_volume_configuration": [{"file_system_id": "f"}]}]),
     one("aws_ecs_task_definition.a", volume=[{"efs_volume_configuration": [{"transit_encryption": "ENABLED"}]}]), "not set"),
    ("service-on-old-platform", one("aws_ecs_service.a", platform_version="1.3.0"), one("aws_ecs_service.a"), "1.3.0"),
    ("cluster-shell-not-recorded",
     one("aws_ecs_cluster.a", configuration=[{"execute_command_configuration": [{"logging": "NONE"}]}]),
     one("aws_ecs_cluster.a", configuration=[{"execute_command_configuration": [{"logging": "OVERRIDE"}]}]), "NONE"),
    ("repository-deleted-with-its-images", one("aws_ecr_repository.a", force_delete=True), one("aws_ecr_repository.a"), "true"),
    # -- databases, tables, caches -------------------------------------------------------------------------------------
    ("database-public", one(DB, publicly_accessible=True), one(DB), "true"),
    ("database-not-encrypted", one(DB), one(DB, replicate_source_db="${aws_db_instance.b.identifier}"), "not set"),
    ("database-logs-not-kept", one(DB), one(DB, enabled_cloudwatch_logs_exports=["error"]), "not set"),
    ("database-tags-not-copied", one(DB), one(DB, copy_tags_to_snapshot=True), "not set"),
    ("database-without-iam-authentication", one(DB, engine="postgres"),
     one(DB, engine="postgres", iam_database_authentication_enabled=True), "not set"),
    ("database-without-enhanced-monitoring", one(DB, monitoring_interval=0), one(DB, monitoring_interval=60), "is 0"),
    ("database-with-default-administrator", one(DB, username="Postgres"), one(DB, username="shop"), "Postgres"),
    ("database-certificate-expired", one(DB, ca_cert_identifier="rds-ca-2019"), one(DB), "rds-ca-2019"),
    ("aurora-mysql-without-backtrack", one("aws_rds_cluster.a", engine="aurora-mysql"),
     one("aws_rds_cluster.a", engine="aurora-postgresql"), "not set"),
    ("table-capacity-does-not-follow", one(TABLE), one(TABLE, billing_mode="PAY_PER_REQUEST"), "provisioned"),
    ("table-replica-without-point-in-time-recovery", one(TABLE, replica=[{"region_name": "eu-west-1"}]),
     one(TABLE, replica=[{"region_name": "eu-west-1", "point_in_time_recovery": True}]), "eu-west-1"),
    ("cache-without-authentication", one(CACHE), one(CACHE, user_group_ids=["g"]), "auth_token"),
    ("cache-token-in-state", one(CACHE, auth_token="${random_password.a.result}"), one(CACHE), "given"),
    ("cache-not-encrypted-at-rest", one(CACHE, engine="redis"), one(CACHE, engine="valkey"), "not set"),
    ("cache-without-backup", one(CACHE, snapshot_retention_limit=0), one(CACHE, snapshot_retention_limit=1), "is 0"),
    ("cache-minor-upgrades-off", one(CACHE, auto_minor_version_upgrade="false"), one(CACHE), "false"),
    ("cache-in-default-subnets", one(CACHE, subnet_group_name="default"), one(CACHE, subnet_group_name="${var.group}"),
     "default"),
    ("cache-clear-text-allowed", one(CACHE, transit_encryption_mode="preferred"), one(CACHE), "preferred"),
    ("cache-accelerator-not-encrypted", one("aws_dax_cluster.a"),
     one("aws_dax_cluster.a", server_side_encryption=[{"enabled": True}]), "not set"),
    ("database-in-public-subnet",
     beside(one("aws_subnet.a", vpc_id="v"), one("aws_internet_gateway.a"), one("aws_route_table.a"),
            one("aws_route.a", route_table_id="${aws_route_table.a.id}", destination_cidr_block="0.0.0.0/0",
                gateway_id="${aws_internet_gateway.a.id}"),
            one("aws_route_table_association.a", subnet_id="${aws_subnet.a.id}", route_table_id="${aws_route_table.a.id}"),
            one("aws_db_subnet_group.a", subnet_ids=["${aws_subnet.a.id}"])),
     beside(one("aws_subnet.a", vpc_id="v"), one("aws_db_subnet_group.a", subnet_ids=["${aws_subnet.a.id}"])),
     "internet gateway"),
    # -- firewalls -----------------------------------------------------------------------------------------------------
    ("firewall-without-log", acl(), beside(acl(), one("aws_wafv2_web_acl_logging_configuration.a",
                                                    resource_arn="${aws_wafv2_web_acl.a.arn}")), "no logging"),
    ("firewall-without-rate-rule", acl({"geo_match_statement": [{}]}), acl({"rate_based_statement": [{"limit": 500}]}), "rate"),
    ("firewall-without-known-bad-inputs", acl({"rate_based_statement": [{"limit": 500}]}),
     acl({"managed_rule_group_statement": [{"name": "AWSManagedRulesKnownBadInputsRuleSet"}]}), "KnownBadInputs"),
    ("firewall-without-rules", acl(), acl({"rate_based_statement": [{"limit": 500}]}), "must be set"),
    ("firewall-without-metrics", acl(visibility_config=[{"cloudwatch_metrics_enabled": False}]),
     acl(visibility_config=[{"cloudwatch_metrics_enabled": True}]), "false"),
    # -- functions -----------------------------------------------------------------------------------------------------
    ("function-callable-by-anybody", one("aws_lambda_permission.a", principal="*"),
     one("aws_lambda_permission.a", principal="*", source_account="123456789012"), "*"),
    ("function-permission-without-source", one("aws_lambda_permission.a", principal="sns.amazonaws.com"),
     one("aws_lambda_permission.a", principal="sns.amazonaws.com", source_arn="${aws_sns_topic.a.arn}"), "sns.amazonaws.com"),
    ("function-url-open", one("aws_lambda_function_url.a", authorization_type="NONE"),
     one("aws_lambda_function_url.a", authorization_type="AWS_IAM"), "NONE"),
    ("function-url-open-to-any-page", one("aws_lambda_function_url.a", cors=[{"allow_origins": ["*"]}]),
     one("aws_lambda_function_url.a", cors=[{"allow_origins": ["https://shop.example"]}]), "*"),
    ("function-in-one-zone", one("aws_lambda_function.a", vpc_config=[{"subnet_ids": ["subnet-1"]}]),
     one("aws_lambda_function.a", vpc_config=[{"subnet_ids": ["subnet-1", "subnet-2"]}]), "holds one"),
    # -- identity ------------------------------------------------------------------------------------------------------
    ("user-pool-weak-password", one("aws_cognito_user_pool.a", password_policy=[{"minimum_length": 6}]),
     one("aws_cognito_user_pool.a"), "minimum_length"),
    ("client-with-implicit-flow", one("aws_cognito_user_pool_client.a", allowed_oauth_flows=["implicit"]),
     one("aws_cognito_user_pool_client.a", allowed_oauth_flows=["code"]), "implicit"),
    ("client-calls-back-in-clear-text", one("aws_cognito_user_pool_client.a", callback_urls=["http://shop.example"]),
     one("aws_cognito_user_pool_client.a", callback_urls=["http://localhost:3000", "https://shop.example"]), "http://shop"),
    ("client-tokens-live-too-long", one("aws_cognito_user_pool_client.a", access_token_validity=48),
     one("aws_cognito_user_pool_client.a", access_token_validity=60,
         token_validity_units=[{"access_token": "minutes"}]), "2 days"),
    ("user-pool-without-deletion-protection", one("aws_cognito_user_pool.a"),
     one("aws_cognito_user_pool.a", deletion_protection="ACTIVE"), "not set"),
    ("user-pool-without-second-factor", one("aws_cognito_user_pool.a", mfa_configuration="OFF"),
     one("aws_cognito_user_pool.a", mfa_configuration="OPTIONAL"), "OFF"),
    ("user-pool-without-threat-protection", one("aws_cognito_user_pool.a"),
     one("aws_cognito_user_pool.a", user_pool_add_ons=[{"advanced_security_mode": "ENFORCED"}]), "not set"),
    ("client-cannot-revoke", one("aws_cognito_user_pool_client.a", enable_token_revocation=False),
     one("aws_cognito_user_pool_client.a"), "false"),
    ("account-password-too-short", one("aws_iam_account_password_policy.a", minimum_password_length=8),
     one("aws_iam_account_password_policy.a", minimum_password_length=14), "is 8"),
    ("account-password-too-simple", one("aws_iam_account_password_policy.a", require_numbers=True),
     one("aws_iam_account_password_policy.a", require_numbers=True, require_symbols=True, require_lowercase_characters=True,
         require_uppercase_characters=True), "require_symbols"),
    ("account-password-reused", one("aws_iam_account_password_policy.a", password_reuse_prevention=5),
     one("aws_iam_account_password_policy.a", password_reuse_prevention=24), "is 5"),
    ("role-session-too-long", one("aws_iam_role.a", max_session_duration=43200), one("aws_iam_role.a"), "43200"),
    # -- keys and secrets ----------------------------------------------------------------------------------------------
    ("secret-without-rotation", one("aws_secretsmanager_secret.a"), beside(one("aws_secretsmanager_secret.a"), one(
        "aws_secretsmanager_secret_rotation.a", secret_id="${aws_secretsmanager_secret.a.id}")), "no rotation"),
    ("parameter-of-a-secret-under-shared-key", one("aws_ssm_parameter.a", type="SecureString"),
     one("aws_ssm_parameter.a", type="SecureString", key_id="${aws_kms_key.a.id}"), "key_id"),
    ("certificate-with-weak-key", one("aws_acm_certificate.a", key_algorithm="RSA_1024"), one("aws_acm_certificate.a"),
     "RSA_1024"),
    ("certificate-not-logged",
     one("aws_acm_certificate.a", options=[{"certificate_transparency_logging_preference": "DISABLED"}]),
     one("aws_acm_certificate.a"), "DISABLED"),
    ("key-disabled", one("aws_kms_key.a", is_enabled=False), one("aws_kms_key.a"), "false"),
    ("key-deleted-soon", one("aws_kms_key.a", deletion_window_in_days=7), one("aws_kms_key.a"), "is 7"),
    ("secret-deleted-at-once", one("aws_secretsmanager_secret.a", recovery_window_in_days=0),
     one("aws_secretsmanager_secret.a"), "0"),
    ("secret-rotated-too-rarely", one("aws_secretsmanager_secret_rotation.a", rotation_rules=[{"automatically_after_days": 365}]),
     one("aws_secretsmanager_secret_rotation.a", rotation_rules=[{"automatically_after_days": 30}]), "365"),
    ("secret-in-boot-script", one("aws_instance.a", user_data="export DB_PASSWORD=hunter2hunter2\n"),
     one("aws_instance.a", user_data="DB_PASSWORD=$(aws secretsmanager get-secret-value --secret-id db)\nTOKEN_TTL=60\n"),
     "DB_PASSWORD"),
    ("secret-written-out", one(DB, password="hunter2hunter2"), one(DB, password="${var.password}"), "`password` is written out"),
    ("secret-in-configuration", one("aws_sns_topic.a",
                                    tags={"Hook": "https://hooks.slack.com/services/T012AB/B034CD/abcdefghijk"}),
     one("aws_sns_topic.a", tags={"Hook": "https://shop.example/hook", "Secret": "arn:aws:secretsmanager:us-east-1:1:secret:a"}),
     "Slack webhook"),
    # -- load balancers ------------------------------------------------------------------------------------------------
    ("load-balancer-without-firewall", one(LB),
     beside(one(LB), one("aws_wafv2_web_acl_association.a", resource_arn=ALB)), "no web ACL"),
    ("load-balancer-in-one-zone", one(LB, subnets=["a"]), one(LB, subnets=["a", "b"]), "holds one"),
    ("load-balancer-passes-invalid-headers", one(LB), one(LB, load_balancer_type="network"), "not set"),
    ("load-balancer-passes-smuggled-requests", one(LB, desync_mitigation_mode="monitor"), one(LB), "monitor"),
    ("load-balancer-without-deletion-protection", one(LB), one(LB, enable_deletion_protection=True), "not set"),
    ("load-balancer-without-access-log", one(LB), one(LB, access_logs=[{"bucket": "b", "enabled": True}]), "not set"),
    # -- machines ------------------------------------------------------------------------------------------------------
    ("machine-metadata-without-token", one("aws_instance.a", metadata_options=[{"http_tokens": "optional"}]),
     beside(one("aws_instance.a", launch_template=[{"id": "${aws_launch_template.a.id}"}]),
            one("aws_launch_template.a", metadata_options=[{"http_tokens": "required"}])), "optional"),
    ("machine-with-public-address", one("aws_instance.a", associate_public_ip_address=True), one("aws_instance.a"), "true"),
    ("volume-not-encrypted", one("aws_instance.a", root_block_device=[{"volume_size": 8}]),
     beside(one("aws_ebs_volume.a"), one("aws_ebs_encryption_by_default.a")), "root_block_device"),
    ("machine-without-role", one("aws_instance.a"), one("aws_instance.a", iam_instance_profile="p"), "not set"),
    ("image-from-anybody", one("data.aws_ami.a", filter=[{"name": "name", "values": ["al2023-*"]}]),
     one("data.aws_ami.a", owners=["amazon"]), "owners"),
    ("image-disk-not-encrypted", one("aws_ami.a", ebs_block_device=[{"device_name": "/dev/xvda"}]),
     one("aws_ami.a", ebs_block_device=[{"device_name": "/dev/xvda", "snapshot_id": "s"}]), "/dev/xvda"),
    ("image-or-snapshot-public", one("aws_ami_launch_permission.a", group="all"),
     one("aws_ami_launch_permission.a", account_id="123456789012"), "all"),
    ("group-in-one-zone", one("aws_autoscaling_group.a", vpc_zone_identifier=["subnet-1"]),
     one("aws_autoscaling_group.a", vpc_zone_identifier=["subnet-1", "subnet-2"]), "holds one"),
    ("group-ignores-the-load-balancer", one("aws_autoscaling_group.a", target_group_arns=["t"]),
     one("aws_autoscaling_group.a", target_group_arns=["t"], health_check_type="ELB"), "EC2"),
    ("group-with-launch-configuration", one("aws_autoscaling_group.a", launch_configuration="l"),
     one("aws_autoscaling_group.a", launch_template=[{"id": "l"}]), "launch_configuration"),
    ("group-of-one-type", one("aws_autoscaling_group.a"),
     one("aws_autoscaling_group.a", mixed_instances_policy=[{"override": []}]),
     "not set"),
    ("snapshots-copied-in-clear",
     one("aws_dlm_lifecycle_policy.a", policy_details=[{"schedule": [{"cross_region_copy_rule": [{"encrypted": False}]}]}]),
     one("aws_dlm_lifecycle_policy.a",
         policy_details=[{"schedule": [{"cross_region_copy_rule": [{"encrypted": True}]}]}]), "encrypt"),
    ("document-shared-with-everybody", one("aws_ssm_document.a", permissions={"type": "Share", "account_ids": "All"}),
     one("aws_ssm_document.a", permissions={"type": "Share", "account_ids": "123456789012"}), "All"),
    ("sessions-not-recorded", one("aws_ssm_document.a", document_type="Session", content=json({"inputs": {"kmsKeyId": "k"}})),
     one("aws_ssm_document.a", document_type="Session",
         content=json({"inputs": {"kmsKeyId": "k", "s3BucketName": "b"}})), "bucket"),
    ("machine-metadata-reaches-further", one("aws_launch_template.a", metadata_options=[{"http_put_response_hop_limit": 2}]),
     one("aws_launch_template.a"), "is 2"),
    ("image-not-encrypted", one("aws_ami_copy.a"), one("aws_ami_copy.a", encrypted=True), "not set"),
    ("machine-of-paravirtual-type", one("aws_instance.a", instance_type="m1.small"),
     one("aws_instance.a", instance_type="t4g.micro"),
     "m1.small"),
    # -- messages, networks --------------------------------------------------------------------------------------------
    ("queue-not-encrypted", one("aws_sqs_queue.a", sqs_managed_sse_enabled=False), one("aws_sqs_queue.a"), "false"),
    ("topic-not-encrypted", one("aws_sns_topic.a"), one("aws_sns_topic.a", kms_master_key_id="${aws_kms_key.a.id}"), "not set"),
    ("topic-delivers-in-clear-text", one("aws_sns_topic_subscription.a", protocol="http"),
     one("aws_sns_topic_subscription.a", protocol="https"), "http"),
    ("default-security-group-in-use", one("aws_vpc.a"),
     beside(one("aws_vpc.a"), one("aws_default_security_group.a", vpc_id="${aws_vpc.a.id}")), "closes"),
    ("security-group-rule-unexplained", one("aws_security_group.a"), one("aws_security_group.a", description="Web"),
     "description"),
    ("security-group-unused", one("aws_security_group.a"),
     beside(one("aws_security_group.a"), one("aws_instance.a", vpc_security_group_ids=["${aws_security_group.a.id}"])),
     "nothing"),
    ("network-without-flow-log", one("aws_vpc.a"),
     beside(one("aws_vpc.a"), one("aws_flow_log.a", vpc_id="${aws_vpc.a.id}")), "flow"),
    ("network-acl-open-for-administration",
     one("aws_network_acl.a", ingress=[{"action": "allow", "protocol": "tcp", "cidr_block": "0.0.0.0/0", "from_port": 20,
                                        "to_port": 25}]),
     one("aws_network_acl.a", ingress=[{"action": "allow", "protocol": "tcp", "cidr_block": "0.0.0.0/0", "from_port": 443,
                                        "to_port": 443}]), "port 22"),
    ("peering-route-too-wide", one("aws_route.a", vpc_peering_connection_id="p", destination_cidr_block="0.0.0.0/0"),
     one("aws_route.a", vpc_peering_connection_id="p", destination_cidr_block="10.1.0.0/16"), "0.0.0.0/0"),
    ("subnet-gives-public-addresses", one("aws_subnet.a", map_public_ip_on_launch=True), one("aws_subnet.a"), "true"),
    # -- records -------------------------------------------------------------------------------------------------------
    ("log-kept-too-short", one("aws_cloudwatch_log_group.a", retention_in_days=3),
     one("aws_cloudwatch_log_group.a", retention_in_days=30), "is 3"),
    ("alarm-tells-nobody", one("aws_cloudwatch_metric_alarm.a"),
     beside(one("aws_cloudwatch_metric_alarm.a"), one("aws_cloudwatch_composite_alarm.b", ok_actions=["t"],
            alarm_rule="ALARM(\"${aws_cloudwatch_metric_alarm.a.alarm_name}\")")), "alarm_actions"),
    ("production-without-budget", one("aws_lambda_function.a"),
     beside(one("aws_lambda_function.a"), one("aws_budgets_budget.a")), "no"),
    ("budget-tells-nobody", one("aws_budgets_budget.a", notification=[{"threshold": 80}]),
     one("aws_budgets_budget.a", notification=[{"subscriber_email_addresses": ["a@shop.example"]}]), "receiver"),
    ("recorder-misses-resources", one("aws_config_configuration_recorder.a", recording_group=[{"all_supported": False}]),
     one("aws_config_configuration_recorder.a"), "all_supported"),
    ("recorder-not-started", one("aws_config_configuration_recorder.a"),
     beside(one("aws_config_configuration_recorder.a"), one(
         "aws_config_configuration_recorder_status.a", name="${aws_config_configuration_recorder.a.name}",
         is_enabled=True)), "starts"),
    ("vault-without-plan", one("aws_backup_vault.a"), beside(one("aws_backup_vault.a"), one(
        "aws_backup_plan.a", rule=[{"target_vault_name": "${aws_backup_vault.a.name}"}])), "no plan"),
    ("alarm-switched-off", one("aws_cloudwatch_metric_alarm.a", actions_enabled=False),
     one("aws_cloudwatch_metric_alarm.a"), "false"),
    ("trail-of-one-region", one("aws_cloudtrail.a"), one("aws_cloudtrail.a", is_multi_region_trail=True), "not set"),
    ("trail-can-be-forged", one("aws_cloudtrail.a"), one("aws_cloudtrail.a", enable_log_file_validation=True), "not set"),
    ("trail-not-watched", one("aws_cloudtrail.a"), one("aws_cloudtrail.a", cloud_watch_logs_group_arn="g"), "not set"),
    ("trail-switched-off", one("aws_cloudtrail.a", enable_logging=False), one("aws_cloudtrail.a"), "false"),
    ("detector-switched-off", one("aws_guardduty_detector.a", enable=False), one("aws_guardduty_detector.a"), "false"),
    ("vault-emptied-on-destroy", one("aws_backup_vault.a", force_destroy=True), one("aws_backup_vault.a"), "true"),
    ("health-check-in-clear-text", one("aws_route53_health_check.a", type="HTTP"),
     one("aws_route53_health_check.a", type="HTTPS"),
     "HTTP"),
    # -- rights --------------------------------------------------------------------------------------------------------
    ("policy-allows-everything", policy("aws_iam_policy.a", "policy", allow("*")),
     policy("aws_iam_policy.a", "policy", {"Effect": "Deny", "Action": "*", "Resource": "*"}), "everything"),
    ("policy-allows-whole-service", policy("aws_iam_policy.a", "policy", allow(["s3:*"])),
     policy("aws_iam_policy.a", "policy", allow(["s3:Get*"], ARN)), "s3:*"),
    ("policy-names-no-resource", policy("aws_iam_policy.a", "policy", allow(["dynamodb:PutItem"])),
     policy("aws_iam_policy.a", "policy", allow(["xray:PutTraceSegments", "ecr:GetAuthorizationToken", "ec2:Describe*"]),
            allow(["dynamodb:PutItem"], Condition={"StringEquals": {"aws:ResourceTag/Team": "shop"}})), "dynamodb:PutItem"),
    ("policy-allows-all-but", policy("aws_iam_policy.a", "policy", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
     policy("aws_iam_policy.a", "policy", {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}), "iam:*"),
    ("policy-passes-any-role", policy("aws_iam_policy.a", "policy", allow("iam:PassRole")),
     policy("aws_iam_policy.a", "policy", allow("iam:PassRole", "arn:aws:iam::123456789012:role/shop")), "PassRole"),
    ("policy-lets-itself-grow", policy("aws_iam_policy.a", "policy", allow(["iam:AttachRolePolicy"])),
     policy("aws_iam_policy.a", "policy", allow(["iam:AttachRolePolicy"], "arn:aws:iam::123456789012:role/shop-*")), "Attach"),
    ("administrator-policy-attached",
     one("aws_iam_role_policy_attachment.a", policy_arn="arn:aws:iam::aws:policy/AdministratorAccess"),
     one("aws_iam_role_policy_attachment.a", policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess"), "AdministratorAccess"),
    ("policy-on-a-user", one("aws_iam_user_policy_attachment.a", user="ann"), one("aws_iam_role_policy_attachment.a"), "ann"),
    ("policy-for-anybody", policy("aws_sqs_queue_policy.a", "policy", allow("sqs:SendMessage", Principal="*")),
     policy("aws_sqs_queue_policy.a", "policy", allow("sqs:SendMessage", Principal="*", Condition={
         "ArnEquals": {"aws:SourceArn": "${aws_sns_topic.a.arn}"}})), "everybody sqs:SendMessage"),
    ("policy-lets-others-do-everything", policy("aws_s3_bucket_policy.a", "policy", allow("s3:*", Principal=OTHER)),
     policy("aws_s3_bucket_policy.a", "policy", allow("s3:*", Principal={
         "AWS": "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"})), "s3:*"),
    ("policy-trusts-a-service-for-anybody",
     policy("aws_sns_topic_policy.a", "policy", allow("sns:Publish", Principal={"Service": "s3.amazonaws.com"})),
     policy("aws_sns_topic_policy.a", "policy", allow("sns:Publish", Principal={"Service": "s3.amazonaws.com"}, Condition={
         "StringEquals": {"aws:SourceAccount": "${data.aws_caller_identity.me.account_id}"}})), "s3.amazonaws.com"),
    ("bucket-controlled-from-outside", policy("aws_s3_bucket_policy.a", "policy", allow("s3:PutBucketPolicy", Principal=OTHER)),
     policy("aws_s3_bucket_policy.a", "policy", allow("s3:GetObject", Principal=OTHER)), "PutBucketPolicy"),
    ("bucket-locks-everybody-out",
     policy("aws_s3_bucket_policy.a", "policy", {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ARN}),
     policy("aws_s3_bucket_policy.a", "policy",
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ARN, "Condition": {
         "Bool": {"aws:SecureTransport": "false"}}}), "everybody everything"),
    ("topic-open-to-other-accounts", policy("aws_sns_topic_policy.a", "policy", allow("sns:Publish", Principal=OTHER)),
     policy("aws_sns_topic_policy.a", "policy", allow("sns:Publish", Principal={"AWS": "${aws_iam_role.a.arn}"})),
     "999999999999"),
    ("role-for-anybody", policy("aws_iam_role.a", "assume_role_policy", trusts({"AWS": "*"})),
     policy("aws_iam_role.a", "assume_role_policy", trusts({"AWS": "*"}, StringEquals={"aws:PrincipalOrgID": "o-1"})),
     "everybody"),
    ("role-for-other-account-without-external-id", policy("aws_iam_role.a", "assume_role_policy", trusts(OTHER)),
     policy("aws_iam_role.a", "assume_role_policy", trusts(OTHER, StringEquals={"sts:ExternalId": "x"})), "999999999999"),
    ("role-for-any-repository", policy("aws_iam_role.a", "assume_role_policy", trusts(GITHUB, StringLike={SUB: "repo:*"})),
     policy("aws_iam_role.a", "assume_role_policy", trusts(GITHUB, StringLike={SUB: "repo:shop/shop:*"})), "repo:*"),
]


@pytest.mark.parametrize(("rule", "wrong", "right", "words"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_a_rule_finds_what_is_wrong_and_nothing_else(rule: str, wrong: Resources, right: Resources, words: str) -> None:
    assert finds(rule, graph(wrong), words), [finding.detail for finding in found(rule, graph(wrong))]
    assert not found(rule, graph(right))


def test_no_rule_is_without_a_case() -> None:
    from .test_safe_corrections import ROWS

    tested = {case[0] for case in CASES} | {row[1] for row in ROWS} | NAMED
    assert not {rule.id for rule in SAFE} - tested


# Rules whose cases are functions, here or beside the corrections.
NAMED = {
    "alarm-that-never-sounds", "api-cors-with-any-origin-and-credentials", "api-open-to-any-page", "bucket-public-block-missing",
    "bucket-takes-clear-text", "bucket-without-access-log", "bucket-without-own-key", "bucket-without-versions",
    "budget-filter-matches-nothing", "database-open-to-a-stranger", "database-without-backup", "firewall-protects-nothing",
    "function-log-made-by-itself", "policy-resource-is-no-arn", "production-without-alarms", "security-group-open-to-the-world",
    "user-with-a-standing-key", "web-tier-on-spot-alone", "workload-reachable-from-the-internet",
}


@pytest.mark.parametrize("source", [
    {"cidr_ipv4": "0.0.0.0/0"}, {"cidr_ipv6": "::/0"}, {"cidr_ipv4": "128.0.0.0/1"},
    {"prefix_list_id": "${aws_ec2_managed_prefix_list.all.id}"},
])
def test_the_world_is_the_world_however_it_is_written(source: dict[str, str]) -> None:
    group = one("aws_security_group.a", vpc_id="v")
    listed = one("aws_ec2_managed_prefix_list.all", entry=[{"cidr": "0.0.0.0/0"}])

    def way(port: int) -> Resources:
        return one("aws_vpc_security_group_ingress_rule.a", security_group_id="${aws_security_group.a.id}", ip_protocol="tcp",
                   from_port=port, to_port=port, **source)

    balancer = one("aws_lb.front", security_groups=["${aws_security_group.a.id}"])
    inside = one("aws_lb.front", security_groups=["${aws_security_group.a.id}"], internal=True)
    rule = "security-group-open-to-the-world"
    assert finds(rule, graph(beside(group, listed, way(22))), "port 22")
    assert finds(rule, graph(beside(group, listed, way(443))), "port 443")
    assert not found(rule, graph(beside(group, listed, way(443), balancer)))
    assert finds(rule, graph(beside(group, listed, way(443), inside)))
    assert finds(rule, graph(beside(group, listed, way(8080), balancer)))


def test_a_database_of_development_without_any_backup_is_found() -> None:
    assert finds("database-without-backup", graph(one(DB), production=False))
    assert not found("database-without-backup", graph(one(DB, backup_retention_period=1), production=False))


@pytest.mark.parametrize("value", [
    "https://shop.example/path?token=1", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db",
    "${aws_db_instance.a.address}",
    "/shop/prod/db-password", "true", "3600", "15m", "", "orders-and-customers", "s3://bucket/key", "${var.password}",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
])
def test_what_is_no_secret_raises_no_alarm(value: str) -> None:
    for name in ("TOKEN_URL", "SECRET_ARN", "QUEUE", "PASSWORD_MIN_LENGTH", "CHECKSUM", "AUTH_TOKEN_TTL"):
        given = graph(one("aws_lambda_function.a", environment=[{"variables": {name: value}}]))
        assert not found("secret-in-environment", given), name


@pytest.mark.parametrize(("name", "value"), [
    ("DB_PASSWORD", "hunter2hunter2"), ("stripeApiKey", "whatever-it-is"), ("ANY", "AKIAQZXCVBNMASDFGH23"),
    ("ANY", "ghp_" + "a1B2" * 9), ("ANY", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"), ("CACHE", "redis://:s3cretvalue@cache:6379"),
    ("ANY", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"), ("ANY", "xoxb-123456789012-abcdefghij"),
    ("SIGNING", "k9Xw2pQz7Lm4Vb8Nc1Rt6Ys3Hd5Jf0Ga"),
])
def test_secrets_are_found_by_form_by_name_and_by_chance(name: str, value: str) -> None:
    assert finds("secret-in-environment", graph(one("aws_lambda_function.a", environment=[{"variables": {name: value}}])), name)


def test_policies_are_read_from_text_and_from_data_sources() -> None:
    text = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    assert finds("policy-allows-everything", graph(one("aws_iam_policy.a", policy=text)))
    document = {"data.aws_iam_policy_document.a": {"statement": [{"actions": ["*"], "resources": ["*"]}]},
                "aws_iam_policy.a": {"policy": "${data.aws_iam_policy_document.a.json}"}}
    assert finds("policy-allows-everything", graph(document))
    assert not found("policy-allows-everything", graph(one("aws_iam_policy.a", policy="${var.policy}")))
    assert not found("policy-allows-everything", graph(one("aws_iam_policy.a", policy="{not json")))


def test_what_names_no_resource_is_the_same_to_checks_and_to_the_contract_of_components() -> None:
    services = text.loads((Path(__file__).parents[1] / "iam_actions.json").read_text("utf-8"))["services"]
    own = {"ssm:UpdateInstanceInformation"}  # which the agent asks for the machine that it runs on
    differing = [f"{service}:{action}" for service, actions in services.items() for kind in ("named", "unnamed")
                 for action in actions[kind] if can_name_a_resource(f"{service}:{action}") is not (kind == "named")]
    assert set(differing) <= own


JUNK: list[Any] = [None, True, 5, "", "*", "[]", [], {}, [None], [[]], [{}], {"a": None}, 10**30, "\x00", "0.0.0.0/99",
                   json(None), json([1]),
                   json({"Statement": [3, {"Effect": [], "Action": {}, "Principal": [{}], "Condition": []}]})]


@pytest.mark.parametrize("name", ["data", "delivery", "identity", "network"])
def test_no_value_stops_a_rule(name: str) -> None:
    root = Path(__file__).parents[2] / "benchmarks" / "faulty"
    given = Definition(root / name).graph()
    for value in JUNK:
        for depth in range(3):
            spoilt = Graph("shop", "prod", production=True)
            for item in given:
                copied = copy.copy(item)
                copied.arguments = {key: spoil(argument, value, depth) for key, argument in item.arguments.items()}
                spoilt.add(copied)
            assert not check(spoilt, SAFE).faults, (value, depth)


def spoil(argument: Any, value: Any, depth: int) -> Any:
    """An argument with every value of one depth replaced."""
    if depth == 0:
        return value
    if isinstance(argument, JsonDocument):
        return JsonDocument(spoil(argument.content, value, depth))
    if isinstance(argument, dict):
        return {key: spoil(item, value, depth - 1) for key, item in argument.items()}
    if isinstance(argument, list):
        return [spoil(item, value, depth if isinstance(item, dict) else depth - 1) for item in argument]
    return argument
