"""From an HTTP API event (payload format 2.0) to a checked request, and from a plain result to its answer.

Source: API Gateway Developer Guide "Create AWS Lambda proxy integrations for HTTP APIs", payload format
version 2.0.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from shared.errors import RequestError, from_exception
from shared.fields import own_email, read_json
from shared.logs import log, log_exception

# Lambda takes 6 MB for a request (Lambda Developer Guide "Lambda quotas"), and the event holds the body as a
# JSON string, whose quotes and line ends take two bytes each.
DEFAULT_MAX_BODY_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """Who calls, and with which fields: those of the JSON body, for GET those of the query string."""

    user_email: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status other than 200 with its body."""

    status: int
    body: dict[str, Any]


Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]


def route(work: Callable[[Request], dict[str, Any] | Answer]) -> Handler:
    """Make a handler of a function from `Request` to the body of its answer.

    Every refusal and every failure becomes JSON of one form, and every request one line of log.
    """

    @wraps(work)
    def handler(event: Event, context: Any = None) -> dict[str, Any]:
        started = time.perf_counter()
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        code = None
        try:
            result = work(read(event))
            answer = result if isinstance(result, Answer) else Answer(200, result)
        except Exception as error:
            refusal = from_exception(error)
            if refusal.status >= 500 and refusal is not error:
                log_exception("request_failed", error, request_id=_request_id(event, context))
            answer = Answer(refusal.status, refusal.body())
            headers.update(refusal.headers())
            code = refusal.code
        log(
            "request",
            request_id=_request_id(event, context),
            route=event.get("routeKey") if isinstance(event, dict) else None,
            status=answer.status,
            code=code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        body = json.dumps(answer.body, separators=(",", ":"), allow_nan=False)
        return {"statusCode": answer.status, "headers": headers, "body": body}

    return handler


def read(event: Event) -> Request:
    """The request of an event; raises `RequestError` 400, 401, 403 or 413."""
    context = event.get("requestContext") or {}
    claims = ((context.get("authorizer") or {}).get("jwt") or {}).get("claims") or {}
    if (context.get("http") or {}).get("method") == "GET":
        fields: dict[str, Any] = dict(event.get("queryStringParameters") or {})
    else:
        # Who nobody is comes before what they sent.
        own_email({}, claims)
        fields = read_json(_body(event))
    return Request(own_email(fields, claims), fields)


def _body(event: Event) -> str | bytes:
    body = event.get("body") or ""
    limit = int(os.environ.get("MAX_BODY_BYTES", str(DEFAULT_MAX_BODY_BYTES)))
    # A string has at most as many characters as bytes, so the cheap test comes first.
    too_large = len(body) > limit * (4 / 3 if event.get("isBase64Encoded") else 1)
    if not too_large and event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(400, "not_base64", "The body is not valid base64.", field="body") from None
    if too_large or len(body if isinstance(body, bytes) else body.encode(errors="replace")) > limit:
        message = f"The body is larger than {limit} bytes. Send the samples in several smaller batches."
        raise RequestError(413, "body_too_large", message, field="body")
    return body


def _request_id(event: Event, context: Any) -> str | None:
    found = getattr(context, "aws_request_id", None)
    if found is None and isinstance(event, dict):
        found = (event.get("requestContext") or {}).get("requestId")
    return found
