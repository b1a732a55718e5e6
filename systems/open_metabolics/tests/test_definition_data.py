"""The definition against the requirement rows: tables, queues, identity, settings, outputs."""

from __future__ import annotations

import pytest
from om_support.defined import graph

from groundsill import GroundsillError
from groundsill.testing import Defined, plain

DEV, PROD = Defined(graph("dev")), Defined(graph("prod"))
STAGES = pytest.mark.parametrize("stage", [DEV, PROD], ids=["dev", "prod"])
SUFFIX = {DEV: "", PROD: "-prod"}

# component: (name, partition key, sort key, projection of the index by user)
TABLES = {
    "raw_sensor_data": ("RawSensorDataTable", "SessionId", "Timestamp", "KEYS_ONLY"),
    "energy_results": ("open-metabolics-energy-results", "SessionId", "Timestamp", "ALL"),
    "user_profiles": ("open-metabolics-user-profiles", "UserEmail", None, None),
    "survey_responses": ("user_survey_responses", "SessionId", "Timestamp", "ALL"),
    "processing_status": ("energy-expenditure-processing-status", "SessionId", None, None),
}


def check_table(stage: Defined, component: str) -> None:
    name, partition, sort, projection = TABLES[component]
    table = stage.all("aws_dynamodb_table")[component]
    assert table["name"] == name + SUFFIX[stage]
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert (table["hash_key"], table.get("range_key")) == (partition, sort)
    assert {attribute["type"] for attribute in table["attribute"]} == {"S"}
    indexes = [(index["name"], index["hash_key"], index["range_key"], index["projection_type"])
               for index in table.get("global_secondary_index", [])]
    assert indexes == ([("UserEmailIndex", "UserEmail", "Timestamp", projection)] if projection else [])
    keys = {partition, sort, *(["UserEmail", "Timestamp"] if projection else [])} - {None}
    assert {attribute["name"] for attribute in table["attribute"]} == keys


@STAGES
@pytest.mark.requirement("OM-R02", "OM-C11", "OM-C14")
def test_raw_samples_are_kept_by_session_and_time_with_a_keys_only_index_by_user(stage: Defined) -> None:
    check_table(stage, "raw_sensor_data")


@STAGES
@pytest.mark.requirement("OM-R03", "OM-C14")
def test_results_are_kept_by_session_and_time_and_found_by_user(stage: Defined) -> None:
    check_table(stage, "energy_results")


@STAGES
@pytest.mark.requirement("OM-R04", "OM-C14")
def test_profiles_are_kept_by_user(stage: Defined) -> None:
    check_table(stage, "user_profiles")


@STAGES
@pytest.mark.requirement("OM-R05", "OM-C14")
def test_survey_answers_are_kept_by_session_and_found_by_user(stage: Defined) -> None:
    check_table(stage, "survey_responses")


@STAGES
@pytest.mark.requirement("OM-R06", "OM-C14")
def test_the_status_of_a_job_is_kept_by_session(stage: Defined) -> None:
    check_table(stage, "processing_status")


@pytest.mark.requirement("OM-C14")
def test_both_stages_fit_into_one_account_and_region() -> None:
    named = {
        "aws_dynamodb_table": "name", "aws_sqs_queue": "name", "aws_lambda_function": "function_name",
        "aws_cloudwatch_log_group": "name", "aws_iam_role": "name", "aws_iam_policy": "name", "aws_lb": "name",
        "aws_lb_target_group": "name", "aws_ecr_repository": "name", "aws_ecs_cluster": "name", "aws_sns_topic": "name",
        "aws_cloudwatch_metric_alarm": "alarm_name",
    }
    for type_, argument in named.items():
        dev, prod = ({item[argument] for item in stage.all(type_).values()} for stage in (DEV, PROD))
        assert dev
        assert not dev & prod, type_


@pytest.mark.requirement("OM-R57", "OM-C25", "OM-S14")
def test_production_data_survives_mistakes_and_development_data_costs_nothing_extra() -> None:
    for table in PROD.all("aws_dynamodb_table").values():
        assert table["point_in_time_recovery"] == [{"enabled": True, "recovery_period_in_days": 35}]
        assert table["deletion_protection_enabled"] is True
    for table in DEV.all("aws_dynamodb_table").values():
        assert table["point_in_time_recovery"] == [{"enabled": False}]
        assert table["deletion_protection_enabled"] is False
    assert PROD.one("aws_cognito_user_pool")["deletion_protection"] == "ACTIVE"
    plan = PROD.one("aws_backup_plan")
    assert [rule["lifecycle"] for rule in plan["rule"]] == [[{"delete_after": 35}]]
    assert set(PROD.one("aws_backup_selection")["resources"]) == {f"${{aws_dynamodb_table.{name}.arn}}" for name in TABLES}
    assert not DEV.all("aws_backup_plan")


