"""One request as API Gateway sees it, and the event that it becomes."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from groundsill.ground.edge.asgi import HeaderList

# Content types whose body goes into the event as text; every other body is base64-encoded.
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
# Connection headers belong to one hop (RFC 9110, section 7.6.1) and never reach an integration.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def new_request_id() -> str:
    """An id of API Gateway's form, for example ``Mc7UVioPPHcEKPA=``."""
    return base64.b64encode(os.urandom(11)).decode()


def new_trace_id() -> str:
    """An ``X-Amzn-Trace-Id``, for example ``Root=1-67891233-abcdef012345678912345678``."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()}"


class GatewayRequest:
    """A request, read once.

    Arguments:
        scope: the ASGI scope.
        body: the whole body.
        request_id: the id for this request.
    """

    __slots__ = (
        "body",
        "client",
        "cookies",
        "headers",
        "host",
        "method",
        "multi_headers",
        "path",
        "port",
        "query",
        "raw_query",
        "request_id",
        "scheme",
        "time_ms",
        "trace_id",
    )

    def __init__(self, scope: Mapping[str, Any], body: bytes, request_id: str) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope.get("scheme", "http")
        self.raw_query = scope["query_string"].decode("latin-1")
        self.query: list[tuple[str, str]] = (
            parse_qsl(self.raw_query, keep_blank_values=True) if self.raw_query else []
        )
        self.body = body
        self.request_id = request_id
        self.time_ms = int(time.time() * 1000)
        client = scope.get("client") or ("127.0.0.1", 0)
        self.client: str = client[0]
        self.port: int = (scope.get("server") or ("", 80))[1] or 80
        self._read_headers(scope["headers"])

    def _read_headers(self, raw: HeaderList) -> None:
        headers: dict[str, str] = {}
        multiple: dict[str, list[str]] = {}
        cookies: list[str] = []
        for raw_name, raw_value in raw:
            if raw_name in HOP_BY_HOP:
                continue
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            multiple.setdefault(name, []).append(value)
            if name == "cookie":
                cookies.extend(part.strip() for part in value.split(";") if part.strip())
            elif name in headers:
                headers[name] += "," + value
            else:
                headers[name] = value
        self.trace_id = headers.setdefault("x-amzn-trace-id", new_trace_id())
        before = headers.get("x-forwarded-for")
        headers["x-forwarded-for"] = f"{before}, {self.client}" if before else self.client
        headers["x-forwarded-port"] = str(self.port)
        headers["x-forwarded-proto"] = self.scheme
        self.host = headers.get("host", "")
        self.headers = headers
        self.multi_headers = multiple
        self.cookies = cookies

    def joined_query(self) -> dict[str, str]:
        """Query parameters, repeated ones joined by commas."""
        joined: dict[str, str] = {}
        for name, value in self.query:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined

    def body_text(self) -> tuple[str, bool]:
        """The body as it goes into an event, and whether it is base64-encoded."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind or kind in _TEXT_TYPES or kind.startswith("text/") or kind.endswith(("+json", "+xml")):
            try:
                return self.body.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(self.body).decode(), True


def log_time(time_ms: int) -> str:
    """API Gateway's ``requestContext.time``, for example ``12/Mar/2020:19:03:58 +0000``."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time_ms / 1000))


class EventFacts:
    """What an event says that is the same for every request of one route.

    Arguments:
        api_id: the API's id.
        account_id: twelve digits.
        stage: the stage's name, for example ``dev`` or ``$default``.
        route_key: for example ``POST /save``.
        stage_variables: the stage's variables.
    """

    __slots__ = ("account_id", "api_id", "resource_path", "route_key", "stage", "stage_variables")

    def __init__(
        self, api_id: str, account_id: str, stage: str, route_key: str, stage_variables: Mapping[str, str]
    ) -> None:
        self.api_id = api_id
        self.account_id = account_id
        self.stage = stage
        self.route_key = route_key
        self.stage_variables = dict(stage_variables)
        self.resource_path = route_key.partition(" ")[2] or route_key


def event_version_2(
    request: GatewayRequest,
    facts: EventFacts,
    parameters: Mapping[str, str],
    claims_json: bytes | None,
    scopes: tuple[str, ...],
) -> bytes:
    """The event of payload format 2.0, as JSON.

    Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs": parts that a
    request does not have (query, body, cookies, path and stage variables) are left out.
    """
    context: dict[str, Any] = {
        "accountId": facts.account_id,
        "apiId": facts.api_id,
        "domainName": request.host,
        "domainPrefix": request.host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": facts.route_key,
        "stage": facts.stage,
        "time": log_time(request.time_ms),
        "timeEpoch": request.time_ms,
    }
    if claims_json is not None:
        context["authorizer"] = {
            "jwt": {"claims": orjson.Fragment(claims_json), "scopes": list(scopes) if scopes else None}
        }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": facts.route_key,
        "rawPath": request.path,
        "rawQueryString": request.raw_query,
        "headers": request.headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if request.cookies:
        event["cookies"] = request.cookies
    if request.query:
        event["queryStringParameters"] = request.joined_query()
    if parameters:
        event["pathParameters"] = parameters
    if facts.stage_variables:
        event["stageVariables"] = facts.stage_variables
    if request.body:
        event["body"], event["isBase64Encoded"] = request.body_text()
    return orjson.dumps(event)


def event_version_1(
    request: GatewayRequest,
    facts: EventFacts,
    parameters: Mapping[str, str],
    claims_json: bytes | None,
    scopes: tuple[str, ...],
) -> bytes:
    """The event of payload format 1.0, as JSON (same source as format 2.0)."""
    multi_query: dict[str, list[str]] = {}
    for name, value in request.query:
        multi_query.setdefault(name, []).append(value)
    headers = dict(request.headers)
    if request.cookies:
        headers["cookie"] = "; ".join(request.cookies)
    context: dict[str, Any] = {
        "accountId": facts.account_id,
        "apiId": facts.api_id,
        "domainName": request.host,
        "domainPrefix": request.host.partition(".")[0],
        "extendedRequestId": request.request_id,
        "httpMethod": request.method,
        "identity": {"sourceIp": request.client, "userAgent": request.headers.get("user-agent", "")},
        "path": request.path,
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": log_time(request.time_ms),
        "requestTimeEpoch": request.time_ms,
        "resourceId": facts.route_key,
        "resourcePath": facts.resource_path,
        "stage": facts.stage,
    }
    if claims_json is not None:
        context["authorizer"] = {
            "claims": orjson.Fragment(claims_json),
            "scopes": list(scopes) if scopes else None,
        }
    body, encoded = request.body_text() if request.body else (None, False)
    return orjson.dumps(
        {
            "version": "1.0",
            "resource": facts.resource_path,
            "path": request.path,
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": {
                **{name: [value] for name, value in headers.items()},
                **request.multi_headers,
            },
            "queryStringParameters": {name: values[-1] for name, values in multi_query.items()} or None,
            "multiValueQueryStringParameters": multi_query or None,
            "requestContext": context,
            "pathParameters": dict(parameters) or None,
            "stageVariables": facts.stage_variables or None,
            "body": body,
            "isBase64Encoded": encoded,
        }
    )
