"""`groundsill migrate` for a stage that real Terraform has deployed: the function in the place that the deploy gave it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import BUCKET, Shop, client, running_api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Function, Migration, Table

system = System("shelves", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    kept = Table("kept", key="Id")
    migrate = Function("migrate", "migrate:handle", include=["migrate.py"], timeout=60,
                       uses=[kept.read_write.env("KEPT"), kept.scan])
    catalog = Function("catalog", "catalog:handle", include=["catalog.py"])
    Migration("schema", migrate, before=[catalog])
'''
MIGRATE = '''
import os
import boto3

EVERY = ["0001_items", "0002_price"]


def handle(event, context):
    table, command = boto3.resource("dynamodb").Table(os.environ["KEPT"]), event["command"]
    applied = sorted(item["Id"] for item in table.scan(ConsistentRead=True)["Items"])
    print(f"asked for {command}")
    done = []
    if command == "up":
        done = [name for name in EVERY if name not in applied]
        for name in done:
            if name == os.environ.get("WRONG"):
                raise ValueError(f"no such column: {name}")
            table.put_item(Item={"Id": name})
    if command == "down" and applied:
        if event["migration"] != applied[-1]:
            raise ValueError("somebody else was faster")
        done = [applied[-1]]
        table.delete_item(Key={"Id": done[0]})
    applied = sorted(item["Id"] for item in table.scan(ConsistentRead=True)["Items"])
    return {"command": command, "applied": applied, "pending": [name for name in EVERY if name not in applied], "done": done}
'''


@pytest.fixture
def shop(terraform: None, tmp_path: Path) -> Iterator[Shop]:
    with running_api(tmp_path / "aws") as api:
        client(api, "s3").create_bucket(Bucket=BUCKET)
        made = Shop(tmp_path / "shop", api, "shelves")
        (made.folder / "system.py").write_text(SYSTEM)
        (made.folder / "migrate.py").write_text(MIGRATE)
        (made.folder / "catalog.py").write_text("def handle(event, context):\n    return 1\n")
        yield made


@pytest.mark.requirement("MT-O10")
def test_status_up_and_down_of_a_deployed_stage(shop: Shop) -> None:
    absent = shop.json("migrate", "--stage", "dev", code=1)["diagnostics"][0]
    assert absent["code"] == "GS2209" and "groundsill deploy" in absent["mend"]
    shop.run("deploy")
    # What the deploy has applied is applied.
    status = shop.json("migrate", "--stage", "dev")
    assert status["migrations"][0]["applied"] == ["0001_items", "0002_price"] and status["where"] == "deployed"
    down = shop.json("migrate", "down", "--stage", "dev", "--confirm", "0002_price")["migrations"][0]
    assert down["done"] == down["pending"] == ["0002_price"] and "asked for down" in down["log"]
    # A deploy runs for new content alone: what was taken back is brought back by hand.
    assert not shop.json("deploy")["changed"]
    shown = shop.run("migrate", "status", "--stage", "dev")
    assert "0001_items  applied" in shown.stdout and "0002_price  pending" in shown.stdout
    assert shop.json("migrate", "up", "--stage", "dev")["migrations"][0]["done"] == ["0002_price"]

    shop.run("migrate", "down", "--stage", "dev", "--yes")
    client({**shop.environment}, "lambda").update_function_configuration(
        FunctionName="shelves-dev-migrate", Environment={"Variables": {"KEPT": "shelves-dev-kept", "WRONG": "0002_price"}})
    failed = shop.json("migrate", "up", "--stage", "dev", code=1)["diagnostics"][0]
    assert failed["code"] == "GS2205" and "ValueError: no such column: 0002_price" in failed["detail"]
    assert "asked for up" in failed["detail"] and "Traceback" not in failed["summary"]
