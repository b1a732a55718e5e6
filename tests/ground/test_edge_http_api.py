"""HTTP APIs on a local port, as API Gateway would serve them."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from groundsill.ground.edge.asgi import AccessRecord
from groundsill.ground.edge.http_api import EdgeCallbacks
from groundsill.ground.edge.http_api_builder import Refusal, http_apis
from groundsill.ground.edge.server import PortTaken, serve
from groundsill.ground.functions import results
from groundsill.ground.functions.results import FunctionError, InvocationResult
from groundsill.ground.functions.runner import FunctionRunner
from groundsill.ground.functions.settings import FunctionSettings
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

T = TypeVar("T")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
EXECUTION = "arn:aws:execute-api:us-east-1:000000000000:api1"


def resource(type: str, name: str, arguments: dict[str, Any], **attributes: Any) -> ResolvedResource:
    return ResolvedResource(f"{type}.{name}", type, name, arguments, attributes, name)


class Api:
    """One API under test; every route leads to the function ``save`` unless it says otherwise."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.records: list[AccessRecord] = []
        self.said: list[str] = []
        self.answer: Any = {"statusCode": 200, "body": "ok"}
        self.routes: list[tuple[str, dict[str, Any]]] = [("POST /save", {})]
        self.stage: dict[str, Any] = {"name": "dev"}
        self.api: dict[str, Any] = {}
        self.integration: dict[str, Any] = {"payload_format_version": "2.0"}
        self.permission: dict[str, Any] | None = {"source_arn": f"{EXECUTION}/*/*"}
        self.timeout = 25
        self.refused: list[Refusal] = []

    async def invoke(self, name: str, payload: bytes, *, trace_id: str | None = None) -> InvocationResult:
        self.events.append(json.loads(payload))
        answer = self.answer
        if callable(answer):
            answer = await answer()
        if isinstance(answer, FunctionError):
            return InvocationResult("r", b"{}", answer, 1.0, None, 1)
        if isinstance(answer, Exception):
            raise answer
        return InvocationResult("r", json.dumps(answer).encode(), None, 1.0, None, 1)

    def graph(self) -> ResolvedGraph:
        integration = {
            "api_id": "api1",
            "integration_type": "AWS_PROXY",
            "integration_uri": FUNCTION + "save",
            **self.integration,
        }
        found = [
            resource("aws_lambda_function", "save", {"function_name": "save", "timeout": self.timeout}),
            resource(
                "aws_apigatewayv2_api",
                "api",
                {"protocol_type": "HTTP", **self.api},
                id="api1",
                execution_arn=EXECUTION,
            ),
            resource("aws_apigatewayv2_stage", "dev", {"api_id": "api1", **self.stage}),
            resource("aws_apigatewayv2_integration", "save", integration, id="i1"),
        ]
        for number, (key, more) in enumerate(self.routes):
            found.append(
                resource(
                    "aws_apigatewayv2_route",
                    f"r{number}",
                    {"api_id": "api1", "route_key": key, "target": "integrations/i1", **more},
                    id=f"r{number}",
                )
            )
        if self.permission is not None:
            permission = {
                "action": "lambda:InvokeFunction",
                "function_name": "save",
                "principal": "apigateway.amazonaws.com",
                **self.permission,
            }
            found.append(resource("aws_lambda_permission", "save", permission))
        return ResolvedGraph(found)

    def run(self, use: Callable[[Client], Awaitable[T]], callbacks: EdgeCallbacks | None = None) -> T:
        async def main() -> T:
            chosen = callbacks or EdgeCallbacks(
                invoke=self.invoke,
                access_log=self.records.append,
                log=lambda component, line: self.said.append(line),
            )
            (api,), self.refused = http_apis(self.graph(), chosen)
            server = await serve(api)
            try:
                async with aiohttp.ClientSession() as session:
                    return await use(Client(session, server.url))
            finally:
                await server.stop()
                await api.close()

        return asyncio.run(asyncio.wait_for(main(), 30))

    def ask(self, method: str = "POST", path: str = "/dev/save", **more: Any) -> Answer:
        return self.run(lambda client: client.ask(method, path, **more))


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def ask(self, method: str = "POST", path: str = "/dev/save", **more: Any) -> Answer:
        async with self.session.request(method, self.url + path, allow_redirects=False, **more) as response:
            return Answer(response.status, response.headers, await response.read())


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.mark.requirement("OM-R20")
@pytest.mark.requirement("OM-R21")
def test_a_route_below_its_stage_reaches_a_real_function(api: Api, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import json\ndef handler(event, context):\n"
        "    return {'statusCode': 201, 'headers': {'X-Who': 'me'}, 'body': json.dumps(event)}\n"
    )
    settings = FunctionSettings("save", FUNCTION + "save", "app.handler", tmp_path, Path(sys.executable))

    async def use() -> Answer:
        runner = FunctionRunner([settings], lambda line: None, preload=False)
        await runner.start()
        (application,), _ = http_apis(api.graph(), EdgeCallbacks(invoke=runner.invoke))
        server = await serve(application)
        try:
            async with aiohttp.ClientSession() as session:
                return await Client(session, server.url).ask(json={"batch": 1})
        finally:
            await server.stop()
            await runner.stop()

    answer = asyncio.run(use())
    assert answer.status == 201
    assert answer.headers["x-who"] == "me"
    assert len(answer.headers["apigw-requestid"]) == 16
    event = answer.json
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /save", "/dev/save")
    assert json.loads(event["body"]) == {"batch": 1}


