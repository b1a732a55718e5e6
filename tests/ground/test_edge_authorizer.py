"""JWT authorizers: tokens signed by a real key, checked against a key set that is served."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from groundsill.ground.edge.http_api import EdgeCallbacks
from groundsill.ground.edge.http_api_builder import http_apis
from groundsill.ground.edge.server import serve
from groundsill.ground.functions.results import InvocationResult
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

T = TypeVar("T")
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    return {
        **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())),
        "kid": kid,
        "alg": "RS256",
        "use": "sig",
    }


def token(key: rsa.RSAPrivateKey = KEY, kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "client-1",
        "sub": "user-1",
        "email": "ada@example.com",
        "email_verified": True,
        "cognito:groups": ["admin", "users"],
        "token_use": "id",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(
        claims, key if algorithm.startswith("RS") else "secret" * 8, algorithm, headers={"kid": kid}
    )


class World:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys = [public(KEY, "k1")]
        self.asked = 0
        self.said: list[str] = []
        self.identity = "$request.header.Authorization"

    async def key_server(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"keys": self.keys}).encode()})

    async def invoke(self, name: str, payload: bytes, *, trace_id: str | None = None) -> InvocationResult:
        self.events.append(json.loads(payload))
        return InvocationResult("r", b'{"statusCode": 200}', None, 1.0, None, 1)

    def graph(self) -> ResolvedGraph:
        def resource(type: str, name: str, arguments: dict[str, Any], **attributes: Any) -> ResolvedResource:
            return ResolvedResource(
                f"{type}.{name}", type, name, {"api_id": "api1", **arguments}, attributes, name
            )

        secure = {"authorization_type": "JWT", "authorizer_id": "a1", "target": "integrations/i1"}
        return ResolvedGraph(
            [
                resource(
                    "aws_apigatewayv2_api", "api", {"protocol_type": "HTTP"}, id="api1", execution_arn="arn:x"
                ),
                resource("aws_apigatewayv2_stage", "dev", {"name": "dev"}),
                resource(
                    "aws_apigatewayv2_authorizer",
                    "users",
                    {
                        "authorizer_type": "JWT",
                        "identity_sources": [self.identity],
                        "jwt_configuration": [{"issuer": ISSUER, "audience": ["client-1"]}],
                    },
                    id="a1",
                ),
                resource(
                    "aws_apigatewayv2_integration",
                    "save",
                    {
                        "integration_type": "AWS_PROXY",
                        "integration_uri": "f",
                        "payload_format_version": "2.0",
                    },
                    id="i1",
                ),
                resource("aws_apigatewayv2_route", "save", {"route_key": "POST /save", **secure}),
                resource(
                    "aws_apigatewayv2_route",
                    "admin",
                    {"route_key": "POST /admin", "authorization_scopes": ["api/admin", "api/root"], **secure},
                ),
                resource(
                    "aws_lambda_permission",
                    "save",
                    {
                        "action": "lambda:InvokeFunction",
                        "function_name": "f",
                        "principal": "apigateway.amazonaws.com",
                    },
                ),
            ]
        )

    def run(self, use: Callable[[Ask], Awaitable[T]], jwks: str | None = None) -> T:
        async def main() -> T:
            keys = await serve(self.key_server)
            callbacks = EdgeCallbacks(
                invoke=self.invoke,
                jwks_url_for=lambda issuer: jwks or keys.url + "/jwks.json",
                log=lambda component, line: self.said.append(line),
            )
            (api,), refused = http_apis(self.graph(), callbacks)
            assert not refused
            server = await serve(api)
            try:
                async with aiohttp.ClientSession() as session:
                    return await use(Ask(session, server.url))
            finally:
                await server.stop()
                await keys.stop()
                await api.close()

        return asyncio.run(asyncio.wait_for(main(), 30))


class Ask:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def __call__(self, authorization: str | None, path: str = "/dev/save") -> tuple[int, str, str]:
        headers = {} if authorization is None else {"Authorization": authorization}
        async with self._session.post(self._url + path, headers=headers) as response:
            return (
                response.status,
                response.headers.get("www-authenticate", ""),
                (await response.read()).decode(),
            )


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.requirement("OM-B14")
def test_without_a_token_nobody_passes_and_with_the_right_one_the_claims_reach_the_function(
    world: World,
) -> None:
    async def use(ask: Ask) -> list[Any]:
        return [await ask(None), await ask("Bearer " + token()), await ask(token())]

    none, bearer, bare = world.run(use)
    assert none == (401, "Bearer", '{"message":"Unauthorized"}')
    assert bearer[0] == bare[0] == 200
    claims = world.events[0]["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["email"] == "ada@example.com"
    assert claims["email_verified"] == "true"
    assert claims["cognito:groups"] == "[admin users]"
    assert isinstance(claims["exp"], str)
    assert len(world.events) == 2


NOW = int(time.time())  # when the tests are gathered, which may be long before one runs
A_DAY = 86_400


@pytest.mark.requirement("OM-B14")
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (token(exp=NOW - 1), "the token has expired"),
        (token(exp=None), "the token has no valid time of expiry"),
        (token(nbf=NOW + A_DAY, exp=NOW + 2 * A_DAY), "the token is not yet valid"),
        (token(iat=NOW + A_DAY, exp=NOW + 2 * A_DAY), "the token was issued in the future"),
        (token(aud="someone-else"), "the token does not have a valid audience"),
        (token(aud=None), "the token does not have a valid audience"),
        (token(iss="https://evil.example"), "the token does not have a valid issuer"),
        (token(OTHER_KEY), "the token's signature does not match"),
        (token(OTHER_KEY, kid="k9"), "the token was signed with an unknown key"),
        (token(algorithm="HS256"), "the token uses an unsupported algorithm"),
        (token()[:-6] + "AAAAAA", "the token's signature does not match"),
        ("rubbish", "the token is malformed"),
        ("a.b.c", "the token is malformed"),
    ],
)
def test_a_forged_or_expired_token_is_refused_and_told_why(world: World, bad: str, why: str) -> None:
    status, challenge, body = world.run(lambda ask: ask("Bearer " + bad))
    assert (status, body) == (401, '{"message":"Unauthorized"}')
    assert challenge == f'Bearer scope="" error="invalid_token" error_description="{why}"'
    assert not world.events


def test_an_access_token_is_accepted_by_its_client_id(world: World) -> None:
    assert world.run(lambda ask: ask(token(aud=None, client_id="client-1")))[0] == 200


def test_a_route_with_scopes_needs_one_of_them(world: World) -> None:
    async def use(ask: Ask) -> list[Any]:
        return [await ask(token(), "/dev/admin"), await ask(token(scope="openid api/root"), "/dev/admin")]

    without, with_one = world.run(use)
    assert (without[0], without[2]) == (403, '{"message":"Forbidden"}')
    assert 'error="insufficient_scope"' in without[1]
    assert with_one[0] == 200
    assert world.events[0]["requestContext"]["authorizer"]["jwt"]["scopes"] == ["api/admin", "api/root"]


def test_a_remembered_token_still_expires(world: World) -> None:
    short = token(exp=time.time() + 1.0)

    async def use(ask: Ask) -> int:
        assert (await ask(short))[0] == 200
        deadline = time.monotonic() + 5
        while (await ask(short))[0] == 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        return (await ask(short))[0]

    assert world.run(use) == 401


def test_keys_are_asked_for_once_and_again_when_a_new_key_appears(world: World) -> None:
    async def use(ask: Ask) -> int:
        for number in range(5):
            assert (await ask(token(sub=str(number))))[0] == 200
        assert world.asked == 1
        world.keys.append(public(OTHER_KEY, "k2"))
        deadline = time.monotonic() + 5
        while (await ask(token(OTHER_KEY, kid="k2")))[0] != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        return world.asked

    assert world.run(use) == 2


def test_an_issuer_that_cannot_be_reached_lets_nobody_in(world: World) -> None:
    status, challenge, _ = world.run(lambda ask: ask(token()), jwks="http://127.0.0.1:1/jwks.json")
    assert status == 401
    assert "OIDC discovery endpoint communication error" in challenge
    assert "the authorizer cannot verify tokens" in world.said[0]


def test_a_token_may_come_in_the_query(world: World) -> None:
    world.identity = "$request.querystring.token"
    assert world.run(lambda ask: ask(None, "/dev/save?token=" + token()))[0] == 200
