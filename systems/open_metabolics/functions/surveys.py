"""`POST /save-survey-response`, `/get-survey-response` and `/check-survey-responses`."""

from __future__ import annotations

from typing import Any

from shared import surveys
from shared.clients import setting
from shared.errors import RequestError, invalid, missing
from shared.fields import SESSION_ID, required, session_id

from .http import Request, route

MAX_SESSIONS = 100


@route
def save(request: Request) -> dict[str, Any]:
    """Store the `answers` to the questions about a session; saving again replaces them."""
    session = session_id(request.fields)
    answers = surveys.checked(required(request.fields, "answers"))
    return surveys.save(setting("SURVEY_TABLE"), request.user_email, session, answers)


@route
def get(request: Request) -> dict[str, Any]:
    """The caller's answers for a session; 404 when there are none."""
    session = session_id(request.fields)
    found = surveys.load(setting("SURVEY_TABLE"), request.user_email, [session]).get(session)
    if found is None:
        message = "You have not answered the questions about this session."
        raise RequestError(404, "survey_not_found", message, field="session_id")
    return {"session_id": session, **found}


@route
def check(request: Request) -> dict[str, Any]:
    """Whether the caller has answered: for `session_id`, or for each of `session_ids` (at most 100)."""
    sessions = _sessions(request.fields)
    found = surveys.load(setting("SURVEY_TABLE"), request.user_email, sessions)
    return {"responses": {session: session in found for session in sessions}}


def _sessions(fields: dict[str, Any]) -> list[str]:
    if fields.get("session_ids") is None:
        if fields.get("session_id") is None:
            raise missing("session_ids", "Send session_ids (a list) or session_id.")
        return [session_id(fields)]
    sent = fields["session_ids"]
    if isinstance(sent, str):
        # The query string of a GET: ids with commas between.
        sent = [part.strip() for part in sent.split(",")]
    if not isinstance(sent, list) or not 1 <= len(sent) <= MAX_SESSIONS:
        raise invalid("session_ids", f"This field must be a list of 1 to {MAX_SESSIONS} session ids.")
    if not all(isinstance(entry, str) and SESSION_ID.fullmatch(entry) for entry in sent):
        raise invalid("session_ids", "Every entry must be a session id: 1 to 128 letters, digits or . _ : -")
    return list(dict.fromkeys(sent))
