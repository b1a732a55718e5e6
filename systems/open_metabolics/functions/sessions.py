"""A user's processed sessions: `get-past-sessions`, `-summary`, `get-session-details`,
`get-all-session-summaries`.

A session is seen here when its estimate is complete.
"""

from __future__ import annotations

from typing import Any

from shared import results, surveys
from shared.attributes import decode
from shared.clients import dynamodb, setting
from shared.errors import session_not_found
from shared.fields import session_id, whole

from . import paging
from .http import Request, route

# Lambda answers with at most 6 MB (Lambda Developer Guide "Lambda quotas"); a window is about 200 bytes of
# JSON.
MAX_WINDOWS = 20_000


@route
def past(request: Request) -> dict[str, Any]:
    """The session ids with their times, newest first, by pages (`limit`, `next`)."""
    items, token = paging.summaries(setting("RESULTS_TABLE"), request.user_email, request.fields)
    names = ("session_id", "recorded_at", "start", "end", "duration_seconds")
    views = [results.summary_view(item) for item in items]
    return {"sessions": [{name: view.get(name) for name in names} for view in views], "next": token}


@route
def summary(request: Request) -> dict[str, Any]:
    """The totals of each session, newest first, by pages, and their sum over the page."""
    items, token = paging.summaries(setting("RESULTS_TABLE"), request.user_email, request.fields)
    views = [results.summary_view(item) for item in items]
    names = ("duration_seconds", "kilocalories", "active_minutes")
    totals = {name: sum(view.get(name, 0) for view in views) for name in names}
    return {"sessions": views, "page_totals": {"sessions": len(views), **totals}, "next": token}


@route
def details(request: Request) -> dict[str, Any]:
    """The windows of a session in time order, and its summary.

    All windows come at once up to 20,000 (some hours); a longer session has a `next` token for the rest.
    """
    table, session = setting("RESULTS_TABLE"), session_id(request.fields)
    found = results.find_summary(table, session)
    if found is None or found["UserEmail"]["S"] != request.user_email:
        raise session_not_found()
    limit = whole(request.fields, "limit", low=1, high=MAX_WINDOWS, default=MAX_WINDOWS)
    after = paging.read_window_token(request.fields.get("next"))
    items = _windows(table, session, decode(found["JobId"]), after, limit + 1)
    more = len(items) > limit
    return {
        "session_id": session,
        "summary": results.summary_view(found),
        "windows": [results.window_view(item) for item in items[:limit]],
        "next": paging.window_token(items[limit - 1]) if more else None,
    }


@route
def all_summaries(request: Request) -> dict[str, Any]:
    """The totals of each session with its survey answers, or null, newest first, by pages."""
    items, token = paging.summaries(setting("RESULTS_TABLE"), request.user_email, request.fields)
    views = [results.summary_view(item) for item in items]
    sessions = [view["session_id"] for view in views]
    found = surveys.load(setting("SURVEY_TABLE"), request.user_email, sessions)
    return {"sessions": [{**view, "survey": found.get(view["session_id"])} for view in views], "next": token}


def _windows(table: str, session: str, job_id: str, after: str, limit: int) -> list[dict[str, Any]]:
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "SessionId = :s AND #t BETWEEN :after AND :summary",
        "ExpressionAttributeNames": {"#t": "Timestamp"},
        "ExpressionAttributeValues": {
            ":s": {"S": session},
            ":after": {"S": after},
            ":summary": {"S": results.SUMMARY_PREFIX},
        },
        "ConsistentRead": True,
    }
    ending = f"#{results.run_of(job_id)}"
    found: list[dict[str, Any]] = []
    while True:
        answer = dynamodb().query(**query)
        found += (item for item in answer["Items"] if item["Timestamp"]["S"].endswith(ending))
        if len(found) >= limit or not answer.get("LastEvaluatedKey"):
            return found[:limit]
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
