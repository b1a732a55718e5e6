"""Plan, deploy, rename, refuse, drift and destroy: the command, real Terraform and its provider, the ground's AWS API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import BUCKET, Shop, client, running_api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


@pytest.fixture(scope="module")
def deployed(api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"), api)
    shown = shop.json("plan", code=2)
    assert shown["counts"]["create"] == 1 and not shown["data_loss"]
    assert shown["others"][0]["subject"] == 'Table("orders")' and shown["others"][0]["line"] == 10
    done = shop.json("deploy")
    assert done["changed"] and done["outputs"] == {"table": "shop-dev-orders"}
    return shop


@pytest.fixture
def shop(deployed: Shop) -> Iterator[Shop]:
    yield deployed
    deployed.define()


def test_a_second_plan_of_what_was_deployed_changes_nothing(shop: Shop) -> None:
    assert shop.json("plan", code=0)["changes"] is False
    assert [row["component"] for row in shop.json("state", "list")["resources"]] == ['Table("orders")']


@pytest.mark.requirement("OM-C17")
def test_the_state_is_in_the_bucket_and_nowhere_on_this_machine(shop: Shop, api: dict[str, str]) -> None:
    keys = [item["Key"] for item in client(api, "s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == ["shop/dev.tfstate"]
    assert not list(shop.folder.rglob("terraform.tfstate*")) or all(
        ".terraform" in path.parts for path in shop.folder.rglob("terraform.tfstate*"))


def test_a_renamed_table_is_moved_and_nothing_else(shop: Shop) -> None:
    shop.define('"purchases", key="Id", formerly="orders"')
    shown = shop.json("plan", code=2)
    assert {name: number for name, number in shown["counts"].items() if number} == {"move": 1}
    change = shown["others"][0]["changes"][0]
    assert (change["action"], change["moved_from"]) == ("none", "aws_dynamodb_table.orders")


def test_a_rename_that_would_lose_the_table_is_refused_and_told_how_to_mend(shop: Shop) -> None:
    shop.define('"purchases", key="Id"')
    error = shop.json("deploy", code=1)["diagnostics"][0]
    assert error["code"] == "GS3030" and "formerly" in error["detail"]


@pytest.mark.requirement("OM-O09")
def test_another_partition_key_is_data_loss_that_names_the_attribute(shop: Shop, api: dict[str, str]) -> None:
    shop.define('"orders", key="Other"')
    done = shop.run("plan", code=2)
    text = done.stdout.splitlines()
    assert text[0] == "DATA IS LOST" and 'Table("orders")  system.py:10' in text[1]
    assert any("hash_key" in line and "forces the replacement" in line for line in text)
    refused = shop.run("deploy", code=1)
    assert "GS3030" in refused.stderr and "--allow-data-loss aws_dynamodb_table.orders" in refused.stderr
    keys = client(api, "dynamodb").describe_table(TableName="shop-dev-orders")["Table"]["KeySchema"]
    assert keys[0]["AttributeName"] == "Id"


def test_what_somebody_changed_outside_is_told_from_the_definitions_change(shop: Shop, api: dict[str, str]) -> None:
    tables = client(api, "dynamodb")
    tables.update_table(TableName="shop-dev-orders", DeletionProtectionEnabled=True)
    try:
        shown = shop.json("plan", "--drift", code=2)
        assert shown["changed_outside"][0]["subject"] == 'Table("orders")'
        back = shown["undoes_outside_changes"][0]["changes"][0]["attributes"]
        assert [item["path"] for item in back] == ["deletion_protection_enabled"]
        assert not shown["others"]
    finally:
        tables.update_table(TableName="shop-dev-orders", DeletionProtectionEnabled=False)


@pytest.mark.requirement("OM-O09")
def test_a_saved_plan_is_applied_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    plan = tmp_path / "reviewed.plan"
    shop.define(more='    Table("extra", key="Id")\n')
    shop.run("plan", "--save", str(plan), code=2)
    assert plan.stat().st_mode & 0o777 == 0o600
    shop.define(more='    Table("extra", key="Id")\n    Table("unreviewed", key="Id")\n')
    done = shop.json("deploy", "--plan", str(plan))
    assert [item["address"] for item in done["applied"][0]["resources"]] == ["aws_dynamodb_table.extra"]
    again = shop.json("deploy", "--plan", str(plan), code=1)["diagnostics"][0]
    assert again["code"] == "GS3015"
    assert shop.json("deploy", "--plan", str(shop.folder / "system.py"), code=1)["diagnostics"][0]["code"] == "GS3015"
    shop.define()
    shop.run("deploy", "--allow-data-loss", "aws_dynamodb_table.extra")


@pytest.mark.requirement("OM-O15")
def test_an_existing_table_is_taken_over(shop: Shop, api: dict[str, str]) -> None:
    client(api, "dynamodb").create_table(
        TableName="shop-dev-found", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}])
    shop.define(more='    Table("found", key="Id")\n')
    shop.run("state", "import", "aws_dynamodb_table.found", "shop-dev-found")
    shown = shop.json("plan", code=2)
    assert shown["counts"]["create"] == 0 and not shown["data_loss"]
    shop.define()
    shop.run("deploy", "--allow-data-loss", "aws_dynamodb_table.found")


@pytest.mark.requirement("OM-O13")
def test_destroy_asks_for_the_stage_by_name_and_leaves_nothing(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "gone", api, "gone")
    shop.define('"kept", key="Id"')
    (shop.folder / "system.py").write_text(
        (shop.folder / "system.py").read_text() + "    orders.resource.override(deletion_protection_enabled=True)\n")
    shop.run("deploy")
    protected = shop.json("destroy", "--confirm", "gone/dev", code=1)["diagnostics"][0]
    assert protected["code"] == "GS3021" and protected["line"] == 10
    assert shop.json("destroy", "--unprotect", "--confirm", "wrong/dev", code=1)["diagnostics"][0]["code"] == "GS3031"
    done = shop.json("destroy", "--unprotect", "--confirm", "gone/dev")
    assert done["destroyed"] == ["aws_dynamodb_table.kept"] and done["left"] == []
    assert "gone-dev-kept" not in client(api, "dynamodb").list_tables()["TableNames"]
