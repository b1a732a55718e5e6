"""Tasks, and migrations that are one: what they may do, when they run, and what every reader of the graph says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.checks.context import Context
from groundsill.checks.run import check
from groundsill.cost.estimate import estimate
from groundsill.diagram.draw import picture_of
from groundsill.operate.rehearsal.configuration import write_folder
from groundsill.operate.rehearsal.gaps import left_out
from groundsill.sources.reading import read
from groundsill.terraform.synth import synthesize, text
from tests.component_support import build, examine, plain


def _before(graph: Any, address: str) -> set[str]:
    return set(graph.needs(address)) - {address}


def _with_task(_: Stage) -> None:
    network = c.Network("main")
    database = c.Database("store", network.private, engine="postgres", version="17")
    cluster, image = c.Cluster("cluster"), c.Container("image", command=("python", "-m", "app"))
    api = c.Service("api", image, network.private, cluster=cluster, port=8080, uses=[database.connect])
    migrate = c.Task("migrate", image, network.private, cluster=cluster, command=("python", "-m", "app.migrate"),
                     timeout="3h", uses=[database.connect])
    c.Migration("schema", migrate, before=[api])
    c.Alerts("alerts", email="ops@shop.example")


TASK_RUN = "terraform_data.schema"


def test_a_task_runs_after_its_database_rights_and_way_there_and_before_the_service() -> None:
    graph = build(_with_task)
    before = _before(graph, TASK_RUN)
    assert {"aws_db_instance.store", "aws_iam_role_policy.migrate", "aws_iam_role_policy.migrate_execution",
            "aws_vpc_security_group_ingress_rule.migrate_to_store", "aws_ecs_task_definition.migrate",
            *(item.address for item in graph.of_type("aws_route"))} <= before
    assert TASK_RUN in graph.dependencies("aws_ecs_service.api") and "aws_ecs_service.api" not in before


def test_a_task_is_due_for_a_new_image_command_or_database_and_for_nothing_else() -> None:
    run = synthesize(build(_with_task))["resource"]["terraform_data"]["schema"]
    assert run["triggers_replace"] == {"image": "${var.image_image}", "command": ["python", "-m", "app.migrate"],
                                       "database_store": "${aws_db_instance.store.resource_id}"}
    assert run["input"]["timeout"] == 3 * 3600


def test_terraform_hands_the_run_to_groundsill_as_one_argument_without_a_shell_and_with_no_path_of_this_machine() -> None:
    written = text(build(_with_task))
    assert json.loads(written)["resource"]["terraform_data"]["schema"]["provisioner"] == [
        {"local-exec": {"interpreter": ["groundsill", "run-task"], "command": "${jsonencode(self)}", "quiet": True}}]
    assert json.loads(written)["terraform"]["required_version"] == ">= 1.4.0"
    assert written == text(build(_with_task)) and str(Path.home()) not in written


def test_a_task_has_rights_roles_log_and_group_of_its_own_and_not_those_of_the_service_whose_image_it_shares() -> None:
    graph = build(_with_task)
    task, service = graph["aws_ecs_task_definition.migrate"], graph["aws_ecs_task_definition.api"]
    for argument in ("task_role_arn", "execution_role_arn", "family"):
        assert task.arguments[argument] != service.arguments[argument]
    (mine,), (its,) = task.arguments["container_definitions"].content, service.arguments["container_definitions"].content
    assert mine["image"] == its["image"] and mine["command"] == ["python", "-m", "app.migrate"] != its["command"]
    assert mine["logConfiguration"] != its["logConfiguration"] and not mine["portMappings"]
    rule = graph["aws_vpc_security_group_ingress_rule.migrate_to_store"].arguments
    assert rule["referenced_security_group_id"].address == "aws_security_group.migrate"
    assert graph["aws_security_group.migrate"].arguments["name_prefix"].startswith("shop-dev-migrate")


def test_the_deployer_may_run_this_task_and_read_its_log_and_no_other() -> None:
    def define(stage: Stage) -> None:
        _with_task(stage)
        c.Deployer("deployer")

    policies = build(define).of_type("aws_iam_policy")
    allowed = {action: statement["Resource"] for policy in policies
               for statement in plain(policy.arguments["policy"])["Statement"] for action in statement["Action"]}
    account = "${data.aws_caller_identity.current.account_id}"
    assert allowed["ecs:RunTask"] == [f"arn:aws:ecs:us-east-1:{account}:task-definition/shop-dev-migrate:*"]
    assert allowed["logs:GetLogEvents"] == [f"arn:aws:logs:us-east-1:{account}:log-group:/ecs/shop-dev-migrate:*"]
    assert f"arn:aws:ecs:us-east-1:{account}:task/shop-dev-cluster/*" in allowed["ecs:DescribeTasks"]


def test_mistakes_about_a_task_are_named_with_what_to_do() -> None:
    def define(_: Stage) -> None:
        network, cluster = c.Network("main"), c.Cluster("cluster")
        image = c.Container("image", command=("app",))
        c.Task("long", image, network.private, cluster=cluster, timeout="30d")
        c.Task("text", image, network.private, cluster=cluster, command=())
        c.Migration("service", image, before=[c.Function("f", "a.b:c")])  # type: ignore[arg-type]

    assert sorted(item.code for item in examine(define)[1]) == ["GS1206", "GS1371", "GS1573"]


def test_a_rehearsal_says_that_no_container_was_started_and_makes_what_waits_for_it(tmp_path: Path) -> None:
    graph = build(_with_task)
    reasons = left_out(graph)
    assert list(reasons) == [TASK_RUN] and "no container is started here" in reasons[TASK_RUN]
    write_folder(graph, tmp_path, list(reasons))
    written = json.loads((tmp_path / "main.tf.json").read_text())["resource"]
    assert "terraform_data" not in written and "api" in written["aws_ecs_service"]
    assert "migrate" in written["aws_ecs_task_definition"]


def test_check_takes_the_command_for_ours_and_looks_at_the_task_as_at_a_service(tmp_path: Path) -> None:
    graph = build(_with_task)
    (tmp_path / "main.tf.json").write_text(text(graph))
    for seen in (graph, read(tmp_path).graph):
        assert "apply-runs-commands" not in {item.rule.id for item in check(seen).results}
        context = Context(seen)
        work = next(item for item in context.workloads if item.definition.name == "migrate")
        assert work.placement is not None and work.role is not None
        assert context.network.connects(work.placement, context.network.topology.placement(
            seen["aws_db_instance.store"]), 5432).is_yes


def test_a_picture_shows_the_task_that_a_deploy_runs_with_its_way_to_the_database() -> None:
    picture, _ = picture_of(build(_with_task))
    assert picture.nodes[TASK_RUN].service == "Amazon ECS task"
    assert any(edge.source == TASK_RUN and edge.target == "aws_db_instance.store" for edge in picture.edges)


def test_cost_reckons_with_the_seconds_of_each_run() -> None:
    lines = [line for line in estimate(build(_with_task)).lines if line.resource.address == TASK_RUN]
    assert {line.what for line in lines} == {"vCPU", "memory"}
    # 4 runs of a minute of a quarter of a vCPU on Graviton.
    (vcpu,) = [line for line in lines if line.what == "vCPU"]
    assert vcpu.cost is not None and vcpu.cost.expected == pytest.approx(4 / 60 * 0.25 * 0.03238, rel=1e-3)


def test_two_ways_to_name_one_database_open_it_once() -> None:
    def define(_: Stage) -> None:
        network = c.Network("main")
        database = c.Database("store", network.private, engine="postgres", version="17")
        image = c.Container("image", command=("python", "-m", "app"))
        c.Service("api", image, network.private, cluster=c.Cluster("cluster"), port=8080,
                  uses=[database.connect, database.connect.env("STORE_A", "STORE_B", "STORE_C", "STORE_D")])

    ways = [item.address for item in build(define).of_type("aws_vpc_security_group_ingress_rule")]
    assert ways == ["aws_vpc_security_group_ingress_rule.api_to_store"]
