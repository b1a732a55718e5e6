"""The definition against the requirement rows: functions, their rights, rollouts, events."""

from __future__ import annotations

import pytest
from mt_support.defined import FOLDER, graph

from groundsill.testing import Defined

DEV, STAGING, PROD = (Defined(graph(stage)) for stage in ("dev", "staging", "prod"))
NAMES = {DEV: "dev", STAGING: "staging", PROD: "prod"}
STAGES = pytest.mark.parametrize("stage", NAMES, ids=NAMES.values())
SERVICES = ("auth", "profile", "chat", "posts", "catalog", "ai")


def check_function(stage: Defined, name: str, *, memory: int = 512, timeout: int = 15, **variables: str) -> dict:
    function = stage.all("aws_lambda_function")[f"{name}_lambda"]
    assert function["function_name"] == f"{name}-lambda-{NAMES[stage]}"
    assert (function["memory_size"], function["timeout"]) == (memory, timeout)
    assert stage.environment(f"{name}_lambda").items() >= variables.items()
    return function


def table(name: str) -> str:
    return f"${{aws_dynamodb_table.{name}.name}}"


@STAGES
@pytest.mark.requirement("MT-R16", "MT-S11", "MT-C24")
def test_the_auth_function(stage: Defined) -> None:
    function = check_function(
        stage, "auth", timeout=10, COGNITO_USER_POOL_ID="${aws_cognito_user_pool.multitask_users.id}",
        COGNITO_CLIENT_ID="${aws_cognito_user_pool_client.multitask_users_app.id}",
        DYNAMODB_TABLE_SESSIONS=table("auth_sessions"))
    assert function.get("reserved_concurrent_executions") == (20 if stage is PROD else None)
    # Tokens are Cognito's, checked by its public keys: there is no shared secret to sign them with.
    assert not [name for name in stage.environment("auth_lambda") if "JWT" in name]


@STAGES
@pytest.mark.requirement("MT-R17")
def test_the_profile_function(stage: Defined) -> None:
    check_function(stage, "profile", DYNAMODB_TABLE_PROFILES=table("profile_profiles"),
                   S3_BUCKET_AVATARS="${aws_s3_bucket.profile_avatars_bucket.bucket}")
    assert "CLOUDFRONT_DOMAIN" in stage.environment("profile_lambda")


@STAGES
@pytest.mark.requirement("MT-R18", "MT-C27", "MT-C36", "MT-S11")
def test_the_chat_function_ends_before_the_gateways_give_up(stage: Defined) -> None:
    check_function(
        stage, "chat", memory=1024, timeout=28, DYNAMODB_TABLE_MESSAGES=table("chat_messages"),
        DYNAMODB_TABLE_ROOMS=table("chat_rooms"), DYNAMODB_TABLE_CONNECTIONS=table("chat_connections"),
        ELASTICACHE_CLUSTER="${aws_elasticache_replication_group.chat_redis.primary_endpoint_address}",
        WEBSOCKET_API_ENDPOINT="https://${aws_apigatewayv2_api.multitask_sockets.id}.execute-api.us-east-1.amazonaws.com/"
                               + NAMES[stage])
    warm = stage.all("aws_lambda_provisioned_concurrency_config")
    assert ({name: item["provisioned_concurrent_executions"] for name, item in warm.items()}.get("chat_lambda")) == (
        5 if stage is PROD else None)


@STAGES
@pytest.mark.requirement("MT-R19")
def test_the_posts_function(stage: Defined) -> None:
    check_function(stage, "posts", DYNAMODB_TABLE_POSTS=table("post_posts"), DYNAMODB_TABLE_COMMENTS=table("post_comments"))


@STAGES
@pytest.mark.requirement("MT-R20", "MT-C23")
def test_the_catalog_function_is_told_where_the_password_is_and_not_the_password(stage: Defined) -> None:
    root = f"/multitask/{NAMES[stage]}"
    check_function(stage, "catalog", RDS_ENDPOINT="${aws_rds_cluster.catalog_database.endpoint}",
                   RDS_DATABASE=f"multitask_{NAMES[stage]}", RDS_USERNAME_PARAMETER=f"{root}/rds-username",
                   RDS_PASSWORD_PARAMETER=f"{root}/rds-password")
    assert not {"RDS_USERNAME", "RDS_PASSWORD"} & set(stage.environment("catalog_lambda"))


