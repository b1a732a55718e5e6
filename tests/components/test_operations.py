"""Components of operations: alerts, schedules, budgets, backups, web ACLs, security services, messages and models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill import Stage
from groundsill import components as c
from groundsill.aws.schema import type_schema
from groundsill.graph import Graph
from tests.component_support import arguments, build, examine


def one(graph: Graph, type: str) -> dict[str, Any]:
    (resource,) = graph.of_type(type)
    return arguments(resource)


def codes(define: Callable[[Stage], Any], stage: str = "dev") -> list[str]:
    return [item.code for item in examine(define, stage)[1]]


def operations(stage: Stage) -> None:
    """One of every component of operations with every option that makes further resources."""
    orders = c.Table("orders", key="Id", replicas=["us-west-2"])
    c.Table("even", key="Id", capacity=c.Capacity((1, 10), (2, 5)))
    dead = c.Queue("dead")
    work = c.Function("work", "functions.work:run")
    alerts = c.Alerts("alerts", email="ops@shop.example", severities=("critical", "warning", "info"))
    news = c.Topic("news", emails=["a@shop.example", "b@shop.example"])
    news.subscribe(work, only={"kind": ["paid"]}, dead_letter=dead).subscribe(c.Queue("copies"))
    c.Schedule("nightly", "rate(1 day)", work, group=c.ScheduleGroup("group"), dead_letter=dead, window=15)
    plan = c.BackupPlan("daily", protects=[orders], copy_to="us-west-2", cold_after=30, keep=120, alerts=alerts)
    c.RestoreTest("test", plan)
    c.BackupSettings("backup-settings")
    audit = c.Bucket("audit")
    c.AuditTrail("trail", audit, watch=True, data_of=[orders, audit])
    c.ConfigRecorder("config", audit)
    c.ThreatDetection("threats")
    c.SecurityHub("hub", standards=["best-practices", "cis"])
    c.Budget("budget", limit=50, alerts=alerts)
    c.CostAnomalies("anomalies", emails=["money@shop.example"])
    c.CostTags("cost-tags")
    sms = c.SmsSender("sms", inbound=news)
    guardrail = c.Guardrail("guardrail", refusal="No.")
    model = c.LanguageModel("model", "us.amazon.nova-lite-v1:0", regions=("us-east-1", "us-west-2"), guardrail=guardrail)
    c.ModelLog("model-log")
    c.Function("ask", "functions.ask:run", uses=[sms.send, model.invoke, news.publish, alerts.publish])
    counted = c.LogMetric("refused", work, '{ $.event = "refused" }')
    acl = c.WebAcl("rules")
    slow = alerts.watch("slow", c.metric(work, "Duration", "p95"), above=500)
    c.CompositeAlarm("both", alerts, any=[slow], all=[slow])
    c.Dashboard("board", shows=[work, orders, dead, acl], graphs={"Refused": [counted.metric()]},
                queries={"Errors": ([work], "filter level = 'ERROR'")})
    c.SavedQuery("errors", [work], "filter level = 'ERROR'")
    c.Traces("traces")


EACH = pytest.mark.parametrize("stage", ["dev", "staging", "prod", "prod-strict", "lab"])


@EACH
def test_everything_that_can_carry_tags_says_whose_it_is_and_where_it_was_written(stage: str) -> None:
    for resource in build(operations, stage):
        schema = type_schema(resource.type, data=resource.data)
        assert schema is not None
        assert resource.location is not None, resource
        tags = schema.attributes.get("tags")
        if not resource.data and tags is not None and tags.settable:
            found = resource.arguments["tags"]
            assert (found["System"], found["Stage"], found["Component"]) == ("shop", stage, resource.component), resource


@EACH
def test_rights_of_operations_name_what_they_are_for(stage: str) -> None:
    found = [(resource, statement) for resource in build(operations, stage).of_type("aws_iam_role_policy")
             for statement in arguments(resource)["policy"]["Statement"]]
    assert len(found) > 8
    for resource, statement in found:
        assert not [action for action in statement["Action"] if "*" in action], resource
        if "*" in statement["Resource"]:
            # X-Ray names no resource; a breach of a rule can be in any bucket of the account.
            assert "Condition" in statement or all(action.startswith("xray:") for action in statement["Action"]), resource


@EACH
def test_a_topic_takes_messages_over_tls_alone_and_from_the_account_alone(stage: str) -> None:
    for policy in build(operations, stage).of_type("aws_sns_topic_policy"):
        first, *others = arguments(policy)["policy"]["Statement"]
        assert (first["Effect"], first["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        for statement in others:
            # AWS Backup names no account when it publishes.
            assert "Condition" in statement or statement["Principal"] == {"Service": "backup.amazonaws.com"}


def test_an_alarm_without_a_topic_of_its_severity_goes_to_the_gravest() -> None:
    def define(stage: Stage) -> None:
        c.Alerts("alerts", severities=("critical", "info"))
        c.Table("orders", key="Id")

    graph = build(define)
    (alarm, *_) = graph.of_type("aws_cloudwatch_metric_alarm")
    assert arguments(alarm)["alarm_actions"] == ["${aws_sns_topic.alerts_critical.arn}"]


def test_alerts_without_severities_keep_the_one_topic_that_they_always_had() -> None:
    graph = build(lambda stage: c.Alerts("alerts", name="shop-alerts", email="ops@shop.example"))
    assert one(graph, "aws_sns_topic")["name"] == "shop-alerts"
    assert {resource.address for resource in graph} >= {
        "aws_sns_topic.alerts", "aws_sns_topic_policy.alerts", "aws_sns_topic_subscription.alerts_email"}


def test_a_tiers_key_serves_exactly_the_services_that_encrypt_with_it() -> None:
    def define(stage: Stage) -> None:
        c.Alerts("alerts")
        c.Function("work", "functions.work:run")

    statements = one(build(define, "lab"), "aws_kms_key")["policy"]["Statement"]
    assert statements[1]["Principal"]["Service"] == ["cloudwatch.amazonaws.com", "logs.us-east-1.amazonaws.com"]
    assert not build(define, "dev").of_type("aws_kms_key")


def test_provisioned_capacity_follows_the_load_and_terraform_leaves_it_alone() -> None:
    graph = build(lambda stage: c.Table("even", key="Id", capacity=c.Capacity((1, 10), (2, 5))))
    (table,) = graph.of_type("aws_dynamodb_table")
    made = arguments(table)
    assert (made["billing_mode"], made["read_capacity"], made["write_capacity"]) == ("PROVISIONED", 1, 2)
    assert table.lifecycle is not None and table.lifecycle.ignore_changes == ("read_capacity", "write_capacity")
    limits = {item.name: (arguments(item)["min_capacity"], arguments(item)["max_capacity"])
              for item in graph.of_type("aws_appautoscaling_target")}
    assert limits == {"even_read": (1, 10), "even_write": (2, 5)}


def test_copies_of_backups_and_replicas_are_under_a_key_of_their_own_region() -> None:
    graph = build(operations, "lab")
    keys = {resource.name: resource.provider for resource in graph.of_type("aws_kms_key")}
    assert keys == {"data": None, "data_us_west_2": "us_west_2"}
    vaults = {resource.name: (resource.provider, arguments(resource)["kms_key_arn"])
              for resource in graph.of_type("aws_backup_vault")}
    assert vaults == {"daily": (None, "${aws_kms_key.data.arn}"),
                      "daily_us_west_2": ("us_west_2", "${aws_kms_key.data_us_west_2.arn}")}


def test_a_model_behind_a_profile_may_be_called_in_its_regions_and_no_other() -> None:
    (policy,) = [arguments(item) for item in build(operations).of_type("aws_iam_role_policy") if item.name == "ask"]
    (statement,) = [item for item in policy["policy"]["Statement"] if "bedrock:InvokeModel" in item["Action"]]
    account = "${data.aws_caller_identity.current.account_id}"
    assert statement["Resource"] == [
        f"arn:aws:bedrock:us-east-1:{account}:inference-profile/us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0"]


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_backup_leaves_cold_storage_after_90_days_at_the_earliest(cold: int, keep: int) -> None:
    def define(stage: Stage) -> None:
        c.BackupPlan("daily", protects=[c.Table("orders", key="Id")], cold_after=cold, keep=keep)

    assert codes(define) == ([] if keep >= cold + 90 else ["GS1650"])


MISTAKES: dict[str, tuple[str, Callable[[Stage], Any]]] = {
    "rotation": ("GS1600", lambda stage: c.Key("key", rotation=10)),
    "capacity": ("GS1601", lambda stage: c.Table("table", key="Id", capacity=c.Capacity((5, 1), (1, 1)))),
    "replica at home": ("GS1602", lambda stage: c.Table("table", key="Id", replicas=["us-east-1"])),
    "replica without key": ("GS1603", lambda stage: c.Table("table", key="Id", encryption=c.Key("k"), replicas=["us-west-2"])),
    "severity": ("GS1606", lambda stage: c.Alerts("a", severities=["critical"]).watch(
        "w", c.Metric("N", "M"), above=1, severity="warning")),
    "above and below": ("GS1607", lambda stage: c.Alerts("a").watch("w", c.Metric("N", "M"))),
    "formula": ("GS1608", lambda stage: c.Alerts("a").watch("w", [c.Metric("N", "M"), c.Metric("N", "O")], above=1)),
    "composite of none": ("GS1609", lambda stage: c.CompositeAlarm("c", c.Alerts("a"))),
    "no metrics": ("GS1610", lambda stage: c.metric(c.Key("k"), "Uses")),
    "time": ("GS1615", lambda stage: c.Schedule("s", "every monday", c.Queue("q"))),
    "retries": ("GS1616", lambda stage: c.Schedule("s", "rate(1 day)", c.Queue("q"), retries=200)),
    "budget": ("GS1620", lambda stage: c.Budget("b", limit=0, emails=["a@b.example"])),
    "thresholds": ("GS1621", lambda stage: c.Budget("b", limit=5, thresholds=(1, 2, 3, 4, 5), emails=["a@b.example"])),
    "told nobody": ("GS1622", lambda stage: c.Budget("b", limit=5)),
    "anomalies told nobody": ("GS1622", lambda stage: c.CostAnomalies("b")),
    "frequency of anomalies": ("GS1623", lambda stage: c.CostAnomalies("b", emails=["a@b.example"], frequency="HOURLY")),
    "no tags": ("GS1624", lambda stage: c.CostTags("t", tags=[])),
    "number": ("GS1630", lambda stage: c.SmsSender("s", kind="PIGEON")),
    "registration": ("GS1631", lambda stage: c.SmsSender("s", kind="TOLL_FREE")),
    "no log": ("GS1640", lambda stage: c.LogMetric("m", c.Queue("q"), "ERROR")),
    "empty dashboard": ("GS1641", lambda stage: c.Dashboard("d")),
    "no logs": ("GS1643", lambda stage: c.SavedQuery("q", [], "fields @message")),
    "rate of traces": ("GS1644", lambda stage: c.Traces("t", rate=5)),
    "copied home": ("GS1651", lambda stage: c.BackupPlan("d", protects=[c.Table("t", key="Id")], copy_to="us-east-1")),
    "window of a test": ("GS1652", lambda stage: c.RestoreTest("r", c.BackupPlan(
        "d", protects=[c.Table("t", key="Id")]), window=1000)),
    "not restorable": ("GS1653", lambda stage: c.RestoreTest("r", c.BackupPlan("d", protects=[c.Queue("q")]))),
    "settings of none": ("GS1654", lambda stage: c.BackupSettings("b", protects=[])),
    "rate limit": ("GS1661", lambda stage: c.WebAcl("w", rate=1)),
    "window of a rule": ("GS1662", lambda stage: c.WebAcl("w", window=7)),
    "rule group": ("GS1663", lambda stage: c.WebAcl("w", managed=["AWSManagedRulesCommonRules"])),
    "cdn": ("GS1664", lambda stage: c.WebAcl("w", scope="cdn").protect(c.Queue("q"))),
    "http api": ("GS1665", lambda stage: c.WebAcl("w").protect(c.HttpApi("api"))),
    "frequency": ("GS1670", lambda stage: c.ThreatDetection("t", publish="DAILY")),
    "standard": ("GS1671", lambda stage: c.SecurityHub("h", standards=["best"])),
    "data events": ("GS1672", lambda stage: c.AuditTrail("t", c.Bucket("b"), data_of=[c.Queue("q")])),
    "vpc": ("GS1680", lambda stage: c.ExistingNetwork("n", vpc="main", private=[])),
    "subnet": ("GS1681", lambda stage: c.ExistingNetwork("n", vpc="vpc-01234567", private=["a", "b"])),
    "one zone": ("GS1682", lambda stage: c.ExistingNetwork("n", vpc="vpc-01234567", private=["subnet-01234567"])),
    "refusal": ("GS1690", lambda stage: c.Guardrail("g", refusal="")),
    "model": ("GS1691", lambda stage: c.LanguageModel("m", "Best Model")),
    "profile": ("GS1692", lambda stage: c.LanguageModel("m", "us.amazon.nova-lite-v1:0")),
    "kind of data": ("GS1693", lambda stage: c.ModelLog("m", kinds=["video"])),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_work_is_refused_with_its_code_and_a_mend(name: str) -> None:
    code, define = MISTAKES[name]
    found = list(examine(define)[1])
    assert [item.code for item in found] == [code]
    assert found[0].mend or found[0].detail
    assert found[0].location is not None


def test_rules_stand_in_front_of_load_balancers_user_pools_and_rest_apis() -> None:
    def define(stage: Stage) -> None:
        c.WebAcl("rules").protect(c.LoadBalancer("front", c.Network("main").public)).protect(c.UserPool("users"))

    found = {arguments(item)["resource_arn"] for item in build(define).of_type("aws_wafv2_web_acl_association")}
    assert found == {"${aws_lb.front.arn}", "${aws_cognito_user_pool.users.arn}"}


def test_a_receiver_subscribes_to_a_topic_once() -> None:
    def define(stage: Stage) -> None:
        queue = c.Queue("copies")
        c.Topic("news").subscribe(queue).subscribe(queue)

    assert codes(define) == ["GS1605"]
