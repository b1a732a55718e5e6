"""Application load balancers on local ports: rules, targets, health with the declared numbers, failures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from groundsill.ground.edge.asgi import AccessRecord
from groundsill.ground.edge.certificates import authority, certificate_for
from groundsill.ground.edge.load_balancer import LoadBalancers
from groundsill.ground.edge.server import Server, serve
from groundsill.ground.edge.targets import TargetHealth
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

T = TypeVar("T")
FORWARD = {"type": "forward", "target_group_arn": "arn:tg"}


class Target:
    """A service behind the balancer, whose behaviour a test changes as it goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.seen: list[dict[str, Any]] = []
        self.checks: list[float] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.server: Server | None = None

    @property
    def port(self) -> int:
        assert self.server is not None
        return self.server.port

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self.echo(receive, send)
            return
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        if scope["path"] == "/health":
            self.checks.append(time.monotonic())
            await send({"type": "http.response.start", "status": self.status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.hold.wait()
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        seen = {
            "name": self.name,
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": dict(headers),
            "size": len(body),
        }
        self.seen.append(seen)
        if scope["path"] == "/silent":
            await asyncio.sleep(30)
        answer = [(b"content-type", b"application/json"), (b"x-twice", b"1"), (b"x-twice", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})

    async def echo(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await send({"type": "websocket.send", "text": f"{self.name}: {message.get('text')}"})


def resource(type: str, name: str, arguments: dict[str, Any], arn: str) -> ResolvedResource:
    return ResolvedResource(f"{type}.{name}", type, name, arguments, {"arn": arn}, name)


class World:
    """A balancer with one listener and one target group, which tests extend."""

    def __init__(self) -> None:
        self.health = {
            "path": "/health",
            "interval": 60,
            "timeout": 30,
            "healthy_threshold": 2,
            "unhealthy_threshold": 10,
        }
        self.group: dict[str, Any] = {"name": "tg", "port": 80, "target_type": "ip"}
        self.default: list[dict[str, Any]] = [FORWARD]
        self.rules: list[dict[str, Any]] = []
        self.extra: list[ResolvedResource] = []
        self.balancer: dict[str, Any] = {"name": "front", "load_balancer_type": "application"}
        self.time_scale = 0.002
        self.records: list[AccessRecord] = []
        self.changes: list[tuple[str, str]] = []

    def graph(self) -> ResolvedGraph:
        found = [
            resource("aws_lb", "front", self.balancer, "arn:lb"),
            resource(
                "aws_lb_listener",
                "http",
                {
                    "load_balancer_arn": "arn:lb",
                    "port": 80,
                    "protocol": "HTTP",
                    "default_action": self.default,
                },
                "arn:http",
            ),
            resource("aws_lb_target_group", "tg", {**self.group, "health_check": [self.health]}, "arn:tg"),
            *self.extra,
        ]
        for number, rule in enumerate(self.rules):
            name = f"rule{number}"
            found.append(
                resource(
                    "aws_lb_listener_rule",
                    name,
                    {"listener_arn": "arn:http", "priority": number + 1, **rule},
                    name,
                )
            )
        return ResolvedGraph(found)

    def changed(self, component: str, health: TargetHealth) -> None:
        self.changes.append((health.target_id, health.state))

    @contextlib.asynccontextmanager
    async def up(self, *names: str) -> AsyncIterator[Front]:
        balancers = LoadBalancers(
            self.graph(), time_scale=self.time_scale, access_log=self.records.append, on_change=self.changed
        )
        servers: list[Server] = []
        targets = {name: Target(name) for name in names}
        try:
            for listener in balancers.listeners:
                server = await serve(listener)
                servers.append(server)
                balancers.served(listener.arn, server.port)
            for name, target in targets.items():
                target.server = await serve(target)
                servers.append(target.server)
                balancers.groups.register("arn:tg", name, "127.0.0.1", target.port)
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                front = Front(session, balancers, targets, servers[0].url)
                for name in names:
                    await front.becomes(name, "healthy")
                yield front
        finally:
            await balancers.stop()
            for server in servers:
                await server.stop(0.1)

    def run(self, use: Callable[[Front], Awaitable[T]], *names: str) -> T:
        async def main() -> T:
            async with self.up(*names) as front:
                return await use(front)

        return asyncio.run(asyncio.wait_for(main(), 40))


class Front:
    def __init__(
        self, session: aiohttp.ClientSession, balancers: LoadBalancers, targets: dict[str, Target], url: str
    ) -> None:
        self.session, self.balancers, self.targets, self.url = session, balancers, targets, url

    def state(self, name: str) -> TargetHealth:
        return next(health for health in self.balancers.groups.health("arn:tg") if health.target_id == name)

    async def becomes(self, name: str, state: str, seconds: float = 10) -> TargetHealth:
        deadline = time.monotonic() + seconds
        while self.state(name).state != state:
            assert time.monotonic() < deadline, self.state(name)
            await asyncio.sleep(0.002)
        return self.state(name)

    async def ask(self, path: str = "/", method: str = "GET", **more: Any) -> Any:
        async with self.session.request(method, self.url + path, allow_redirects=False, **more) as response:
            body = await response.read()
            kind = response.headers.get("content-type", "")
            return response.status, response.headers, json.loads(body) if "json" in kind else body.decode()


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.requirement("OM-B24")
@pytest.mark.requirement("OM-R46")
def test_a_target_is_unhealthy_after_ten_failures_at_60_s_and_healthy_after_two_successes(
    world: World,
) -> None:
    world.time_scale = 0.005  # 60 s become 0.3 s, and 30 s 0.15 s

    async def use(front: Front) -> None:
        interval = 60 * world.time_scale
        bad, good = front.targets["bad"], front.targets["good"]
        bad.status = 500
        bad.checks.clear()
        health = await front.becomes("bad", "unhealthy")
        assert (health.reason, health.description) == (
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [500]",
        )
        assert len(bad.checks) == 10
        assert bad.checks[-1] - bad.checks[0] >= 8.5 * interval
        for _ in range(4):
            assert (await front.ask("/x"))[2]["name"] == "good"
        bad.status = 200
        bad.checks.clear()
        await front.becomes("bad", "healthy")
        assert len(bad.checks) == 2
        names = {(await front.ask("/x"))[2]["name"] for _ in range(4)}
        assert names == {"bad", "good"}
        assert good.status == 200

    world.run(use, "bad", "good")
    assert world.changes.count(("bad", "unhealthy")) == 1


@pytest.mark.requirement("OM-B15")
def test_a_new_target_gets_no_request_before_its_first_successful_check(world: World) -> None:
    async def use(front: Front) -> None:
        slow = Target("slow")
        slow.status = 503
        slow.server = await serve(slow)
        world.time_scale = 1.0
        front.balancers.groups["arn:tg"]._scale = 1.0
        front.balancers.groups.register("arn:tg", "slow", "127.0.0.1", slow.port)
        assert front.state("slow").reason == "Elb.InitialHealthChecking"
        for _ in range(4):
            assert (await front.ask("/x"))[2]["name"] == "a"
        slow.status = 200
        await front.becomes("slow", "healthy")
        assert {(await front.ask("/x"))[2]["name"] for _ in range(4)} == {"a", "slow"}
        await slow.server.stop()

    world.run(use, "a")


def test_a_target_that_never_answers_becomes_unhealthy_with_the_reason(world: World) -> None:
    async def use(front: Front) -> list[str]:
        async def silent(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(20)

        server = await serve(silent)
        front.balancers.groups.register("arn:tg", "silent", "127.0.0.1", server.port)
        front.balancers.groups.register("arn:tg", "gone", "127.0.0.1", 1)
        found = [(await front.becomes(name, "unhealthy")).reason for name in ("silent", "gone")]
        await server.stop(0)
        return found

    assert world.run(use) == ["Target.Timeout", "Target.FailedHealthChecks"]


def test_requests_are_forwarded_with_the_balancers_headers(world: World) -> None:
    async def use(front: Front) -> Any:
        headers = {"X-Forwarded-For": "9.9.9.9", "Connection": "x-hop", "X-Hop": "1", "X-Kept": "1"}
        return await front.ask("/a%20b?x=1&y=%C3%A9", "POST", data=b"z" * 300_000, headers=headers)

    status, headers, seen = world.run(use, "a")
    assert status == 200
    assert (seen["path"], seen["query"], seen["size"]) == ("/a%20b", "x=1&y=%C3%A9", 300_000)
    assert seen["headers"]["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"
    assert seen["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert seen["headers"]["x-kept"] == "1"
    assert "x-hop" not in seen["headers"]
    assert headers.getall("x-twice") == ["1", "2"]
    assert len(headers.getall("date")) == 1
    assert (world.records[-1].component, world.records[-1].status) == ("front", 200)


def test_a_streamed_body_is_passed_on(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"c" * 50_000
            await asyncio.sleep(0)

    status, _, seen = world.run(lambda front: front.ask("/x", "POST", data=chunks()), "a")
    assert (status, seen["size"]) == (200, 1_000_000)


def test_without_a_target_the_answer_is_503(world: World) -> None:
    status, headers, body = world.run(lambda front: front.ask("/x"))
    assert (status, headers["server"]) == (503, "awselb/2.0")
    assert "503 Service Temporarily Unavailable" in body


def test_when_every_target_is_unhealthy_all_of_them_are_used(world: World) -> None:
    async def use(front: Front) -> set[str]:
        for target in front.targets.values():
            target.status = 500
        for name in front.targets:
            await front.becomes(name, "unhealthy")
        return {(await front.ask("/x"))[2]["name"] for _ in range(6)}

    assert world.run(use, "a", "b") == {"a", "b"}


def test_a_target_that_breaks_the_connection_is_a_502(world: World) -> None:
    async def use(front: Front) -> Any:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        group = front.balancers.groups["arn:tg"]
        group.register("broken", "127.0.0.1", port)
        await front.becomes("broken", "unhealthy")
        answer = await front.ask("/x")
        server.close()
        return answer

    status, _, body = world.run(use)
    assert (status, "502 Bad Gateway" in body) == (502, True)


def test_a_silent_target_is_a_504_at_the_idle_timeout(world: World) -> None:
    world.balancer["idle_timeout"] = 1
    status, _, body = world.run(lambda front: front.ask("/silent"), "a")
    assert (status, "504 Gateway Time-out" in body) == (504, True)


def test_deregistration_waits_for_running_requests_and_sends_no_new_ones(world: World) -> None:
    world.group["deregistration_delay"] = 10_000

    async def use(front: Front) -> list[Any]:
        front.targets["a"].hold.clear()
        front.targets["b"].hold.clear()
        running = [asyncio.ensure_future(front.ask("/x")) for _ in range(2)]
        while sum(target.in_flight for target in front.balancers.groups["arn:tg"]._targets.values()) < 2:
            await asyncio.sleep(0.002)
        leaving = asyncio.ensure_future(front.balancers.groups.deregister("arn:tg", "a"))
        await front.becomes("a", "draining")
        front.targets["b"].hold.set()
        fresh = [(await front.ask("/y"))[2]["name"] for _ in range(3)]
        assert not leaving.done()
        front.targets["a"].hold.set()
        await leaving
        assert [health.target_id for health in front.balancers.groups.health("arn:tg")] == ["b"]
        return [fresh, sorted([(await task)[2]["name"] for task in running])]

    assert world.run(use, "a", "b") == [["b", "b", "b"], ["a", "b"]]


def test_draining_ends_at_the_deregistration_delay(world: World) -> None:
    world.group["deregistration_delay"] = 50  # 0.1 s at this scale

    async def use(front: Front) -> None:
        front.targets["a"].hold.clear()
        running = asyncio.ensure_future(front.ask("/x"))
        while not front.balancers.groups["arn:tg"]._targets["a"].in_flight:
            await asyncio.sleep(0.002)
        await front.balancers.groups.deregister("arn:tg", "a")
        assert not running.done()
        front.targets["a"].hold.set()
        await running

    world.run(use, "a")


def test_a_sticky_client_stays_with_its_target(world: World) -> None:
    world.group["stickiness"] = [{"type": "lb_cookie", "cookie_duration": 60, "enabled": True}]

    async def use(front: Front) -> set[str]:
        _, headers, first = await front.ask("/x")
        cookie = headers.getall("set-cookie")[0].split(";")[0]
        assert cookie.startswith("AWSALB=")
        seen = [(await front.ask("/x", headers={"Cookie": cookie}))[2]["name"] for _ in range(5)]
        return {first["name"], *seen}

    assert len(world.run(use, "a", "b")) == 1


def fixed(text: str, **condition: Any) -> dict[str, Any]:
    response = {"content_type": "text/plain", "message_body": text, "status_code": "200"}
    return {
        "condition": [{name: [value]} for name, value in condition.items()],
        "action": [{"type": "fixed-response", "fixed_response": [response]}],
    }


@pytest.mark.parametrize(
    ("condition", "taken", "not_taken"),
    [
        ({"path_pattern": {"values": ["/img/*", "/a?c"]}}, {"path": "/abc"}, {"path": "/Img/x"}),
        ({"http_request_method": {"values": ["PUT"]}}, {"method": "PUT"}, {"method": "POST"}),
        ({"host_header": {"values": ["*.example.com"]}}, {"headers": {"Host": "API.example.com:80"}}, {}),
        (
            {"http_header": {"http_header_name": "X-Kind", "values": ["mob*"]}},
            {"headers": {"x-kind": "Mobile"}},
            {"headers": {"x-kind": "web"}},
        ),
        ({"query_string": {"key": "v", "value": "2*"}}, {"path": "/?v=25"}, {"path": "/?v=1"}),
        ({"source_ip": {"values": ["127.0.0.0/8"]}}, {}, None),
        ({"source_ip": {"values": ["10.0.0.0/8"]}}, None, {}),
    ],
)
def test_a_rule_takes_the_requests_of_its_condition(
    world: World, condition: dict[str, Any], taken: dict[str, Any] | None, not_taken: dict[str, Any] | None
) -> None:
    world.rules = [fixed("rule", **condition)]
    world.default = [fixed("default")["action"][0]]

    async def use(front: Front) -> list[str]:
        return [(await front.ask(**more))[2] for more in (taken, not_taken) if more is not None]

    expected = [text for text, more in (("rule", taken), ("default", not_taken)) if more is not None]
    assert world.run(use) == expected


def test_rules_are_tried_in_order_of_priority_and_all_conditions_must_hold(world: World) -> None:
    both = fixed("both", path_pattern={"values": ["/x"]}, http_request_method={"values": ["POST"]})
    world.rules = [
        {**fixed("later", path_pattern={"values": ["/x"]}), "priority": 9},
        {**both, "priority": 2},
    ]
    world.default = [fixed("default")["action"][0]]

    async def use(front: Front) -> list[str]:
        return [(await front.ask(*a))[2] for a in (("/x", "POST"), ("/x", "GET"), ("/y", "POST"))]

    assert world.run(use) == ["both", "later", "default"]


def test_weighted_target_groups_share_the_requests(world: World) -> None:
    world.extra = [
        resource("aws_lb_target_group", "tg2", {"name": "tg2", "health_check": [world.health]}, "arn:tg2")
    ]
    choices = [{"arn": "arn:tg", "weight": 0}, {"arn": "arn:tg2", "weight": 5}]
    world.default = [{"type": "forward", "forward": [{"target_group": choices}]}]

    async def use(front: Front) -> set[str]:
        other = Target("other")
        other.server = await serve(other)
        front.balancers.groups.register("arn:tg2", "other", "127.0.0.1", other.port)
        while front.balancers.groups.health("arn:tg2")[0].state != "healthy":
            await asyncio.sleep(0.01)
        names = {(await front.ask("/x"))[2]["name"] for _ in range(5)}
        await other.server.stop()
        return names

    assert world.run(use, "a") == {"other"}


@pytest.mark.requirement("OM-R48")
def test_http_redirects_to_the_local_https_listener_whose_certificate_a_client_can_verify(
    world: World, tmp_path: Path
) -> None:
    redirect = {"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}
    world.default = [{"type": "redirect", "redirect": [redirect]}]
    world.extra = [
        resource(
            "aws_lb_listener",
            "https",
            {
                "load_balancer_arn": "arn:lb",
                "port": 443,
                "protocol": "HTTPS",
                "certificate_arn": "arn:cert",
                "default_action": [FORWARD],
            },
            "arn:https",
        )
    ]

    async def use(front: Front) -> None:
        folder = tmp_path / "tls"
        secure = next(found for found in front.balancers.listeners if found.protocol == "HTTPS")
        server = await serve(secure, certificate=certificate_for(folder, ("api.example.com",)))
        front.balancers.served(secure.arn, server.port)
        status, headers, _ = await front.ask("/x?y=1")
        assert (status, headers["location"]) == (301, f"https://127.0.0.1:{server.port}/x?y=1")
        trusted = ssl.create_default_context(cafile=str(authority(folder)))
        async with front.session.get(headers["location"], ssl=trusted) as response:
            seen = await response.json()
        assert seen["headers"]["x-forwarded-proto"] == "https"
        before = (folder / "api.example.com.pem").read_bytes()
        assert certificate_for(folder, ("api.example.com",))[0] == str(folder / "api.example.com.pem")
        assert (folder / "api.example.com.pem").read_bytes() == before
        assert (folder / "authority.key").stat().st_mode & 0o077 == 0
        await server.stop()

    world.run(use, "a")


def test_a_websocket_passes_through(world: World) -> None:
    async def use(front: Front) -> list[str]:
        async with front.session.ws_connect(front.url + "/ws") as socket:
            await socket.send_str("hello")
            first = await socket.receive_str()
            await socket.send_str("again")
            return [first, await socket.receive_str()]

    assert world.run(use, "a") == ["a: hello", "a: again"]


def test_what_cannot_run_is_listed_with_its_reason(world: World) -> None:
    world.rules = [
        {"condition": [{"path_pattern": [{"values": ["/x"]}]}], "action": [{"type": "authenticate-oidc"}]}
    ]
    world.extra = [
        resource("aws_lb", "net", {"load_balancer_type": "network"}, "arn:nlb"),
        resource("aws_lb_listener", "tcp", {"load_balancer_arn": "arn:nlb", "protocol": "TCP"}, "arn:tcp"),
        resource("aws_lb_target_group", "fn", {"target_type": "lambda"}, "arn:fn"),
    ]
    refused = {refusal.address for refusal in LoadBalancers(world.graph()).refused}
    assert refused == {"aws_lb_listener.http", "aws_lb_listener.tcp", "aws_lb_target_group.fn"}
