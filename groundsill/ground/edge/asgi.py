"""The types of the ASGI interface, and the few operations on it that the edge needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]


class BodyTooLarge(Exception):
    """The request's body is above the limit."""


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class HttpResponse(NamedTuple):
    """A whole response: status, headers (lower-case names) and body."""

    status: int
    headers: HeaderList
    body: bytes


class AccessRecord(NamedTuple):
    """One request at the edge, for the log.

    Arguments:
        component: the name in the user's definition.
        method: for example ``POST``.
        path: the path as the client sent it, without the query.
        status: the response's status.
        milliseconds: time from the request's head to the response's last byte.
        request_id: the id that the client also sees.
    """

    component: str
    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str


AccessLog = Callable[[AccessRecord], None]


async def read_body(receive: Receive, headers: HeaderList, limit: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: it is above the limit; a declared length is refused without reading.
        ClientGone: the client went away.
    """
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise BodyTooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise BodyTooLarge
        return body
    chunks = bytearray(body)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks += message.get("body", b"")
        if len(chunks) > limit:
            raise BodyTooLarge
        if not message.get("more_body"):
            return bytes(chunks)


async def respond(send: Send, response: HttpResponse) -> None:
    """Sends a whole response."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


def json_message(status: int, message: str) -> HttpResponse:
    """The form of API Gateway's own answers, for example ``{"message":"Not Found"}``."""
    body = b'{"message":"' + message.encode() + b'"}'
    return HttpResponse(
        status,
        [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        body,
    )
