"""Cross-origin answers of an HTTP API.

Source: API Gateway Developer Guide, "Configure CORS for HTTP APIs in API Gateway". The gateway answers a
preflight that no route takes, and its own headers replace those of the integration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundsill.ground.edge.asgi import HeaderList, HttpResponse


class Cors:
    """Arguments: the ``cors_configuration`` block of ``aws_apigatewayv2_api``."""

    def __init__(self, block: Mapping[str, Any]) -> None:
        self._origins = frozenset(str(origin).lower() for origin in block.get("allow_origins") or ())
        self._schemes = tuple(origin[:-1] for origin in self._origins if origin.endswith("://*"))
        self._any = "*" in self._origins
        self._credentials = bool(block.get("allow_credentials"))
        self._exposed = ",".join(block.get("expose_headers") or ()).encode()
        self._preflight: HeaderList = []
        for name, key in (("methods", "allow_methods"), ("headers", "allow_headers")):
            values = block.get(key) or ()
            if values:
                self._preflight.append((b"access-control-allow-" + name.encode(), ",".join(values).encode()))
        if block.get("max_age"):
            self._preflight.append((b"access-control-max-age", str(int(block["max_age"])).encode()))

    def headers(self, origin: bytes | None, *, preflight: bool = False) -> HeaderList:
        """The headers for a request of this origin; none when the origin is not allowed."""
        if origin is None:
            return []
        lowered = origin.decode("latin-1").lower()
        if self._any and not self._credentials:
            allowed = b"*"
        elif self._any or lowered in self._origins or (self._schemes and lowered.startswith(self._schemes)):
            allowed = origin
        else:
            return []
        found: HeaderList = [(b"access-control-allow-origin", allowed)]
        if allowed != b"*":
            found.append((b"vary", b"origin"))
        if self._credentials:
            found.append((b"access-control-allow-credentials", b"true"))
        if self._exposed:
            found.append((b"access-control-expose-headers", self._exposed))
        return found + self._preflight if preflight else found

    def preflight(self, origin: bytes | None) -> HttpResponse:
        """The gateway's own answer to an ``OPTIONS`` request."""
        return HttpResponse(204, self.headers(origin, preflight=True), b"")

    def replace(self, headers: HeaderList, origin: bytes | None, *, preflight: bool = False) -> HeaderList:
        """Headers of an integration, with its cross-origin headers replaced by the gateway's."""
        kept = [pair for pair in headers if not pair[0].startswith(b"access-control-")]
        return kept + self.headers(origin, preflight=preflight)
