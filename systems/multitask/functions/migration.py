"""Migrations of the catalog's database: ``up``, ``status`` and ``down``; as a function, or in a container without its limit.

Each file of ``migrations/``, in the order of their names, is one transaction, which notes in the database itself that it has
been applied: so nothing is ever half-applied, and a run that was ended half-way is continued by the next. An advisory lock
of the database lets one run at a time work. The table of migration states, which operators read, is brought in line with
the database at the end of each run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"\d{4}_[a-z0-9_]+")
_LOCK = 7_301_204_518
"""Names this system's lock among all advisory locks of the database; any number does that no other program takes."""
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    id text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""
_LEAST_SECONDS = 10.0
"""Less than that is not begun: Lambda would end it."""
_MARGIN_SECONDS = 5.0
"""The database gives up this much before Lambda would, so that it is the one who takes everything back."""
# Where Lambda keeps Amazon's own certificate authorities, those of RDS among them: AWS Lambda Developer Guide, "Runtimes".
_AMAZON_AUTHORITIES = "/var/runtime/ca-cert.pem"
_HERE = ("127.0.0.1", "localhost", "::1")


class MigrationError(Exception):
    """What stopped a run; what was applied before it stays."""


@dataclass(frozen=True)
class Step:
    """One file.

    Arguments:
        id: its name without the ending, for example ``0001_catalog``.
        up: SQL that makes the change.
        down: SQL that takes it back, None where it cannot be.
    """

    id: str
    up: str
    down: str | None

    @property
    def checksum(self) -> str:
        """Tells whether an applied file was changed afterwards."""
        return hashlib.sha256(self.up.encode()).hexdigest()


