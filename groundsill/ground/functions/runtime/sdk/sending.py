"""A call as one write and one read on a kept connection."""

from __future__ import annotations

import errno
import functools
import http.client
import importlib
import io
import logging
import re
import select
import socket
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from .ordinary import HEADER_NAME, port_of, replace

# An answer in its ordinary form: final, every header on one line, printable.
_ANSWER = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [ -~]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n"
)
# What changes how urllib3 sends a request, and what every call of botocore carries.
_CHANGES_SENDING = frozenset({"host", "accept-encoding", "transfer-encoding", "expect", "connection"})
_ALWAYS_SENT = frozenset({"user-agent", "content-length"})
_BODILESS = frozenset({204, 304})
_IGNORED_WHILE_SENDING = frozenset({errno.EPIPE, errno.EPROTOTYPE, errno.ECONNRESET})
_CHUNK = 65536


class _Connection:
    """A kept connection to a port of this machine."""

    __slots__ = ("_poll", "socket")

    def __init__(self, port: int, options: list[tuple[Any, ...]], connect_seconds: float, read_seconds: float) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), connect_seconds)
        for option in options:
            self.socket.setsockopt(*option)
        self.socket.settimeout(read_seconds)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)

    def usable(self) -> bool:
        """Whether the other side has neither closed it nor said anything that was not asked for."""
        return not self._poll.poll(0)


def place() -> None:
    """Puts it in the place of the session's ``send``."""
    exceptions = importlib.import_module("botocore.exceptions")
    urllib3 = importlib.import_module("urllib3")
    connection_module = importlib.import_module("urllib3.connection")
    refused = importlib.import_module("urllib3.exceptions")
    session_class = importlib.import_module("botocore.httpsession").URLLib3Session
    response_class = importlib.import_module("botocore.awsrequest").AWSResponse
    plain = session_class.send
    pool_log = logging.getLogger("urllib3.connectionpool")

    class Answer(response_class):  # pyright: ignore[reportUntypedBaseClass]
        """A response whose body has been read, as botocore's own has after every call that is no stream."""

        def __init__(self, url: str, status: int, headers: Any, content: bytes) -> None:
            response_class.__init__(self, url, status, headers, None)
            self._content = content
            del self.raw

        def __getattr__(self, name: str) -> Any:
            if name != "raw":
                raise AttributeError(name)
            self.raw = urllib3.HTTPResponse(
                io.BytesIO(), self.headers, self.status_code, preload_content=False, decode_content=False)
            return self.raw

    def headers_of(message: http.client.HTTPMessage) -> Any:
        return urllib3.HTTPHeaderDict(connection_module._normalize_header_values(message))

    def connection_of(session: Any, port: int, seconds: tuple[float, float]) -> tuple[_Connection, deque[_Connection]]:
        if "_groundsill_kept" not in session.__dict__:
            weakref.finalize(session, _close, session.__dict__.setdefault("_groundsill_kept", {}))
        kept: dict[int, deque[_Connection]] = session.__dict__["_groundsill_kept"]
        if port not in kept:
            kept.setdefault(port, deque())
        idle = kept[port]
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was quicker
                break
            if connection.usable():
                return connection, idle
            connection.socket.close()
        return _Connection(port, session._socket_options, *seconds), idle

    def send(self: Any, request: Any) -> Any:
        port = port_of(request.url)
        body = request.body
        seconds = _seconds(self._timeout)
        if (
            not port
            or seconds is None
            or request.method != "POST"
            or request.stream_output
            or not (body is None or isinstance(body, bytes))
            or self._proxy_config._proxies
            or self._get_request_timeout(request) is not None
            or pool_log.isEnabledFor(logging.DEBUG)
        ):
            return plain(self, request)
        head = _head(port, request.headers)
        if head is None:
            return plain(self, request)
        try:
            connection, idle = connection_of(self, port, seconds)
        except OSError:
            return plain(self, request)  # nothing was sent yet: botocore words it
        keep = False
        try:
            try:
                connection.socket.sendall(head + body if body else head)
            except OSError as error:
                # The other side may have answered before it closed the connection.
                if error.errno not in _IGNORED_WHILE_SENDING:
                    raise
            status, headers, content, keep = _answer(connection.socket, headers_of)
        except TimeoutError as error:
            late = refused.ReadTimeoutError(None, "/", f"Read timed out. (read timeout={seconds[1]})")
            late.__cause__ = error
            raise exceptions.ReadTimeoutError(endpoint_url=request.url, error=late) from error
        except (OSError, http.client.HTTPException) as error:
            broken = refused.ProtocolError("Connection aborted.", error)
            raise exceptions.ConnectionClosedError(error=broken, request=request, endpoint_url=request.url) from error
        finally:
            if keep and len(idle) < self._max_pool_connections:
                idle.append(connection)
            else:
                connection.socket.close()
        return Answer(request.url, status, headers, content)

    close = session_class.close

    def close_all(self: Any) -> None:
        _close(self.__dict__.get("_groundsill_kept", {}))
        close(self)

    replace(session_class, "send", send)
    replace(session_class, "close", close_all)


