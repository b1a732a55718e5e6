"""Where the AWS API keeps what it acknowledged: one SQLite file, written before each answer.

Two tables. ``entries`` holds one row for each thing of each service (a role, a queue, a message, a user);
``items`` holds one row for each DynamoDB item. A call's changes are one transaction, committed before the caller sees
the answer, so a reader after ``kill -9`` finds every acknowledged call whole and no call in part.

Durability: the write-ahead log is handed to the operating system at each commit and synced to disk at checkpoints
(``synchronous=NORMAL``). A killed process loses nothing; a power cut can lose the last moments and never damages the
file ("Write-Ahead Logging", SQLite documentation). That buys about 30 microseconds a commit instead of milliseconds.
"""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

FORMAT = 1

EntryKey = tuple[str, str, bytes]
"""Service, store within the service, encoded key."""

ItemKey = tuple[str, str]
"""Table (``account/region/name``), and the item's key as JSON."""


class JournalError(Exception):
    """Stored data cannot be read or written; the message names the file and the mend."""


class _Restricted(pickle.Unpickler):
    """Reads plain data only: a tampered file cannot run code."""

    _allowed: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "defaultdict"): collections.defaultdict,
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("collections", "deque"): collections.deque,
        ("builtins", "dict"): dict, ("builtins", "list"): list, ("builtins", "set"): set,
        ("builtins", "frozenset"): frozenset, ("builtins", "bytearray"): bytearray,
        ("datetime", "datetime"): datetime.datetime, ("datetime", "timezone"): datetime.timezone,
        ("datetime", "timedelta"): datetime.timedelta, ("datetime", "date"): datetime.date,
        ("decimal", "Decimal"): Decimal,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not plain data") from None


def encode(value: object) -> bytes:
    """Plain data as bytes; keeps tuples, bytes and sets, which JSON would lose."""
    return pickle.dumps(value, protocol=5)


def decode(stored: bytes) -> Any:
    """The inverse of `encode`; refuses anything but plain data."""
    return _Restricted(io.BytesIO(stored)).load()


class Journal:
    """The stored state of one data directory.

    Arguments:
        path: the SQLite file; created when absent.

    Raises:
        JournalError: the file is damaged, from a newer version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Commits come from the event loop's thread alone; the flag only spares SQLite's own check.
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"{path} cannot be read ({error}). It holds the AWS API's data; restore it from a copy, or move it "
                "away to start empty.") from error

    def _prepare(self) -> None:
        database = self._database
        new = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not new:
            verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA wal_autocheckpoint=4000")
        database.execute("PRAGMA cache_size=-16000")
        if new:
            database.execute("BEGIN")
            database.execute("CREATE TABLE entries (service TEXT, store TEXT, key BLOB, value BLOB, "
                             "PRIMARY KEY (service, store, key)) WITHOUT ROWID")
            database.execute("CREATE TABLE items (tbl TEXT, key TEXT, item BLOB, PRIMARY KEY (tbl, key))")
            database.execute(f"PRAGMA user_version={FORMAT}")
            database.execute("COMMIT")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            raise sqlite3.DatabaseError(f"its format is {version}, this version reads {FORMAT}")

    def commit(
        self,
        entries: Iterable[tuple[EntryKey, bytes]] = (),
        gone: Iterable[EntryKey] = (),
        items: Iterable[tuple[ItemKey, bytes]] = (),
        gone_items: Iterable[ItemKey] = (),
        gone_tables: Iterable[str] = (),
    ) -> None:
        """Store one call's changes, all or none.

        Raises:
            JournalError: the disk is full or the file cannot be written; nothing of the call was stored.
        """
        database = self._database
        try:
            database.execute("BEGIN")
            for table in gone_tables:
                database.execute("DELETE FROM items WHERE tbl=?", (table,))
            database.executemany("INSERT OR REPLACE INTO entries VALUES (?,?,?,?)",
                                 ((*key, value) for key, value in entries))
            database.executemany("DELETE FROM entries WHERE service=? AND store=? AND key=?", gone)
            database.executemany("INSERT OR REPLACE INTO items VALUES (?,?,?)",
                                 ((*key, item) for key, item in items))
            database.executemany("DELETE FROM items WHERE tbl=? AND key=?", gone_items)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise JournalError(f"cannot write {self.path}: {error}") from error

    def services(self) -> list[str]:
        """Names of the services that have stored entries."""
        return [row[0] for row in self._database.execute("SELECT DISTINCT service FROM entries")]

    def entries(self, service: str) -> Iterator[tuple[str, bytes, bytes]]:
        """Store, key and value of each entry of a service."""
        yield from self._database.execute("SELECT store, key, value FROM entries WHERE service=?", (service,))

    def items(self) -> Iterator[tuple[str, str, bytes]]:
        """Table, key and item of every DynamoDB item, in the order they were first written."""
        yield from self._database.execute("SELECT tbl, key, item FROM items ORDER BY rowid")

    def close(self) -> None:
        """Move everything into the main file and close it."""
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
