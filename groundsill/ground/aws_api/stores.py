"""What each service keeps in memory, as rows for the journal, and back.

A service's stores are dictionaries. Most are small and are stored one row an entry. Three hold many things inside one
entry (messages in a queue, users in a pool, mails in a list); those are split, so that a call stores what it changed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from groundsill.ground.aws_api.emulator import Emulator


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of a service.

    Arguments:
        store: dictionary of the service that holds it.
        key: its key, as Python source.
        value: what is stored.
        token: changes whenever ``value`` does; None when only a comparison of the stored bytes can tell.
    """

    store: str
    key: str
    value: Any
    token: object = None


_ACCOUNT, _REGION, _PLAIN, _WHOLE = "account:", "region:", "plain:", "whole:"


def _generic(emulator: Emulator, state: Mapping[str, Any]) -> Iterator[Row]:
    for name, store in state.items():
        kind, entries = _kind(emulator, store)
        for key, value in list(entries.items()):
            yield Row(kind + name, repr(key), value)


def _kind(emulator: Emulator, store: Any) -> tuple[str, dict[Any, Any]]:
    if isinstance(store, emulator.responses.AccountRegionScopedDict):
        return _REGION, store._data
    if isinstance(store, emulator.responses.AccountScopedDict):
        return _ACCOUNT, store._data
    if type(store) is dict:
        entries = cast("dict[Any, Any]", store)
        if all(isinstance(key, str | tuple) for key in list(entries)):
            return _PLAIN, entries
    return _WHOLE, {None: store}