def steps(folder: Path = FOLDER) -> list[Step]:
    """Every migration in order.

    Raises:
        MigrationError: where a name does not begin with four digits, or two have the same number.
    """
    found: list[Step] = []
    for path in sorted(folder.glob("*.sql")):
        if path.name.endswith(".down.sql"):
            continue
        if not _NAME.fullmatch(path.stem):
            raise MigrationError(f"{path.name}: a migration is named like 0001_what_it_does.sql")
        if found and found[-1].id[:4] == path.stem[:4]:
            raise MigrationError(f"{path.name} has the number of {found[-1].id}.sql, so their order is not known")
        back = path.with_name(f"{path.stem}.down.sql")
        found.append(Step(path.stem, path.read_text(encoding="utf-8"),
                          back.read_text(encoding="utf-8") if back.is_file() else None))
    return found


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run a command on the database.

    Arguments:
        event: ``{"command": "up"}`` (default) applies what is pending, ``status`` tells what is applied, ``down`` takes
            the last one back; with ``migration`` only where that is the last one.
        context: tells how much time is left.

    Returns:
        ``applied`` and ``pending``, and what this run has ``done``.

    Raises:
        MigrationError: where a migration fails, an applied one was changed, or the time is over.
    """
    command = str(event.get("command") or "up")
    if command not in ("up", "status", "down"):
        raise MigrationError(f"unknown command {command!r}: up, status or down")
    every = steps()
    with _database(context) as database:
        done = _locked(database, every, command, context, str(event.get("migration") or "")) if command != "status" else []
        applied = _applied(database)
    if command != "status":
        _record(applied)
    answer = {"command": command, "done": done, "applied": sorted(applied),
              "pending": [step.id for step in every if step.id not in applied]}
    print(json.dumps({"event": "migration", **answer}))
    return answer


class _Container:
    """What a container tells of the time that is left: it is stopped by whoever runs it, so there is always enough."""

    def get_remaining_time_in_millis(self) -> int:
        """A week, which the database can still count in milliseconds."""
        return 7 * 86_400_000


def main(arguments: Sequence[str]) -> int:
    """The same in a container, ``python -m functions.migration [COMMAND]``: the exit code says whether it failed."""
    try:
        handle({"command": arguments[0] if arguments else "up"}, _Container())
    except MigrationError as error:
        print(json.dumps({"event": "migration failed", "error": str(error)}), flush=True)
        return 1
    return 0


def _locked(database: Any, every: Sequence[Step], command: str, context: Any, wanted: str) -> list[str]:
    """Change the schema while nobody else does. The lock ends with the connection, however that ends."""
    _give_up_in_time(database, context)
    database.run("SELECT pg_advisory_lock(:lock)", lock=_LOCK)
    database.run(_LEDGER)
    applied = _applied(database)
    known = {step.id: step for step in every}
    for name, checksum in applied.items():
        if name in known and known[name].checksum != checksum:
            raise MigrationError(f"{name}.sql was changed after it had been applied: add a new migration instead")
    if command == "down":
        return _down(database, known, applied, wanted)
    newest = max(applied, default="")
    done: list[str] = []
    for step in every:
        if step.id in applied:
            continue
        if step.id < newest:
            raise MigrationError(f"{step.id}.sql comes before {newest}, which is applied already: give it a later number")
        if _seconds_left(context) < _LEAST_SECONDS:
            raise MigrationError(f"the time is over before {step.id}; {len(done)} were applied, and the next run goes on there")
        _give_up_in_time(database, context)
        _in_one(database, step.id, step.up, "INSERT INTO schema_migrations (id, checksum) VALUES (:id, :checksum)",
                id=step.id, checksum=step.checksum)
        print(json.dumps({"event": "migration applied", "migration_id": step.id}))
        done.append(step.id)
    return done


def _down(database: Any, known: Mapping[str, Step], applied: Mapping[str, str], wanted: str) -> list[str]:
    if not applied:
        return []
    last = max(applied)
    if wanted and wanted != last:
        raise MigrationError(f"{wanted} is not the last one, {last} is: nothing was taken back")
    step = known.get(last)
    if step is None or step.down is None:
        raise MigrationError(f"{last} cannot be taken back: there is no {last}.down.sql")
    _in_one(database, last, step.down, "DELETE FROM schema_migrations WHERE id = :id", id=last)
    return [last]


def _in_one(database: Any, name: str, change: str, note: str, **values: Any) -> None:
    """A change and the note of it, both or neither."""
    from pg8000.exceptions import DatabaseError

    database.run("BEGIN")
    try:
        database.run(change)
        database.run(note, **values)
        database.run("COMMIT")
    except DatabaseError as error:
        database.run("ROLLBACK")
        facts = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        raise MigrationError(f"{name} failed and was taken back whole: {facts.get('M') or error}") from error


def _applied(database: Any) -> dict[str, str]:
    """Checksum of each migration that the database has, by id."""
    if database.run("SELECT to_regclass('schema_migrations')")[0][0] is None:
        return {}
    return dict(database.run("SELECT id, checksum FROM schema_migrations"))


def _seconds_left(context: Any) -> float:
    return context.get_remaining_time_in_millis() / 1000


def _give_up_in_time(database: Any, context: Any) -> None:
    longest = max(1, int((_seconds_left(context) - _MARGIN_SECONDS) * 1000))
    for setting in ("lock_timeout", "statement_timeout"):
        database.run(f"SET {setting} = {longest}")


def _record(applied: Mapping[str, str]) -> None:
    """Bring the table of migration states in line with the database."""
    import boto3

    table = boto3.resource("dynamodb").Table(os.environ["MIGRATION_STATE_TABLE"])
    kept = {item["migration_id"] for item in table.scan(ConsistentRead=True)["Items"] if item.get("state") == "applied"}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name in sorted(applied.keys() - kept):
        table.put_item(Item={"migration_id": name, "state": "applied", "checksum": applied[name], "recorded_at": now})
    for name in sorted(kept - applied.keys()):
        table.put_item(Item={"migration_id": name, "state": "taken back", "recorded_at": now})


@contextlib.contextmanager
def _database(context: Any) -> Iterator[Any]:
    import boto3
    from pg8000.native import Connection

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["RDS_SECRET_ARN"])
    login = json.loads(secret["SecretString"])
    host = os.environ["RDS_ENDPOINT"]
    # No answer counts for longer than the whole run: what a statement may take is the database's own to say.
    database = Connection(
        login["username"], host, os.environ["RDS_DATABASE"], int(os.environ["RDS_PORT"]), login["password"],
        ssl_context=None if host in _HERE else _trusted(), timeout=max(1.0, _seconds_left(context)),
        application_name="migration")
    try:
        yield database
    finally:
        database.close()


def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if Path(_AMAZON_AUTHORITIES).is_file():
        context.load_verify_locations(_AMAZON_AUTHORITIES)
    return context


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
