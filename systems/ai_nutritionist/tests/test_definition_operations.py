"""The definition against the requirement rows: alarms, dashboards, budgets, security services, backups, outputs."""

from __future__ import annotations

from typing import Any

import pytest
from an_support.defined import DEV, PROD, STAGES, STAGING, graph, refused

from groundsill.testing import Defined

ALL = (DEV, STAGING, PROD)
EACH = pytest.mark.parametrize("stage", ALL, ids=STAGES)
BACKED_UP = pytest.mark.parametrize("stage", (STAGING, PROD), ids=("staging", "prod"))
ACCOUNT = {stage: Defined(graph(stage, folder="account")) for stage in STAGES}
TABLES = ("users", "conversations", "meal_plans", "subscriptions", "consents", "families")
TOPIC = {severity: f"${{aws_sns_topic.alerts_{severity}.arn}}" for severity in ("critical", "warning", "info")}


def plotted(stage: Defined, dashboard: str) -> set[tuple[str, str]]:
    """Namespace and metric of everything that a dashboard plots."""
    widgets = stage.all("aws_cloudwatch_dashboard")[dashboard]["dashboard_body"]["widgets"]
    return {(line[0], line[1]) for widget in widgets if widget["type"] == "metric" for line in widget["properties"]["metrics"]}


def alarm(stage: Defined, name: str) -> dict[str, Any]:
    return stage.all("aws_cloudwatch_metric_alarm")[name]


@EACH
@pytest.mark.requirement("AN-R45", "AN-S14")
def test_dashboards_show_each_side_of_the_system(stage: Defined) -> None:
    assert set(stage.all("aws_cloudwatch_dashboard")) == {"overview", "performance", "infrastructure", "security", "cost"}
    performance = plotted(stage, "performance")
    assert {("AWS/Lambda", name) for name in ("Invocations", "Errors", "Duration")} <= performance
    assert {("AWS/ApiGateway", name) for name in ("4XXError", "5XXError", "Latency")} <= performance
    assert (f"ai-nutritionist/{stage.stage}", "Timeouts") in performance
    infrastructure = plotted(stage, "infrastructure")
    assert {("AWS/DynamoDB", name) for name in ("ReadThrottleEvents", "WriteThrottleEvents", "ConsumedReadCapacityUnits",
                                                "ConsumedWriteCapacityUnits")} <= infrastructure
    cache = {("AWS/ElastiCache", name) for name in ("EngineCPUUtilization", "DatabaseMemoryUsagePercentage")}
    assert (cache <= infrastructure) is (stage is not DEV)
    assert ("AWS/WAFV2", "BlockedRequests") in plotted(stage, "security")
    assert ("AWS/Billing", "EstimatedCharges") in plotted(stage, "cost")
    overview = plotted(stage, "overview")
    assert ("AWS/CloudFront", "Requests") in overview
    assert {("AWS/Bedrock", name) for name in ("Invocations", "InputTokenCount", "OutputTokenCount")} <= overview
    widgets = stage.all("aws_cloudwatch_dashboard")["performance"]["dashboard_body"]["widgets"]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(places) == len(set(places))
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)


@EACH
@pytest.mark.requirement("AN-R48", "AN-S11", "AN-S12")
def test_findings_of_security_services_and_failed_backups_reach_people(stage: Defined) -> None:
    sources = {name: rule["event_pattern"]["source"] for name, rule in stage.all("aws_cloudwatch_event_rule").items()}
    wanted: dict[str, list[str]] = {}
    if stage is not DEV:
        wanted |= {"backup_failures": ["aws.backup"], "threats": ["aws.guardduty"], "breaches": ["aws.config"]}
    if stage is PROD:
        wanted["security_findings"] = ["aws.securityhub"]
    assert sources == wanted
    for target in stage.all("aws_cloudwatch_event_target").values():
        severity = "critical" if "backup_failures" in target["rule"] else "warning"
        assert target["arn"] == TOPIC[severity]
        policy = stage.all("aws_sns_topic_policy")[f"alerts_{severity}"]["policy"]["Statement"]
        rule = target["rule"].removesuffix(".name}") + ".arn}"
        assert {"ArnEquals": {"aws:SourceArn": rule}} in [item.get("Condition") for item in policy]


