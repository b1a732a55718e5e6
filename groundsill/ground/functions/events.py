"""Asynchronous invocations: accepted at once, tried again after an error, then handed to a destination.

Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation" (two
retries, one minute before the first and two before the second; throttles for up to six hours, 1 s to 5 min
apart) and "Retaining records of asynchronous invocations" (the record that a destination gets).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from groundsill.ground.functions import results
from groundsill.ground.functions.results import InvocationResult
from groundsill.ground.functions.runner import FunctionRunner, function_name
from groundsill.ground.resolved import ResolvedGraph

_RETRY_SECONDS = (60.0, 120.0)
_THROTTLE_SECONDS = 1.0
_THROTTLE_SECONDS_AT_MOST = 300.0


@dataclass(frozen=True)
class EventSettings:
    """How one function's events are retried (``aws_lambda_function_event_invoke_config``).

    Arguments:
        retries: attempts after the first. Default 2.
        age_seconds: events older than this are given up. Default 21,600 (six hours).
        on_failure: ARN that gets a record of each event given up.
        on_success: ARN that gets a record of each event handled.
        dead_letter: ARN that gets the event itself when it is given up (``dead_letter_config``).
    """

    retries: int = 2
    age_seconds: float = 21_600.0
    on_failure: str = ""
    on_success: str = ""
    dead_letter: str = ""


def event_settings(graph: ResolvedGraph) -> dict[str, EventSettings]:
    """The settings of each function by its name."""
    found: dict[str, EventSettings] = {}
    configurations = {
        function_name(str(resource.arguments.get("function_name"))): resource
        for resource in graph.of_type("aws_lambda_function_event_invoke_config")
    }
    for function in graph.of_type("aws_lambda_function"):
        name = str(function.arguments.get("function_name"))
        dead_letter = str(function.block("dead_letter_config").get("target_arn") or "")
        given = configurations.get(name)
        if given is None:
            found[name] = EventSettings(dead_letter=dead_letter)
            continue
        retries = given.arguments.get("maximum_retry_attempts")
        found[name] = EventSettings(
            retries=2 if retries is None else int(retries),
            age_seconds=float(given.arguments.get("maximum_event_age_in_seconds") or 21_600),
            on_failure=_destination(given.block("destination_config"), "on_failure"),
            on_success=_destination(given.block("destination_config"), "on_success"),
            dead_letter=dead_letter,
        )
    return found


def _destination(configuration: Mapping[str, Any], name: str) -> str:
    entries = cast("list[Mapping[str, Any]]", configuration.get(name) or [])
    return str(entries[0].get("destination") or "") if entries else ""


class EventQueue:
    """Takes events and invokes functions with them in the background.

    Events live in memory: those still waiting when the system stops are lost, and :meth:`stop` says how many.
    Queues keep theirs in the AWS API.

    Arguments:
        runner: runs the functions.
        settings: by the function's name.
        deliver: sends a body to the ARN of a queue, a topic, a function or a bus.
        time_scale: multiplies the waits between attempts. Default 1: as on AWS.

    Example::

        events = EventQueue(runner, event_settings(graph), deliver)
        request_id = events.submit("resize", b'{"key": "a.png"}')
    """

    def __init__(
        self,
        runner: FunctionRunner,
        settings: dict[str, EventSettings],
        deliver: Callable[[str, bytes], Awaitable[None]],
        time_scale: float = 1.0,
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._deliver = deliver
        self._scale = time_scale
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many events are not yet handled or given up."""
        return len(self._tasks)

    def submit(self, name_or_arn: str, payload: bytes) -> str:
        """Accepts an event and gives its request id.

        Raises:
            UnknownFunction: there is no such function.
            RequestTooLarge: the event is above 1 MB.
        """
        settings = self._runner.pool(name_or_arn).settings
        if len(payload) > results.ASYNCHRONOUS_PAYLOAD_BYTES:
            raise results.RequestTooLarge(
                f"{len(payload)} byte payload is too large for the Event invocation type "
                f"(limit {results.ASYNCHRONOUS_PAYLOAD_BYTES} bytes)"
            )
        request_id = str(uuid.uuid4())
        task = asyncio.get_running_loop().create_task(
            self._handle(settings.name, settings.arn, payload, request_id)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return request_id

    async def _handle(self, name: str, arn: str, payload: bytes, request_id: str) -> None:
        settings = self._settings.get(name, EventSettings())
        accepted = time.monotonic()
        attempts = 0
        pause = _THROTTLE_SECONDS
        result: InvocationResult | None = None
        while True:
            try:
                result = await self._runner.invoke(name, payload, request_id=request_id)
            except results.RunnerStopped:
                return
            except results.InvocationRefused:
                wait, pause = pause, min(pause * 2, _THROTTLE_SECONDS_AT_MOST)
            else:
                attempts += 1
                if result.error is None:
                    await self._tell(
                        settings.on_success, arn, "Success", attempts, request_id, payload, result
                    )
                    return
                if attempts > settings.retries:
                    condition = "RetriesExhausted"
                    break
                wait = _RETRY_SECONDS[min(attempts, len(_RETRY_SECONDS)) - 1]
            if time.monotonic() - accepted + wait * self._scale > settings.age_seconds * self._scale:
                condition = "EventAgeExceeded"
                break
            await asyncio.sleep(wait * self._scale)
        await self._tell(settings.on_failure, arn, condition, attempts, request_id, payload, result)
        if settings.dead_letter:
            await self._deliver(settings.dead_letter, payload)

    async def _tell(
        self,
        destination: str,
        arn: str,
        condition: str,
        attempts: int,
        request_id: str,
        payload: bytes,
        result: InvocationResult | None,
    ) -> None:
        if not destination:
            return
        now = time.time()
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            + f".{int(now * 1000) % 1000:03d}Z",
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": _loaded(payload),
        }
        if result is not None:
            record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if result.error is not None:
                record["responseContext"]["functionError"] = "Unhandled"
            record["responsePayload"] = _loaded(result.payload)
        await self._deliver(destination, json.dumps(record).encode())

    async def stop(self) -> int:
        """Gives up what is waiting, and says how many events that were."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)


def _loaded(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
