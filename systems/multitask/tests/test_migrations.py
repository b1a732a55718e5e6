"""Migrations of the catalog against a real PostgreSQL: applied once, whole or not at all, by one run at a time."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.postgres import server

FILE = Path(__file__).parents[1] / "functions" / "migration.py"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of its own on a free port."""
    with server("multitask") as number:
        yield number


class Time:
    """What Lambda tells of the time that is left."""

    def __init__(self, seconds: float = 300.0) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class States:
    """The table of migration states, and the secret with the login."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def scan(self, *, ConsistentRead: bool) -> dict[str, Any]:
        return {"Items": list(self.items.values())}

    def put_item(self, *, Item: dict[str, Any]) -> None:
        self.items[Item["migration_id"]] = Item

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        return {"SecretString": '{"username": "multitask", "password": "not-a-secret-0"}'}

    @property
    def recorded(self) -> dict[str, str]:
        return {name: item["state"] for name, item in self.items.items()}


@dataclass
class Catalog:
    """A new database with the migration function."""

    module: ModuleType
    states: States
    folder: Path
    query: Callable[[str], list[list[Any]]]

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def __call__(self, command: str = "up", seconds: float = 300.0) -> dict[str, Any]:
        return self.module.handle({"command": command}, Time(seconds))

    def fails(self, command: str = "up", seconds: float = 300.0) -> str:
        with pytest.raises(self.module.MigrationError) as raised:
            self(command, seconds)
        return str(raised.value)


@pytest.fixture
def catalog(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    import boto3
    from pg8000.native import Connection

    specification = importlib.util.spec_from_file_location("multitask_migration", FILE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(__import__("sys").modules, "multitask_migration", module)
    specification.loader.exec_module(module)
    own = module.steps
    monkeypatch.setattr(module, "steps", lambda: own(tmp_path))
    states = States()
    monkeypatch.setattr(boto3, "client", lambda name: states)
    monkeypatch.setattr(boto3, "resource", lambda name: type("Tables", (), {"Table": staticmethod(lambda name: states)}))
    name = f"catalog_{uuid.uuid4().hex}"
    with Connection("multitask", "127.0.0.1", "postgres", port) as server:
        server.run(f"CREATE DATABASE {name}")
    for variable, value in {"RDS_ENDPOINT": "127.0.0.1", "RDS_PORT": str(port), "RDS_DATABASE": name,
                            "RDS_SECRET_ARN": "arn", "MIGRATION_STATE_TABLE": "states"}.items():
        monkeypatch.setenv(variable, value)
    with Connection("multitask", "127.0.0.1", name, port) as reader:
        yield Catalog(module, states, tmp_path, reader.run)


@pytest.mark.requirement("MT-B22")
def test_pending_migrations_are_applied_once_in_order_and_recorded(catalog: Catalog) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int);")
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int; INSERT INTO items VALUES (1, 5);")
    assert catalog("status")["pending"] == ["0001_items", "0002_price"] and not catalog.states.recorded
    assert catalog()["done"] == ["0001_items", "0002_price"]
    again = catalog()
    assert again["done"] == [] and again["pending"] == []
    assert catalog.query("SELECT count(*) FROM items") == [[1]]
    assert catalog.states.recorded == {"0001_items": "applied", "0002_price": "applied"}


@pytest.mark.requirement("MT-B22")
def test_a_migration_that_fails_leaves_nothing_of_itself_and_the_next_run_goes_on_there(catalog: Catalog) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int);")
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int; INSERT INTO items VALUES ('no number', 1);")
    assert "0002_price failed and was taken back whole" in catalog.fails()
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'items'"
    assert catalog.query(columns) == [["id"]]
    assert catalog("status")["applied"] == ["0001_items"]
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int;")
    assert catalog()["done"] == ["0002_price"]


@pytest.mark.requirement("MT-B22")
def test_of_two_runs_at_once_one_waits_and_finds_nothing_to_do(catalog: Catalog) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int); SELECT pg_sleep(0.5); INSERT INTO items VALUES (1);")
    answers: list[dict[str, Any]] = []
    runs = [threading.Thread(target=lambda: answers.append(catalog())) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(len(answer["done"]) for answer in answers) == [0, 0, 1]
    assert catalog.query("SELECT count(*) FROM items") == [[1]]


def test_what_would_be_cut_off_by_the_time_limit_is_not_begun_or_taken_back_and_the_next_run_goes_on(catalog: Catalog) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int);")
    assert "the time is over before 0001_items" in catalog.fails(seconds=8)
    catalog.write("0002_slow.sql", "CREATE TABLE slow (id int); SELECT pg_sleep(20);")
    catalog.module._MARGIN_SECONDS = 10.0
    assert "0002_slow failed and was taken back whole" in catalog.fails(seconds=11)
    assert catalog.query("SELECT to_regclass('slow') IS NULL, to_regclass('items') IS NULL") == [[True, False]]
    catalog.write("0002_slow.sql", "CREATE TABLE slow (id int);")
    assert catalog()["done"] == ["0002_slow"]


def test_the_last_migration_can_be_taken_back_and_what_was_applied_cannot_be_rewritten(catalog: Catalog) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int);")
    catalog.write("0001_items.down.sql", "DROP TABLE items;")
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int;")
    catalog()
    assert "0002_price cannot be taken back" in catalog.fails("down")
    catalog.write("0002_price.down.sql", "ALTER TABLE items DROP price;")
    with pytest.raises(catalog.module.MigrationError, match="0001_items is not the last one, 0002_price is"):
        catalog.module.handle({"command": "down", "migration": "0001_items"}, Time())
    assert catalog("down")["done"] == ["0002_price"]
    assert catalog.states.recorded == {"0001_items": "applied", "0002_price": "taken back"}
    catalog.write("0001_items.sql", "CREATE TABLE items (id bigint);")
    assert "was changed after it had been applied" in catalog.fails()
    catalog.write("0000_early.sql", "SELECT 1;")
    assert "unknown command" in catalog.fails("sideways")


def test_the_catalogs_own_migrations_go_up_and_down(catalog: Catalog) -> None:
    for path in (FILE.parent / "migrations").glob("*.sql"):
        shutil.copy(path, catalog.folder)
    done = catalog()["done"]
    assert done and catalog.query("SELECT count(*) FROM items") == [[0]]
    for _ in done:
        catalog("down")
    assert catalog("status")["applied"] == [] and catalog.query("SELECT to_regclass('items') IS NULL") == [[True]]


@pytest.mark.requirement("MT-C42")
def test_in_a_container_the_same_steps_have_no_time_limit_and_the_exit_code_says_how_it_ended(
    catalog: Catalog, capsys: pytest.CaptureFixture[str],
) -> None:
    catalog.write("0001_items.sql", "CREATE TABLE items (id int);")
    # A function with so little time left would not have begun it.
    assert "the time is over before 0001_items" in catalog.fails(seconds=8)
    assert catalog.module.main([]) == 0
    assert catalog("status")["applied"] == ["0001_items"] and catalog.states.recorded == {"0001_items": "applied"}
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int; INSERT INTO items VALUES ('no number', 1);")
    assert catalog.module.main(["up"]) == 1
    assert "0002_price failed and was taken back whole" in capsys.readouterr().out
    catalog.write("0002_price.sql", "ALTER TABLE items ADD price int;")
    assert catalog.module.main(["up"]) == 0 and catalog("status")["pending"] == []