@STAGES
@pytest.mark.requirement("MT-R21", "MT-C23", "MT-C27", "MT-T06", "MT-S11")
def test_the_assistants_function_fetches_its_keys_and_ends_before_the_gateway_gives_up(stage: Defined) -> None:
    root = f"/multitask/{NAMES[stage]}"
    check_function(stage, "ai", timeout=28, GEMINI_API_KEY_PARAMETER=f"{root}/gemini-api-key",
                   OPENAI_API_KEY_PARAMETER=f"{root}/openai-api-key", DYNAMODB_TABLE_USAGE=table("ai_usage"))
    assert not {"GEMINI_API_KEY", "OPENAI_API_KEY"} & set(stage.environment("ai_lambda"))
    assert "vpc_config" not in stage.all("aws_lambda_function")["ai_lambda"]


@STAGES
@pytest.mark.requirement("MT-R22", "MT-C43")
def test_health_knows_every_dependency(stage: Defined) -> None:
    check_function(stage, "health", RDS_ENDPOINT="${aws_rds_cluster.catalog_database.endpoint}",
                   ELASTICACHE_CLUSTER="${aws_elasticache_replication_group.chat_redis.primary_endpoint_address}")
    listed = stage.environment("health_lambda")["DYNAMODB_TABLES"].split(",")
    assert set(listed) == {table(name) for name in stage.all("aws_dynamodb_table")}
    assert listed[:2] == [table("auth_sessions"), table("profile_profiles")]


@STAGES
@pytest.mark.requirement("MT-R23", "MT-C41", "MT-S11")
def test_migrations_run_when_asked_for_and_their_daily_schedule_is_off(stage: Defined) -> None:
    check_function(stage, "migration", timeout=300, MIGRATION_STATE_TABLE=table("migration_state"))
    schedule = stage.all("aws_scheduler_schedule")["migration_schedule"]
    assert (schedule["schedule_expression"], schedule["state"]) == ("rate(1 day)", "DISABLED")
    assert schedule["target"][0]["arn"] == "${aws_lambda_function.migration_lambda.arn}"
    assert stage.all("aws_lambda_function_event_invoke_config")["migration_lambda"]["maximum_retry_attempts"] == 0


@pytest.mark.parametrize("name", NAMES.values())
@pytest.mark.requirement("MT-C42")
def test_the_same_migration_runs_in_a_container_where_a_setting_says_so(name: str) -> None:
    usual, stage = Defined(graph(name)), Defined(graph(name, migrate_in="container"))
    run = "terraform_data.catalog_schema"
    assert stage.graph[run].arguments["input"]["timeout"] == 12 * 3600 and run not in usual.graph
    assert not stage.all("aws_lambda_invocation") and len(usual.all("aws_lambda_invocation")) == 1
    assert "aws_rds_cluster.catalog_database" in stage.graph.needs(run)
    assert run in stage.graph.needs("aws_lambda_function.catalog_lambda")
    # What it may do and is told is what the function may do and is told, beside what a function is told of itself.
    told, function = stage.environment("migration_task"), usual.environment("migration_lambda")
    assert told.items() <= function.items() and told["MIGRATION_STATE_TABLE"] == table("migration_state")
    rights, its = stage.rights("migration_task"), usual.rights("migration_lambda")
    for action in ("secretsmanager:GetSecretValue", "dynamodb:PutItem", "dynamodb:Scan"):
        assert rights[action] == its[action]
    assert ("${aws_security_group.migration_task.id}", 5432) in stage.ingress("catalog_database")


@STAGES
@pytest.mark.requirement("MT-R24", "MT-C01", "MT-C39", "MT-C45", "MT-S07", "MT-T01")
def test_functions_are_python_on_arm_with_512_mb_and_traced(stage: Defined) -> None:
    functions = stage.all("aws_lambda_function")
    assert {item["runtime"] for item in functions.values()} == {"python3.13"}
    assert {tuple(item["architectures"]) for item in functions.values()} == {("arm64",)}
    assert {item["tracing_config"][0]["mode"] for item in functions.values()} == {"Active"}
    for name in ("profile", "posts", "catalog", "health"):
        check_function(stage, name)


