"""Brings the database's schema up to date: ``python -m services.backend.migrate``.

A deploy runs it as a task of its own before the backend gets its new version. Each file of ``migrations/``, in the order of
their numbers, is one transaction, which notes in the table ``schema_version`` that it has been applied: so nothing is ever
half-applied, and a run that was ended half-way is continued by the next. A lock of the database lets one run at a time work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")
_LOCK = 4_712_090_336
"""Names this system's lock among all advisory locks of the database; any number does that no other program takes."""
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_version (
    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""


class MigrationError(Exception):
    """What stopped a run; what was applied before it stays."""


class Step(NamedTuple):
    """One file.

    Arguments:
        version: its number.
        name: without the ending, for example ``0001_people``.
        text: its SQL.
    """

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Tells whether an applied file was changed afterwards."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def steps(folder: Path = FOLDER) -> list[Step]:
    """Every migration in order.

    Raises:
        MigrationError: where a name does not begin with four digits, or two have the same number.
    """
    found: list[Step] = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise MigrationError(f"{path.name}: a migration is named like 0001_what_it_does.sql")
        if found and found[-1].version == int(match[1]):
            raise MigrationError(f"{path.name} has the number of {found[-1].name}.sql, so their order is not known")
        found.append(Step(int(match[1]), path.stem, path.read_text(encoding="utf-8")))
    return found


def migrate(database: Any, folder: Path = FOLDER) -> list[str]:
    """Apply what is pending, and give its names.

    Arguments:
        database: a connection that nobody else uses.
        folder: with the files.

    Raises:
        MigrationError: where one fails, an applied one was changed, or one comes too late.
    """
    every = steps(folder)
    # Until the connection ends, however it ends.
    database.run("SELECT pg_advisory_lock(:lock)", lock=_LOCK)
    database.run(_LEDGER)
    applied: dict[int, str] = dict(database.run("SELECT version, checksum FROM schema_version"))
    newest = max(applied, default=0)
    done: list[str] = []
    for step in every:
        if step.version in applied:
            if applied[step.version] != step.checksum:
                raise MigrationError(f"{step.name}.sql was changed after it had been applied: add a new one instead")
            continue
        if step.version < newest:
            raise MigrationError(f"{step.name}.sql comes before version {newest}, which is applied: give it a later number")
        _apply(database, step)
        done.append(step.name)
    return done


def _apply(database: Any, step: Step) -> None:
    """A change and the note of it, both or neither."""
    from pg8000.exceptions import DatabaseError

    database.run("BEGIN")
    try:
        database.run(step.text)
        database.run("INSERT INTO schema_version (version, name, checksum) VALUES (:version, :name, :checksum)",
                     version=step.version, name=step.name, checksum=step.checksum)
        database.run("COMMIT")
    except DatabaseError as error:
        database.run("ROLLBACK")
        facts = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        raise MigrationError(f"{step.name} failed and was taken back whole: {facts.get('M') or error}") from error
    print(json.dumps({"level": "INFO", "event": "migration-applied", "migration": step.name}), flush=True)


@contextlib.contextmanager
def database() -> Iterator[Any]:
    """A connection with the login that RDS keeps in Secrets Manager, over TLS where the environment does not say otherwise."""
    import boto3
    from pg8000.native import Connection

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["DATABASE_SECRET_ARN"])
    login = json.loads(secret["SecretString"])
    trusted = None if os.environ.get("DATABASE_SSLMODE") == "disable" else \
        ssl.create_default_context(cafile=os.environ.get("DATABASE_CA_FILE"))
    connection = Connection(
        login["username"], os.environ["DATABASE_HOST"], os.environ["DATABASE_NAME"], int(os.environ["DATABASE_PORT"]),
        login["password"], ssl_context=trusted, application_name="migrate")
    try:
        yield connection
    finally:
        connection.close()


def main() -> int:
    """Migrate; the exit code tells a deploy whether it may go on."""
    try:
        with database() as connection:
            done = migrate(connection)
    except MigrationError as error:
        print(json.dumps({"level": "ERROR", "event": "migration-failed", "error": str(error)}), flush=True)
        return 1
    print(json.dumps({"level": "INFO", "event": "migrated", "applied": done}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
