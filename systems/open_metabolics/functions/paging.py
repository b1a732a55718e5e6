"""Pages of a table's `UserEmailIndex`, newest first, with an opaque token for the next one."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from shared.clients import dynamodb
from shared.errors import RequestError, invalid
from shared.fields import SESSION_ID, whole
from shared.results import INDEX, SUMMARY_PREFIX

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_SUMMARY_KEY = re.compile(re.escape(SUMMARY_PREFIX) + r"\d{10}\.\d{6}", re.ASCII)
_WINDOW_KEY = re.compile(r"\d{10}\.\d{6}#[\w-]{1,12}", re.ASCII)


def summaries(table: str, user_email: str, fields: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a user's summary items and the token of the next page (None on the last).

    Args:
        fields: of the request: `limit` (1 to 100, default 20) and `next`, the token of the page before.

    Raises:
        RequestError: 400 for a token that no page gave out.
    """
    query: dict[str, Any] = {
        "TableName": table,
        "IndexName": INDEX,
        "KeyConditionExpression": "UserEmail = :me AND begins_with(#t, :summary)",
        "ExpressionAttributeNames": {"#t": "Timestamp"},
        "ExpressionAttributeValues": {":me": {"S": user_email}, ":summary": {"S": SUMMARY_PREFIX}},
        "ScanIndexForward": False,
        "Limit": whole(fields, "limit", low=1, high=MAX_LIMIT, default=DEFAULT_LIMIT),
    }
    if fields.get("next") is not None:
        # The token holds no e-mail: whoever sends it reads his own sessions.
        query["ExclusiveStartKey"] = {"UserEmail": {"S": user_email}, **_read_token(fields["next"])}
    answer = dynamodb().query(**query)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], None if not last else _token(last)


def window_token(item: dict[str, Any]) -> str:
    """The token for the windows after this one."""
    return _pack(item["Timestamp"]["S"])


def read_window_token(token: Any) -> str:
    """The lowest sort key of the next windows; "0", which is before all of them, without a token."""
    if token is None:
        return "0"
    key = _unpack(token)
    if isinstance(key, str) and _WINDOW_KEY.fullmatch(key):
        # The least string after the key itself.
        return key + "\x00"
    raise _refused()


def _token(last: dict[str, Any]) -> str:
    return _pack([last["SessionId"]["S"], last["Timestamp"]["S"]])


def _read_token(token: Any) -> dict[str, Any]:
    key = _unpack(token)
    if isinstance(key, list) and len(key) == 2 and all(isinstance(part, str) for part in key):
        session, moment = key
        if SESSION_ID.fullmatch(session) and _SUMMARY_KEY.fullmatch(moment):
            return {"SessionId": {"S": session}, "Timestamp": {"S": moment}}
    raise _refused()


def _pack(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _unpack(token: Any) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise _refused() from None


def _refused() -> RequestError:
    return invalid("next", "This is not a token of a page before. Start again without it.")
