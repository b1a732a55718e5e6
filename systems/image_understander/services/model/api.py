"""The model service of ImageUnderstander: what it answers.

Its application code is a later step, so everything but its health is 501.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def health(request: Request) -> Response:
    """Whether the process answers; what it depends on is not looked at yet."""
    return JSONResponse({"status": "ok"})


async def not_built(request: Request) -> Response:
    """Whatever a later step builds."""
    return JSONResponse({"error": "not built yet", "path": request.url.path}, status_code=501)


app = Starlette(routes=[
    Route("/health", health),
    Route("/{path:path}", not_built, methods=METHODS),
])
