"""Stores what a call changed before its caller is answered, and gives it all back at the next start."""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson

from groundsill.ground.aws_api import stores
from groundsill.ground.aws_api.emulator import Emulator
from groundsill.ground.aws_api.journal import EntryKey, ItemKey, Journal, JournalError, decode, encode

_Read = TypeVar("_Read")

log = logging.getLogger("groundsill.aws_api")

ALONGSIDE: dict[str, tuple[str, ...]] = {
    # A call to the first changes the others in the same breath.
    "sns": ("sqs", "ses"), "s3": ("sqs",), "eventbridge": ("sqs",), "cognito": ("ses", "sts"), "ses": ("sns", "sqs"),
    "iam": ("sts",), "lambda": ("sqs",), "rds": ("secretsmanager",), "pipes": ("sqs",), "stepfunctions": ("sqs", "sns"),
}


class Durability:
    """Keeps the journal equal to the emulator's memory.

    Arguments:
        emulator: the loaded emulator.
        journal: where to store.
    """

    def __init__(self, emulator: Emulator, journal: Journal) -> None:
        self._emulator = emulator
        self._journal = journal
        self._known: dict[str, dict[EntryKey, object]] = defaultdict(dict)
        self._lock = threading.Lock()  # the emulator's expiry thread removes DynamoDB items
        self._items: dict[ItemKey, Any] = {}
        self._replaced: set[str] = set()
        self._tables: set[str] = set()
        self.unsaved = False

    # Called by patches/dynamodb.py

    def item_written(self, table: str, key: str, item: Any) -> None:
        """A DynamoDB item was stored (or, with None, removed); it goes into the journal at the next flush."""
        with self._lock:
            self._items[table, key] = item

    def table_replaced(self, table: str, items: dict[str, Any]) -> None:
        """All items of a table were exchanged at once (restore, a failed transaction)."""
        with self._lock:
            self._replaced.add(table)
            for key in [key for key in self._items if key[0] == table]:
                del self._items[key]
            self._items.update({(table, key): item for key, item in items.items()})

    # Storing

    def flush_items(self) -> None:
        """Store the DynamoDB items that changed."""
        if self._items or self._replaced:
            self._commit({}, [])

    def flush(self, service: str) -> None:
        """Store everything that a call to a service may have changed.

        Raises:
            JournalError: it cannot be written; it is tried again at the next flush.
        """
        keys = dict.fromkeys(stores.state_keys_of(self._emulator, service))
        if service == "cloudformation":
            keys = dict.fromkeys(self._emulator.loaded())
        for key in list(keys):
            keys.update(dict.fromkeys(ALONGSIDE.get(key, ())))
        self.flush_states(keys)
        self.unsaved = True

    def flush_everything(self) -> None:
        """Store every service in use; cheap where nothing changed."""
        self.unsaved = False
        self.flush_states([*self._emulator.loaded(), "sts"])

    def flush_states(self, state_keys: Iterable[str]) -> None:
        """Store the states of these services in one transaction."""
        changed: dict[EntryKey, tuple[bytes, object]] = {}
        gone: list[EntryKey] = []
        loaded = self._emulator.loaded()
        for state_key in state_keys:
            module = loaded.get(state_key)
            if module is not None:
                self._difference(state_key, module, changed, gone)
        self._commit(changed, gone)

    def _difference(self, state_key: str, module: Any, changed: dict[EntryKey, tuple[bytes, object]],
                    gone: list[EntryKey]) -> None:
        known = self._known[state_key]
        found, seen = _unhindered(lambda: self._changes(state_key, module, known))
        changed.update(found)
        if len(seen) != len(known) or known.keys() != seen:
            gone.extend(known.keys() - seen)
        if state_key == "dynamodb":
            tables = {"/".join(key) for key, _ in module._tables.all_items()}
            with self._lock:
                self._replaced |= self._tables - tables
                self._items = {key: item for key, item in self._items.items() if key[0] in tables}
            self._tables = tables

    def _changes(self, state_key: str, module: Any, known: dict[EntryKey, object],
                 ) -> tuple[dict[EntryKey, tuple[bytes, object]], set[EntryKey]]:
        """Entries that differ from what is stored, and the keys of all entries."""
        changed: dict[EntryKey, tuple[bytes, object]] = {}
        seen: set[EntryKey] = set()
        for row in stores.rows(self._emulator, state_key, module):
            key = (state_key, row.store, row.key.encode())
            seen.add(key)
            if row.token is not None:
                if known.get(key) != row.token:
                    changed[key] = (encode(row.value), row.token)
                continue
            value = encode(row.value)
            digest = blake2b(value, digest_size=16).digest()
            if known.get(key) != digest:
                changed[key] = (value, digest)
        return changed, seen

    def _commit(self, changed: dict[EntryKey, tuple[bytes, object]], gone: list[EntryKey]) -> None:
        with self._lock:
            items, self._items = self._items, {}
            replaced, self._replaced = self._replaced, set()
        if not (changed or gone or items or replaced):
            return
        try:
            self._journal.commit(
                entries=((key, value) for key, (value, _) in changed.items()), gone=gone,
                items=[(key, orjson.dumps(item)) for key, item in items.items() if item is not None],
                gone_items=[key for key, item in items.items() if item is None], gone_tables=replaced)
        except JournalError:
            with self._lock:
                self._items = {**items, **self._items}
                self._replaced |= replaced
            raise
        for key, (_, token) in changed.items():
            self._known[key[0]][key] = token
        for key in gone:
            self._known[key[0]].pop(key, None)

    # Restoring

    def restore(self) -> None:
        """Give every service what the journal holds.

        Raises:
            JournalError: an entry cannot be read.
        """
        for state_key in self._journal.services():
            if state_key == "dynamodb":
                continue
            found: dict[str, dict[str, Any]] = defaultdict(dict)
            for store, key, value in self._journal.entries(state_key):
                found[store][key.decode()] = self._decoded(state_key, value)
            stores.restore(self._emulator, state_key, found)
        self._restore_dynamodb()
        for state_key, module in self._emulator.loaded().items():
            self._remember(state_key, module)

    def _restore_dynamodb(self) -> None:
        entries = list(self._journal.entries("dynamodb"))
        if not entries:
            return
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for store, key, value in entries:
            found[store][key.decode()] = self._decoded("dynamodb", value)
        tables: dict[str, Any] = {}
        for table in found.get("region:tables", {}).values():
            table["items"] = {}
            tables[table_key(table)] = table
        for name, key, item in self._journal.items():
            table = tables.get(name)
            if table is not None:
                partition, sort = json.loads(key)
                table["items"].setdefault(partition, {})[sort] = orjson.loads(item)
        stores.restore(self._emulator, "dynamodb", found)
        module = self._emulator.service("dynamodb")
        for table in tables.values():
            module._update_counts(table)
        self._tables = set(tables)

    def _remember(self, state_key: str, module: Any) -> None:
        """Note what is already stored, so that the first flush writes only changes."""
        stored = {(state_key, store, key): blake2b(value, digest_size=16).digest()
                  for store, key, value in self._journal.entries(state_key)}
        known = self._known[state_key]
        known.update(stored)
        for row in stores.rows(self._emulator, state_key, module):
            key = (state_key, row.store, row.key.encode())
            if row.token is not None and key in known:
                known[key] = row.token

    def _decoded(self, state_key: str, value: bytes) -> Any:
        try:
            return decode(value)
        except Exception as error:
            raise JournalError(f"{self._journal.path}: an entry of {state_key} cannot be read ({error}). Restore the "
                               "file from a copy, or move it away to start empty.") from error


def table_key(table: Any) -> str:
    """``account/region/name`` of a DynamoDB table, from its ARN."""
    _, _, _, region, account, resource = table["TableArn"].split(":", 5)
    return f"{account}/{region}/{resource[6:]}"


def _unhindered(read: Callable[[], _Read]) -> _Read:
    """The result of reading a service's stores, read again when a thread of the emulator changed one meanwhile."""
    attempts = 20
    while True:
        try:
            return read()
        except RuntimeError:  # "dictionary changed size during iteration"
            attempts -= 1
            if not attempts:
                raise


def journal_path(data_directory: Path) -> Path:
    """The journal of a data directory."""
    return data_directory / "aws-state.sqlite"