@STAGES
@pytest.mark.requirement("OM-R35", "OM-C05", "OM-S08")
def test_a_job_is_leased_for_15_minutes_and_given_up_after_three_receives(stage: Defined) -> None:
    queue = stage.all("aws_sqs_queue")["energy_jobs"]
    assert queue["name"] == "energy-expenditure-processing-queue" + SUFFIX[stage]
    assert queue["visibility_timeout_seconds"] == 900
    assert queue["message_retention_seconds"] == 14 * 86_400
    assert queue["receive_wait_time_seconds"] == 20
    assert queue["redrive_policy"] == {"deadLetterTargetArn": "${aws_sqs_queue.energy_jobs_dead.arn}", "maxReceiveCount": 3}
    assert queue["message_retention_seconds"] > 3 * queue["visibility_timeout_seconds"] + 86_400


@STAGES
@pytest.mark.requirement("OM-R36", "OM-C06", "OM-S08")
def test_failed_jobs_wait_14_days_for_review_and_the_first_one_raises_an_alarm(stage: Defined) -> None:
    queue = stage.all("aws_sqs_queue")["energy_jobs_dead"]
    assert queue["name"] == "energy-expenditure-processing-dlq" + SUFFIX[stage]
    assert queue["message_retention_seconds"] == 14 * 86_400
    allowed = stage.one("aws_sqs_queue_redrive_allow_policy")
    assert allowed["queue_url"] == "${aws_sqs_queue.energy_jobs_dead.id}"
    assert allowed["redrive_allow_policy"] == {
        "redrivePermission": "byQueue", "sourceQueueArns": ["${aws_sqs_queue.energy_jobs.arn}"]}
    alarm = stage.all("aws_cloudwatch_metric_alarm")["energy_jobs_dead_depth"]
    assert (alarm["metric_name"], alarm["threshold"], alarm["comparison_operator"]) == (
        "ApproximateNumberOfMessagesVisible", 1, "GreaterThanOrEqualToThreshold")
    assert alarm["dimensions"] == {"QueueName": "${aws_sqs_queue.energy_jobs_dead.name}"}


@STAGES
@pytest.mark.requirement("OM-R23", "OM-S01")
def test_people_sign_up_with_a_verified_address_and_a_strong_password(stage: Defined) -> None:
    pool = stage.one("aws_cognito_user_pool")
    assert pool["name"] == "openmetabolics-users" + SUFFIX[stage]
    assert pool["username_attributes"] == pool["auto_verified_attributes"] == ["email"]
    (rules,) = pool["password_policy"]
    assert rules["minimum_length"] == 8
    assert all(rules[f"require_{kind}"] for kind in ("uppercase", "lowercase", "numbers", "symbols"))
    assert {item["name"]: item["required"] for item in pool["schema"]} == {
        "email": True, "given_name": True, "family_name": True}
    (email,) = pool["email_configuration"]
    assert email["email_sending_account"] == "DEVELOPER"
    assert email["source_arn"] == "${aws_sesv2_email_identity.sender.arn}"
    assert email["from_email_address"] == "no-reply@open-metabolics.example"


@STAGES
@pytest.mark.requirement("OM-R24", "OM-C21")
def test_the_app_signs_in_without_ever_sending_the_password(stage: Defined) -> None:
    client = stage.one("aws_cognito_user_pool_client")
    assert client["name"] == "openmetabolics-app" + SUFFIX[stage]
    assert client["explicit_auth_flows"] == ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]
    assert client["prevent_user_existence_errors"] == "ENABLED"
    assert client["generate_secret"] is False


@STAGES
@pytest.mark.requirement("OM-R25", "OM-R26")
def test_only_cognito_of_this_account_may_send_in_the_senders_name(stage: Defined) -> None:
    assert stage.one("aws_sesv2_email_identity")["email_identity"] == "no-reply@open-metabolics.example"
    policy = stage.one("aws_sesv2_email_identity_policy")
    (statement,) = policy["policy"]["Statement"]
    assert statement["Principal"] == {"Service": "cognito-idp.amazonaws.com"}
    assert statement["Action"] == ["ses:SendEmail", "ses:SendRawEmail"]
    assert statement["Resource"] == "${aws_sesv2_email_identity.sender.arn}"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "${data.aws_caller_identity.current.account_id}"}}
    pool = stage.graph["aws_cognito_user_pool.users"]
    assert pool.depends_on == ("aws_sesv2_email_identity_policy.sender_CognitoSends",)


