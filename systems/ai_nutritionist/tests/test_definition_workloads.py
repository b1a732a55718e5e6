"""The definition against the requirement rows: tables, functions, queues, the API, schedules, secrets, messages, models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from an_support.defined import DEV, PROD, STAGES, STAGING, graph, refused

from groundsill.testing import Defined

ALL = (DEV, STAGING, PROD)
EACH = pytest.mark.parametrize("stage", ALL, ids=STAGES)
READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
WRITE = {"dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
SEND = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"}
CONSUME = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
           "sqs:ReceiveMessage"}
FUNCTIONS = {"universal_message_handler", "billing_webhook", "meal_plan_scheduler", "async_worker", "data_rights", "health",
             "alert_forwarder", "reports"}


def check_table(stage: Defined, name: str, keys: tuple[str, ...], indexes: dict[str, str], expires: str | None = None) -> None:
    table = stage.all("aws_dynamodb_table")[name]
    assert table["name"] == f"ai-nutritionist-{name.replace('_', '-')}-{stage.stage}"
    assert (table["hash_key"], table.get("range_key")) == (keys[0], keys[1] if len(keys) > 1 else None)
    # On demand follows the load by itself: no scaling policies beside it.
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert not stage.all("aws_appautoscaling_target")
    assert table["point_in_time_recovery"] == [{"enabled": True, "recovery_period_in_days": 35}]
    assert table["server_side_encryption"] == [{"enabled": True, "kms_key_arn": "${aws_kms_key.data.arn}"}]
    assert table["deletion_protection_enabled"] is (stage is PROD)
    assert {item["name"]: item["hash_key"] for item in table.get("global_secondary_index", [])} == indexes
    assert table.get("ttl") == ([{"attribute_name": expires, "enabled": True}] if expires else None)
    replicas = [(item["region_name"], item["kms_key_arn"], item["point_in_time_recovery"]) for item in table.get("replica", [])]
    assert replicas == ([("us-west-2", "${aws_kms_key.data_us_west_2.arn}", True)] if stage is PROD else [])


@EACH
@pytest.mark.requirement("AN-R19", "AN-C15", "AN-S08", "AN-S26")
def test_users_are_found_by_phone(stage: Defined) -> None:
    check_table(stage, "users", ("UserId",), {"ByPhone": "Phone"})


@EACH
@pytest.mark.requirement("AN-R20", "AN-S08")
def test_conversations_are_kept_by_user_and_time_and_expire(stage: Defined) -> None:
    check_table(stage, "conversations", ("UserId", "SentAt"), {}, "ExpiresAt")
    assert stage.environment("universal_message_handler")["CONVERSATION_DAYS"] == "365"


@EACH
@pytest.mark.requirement("AN-R21", "AN-S08")
def test_meal_plans_are_kept_by_user_and_week(stage: Defined) -> None:
    check_table(stage, "meal_plans", ("UserId", "Week"), {})


@EACH
@pytest.mark.requirement("AN-R22", "AN-S08")
def test_subscriptions_and_processed_events_are_kept_and_found_by_user(stage: Defined) -> None:
    check_table(stage, "subscriptions", ("Id",), {"ByUser": "UserId"}, "ExpiresAt")


@EACH
@pytest.mark.requirement("AN-R23", "AN-S08")
def test_consents_and_the_audit_trail_are_kept_by_user_and_time(stage: Defined) -> None:
    check_table(stage, "consents", ("UserId", "RecordedAt"), {})


@EACH
@pytest.mark.requirement("AN-R24", "AN-S08")
def test_families_are_found_by_member(stage: Defined) -> None:
    check_table(stage, "families", ("FamilyId", "MemberId"), {"ByMember": "MemberId"})


@pytest.mark.requirement("AN-C01", "AN-S06")
def test_loss_of_a_region_costs_seconds_where_tables_have_a_replica() -> None:
    for table in PROD.all("aws_dynamodb_table").values():
        assert [item["region_name"] for item in table["replica"]] == ["us-west-2"]
        assert (table["stream_enabled"], table["stream_view_type"]) == (True, "NEW_AND_OLD_IMAGES")
    assert PROD.provider("aws_kms_key.data_us_west_2") == "us_west_2"
    assert "lives in" in refused("dev", replica_region="us-east-1")


def check_function(stage: Defined, name: str, handler: str, memory: int, timeout: int, reserved: int) -> dict[str, Any]:
    function = stage.all("aws_lambda_function")[name]
    assert (function["handler"], function["runtime"], function["architectures"]) == (handler, "python3.13", ["arm64"])
    assert (function["memory_size"], function["timeout"]) == (memory, timeout)
    assert function["reserved_concurrent_executions"] == reserved
    assert function["tracing_config"] == [{"mode": "Active"}]
    assert ("vpc_config" in function) is (stage is not DEV)
    return function


@EACH
@pytest.mark.requirement("AN-R25", "AN-S26")
def test_one_handler_takes_messages_of_every_channel(stage: Defined) -> None:
    function = check_function(stage, "universal_message_handler", "functions.messages.handle", 512, 29, 100)
    assert function["function_name"] == f"ai-nutritionist-universal-message-handler-{stage.stage}"


@EACH
@pytest.mark.requirement("AN-R26")
def test_a_function_of_its_own_takes_what_stripe_tells(stage: Defined) -> None:
    check_function(stage, "billing_webhook", "functions.billing.webhook", 256, 29, 10)
    rights = stage.rights("billing_webhook")
    assert rights["secretsmanager:GetSecretValue"] == {"${aws_secretsmanager_secret.stripe.arn}"}


@EACH
@pytest.mark.requirement("AN-R27")
def test_meal_plans_are_started_by_a_function_that_schedules_call(stage: Defined) -> None:
    check_function(stage, "meal_plan_scheduler", "functions.planning.schedule", 256, 300, 2)
    assert stage.rights("meal_plan_scheduler")["sqs:SendMessage"] == {
        "${aws_sqs_queue.meal_plan_jobs.arn}", "${aws_sqs_queue.meal_plan_scheduler_dead.arn}"}


@EACH
@pytest.mark.requirement("AN-R28")
def test_a_worker_reads_both_queues_in_batches_and_gives_back_only_what_failed(stage: Defined) -> None:
    check_function(stage, "async_worker", "functions.work.consume", 512, 60, 20)
    mappings = stage.all("aws_lambda_event_source_mapping").values()
    assert {item["event_source_arn"] for item in mappings} == {
        "${aws_sqs_queue.inbound_messages.arn}", "${aws_sqs_queue.meal_plan_jobs.arn}"}
    for item in mappings:
        assert item["function_name"] == "${aws_lambda_function.async_worker.arn}"
        assert item["function_response_types"] == ["ReportBatchItemFailures"]
        assert item["scaling_config"] == [{"maximum_concurrency": 10}]


@EACH
@pytest.mark.requirement("AN-R29")
def test_people_may_export_and_delete_what_is_known_of_them(stage: Defined) -> None:
    check_function(stage, "data_rights", "functions.rights.handle", 512, 29, 5)
    rights = stage.rights("data_rights")
    tables = {"users", "conversations", "meal_plans", "subscriptions", "consents", "families"}
    for action in ("dynamodb:DeleteItem", "dynamodb:Query"):
        assert {f"${{aws_dynamodb_table.{name}.arn}}" for name in tables} <= rights[action]
    assert "${aws_s3_bucket.exports.arn}/*" in rights["s3:PutObject"]
    rules = stage.all("aws_s3_bucket_lifecycle_configuration")["exports"]["rule"]
    assert [{"days": 7}] in [rule.get("expiration") for rule in rules]


@EACH
@pytest.mark.requirement("AN-R30")
def test_each_caller_may_call_its_function_and_no_other(stage: Defined) -> None:
    allowed = {(item["principal"], item["function_name"], item["source_arn"])
               for item in stage.all("aws_lambda_permission").values()}
    execution = "${aws_api_gateway_rest_api.api.execution_arn}"
    base = f"{execution}/{stage.stage}"
    expected = {("apigateway.amazonaws.com", f"${{aws_lambda_function.{name}.function_name}}", f"{base}/{path}")
                for name, path in (
                    ("universal_message_handler", "POST/webhook/sms"), ("universal_message_handler", "POST/webhook/chat"),
                    ("billing_webhook", "POST/webhook/stripe"), ("health", "GET/health"), ("data_rights", "POST/privacy/consent"),
                    ("data_rights", "POST/privacy/export"), ("data_rights", "POST/privacy/delete"))}
    expected |= {("sns.amazonaws.com", "${aws_lambda_function.alert_forwarder.function_name}",
                  f"${{aws_sns_topic.alerts_{severity}.arn}}") for severity in ("critical", "warning")}
    assert allowed == expected


ROUTES = {"webhook_sms": "POST", "webhook_chat": "POST", "webhook_stripe": "POST", "privacy_consent": "POST",
          "privacy_export": "POST", "privacy_delete": "POST", "health": "GET"}


@EACH
@pytest.mark.requirement("AN-R31", "AN-S19")
def test_the_api_has_its_routes_and_answers_preflights_of_configured_origins(stage: Defined) -> None:
    methods = {(item["resource_id"].removeprefix("${aws_api_gateway_resource.api_").removesuffix(".id}"), item["http_method"])
               for item in stage.all("aws_api_gateway_method").values()}
    assert methods == set(ROUTES.items()) | {(path, "OPTIONS") for path in ROUTES}
    integrations = stage.all("aws_api_gateway_integration")
    assert {item["type"] for name, item in integrations.items() if "options" not in name} == {"AWS_PROXY"}
    answer = stage.all("aws_api_gateway_integration_response")["api_options_webhook_chat"]["response_parameters"]
    origin = {DEV: "http://localhost:3000", STAGING: "https://staging.nutrition.example", PROD: "https://nutrition.example"}
    assert answer["method.response.header.Access-Control-Allow-Origin"] == f"'{origin[stage]}'"
    deployment = stage.one("aws_api_gateway_deployment")
    assert deployment["triggers"]["routes"]
    assert stage.one("aws_api_gateway_rest_api")["endpoint_configuration"] == [{"types": ["REGIONAL"]}]


@EACH
@pytest.mark.requirement("AN-R32", "AN-R55", "AN-S19", "AN-S26")
def test_the_stage_limits_requests_logs_them_and_traces_them(stage: Defined) -> None:
    made = stage.one("aws_api_gateway_stage")
    assert (made["stage_name"], made["xray_tracing_enabled"]) == (stage.stage, True)
    assert made["access_log_settings"][0]["destination_arn"] == "${aws_cloudwatch_log_group.api.arn}"
    settings = stage.one("aws_api_gateway_method_settings")
    assert settings["method_path"] == "*/*"
    assert (settings["settings"][0]["throttling_burst_limit"], settings["settings"][0]["throttling_rate_limit"]) == (100, 50)
    changed = Defined(graph(stage.stage, api_rate=5, api_burst=7)).one("aws_api_gateway_method_settings")["settings"][0]
    assert (changed["throttling_burst_limit"], changed["throttling_rate_limit"]) == (7, 5)


@EACH
@pytest.mark.requirement("AN-R33")
def test_keys_tell_web_clients_apart_and_are_asked_of_nobody_who_cannot_send_one(stage: Defined) -> None:
    assert {name for name, item in stage.all("aws_api_gateway_method").items() if item.get("api_key_required")} == {
        "api_post_webhook_chat"}
    plan = stage.one("aws_api_gateway_usage_plan")
    assert plan["throttle_settings"] == [{"burst_limit": 20, "rate_limit": 10}]
    assert plan["quota_settings"] == [{"limit": 100_000, "period": "MONTH"}]
    joined = stage.one("aws_api_gateway_usage_plan_key")
    assert joined["key_id"] == "${aws_api_gateway_api_key.api_clients_web_chat.id}"
    # What Twilio and Stripe sign is checked with these.
    for function, secret in (("universal_message_handler", "twilio"), ("billing_webhook", "stripe")):
        assert f"${{aws_secretsmanager_secret.{secret}.arn}}" in stage.rights(function)["secretsmanager:GetSecretValue"]


@pytest.mark.requirement("AN-R40", "AN-C21", "AN-C22")
def test_with_aws_as_provider_a_number_sends_and_receives_and_twilio_is_not_there() -> None:
    stage = Defined(graph("prod", sms_provider="aws", sms_number="TOLL_FREE", sms_registration="registration-0123"))
    number = stage.one("aws_pinpointsmsvoicev2_phone_number")
    assert (number["number_type"], number["message_type"], number["iso_country_code"]) == ("TOLL_FREE", "TRANSACTIONAL", "US")
    assert number["registration_id"] == "registration-0123"
    assert (number["two_way_channel_enabled"], number["two_way_channel_arn"]) == (True, "${aws_sns_topic.inbound_sms.arn}")
    assert number["opt_out_list_name"] == "${aws_pinpointsmsvoicev2_opt_out_list.sms.name}"
    assert number["self_managed_opt_outs_enabled"] is True
    assert number["deletion_protection_enabled"] is True
    assert stage.one("aws_pinpointsmsvoicev2_configuration_set")["default_message_type"] == "TRANSACTIONAL"
    for function in ("universal_message_handler", "async_worker"):
        assert stage.rights(function)["sms-voice:SendTextMessage"] == {
            "${aws_pinpointsmsvoicev2_phone_number.sms.arn}", "${aws_pinpointsmsvoicev2_configuration_set.sms.arn}"}
    subscription = stage.all("aws_sns_topic_subscription")["inbound_sms_universal_message_handler"]
    assert subscription["endpoint"] == "${aws_lambda_function.universal_message_handler.arn}"
    assert "twilio" not in stage.all("aws_secretsmanager_secret")
    assert not [type_ for type_ in stage.types() if type_.startswith("aws_pinpoint_")]
    assert not [type_ for type_ in PROD.types() if type_.startswith("aws_pinpoint")]
    assert "registration" in refused("prod", sms_provider="aws", sms_number="TOLL_FREE")


def check_secret(stage: Defined, name: str, keys: set[str]) -> None:
    assert stage.all("aws_secretsmanager_secret")[name]["kms_key_id"] == "${aws_kms_key.data.arn}"
    version = stage.all("aws_secretsmanager_secret_version")[name]
    # Written once, empty, and kept in no state: people put the values in.
    assert "secret_string" not in version
    content = version["secret_string_wo"]
    assert (json.loads(content) if isinstance(content, str) else content) == dict.fromkeys(keys, "")


@EACH
@pytest.mark.requirement("AN-R41", "AN-C23")
def test_twilios_credentials_are_in_a_secret_that_only_senders_read(stage: Defined) -> None:
    check_secret(stage, "twilio", {"account_sid", "auth_token", "sender_number"})
    readers = {role for role in FUNCTIONS if "${aws_secretsmanager_secret.twilio.arn}"
               in stage.rights(role).get("secretsmanager:GetSecretValue", set())}
    assert readers == {"universal_message_handler", "async_worker"}
    assert stage.environment("async_worker")["TWILIO_SECRET_ARN"] == "${aws_secretsmanager_secret.twilio.arn}"


@EACH
@pytest.mark.requirement("AN-R42", "AN-C23", "AN-C27")
def test_stripes_credentials_and_alert_channels_are_in_secrets(stage: Defined) -> None:
    check_secret(stage, "stripe", {"secret_key", "webhook_secret"})
    check_secret(stage, "alert_channels", {"chat_webhook", "pager_key"})
    assert stage.rights("alert_forwarder")["secretsmanager:GetSecretValue"] == {
        "${aws_secretsmanager_secret.alert_channels.arn}"}


@EACH
@pytest.mark.requirement("AN-R43")
def test_two_functions_may_call_one_model(stage: Defined) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    callers = {role: rights for role in FUNCTIONS if (rights := stage.rights(role).get("bedrock:InvokeModel"))}
    assert callers == {name: {arn} for name in ("universal_message_handler", "async_worker")}
    assert stage.environment("async_worker")["MODEL_MODEL_ID"] == "amazon.nova-lite-v1:0"


@EACH
@pytest.mark.requirement("AN-R44", "AN-S19")
def test_every_function_has_a_role_of_its_own_with_exact_rights(stage: Defined) -> None:
    functions = stage.all("aws_lambda_function")
    assert set(functions) == FUNCTIONS
    assert len({item["role"] for item in functions.values()}) == len(FUNCTIONS)
    for role in FUNCTIONS:
        (trust,) = stage.all("aws_iam_role")[role]["assume_role_policy"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        for action, resources in stage.rights(role).items():
            assert "*" not in action
            # X-Ray names no resource.
            assert "*" not in resources or action.startswith("xray:"), (role, action)
    rights = stage.rights("billing_webhook")
    subscriptions = "${aws_dynamodb_table.subscriptions.arn}"
    for action in READ | WRITE:
        assert subscriptions in rights[action]
    assert "${aws_dynamodb_table.conversations.arn}" not in set().union(*rights.values())
    attached = {item["policy_arn"] for item in stage.all("aws_iam_role_policy_attachment").values() if item["role"].startswith(
        tuple(f"${{aws_iam_role.{role}." for role in FUNCTIONS))}
    assert attached == (set() if stage is DEV else {"arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"})


@EACH
@pytest.mark.requirement("AN-R46", "AN-S19")
def test_every_function_logs_json_into_a_group_that_ends(stage: Defined) -> None:
    groups = stage.all("aws_cloudwatch_log_group")
    for name, function in stage.all("aws_lambda_function").items():
        assert groups[name]["name"].startswith("/aws/lambda/ai-nutritionist-")
        assert groups[name]["kms_key_id"] == "${aws_kms_key.data.arn}"
        assert function["logging_config"] == [{"log_format": "JSON", "log_group": f"${{aws_cloudwatch_log_group.{name}.name}}"}]
    assert {item["retention_in_days"] for item in groups.values()} == {365 if stage is PROD else 30}
    changed = Defined(graph(stage.stage, log_retention_days=7)).all("aws_cloudwatch_log_group")
    assert {item["retention_in_days"] for item in changed.values()} == {7}


SCHEDULES = {"weekly_plans": ("cron(0 6 ? * SUN *)", "meal_plan_scheduler"), "daily_summary": ("cron(0 7 * * ? *)", "reports"),
             "budget_report": ("cron(0 8 ? * MON *)", "reports"), "compliance_status": ("cron(0 8 1 * ? *)", "reports")}


@EACH
@pytest.mark.requirement("AN-R47", "AN-S13")
def test_meal_plans_and_reports_are_started_at_their_times(stage: Defined) -> None:
    schedules = stage.all("aws_scheduler_schedule")
    assert stage.one("aws_scheduler_schedule_group")["name"] == f"ai-nutritionist-jobs-{stage.stage}"
    assert set(schedules) == set(SCHEDULES)
    for name, (when, function) in SCHEDULES.items():
        item = schedules[name]
        assert (item["schedule_expression"], item["schedule_expression_timezone"], item["state"]) == (when, "UTC", "ENABLED")
        assert item["group_name"] == "${aws_scheduler_schedule_group.jobs.name}"
        (target,) = item["target"]
        assert target["arn"] == f"${{aws_lambda_function.{function}.arn}}"
        assert target["input"] == {"task": name.replace("_", "-")}
        assert target["dead_letter_config"] == [{"arn": "${aws_sqs_queue.schedules_dead.arn}"}]
        assert stage.rights(name)["lambda:InvokeFunction"] == {f"${{aws_lambda_function.{function}.arn}}"}
    assert "${aws_sns_topic.alerts_info.arn}" in stage.rights("reports")["sns:Publish"]


@EACH
@pytest.mark.requirement("AN-R49")
def test_what_takes_long_waits_in_queues(stage: Defined) -> None:
    queues = stage.all("aws_sqs_queue")
    for name in ("inbound_messages", "meal_plan_jobs"):
        assert queues[name]["name"] == f"ai-nutritionist-{name.replace('_', '-')}-{stage.stage}"
        # Six times the worker's timeout, as AWS recommends.
        assert queues[name]["visibility_timeout_seconds"] == 360
    for action in SEND - {"sqs:SendMessage"}:
        assert {"${aws_sqs_queue.inbound_messages.arn}", "${aws_sqs_queue.meal_plan_jobs.arn}"} <= stage.rights(
            "universal_message_handler")[action]
    assert set(stage.rights("async_worker")) >= CONSUME


@EACH
@pytest.mark.requirement("AN-R50")
def test_every_queue_and_every_asynchronous_function_has_a_dead_letter_queue_that_raises_an_alarm(stage: Defined) -> None:
    queues = stage.all("aws_sqs_queue")
    for name in ("inbound_messages", "meal_plan_jobs"):
        assert queues[name]["redrive_policy"] == {
            "deadLetterTargetArn": f"${{aws_sqs_queue.{name}_dead.arn}}", "maxReceiveCount": 3}
        allowed = stage.all("aws_sqs_queue_redrive_allow_policy")[f"{name}_dead"]["redrive_allow_policy"]
        assert allowed == {"redrivePermission": "byQueue", "sourceQueueArns": [f"${{aws_sqs_queue.{name}.arn}}"]}
    failures = stage.all("aws_lambda_function_event_invoke_config")
    for name in ("meal_plan_scheduler", "alert_forwarder", "reports"):
        assert failures[name]["destination_config"] == [{"on_failure": [{"destination": f"${{aws_sqs_queue.{name}_dead.arn}}"}]}]
    dead = {name for name in queues if name.endswith("_dead")}
    assert dead == {"inbound_messages_dead", "meal_plan_jobs_dead", "meal_plan_scheduler_dead", "alert_forwarder_dead",
                    "reports_dead", "schedules_dead"}
    for name in dead:
        assert queues[name]["message_retention_seconds"] == 14 * 86_400
        assert stage.all("aws_cloudwatch_metric_alarm")[f"{name}_depth"]["threshold"] == 1


@EACH
@pytest.mark.requirement("AN-R70")
def test_a_guardrail_and_a_record_of_model_calls_are_off_until_asked_for(stage: Defined) -> None:
    assert "aws_bedrock_guardrail" not in stage.types()
    account = Defined(graph(stage.stage, folder="account"))
    assert "aws_bedrock_model_invocation_logging_configuration" not in account.types()
    guarded = Defined(graph(stage.stage, enable_guardrail=True))
    guardrail = guarded.one("aws_bedrock_guardrail")
    assert guardrail["topic_policy_config"][0]["topics_config"][0]["type"] == "DENY"
    assert guarded.rights("async_worker")["bedrock:ApplyGuardrail"] == {"${aws_bedrock_guardrail.advice.guardrail_arn}"}
    logged = Defined(graph(stage.stage, folder="account", log_model_calls=True))
    found = logged.one("aws_bedrock_model_invocation_logging_configuration")["logging_config"]
    configured = found[0] if isinstance(found, list) else found
    assert (configured["text_data_delivery_enabled"], configured["image_data_delivery_enabled"]) == (True, False)


@pytest.mark.requirement("AN-C25", "AN-S26")
def test_reservations_leave_the_account_what_it_must_keep() -> None:
    for stage in ALL:
        reserved = [item["reserved_concurrent_executions"] for item in stage.all("aws_lambda_function").values()]
        assert sum(reserved) <= 1000 - 100
    assert "reserve_concurrency" in refused("prod", account_concurrency=150)
    small = Defined(graph("dev", account_concurrency=10, reserve_concurrency=False))
    assert not [item for item in small.all("aws_lambda_function").values() if "reserved_concurrent_executions" in item]
