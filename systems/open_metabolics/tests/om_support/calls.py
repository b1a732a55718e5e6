"""Calls of the functions as API Gateway makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

ROUTES: dict[str, str] = {
    "save-raw-sensor-data": "functions.sensor.save",
    "process-energy-expenditure": "functions.process.start",
    "manage-user-profile": "functions.profiles.manage",
    "get-user-profile": "functions.profiles.get",
    "get-past-sessions": "functions.sessions.past",
    "get-past-sessions-summary": "functions.sessions.summary",
    "get-session-details": "functions.sessions.details",
    "get-all-session-summaries": "functions.sessions.all_summaries",
    "save-survey-response": "functions.surveys.save",
    "get-survey-response": "functions.surveys.get",
    "check-survey-responses": "functions.surveys.check",
}

WALKER = "walker@example.com"


def handler(name: str) -> Callable[..., dict[str, Any]]:
    """The handler of a route, found by its handler string as Lambda finds it."""
    module, _, attribute = ROUTES[name].rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


def event(
    name: str,
    body: Any = None,
    *,
    email: str | None = WALKER,
    method: str = "POST",
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An event of payload format 2.0; `body` is sent as it is when it is a string."""
    context: dict[str, Any] = {
        "http": {"method": method, "path": f"/{name}"},
        "requestId": "request-1",
        "stage": "dev",
    }
    if email is not None:
        context["authorizer"] = {"jwt": {"claims": {"email": email, "token_use": "id"}, "scopes": None}}
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} /{name}",
        "rawPath": f"/dev/{name}",
        "headers": {"content-type": "application/json"},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if body is not None:
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    if query is not None:
        made["queryStringParameters"] = query
    return made


def call(name: str, body: Any = None, **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer."""
    answer = handler(name)(event(name, body, **options), None)
    assert set(answer) == {"statusCode", "headers", "body"}
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def ok(name: str, body: Any = None, **options: Any) -> dict[str, Any]:
    """The body of an answer that must be a success."""
    status, answer = call(name, body, **options)
    assert status in (200, 202), answer
    return answer


def error(name: str, body: Any = None, **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and error of an answer that must be a refusal in our form."""
    status, answer = call(name, body, **options)
    assert 400 <= status < 600, answer
    assert set(answer) == {"error"}
    assert {"code", "message"} <= set(answer["error"])
    return status, answer["error"]


def walk_csv(seconds: float = 4.0, *, rate: int = 50, start: float = 1.0) -> str:
    """A batch with all six columns: somebody swings a leg."""
    import math

    lines = ["Timestamp,Accelerometer_X,Accelerometer_Y,Accelerometer_Z,Gyroscope_X,Gyroscope_Y,Gyroscope_Z"]
    for index in range(int(seconds * rate)):
        moment = start + index / rate
        swing = math.sin(2 * math.pi * moment)
        lines.append(
            f"{moment:.6f},{0.2 * swing:.6f},1.0,{0.1 * swing:.6f},{0.3 * swing:.6f},0.1,{3 * swing:.6f}"
        )
    return "\n".join(lines) + "\n"


PROFILE = {"age": 34, "weight": 77.5, "height": 178, "sex": "male"}
