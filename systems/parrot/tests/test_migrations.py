"""The database's tables: made by a task before the backend is rolled out, once, whole or not at all, by one run at a time."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pa_support.defined import FOLDER, graph

from groundsill.testing import Defined
from tests.postgres import server

STAGES = {name: Defined(graph(name)) for name in ("dev", "stage", "prod")}
PROGRAM = FOLDER / "services" / "backend" / "migrate.py"


@pytest.mark.parametrize("stage", list(STAGES.values()), ids=list(STAGES))
@pytest.mark.requirement("PA-C12", "PA-B15")
def test_a_deploy_migrates_after_the_database_and_before_the_backend_gets_its_new_version(stage: Defined) -> None:
    made = stage.graph
    (run,) = made.of_type("terraform_data")
    assert "aws_db_instance.db" in made.needs(run.address) and run.address in made.needs("aws_ecs_service.backend")
    assert run.address not in made.needs("aws_ecs_service.frontend")
    task, backend = (stage.all("aws_ecs_task_definition")[name]["container_definitions"][0] for name in ("migrate", "backend"))
    assert task["image"] == backend["image"] and task["command"] == ["python", "-m", "services.backend.migrate"]
    told = {item["name"]: item["value"] for item in task["environment"]}
    assert told["DATABASE_SSLMODE"] == "verify-full" and told["DATABASE_HOST"] == "${aws_db_instance.db.address}"
    assert stage.environment("backend")["PRISMA_DB_PUSH_ON_START"] == "false"


@pytest.mark.requirement("PA-C12", "PA-S11")
def test_the_task_may_read_the_databases_login_and_nothing_else() -> None:
    rights = STAGES["prod"].rights("migrate")
    assert set(rights) == set(STAGES["prod"].rights("backend")) & set(rights)
    secret = "${aws_db_instance.db.master_user_secret[0].secret_arn}"
    assert rights["secretsmanager:GetSecretValue"] == {secret}


# -- against a real PostgreSQL -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of its own on a free port."""
    with server("parrot_admin") as number:
        yield number


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program as a module."""
    specification = importlib.util.spec_from_file_location("parrot_migrate", PROGRAM)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["parrot_migrate"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def connect(port: int) -> Iterator[Callable[[], Any]]:
    """Connections to a new database."""
    from pg8000.native import Connection, InterfaceError

    name = f"d{uuid.uuid4().hex}"
    opened: list[Any] = []

    def to(database: str) -> Any:
        opened.append(Connection("parrot_admin", "127.0.0.1", database, port))
        return opened[-1]

    to("postgres").run(f"CREATE DATABASE {name}")
    yield lambda: to(name)
    for connection in opened:
        with contextlib.suppress(InterfaceError):  # closed already
            connection.close()


def _tables(connection: Any) -> set[str]:
    return {row[0] for row in connection.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.mark.requirement("PA-C12", "PA-B15")
def test_an_empty_database_gets_its_tables_once_and_the_version_is_kept(program: ModuleType, connect: Callable[[], Any]) -> None:
    assert program.migrate(connect())[0] == "0001_people"
    again = connect()
    assert _tables(again) >= {"people", "refresh_tokens", "schema_version"}
    assert again.run("SELECT version, name FROM schema_version ORDER BY version")[0] == [1, "0001_people"]


@pytest.mark.requirement("PA-B15")
def test_one_that_fails_leaves_nothing_of_itself_and_the_next_run_goes_on_there(
    program: ModuleType, connect: Callable[[], Any], tmp_path: Path,
) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (id int)")
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (id int); INSERT INTO nowhere VALUES (1)")
    first = connect()
    with pytest.raises(program.MigrationError, match="0002_b failed and was taken back whole"):
        program.migrate(first, tmp_path)
    assert _tables(first) == {"a", "schema_version"}
    first.close()
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (id int)")
    second = connect()
    assert program.migrate(second, tmp_path) == ["0002_b"]
    second.close()
    assert program.migrate(connect(), tmp_path) == []


def test_what_was_applied_cannot_be_rewritten_and_nothing_comes_before_it(
    program: ModuleType, connect: Callable[[], Any], tmp_path: Path,
) -> None:
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (id int)")
    first = connect()
    program.migrate(first, tmp_path)
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (id int)")
    with pytest.raises(program.MigrationError, match="a later number"):
        program.migrate(first, tmp_path)
    (tmp_path / "0001_a.sql").unlink()
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (id bigint)")
    with pytest.raises(program.MigrationError, match="changed after it had been applied"):
        program.migrate(first, tmp_path)


def test_two_runs_at_once_apply_each_step_once(program: ModuleType, connect: Callable[[], Any], tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT pg_sleep(0.3); CREATE TABLE a (id int)")
    done: list[list[str]] = []

    def run() -> None:
        connection = connect()
        done.append(program.migrate(connection, tmp_path))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [[], ["0001_a"]]


@pytest.mark.requirement("PA-C12")
def test_the_program_ends_with_1_where_a_step_fails_and_with_0_where_nothing_does(
    program: ModuleType, connect: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    first = connect()
    first.run("CREATE TABLE people (id int)")  # in the way of the first step
    monkeypatch.setattr(program, "database", lambda: contextlib.closing(connect()))
    assert program.main() == 1
    assert '"level": "ERROR"' in (said := capsys.readouterr().out) and "0001_people failed" in said
    first.run("DROP TABLE people")
    assert program.main() == 0 and '"event": "migrated"' in capsys.readouterr().out