@EACH
@pytest.mark.requirement("AN-R51")
def test_queries_for_errors_and_slow_requests_are_saved(stage: Defined) -> None:
    queries = stage.all("aws_cloudwatch_query_definition")
    assert set(queries) == {"errors", "slow_requests"}
    assert 'level = "ERROR"' in queries["errors"]["query_string"]
    assert "durationMs" in queries["slow_requests"]["query_string"]
    names = {f"${{aws_cloudwatch_log_group.{name}.name}}" for name in stage.all("aws_lambda_function")}
    assert set(queries["errors"]["log_group_names"]) == set(queries["slow_requests"]["log_group_names"]) == names


@EACH
@pytest.mark.requirement("AN-R52", "AN-S11", "AN-S12", "AN-S15")
def test_alarms_reach_the_topic_of_their_severity(stage: Defined) -> None:
    for name in stage.all("aws_lambda_function"):
        assert (alarm(stage, f"{name}_errors")["alarm_actions"], alarm(stage, f"{name}_errors")["threshold"]) == (
            [TOPIC["critical"]], 1)
    assert alarm(stage, "alerts_timeouts")["alarm_actions"] == [TOPIC["critical"]]
    for name in TABLES:
        assert alarm(stage, f"{name}_throttles")["alarm_actions"] == [TOPIC["warning"]]
        assert alarm(stage, f"{name}_throttled_reads")["metric_name"] == "ReadThrottleEvents"
    assert alarm(stage, "api_5xx")["metric_name"] == "5XXError"
    composites = stage.all("aws_cloudwatch_composite_alarm")
    assert composites["attack"]["alarm_actions"] == [TOPIC["critical"]]
    assert composites["degraded"]["alarm_actions"] == [TOPIC["warning"]]
    quiet = Defined(graph(stage.stage, enable_monitoring=False))
    assert not quiet.types() & {"aws_cloudwatch_dashboard", "aws_cloudwatch_composite_alarm", "aws_cloudwatch_query_definition"}


@EACH
@pytest.mark.requirement("AN-C10", "AN-S11")
def test_an_attack_is_told_from_refused_requests_and_surges_for_want_of_a_metric_of_its_own(stage: Defined) -> None:
    rule = stage.all("aws_cloudwatch_composite_alarm")["attack"]["alarm_rule"]
    parts = ("blocked_requests", "refused_requests", "request_surge")
    names = [f"${{aws_cloudwatch_metric_alarm.alerts_{part}.alarm_name}}" for part in parts]
    assert rule == "(" + " OR ".join(f'ALARM("{name}")' for name in names) + ")"
    assert alarm(stage, "alerts_blocked_requests")["namespace"] == "AWS/WAFV2"
    assert alarm(stage, "alerts_blocked_requests")["dimensions"] == {
        "WebACL": f"ai-nutritionist-api-rules-{stage.stage}", "Rule": "ALL", "Region": "us-east-1"}
    assert not [part for part in parts if alarm(stage, f"alerts_{part}").get("alarm_actions")]
    assert not [type_ for type_ in stage.types() if "shield" in type_]


@EACH
@pytest.mark.requirement("AN-S02", "AN-S04")
def test_targets_of_speed_and_caching_have_alarms(stage: Defined) -> None:
    slow = alarm(stage, "alerts_slow_api")
    assert (slow["metric_name"], slow["extended_statistic"], slow["threshold"], slow["comparison_operator"]) == (
        "Latency", "p95", 500, "GreaterThanOrEqualToThreshold")
    hits = alarm(stage, "alerts_cache_hit_rate")
    assert (hits["threshold"], hits["comparison_operator"]) == (80, "LessThanThreshold")
    assert [query["expression"] for query in hits["metric_query"] if query.get("expression")] == ["100 * m1 / (m1 + m2)"]
    assert alarm(stage, "alerts_cold_starts")["threshold"] == 2000
    cdn = alarm(stage, "alerts_cdn_hit_rate")
    assert (cdn["metric_name"], cdn["threshold"], cdn["comparison_operator"]) == ("CacheHitRate", 90, "LessThanThreshold")
    assert stage.one("aws_cloudfront_monitoring_subscription")["distribution_id"] == "${aws_cloudfront_distribution.site_cdn.id}"
    # CloudFront measures in us-east-1 alone.
    assert "alerts_cdn_hit_rate" not in Defined(graph(stage.stage, region="eu-central-1")).all("aws_cloudwatch_metric_alarm")


