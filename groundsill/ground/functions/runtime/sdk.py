"""The AWS SDK for Python with less work for each call: the same bytes are sent and the same answers given.

A function that calls DynamoDB spends most of its time inside botocore, which builds, signs, sends and reads every call
as if it were the first. Three things are done more cheaply here, for calls to this machine alone:

- **send**: a call is one write and one read on a kept connection, instead of two writes through three layers;
- **sign**: a Signature Version 4 is computed in one pass over the headers, and the day's signing key is remembered;
- **remember**: what depends on nothing but its arguments (a part of the user agent, the host of an address) is kept.

Nothing else may change. Each way takes the ordinary form of a call only and leaves every other to botocore: streams,
files, paths, queries, proxies, HTTPS, debug logging. It is put in place only where the source of all that it stands in
for is source that it was compared with (:data:`KNOWN`). With any other botocore or urllib3 the SDK stays as it is, and
the function's log says so. ``GROUNDSILL_PLAIN_SDK=1`` in the environment of ``groundsill up`` leaves it as it is too.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import hmac
import http.client
import importlib
import inspect
import io
import logging
import re
import select
import socket
import types
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

PLAIN = "GROUNDSILL_PLAIN_SDK"
"""The environment variable of ``groundsill up`` that leaves the SDK as it is."""

STANDS_IN_FOR: Mapping[str, tuple[str, ...]] = {
    "send": (
        "botocore.httpsession:URLLib3Session.__init__",
        "botocore.httpsession:URLLib3Session.send",
        "botocore.httpsession:URLLib3Session._get_request_timeout",
        "botocore.httpsession:URLLib3Session._path_url",
        "botocore.awsrequest:AWSConnection.request",
        "botocore.awsrequest:AWSConnection._send_output",
        "botocore.awsrequest:AWSResponse.__init__",
        "botocore.awsrequest:HeadersDict.__init__",
        "botocore.awsrequest:HeadersDict.__setitem__",
        "urllib3.connection:HTTPConnection.request",
        "urllib3.connection:HTTPConnection.putrequest",
        "urllib3.connection:HTTPConnection.putheader",
        "urllib3.connection:HTTPConnection.getresponse",
        "urllib3.connection:_normalize_header_values",
        "urllib3.connectionpool:HTTPConnectionPool._make_request",
    ),
    "sign": (
        "botocore.auth:SigV4Auth.add_auth",
        "botocore.auth:SigV4Auth.canonical_request",
        "botocore.auth:SigV4Auth.canonical_headers",
        "botocore.auth:SigV4Auth.headers_to_sign",
        "botocore.auth:SigV4Auth.signed_headers",
        "botocore.auth:SigV4Auth.payload",
        "botocore.auth:SigV4Auth._should_sha256_sign_payload",
        "botocore.auth:SigV4Auth.string_to_sign",
        "botocore.auth:SigV4Auth.signature",
        "botocore.auth:SigV4Auth.scope",
        "botocore.auth:SigV4Auth._inject_signature_to_request",
        "botocore.auth:SigV4Auth._modify_request_before_signing",
        "botocore.awsrequest:AWSRequestPreparer._prepare_body",
    ),
    "remember": (
        "botocore.auth:_host_from_url",
        "botocore.awsrequest:_urljoin",
        "botocore.useragent:UserAgentComponent.to_string",
        "botocore.useragent:UserAgentComponent._truncate_string",
        "botocore.useragent:sanitize_user_agent_string_component",
    ),
}
"""Each way's functions in other libraries: those that it replaces and those whose work it does or relies on."""