def test_an_event_of_format_2_has_every_part(api: Api) -> None:
    api.routes = [("PUT /pets/{id}/{rest+}", {})]
    api.stage["stage_variables"] = {"mode": "x"}
    api.ask(
        "PUT",
        "/dev/pets/a%20b/c/d?x=1&x=2&y=%C3%A9",
        headers=[("X-Many", "1"), ("X-Many", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "me")],
        json={"k": 1},
    )
    (event,) = api.events
    context = event["requestContext"]
    assert event["pathParameters"] == {"id": "a b", "rest": "c/d"}
    assert event["rawQueryString"] == "x=1&x=2&y=%C3%A9"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "é"}
    assert event["headers"]["x-many"] == "1,2"
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["stageVariables"] == {"mode": "x"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": 1}', False)
    assert context["http"]["method"] == "PUT"
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["http"]["userAgent"] == "me"
    assert (context["apiId"], context["stage"], context["accountId"]) == ("api1", "dev", "000000000000")
    assert context["time"].endswith(" +0000")
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")


def test_parts_that_a_request_does_not_have_are_left_out(api: Api) -> None:
    api.routes = [("GET /save", {})]
    api.ask("GET")
    assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & set(
        api.events[0]
    )


def test_an_event_of_format_1_has_multi_values(api: Api) -> None:
    api.integration = {"payload_format_version": "1.0"}
    api.ask(path="/dev/save?x=1&x=2", headers=[("X-Many", "1"), ("X-Many", "2")], data=b"")
    (event,) = api.events
    assert event["version"] == "1.0"
    assert event["multiValueHeaders"]["x-many"] == ["1", "2"]
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["queryStringParameters"] == {"x": "2"}
    assert (event["resource"], event["httpMethod"], event["body"]) == ("/save", "POST", None)


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json", b'{"a": 1}', False),
        ("text/csv; charset=utf-8", b"a,b", False),
        ("application/vnd.api+json", b"{}", False),
        ("application/octet-stream", b"\x00\x01", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("text/plain", b"\xff\xfe", True),
    ],
)
def test_binary_bodies_are_base64_encoded(api: Api, kind: str, body: bytes, encoded: bool) -> None:
    api.ask(data=body, headers={"content-type": kind})
    (event,) = api.events
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_a_result_without_a_status_is_a_json_answer(api: Api) -> None:
    api.answer = {"hello": "world"}
    answer = api.ask()
    assert (answer.status, answer.headers["content-type"], answer.json) == (
        200,
        "application/json",
        {"hello": "world"},
    )


def test_a_full_result_has_status_headers_cookies_and_binary_body(api: Api) -> None:
    api.answer = {
        "statusCode": 202,
        "headers": {"Content-Type": "image/png", "X-Number": 3},
        "cookies": ["a=1; Secure", "b=2"],
        "isBase64Encoded": True,
        "body": base64.b64encode(b"\x89PNG").decode(),
    }
    answer = api.ask()
    assert (answer.status, answer.body, answer.headers["content-type"]) == (202, b"\x89PNG", "image/png")
    assert answer.headers["x-number"] == "3"
    assert answer.headers.getall("set-cookie") == ["a=1; Secure", "b=2"]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "many"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": "x"},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: stolen=1"}},
        {"statusCode": 200, "body": "***", "isBase64Encoded": True},
        {"statusCode": 200, "cookies": "a=1"},
        FunctionError("ValueError", "secret detail"),
        results.UnknownFunction("gone"),
        RuntimeError("bug"),
    ],
)
def test_a_malformed_or_failed_result_is_a_500_that_tells_nothing(api: Api, result: Any) -> None:
    api.answer = result
    answer = api.ask()
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')
    assert "apigw-requestid" in answer.headers
    assert api.said


