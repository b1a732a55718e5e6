"""The survey table: one item a session and user, saved again in place.

`Timestamp` is `survey#<e-mail>`: the key of a person's answers is known without a search, a retry replaces
them, and what one user saves under another's session id is never in the way. `UserEmailIndex` lists all
answers of a user.
"""

from __future__ import annotations

import json
import time
from typing import Any

from . import jobs, timestamps
from .clients import dynamodb
from .errors import RequestError, invalid
from .fields import is_storable

MAX_ANSWERS = 100
MAX_NAME = 100
# An item of DynamoDB holds at most 400 KB (DynamoDB Developer Guide "Quotas").
MAX_BYTES = 64 * 1024
# BatchGetItem takes at most 100 keys (DynamoDB API Reference "BatchGetItem").
_KEYS = 100


def checked(answers: Any) -> str:
    """The JSON text of answers that can be stored: an object of at most 100 questions and 64 KB.

    The text is stored as it is, so that numbers, lists and nested answers come back equal.
    """
    if not isinstance(answers, dict):
        raise invalid("answers", "This field must be an object: question to answer.")
    if not 1 <= len(answers) <= MAX_ANSWERS:
        raise invalid("answers", f"This field must hold 1 to {MAX_ANSWERS} answers.")
    if any(not name or len(name) > MAX_NAME for name in answers):
        raise invalid("answers", f"Names of questions have 1 to {MAX_NAME} characters.")
    try:
        text = json.dumps(answers, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    except (ValueError, RecursionError):
        raise invalid(
            "answers", "An answer holds a number that is not finite, or is nested too deep."
        ) from None
    if not is_storable(text):
        raise invalid("answers", "An answer holds characters that are not valid Unicode.")
    if len(text.encode()) > MAX_BYTES:
        raise RequestError(413, "too_large", f"Answers may take at most {MAX_BYTES} bytes.", field="answers")
    return text


def save(table: str, user_email: str, session_id: str, answers: str) -> dict[str, Any]:
    """Store answers and return what an answer shows of them."""
    item = dynamodb().update_item(
        TableName=table,
        Key=_key(user_email, session_id),
        UpdateExpression="SET UserEmail = :me, Answers = :a, SubmittedAt = if_not_exists(SubmittedAt, :now), "
        "UpdatedAt = :now",
        ExpressionAttributeValues={
            ":me": {"S": user_email},
            ":a": {"S": answers},
            ":now": {"N": str(jobs.now())},
        },
        ReturnValues="ALL_NEW",
    )["Attributes"]
    return {"session_id": session_id, **_view(item)}


def load(table: str, user_email: str, sessions: list[str]) -> dict[str, dict[str, Any]]:
    """The answers of one user for these sessions, strongly consistent; a session without is absent."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(sessions), _KEYS):
        keys = [_key(user_email, session) for session in sessions[start : start + _KEYS]]
        wanted: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(8):
            answer = dynamodb().batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(table, []):
                found[item["SessionId"]["S"]] = _view(item)
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                break
            time.sleep(min(1.0, 0.05 * 2**attempt))
        else:
            raise RequestError(503, "busy", "The store is busy. Send the same request again.", retry_after=2)
    return found


def _key(user_email: str, session_id: str) -> dict[str, Any]:
    return {"SessionId": {"S": session_id}, "Timestamp": {"S": f"survey#{user_email}"}}


def _view(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "answers": json.loads(item["Answers"]["S"]),
        "submitted_at": timestamps.iso(int(item["SubmittedAt"]["N"])),
        "updated_at": timestamps.iso(int(item["UpdatedAt"]["N"])),
    }
