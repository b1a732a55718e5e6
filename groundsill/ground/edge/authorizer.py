"""JWT authorizers: real verification against the issuer's published keys.

Source: API Gateway Developer Guide, "Control access to HTTP APIs with JWT authorizers in API Gateway".
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, cast

import orjson

from groundsill.ground.resolved import ResolvedResource

# "The public key of the issuer is cached for two hours" and "only RSA-based algorithms are supported" (same
# page).
KEYS_SECONDS = 2 * 3600
ALGORITHMS = ("RS256", "RS384", "RS512")
# A token with an unknown key id asks the issuer again, but not more often than this.
_ASK_AGAIN_SECONDS = 1.0
_TOKENS_KEPT = 4096

Fetch = Callable[[str], Awaitable[bytes]]


class Allowed(NamedTuple):
    """A verified token: its claims as API Gateway hands them on (JSON text), and its scopes."""

    claims_json: bytes
    scopes: frozenset[str]
    expires: float
    not_before: float


class Denied(NamedTuple):
    """Why a request was refused, in the words of the ``www-authenticate`` header."""

    status: int
    challenge: bytes


class KeysUnavailable(Exception):
    """The issuer's keys could not be had."""


class KeySet:
    """The keys that one issuer publishes.

    Arguments:
        url: where they are.
        fetch: gets the document.
    """

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: dict[str, Any] = {}
        self._asked = 0.0
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Any:
        """The key of this id, or None.

        Raises:
            KeysUnavailable: the issuer did not answer, or not with keys.
        """
        if self._must_ask(kid):
            async with self._lock:
                # Requests that waited for the same answer do not ask again.
                if self._must_ask(kid):
                    await self._refresh()
        return self._keys.get(kid)

    def _must_ask(self, kid: str) -> bool:
        old = time.monotonic() - self._asked
        return (
            self._asked == 0.0 or old > KEYS_SECONDS or (kid not in self._keys and old > _ASK_AGAIN_SECONDS)
        )

    async def _refresh(self) -> None:
        from jwt import PyJWK
        from jwt.exceptions import PyJWTError

        try:
            document = json.loads(await self._fetch(self._url))
            keys: dict[str, Any] = {}
            for entry in document["keys"]:
                try:
                    keys[str(entry["kid"])] = PyJWK(entry).key
                except PyJWTError:
                    continue
        except Exception as error:
            raise KeysUnavailable(f"no keys from {self._url}: {error}") from error
        self._keys = keys
        self._asked = time.monotonic()


class JwtAuthorizer:
    """One ``aws_apigatewayv2_authorizer`` of type JWT.

    Arguments:
        issuer: the ``iss`` that tokens must have.
        audience: one of these must be the token's ``aud``, or its ``client_id`` when it has no ``aud``.
        keys: the issuer's keys.
        identity_source: for example ``$request.header.Authorization``.
        clock: seconds since 1970, for tests.
    """

    def __init__(
        self,
        issuer: str,
        audience: tuple[str, ...],
        keys: KeySet,
        identity_source: str = "$request.header.Authorization",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._keys = keys
        self._clock = clock
        self._verified: dict[bytes, Allowed] = {}
        _, _, place = identity_source.partition("$request.")
        self._place, _, self._field = place.partition(".")

    @classmethod
    def from_resource(
        cls, resource: ResolvedResource, jwks_url_for: Callable[[str], str], fetch: Fetch
    ) -> JwtAuthorizer:
        """Raises ValueError when the authorizer is of a type that HTTP APIs on the ground do not run."""
        if resource.arguments.get("authorizer_type") != "JWT":
            raise ValueError(f"{resource.address}: only JWT authorizers run on the ground")
        configuration = resource.block("jwt_configuration")
        issuer = str(configuration.get("issuer") or "")
        sources = resource.arguments.get("identity_sources") or ["$request.header.Authorization"]
        return cls(
            issuer,
            tuple(str(entry) for entry in configuration.get("audience") or ()),
            KeySet(jwks_url_for(issuer), fetch),
            str(sources[0]),
        )

    def token(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The token of a request; empty when it has none."""
        found = (
            headers.get(self._field.lower(), "") if self._place == "header" else query.get(self._field, "")
        )
        if found[:7].lower() == "bearer ":
            return found[7:].strip()
        return found.strip()

    async def check(self, token: str, scopes: frozenset[str]) -> Allowed | Denied:
        """Whether a token opens a route.

        Arguments:
            token: the token, without ``Bearer``.
            scopes: the route's ``authorization_scopes``; one of them must be in the token.

        Raises:
            KeysUnavailable: the issuer's keys could not be had.
        """
        if not token:
            return Denied(401, b"Bearer")
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=20).digest()
        allowed = self._verified.get(digest)
        if allowed is None:
            verified = await self._verify(token)
            if isinstance(verified, str):
                return _invalid(scopes, verified)
            if len(self._verified) >= _TOKENS_KEPT:
                self._verified.clear()
            allowed = self._verified[digest] = verified
        now = self._clock()
        if allowed.expires <= now:
            return _invalid(scopes, "the token has expired")
        if allowed.not_before > now:
            return _invalid(scopes, "the token is not yet valid")
        if scopes and not scopes & allowed.scopes:
            return Denied(
                403,
                f'Bearer scope="{" ".join(sorted(scopes))}" error="insufficient_scope" '
                'error_description="the token does not have a required scope"'.encode(),
            )
        return allowed

    async def _verify(self, token: str) -> Allowed | str:
        import jwt
        from jwt.exceptions import InvalidSignatureError, PyJWTError

        try:
            head = jwt.get_unverified_header(token)
        except PyJWTError:
            return "the token is malformed"
        if head.get("alg") not in ALGORITHMS:
            return "the token uses an unsupported algorithm"
        key = await self._keys.key(str(head.get("kid", "")))
        if key is None:
            return "the token was signed with an unknown key"
        try:
            # Times are checked on every use, so that a remembered token expires too.
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                    "verify_iss": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except InvalidSignatureError:
            return "the token's signature does not match"
        except PyJWTError:
            return "the token is malformed"
        return self._judge(claims)

    def _judge(self, claims: dict[str, Any]) -> Allowed | str:
        if claims.get("iss") != self._issuer:
            return "the token does not have a valid issuer"
        audience = claims.get("aud", claims.get("client_id"))
        given = (
            {str(entry) for entry in cast("list[Any]", audience)}
            if isinstance(audience, list)
            else {str(audience)}
        )
        if not given & self._audience:
            return "the token does not have a valid audience"
        try:
            expires = float(claims["exp"])
            not_before = float(claims.get("nbf", 0))
            issued = float(claims.get("iat", 0))
        except (KeyError, TypeError, ValueError):
            return "the token has no valid time of expiry"
        if issued > self._clock() + 60:
            return "the token was issued in the future"
        scopes = claims.get("scope", claims.get("scp", ""))
        listed = cast("list[Any]", scopes) if isinstance(scopes, list) else str(scopes).split()
        return Allowed(
            orjson.dumps({name: _as_string(value) for name, value in claims.items()}),
            frozenset(str(scope) for scope in listed),
            expires,
            not_before,
        )


def _invalid(scopes: frozenset[str], description: str) -> Denied:
    challenge = (
        f'Bearer scope="{" ".join(sorted(scopes))}" error="invalid_token" error_description="{description}"'
    )
    return Denied(401, challenge.encode())


def _as_string(value: Any) -> str:
    """A claim as an HTTP API hands it on: a string, lists as ``[a b]``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(_as_string(entry) for entry in cast("list[Any]", value)) + "]"
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)
