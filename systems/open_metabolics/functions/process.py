"""`POST /process-energy-expenditure`: start the estimate of a session; the container API does the same."""

from __future__ import annotations

from shared import jobs
from shared.clients import setting
from shared.fields import flag, session_id

from .http import Answer, Request, route


@route
def start(request: Request) -> Answer:
    """Queue the estimate of `session_id` once; `force` starts it again when it is completed."""
    tables = jobs.Tables(
        raw=setting("RAW_SENSOR_TABLE"),
        profiles=setting("USER_PROFILES_TABLE"),
        status=setting("STATUS_TABLE"),
        queue_url=setting("QUEUE_URL"),
    )
    force = flag(request.fields, "force")
    status, body = jobs.request_job(tables, session_id(request.fields), request.user_email, force=force)
    return Answer(status, body)
