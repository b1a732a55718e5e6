"""Services behind the ground's own load balancer: what its clients see while versions change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from groundsill.ground.edge.load_balancer import LoadBalancers
from groundsill.ground.edge.server import serve
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource
from groundsill.ground.services.runner import ServiceRunner
from tests.ground.services_help import GROUP, Place, until, web


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "app")


@contextlib.asynccontextmanager
async def front(place: Place) -> AsyncIterator[str]:
    """A load balancer in front of the place's service; gives its address."""
    forward = {"type": "forward", "target_group_arn": GROUP}
    group = {"name": "api", "target_type": "ip", "deregistration_delay": 30,
             "health_check": [{"path": "/health", "interval": 1, "timeout": 1, "unhealthy_threshold": 3}]}
    balancers = LoadBalancers(ResolvedGraph([
        ResolvedResource("aws_lb.front", "aws_lb", "front", {"name": "front"}, {"arn": "arn:lb"}),
        ResolvedResource("aws_lb_listener.http", "aws_lb_listener", "http", {
            "load_balancer_arn": "arn:lb", "port": 80, "protocol": "HTTP", "default_action": [forward],
        }, {"arn": "arn:http"}),
        ResolvedResource("aws_lb_target_group.api", "aws_lb_target_group", "api", group, {"arn": GROUP}),
    ]))
    server = await serve(balancers.listeners[0])
    place.targets = balancers.groups  # type: ignore[assignment]
    try:
        yield server.url
    finally:
        await balancers.stop()
        await server.stop(0.1)


async def _text(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with session.get(url) as answer:
        return answer.status, await answer.text()


def test_no_request_fails_while_a_saved_file_is_rolled_out(place: Place) -> None:
    place.write(web("one"))
    seen: list[tuple[int, str]] = []

    async def use(runner: ServiceRunner, url: str) -> None:
        await runner.wait_steady(20)
        async with aiohttp.ClientSession() as session:
            async def visit() -> None:
                while True:
                    seen.append(await _text(session, url))

            visitors = [asyncio.ensure_future(visit()) for _ in range(3)]
            await until(lambda: seen)
            place.write(web("two"))
            await place.said("begins: changed: app.py")
            await runner.wait_steady(20)
            assert await _text(session, url) == (200, "two")
            for visitor in visitors:
                visitor.cancel()
            await asyncio.gather(*visitors, return_exceptions=True)

    place.run_behind(front, use, watch=(place.folder,))
    assert {status for status, _ in seen} == {200}
    assert {text for _, text in seen} <= {"one", "two"}


def test_a_request_that_runs_is_answered_by_the_task_that_is_replaced(place: Place) -> None:
    place.write(web("one"))

    async def use(runner: ServiceRunner, url: str) -> None:
        await runner.wait_steady(20)
        async with aiohttp.ClientSession() as session:
            slow = asyncio.ensure_future(_text(session, f"{url}/slow"))
            await place.said("a slow request")
            place.write(web("two"))
            await runner.redeploy("a new version")
            await runner.wait_steady(20)
            assert await _text(session, url) == (200, "two")
            assert not slow.done()
            place.write("", "release")
            assert await slow == (200, "one")

    place.run_behind(front, use)
    # It was drained, and asked to end only then.
    assert not any("did not end within" in message for message in place.messages())


def test_a_crash_is_one_failed_request_and_a_new_task(place: Place) -> None:
    place.write(web("hello"))

    async def use(runner: ServiceRunner, url: str) -> None:
        await runner.wait_steady(20)
        async with aiohttp.ClientSession() as session:
            assert (await _text(session, f"{url}/exit"))[0] == 502
            await until(lambda: len(runner.status()) == 2)
            await runner.wait_steady(20)
            assert await _text(session, url) == (200, "hello")

    place.run_behind(front, use)
