"""The definition against the requirement rows: names, tags, state, stages, what operators see, what it costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mt_support.defined import FOLDER, graph

from groundsill import GroundsillError
from groundsill.definition.running import load_system
from groundsill.terraform.backend import with_defaults
from groundsill.terraform.synth import write
from groundsill.testing import Defined

DEV, STAGING, PROD = (Defined(graph(stage)) for stage in ("dev", "staging", "prod"))
NAMES = {DEV: "dev", STAGING: "staging", PROD: "prod"}
STAGES = pytest.mark.parametrize("stage", NAMES, ids=NAMES.values())


@STAGES
@pytest.mark.requirement("MT-R01", "MT-C03")
def test_everything_is_named_by_service_resource_and_stage_and_tagged(stage: Defined) -> None:
    name = NAMES[stage]
    assert stage.all("aws_lambda_function")["auth_lambda"]["function_name"] == f"auth-lambda-{name}"
    for type_, argument in {"aws_dynamodb_table": "name", "aws_lambda_function": "function_name", "aws_sqs_queue": "name",
                            "aws_sns_topic": "name", "aws_wafv2_web_acl": "name", "aws_cognito_user_pool": "name"}.items():
        for item in stage.all(type_).values():
            assert re.fullmatch(rf"[a-z-]+-{name}", item[argument]), item[argument]
    tags = {"Project": "multitask-platform", "Environment": name, "ManagedBy": "terraform"}
    tagged = [resource for resource in stage.graph if resource.arguments.get("tags")]
    assert len(tagged) > 100
    for resource in tagged:
        assert resource.arguments["tags"].items() >= tags.items(), resource
    assert stage.graph.region == "us-east-1"


def test_a_region_can_be_chosen() -> None:
    assert graph("dev", region="eu-central-1").region == "eu-central-1"


@pytest.mark.requirement("MT-R02", "MT-C29", "MT-C30", "MT-T14")
def test_each_stage_has_a_state_of_its_own_locked_and_encrypted() -> None:
    content = tomllib.loads((FOLDER / "state.toml").read_text())
    keys = set()
    for stage in NAMES.values():
        state = with_defaults({**content["default"], **content[stage]}, "multitask-platform", stage)
        assert (state["bucket"], state["region"]) == ("multitask-terraform-state", "us-east-1")
        assert state["use_lockfile"] is state["encrypt"] is True
        keys.add(state["key"])
    assert keys == {f"multitask-platform/{stage}/terraform.tfstate" for stage in NAMES.values()}


@pytest.mark.requirement("MT-R03", "MT-C33", "MT-C46", "MT-S16")
def test_stages_differ_as_their_presets_say() -> None:
    def preset(stage: Defined) -> tuple[Any, ...]:
        told = stage.environment("auth_lambda")
        (capacity,) = stage.one("aws_rds_cluster")["serverlessv2_scaling_configuration"]
        (detailed,) = stage.one("aws_api_gateway_method_settings")["settings"]
        retentions = {item["retention_in_days"] for item in stage.all("aws_cloudwatch_log_group").values()}
        return (told["LOG_LEVEL"], told["RATE_LIMIT_ENABLED"], capacity["min_capacity"], capacity["max_capacity"],
                len(stage.all("aws_rds_cluster_instance")), detailed["metrics_enabled"], retentions,
                len(stage.all("aws_lambda_provisioned_concurrency_config")))

    assert preset(DEV) == ("debug", "false", 0.5, 1, 1, False, {7}, 0)
    assert preset(STAGING) == ("info", "true", 1, 4, 1, True, {30}, 0)
    assert preset(PROD) == ("info", "true", 2, 16, 2, True, {365}, 6)
    assert {item["billing_mode"] for item in PROD.all("aws_dynamodb_table").values()} == {"PAY_PER_REQUEST"}


@pytest.mark.requirement("MT-C47")
@pytest.mark.parametrize("name", ["domain", "alert_email", "billing_email", "repo_url"])
def test_personal_settings_have_no_default(name: str, tmp_path: Path) -> None:
    system = load_system(FOLDER)
    assert system.settings is not None
    assert system.settings.model_fields[name].is_required()
    system.folder = tmp_path
    with pytest.raises(GroundsillError, match=name):
        system.build("dev")


@STAGES
@pytest.mark.requirement("MT-R62", "MT-C20", "MT-S06")
def test_the_main_dashboard_shows_every_service_and_what_it_stands_on(stage: Defined) -> None:
    board = stage.all("aws_cloudwatch_dashboard")["multitask_platform"]
    assert board["dashboard_name"] == f"multitask-platform-{NAMES[stage]}"
    graphs = {item["properties"]["title"]: item["properties"] for item in board["dashboard_body"]["widgets"]
              if item["type"] == "metric"}
    assert {"Lambda Invocations (Sum)", "Lambda Errors (Sum)", "Lambda Duration (p95)", "Duration p50 by service"} <= set(graphs)
    assert len(graphs["Lambda Duration (p95)"]["metrics"]) == 6
    assert len(graphs["DynamoDB ConsumedReadCapacityUnits (Sum)"]["metrics"]) == 9
    assert not [title for title in graphs if "Duration (Sum)" in title]
    assert any("ApiGateway" in title for title in graphs) and any("ElastiCache" in title for title in graphs)
    assert {properties["period"] for properties in graphs.values()} == {300}


@STAGES
@pytest.mark.requirement("MT-R63", "MT-S06")
def test_the_cost_dashboard_shows_estimated_charges(stage: Defined) -> None:
    body = stage.all("aws_cloudwatch_dashboard")["multitask_costs"]["dashboard_body"]
    (widget,) = [item["properties"] for item in body["widgets"] if item["type"] == "metric"]
    assert widget["title"] == "Estimated Monthly Charges"
    (line,) = widget["metrics"]
    assert line[:4] == ["AWS/Billing", "EstimatedCharges", "Currency", "USD"]
    assert line[4] == {"stat": "Maximum", "region": "us-east-1", "period": 86_400}


@STAGES
@pytest.mark.requirement("MT-R64", "MT-C19", "MT-S05")
def test_a_service_that_fails_often_and_much_raises_an_alarm(stage: Defined) -> None:
    for name in ("auth", "profile", "chat", "posts", "catalog", "ai"):
        alarm = stage.all("aws_cloudwatch_metric_alarm")[f"multitask_alerts_{name}_high_error_rate"]
        assert (alarm["evaluation_periods"], alarm["threshold"]) == (2, 5)
        assert alarm["alarm_actions"] == ["${aws_sns_topic.multitask_alerts.arn}"]
        queries = {item["id"]: item for item in alarm["metric_query"]}
        (formula,) = [item["expression"] for item in queries.values() if item.get("expression")]
        assert formula == "IF(m1 > 10, 100 * m1 / m2, 0)"  # more than 10 errors, and a rate
        for key, counted in {"m1": "Errors", "m2": "Invocations"}.items():
            (metric,) = queries[key]["metric"]
            assert (metric["metric_name"], metric["stat"], metric["period"]) == (counted, "Sum", 300)
            assert metric["dimensions"] == {"FunctionName": f"${{aws_lambda_function.{name}_lambda.function_name}}"}


@STAGES
@pytest.mark.requirement("MT-R65", "MT-T10")
def test_alarms_are_mailed_to_the_address_of_the_stage(stage: Defined) -> None:
    assert stage.all("aws_sns_topic")["multitask_alerts"]["name"] == f"multitask-alerts-{NAMES[stage]}"
    subscription = stage.one("aws_sns_topic_subscription", protocol="email")
    assert subscription["endpoint"] == "alerts@multitask.example"


@STAGES
@pytest.mark.requirement("MT-R66", "MT-C39", "MT-S07")
def test_every_service_is_traced_under_its_name_at_the_rate_of_the_stage(stage: Defined) -> None:
    assert stage.one("aws_xray_sampling_rule")["fixed_rate"] == {DEV: 1.0, STAGING: 0.5, PROD: 0.05}[stage]
    assert len(stage.all("aws_xray_group")) == 1
    for name in ("auth", "profile", "chat", "posts", "catalog", "ai"):
        assert stage.environment(f"{name}_lambda")["OTEL_SERVICE_NAME"] == f"{name}-service"
    assert stage.one("aws_api_gateway_stage")["xray_tracing_enabled"] is True


@STAGES
@pytest.mark.requirement("MT-R67", "MT-S08")
def test_logs_are_kept_7_30_and_365_days(stage: Defined) -> None:
    groups = stage.all("aws_cloudwatch_log_group")
    assert {item["retention_in_days"] for item in groups.values()} == {{DEV: 7, STAGING: 30, PROD: 365}[stage]}
    assert set(stage.all("aws_lambda_function")) <= set(groups)


@STAGES
@pytest.mark.requirement("MT-R68", "MT-C15", "MT-C16", "MT-S09", "MT-T11")
def test_somebody_hears_when_four_fifths_of_a_stages_budget_are_spent(stage: Defined) -> None:
    budget = stage.one("aws_budgets_budget")
    assert budget["name"] == f"multitask-platform-{NAMES[stage]}"
    assert (budget["budget_type"], budget["time_unit"], budget["limit_unit"]) == ("COST", "MONTHLY", "USD")
    assert budget["limit_amount"] == {DEV: "100", STAGING: "250", PROD: "1000"}[stage]
    # A budget follows one tag alone, so one tag tells system and stage; everything that can be tagged carries it.
    tag = f"multitask-platform-{NAMES[stage]}"
    assert budget["cost_filter"] == [{"name": "TagKeyValue", "values": [f"user:Deployment${tag}"]}]
    assert {resource.arguments["tags"]["Deployment"] for resource in stage.graph if resource.arguments.get("tags")} == {tag}
    (notice,) = budget["notification"]
    assert (notice["threshold"], notice["notification_type"], notice["comparison_operator"]) == (80, "ACTUAL", "GREATER_THAN")
    assert notice["subscriber_email_addresses"] == ["billing@multitask.example"]


@pytest.mark.requirement("MT-T13", "MT-C35")
@STAGES
def test_nothing_refers_to_what_is_not_there(stage: Defined) -> None:
    assert not list(stage.graph.problems())


@pytest.mark.slow
@pytest.mark.parametrize("front", ["domain", "cdn"])
@pytest.mark.parametrize("stage", NAMES.values())
def test_terraform_accepts_every_stage(
    stage: str, front: str, tmp_path: Path, terraform_validate: Callable[[Path], list[dict[str, Any]]],
) -> None:
    write(graph(stage, front=front), tmp_path)
    assert terraform_validate(tmp_path) == []


@pytest.mark.requirement("MT-C48")
def test_no_text_is_mangled() -> None:
    for path in [*FOLDER.glob("*.*"), *FOLDER.glob("functions/*.py")]:
        assert path.read_text(encoding="utf-8").isascii(), path


CALLS = """
import importlib, json, sys
event = {"methodArn": "arn:aws:execute-api:us-east-1:000000000000:api/dev/$connect"}
answers = {}
for handler in sys.argv[1:]:
    module, name = handler.rsplit(".", 1)
    try:
        answers[handler] = getattr(importlib.import_module(module), name)(event, None)
    except Exception as error:
        answers[handler] = type(error).__name__
