"""The door of the AWS API: who may enter, which way a call takes, and what is kept before the answer leaves."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import orjson

from groundsill.ground.aws_api import control
from groundsill.ground.aws_api.authorization import Authorization
from groundsill.ground.aws_api.durability import Durability
from groundsill.ground.aws_api.emulator import Emulator
from groundsill.ground.aws_api.fast_path import FastPath
from groundsill.ground.aws_api.journal import JournalError
from groundsill.ground.aws_api.observer import Observer
from groundsill.ground.aws_api.repeats import Repeats

log = logging.getLogger("groundsill.aws_api")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_READING = ("Get", "List", "Describe", "Head", "BatchGet", "Lookup", "Search", "Select", "Scan", "Query", "Filter",
            "Test", "Simulate", "Validate", "Estimate")
_READ_NAMES_THAT_WRITE = frozenset({"sts", "cognito-identity", "sqs"})
_WITHOUT_POLICIES = frozenset({"s3", "ses", "cognito-idp", "logs", "monitoring", "secretsmanager", "ssm"})
_MAY_WAIT = frozenset({"PutLogEvents", "PutMetricData"})  # frequent, growing, and stored within two seconds
_PEOPLE = ("curl/", "Mozilla/", "Wget/", "HTTPie/")
_ACCOUNT_KEY = 12  # the emulator takes a 12-digit access key as that account's root; AWS has no such key


class Front:
    """The ASGI application of the server."""

    def __init__(self, emulator: Emulator, authorization: Authorization, durability: Durability, observer: Observer,
                 account_id: str, root_secret: str) -> None:
        self._emulator = emulator
        self._authorization = authorization
        self._durability = durability
        self._observer = observer
        self._account = account_id
        self._root_secret = root_secret
        self._fast = FastPath(emulator, authorization, durability, account_id)
        self._repeats = Repeats()
        self._date = (0, b"")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name = raw_name.decode("latin-1")
            # As the emulator does: a repeated field is one comma-joined value (RFC 9110, 5.2).
            headers[name] = f"{headers[name]}, {raw_value.decode('latin-1')}" if name in headers else (
                raw_value.decode("latin-1"))
        body = await _read(receive)
        if body is None:
            return
        path: str = scope["path"]
        if path.startswith("/_"):
            await self._own_path(scope, path, headers, body, send)
            return
        target = headers.get("x-amz-target", "")
        if path == "/" and scope["method"] == "GET" and headers.get("user-agent", "").startswith(_PEOPLE):
            # An SDK that asks this way, unsigned, wants the buckets and is refused; a person wants to know what this is.
            await _respond(send, 200, {"Content-Type": "application/json"}, orjson.dumps(control.WHAT_THIS_IS))
            return
        try:
            if path == "/" and target.startswith(("DynamoDB_20120810.", "AmazonSQS.")) and (
                    await self._short_way(scope, target, headers, body, receive, send, started)):
                return
            await self._full_way(scope, headers, body, receive, send, started)
        except ConnectionAbortedError:
            return
        except JournalError as error:
            log.error("%s", error)
            await _fail(send, f"The ground could not store this: {error}")
        except Exception:
            # A fault of ours or the emulator's: the caller's SDK must be able to read it, and the log must tell why.
            log.exception("a call to %s failed", target or path)
            await _fail(send, "The AWS API of the ground failed; its log says why.")

    async def _short_way(self, scope: Message, target: str, headers: dict[str, str], body: bytes, receive: Receive,
                         send: Send, started: float) -> bool:
        caller = self._authorization.verify("POST", "/", scope["query_string"].decode(), headers, body)
        if caller is None or scope["method"] != "POST":
            return False
        region = headers["authorization"].split("/", 3)[2]
        answered = await self._fast.answer(target, caller, region, headers, body, receive)
        if answered is None:
            return False
        (status, reply_headers, content), resource = answered
        error = "" if status < 400 else _error_code(reply_headers, content)
        request_id = str(uuid.uuid4())
        raw = [(b"content-type", reply_headers.get("Content-Type", "application/x-amz-json-1.0").encode()),
               (b"content-length", b"%d" % len(content)), (b"x-amzn-requestid", request_id.encode()),
               (b"date", self._http_date())]
        raw.extend((name.encode(), reply_headers[name].encode())
                   for name in ("x-amz-crc32", "x-amzn-query-error", "x-amzn-errortype") if name in reply_headers)
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})
        prefix, _, action = target.partition(".")
        self._observer.call("sqs" if prefix == "AmazonSQS" else "dynamodb", action, resource, caller.name, status,
                            error, time.perf_counter() - started)
        return True

    async def _full_way(self, scope: Message, headers: dict[str, str], body: bytes, receive: Receive, send: Send,
                        started: float) -> None:
        emulator = self._emulator
        method, path = scope["method"], scope["path"]
        query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
        parameters = emulator.app._routing_params(method, path, headers, body, query)
        service: str = emulator.router.detect_service(method, path, headers, parameters)
        access_key: str = emulator.router.extract_access_key_id(headers, query)
        refusal = self._refusal(scope, access_key, headers, query, body)
        action = self._action(service, method, path, headers, body, parameters)
        caller = self._authorization.caller_name(access_key)
        if refusal is not None:
            code, message = refusal
            denied = emulator.iam_evaluator.AuthError(code, message)
            refused, reply, content = emulator.app._credential_failure(
                "sesv2" if path.startswith("/v2/email") else service, "", str(uuid.uuid4()), denied, headers)
            await _respond(send, refused, reply, content if isinstance(content, bytes) else content.encode())
            self._observer.call(service, action, "", caller, refused, code, time.perf_counter() - started)
            return
        writes = _writes(service, action, method)
        if writes and self._authorization.is_root(access_key):  # of others, the emulator has yet to check the signature
            if await self._repeats.answer(access_key, headers, send):
                self._observer.call(service, action, "", caller, 200, "", time.perf_counter() - started)
                return
            send = self._repeats.keeping(access_key, headers, send)
        status, error, reply_headers = 0, "", dict[str, str]()

        async def send_when_stored(message: Message) -> None:
            nonlocal status, error, reply_headers
            if message["type"] == "http.response.start":
                status = message["status"]
                reply_headers = {name.decode().lower(): value.decode("latin-1")
                                 for name, value in message["headers"]}
                if writes:
                    self._store(service, action)
            elif status >= 400 and not error:
                error = _error_code(reply_headers, message.get("body", b""))
            await send(message)

        scope = {**scope, "headers": [(name, value) for name, value in scope["headers"]
                                      if name != b"expect"]}
        await emulator.app.app(scope, _replay(body, receive), send_when_stored)
        self._observer.call(service, action, self._resource(service, method, path, headers, body, parameters),
                            caller, status, error, time.perf_counter() - started)

    def _store(self, service: str, action: str) -> None:
        if action in _MAY_WAIT:
            self._durability.unsaved = True
            return
        self._durability.flush(service)
        if service not in _WITHOUT_POLICIES:
            self._authorization.forget()

    def _refusal(self, scope: Message, access_key: str, headers: dict[str, str], query: dict[str, list[str]],
                 body: bytes) -> tuple[str, str] | None:
        """Why these credentials are refused before the emulator sees them; None when it shall judge.

        The emulator takes the keys ``test`` and any 12 digits as an account's root, and does not check the root's
        signature. On AWS such keys do not exist ("InvalidClientTokenId", Common Errors).
        """
        if not access_key:
            return None
        if self._authorization.is_root(access_key):
            if "authorization" not in headers:
                return None if self._root_presigned(scope, headers, query) else _MISMATCH
            return None if self._root_signed(scope, headers, query, body) else _MISMATCH
        if access_key == "test" or (len(access_key) == _ACCOUNT_KEY and access_key.isdigit()):
            return "UnrecognizedClientException", "The security token included in the request is invalid."
        return None

    def _root_signed(self, scope: Message, headers: dict[str, str], query: dict[str, list[str]], body: bytes) -> bool:
        sigv4 = self._emulator.sigv4
        signature = sigv4.parse_header_signature(headers)
        if isinstance(signature, tuple) or sigv4.request_time_failure(signature):
            return False
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        return sigv4.header_signature_failure(signature, self._root_secret, scope["method"], raw_path, query, headers,
                                              body) is None

    def _root_presigned(self, scope: Message, headers: dict[str, str], query: dict[str, list[str]]) -> bool:
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        if "AWSAccessKeyId" in query:  # Signature Version 2, which SDKs still use for some presigned S3 addresses
            evaluator = self._emulator.iam_evaluator
            request = evaluator.SignedRequest(query["AWSAccessKeyId"][0], scope["method"], raw_path, query, headers,
                                              sigv2=True, auth_path=raw_path)
            return not isinstance(evaluator._sigv2_check(request, self._account), evaluator.AuthError)
        sigv4 = self._emulator.sigv4
        signature = sigv4.parse_query_signature(query)
        if isinstance(signature, tuple):
            return False
        return sigv4.header_signature_failure(signature, self._root_secret, scope["method"], raw_path, query, headers,
                                              b"", presigned=True) is None

    def _action(self, service: str, method: str, path: str, headers: dict[str, str], body: bytes,
                parameters: dict[str, Any]) -> str:
        target = headers.get("x-amz-target", "")
        if target:
            return target.rpartition(".")[2]
        named: Any = parameters.get("Action")
        if named:
            return str(named if isinstance(named, str) else named[0])
        action = self._emulator.iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
        return action.partition(":")[2] if action else f"{method} {path}"

    def _resource(self, service: str, method: str, path: str, headers: dict[str, str], body: bytes,
                  parameters: dict[str, Any]) -> str:
        try:
            arn = self._emulator.iam_actions.extract_resource_arn(
                service, method, path, headers, body, parameters, self._emulator.router.extract_region(headers),
                self._account)
        except Exception:  # noqa: BLE001 -- only for the record of calls: a malformed request must not fail here
            return ""
        return "" if arn == "*" else str(arn)

    async def _own_path(self, scope: Message, path: str, headers: dict[str, str], body: bytes, send: Send) -> None:
        if path.startswith("/_groundsill/"):
            query = parse_qs(scope["query_string"].decode("utf-8", "replace"))
            status, content = control.answer(self._emulator, self._durability, self._root_secret, scope["method"],
                                             path, query, headers, body)
        else:
            status, content = 404, {"message": f"{path} is not a path of the AWS API"}
        await _respond(send, status, {"Content-Type": "application/json"}, orjson.dumps(content))

    def _http_date(self) -> bytes:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


_MISMATCH = (
    "SignatureDoesNotMatch",
    ("The request signature we calculated does not match the signature you provided. "
     "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."),
)


def _writes(service: str, action: str, method: str) -> bool:
    """Whether a call may change what its service keeps; when in doubt, yes."""
    if service in _READ_NAMES_THAT_WRITE:
        return True
    if " " in action:
        return method not in ("GET", "HEAD", "OPTIONS")
    return not action.startswith(_READING)


def _error_code(headers: dict[str, str], content: bytes) -> str:
    lowered = {name.lower(): value for name, value in headers.items()}
    if named := lowered.get("x-amzn-errortype"):
        return named.partition(":")[0]
    if content.startswith(b"{"):
        try:
            named = orjson.loads(content).get("__type", "")
        except orjson.JSONDecodeError:
            return ""
        return str(named).rpartition("#")[2]
    _, _, rest = content.partition(b"<Code>")
    return rest.partition(b"</Code>")[0].decode("latin-1")


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when the client went away."""
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, for the emulator; then whatever the client does next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _respond(send: Send, status: int, headers: dict[str, str], content: bytes) -> None:
    raw = [(name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()
           if name.lower() != "content-length"]
    raw.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def _fail(send: Send, message: str) -> None:
    await _respond(send, 500, {"Content-Type": "application/x-amz-json-1.0"},
                   orjson.dumps({"__type": "InternalServerError", "message": message}))


async def housekeeping(durability: Durability, observer: Observer) -> None:
    """Every quarter of a second write the record of calls; every two seconds store what may wait."""
    ticks = 0
    while True:
        await asyncio.sleep(0.25)
        observer.write()
        ticks += 1
        try:
            durability.flush_items()
            if ticks % 8 == 0 and durability.unsaved:
                durability.flush_everything()
        except JournalError as error:
            log.error("%s", error)
        except Exception:
            log.exception("storing in the background failed; it is tried again")