def test_a_function_without_capacity_is_a_503(api: Api) -> None:
    api.answer = results.TooManyRequests("Rate Exceeded.")
    answer = api.ask()
    assert (answer.status, answer.body) == (503, b'{"message":"Service Unavailable"}')


def test_a_slow_function_is_a_503_at_the_integration_timeout_and_goes_on(api: Api) -> None:
    finished: list[int] = []

    async def slow() -> dict[str, Any]:
        await asyncio.sleep(0.4)
        finished.append(1)
        return {"statusCode": 200}

    api.answer = slow
    api.integration["timeout_milliseconds"] = 100

    async def use(client: Client) -> Answer:
        answer = await client.ask()
        assert not finished
        while not finished:
            await asyncio.sleep(0.01)
        return answer

    answer = api.run(use)
    assert (answer.status, answer.json) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/dev/save"), ("POST", "/save"), ("POST", "/dev/other"), ("POST", "/prod/save"), ("POST", "/")],
)
def test_what_no_route_takes_is_not_found(api: Api, method: str, path: str) -> None:
    answer = api.ask(method, path)
    assert (answer.status, answer.body) == (404, b'{"message":"Not Found"}')


def test_the_default_stage_is_served_at_the_root(api: Api) -> None:
    api.stage["name"] = "$default"
    assert api.ask(path="/save").status == 200
    assert api.events[0]["rawPath"] == "/save"


def test_bodies_above_ten_megabytes_are_refused_with_and_without_a_declared_length(api: Api) -> None:
    async def chunks() -> Any:
        for _ in range(11):
            yield b"x" * 1024 * 1024

    async def use(client: Client) -> list[Any]:
        found = []
        for body in (b"x" * (10 * 1024 * 1024 + 1), chunks()):
            try:
                found.append((await client.ask(data=body)).status)
            except aiohttp.ClientError:
                found.append(413)  # the answer came before the whole body was sent
        return found

    assert api.run(use) == [413, 413]
    assert not api.events


def test_headers_above_ten_kilobytes_are_refused(api: Api) -> None:
    assert api.ask(headers={"x-long": "x" * 8000, "x-longer": "y" * 3000}).status == 431


def test_a_throttled_route_answers_429_when_its_burst_is_used_up(api: Api) -> None:
    api.routes = [("POST /save", {}), ("POST /free", {})]
    api.stage["default_route_settings"] = [{"throttling_burst_limit": 100, "throttling_rate_limit": 100}]
    api.stage["route_settings"] = [
        {"route_key": "POST /save", "throttling_burst_limit": 2, "throttling_rate_limit": 0.001}
    ]

    async def use(client: Client) -> list[Answer]:
        return [await client.ask(path=path) for path in ("/dev/save", "/dev/save", "/dev/save", "/dev/free")]

    answers = api.run(use)
    assert [answer.status for answer in answers] == [200, 200, 429, 200]
    assert answers[2].json == {"message": "Too Many Requests"}


CORS = {
    "cors_configuration": [
        {
            "allow_origins": ["https://app.example.com"],
            "allow_methods": ["POST", "OPTIONS"],
            "allow_headers": ["authorization", "content-type"],
            "expose_headers": ["x-id"],
            "max_age": 300,
        }
    ]
}
ORIGIN = {"Origin": "https://app.example.com"}


