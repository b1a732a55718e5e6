"""Forwarding HTTP requests to another address on this machine or elsewhere, streaming in both directions."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.ground.edge import asgi
from groundsill.ground.edge.asgi import HeaderList, HttpResponse
from groundsill.ground.edge.request import HOP_BY_HOP, new_trace_id

if TYPE_CHECKING:
    import aiohttp

# Servers written in Python close idle connections after 5 s by habit (uvicorn's default); one that is reused
# later than this may close in the same moment.
_REUSE_SECONDS = 4.0
_NOT_RETURNED = HOP_BY_HOP | {b"date"}


class TargetBroken(Exception):
    """The connection to the target failed, or it answered with something that is not HTTP."""


class TargetSilent(Exception):
    """The target did not answer in time."""


class Proxy:
    """Forwards requests; keeps connections open between them.

    Arguments:
        connect_seconds: how long a connection may take. Default 10, as the load balancer's (AWS:
            "Troubleshoot your Application Load Balancers", HTTP 504).
        idle_seconds: how long a target may be silent. Default 60, as ``idle_timeout`` of ``aws_lb``.
        verify_tls: whether certificates of HTTPS targets are verified. Load balancers do not.
        authority: certificate of a further authority that is trusted, that of this machine. Default: none.
    """

    def __init__(
        self, connect_seconds: float = 10.0, idle_seconds: float = 60.0, *, verify_tls: bool = True,
        authority: Path | None = None,
    ) -> None:
        self._connect = connect_seconds
        self._idle = idle_seconds
        self._verify = verify_tls
        self._authority = authority
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            trust: ssl.SSLContext | bool = bool(self._verify)
            if self._verify and self._authority is not None and self._authority.exists():
                trust = ssl.create_default_context()
                trust.load_verify_locations(self._authority)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=_REUSE_SECONDS, ssl=trust
                ),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect, sock_read=self._idle),
            )
        return self._session

    async def close(self) -> None:
        """Closes every kept connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(
        self, method: str, url: str, headers: HeaderList, body: bytes, seconds: float,
        server_name: str | None = None,
    ) -> HttpResponse:
        """One request with a whole body, and its whole response.

        Arguments:
            method: of the request.
            url: where to, with path and query.
            headers: as the target shall see them.
            body: may be empty.
            seconds: how long the whole may take.
            server_name: the name that an HTTPS target's certificate must have. Default: the host of the URL.

        Raises:
            TargetBroken: the connection failed.
            TargetSilent: no whole answer within ``seconds``.
        """
        import aiohttp
        from yarl import URL

        try:
            async with asyncio.timeout(seconds):
                async with self._open().request(
                    method,
                    URL(url, encoded=True),
                    headers=_decoded(headers),
                    data=body or None,
                    allow_redirects=False,
                    server_hostname=server_name,
                ) as response:
                    content = await response.read()
                    return HttpResponse(response.status, _returned(response.raw_headers), content)
        except TimeoutError as error:
            raise TargetSilent(f"{url} did not answer within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TargetBroken(f"{url}: {error}") from error

    async def forward(
        self,
        scope: asgi.Scope,
        receive: asgi.Receive,
        send: asgi.Send,
        url: str,
        headers: HeaderList,
        extra: HeaderList,
    ) -> int:
        """Streams a request to a target and its response back; gives the status sent.

        Arguments:
            scope: the request.
            receive: the request's body.
            send: takes the response.
            url: where to, with path and query.
            headers: the request's headers as the target shall see them.
            extra: headers added to the response.

        Raises:
            TargetBroken: the connection failed before the response began.
            TargetSilent: the target was silent for the idle time before the response began.
        """
        import aiohttp
        from yarl import URL

        first = await receive()
        if first["type"] == "http.disconnect":
            raise asgi.ClientGone
        data: Any = first.get("body") or None
        if first.get("more_body"):
            data = _body(first, receive)
        begun = False
        try:
            async with self._open().request(
                scope["method"],
                URL(url, encoded=True),
                headers=_decoded(headers),
                data=data,
                allow_redirects=False,
            ) as response:
                await send(
                    {
                        "type": "http.response.start",
                        "status": response.status,
                        "headers": _returned(response.raw_headers) + extra,
                    }
                )
                begun = True
                async for chunk in response.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                return response.status
        except TimeoutError as error:
            if begun:
                raise asgi.ClientGone from error
            raise TargetSilent(f"{url} was silent") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if begun:
                # The head is already with the client; cutting the connection is all that can still tell it.
                raise asgi.ClientGone from error
            raise TargetBroken(f"{url}: {error}") from error

    async def fetch(self, url: str) -> bytes:
        """The document at an address.

        Raises:
            TargetBroken: it cannot be had.
        """
        response = await self.request("GET", url, [], b"", 5.0)
        if response.status != 200:
            raise TargetBroken(f"{url} answered {response.status}")
        return response.body


async def _body(first: MutableMapping[str, Any], receive: asgi.Receive) -> AsyncGenerator[bytes, None]:
    message = first
    while True:
        if message["type"] == "http.disconnect":
            raise asgi.ClientGone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return
        message = await receive()


def _decoded(headers: HeaderList) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in headers]


def _returned(headers: Any) -> HeaderList:
    listed = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    return [
        (name.lower(), value)
        for name, value in headers
        if name.lower() not in _NOT_RETURNED and name.lower() not in listed
    ]


def forwarded_headers(scope: asgi.Scope, *, client_port: bool = False) -> HeaderList:
    """A request's headers as a load balancer sends them on: without those of the hop, with ``X-Forwarded-*``.

    Arguments:
        scope: the request.
        client_port: whether ``X-Forwarded-For`` also names the client's port (attribute
            ``routing.http.xff_client_port.enabled``).
    """
    headers: HeaderList = []
    before = b""
    trace = b""
    listed: set[bytes] = set()
    for name, value in scope["headers"]:
        if name == b"connection":
            listed.update(token.strip().lower() for token in value.split(b","))
        elif name == b"x-forwarded-for":
            before = before + b", " + value if before else value
        elif name == b"x-amzn-trace-id":
            trace = value
        elif name not in (b"x-forwarded-proto", b"x-forwarded-port"):
            headers.append((name, value))
    headers = [pair for pair in headers if pair[0] not in HOP_BY_HOP and pair[0] not in listed]
    client = scope.get("client") or ("127.0.0.1", 0)
    address = f"{client[0]}:{client[1]}".encode() if client_port else str(client[0]).encode()
    headers.append((b"x-forwarded-for", before + b", " + address if before else address))
    headers.append((b"x-forwarded-proto", scope.get("scheme", "http").encode()))
    headers.append((b"x-forwarded-port", str((scope.get("server") or ("", 80))[1]).encode()))
    own = new_trace_id()
    headers.append((b"x-amzn-trace-id", _trace(trace, own)))
    return headers


def _trace(given: bytes, own: str) -> bytes:
    # AWS: "Request tracing for your Application Load Balancer": with a Root the balancer adds Self, else
    # Root.
    if not given:
        return own.encode()
    if b"Root=" in given:
        return b"Self=" + own.removeprefix("Root=").encode() + b";" + given
    return given + b";" + own.encode()


def now_text() -> str:
    """The time as load balancer logs write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