@STAGES
@pytest.mark.requirement("MT-R04", "MT-C28")
def test_every_service_is_told_its_stage(stage: Defined) -> None:
    origins = {DEV: "*", STAGING: "https://staging.multitask.example",
               PROD: "https://multitask.example,https://www.multitask.example"}[stage]
    told = {"STAGE": NAMES[stage], "REGION": "us-east-1", "LOG_LEVEL": "debug" if stage is DEV else "info",
            "CORS_ORIGINS": origins, "RATE_LIMIT_ENABLED": "false" if stage is DEV else "true"}
    for name in stage.all("aws_lambda_function"):
        if name != "prune_lambda":
            assert stage.environment(name).items() >= told.items(), name


@STAGES
@pytest.mark.requirement("MT-R25")
def test_gateways_may_call_the_functions_they_lead_to_and_no_others(stage: Defined) -> None:
    permissions = stage.all("aws_lambda_permission")
    assert {item["principal"] for item in permissions.values()} == {"apigateway.amazonaws.com"}
    api = "${aws_api_gateway_rest_api.multitask_api.execution_arn}"
    for name in SERVICES:
        below = permissions[f"multitask_api_any_v1_{name}_proxy"]
        assert below["source_arn"] == f"{api}/{NAMES[stage]}/*/v1/{name}/*"
        assert below["function_name"] == f"${{aws_lambda_function.{name}_lambda.function_name}}"
        assert below["qualifier"] == f"${{aws_lambda_alias.{name}_lambda.name}}"
    sockets = [item["source_arn"] for name, item in permissions.items() if name.startswith("multitask_sockets_")]
    assert len(sockets) == 6
    # The schedule calls with a role of its own.
    assert stage.statements("migration_schedule")["MigrationLambdaInvoke"] == (
        {"lambda:InvokeFunction"}, {"${aws_lambda_function.migration_lambda.arn}"})


@STAGES
@pytest.mark.requirement("MT-R26", "MT-C14", "MT-C17", "MT-C18", "MT-S18")
def test_callers_reach_a_version_through_an_alias_that_terraform_leaves_alone(stage: Defined) -> None:
    aliases = stage.all("aws_lambda_alias")
    assert set(aliases) == {f"{name}_lambda" for name in SERVICES}
    for name, alias in aliases.items():
        assert alias["name"] == "live"
        assert alias["function_version"] == f"${{aws_lambda_function.{name}.version}}"
        lifecycle = stage.graph.resources[f"aws_lambda_alias.{name}"].lifecycle
        assert lifecycle is not None
        assert lifecycle.ignore_changes == ("function_version", "routing_config")
        assert stage.all("aws_lambda_function")[name]["publish"] is True


@pytest.mark.requirement("MT-R27", "MT-R03", "MT-C13", "MT-C14", "MT-C46", "MT-S10", "MT-T08")
def test_production_keeps_functions_warm_and_reserves_within_an_accounts_quota() -> None:
    warm = {name.removesuffix("_lambda"): item["provisioned_concurrent_executions"]
            for name, item in PROD.all("aws_lambda_provisioned_concurrency_config").items()}
    assert warm == {"auth": 10, "profile": 10, "chat": 5, "posts": 10, "catalog": 10, "ai": 10}
    assert {item["qualifier"] for item in PROD.all("aws_lambda_provisioned_concurrency_config").values()} == {
        f"${{aws_lambda_alias.{name}_lambda.name}}" for name in SERVICES}
    reserved = {name: item.get("reserved_concurrent_executions") for name, item in PROD.all("aws_lambda_function").items()}
    assert reserved["auth_lambda"] == 20
    assert {reserved[f"{name}_lambda"] for name in SERVICES if name != "auth"} == {100}
    assert sum(number or 0 for number in reserved.values()) <= 1000 - 100
    for stage in (DEV, STAGING):
        assert not stage.all("aws_lambda_provisioned_concurrency_config")
        assert not [item for item in stage.all("aws_lambda_function").values() if "reserved_concurrent_executions" in item]


