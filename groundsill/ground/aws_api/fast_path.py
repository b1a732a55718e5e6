"""The short way for DynamoDB items and SQS messages: the calls that a running system makes all the time.

A call comes here when it is an ordinary signed JSON call whose permission is already known (see ``authorization.py``).
Everything else takes the emulator's full way, with the same result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson

from groundsill.ground.aws_api.authorization import Authorization, Caller
from groundsill.ground.aws_api.durability import Durability
from groundsill.ground.aws_api.emulator import Emulator

_ITEM_ACTIONS = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem",
                           "BatchWriteItem", "TransactWriteItems", "TransactGetItems"})
_MESSAGE_ACTIONS = frozenset({"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage",
                              "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
                              "GetQueueUrl", "GetQueueAttributes"})
_BATCH_PERMISSION = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage",
                     "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"}
_TRANSACTION_PERMISSION = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem",
                           "Delete": "dynamodb:DeleteItem", "ConditionCheck": "dynamodb:ConditionCheckItem",
                           "Get": "dynamodb:GetItem"}

Response = tuple[int, dict[str, str], bytes]
Check = tuple[str, str]


class FastPath:
    """Answers hot calls; None means that the full way must be taken.

    Arguments:
        emulator: the loaded emulator.
        authorization: signatures and remembered decisions.
        durability: stores what a call changed.
        account_id: account of every caller.
    """

    def __init__(self, emulator: Emulator, authorization: Authorization, durability: Durability,
                 account_id: str) -> None:
        self._emulator = emulator
        self._authorization = authorization
        self._durability = durability
        self._account = account_id

    async def answer(self, target: str, caller: Caller, region: str, headers: dict[str, str], body: bytes,
                     disconnected: Callable[[], Awaitable[object]]) -> tuple[Response, str] | None:
        """The response and the resource it is about."""
        prefix, _, action = target.partition(".")
        hot = _ITEM_ACTIONS if prefix == "DynamoDB_20120810" else _MESSAGE_ACTIONS
        if action not in hot or "content-encoding" in headers:
            return None
        try:
            parsed: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(parsed, dict):
            return None
        data = cast("dict[str, Any]", parsed)
        responses = self._emulator.responses
        responses._request_account_id.set(self._account)
        responses._request_region.set(region)
        checks = (self._item_checks if hot is _ITEM_ACTIONS else self._message_checks)(action, data, region)
        if not checks or not all(self._authorization.remembered(caller, *check) for check in checks):
            return None
        if hot is _MESSAGE_ACTIONS:
            self._emulator.service("sqs")._request_host.set(headers.get("host", ""))
        if hot is _ITEM_ACTIONS:
            response = await self._emulator.service("dynamodb").handle_request("POST", "/", headers, body, {})
            self._durability.flush_items()
        elif action == "ReceiveMessage":
            response = await self._receive(data, disconnected)
            self._durability.flush_states(("sqs",))
        else:
            response = await self._emulator.service("sqs")._handle_json(action, data, "/")
            if not action.startswith("Get"):
                self._durability.flush_states(("sqs",))
        return response, checks[0][1]

    async def _receive(self, data: dict[str, Any], disconnected: Callable[[], Awaitable[object]]) -> Response:
        """Wait for messages, unless the caller goes away first: a message must not be handed to a dead worker."""
        call = asyncio.ensure_future(self._emulator.service("sqs")._handle_json("ReceiveMessage", data, "/"))
        # Most calls have their answer at once; only one that really waits is worth watching.
        await asyncio.sleep(0)
        if call.done():
            return call.result()
        gone = asyncio.ensure_future(disconnected())
        try:
            await asyncio.wait({call, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                call.cancel()
                raise ConnectionAbortedError("the caller went away while waiting for messages")
            return call.result()
        finally:
            gone.cancel()

    def _item_checks(self, action: str, data: dict[str, Any], region: str) -> list[Check]:
        name = data.get("TableName")
        if isinstance(name, str):
            index = data.get("IndexName")
            arn = self._table_arn(name, region)
            return [(f"dynamodb:{action}", f"{arn}/index/{index}" if isinstance(index, str) and index else arn)]
        batches: Any = data.get("RequestItems")
        if isinstance(batches, dict):
            tables = cast("dict[str, Any]", batches)
            return [(f"dynamodb:{action}", self._table_arn(name, region)) for name in tables]
        checks: list[Check] = []
        for entry in data.get("TransactItems") or ():
            if not isinstance(entry, dict) or not entry:
                return []
            for member, detail in cast("dict[str, Any]", entry).items():
                permission = _TRANSACTION_PERMISSION.get(member)
                table: object = cast("dict[str, Any]", detail).get("TableName") if isinstance(detail, dict) else None
                if permission is None or not isinstance(table, str):
                    return []
                checks.append((permission, self._table_arn(table, region)))
        return checks

    def _table_arn(self, name: str, region: str) -> str:
        return name if name.startswith("arn:") else f"arn:aws:dynamodb:{region}:{self._account}:table/{name}"

    def _message_checks(self, action: str, data: dict[str, Any], region: str) -> list[Check]:
        address = data.get("QueueUrl")
        if isinstance(address, str) and address:
            account, _, name = address.rpartition("/")
            if account.rpartition("/")[2] != self._account:
                return []
        else:
            name = data.get("QueueName")
            if not isinstance(name, str) or data.get("QueueOwnerAWSAccountId"):
                return []
        return [(f"sqs:{_BATCH_PERMISSION.get(action, action)}", f"arn:aws:sqs:{region}:{self._account}:{name}")]