def _close(kept: dict[int, deque[_Connection]]) -> None:
    for idle in list(kept.values()):
        while idle:
            try:
                idle.pop().socket.close()
            except IndexError:
                break


def _seconds(timeout: Any) -> tuple[float, float] | None:
    """Connect and read timeout of a botocore session; None where one of them is not a number."""
    if isinstance(timeout, (int, float)):
        return timeout, timeout
    connect, read = timeout.connect_timeout, timeout.read_timeout
    return (connect, read) if isinstance(connect, (int, float)) and isinstance(read, (int, float)) else None


@functools.lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    """``Name: `` as it is sent; empty where the header is one that changes how a request is sent."""
    if not HEADER_NAME.fullmatch(name) or name.lower() in _CHANGES_SENDING:
        return b""
    return name.encode() + b": "


def _head(port: int, headers: Any) -> bytes | None:
    """Request line and headers, in the order of urllib3; None where botocore must send this one."""
    lines = [b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: identity" % port]
    missing = len(_ALWAYS_SENT)
    for key, value in headers._dict.items():
        name = _name(key._key)
        if not name:
            return None
        missing -= key._lower in _ALWAYS_SENT
        if isinstance(value, str) and value.isascii():
            value = value.encode()
        if not isinstance(value, bytes) or b"\n" in value or b"\r" in value:
            return None
        lines.append(name + value)
    return None if missing else b"\r\n".join(lines) + b"\r\n\r\n"


def _answer(
    connection: socket.socket, headers_of: Callable[[http.client.HTTPMessage], Any]
) -> tuple[int, Any, bytes, bool]:
    """Status, headers and body of an answer, and whether the connection can be kept."""
    received = connection.recv(_CHUNK)
    while b"\r\n\r\n" not in received:
        piece = connection.recv(_CHUNK)
        if not piece:
            break
        received += piece
    found = _ANSWER.match(received)
    if found is not None:
        headers: dict[str, tuple[str, str]] = {}
        lines = found[2].decode("ascii").split("\r\n")
        lines.pop()
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = (name, value.lstrip(" \t"))
        length = headers.get("content-length", ("", ""))[1]
        status = int(found[1])
        if (
            len(headers) == len(lines)  # none was given twice
            and length.isdigit()
            and status not in _BODILESS
            and "transfer-encoding" not in headers
            and "connection" not in headers
        ):
            size = int(length)
            content = received[found.end() :]
            if len(content) < size:
                content = _rest(connection, content, size)
            return status, list(headers.values()), content[:size], len(content) == size
    response = http.client.HTTPResponse(_Received(connection, received), method="POST")  # pyright: ignore[reportArgumentType]
    response.begin()
    content = response.read()
    return response.status, headers_of(response.msg), content, not response.will_close


def _rest(connection: socket.socket, begun: bytes, size: int) -> bytes:
    content = bytearray(begun)
    while len(content) < size:
        piece = connection.recv(max(_CHUNK, size - len(content)))
        if not piece:
            raise http.client.IncompleteRead(bytes(content), size - len(content))
        content += piece
    return bytes(content)


class _Received(io.RawIOBase):
    """What a socket has received and will receive, in the form that :class:`http.client.HTTPResponse` reads."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        super().__init__()
        self._connection = connection
        self._received = received

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._received:
            return self._connection.recv_into(buffer)
        part = self._received[: len(buffer)]
        self._received = self._received[len(part) :]
        buffer[: len(part)] = part
        return len(part)
