"""What a killed apply has made and nobody wrote down: the next deploy takes it over, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import BUCKET, Shop, client, running_api
from .recovery_support import Quick, Wide, addresses, inventory, state_of, without_association, without_state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


@pytest.mark.parametrize(("kind", "made"), [(Quick, True), (Wide, False)], ids=["it was told", "it was only begun"])
def test_everything_that_a_killed_deploy_made_is_taken_over(
    api: dict[str, str], tmp_path: Path, kind: type[Shop], made: bool,
) -> None:
    shop = kind(tmp_path / "shop", api, "told" if made else "begun")
    events = tmp_path / "events"
    shop.run("deploy", "--events", str(events))
    before, there = addresses(state_of(api, shop.name)), inventory(api, shop.name)
    without_state(api, shop, events, made=made)
    if not made:
        # The provider's error about its import names no address, and its identifier only in parts.
        without_association(api, shop.name)
    assert "taken over: " in shop.run("plan", code=2).stdout
    done = shop.run("deploy")
    assert "Taking over aws_dynamodb_table.orders" in done.stderr
    assert addresses(state_of(api, shop.name)) == before
    assert inventory(api, shop.name) == there
    assert not (shop.terraform / "events.jsonl").exists()


def test_what_somebody_else_made_is_not_taken_over(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "alien")
    shop.run("synth", "--out", str(tmp_path / "out"))
    client(api, "dynamodb").create_table(
        TableName="alien-dev-orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}])
    shop.terraform.mkdir(parents=True)
    begun = {"type": "apply_start", "hook": {"resource": {"addr": "aws_dynamodb_table.orders"}, "action": "create"}}
    (shop.terraform / "events.jsonl").write_text(json.dumps(begun) + "\n")
    refused = shop.run("deploy", code=1)
    assert "Taking over" not in refused.stderr and "already exists" in refused.stderr


def test_a_destroy_takes_away_what_a_killed_deploy_made(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "halfway")
    events = tmp_path / "events"
    shop.run("deploy", "--events", str(events))
    without_state(api, shop, events, made=True)
    done = shop.json("destroy", "--confirm", "halfway/dev")
    assert done["destroyed"] == ["aws_dynamodb_table.orders"]
    assert "halfway-dev-orders" not in client(api, "dynamodb").list_tables()["TableNames"]


def test_a_state_that_could_not_be_written_is_written_by_the_next_command(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "unwritten")
    shop.run("deploy")
    state = state_of(api, shop.name)
    empty = {**state, "resources": [], "serial": state["serial"]}
    state["serial"] += 1
    (shop.terraform / "errored.tfstate").write_text(json.dumps(state))
    client(api, "s3").put_object(Bucket=BUCKET, Key="unwritten/dev.tfstate", Body=json.dumps(empty).encode())
    done = shop.run("deploy")
    assert "Wrote the state of the last apply" in done.stderr and "nothing to change" in done.stdout
    assert not (shop.terraform / "errored.tfstate").exists()
