"""Asynchronous invocations: retries, destinations and dead letters."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from groundsill.ground.functions import results
from groundsill.ground.functions.events import EventQueue, EventSettings, event_settings
from groundsill.ground.functions.runner import FunctionRunner
from groundsill.ground.functions.settings import FunctionSettings
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
COUNTING = (
    "import pathlib\ncount = pathlib.Path(__file__).with_name('count')\ndef handler(event, context):\n"
    "    done = int(count.read_text()) + 1 if count.exists() else 1\n    count.write_text(str(done))\n"
    "    if done <= event['failures']: raise ValueError(f'failure {done}')\n    return done\n"
)


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.delivered: list[tuple[str, Any]] = []
        (folder / "app.py").write_text(COUNTING)

    async def deliver(self, arn: str, body: bytes) -> None:
        self.delivered.append((arn, json.loads(body)))

    def run(self, failures: int, settings: EventSettings, **function: Any) -> None:
        async def main() -> None:
            made = FunctionSettings("f", ARN, "app.handler", self.folder, Path(sys.executable), **function)
            runner = FunctionRunner([made], lambda line: None, preload=False)
            await runner.start()
            events = EventQueue(runner, {"f": settings}, self.deliver, time_scale=0.0005)
            self.request_id = events.submit("f", json.dumps({"failures": failures}).encode())
            deadline = time.monotonic() + 20
            while events.waiting:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            with pytest.raises(results.RequestTooLarge):
                events.submit("f", b"x" * (1024 * 1024 + 1))
            await runner.stop()

        asyncio.run(main())

    @property
    def attempts(self) -> int:
        return int((self.folder / "count").read_text())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_event_is_tried_twice_more_and_its_success_is_told(world: World) -> None:
    world.run(2, EventSettings(on_success="arn:good", on_failure="arn:bad", dead_letter="arn:dead"))
    ((arn, record),) = world.delivered
    assert (arn, world.attempts) == ("arn:good", 3)
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["requestId"] == world.request_id
    assert (record["requestPayload"], record["responsePayload"]) == ({"failures": 2}, 3)


def test_an_event_that_always_fails_goes_to_the_destination_and_the_dead_letter_queue(world: World) -> None:
    world.run(9, EventSettings(on_failure="arn:bad", dead_letter="arn:dead"))
    assert world.attempts == 3
    (bad, record), dead = world.delivered
    assert (bad, dead) == ("arn:bad", ("arn:dead", {"failures": 9}))
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "failure 3"


def test_a_throttled_event_is_kept_until_it_is_too_old(world: World) -> None:
    world.run(0, EventSettings(on_failure="arn:bad", age_seconds=60), concurrency=0)
    ((_, record),) = world.delivered
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0


def test_settings_come_from_the_resources() -> None:
    graph = ResolvedGraph(
        [
            ResolvedResource(
                "aws_lambda_function.f",
                "aws_lambda_function",
                "f",
                {"function_name": "f", "dead_letter_config": [{"target_arn": "arn:dead"}]},
            ),
            ResolvedResource(
                "aws_lambda_function_event_invoke_config.f",
                "aws_lambda_function_event_invoke_config",
                "f",
                {
                    "function_name": ARN,
                    "maximum_retry_attempts": 0,
                    "maximum_event_age_in_seconds": 60,
                    "destination_config": [{"on_failure": [{"destination": "arn:bad"}]}],
                },
            ),
        ]
    )
    assert event_settings(graph) == {"f": EventSettings(0, 60.0, "arn:bad", "", "arn:dead")}
