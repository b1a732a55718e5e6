"""Answers of handlers whose work is not built yet: 501 to whoever called over HTTP, an error to a queue or a schedule."""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]
NOT_BUILT = "not built yet"


def answer(event: Event) -> dict[str, Any]:
    """501 for a request. Anything else raises, so that a message is kept and a dead-letter queue gets it in the end.

    Raises:
        NotImplementedError: where no HTTP request has come.
    """
    if "httpMethod" not in event:
        raise NotImplementedError(NOT_BUILT)
    return respond(501, {"error": NOT_BUILT})


def respond(status: int, body: Event) -> dict[str, Any]:
    """An answer in the form of API Gateway's proxy integration, payload format version 1.0."""
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
