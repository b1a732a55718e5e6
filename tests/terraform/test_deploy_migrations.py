"""Migrations in a deploy: after the data store, before what waits for them, once, and again after a failure."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundsill.terraform.running import earlier_run

from .deploy_support import BUCKET, Shop, client, running_api, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Function, Migration, Table

system = System("{name}", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    runs = Table("runs", key="Id")
    migrate = Function("migrate", "migrate:handle", include=["migrate.py"], uses=[runs.read_write.env("RUNS")], timeout=60)
    catalog = Function("catalog", "catalog:handle", include=["catalog.py"], environment={{"VERSION": "{version}"}})
    Migration("schema", migrate, before=[catalog])
'''
# Each run is an item of the table: with its command, and with what the catalog's version was when it ran.
MIGRATE = '''
import os, time
import boto3

def handle(event, context):
    runs = boto3.resource("dynamodb").Table(os.environ["RUNS"])
    runs.put_item(Item={{"Id": context.aws_request_id, "command": event["command"], "content": {content!r}}})
    print("about to {content}")
    {action}
    return {{"done": [{content!r}]}}
'''
FAILS = 'raise ValueError("no such column: price, AccessDenied, no space left on device")'


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


class Catalog(Shop):
    """A function that waits for a migration."""

    def __init__(self, folder: Path, api: dict[str, str], name: str) -> None:
        self.api = api
        super().__init__(folder, api, name)
        (folder / "catalog.py").write_text("def handle(event, context):\n    return 1\n")

    def define(self, table: str = "", more: str = "") -> None:
        self.write("first")

    def write(self, content: str, *, version: int = 1, action: str = "pass") -> None:
        (self.folder / "system.py").write_text(SYSTEM.format(name=self.name, version=version))
        (self.folder / "migrate.py").write_text(MIGRATE.format(content=content, action=action))

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Command and content of each run."""
        try:
            items = client(self.api, "dynamodb").scan(TableName=f"{self.name}-dev-runs")["Items"]
        except client(self.api, "dynamodb").exceptions.ResourceNotFoundException:
            return []
        return sorted((item["command"]["S"], item["content"]["S"]) for item in items)

    @property
    def version(self) -> str | None:
        """Version of the catalog that is deployed."""
        functions = client(self.api, "lambda").list_functions()["Functions"]
        found = next((item for item in functions if item["FunctionName"] == f"{self.name}-dev-catalog"), None)
        return found["Environment"]["Variables"]["VERSION"] if found else None


def _error(answer: dict[str, Any]) -> dict[str, Any]:
    return next(item for item in answer["diagnostics"] if item["code"] == "GS3040")


@pytest.mark.requirement("MT-C41")
def test_a_migration_runs_once_for_its_content_and_what_waits_for_it_stays_as_it_is_where_it_fails(
    api: dict[str, str], tmp_path: Path,
) -> None:
    shop = Catalog(tmp_path / "shop", api, "shelves")
    shop.write("first", action=FAILS)
    plan = shop.json("plan", code=2)
    assert [group["component"] for group in plan["migrations"]] == ["schema"] and not plan["replacements"]
    # Whatever a migration says, it is not taken for a failure of Terraform or AWS.
    failed = _error(shop.json("deploy", code=1))
    assert "no such column: price" in failed["detail"] and "about to first" in failed["detail"]
    assert shop.runs == [("up", "first")] and shop.version is None

    shop.write("second")
    assert shop.json("deploy")["changed"]
    assert shop.runs == [("up", "first"), ("up", "second")] and shop.version == "1"
    assert not shop.json("deploy")["changed"]
    shop.write("second", version=2)
    assert not shop.json("plan", code=2)["migrations"]
    shop.run("deploy")
    assert shop.runs == [("up", "first"), ("up", "second")] and shop.version == "2"

    # A saved plan holds the run like everything else; where it fails, the next deploy runs it again.
    shop.write("third", version=3, action=FAILS)
    saved = tmp_path / "plan.saved"
    text = shop.run("plan", "--save", str(saved), code=2).stdout
    assert "1 migration to run" in text and "to replace" not in text
    _error(shop.json("deploy", "--plan", str(saved), code=1))
    assert shop.version == "2"
    shop.write("fourth", version=3)
    shop.run("deploy")
    assert [content for _, content in shop.runs] == ["first", "fourth", "second", "third"] and shop.version == "3"


def test_a_deploy_killed_during_a_migration_runs_it_again(api: dict[str, str], tmp_path: Path) -> None:
    shop = Catalog(tmp_path / "shop", api, "cellar")
    shop.write("slow", action="time.sleep(30)")
    process = shop.start("deploy")
    wait_until(lambda: shop.runs, 180)
    terraform = earlier_run(shop.terraform)
    process.send_signal(signal.SIGKILL)
    if terraform is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(terraform, signal.SIGKILL)
    process.communicate(timeout=60)
    assert shop.version is None
    shop.write("quick")
    shop.run("deploy")
    assert shop.runs == [("up", "quick"), ("up", "slow")] and shop.version == "1"
    assert not shop.json("deploy")["changed"]
