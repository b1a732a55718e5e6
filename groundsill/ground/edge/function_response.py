"""What a function returned, as an HTTP response.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", section "Lambda
function response for format 1.0" and "2.0".
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, cast

import orjson

from groundsill.ground.edge.asgi import HeaderList, HttpResponse
from groundsill.ground.edge.request import HOP_BY_HOP

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain;charset=UTF-8")
_NOT_FROM_INTEGRATIONS = HOP_BY_HOP | {b"content-length", b"date", b"server", b"apigw-requestid"}


class MalformedResponse(Exception):
    """The function's result is not a response; the client gets status 500."""


def to_response(payload: bytes, version: str) -> HttpResponse:
    """The response for a function's JSON result.

    Arguments:
        payload: the result.
        version: ``1.0`` or ``2.0``; only 2.0 infers a response from a result without ``statusCode``.

    Raises:
        MalformedResponse: saying what is wrong.

    Example:
        >>> to_response(b'{"ok": true}', "2.0").status
        200
    """
    try:
        result: Any = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise MalformedResponse(f"the result is not JSON: {error}") from error
    if not isinstance(result, dict) or "statusCode" not in result:
        if version == "1.0":
            raise MalformedResponse("a result of payload format 1.0 needs a statusCode")
        body = result.encode() if isinstance(result, str) else orjson.dumps(result)
        return HttpResponse(200, [_JSON, (b"content-length", str(len(body)).encode())], body)
    given = cast("dict[str, Any]", result)
    status = _status(given["statusCode"])
    body = _body(given)
    headers = _headers(given, version)
    if body and not any(name == b"content-type" for name, _ in headers):
        headers.append(_TEXT)
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    return HttpResponse(status, headers, body if status not in (204, 304) else b"")


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise MalformedResponse(f"statusCode {value!r} is not an HTTP status")
    # An informational status cannot be a final answer.
    if value < 200:
        raise MalformedResponse(f"statusCode {value} is not a final HTTP status")
    return value


def _body(given: dict[str, Any]) -> bytes:
    body = given.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponse(f"body is {type(body).__name__}, it must be a string (json.dumps it)")
    if given.get("isBase64Encoded") is True:
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedResponse(f"body is not base64: {error}") from error
    return body.encode("utf-8", "surrogatepass")


def _object(given: dict[str, Any], name: str) -> dict[str, Any]:
    value: Any = given.get(name) or {}
    if not isinstance(value, dict):
        raise MalformedResponse(f"{name} is {type(value).__name__}, it must be an object")
    return cast("dict[str, Any]", value)


def _headers(given: dict[str, Any], version: str) -> HeaderList:
    headers: HeaderList = []
    single = _object(given, "headers")
    multiple = _object(given, "multiValueHeaders") if version == "1.0" else {}
    replaced = {str(name).lower() for name in multiple}
    pairs: list[tuple[str, Any]] = [
        (str(name), value) for name, value in single.items() if str(name).lower() not in replaced
    ]
    for name, values in multiple.items():
        if not isinstance(values, list):
            raise MalformedResponse(f"multiValueHeaders[{name!r}] must be a list")
        pairs.extend((name, value) for value in cast("list[Any]", values))
    if version != "1.0":
        cookies: Any = given.get("cookies") or []
        if not isinstance(cookies, list):
            raise MalformedResponse("cookies must be a list of strings")
        pairs.extend(("set-cookie", cookie) for cookie in cast("list[Any]", cookies))
    for name, value in pairs:
        encoded = _header(name, value)
        if encoded is not None:
            headers.append(encoded)
    return headers


def _header(name: str, value: Any) -> tuple[bytes, bytes] | None:
    if value is None:
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str):
        raise MalformedResponse(f"header {name!r} is {type(value).__name__}, it must be a string")
    raw_name, raw_value = name.lower().encode("latin-1", "replace"), value.encode("utf-8")
    # A line break would let a function's data forge another header.
    if not raw_name or any(c in raw_name for c in b"\r\n :") or b"\r" in raw_value or b"\n" in raw_value:
        raise MalformedResponse(f"header {name!r} has characters that a header cannot have")
    return None if raw_name in _NOT_FROM_INTEGRATIONS else (raw_name, raw_value)