@EACH
@pytest.mark.requirement("AN-R53", "AN-C27")
def test_three_topics_reach_the_address_of_the_setting(stage: Defined) -> None:
    topics = stage.all("aws_sns_topic")
    assert {name for name in topics if name.startswith("alerts_")} == {"alerts_critical", "alerts_warning", "alerts_info"}
    mails = [item for item in stage.all("aws_sns_topic_subscription").values() if item["protocol"] == "email"]
    assert {item["topic_arn"] for item in mails} == set(TOPIC.values())
    assert {item["endpoint"] for item in mails} == {"alerts@nutrition.example"}
    for severity, arn in TOPIC.items():
        policy = stage.all("aws_sns_topic_policy")[f"alerts_{severity}"]["policy"]
        statements = {item["Sid"]: item for item in policy["Statement"]}
        assert statements["EncryptedOnly"]["Effect"] == "Deny"
        assert statements["AlarmsPublish"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert statements["AlarmsPublish"]["Resource"] == arn


@EACH
@pytest.mark.requirement("AN-R54")
def test_failures_of_the_provider_are_counted_from_the_log_and_raise_alarms(stage: Defined) -> None:
    filters = stage.all("aws_cloudwatch_log_metric_filter")
    for name, pattern, threshold in (("undelivered_texts", "$.status", 10), ("provider_errors", "provider-error", 3)):
        assert filters[name]["log_group_name"] == "${aws_cloudwatch_log_group.async_worker.name}"
        assert pattern in filters[name]["pattern"]
        (transformed,) = filters[name]["metric_transformation"]
        watching = alarm(stage, f"alerts_{name}")
        assert (watching["namespace"], watching["metric_name"]) == (transformed["namespace"], transformed["name"])
        assert watching["threshold"] == threshold


@EACH
@pytest.mark.requirement("AN-R55")
def test_functions_and_api_are_traced_and_failed_or_slow_traces_are_told_apart(stage: Defined) -> None:
    assert {item["tracing_config"][0]["mode"] for item in stage.all("aws_lambda_function").values()} == {"Active"}
    assert stage.one("aws_api_gateway_stage")["xray_tracing_enabled"] is True
    rule = stage.one("aws_xray_sampling_rule")
    assert (rule["fixed_rate"], rule["reservoir_size"], rule["service_name"]) == (0.05, 1, "ai-nutritionist*")
    assert stage.one("aws_xray_group")["filter_expression"] == "fault OR error OR responsetime > 2"


@EACH
@pytest.mark.requirement("AN-R56", "AN-S10")
def test_the_budget_tells_at_half_at_four_fifths_and_at_its_limit(stage: Defined) -> None:
    budget = stage.one("aws_budgets_budget")
    assert (budget["time_unit"], budget["limit_unit"], budget["budget_type"]) == ("MONTHLY", "USD", "COST")
    assert float(budget["limit_amount"]) == {"dev": 50, "staging": 200, "prod": 1000}[stage.stage]
    actual = [item["threshold"] for item in budget["notification"] if item["notification_type"] == "ACTUAL"]
    assert actual == [50, 80, 100]
    for item in budget["notification"]:
        assert item["subscriber_email_addresses"] == ["finance@nutrition.example"]
        assert item["subscriber_sns_topic_arns"] == [TOPIC["warning"]]
    publishers = {item["Principal"].get("Service") for item in
                  stage.all("aws_sns_topic_policy")["alerts_warning"]["policy"]["Statement"]}
    assert {"budgets.amazonaws.com", "costalerts.amazonaws.com"} <= publishers


@EACH
@pytest.mark.requirement("AN-R57", "AN-S15", "AN-C32")
def test_unusual_costs_of_this_system_are_told_at_once(stage: Defined) -> None:
    monitor = stage.one("aws_ce_anomaly_monitor")
    assert monitor["monitor_type"] == "CUSTOM"
    assert monitor["monitor_specification"]["Tags"] == {"Key": "System", "MatchOptions": None, "Values": ["ai-nutritionist"]}
    told = stage.one("aws_ce_anomaly_subscription")
    assert (told["frequency"], told["subscriber"]) == ("IMMEDIATE", [{"type": "SNS", "address": TOPIC["warning"]}])


@pytest.mark.requirement("AN-C32")
def test_cost_tags_are_activated_when_asked_since_aws_must_know_them_first() -> None:
    assert "aws_ce_cost_allocation_tag" not in ACCOUNT["prod"].types()
    tags = Defined(graph("prod", folder="account", activate_cost_tags=True)).all("aws_ce_cost_allocation_tag")
    assert {(item["tag_key"], item["status"]) for item in tags.values()} == {
        ("System", "Active"), ("Stage", "Active"), ("Component", "Active")}


@pytest.mark.requirement("AN-R58", "AN-S18", "AN-C26")
def test_guardduty_is_on_where_tier_or_setting_says_and_where_nobody_has_it() -> None:
    assert [stage for stage in STAGES if "aws_guardduty_detector" in ACCOUNT[stage].types()] == ["staging", "prod"]
    detector = ACCOUNT["prod"].one("aws_guardduty_detector")
    assert (detector["enable"], detector["finding_publishing_frequency"]) == (True, "FIFTEEN_MINUTES")
    kept = Defined(graph("prod", folder="account", existing=("guardduty", "security_hub", "config", "cloudtrail")))
    assert not kept.types() & {"aws_guardduty_detector", "aws_securityhub_account", "aws_config_configuration_recorder",
                               "aws_cloudtrail"}
    for stage in ALL:
        assert not stage.types() & {"aws_guardduty_detector", "aws_securityhub_account", "aws_cloudtrail",
                                    "aws_config_configuration_recorder", "aws_backup_region_settings"}


@pytest.mark.requirement("AN-R59", "AN-S18")
def test_security_hub_checks_best_practices_in_production() -> None:
    assert [stage for stage in STAGES if "aws_securityhub_account" in ACCOUNT[stage].types()] == ["prod"]
    standard = ACCOUNT["prod"].one("aws_securityhub_standards_subscription")
    assert standard["standards_arn"].startswith("arn:aws:securityhub:us-east-1::standards/aws-foundational-security")
    assert ACCOUNT["prod"].one("aws_securityhub_account")["enable_default_standards"] is False


@pytest.mark.requirement("AN-R60", "AN-S18")
def test_config_records_everything_checks_rules_and_closes_open_buckets_itself() -> None:
    assert [stage for stage in STAGES if "aws_config_configuration_recorder" in ACCOUNT[stage].types()] == ["staging", "prod"]
    account = ACCOUNT["prod"]
    recorder = account.one("aws_config_configuration_recorder")
    assert recorder["recording_group"] == [{"all_supported": True, "include_global_resource_types": True}]
    assert account.one("aws_config_configuration_recorder_status")["is_enabled"] is True
    assert account.one("aws_config_delivery_channel")["s3_bucket_name"] == "${aws_s3_bucket.audit.id}"
    rules = {item["source"][0]["source_identifier"] for item in account.all("aws_config_config_rule").values()}
    assert {"DYNAMODB_PITR_ENABLED", "CMK_BACKING_KEY_ROTATION_ENABLED", "CLOUD_TRAIL_ENABLED"} <= rules
    mend = account.one("aws_config_remediation_configuration")
    assert (mend["automatic"], mend["target_type"]) == (True, "SSM_DOCUMENT")
    assert mend["config_rule_name"] == "${aws_config_config_rule.config_bucket_closed.name}"


@pytest.mark.requirement("AN-R61")
@pytest.mark.parametrize("stage", STAGES)
def test_trail_and_configuration_go_into_a_closed_bucket(stage: str) -> None:
    account = ACCOUNT[stage]
    statements = {item["Sid"]: item for item in account.all("aws_s3_bucket_policy")["audit"]["policy"]["Statement"]}
    assert statements["TrailDelivers"]["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert statements["TrailDelivers"]["Resource"].startswith("${aws_s3_bucket.audit.arn}/AWSLogs/")
    assert ("ConfigDelivers" in statements) is (stage != "dev")
    assert all("Condition" in item for item in statements.values())
    block = account.all("aws_s3_bucket_public_access_block")["audit"]
    assert {value for name, value in block.items() if name != "bucket"} == {True}


@pytest.mark.requirement("AN-R62", "AN-S18")
@pytest.mark.parametrize("stage", STAGES)
def test_every_call_of_the_aws_api_is_recorded_in_every_region(stage: str) -> None:
    trail = ACCOUNT[stage].one("aws_cloudtrail")
    assert trail["is_multi_region_trail"] is True
    assert str(trail["enable_log_file_validation"]).lower() == "true"
    assert trail["kms_key_id"] == "${aws_kms_key.data.arn}"
    services = {item for statement in ACCOUNT[stage].all("aws_kms_key")["data"]["policy"]["Statement"]
                if statement["Sid"] == "ServicesOfTheSystem" for item in statement["Principal"]["Service"]}
    assert "cloudtrail.amazonaws.com" in services


@BACKED_UP
@pytest.mark.requirement("AN-R63", "AN-S16")
def test_backups_are_in_an_encrypted_vault(stage: Defined) -> None:
    vault = stage.all("aws_backup_vault")["daily"]
    assert vault["kms_key_arn"] == "${aws_kms_key.data.arn}"
    assert vault["force_destroy"] is (stage is not PROD)


@pytest.mark.requirement("AN-R64", "AN-S07")
def test_production_has_a_vault_and_a_key_in_a_second_region() -> None:
    assert PROD.provider("aws_backup_vault.daily_us_west_2") == "us_west_2"
    assert PROD.all("aws_backup_vault")["daily_us_west_2"]["kms_key_arn"] == "${aws_kms_key.data_us_west_2.arn}"
    assert PROD.provider("aws_kms_key.data_us_west_2") == "us_west_2"
    assert {provider.region for provider in PROD.graph.providers} == {"us-east-1", "us-west-2"}
    assert set(STAGING.all("aws_backup_vault")) == {"daily"}
    assert "GS1651" in refused("prod", backup_cross_region_destination="us-east-1")


@BACKED_UP
@pytest.mark.requirement("AN-R65", "AN-C03", "AN-S07")
def test_tables_are_backed_up_daily_at_four_and_move_to_cold_storage_after_30_days(stage: Defined) -> None:
    (rule,) = stage.one("aws_backup_plan")["rule"]
    lifecycle = [{"delete_after": 120, "cold_storage_after": 30}]
    assert (rule["schedule"], rule["lifecycle"]) == ("cron(0 4 * * ? *)", lifecycle)
    copies = [{"destination_vault_arn": "${aws_backup_vault.daily_us_west_2.arn}", "lifecycle": lifecycle}]
    assert rule.get("copy_action", []) == (copies if stage is PROD else [])
    selection = stage.one("aws_backup_selection")
    assert set(selection["resources"]) == {f"${{aws_dynamodb_table.{name}.arn}}" for name in TABLES}
    (trust,) = stage.all("aws_iam_role")["daily"]["assume_role_policy"]["Statement"]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}


@pytest.mark.requirement("AN-C03")
def test_aws_backup_manages_tables_fully_so_that_copies_and_cold_storage_work() -> None:
    for stage in ("staging", "prod"):
        settings = ACCOUNT[stage].one("aws_backup_region_settings")
        assert settings["resource_type_management_preference"] == {"DynamoDB": True}
        assert settings["resource_type_opt_in_preference"]["DynamoDB"] is True
    assert "aws_backup_region_settings" not in ACCOUNT["dev"].types()


@BACKED_UP
@pytest.mark.requirement("AN-R66", "AN-S11")
def test_failed_backups_are_critical(stage: Defined) -> None:
    notices = stage.one("aws_backup_vault_notifications")
    assert notices["sns_topic_arn"] == TOPIC["critical"]
    assert {"BACKUP_JOB_FAILED", "COPY_JOB_FAILED"} <= set(notices["backup_vault_events"])
    services = [item["Principal"].get("Service") for item in
                stage.all("aws_sns_topic_policy")["alerts_critical"]["policy"]["Statement"]]
    assert "backup.amazonaws.com" in services


@BACKED_UP
@pytest.mark.requirement("AN-R67")
def test_backups_are_restored_each_month_to_see_that_they_can_be(stage: Defined) -> None:
    plan = stage.one("aws_backup_restore_testing_plan")
    assert plan["schedule_expression"] == "cron(0 6 1 * ? *)"
    assert plan["name"] == f"ai_nutritionist_restore_test_{stage.stage}"
    selection = stage.one("aws_backup_restore_testing_selection")
    assert selection["protected_resource_type"] == "DynamoDB"
    assert set(selection["protected_resource_arns"]) == {f"${{aws_dynamodb_table.{name}.arn}}" for name in TABLES}
    assert selection["iam_role_arn"] == "${aws_iam_role.daily.arn}"


@EACH
@pytest.mark.requirement("AN-R69")
def test_operators_read_addresses_and_a_summary(stage: Defined) -> None:
    base = "${aws_api_gateway_stage.api.invoke_url}"
    assert stage.outputs["webhook_url"] == f"{base}/webhook/sms"
    assert stage.outputs["billing_webhook_url"] == f"{base}/webhook/stripe"
    assert stage.outputs["cloudwatch_dashboard_url"].endswith("${aws_cloudwatch_dashboard.overview.dashboard_name}")
    summary = stage.outputs["resource_summary"]
    assert len(summary["functions"]) == 8
    assert len(summary["tables"]) == 6
