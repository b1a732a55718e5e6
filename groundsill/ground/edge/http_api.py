"""HTTP APIs of API Gateway: one ASGI application an API, compiled once from its resources."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from groundsill.ground.edge import asgi
from groundsill.ground.edge.asgi import (
    AccessLog,
    AccessRecord,
    HeaderList,
    HttpResponse,
    json_message,
)
from groundsill.ground.edge.authorizer import (
    Allowed,
    Fetch,
    JwtAuthorizer,
    KeysUnavailable,
)
from groundsill.ground.edge.cors import Cors
from groundsill.ground.edge.proxy import Proxy
from groundsill.ground.edge.request import EventFacts, GatewayRequest, new_request_id
from groundsill.ground.edge.routes import RouteTable
from groundsill.ground.edge.throttle import TokenBucket
from groundsill.ground.functions.results import InvocationResult

# API Gateway Developer Guide, "Quotas for HTTP APIs": payload size 10 MB; request line and header values
# 10,240 bytes.
BODY_BYTES = 10 * 1024 * 1024
HEADER_BYTES = 10_240

UNAUTHORIZED, FORBIDDEN, NOT_FOUND = "Unauthorized", "Forbidden", "Not Found"
INTERNAL, UNAVAILABLE = "Internal Server Error", "Service Unavailable"
TOO_LARGE, TOO_MANY = "Request Entity Too Large", "Too Many Requests"


class Invoke(Protocol):
    """:meth:`FunctionRunner.invoke`."""

    async def __call__(
        self, name_or_arn: str, payload: bytes, *, trace_id: str | None = None
    ) -> InvocationResult: ...


def _quiet(*_: Any) -> None:
    return


def _own_keys(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/jwks.json"


@dataclass(frozen=True)
class EdgeCallbacks:
    """What the edge needs from the supervisor.

    Arguments:
        invoke: invokes a function by name or ARN.
        jwks_url_for: where an issuer's keys are on this machine. Default: the issuer's own address.
        fetch: gets a document, for an issuer's keys. Default: over HTTP.
        listener_url: local URL of a load balancer's listener by its ARN, or None. Default: none is known.
        access_log: takes one record a request.
        log: takes a component's name and a line, for what a developer must know (a missing permission).
        account_id: twelve digits.
        authority: certificate of this machine's own authority, which targets behind a private link are signed by.
    """

    invoke: Invoke
    jwks_url_for: Callable[[str], str] = _own_keys
    fetch: Fetch | None = None
    listener_url: Callable[[str], str | None] = lambda arn: None
    access_log: AccessLog = _quiet
    log: Callable[[str, str], None] = _quiet
    account_id: str = "000000000000"
    authority: Path | None = None


class Integration(Protocol):
    """What a route leads to."""

    async def __call__(
        self,
        request: GatewayRequest,
        facts: EventFacts,
        parameters: Mapping[str, str],
        allowed: Allowed | None,
        scopes: tuple[str, ...],
    ) -> HttpResponse: ...


@dataclass(frozen=True)
class Route:
    """One route in one stage.

    Arguments:
        facts: what every event of it says.
        integration: what it leads to.
        authorizer: who may pass; None lets everyone.
        scopes: the scopes of which a token needs one.
        bucket: its throttle; None when none is set.
        refusal: why every request gets a 500 (a missing permission); empty when none.
    """

    facts: EventFacts
    integration: Integration
    authorizer: JwtAuthorizer | None = None
    scopes: tuple[str, ...] = ()
    bucket: TokenBucket | None = None
    refusal: str = ""
    scope_set: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scope_set", frozenset(self.scopes))


class HttpApi:
    """One HTTP API as an ASGI application.

    Arguments:
        api_id: the API's id.
        component: the name in the user's definition.
        stages: for each stage its routes.
        cors: the API's cross-origin settings, if it has any.
        callbacks: the supervisor's.
        proxy: its connections to other addresses, which :meth:`close` closes.
    """

    def __init__(
        self,
        api_id: str,
        component: str,
        stages: Mapping[str, RouteTable[Route]],
        cors: Cors | None,
        callbacks: EdgeCallbacks,
        proxy: Proxy,
    ) -> None:
        self.api_id = api_id
        self.component = component
        self._stages = dict(stages)
        self._default = self._stages.pop("$default", None)
        self._cors = cors
        self._callbacks = callbacks
        self._proxy = proxy

    async def close(self) -> None:
        """Closes its connections to other addresses; its server is stopped before."""
        await self._proxy.close()

    @property
    def stage_paths(self) -> dict[str, str]:
        """For each stage, the path below which it is served, e.g. ``{"dev": "/dev", "$default": ""}``."""
        paths = {name: f"/{name}" for name in self._stages}
        return {**paths, "$default": ""} if self._default is not None else paths

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        started = time.perf_counter()
        request_id = new_request_id()
        try:
            response = await self._answer(scope, receive, request_id)
        except asgi.ClientGone:
            return
        except Exception as error:  # noqa: BLE001
            self._callbacks.log(
                self.component, f"{scope['method']} {scope['path']}: {type(error).__name__}: {error}"
            )
            response = json_message(500, INTERNAL)
        response.headers.append((b"apigw-requestid", request_id.encode()))
        if scope["method"] == "HEAD":
            response = HttpResponse(response.status, response.headers, b"")
        await asgi.respond(send, response)
        self._callbacks.access_log(
            AccessRecord(
                self.component,
                scope["method"],
                scope["path"],
                response.status,
                (time.perf_counter() - started) * 1000,
                request_id,
            )
        )

    async def _answer(self, scope: asgi.Scope, receive: asgi.Receive, request_id: str) -> HttpResponse:
        headers: HeaderList = scope["headers"]
        method: str = scope["method"]
        size = len(method) + len(scope["raw_path"]) + len(scope["query_string"])
        origin: bytes | None = None
        asked = False
        for name, value in headers:
            size += len(name) + len(value)
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                asked = True
        if size > HEADER_BYTES:
            return json_message(431, "Request Header Fields Too Large")
        table, path = self._stage(scope["path"])
        match = table.match(method, path) if table is not None else None
        cors = self._cors
        if match is None:
            if cors is not None and method == "OPTIONS" and table is not None:
                return cors.preflight(origin if asked else None)
            return self._with_cors(json_message(404, NOT_FOUND), origin, False)
        route = match.route
        preflight = method == "OPTIONS" and asked
        if route.bucket is not None and not route.bucket.take():
            return self._with_cors(json_message(429, TOO_MANY), origin, preflight)
        try:
            body = await asgi.read_body(receive, headers, BODY_BYTES)
        except asgi.BodyTooLarge:
            return self._with_cors(json_message(413, TOO_LARGE), origin, preflight)
        request = GatewayRequest(scope, body, request_id)
        response = await self._run(route, request, match.parameters)
        return self._with_cors(response, origin, preflight)

    def _stage(self, path: str) -> tuple[RouteTable[Route] | None, str]:
        if self._stages:
            name, separator, rest = path[1:].partition("/")
            table = self._stages.get(name)
            if table is not None:
                return table, "/" + rest if separator else "/"
        return self._default, path

    def _with_cors(self, response: HttpResponse, origin: bytes | None, preflight: bool) -> HttpResponse:
        if self._cors is None:
            return response
        replaced = self._cors.replace(response.headers, origin, preflight=preflight)
        return HttpResponse(response.status, replaced, response.body)

    async def _run(
        self, route: Route, request: GatewayRequest, parameters: Mapping[str, str]
    ) -> HttpResponse:
        allowed: Allowed | None = None
        if route.authorizer is not None:
            token = route.authorizer.token(request.headers, request.joined_query() if request.query else {})
            try:
                verdict = await route.authorizer.check(token, route.scope_set)
            except KeysUnavailable as error:
                self._callbacks.log(self.component, f"the authorizer cannot verify tokens: {error}")
                return _challenge(
                    401,
                    b'Bearer scope="" error="invalid_token" '
                    b'error_description="OIDC discovery endpoint communication error"',
                )
            if not isinstance(verdict, Allowed):
                return _challenge(verdict.status, verdict.challenge)
            allowed = verdict
        if route.refusal:
            self._callbacks.log(self.component, route.refusal)
            return json_message(500, INTERNAL)
        return await route.integration(request, route.facts, parameters, allowed, route.scopes)


def _challenge(status: int, value: bytes) -> HttpResponse:
    response = json_message(status, UNAUTHORIZED if status == 401 else FORBIDDEN)
    response.headers.append((b"www-authenticate", value))
    return response


async def within(coroutine: Any, seconds: float) -> Any:
    """The coroutine's result, or TimeoutError; the coroutine goes on, as a function does on AWS."""
    task: asyncio.Task[Any] = asyncio.ensure_future(coroutine)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        # Its outcome is nobody's any more; without this the loop would complain that it was never read.
        task.add_done_callback(lambda finished: finished.cancelled() or finished.exception())
        raise TimeoutError
    return task.result()
