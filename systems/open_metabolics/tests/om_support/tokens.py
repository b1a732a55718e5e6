"""An issuer of tokens: keys of our own, served as a pool serves them, so that any token can be made."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Test"
CLIENT_ID = "client-1"


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_token(key: Any, *, kid: str | None = "key-1", algorithm: str = "RS256", **changes: Any) -> str:
    """An ID token; a claim that is changed to None is left out."""
    now = int(time.time())
    claims = {
        "sub": "5f0c",
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "token_use": "id",
        "email": "walker@example.com",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    headers = {"kid": kid} if kid is not None else {}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


class KeyServer:
    """Serves a key set; counts how often it was asked; `keys` may be changed at any time."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.asked = 0
        self.broken = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                body = b"oops" if outer.broken else outer.key_set()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def key_set(self) -> bytes:
        found = []
        for kid, key in self.keys.items():
            entry = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            found.append({**entry, "kid": kid, "use": "sig", "alg": "RS256"})
        return json.dumps({"keys": found}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
