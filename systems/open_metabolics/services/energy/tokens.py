"""Verify the ID tokens of a Cognito user pool.

Source: Amazon Cognito Developer Guide "Verifying JSON web tokens".
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from typing import Any

import jwt
from shared.errors import RequestError
from shared.logs import log_exception

# Cognito rotates its keys rarely; an unknown key id asks again, but not more often than this.
REFETCH_SECONDS = 10.0
FETCH_TIMEOUT = 5.0


class KeySet:
    """The public keys of a pool by key id, fetched on first use and again when a token names an unknown
    one."""

    def __init__(self, url: str, *, refetch_seconds: float = REFETCH_SECONDS) -> None:
        self._url = url
        self._refetch_seconds = refetch_seconds
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._lock = threading.Lock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None when the pool has none of this id; raises `RequestError` 503 if the pool is
        silent."""
        key = self._keys.get(key_id)
        if key is not None:
            return key
        with self._lock:
            now = time.monotonic()
            if self._fetched_at is None or now - self._fetched_at >= self._refetch_seconds:
                self._keys = self._fetch()
                self._fetched_at = now
            return self._keys.get(key_id)

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        try:
            with urllib.request.urlopen(self._url, timeout=FETCH_TIMEOUT) as answer:
                keys = json.loads(answer.read(1_000_000))["keys"]
            return {key["kid"]: jwt.PyJWK(key) for key in keys if key.get("kty") == "RSA"}
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            log_exception("key_set_unreachable", error)
            message = "Tokens cannot be verified at the moment. Send the same request again."
            raise RequestError(503, "unavailable", message, retry_after=5) from None


class TokenVerifier:
    """Turn the `Authorization` header into verified claims.

    Args:
        keys: the pool's keys.
        issuer: `https://cognito-idp.<region>.amazonaws.com/<pool id>`.
        client_id: of the app; the token must have been made for it.
    """

    def __init__(self, keys: KeySet, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id

    def claims(self, authorization: str | None) -> dict[str, Any]:
        """The claims of a valid ID token; raises `RequestError` 401 that says what is wrong with it."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _refused("token_missing", "Send the ID token: `Authorization: Bearer <id token>`.")
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            # The algorithm is ours to choose, never the token's.
            if header.get("alg") != "RS256" or not isinstance(key_id, str):
                raise jwt.InvalidTokenError
            key = self._keys.find(key_id)
            if key is None:
                raise jwt.InvalidTokenError
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._client_id,
                options={"require": ["exp", "iss", "aud", "sub"]},
                # Seconds: the clocks of two machines never agree exactly.
                leeway=5,
            )
        except jwt.ExpiredSignatureError:
            raise _refused("token_expired", "The token has expired. Refresh it or sign in again.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _refused("token_invalid", "The token is not a valid ID token of this user pool.") from None
        if claims.get("token_use") != "id":
            raise _refused(
                "token_invalid", "This is not an ID token. Send the ID token, not the access token."
            )
        return claims


def _refused(code: str, message: str) -> RequestError:
    return RequestError(401, code, message, field="authorization")
