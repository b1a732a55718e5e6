"""`groundsill migrate` with Multitask's own function, on a running system and a real PostgreSQL.

The ground cannot run a serverless database or hold a secret yet, so here the function's database is a server of the test's, and
the secret with the login is put into the ground's AWS API: the function itself, its role and its table are the system's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ground.running_help import Small, small
from tests.postgres import server

FUNCTIONS = Path(__file__).parents[1] / "functions"
LOGIN = "catalog-login"
SYSTEM = '''
from groundsill import Stage, System, aws
from groundsill.components import Function, HttpApi, Migration, Table

system = System("multitask-catalog", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    states = Table("migration-state", key="migration_id")
    migrate = Function(
        "migration-lambda", "functions.migration:handle", memory=512, timeout=300,
        include=["functions/__init__.py", "functions/migration.py", "functions/migrations"],
        environment={{"RDS_ENDPOINT": "127.0.0.1", "RDS_PORT": "{port}", "RDS_DATABASE": "postgres",
                      "RDS_SECRET_ARN": "{login}"}},
        uses=[states.read_write.env("MIGRATION_STATE_TABLE"), states.scan])
    aws.iam_role_policy("login", name="login", role=migrate.role["id"], policy={{
        "Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
                                                 "Resource": "arn:aws:secretsmanager:*:*:secret:{login}-*"}}]}})
    catalog = Function("catalog", "functions.catalog:handle")
    HttpApi("api").route("GET /v1/catalog", catalog)
    {migration}
'''
MIGRATION = 'Migration("catalog-schema", migrate, before=[catalog])'


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server("multitask") as number:
        yield number


@pytest.fixture
def system(port: int, tmp_path: Path) -> Iterator[Small]:
    """Multitask's functions in a system that runs, whose database and login are there before its migration is."""
    folder = tmp_path / "system"
    shutil.copytree(FUNCTIONS, folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    for made in small(folder, {"system.py": SYSTEM.format(port=port, login=LOGIN, migration="")}):
        made.up()
        secrets = _client(made, "secretsmanager")
        secrets.create_secret(Name=LOGIN, SecretString=json.dumps({"username": "multitask", "password": "not-a-secret-0"}))
        made.down()
        made.write("system.py", SYSTEM.format(port=port, login=LOGIN, migration=MIGRATION))
        yield made


@pytest.fixture
def query(port: int) -> Iterator[Callable[[str], list[list[Any]]]]:
    from pg8000.native import Connection

    with Connection("multitask", "127.0.0.1", "postgres", port) as connection:
        yield connection.run


def _client(system: Small, service: str) -> Any:
    import boto3

    key = json.loads((system.state.data / "root-credentials.json").read_text())
    return boto3.client(service, region_name="us-east-1", endpoint_url=system.facts["urls"]["AWS API"],
                        aws_access_key_id=key["access_key_id"], aws_secret_access_key=key["secret_access_key"])


def _states(system: Small) -> dict[str, str]:
    items = _client(system, "dynamodb").scan(TableName="multitask-catalog-dev-migration-state")["Items"]
    return {item["migration_id"]["S"]: item["state"]["S"] for item in items}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.requirement("MT-O10")
def test_status_up_and_down_operate_the_catalogs_migrations_on_a_real_postgresql(
    system: Small, query: Callable[[str], list[list[Any]]],
) -> None:
    # `up` runs what is pending before anything answers.
    system.up()
    assert query("SELECT count(*) FROM items") == [[0]] and _states(system) == {"0001_catalog": "applied"}
    shown = system.run("migrate", "status")
    assert shown.returncode == 0 and "0001_catalog  applied" in shown.stdout and "1 applied, 0 pending" in shown.stdout

    # A down has to be confirmed by name, and takes the table with it.
    assert system.json("migrate", "down", code=1)["diagnostics"][0]["code"] == "GS2214"
    (down,) = system.json("migrate", "down", "--confirm", "0001_catalog")["migrations"]
    assert down["done"] == down["pending"] == ["0001_catalog"] and not down["applied"]
    assert query("SELECT to_regclass('items') IS NULL") == [[True]] and _states(system) == {"0001_catalog": "taken back"}
    status = system.run("migrate", "status")
    assert status.returncode == 0 and "0001_catalog  pending" in status.stdout and "migrate" in status.stderr

    (up,) = system.json("migrate", "up")["migrations"]
    assert up["done"] == ["0001_catalog"] == up["applied"] and not up["pending"]
    assert any("migration applied" in line for line in up["log"])
    assert query("SELECT count(*) FROM items") == [[0]] and _states(system) == {"0001_catalog": "applied"}
    assert system.json("migrate", "up")["migrations"][0]["done"] == []

    # One that fails is taken back whole; the command says what the database said.
    system.down()
    (system.folder / "functions" / "migrations" / "0002_wrong.sql").write_text(
        "ALTER TABLE items ADD weight int; INSERT INTO items (weight) VALUES ('heavy');")
    (failed,) = system.json("up", code=1)["diagnostics"]
    assert failed["code"] == "GS2018" and "0002_wrong failed and was taken back whole" in failed["detail"]
    assert query("SELECT count(*) FROM information_schema.columns WHERE column_name = 'weight'") == [[0]]