@STAGES
@pytest.mark.requirement("MT-R28", "MT-C17", "MT-S18")
def test_a_tenth_of_the_traffic_tries_a_new_version_and_an_alarm_takes_it_back(stage: Defined) -> None:
    assert stage.one("aws_codedeploy_app")["compute_platform"] == "Lambda"
    groups = stage.all("aws_codedeploy_deployment_group")
    assert set(groups) == {f"{name}_lambda" for name in SERVICES}
    for name, group in groups.items():
        assert group["deployment_config_name"] == (
            "CodeDeployDefault.LambdaAllAtOnce" if stage is DEV else "CodeDeployDefault.LambdaCanary10Percent5Minutes")
        assert group["deployment_style"] == [
            {"deployment_type": "BLUE_GREEN", "deployment_option": "WITH_TRAFFIC_CONTROL"}]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["auto_rollback_configuration"][0]["events"]
        assert f"${{aws_cloudwatch_metric_alarm.{name}_errors.alarm_name}}" in group["alarm_configuration"][0]["alarms"]


@STAGES
@pytest.mark.requirement("MT-R52", "MT-C35")
def test_every_service_may_publish_on_the_systems_own_bus(stage: Defined) -> None:
    assert stage.one("aws_cloudwatch_event_bus")["name"] == f"multitask-events-{NAMES[stage]}"
    for name in SERVICES:
        assert stage.statements(f"{name}_lambda")["MultitaskEventsPublish"] == (
            {"events:PutEvents"}, {"${aws_cloudwatch_event_bus.multitask_events.arn}"})
        assert stage.environment(f"{name}_lambda")["EVENT_BUS"] == "${aws_cloudwatch_event_bus.multitask_events.name}"


@STAGES
@pytest.mark.requirement("MT-R53")
def test_rules_lead_events_to_a_queue_and_to_a_topic_and_all_are_kept(stage: Defined) -> None:
    rules = stage.all("aws_cloudwatch_event_rule")
    assert rules["multitask_record"]["event_pattern"] == {"source": [{"prefix": "multitask."}]}
    assert "user.registered" in rules["multitask_notify"]["event_pattern"]["detail-type"]
    targets = stage.all("aws_cloudwatch_event_target")
    assert {(item["rule"], item["arn"]) for item in targets.values()} == {
        ("${aws_cloudwatch_event_rule.multitask_record.name}", "${aws_sqs_queue.multitask_events_queue.arn}"),
        ("${aws_cloudwatch_event_rule.multitask_notify.name}", "${aws_sns_topic.multitask_notifications.arn}")}
    assert {item["dead_letter_config"][0]["arn"] for item in targets.values()} == {"${aws_sqs_queue.multitask_undelivered.arn}"}
    assert stage.one("aws_cloudwatch_event_archive")["retention_days"] == (7 if stage is DEV else 30)


@STAGES
@pytest.mark.requirement("MT-R54")
def test_notifications_go_from_their_topic_into_a_queue(stage: Defined) -> None:
    topic = stage.all("aws_sns_topic")["multitask_notifications"]
    assert topic["name"] == f"multitask-notifications-{NAMES[stage]}"
    subscription = stage.one("aws_sns_topic_subscription", protocol="sqs")
    assert subscription["topic_arn"] == "${aws_sns_topic.multitask_notifications.arn}"
    assert subscription["endpoint"] == "${aws_sqs_queue.multitask_notifications_queue.arn}"


@STAGES
@pytest.mark.requirement("MT-R55")
def test_what_cannot_be_handled_waits_in_dead_letter_queues(stage: Defined) -> None:
    queues = stage.all("aws_sqs_queue")
    assert set(queues) == {"multitask_events_queue", "multitask_events_dead", "multitask_notifications_queue",
                           "multitask_notifications_dead", "multitask_undelivered"}
    for name in ("multitask_events_dead", "multitask_notifications_dead", "multitask_undelivered"):
        assert stage.all("aws_cloudwatch_metric_alarm")[f"{name}_depth"]["threshold"] == 1
    for name in ("events", "notifications"):
        assert queues[f"multitask_{name}_queue"]["redrive_policy"] == {
            "deadLetterTargetArn": f"${{aws_sqs_queue.multitask_{name}_dead.arn}}", "maxReceiveCount": 3}
        (statement,) = stage.all("aws_sqs_queue_policy")[f"multitask_{name}_queue"]["policy"]["Statement"]
        assert statement["Action"] == "sqs:SendMessage"
        assert "aws:SourceArn" in statement["Condition"]["ArnEquals"]