KNOWN: Mapping[str, frozenset[str]] = {
    "send": frozenset({"fdb30dc8212004da"}),
    "sign": frozenset({"4b9a5f4f9fb65028"}),
    "remember": frozenset({"983785e906858a13"}),
}
"""For each way, :func:`digest` of the sources that it was compared with by ``tests/ground/test_functions_sdk.py``."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# An answer in its ordinary form: final, every header on one line, printable.
_ANSWER = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [ -~]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n"
)
# The lists of botocore (auth.SIGNED_HEADERS_BLACKLIST) and of urllib3 (what changes how a request is sent).
_NEVER_SIGNED = frozenset({
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})
_CHANGES_SENDING = frozenset({"host", "accept-encoding", "transfer-encoding", "expect", "connection"})
_ALWAYS_SENT = frozenset({"user-agent", "content-length"})
_BODILESS = frozenset({204, 304})
_IGNORED_WHILE_SENDING = frozenset({errno.EPIPE, errno.EPROTOTYPE, errno.ECONNRESET})
_CHUNK = 65536


@functools.cache
def install() -> str:
    """Puts every way in place that is known to change nothing.

    Returns:
        a sentence for the log that says what was left as it is; empty when nothing was.
    """
    return install_known(KNOWN)


def install_known(known: Mapping[str, frozenset[str]]) -> str:
    """As :func:`install`, with the digests given."""
    left: list[str] = []
    for way, place in _WAYS.items():
        try:
            if digest(way) in known[way]:
                place()
            else:
                left.append(way)
        except (ImportError, AttributeError, TypeError, OSError):
            left.append(way)
    if not left:
        return ""
    return (
        f"The AWS SDK runs without Groundsill's quicker way to {', '.join(left)}: "
        f"botocore {_version('botocore')} with urllib3 {_version('urllib3')} is not one that it was compared with."
    )


def digest(way: str) -> str:
    """A digest of the source of all that a way stands in for, as it is installed here.

    Raises:
        ImportError, AttributeError, OSError: a part of it is missing, or its source is.
    """
    text = hashlib.sha256()
    files: dict[str, list[str]] = {}
    for name in STANDS_IN_FOR[way]:
        module, _, path = name.partition(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        code: types.CodeType = inspect.unwrap(found).__code__
        if code.co_filename not in files:
            with open(code.co_filename, encoding="utf-8") as file:
                files[code.co_filename] = file.read().split("\n")
        text.update(_function(files[code.co_filename], code.co_firstlineno).encode())
    return text.hexdigest()[:16]


def _function(lines: list[str], first: int) -> str:
    """The lines of the function that begins at a line; ``inspect.getsource`` takes ten times as long."""
    end = first
    margin = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    for line in lines[first:]:
        text = line.lstrip()
        if text and len(line) - len(text) <= margin and text[0] not in ")]}":
            break
        end += 1
    return "\n".join(lines[first - 1 : end]).rstrip()


def _version(library: str) -> str:
    try:
        return str(importlib.import_module(library).__version__)
    except (ImportError, AttributeError):
        return "(unknown)"


def _replace(owner: Any, name: str, made: Callable[..., Any]) -> None:
    plain = getattr(owner, name)
    functools.update_wrapper(made, plain)  # what it replaces stays reachable as ``__wrapped__``
    setattr(owner, name, made)


@functools.lru_cache(maxsize=64)
def _port(url: str) -> int:
    """The port of an address of this machine that has neither path nor query; 0 for every other address."""
    found = _ADDRESS.fullmatch(url)
    port = int(found[1]) if found else 0
    # The default port is left out of the Host header.
    return port if port < 65536 and port != http.client.HTTP_PORT else 0


# One write and one read for a call.


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


def _place_send() -> None:
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
        port = _port(request.url)
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

    _replace(session_class, "send", send)
    _replace(session_class, "close", close_all)


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
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _CHANGES_SENDING:
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


# One pass to sign.


@functools.lru_cache(maxsize=64)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Source: IAM User Guide, "Create a signed AWS API request", step "Derive a signing key"."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _place_sign() -> None:
    auth: Any = importlib.import_module("botocore.auth")
    signer = auth.SigV4Auth
    plain = signer.add_auth

    def add_auth(self: Any, request: Any) -> Any:
        data = request.data
        if (
            type(self) is not signer
            or self.credentials is None
            or request.params
            or not isinstance(data, bytes)
            or not _port(request.url)
            or auth.logger.isEnabledFor(logging.DEBUG)
            or not request.context.get("payload_signing_enabled", True)
            or self._is_streaming_checksum_payload(request)
        ):
            return plain(self, request)
        stamp = auth.get_current_datetime().strftime(auth.SIGV4_TIMESTAMP)
        request.context["timestamp"] = stamp
        self._modify_request_before_signing(request)
        signed: dict[str, str] = {}
        for name, value in request.headers._headers:
            lower = name.lower()
            if (
                lower in signed
                or lower == "x-amz-content-sha256"
                or not _HEADER_NAME.fullmatch(name)
                or not isinstance(value, str)
                or not value.isascii()
            ):
                return plain(self, request)  # it begins anew
            if lower not in _NEVER_SIGNED:
                signed[lower] = " ".join(value.split())
        if "host" not in signed:
            signed["host"] = auth._host_from_url(request.url)
        names = sorted(signed)
        joined = ";".join(names)
        lines = "".join([f"{name}:{signed[name]}\n" for name in names])
        canonical = f"{request.method.upper()}\n/\n\n{lines}\n{joined}\n{hashlib.sha256(data).hexdigest()}"
        date, region, service = stamp[:8], self._region_name, self._service_name
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = _signing_key(self.credentials.secret_key, date, region, service)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={joined}, Signature={signature}"
        )
        return None

    _replace(signer, "add_auth", add_auth)


# Remembering what depends on nothing but its arguments.


def _place_remember() -> None:
    agent: Any = importlib.import_module("botocore.useragent")
    auth: Any = importlib.import_module("botocore.auth")
    awsrequest: Any = importlib.import_module("botocore.awsrequest")
    component = agent.UserAgentComponent
    plain = component.to_string

    @functools.lru_cache(maxsize=512)
    def remembered(prefix: str, name: str, value: str | None, size: int, delimiter: str) -> str:
        limit = agent.UserAgentComponentSizeConfig(size, delimiter) if size else None
        return plain(component(prefix, name, value, limit))

    def to_string(self: Any) -> str:
        prefix, name, value, limit = self
        if limit is None:
            return remembered(prefix, name, value, 0, "")
        return remembered(prefix, name, value, limit.max_size_in_bytes, limit.delimiter)

    _replace(component, "to_string", to_string)
    for owner, name in ((auth, "_host_from_url"), (awsrequest, "_urljoin")):
        # ``lru_cache`` names what it remembers as ``__wrapped__``, like every other way.
        setattr(owner, name, functools.lru_cache(maxsize=64)(getattr(owner, name)))


_WAYS: Mapping[str, Callable[[], None]] = {"send": _place_send, "sign": _place_sign, "remember": _place_remember}