def test_a_preflight_is_answered_by_the_gateway(api: Api) -> None:
    api.api = CORS
    answer = api.ask("OPTIONS", headers={**ORIGIN, "Access-Control-Request-Method": "POST"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["access-control-allow-methods"] == "POST,OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert answer.headers["access-control-max-age"] == "300"
    assert not api.events


def test_a_preflight_from_elsewhere_allows_nothing(api: Api) -> None:
    api.api = CORS
    answer = api.ask(
        "OPTIONS", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status == 204
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_the_gateways_cors_headers_replace_those_of_the_function(api: Api) -> None:
    api.api = CORS
    api.answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}, "body": "x"}
    answer = api.ask(headers=ORIGIN)
    assert answer.headers.getall("access-control-allow-origin") == ["https://app.example.com"]
    assert answer.headers["access-control-expose-headers"] == "x-id"


def test_errors_of_the_gateway_carry_cors_headers_too(api: Api) -> None:
    api.api = CORS
    api.answer = FunctionError("E", "e")
    assert api.ask(headers=ORIGIN).headers["access-control-allow-origin"] == "https://app.example.com"


@pytest.mark.requirement("OM-R22")
@pytest.mark.parametrize(
    ("permission", "status"),
    [
        (None, 500),
        ({"source_arn": f"{EXECUTION}/*/POST/save"}, 200),
        ({"source_arn": f"{EXECUTION}/dev/POST/save"}, 200),
        ({"source_arn": f"{EXECUTION}/*/POST/other"}, 500),
        ({"source_arn": f"{EXECUTION}/prod/*"}, 500),
        ({"principal": "events.amazonaws.com"}, 500),
        ({"function_name": "other"}, 500),
        ({}, 200),
    ],
)
def test_a_function_needs_the_permission_that_lets_the_api_invoke_it(
    api: Api, permission: dict[str, Any] | None, status: int
) -> None:
    api.permission = permission
    assert api.ask().status == status
    assert bool(api.events) is (status == 200)
    if status == 500:
        assert "no aws_lambda_permission allows" in api.said[0]


def test_iam_authorization_is_refused_openly(api: Api) -> None:
    api.routes = [("POST /save", {"authorization_type": "AWS_IAM"})]
    assert api.ask().status == 500
    assert any("AWS_IAM" in refusal.reason for refusal in api.refused)


def test_every_request_is_in_the_access_log(api: Api) -> None:
    answer = api.ask()
    (record,) = api.records
    assert (record.component, record.method, record.path, record.status) == ("api", "POST", "/dev/save", 200)
    assert record.request_id == answer.headers["apigw-requestid"]
    assert record.milliseconds > 0


def test_a_taken_port_names_the_port_and_who_holds_it() -> None:
    async def main() -> PortTaken:
        async def nothing(scope: Any, receive: Any, send: Any) -> None: ...

        first = await serve(nothing)
        try:
            with pytest.raises(PortTaken) as caught:
                await serve(nothing, port=first.port)
            assert caught.value.port == first.port
            return caught.value
        finally:
            await first.stop()

    error = asyncio.run(main())
    assert "is taken by" in str(error)
    assert f"(pid {__import__('os').getpid()})" in error.holder


class Target:
    """A small HTTP server that tells what it was asked."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen = {"path": scope["path"], "query": scope["query_string"].decode(), "headers": headers}
        body = json.dumps(seen).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("parameters", "path"), [({}, "/dev/pets/7"), ({"overwrite:path": "$request.path"}, "/pets/7")]
)
def test_a_private_integration_keeps_the_stage_unless_it_is_taken_out(
    api: Api, parameters: dict[str, str], path: str
) -> None:
    api.routes = [("ANY /{proxy+}", {})]
    api.integration = {
        "integration_type": "HTTP_PROXY",
        "integration_uri": "arn:listener",
        "integration_method": "ANY",
        "connection_type": "VPC_LINK",
        "request_parameters": {
            **parameters,
            "append:header.x-stage": "$context.stage",
            "overwrite:header.x-id": "id-${request.path.proxy}",
            "remove:header.x-gone": "''",
            "append:querystring.from": "$request.header.x-from",
        },
    }

    async def main() -> Any:
        target = await serve(Target())
        callbacks = EdgeCallbacks(invoke=api.invoke, listener_url={"arn:listener": target.url}.get)
        (application,), _ = http_apis(api.graph(), callbacks)
        server = await serve(application)
        try:
            async with aiohttp.ClientSession() as session:
                headers = {"x-gone": "1", "x-from": "web"}
                return (await Client(session, server.url).ask("GET", "/dev/pets/7?a=1", headers=headers)).json
        finally:
            await server.stop()
            await application.close()
            await target.stop()

    seen = asyncio.run(main())
    assert (seen["path"], seen["query"]) == (path, "a=1&from=web")
    assert (seen["headers"]["x-stage"], seen["headers"]["x-id"]) == ("dev", "id-pets/7")
    assert "x-gone" not in seen["headers"]
