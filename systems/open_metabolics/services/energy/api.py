"""The container API, behind a load balancer or a VPC link.

GET  /health               200 when it can serve
POST /process              202 with the job; the same request twice is one job
GET  /status/{session_id}  pending, processing, completed or failed, with progress, times and error
"""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

from shared import jobs
from shared.errors import RequestError, from_exception, session_not_found
from shared.fields import flag, own_email, read_json, session_id
from shared.logs import log, log_exception
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .settings import Settings
from .tokens import KeySet, TokenVerifier

# A request names a session; no sample ever comes this way.
MAX_BODY_BYTES = 16 * 1024
# A load balancer keeps idle connections for 60 s (Elastic Load Balancing, "Connection idle timeout"). If the
# service closed them first, a request could meet a closed connection and become a 502.
KEEP_ALIVE_SECONDS = 75
# Below the 30 s after which ECS kills a task that was asked to stop.
GRACEFUL_SECONDS = 20

Work = Callable[[Request, dict[str, Any], dict[str, Any]], tuple[int, dict[str, Any]]]


def create_app(settings: Settings, verifier: TokenVerifier | None = None) -> Starlette:
    """The application.

    Args:
        settings: of the role `api`.
        verifier: of the tokens; made from the settings when it is None.
    """
    tokens = verifier or TokenVerifier(KeySet(settings.jwks_url), settings.issuer, settings.client_id)

    def process(
        _request: Request, claims: dict[str, Any], fields: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        email = own_email(fields, claims)
        return jobs.request_job(settings.tables, session_id(fields), email, force=flag(fields, "force"))

    def status(
        request: Request, claims: dict[str, Any], _fields: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        email = own_email({}, claims)
        session = session_id({"session_id": request.path_params["session_id"]})
        row = jobs.read_row(settings.tables.status, session)
        if row is None or row.get("UserEmail") != email:
            raise session_not_found()
        return 200, jobs.view(row)

    async def health(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/process", _endpoint(process, tokens), methods=["POST"]),
            Route("/status/{session_id}", _endpoint(status, tokens), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_exception},
    )


def _endpoint(work: Work, tokens: TokenVerifier) -> Callable[[Request], Any]:
    """Verify, read, work in a thread (boto3 blocks), answer and log."""

    async def endpoint(request: Request) -> JSONResponse:
        started = time.perf_counter()
        request_id = request.headers.get("x-amzn-trace-id") or str(uuid.uuid4())
        headers = {"cache-control": "no-store", "x-request-id": request_id}
        code = None
        try:
            claims = await run_in_threadpool(tokens.claims, request.headers.get("authorization"))
            fields = read_json(await _body(request)) if request.method == "POST" else {}
            status, body = await run_in_threadpool(work, request, claims, fields)
        except ClientDisconnect:
            raise
        except Exception as error:
            refusal = from_exception(error)
            if refusal.status >= 500 and refusal is not error:
                log_exception("request_failed", error, request_id=request_id)
            status, body, code = refusal.status, refusal.body(), refusal.code
            headers.update(refusal.headers())
            if status == 401:
                headers["www-authenticate"] = "Bearer"
        log(
            "request",
            request_id=request_id,
            # The pattern, not the path: a session id is a person's.
            route=f"{request.method} {request.scope['route'].path}",
            status=status,
            code=code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return JSONResponse(body, status, headers=headers)

    return endpoint


async def _body(request: Request) -> bytes:
    """The body, read no further than its limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            message = f"The body is larger than {MAX_BODY_BYTES} bytes. Samples go to save-raw-sensor-data."
            raise RequestError(413, "body_too_large", message, field="body")
    return bytes(body)


async def _http_exception(_request: Request, error: Exception) -> JSONResponse:
    """Unknown paths and methods in the same form as every other refusal."""
    status = getattr(error, "status_code", 500)
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "refused")
    message = "There are GET /health, POST /process and GET /status/{session_id}."
    headers = getattr(error, "headers", None)
    return JSONResponse(RequestError(status, code, message, field="path").body(), status, headers=headers)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM, then finish the requests at hand; returns the exit code."""
    import uvicorn

    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = uvicorn.Server(config)
    # uvicorn shuts down on these signals and then raises them again for the handlers of before: these.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    log("start", role="api", port=settings.port)
    server.run()
    log("stop", role="api")
    return 0 if server.started else 1