@pytest.mark.requirement("OM-C27")
def test_the_sender_is_personal_and_has_no_default(tmp_path, monkeypatch) -> None:
    from om_support.defined import FOLDER

    from groundsill.definition.running import load_system

    system = load_system(FOLDER)
    monkeypatch.setattr(system, "folder", tmp_path)
    with pytest.raises(GroundsillError) as error:
        system.build("dev")
    assert [(item.code, item.subject) for item in error.value.diagnostics] == [("GS1301", 'stage.setting("sender_email")')]


@pytest.mark.requirement("OM-R01", "OM-O08")
def test_region_table_name_and_environment_can_be_set_for_each_deployment() -> None:
    stage = Defined(graph("dev", region="us-west-2", dynamodb_table_name="OtherRawTable"))
    assert (DEV.graph.region, DEV.graph.stage, DEV.graph.name) == ("us-east-1", "dev", "open-metabolics")
    assert (PROD.graph.region, PROD.graph.stage) == ("us-east-1", "prod")
    assert [(item.alias, item.region) for item in stage.graph.providers] == [(None, "us-west-2")]
    assert stage.all("aws_dynamodb_table")["raw_sensor_data"]["name"] == "OtherRawTable"
    zones = {subnet["availability_zone"] for subnet in stage.all("aws_subnet").values()}
    assert zones == {"us-west-2a", "us-west-2b"}
    for resource in PROD.graph:
        if "tags" in resource.arguments:
            tags = resource.arguments["tags"]
            assert (tags["System"], tags["Stage"], tags["ManagedBy"]) == ("open-metabolics", "prod", "groundsill")


@pytest.mark.requirement("OM-R01", "OM-O08")
@pytest.mark.parametrize(("settings", "code"), [
    ({"region": "the moon"}, "GS1305"), ({"sender_email": "nobody"}, "GS1305"), ({"aws_region": "us-west-2"}, "GS1302"),
])
def test_a_setting_that_does_not_fit_is_refused(settings: dict[str, str], code: str) -> None:
    with pytest.raises(GroundsillError) as error:
        graph("dev", **settings)
    assert {item.code for item in error.value.diagnostics} == {code}


@STAGES
@pytest.mark.requirement("OM-R58", "OM-C24")
def test_outputs_keep_the_six_stated_names_and_give_operators_the_rest(stage: Defined) -> None:
    endpoint = "${aws_apigatewayv2_api.api.api_endpoint}/" + stage.graph.stage
    service = "https://energy.open-metabolics.example" if stage is PROD else f"{endpoint}/energy"
    assert stage.outputs == {
        "api_endpoint": endpoint,
        "dynamodb_table_name": "${aws_dynamodb_table.raw_sensor_data.name}",
        "lambda_function_name": "${aws_lambda_function.save_raw_sensor_data.function_name}",
        "cognito_pool_id": "${aws_cognito_user_pool.users.id}",
        "cognito_client_id": "${aws_cognito_user_pool_client.users_app.id}",
        "energy_expenditure_service_url": service,
        "load_balancer_dns_name": "${aws_lb.front.dns_name}",
        "queue_url": "${aws_sqs_queue.energy_jobs.url}",
        "dead_letter_queue_url": "${aws_sqs_queue.energy_jobs_dead.url}",
        "repository_url": "${aws_ecr_repository.energy.repository_url}",
        "cluster_name": "${aws_ecs_cluster.cluster.name}",
        "results_table_name": "${aws_dynamodb_table.energy_results.name}",
        "profiles_table_name": "${aws_dynamodb_table.user_profiles.name}",
        "surveys_table_name": "${aws_dynamodb_table.survey_responses.name}",
        "status_table_name": "${aws_dynamodb_table.processing_status.name}",
    }


@STAGES
@pytest.mark.requirement("OM-R56", "OM-S06")
def test_operators_hear_of_everything_that_should_wake_them(stage: Defined) -> None:
    alarms = stage.all("aws_cloudwatch_metric_alarm")
    watched = {(alarm["namespace"], alarm["metric_name"]) for alarm in alarms.values()}
    assert {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"), ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/Lambda", "Errors"), ("AWS/ApiGateway", "5xx"), ("AWS/ApplicationELB", "UnHealthyHostCount"),
        ("ECS/ContainerInsights", "RunningTaskCount") if stage is PROD else ("AWS/ECS", "CPUUtilization"),
    } <= watched
    assert len([alarm for alarm in alarms.values() if alarm["metric_name"] == "Errors"]) == 11
    for alarm in alarms.values():
        assert alarm["alarm_actions"] == ["${aws_sns_topic.alerts.arn}"]
    running = [alarm for name, alarm in alarms.items() if name.endswith("_running")]
    assert [(alarm["comparison_operator"], alarm["threshold"], alarm["treat_missing_data"]) for alarm in running] == [
        ("LessThanThreshold", 1, "breaching")] * 2
    assert plain(stage.one("aws_sns_topic"))["name"] == "open-metabolics-alerts" + SUFFIX[stage]