def _generic_state(emulator: Emulator, rows: Mapping[str, dict[Any, Any]]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for store, entries in rows.items():
        kind, name = store.split(":", 1)
        if kind + ":" == _WHOLE:
            state[name] = entries[None]
            continue
        if kind + ":" == _PLAIN:
            state[name] = entries
            continue
        scoped = (emulator.responses.AccountRegionScopedDict if kind + ":" == _REGION
                  else emulator.responses.AccountScopedDict)()
        scoped._data.update(entries)
        state[name] = scoped
    return state


def _dynamodb_rows(emulator: Emulator, module: Any) -> Iterator[Row]:
    names = ("tags", "ttl_settings", "pitr_settings", "kinesis_destinations", "contributor_insights", "backups",
             "resource_policies", "exports", "imports")
    left_out = {"items", "ItemCount", "TableSizeBytes", module._INDEX_MEMBERS}
    for key, table in module._tables.all_items():
        yield Row(_REGION + "tables", repr(key), {k: v for k, v in table.items() if k not in left_out})
    yield from _generic(emulator, {name: getattr(module, f"_{name}") for name in names})


def _sqs_rows(emulator: Emulator, module: Any) -> Iterator[Row]:
    for key, queue in module._queues.all_items():
        # Counters are recomputed on every read; the name index is rebuilt from the queues.
        attributes = {name: value for name, value in queue["attributes"].items()
                      if not name.startswith("ApproximateNumberOf")}
        yield Row(_REGION + "queues", repr(key), {**queue, "messages": [], "attributes": attributes})
        for position, message in enumerate(queue["messages"]):
            token = (message.get("visible_at"), message.get("receive_count"), message.get("receipt_handle"))
            yield Row("messages", repr((key, message["id"])), (position, message), token)


def _sqs_restore(emulator: Emulator, module: Any, rows: dict[str, dict[Any, Any]]) -> None:
    messages = rows.pop("messages", {})
    queues = rows.get(_REGION + "queues", {})
    found: dict[Any, list[tuple[float, int, Any]]] = {}
    for (queue, _), (position, message) in messages.items():
        # A position is stored when the message changes, so it orders only messages that were sent at one time.
        found.setdefault(queue, []).append((message.get("enqueued_at", message.get("sent_at", 0.0)), position, message))
    for key, entries in found.items():
        if key in queues:
            entries.sort(key=lambda entry: entry[:2])
            queues[key]["messages"] = [message for _, _, message in entries]
    module.load_persisted_state(_generic_state(emulator, rows))


def _cognito_rows(emulator: Emulator, module: Any) -> Iterator[Row]:
    for key, pool in module._user_pools.all_items():
        yield Row(_REGION + "user_pools", repr(key), {**pool, "_users": {}})
        for name, user in pool.get("_users", {}).items():
            yield Row("users", repr((key, name)), user)
    names = ("pool_domain_map", "identity_pools", "identity_tags", "authorization_codes", "refresh_tokens",
             "auth_codes", "challenge_sessions")
    yield from _generic(emulator, {name: getattr(module, f"_{name}") for name in names})
    for token in list(module._revoked_tokens):
        yield Row("revoked_tokens", repr(token), True, True)


def _cognito_restore(emulator: Emulator, module: Any, rows: dict[str, dict[Any, Any]]) -> None:
    revoked = list(rows.pop("revoked_tokens", {}))
    pools = rows.get(_REGION + "user_pools", {})
    for (pool, name), user in rows.pop("users", {}).items():
        if pool in pools:
            pools[pool]["_users"][name] = user
    module.load_persisted_state({**_generic_state(emulator, rows), "revoked_tokens": revoked})


def _ses_rows(emulator: Emulator, module: Any) -> Iterator[Row]:
    yield from _generic(emulator, module.get_state())
    for key, mails in module._sent_emails.all_items():
        for position, mail in enumerate(mails):
            yield Row("mails", repr((key, position)), mail, True)


def _ses_restore(emulator: Emulator, module: Any, rows: dict[str, dict[Any, Any]]) -> None:
    mails = rows.pop("mails", {})
    for (key, _), mail in sorted(mails.items()):
        module._sent_emails._data.setdefault(key, []).append(mail)
    module.load_persisted_state(_generic_state(emulator, rows))


def _sts_rows(emulator: Emulator, module: Any) -> Iterator[Row]:
    for key, session in list(module._sessions.items()):
        yield Row("sessions", repr(key), session, True)


def _sts_restore(emulator: Emulator, module: Any, rows: dict[str, dict[Any, Any]]) -> None:
    module._sessions.update(rows.pop("sessions", {}))


def _default_restore(emulator: Emulator, module: Any, rows: dict[str, dict[Any, Any]]) -> None:
    module.load_persisted_state(_generic_state(emulator, rows))


_ROWS: dict[str, Callable[[Emulator, Any], Iterator[Row]]] = {
    "dynamodb": _dynamodb_rows, "sqs": _sqs_rows, "cognito": _cognito_rows, "ses": _ses_rows, "sts": _sts_rows,
}
_RESTORE: dict[str, Callable[[Emulator, Any, dict[str, dict[Any, Any]]], None]] = {
    "sqs": _sqs_restore, "cognito": _cognito_restore, "ses": _ses_restore, "sts": _sts_restore,
}


def rows(emulator: Emulator, state_key: str, module: Any) -> Iterator[Row]:
    """Everything a service holds, except DynamoDB's items (see ``patches/dynamodb.py``) and S3's object bodies,
    which are files."""
    if (special := _ROWS.get(state_key)) is not None:
        yield from special(emulator, module)
    else:
        state = module.get_state()
        yield from _generic(emulator, state or {})


def restore(emulator: Emulator, state_key: str, stored: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a service what the journal holds: values by store and key (as written by `rows`)."""
    parsed = {store: {ast.literal_eval(key): value for key, value in entries.items()}
              for store, entries in stored.items()}
    module = emulator.service(module_name(emulator, state_key))
    _RESTORE.get(state_key, _default_restore)(emulator, module, parsed)


def module_name(emulator: Emulator, state_key: str) -> str:
    """The module that holds a state, e.g. ``lambda_svc`` for ``lambda``."""
    return emulator.app._state_map.get(state_key, state_key)


def state_keys_of(emulator: Emulator, service: str) -> list[str]:
    """The states that a call to a service can change at once, e.g. ``ses`` changes ``ses`` and ``ses_v2``."""
    registry = emulator.app.SERVICE_REGISTRY
    config = registry.get(service) or registry.get(emulator.app.SERVICE_NAME_ALIASES.get(service, ""))
    if config is None:
        return []
    keys = [config.get("state_key", config["module"]), *config.get("sub_modules", ())]
    return [key for key in keys if f"ministack.services.{module_name(emulator, key)}" in sys.modules]