@STAGES
@pytest.mark.requirement("MT-R56", "MT-C37")
def test_every_stream_has_a_reader(stage: Defined) -> None:
    mappings = stage.all("aws_lambda_event_source_mapping")
    streamed = {name for name, item in stage.all("aws_dynamodb_table").items() if item.get("stream_enabled")}
    assert streamed == {"auth_sessions", "profile_profiles", "chat_messages"}
    for name in streamed:
        mapping = mappings[f"changes_lambda_{name}"]
        assert mapping["event_source_arn"] == f"${{aws_dynamodb_table.{name}.stream_arn}}"
        assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
        assert "dynamodb:GetRecords" in stage.statements("changes_lambda")[
            "".join(word.title() for word in name.split("_")) + "Stream"][0]
    assert {item["event_source_arn"] for name, item in mappings.items() if name.startswith("events_lambda")} == {
        "${aws_sqs_queue.multitask_events_queue.arn}", "${aws_sqs_queue.multitask_notifications_queue.arn}"}


@STAGES
@pytest.mark.requirement("MT-R59", "MT-C04", "MT-C06", "MT-S03", "MT-T02", "MT-T07")
def test_each_function_has_a_role_of_its_own_with_what_it_uses_and_no_more(stage: Defined) -> None:
    for name, function in stage.all("aws_lambda_function").items():
        assert function["role"] == f"${{aws_iam_role.{name}.arn}}"
        for sid, (actions, resources) in stage.statements(name).items():
            named = [action for action in actions if not action.startswith("xray:Put") and action != "dynamodb:ListStreams"]
            assert "*" not in resources or not named, (name, sid)
            assert not [action for action in actions if action.endswith("*")], (name, sid)
        assert {"logs:CreateLogStream", "logs:PutLogEvents"} in [actions for actions, _ in stage.statements(name).values()]
    reads, read_from = stage.statements("auth_lambda")["AuthSessionsReadWrite"]
    writes, written_to = stage.statements("auth_lambda")["AuthSessionsReadWrite2"]
    assert {"dynamodb:GetItem", "dynamodb:Query"} <= reads
    assert {f"dynamodb:{verb}Item" for verb in ("Put", "Update", "Delete")} <= writes
    assert read_from == {"${aws_dynamodb_table.auth_sessions.arn}",
                         "${aws_dynamodb_table.auth_sessions.arn}/index/user-id-index"}
    assert written_to == {"${aws_dynamodb_table.auth_sessions.arn}"}
    assert "PostCommentsReadWrite" in stage.statements("posts_lambda")
    assert stage.statements("chat_lambda")["MultitaskSocketsPush"] == (
        {"execute-api:ManageConnections"},
        {"${aws_apigatewayv2_api.multitask_sockets.execution_arn}/" + NAMES[stage] + "/*/@connections/*"})
    assert any(action.startswith("cognito-idp:Admin")
               for action in stage.statements("auth_lambda")["MultitaskUsersManage"][0])


@pytest.mark.requirement("MT-R69", "MT-C02", "MT-C32", "MT-S19")
def test_one_definition_has_all_the_modules_that_the_three_variants_had() -> None:
    for name in SERVICES:
        assert (FOLDER / "functions" / f"{name}.py").is_file()
    types = {resource.type for resource in PROD.graph}
    assert {"aws_vpc", "aws_wafv2_web_acl", "aws_rds_cluster", "aws_s3_bucket"} <= types  # networking .. storage
    assert not list(FOLDER.glob("**/serverless.y*ml")) + list(FOLDER.glob("**/*.tf"))


@STAGES
@pytest.mark.requirement("MT-R70")
def test_old_versions_can_be_pruned_and_deployments_are_told_of(stage: Defined) -> None:
    statements = stage.statements("prune_lambda").values()
    deletes = {arn for actions, resources in statements if actions == {"lambda:DeleteFunction"} for arn in resources}
    assert deletes == {f"${{aws_lambda_function.{name}_lambda.arn}}:*" for name in SERVICES}  # versions, never the function
    assert stage.all("aws_scheduler_schedule")["prune_schedule"]["state"] == "DISABLED"
    for group in stage.all("aws_codedeploy_deployment_group").values():
        (trigger,) = group["trigger_configuration"]
        assert trigger["trigger_target_arn"] == "${aws_sns_topic.multitask_alerts.arn}"
        assert {"DeploymentFailure", "DeploymentRollback"} <= set(trigger["trigger_events"])
    assert "sns:Publish" in stage.statements("rollouts")["Tell0"][0]
