"""The results table: one item a window of the estimate, and one summary item a session.

| item    | `Timestamp`                              | in `UserEmailIndex` |
|---------|------------------------------------------|---------------------|
| window  | `<start of the window>#<run>`            | no (no `UserEmail`) |
| summary | `summary#<when the session was recorded>`| yes                 |

- A query of a session by key gives its windows in time order and then its summary.
- `UserEmailIndex` holds summaries alone, so "my sessions, newest first" reads one small item a session.
- `<run>` is taken from the job's id: a redelivered job replaces its own windows, a forced new run never mixes
  with the old one. The summary names the run and is written last; readers show only the windows of that run.
"""

from __future__ import annotations

from typing import Any

from . import timestamps
from .attributes import decode_item, encode_item
from .clients import dynamodb

SUMMARY_PREFIX = "summary#"
INDEX = "UserEmailIndex"


def run_of(job_id: str) -> str:
    """The part of a window's key that tells one run from another."""
    return job_id.replace("-", "")[:12]


def window_item(session_id: str, job_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """The item of one window; `values` has `start` and `end` (seconds), `watts`, `kilocalories`, `activity`,
    ..."""
    key = timestamps.format_key(round(values["start"] * timestamps.MICROSECONDS))
    return encode_item({"SessionId": session_id, "Timestamp": f"{key}#{run_of(job_id)}", **values})


def summary_item(
    session_id: str, user_email: str, job_id: str, recorded_at: int, values: dict[str, Any]
) -> Any:
    """The item of a whole session; `recorded_at` in ms since 1970."""
    return encode_item(
        {
            "SessionId": session_id,
            "Timestamp": f"{SUMMARY_PREFIX}{timestamps.format_key(recorded_at * 1000)}",
            "UserEmail": user_email,
            "JobId": job_id,
            "recorded_at": recorded_at,
            **values,
        }
    )


def summary_view(item: dict[str, Any]) -> dict[str, Any]:
    """The answer for a summary item: no e-mail and no keys."""
    values = decode_item(item)
    view = {"session_id": values.pop("SessionId")}
    for name in ("recorded_at", "completed_at"):
        view[name] = timestamps.iso(values.pop(name))
    for name in ("Timestamp", "UserEmail", "JobId"):
        values.pop(name, None)
    return {**view, **values}


def window_view(item: dict[str, Any]) -> dict[str, Any]:
    """The answer for a window item."""
    values = decode_item(item)
    for name in ("SessionId", "Timestamp"):
        values.pop(name, None)
    return values


def find_summary(table: str, session_id: str) -> dict[str, Any] | None:
    """The newest summary item of a session, None while there is none."""
    answer = dynamodb().query(
        TableName=table,
        KeyConditionExpression="SessionId = :s AND begins_with(#t, :summary)",
        ExpressionAttributeNames={"#t": "Timestamp"},
        ExpressionAttributeValues={":s": {"S": session_id}, ":summary": {"S": SUMMARY_PREFIX}},
        ConsistentRead=True,
    )
    # Two exist only between the writing of a new run and the removal of the old one.
    return max(answer["Items"], key=lambda item: int(item["completed_at"]["N"]), default=None)