print(json.dumps(answers))
"""


def test_health_answers_and_everything_else_says_that_it_is_not_built() -> None:
    handlers = sorted({item["handler"] for item in DEV.all("aws_lambda_function").values()}
                      - {"functions.prune.handle", "functions.migration.handle"})
    done = subprocess.run([sys.executable, "-c", CALLS, *handlers], cwd=FOLDER, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    assert answers.pop("functions.health.handle")["statusCode"] == 200
    gate = answers.pop("functions.sockets.authorize")
    assert gate["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    for handler in ("functions.events.consume", "functions.events.publish_changes"):
        assert answers.pop(handler) == "NotBuiltError"
    assert {handler.split(".")[1] for handler in answers} == {"auth", "profile", "chat", "posts", "catalog", "ai"}
    for answer in answers.values():
        assert answer["statusCode"] == 501
        assert json.loads(answer["body"])["error"] == "not built yet"


PRUNE = """
import json, os
os.environ["FUNCTIONS"] = "auth"
from functions import prune

class Lambda:
    deleted = []
    def get_paginator(self, name):
        pages = {"list_versions_by_function": [{"Versions": [{"Version": v} for v in ("$LATEST", "1", "2", "3")]},
                                               {"Versions": [{"Version": v} for v in ("4", "5", "10")]}],
                 "list_aliases": [{"Aliases": [
                     {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.1}}},
                     {"FunctionVersion": "10"}]}]}
        class Pages:
            def paginate(self, FunctionName):
                return pages[name]
        return Pages()
    def delete_function(self, FunctionName, Qualifier):
        self.deleted.append(Qualifier)

client = Lambda()
prune.handle({"keep": 2}, None, client)
print(json.dumps(client.deleted))
"""


@pytest.mark.requirement("MT-R70")
def test_pruning_keeps_the_newest_versions_and_those_that_an_alias_points_to() -> None:
    done = subprocess.run([sys.executable, "-c", PRUNE], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["1", "4"]
