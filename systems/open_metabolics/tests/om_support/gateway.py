"""A small HTTP API before the functions: routes, a JWT authorizer and the size limit, for tests of the
client."""

from __future__ import annotations

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from services.energy.tokens import KeySet, TokenVerifier
from shared.errors import RequestError

from om_support.calls import ROUTES, handler

MAX_BODY = 10_000_000


class Gateway:
    """Serves every route under `/dev`; `calls` counts the requests of each."""

    def __init__(self, issuer: str, jwks_url: str, client_id: str) -> None:
        verifier = TokenVerifier(KeySet(jwks_url), issuer, client_id)
        self.calls: dict[str, int] = dict.fromkeys(ROUTES, 0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A kept connection must not wait for the acknowledgement of the headers.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(length)
                name = self.path.removeprefix("/dev/")
                if name not in ROUTES:
                    return self.answer(404, {"message": "Not Found"})
                if length > MAX_BODY:
                    return self.answer(413, {"message": "Request Entity Too Large"})
                try:
                    claims = verifier.claims(self.headers.get("authorization"))
                except RequestError:
                    return self.answer(401, {"message": "Unauthorized"})
                outer.calls[name] += 1
                event = {
                    "version": "2.0",
                    "routeKey": f"POST /{name}",
                    "rawPath": self.path,
                    "headers": dict(self.headers),
                    "requestContext": {
                        "http": {"method": "POST", "path": self.path},
                        "requestId": str(uuid.uuid4()),
                        "authorizer": {"jwt": {"claims": {key: str(value) for key, value in claims.items()}}},
                    },
                    "body": body.decode(),
                    "isBase64Encoded": False,
                }
                result = handler(name)(event, None)
                return self.answer(result["statusCode"], json.loads(result["body"]), result["headers"])

            def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
                packed = json.dumps(body).encode()
                self.send_response(status)
                for key, value in (headers or {"content-type": "application/json"}).items():
                    self.send_header(key, value)
                self.send_header("content-length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/dev"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
