"""Migrations: after everything that they need, before what relies on them, and in the plan only where something is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from groundsill import Stage
from groundsill import components as c
from groundsill.operate.rehearsal.configuration import write_folder
from groundsill.operate.rehearsal.gaps import left_out
from tests.component_support import build, examine, plain


def _define(_: Stage) -> None:
    network = c.Network("main")
    database = c.ServerlessDatabase("store", network.private)
    uses: Any = {"network": network.private, "uses": [database.connect]}
    migrate = c.Function("migrate", "functions.migrate:handle", **uses)
    catalog = c.Function("catalog", "functions.catalog:handle", **uses)
    c.Function("other", "functions.catalog:handle")
    c.Migration("schema", migrate, before=[catalog])


RUN = "aws_lambda_invocation.schema"


def _before(graph: Any, address: str) -> set[str]:
    seen: set[str] = set()
    waiting = [address]
    while waiting:
        for name in graph.dependencies(waiting.pop()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def test_it_runs_after_the_whole_data_store_its_rights_and_its_way_there_and_before_what_relies_on_it() -> None:
    graph = build(_define)
    before = _before(graph, RUN)
    instance = next(item.address for item in graph.of_type("aws_rds_cluster_instance"))
    rule = next(item.address for item in graph.of_type("aws_vpc_security_group_ingress_rule") if "migrate" in item.address)
    assert {instance, rule, "aws_iam_role_policy.migrate", "aws_iam_role_policy_attachment.migrate_network",
            *(item.address for item in graph.of_type("aws_route"))} <= before
    assert RUN in graph.dependencies("aws_lambda_function.catalog")
    assert RUN not in graph.dependencies("aws_lambda_function.other")


def test_it_is_due_for_a_new_package_or_a_new_database_and_for_nothing_else() -> None:
    graph = build(_define)
    run = graph[RUN]
    assert json.loads(run.arguments["input"]) == {"command": "up"}
    triggers = {name: getattr(value, "expression", value) for name, value in run.arguments["triggers"].items()}
    cluster = next(item for item in graph.of_type("aws_rds_cluster"))
    assert triggers == {"package": graph["aws_lambda_function.migrate"].arguments["filename"],
                        f"database_{cluster.name}": f"{cluster.address}.cluster_resource_id"}


def test_mistakes_are_named_with_what_to_do() -> None:
    def define(_: Stage) -> None:
        migrate = c.Function("migrate", "functions.migrate:handle")
        c.Migration("nobody", migrate, before=[])
        c.Migration("table", migrate, before=[c.Table("orders", key="Id")])  # type: ignore[list-item]
        c.Migration("itself", migrate, before=[migrate])

    assert [item.code for item in examine(define)[1]] == ["GS1570", "GS1571", "GS1572"]


def test_a_rehearsal_says_that_a_migration_of_a_database_was_not_run_and_makes_what_waits_for_it(tmp_path: Path) -> None:
    graph = build(_define)
    reasons = left_out(graph)
    assert list(reasons) == [RUN] and "no database answers" in reasons[RUN]
    write_folder(graph, tmp_path, list(reasons))
    written = json.loads((tmp_path / "main.tf.json").read_text())["resource"]
    assert "aws_lambda_invocation" not in written and "catalog" in written["aws_lambda_function"]
    assert RUN not in json.dumps(written)


def test_the_deployer_may_call_the_function_of_a_migration_and_no_other() -> None:
    def define(_: Stage) -> None:
        migrate = c.Function("migrate", "functions.migrate:handle")
        c.Migration("schema", migrate, before=[c.Function("catalog", "functions.catalog:handle")])
        c.Deployer("deployer")

    allowed = [statement["Resource"] for policy in build(define).of_type("aws_iam_policy")
               for statement in plain(policy.arguments["policy"])["Statement"] if "lambda:InvokeFunction" in statement["Action"]]
    assert allowed == [["arn:aws:lambda:us-east-1:${data.aws_caller_identity.current.account_id}:function:shop-dev-migrate"]]
