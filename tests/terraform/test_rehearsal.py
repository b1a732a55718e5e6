"""Rehearsals of small systems: the real Terraform and provider against the AWS API of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill import aws
from groundsill.cli.views.rehearsal import text
from groundsill.cli.views.style import Style
from groundsill.graph import Graph, Output, Scope, Variable
from groundsill.graph.diagnostics import GroundsillError
from groundsill.operate.rehearsal import Gap, Outcome, Report, ResourceReport, rehearse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SECRET = "pl4nted-s3cret-value"

SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Table, output

system = System("shop", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    orders = Table("orders", key="Id")
    output("orders", orders.resource["name"], "Where orders are kept")
'''


def _graph() -> Graph:
    """Four resources that come through, one that outlives its destroy, one that no emulator has."""
    scope = Scope(Graph("shop", "prod", "eu-central-1"), tags={"System": "shop"})
    with scope.active():
        aws.dynamodb_table("orders", name="orders", billing_mode="PAY_PER_REQUEST", hash_key="Id",
                           attribute=[{"name": "Id", "type": "S"}], deletion_protection_enabled=True,
                           point_in_time_recovery={"enabled": True, "recovery_period_in_days": 7})
        topic = aws.sns_topic("alerts", name="alerts")
        secret = scope.graph.add_variable(Variable("password", "", sensitive=True))
        aws.secretsmanager_secret_version("db", secret_string=secret,
                                          secret_id=aws.secretsmanager_secret("db", name="db").id)
        aws.cloudwatch_metric_alarm(
            "errors", alarm_name="errors", namespace="AWS/Lambda", metric_name="Errors", statistic="Sum", period=300,
            evaluation_periods=1, threshold=0.5, comparison_operator="GreaterThanThreshold", alarm_actions=[topic.arn],
            insufficient_data_actions=[topic.arn], dimensions={"FunctionName": "a & b"},
            alarm_description="orders <failed>")
        aws.cloudwatch_metric_alarm(
            "share", alarm_name="share", evaluation_periods=1, threshold=5, comparison_operator="GreaterThanThreshold",
            metric_query=[
                {"id": "share", "expression": "100 * errors / calls", "label": "share", "return_data": True},
                *({"id": name.lower(), "metric": {"namespace": "AWS/Lambda", "metric_name": metric, "stat": "Sum",
                                                  "period": 60, "dimensions": {"FunctionName": "a"}}}
                  for name, metric in (("errors", "Errors"), ("calls", "Invocations"))),
            ])
        aws.cloudwatch_metric_alarm(
            "slow", alarm_name="slow", namespace="AWS/Lambda", metric_name="Duration", extended_statistic="p99", period=60,
            evaluation_periods=3, datapoints_to_alarm=2, threshold=1000, comparison_operator="GreaterThanThreshold")
        aws.cloudwatch_log_group("kept", name="kept", skip_destroy=True)
        aws.glacier_vault("all", name="all")
    scope.graph.add_output(Output("topic", topic.arn))
    assert not scope.diagnostics.errors and not scope.graph.problems().errors
    return scope.graph


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rehearsal") / "kept"


@pytest.fixture(scope="module")
def report(terraform: None, kept: Path) -> Report:
    return rehearse(_graph(), variables={"password": SECRET}, folder=kept, gaps=())


def _line(report: Report, address: str) -> ResourceReport:
    return next(item for item in report.resources if item.address == address)


def test_every_resource_is_applied_planned_again_without_change_and_destroyed(report: Report) -> None:
    clean = {item.address for item in report.of_outcome(Outcome.CLEAN)}
    assert clean == {
        "aws_dynamodb_table.orders", "aws_sns_topic.alerts", "aws_secretsmanager_secret.db",
        "aws_secretsmanager_secret_version.db", "aws_cloudwatch_metric_alarm.errors",
        "aws_cloudwatch_log_group.kept", "aws_cloudwatch_metric_alarm.share", "aws_cloudwatch_metric_alarm.slow",
    }, report.to_markdown()


def test_a_protected_table_is_destroyed_after_its_protection_was_lifted_and_the_report_says_so(report: Report) -> None:
    assert report.lifted == ["aws_dynamodb_table.orders: deletion_protection_enabled"]


def test_what_the_definition_keeps_is_found_after_the_destroy_and_said(report: Report) -> None:
    kept = _line(report, "aws_cloudwatch_log_group.kept")
    assert (kept.applied, kept.outcome, kept.notes) == (True, Outcome.CLEAN, ["it stays, as its skip_destroy says"])
    assert not any(item.left or item.notes for item in report.resources if item is not kept)


def test_what_cannot_be_applied_fails_at_its_own_line_and_nothing_else_does(report: Report) -> None:
    group = _line(report, "aws_glacier_vault.all")
    assert (group.applied, group.outcome) == (False, Outcome.FAILED)
    assert group.errors and "creating Glacier Vault (all)" in group.errors[0]
    assert not report.passed and report.problems == []


def test_a_secret_is_in_no_report(report: Report) -> None:
    assert SECRET not in json.dumps(report.to_dict()) + report.to_markdown()


def test_a_kept_folder_holds_the_configuration_and_a_second_rehearsal_does_not_overwrite_it(
    report: Report, kept: Path,
) -> None:
    assert (kept / "terraform" / "main.tf.json").is_file() and (kept / "aws" / "aws-calls.jsonl").is_file()
    with pytest.raises(GroundsillError, match="not empty"):
        rehearse(_graph(), folder=kept)


def test_with_its_gap_known_the_command_leaves_it_out_and_says_why(terraform: None, tmp_path: Path) -> None:
    graph = Graph("shop", "dev", "eu-central-1")
    with Scope(graph).active():
        group = aws.glacier_vault("all", name="all")
        aws.sns_topic("alerts", name="alerts", display_name=group.arn)
        aws.sns_topic("other", name="other")
    report = rehearse(graph, gaps=(Gap("aws_glacier_vault", "apply", "the service is not there"),))
    assert report.passed, report.to_markdown()
    assert [item.outcome for item in report.resources] == [Outcome.LEFT_OUT, Outcome.LEFT_OUT, Outcome.CLEAN]
    assert "needs aws_glacier_vault.all" in _line(report, "aws_sns_topic.alerts").remark
    said = "aws_glacier_vault, apply: the service is not there (MiniStack 1.5.33)"
    assert said in report.to_markdown() and said in text(report, Style())
    assert report.to_dict()["gaps"][0]["reason"] == "the service is not there"


def test_the_command_shows_every_resource_writes_markdown_and_ends_with_0(terraform: None, tmp_path: Path) -> None:
    (tmp_path / "system.py").write_text(SYSTEM)
    done = subprocess.run(
        [sys.executable, "-m", "groundsill", "rehearse", str(tmp_path), "--json", "--markdown", str(tmp_path / "r.md")],
        capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    table = next(item for item in shown["resources"] if item["address"] == "aws_dynamodb_table.orders")
    assert shown["passed"] and (table["outcome"], table["place"], table["component"]) == ("clean", "system.py:10", "orders")
    assert "aws_dynamodb_table.orders" in (tmp_path / "r.md").read_text()
    assert not list(tmp_path.glob(".groundsill/*/terraform"))


def test_without_terraform_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "system.py").write_text(SYSTEM)
    done = subprocess.run([sys.executable, "-m", "groundsill", "rehearse", str(tmp_path)], capture_output=True, text=True,
                          env={"PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == 1 and "GS3001" in done.stderr and "Traceback" not in done.stderr
