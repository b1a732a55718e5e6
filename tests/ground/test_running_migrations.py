"""Migrations of a running system: before anything answers, once for their content, and again for changed code."""

from __future__ import annotations

import http.client
import json
import signal
import stat
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from groundsill.ground.control import events
from groundsill.ground.door import DoorClient, DoorError
from tests.ground.running_help import Small, gone, until

SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Cluster, Container, Function, HttpApi, Migration, Network, Service, ServerlessDatabase, Table

system = System("shelves", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    kept = Table("kept", key="Id")
    migrate = Function("migrate", "app.migrate:handle", include=["app/__init__.py", "app/migrate.py", "app/steps"],
                       uses=[kept.read_write.env("KEPT"), kept.scan], timeout=20)
    catalog = Function("catalog", "app.catalog:handle", uses=[kept.read.env("KEPT")])
    HttpApi("api").route("GET /price", catalog)
    cluster, network = Cluster("cluster"), Network("main", cidr="10.0.0.0/16", zones=2)
    worker = Service("worker", Container("image", command=("python", "service.py")), network.private, cluster=cluster)
    Migration("schema", migrate, before=[catalog, worker])
    database = ServerlessDatabase("store", network.private)
    unreached = Function("unreached", "app.migrate:handle", network=network.private, uses=[database.connect])
    Migration("store-schema", unreached, before=[catalog])
'''
# A step is a file with what it should do: what is applied is an item of the table, with how often it was applied.
MIGRATE = '''
import os, time
from pathlib import Path
import boto3

table = boto3.resource("dynamodb").Table(os.environ["KEPT"])
FOLDER = Path(__file__).parent / "steps"


def handle(event, context):
    command = event["command"]
    if command not in ("status", "up", "down"):
        raise ValueError(f"unknown command {command}")
    steps = sorted(path.stem for path in FOLDER.glob("*.step"))
    applied, done = sorted(item["Id"] for item in table.scan(ConsistentRead=True)["Items"] if "Times" in item), []
    if command != "status":
        table.update_item(Key={"Id": "runs"}, UpdateExpression="ADD Runs :one", ExpressionAttributeValues={":one": 1})
    if command == "up":
        for step in steps:
            if step in applied:
                continue
            text = (FOLDER / f"{step}.step").read_text()
            print(f"about to apply {step}")
            if text.startswith("wait"):
                time.sleep(15)
            if text.startswith("fail"):
                raise ValueError(f"no such column: {step}")
            table.update_item(Key={"Id": step}, UpdateExpression="ADD Times :one", ExpressionAttributeValues={":one": 1})
            done.append(step)
    if command == "down" and applied:
        if event["migration"] != applied[-1]:
            raise ValueError("somebody else was faster")
        table.delete_item(Key={"Id": applied[-1]})
        done.append(applied[-1])
    applied = sorted(({*applied} | {*done}) if command == "up" else ({*applied} - {*done}))
    return {"applied": applied, "pending": [step for step in steps if step not in applied], "done": done}
'''
CATALOG = '''
import os
import boto3


def handle(event, context):
    items = boto3.resource("dynamodb").Table(os.environ["KEPT"])
    found = items.get_item(Key={"Id": "0001_price"}, ConsistentRead=True).get("Item")
    runs = items.get_item(Key={"Id": "runs"}, ConsistentRead=True).get("Item", {}).get("Runs", 0)
    return {"statusCode": 200 if found else 500, "body": str(runs)}
'''
FILES = {
    "system.py": SYSTEM, "app/migrate.py": MIGRATE, "app/catalog.py": CATALOG, "app/steps/0001_price.step": "",
    "image/Dockerfile": "FROM python:3.13-slim\nCOPY service.py .\n",
    "image/service.py": "import signal, threading\nstop = threading.Event()\n"
                        "signal.signal(signal.SIGTERM, lambda *_: stop.set())\nprint('it runs', flush=True)\nstop.wait()\n",
}


class Shelves(Small):
    """A catalog whose function and worker wait for a migration."""

    def step(self, name: str, content: str = "") -> None:
        self.write(f"app/steps/{name}.step", content)

    @property
    def runs(self) -> int:
        """How often the migration has run with a change in mind."""
        answer = self.call("/price")
        assert answer.status == 200, "the catalog found the schema that it relies on"
        return int(answer.text)

    def migrate(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        return self.json("migrate", *arguments, "--component", "schema", code=code)

    def phases(self) -> tuple[list[tuple[str, str]], dict[str, Any]]:
        """What the daemon says while it starts: its phases, and the last event."""
        process = self.state.start()
        assert process is not None and process.stdout is not None
        told, last = list[tuple[str, str]](), dict[str, Any]()
        for last in events(process):
            if last["event"] == "phase":
                told.append((last["name"], last["state"]))
        if last["event"] == "failed":
            process.wait(20)
        process.stdout.close()
        self.facts = last
        return told, last


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelves]:
    """One system, that the tests take on from each other in their order."""
    made = Shelves(tmp_path_factory.mktemp("shelves") / "system", FILES)
    yield made
    made.end()


@pytest.fixture
def running(system: Shelves) -> Shelves:
    """The same, running with what it has."""
    if not system.state.is_running():
        system.up()
    system.facts = system.state.running() or {}
    return system


def test_where_a_migration_fails_up_fails_with_its_words_and_its_log_and_nothing_that_waits_is_started(
    system: Shelves,
) -> None:
    system.step("0001_price", "fail")
    phases, last = system.phases()
    assert ("migrations", "started") in phases and not {"edge", "services"} & {name for name, _ in phases}
    (problem,) = last["diagnostics"]
    assert problem["code"] == "GS2018" and problem["subject"] == 'Migration("schema")' and problem["line"]
    assert "migrate: ValueError: no such column: 0001_price" in problem["detail"].replace("shelves-dev-", "")
    assert "about to apply 0001_price" in problem["detail"] and "START" not in problem["detail"]
    assert not system.state.is_running()
    assert not (system.state.logs / "worker.jsonl").exists()
    shown = system.run("up", "--detach")
    assert shown.returncode == 1 and "no such column: 0001_price" in shown.stderr and "Traceback" not in shown.stdout


def test_after_a_failure_it_runs_again_before_any_door_is_open_and_then_no_more_for_the_same_content(system: Shelves) -> None:
    system.step("0001_price")
    phases, _ = system.phases()
    assert phases.index(("migrations", "done")) < phases.index(("edge", "started")) < phases.index(("services", "started"))
    runs = system.runs
    assert runs == 3  # two failed ones and this one
    assert system.down()["stopped"] and system.up()["urls"] and system.runs == runs


def test_a_migration_killed_with_its_system_runs_again_at_the_next_start(system: Shelves) -> None:
    system.down()
    system.step("0002_slow", "wait")
    process = system.state.start()
    assert process is not None and process.stdout is not None
    daemon = psutil.Process(process.pid)
    until(lambda: "about to apply 0002_slow" in _log(system), 30)
    children = daemon.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    gone(children)
    system.step("0002_slow")
    system.up()
    assert system.migrate()["migrations"][0]["applied"] == ["0001_price", "0002_slow"]


def test_changed_code_runs_it_again_while_the_system_runs_and_a_failure_is_an_error_in_the_log(running: Shelves) -> None:
    before = running.runs
    running.step("0003_stock")
    until(lambda: running.runs > before)
    assert running.migrate()["migrations"][0]["pending"] == []
    running.step("0004_wrong", "fail")
    until(lambda: "the migration failed; the system runs on" in _log(running))
    assert "no such column: 0004_wrong" in _log(running)
    assert running.runs > before + 1, "the system answers on"
    running.step("0004_wrong")
    until(lambda: running.migrate()["migrations"][0]["applied"][-1] == "0004_wrong")


def test_status_up_and_down_are_answered_by_the_running_system(running: Shelves) -> None:
    shown = running.run("migrate", "--component", "schema")
    assert shown.returncode == 0 and "0001_price" in shown.stdout and "on this machine: 4 applied, 0 pending" in shown.stdout
    refused = running.migrate("down", code=1)["diagnostics"][0]
    assert refused["code"] == "GS2214" and "0004_wrong" in refused["detail"]
    assert running.migrate("down", "--confirm", "0003_stock", code=1)["diagnostics"][0]["code"] == "GS2213"
    down = running.migrate("down", "--yes")["migrations"][0]
    assert down["done"] == ["0004_wrong"] == down["pending"] and down["applied"][-1] == "0003_stock"
    again = running.migrate("up")
    assert again["where"] == "here" and again["migrations"][0]["done"] == ["0004_wrong"]
    assert "about to apply 0004_wrong" in again["migrations"][0]["log"]


def test_a_command_that_fails_shows_the_functions_words_and_its_log(running: Shelves) -> None:
    running.down()
    running.up()
    # Its own code is as it was when it last ran; what it reads has changed under it.
    (running.folder / "app" / "steps" / "0005_later.step").write_text("fail")
    until(lambda: "no such column: 0005_later" in _log(running))
    done = running.run("migrate", "up", "--component", "schema")
    assert done.returncode == 1 and "error[GS2205]" in done.stderr and "no such column: 0005_later" in done.stderr
    assert "about to apply 0005_later" in done.stderr and "Traceback" not in done.stderr
    running.step("0005_later")


def test_a_migration_whose_database_cannot_run_here_is_said_not_to_have_run_and_why(running: Shelves) -> None:
    reason = "not run: it needs store, which the ground cannot run yet"
    listed = {item["address"]: item["reason"] for item in running.facts["recorded_only"]}
    assert listed["aws_lambda_invocation.store_schema"] == reason
    assert "aws_lambda_invocation.schema" not in listed
    assert f"migration store-schema is {reason}" in running.facts["notes"]
    answer = running.json("migrate", "up", code=1)
    assert [item["component"] for item in answer["migrations"]] == ["schema"]
    assert answer["diagnostics"][0]["code"] == "GS2204" and answer["diagnostics"][0]["detail"] == reason
    assert not (running.state.logs / "unreached.jsonl").exists()


def test_the_door_answers_nobody_without_its_key_which_only_the_user_can_read(running: Shelves) -> None:
    door = running.state.path / "door.json"
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    port = json.loads(door.read_text())["port"]
    for headers in ({}, {"x-groundsill-key": "guessed"}):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/migrations/schema", json.dumps({"command": "down"}), headers)
        assert connection.getresponse().status == 403
        connection.close()
    with pytest.raises(DoorError, match="no migration nothing"):
        DoorClient(running.state.path).command("nothing", {"command": "up"}, 10)
    with pytest.raises(DoorError, match="no migration store-schema"):
        DoorClient(running.state.path).command("store-schema", {"command": "up"}, 10)


def test_a_system_that_does_not_run_is_not_asked(system: Shelves) -> None:
    system.down()
    assert not (system.state.path / "door.json").exists()
    answer = system.json("migrate", "status", code=1)["diagnostics"][0]
    assert answer["code"] == "GS2203" and "groundsill up" in answer["mend"] and "--stage" in answer["mend"]


def _log(system: Small) -> str:
    """What the function and the migration wrote."""
    found = (system.state.logs / f"{name}.jsonl" for name in ("migrate", "schema"))
    return "\n".join(path.read_text() for path in found if path.exists())
