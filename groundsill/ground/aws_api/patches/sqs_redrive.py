"""Dead-letter redrive ("Using the APIs to configure dead-letter queue redrive", SQS Developer Guide).

A redriven message is a new message: new id, new sending time, no receives. One task runs for a queue at a time;
finished tasks stay listed until the API ends, at most ten a queue.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_A_SECOND = 500
"""Highest MaxNumberOfMessagesPerSecond ("StartMessageMoveTask", SQS API Reference)."""


@dataclass
class MoveTask:
    """One redrive."""

    source_arn: str
    destination_arn: str | None
    rate: int | None
    to_move: int
    handle: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    status: str = "RUNNING"
    moved: int = 0
    failure: str = ""
    work: asyncio.Task[None] | None = None

    def described(self) -> dict[str, Any]:
        """As ``ListMessageMoveTasks`` shows it."""
        result: dict[str, Any] = {
            "Status": self.status, "SourceArn": self.source_arn, "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move, "StartedTimestamp": self.started}
        if self.status == "RUNNING":
            result["TaskHandle"] = self.handle
        if self.destination_arn:
            result["DestinationArn"] = self.destination_arn
        if self.rate:
            result["MaxNumberOfMessagesPerSecond"] = self.rate
        if self.failure:
            result["FailureReason"] = self.failure
        return result


class Redrive:
    """The three redrive calls.

    Arguments:
        module: the emulator's SQS module.
        announce: called when a message was put into a queue.
    """

    def __init__(self, module: Any, announce: Callable[[], None]) -> None:
        self._module = module
        self._announce = announce
        self._tasks: dict[str, list[MoveTask]] = {}

    async def start(self, data: dict[str, Any], _: str) -> dict[str, Any]:
        """StartMessageMoveTask."""
        source_arn = str(data.get("SourceArn") or "")
        source = self._queue(source_arn)
        destination_arn = data.get("DestinationArn")
        if destination_arn:
            self._queue(str(destination_arn))
        rate = data.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= int(rate) <= MOST_A_SECOND:
            raise self._module._Err("InvalidParameterValue", f"Value {rate} for parameter MaxNumberOfMessagesPerSecond "
                                    f"is invalid. Reason: Must be between 1 and {MOST_A_SECOND}, if provided.")
        if not self._is_dead_letter_queue(source_arn):
            raise self._module._Err("InvalidParameterValue",
                                    "Source queue must be configured as a Dead Letter Queue.")
        tasks = self._tasks.setdefault(source_arn, [])
        if any(task.status == "RUNNING" for task in tasks):
            raise self._module._Err("AWS.SimpleQueueService.UnsupportedOperation",
                                    "There is already a task running. Only one active task is allowed for a source "
                                    "queue arn at a given time.")
        task = MoveTask(source_arn, str(destination_arn) if destination_arn else None,
                        int(rate) if rate is not None else None, len(source["messages"]))
        tasks.append(task)
        del tasks[:-10]
        # Messages move as part of this call where no rate is asked, so that they are stored with it.
        if task.rate is None:
            self._move(task, source, task.to_move)
            self._finish(task)
        else:
            task.work = asyncio.create_task(self._move_slowly(task, source))
        return {"TaskHandle": task.handle}

    async def list(self, data: dict[str, Any], _: str) -> dict[str, Any]:
        """ListMessageMoveTasks: newest first, one unless more are asked."""
        source_arn = str(data.get("SourceArn") or "")
        self._queue(source_arn)
        most = min(10, max(1, int(data.get("MaxResults") or 1)))
        return {"Results": [task.described() for task in reversed(self._tasks.get(source_arn, []))][:most]}

    async def cancel(self, data: dict[str, Any], _: str) -> dict[str, Any]:
        """CancelMessageMoveTask: what was moved stays moved."""
        for tasks in self._tasks.values():
            for task in tasks:
                if task.handle == data.get("TaskHandle") and task.status == "RUNNING":
                    task.status = "CANCELLED"
                    if task.work is not None:
                        task.work.cancel()
                    return {"ApproximateNumberOfMessagesMoved": task.moved}
        raise self._module._Err("ResourceNotFoundException", "Task does not exist.", 404)

    def _queue(self, arn: str) -> Any:
        queue = self._module._queue_by_arn(arn)
        if queue is None:
            raise self._module._Err("ResourceNotFoundException",
                                    "The resource that you specified for the SourceArn parameter doesn't exist.", 404)
        return queue

    def _is_dead_letter_queue(self, arn: str) -> bool:
        for _, queue in self._module._queues.all_items():
            policy = queue["attributes"].get("RedrivePolicy")
            if policy and json.loads(policy).get("deadLetterTargetArn") == arn:
                return True
        return False

    async def _move_slowly(self, task: MoveTask, source: Any) -> None:
        while task.status == "RUNNING" and task.moved < task.to_move and source["messages"]:
            self._move(task, source, 1)
            await asyncio.sleep(1 / (task.rate or 1))
        self._finish(task)

    def _finish(self, task: MoveTask) -> None:
        if task.status == "RUNNING":
            task.status = "FAILED" if task.failure else "COMPLETED"

    def _move(self, task: MoveTask, source: Any, most: int) -> None:
        now = time.time()
        kept: list[Any] = []
        for message in source["messages"]:
            if most <= 0 or message.get("visible_at", 0) > now or task.failure:
                kept.append(message)
                continue
            origin = task.destination_arn or message.get("sys", {}).get("DeadLetterQueueSourceArn", "")
            destination = self._module._queue_by_arn(origin)
            if destination is None:
                task.failure = "AWS.SimpleQueueService.NonExistentQueue"
                kept.append(message)
                continue
            system = {name: value for name, value in message.get("sys", {}).items()
                      if name != "DeadLetterQueueSourceArn"}
            destination["messages"].append({
                **message, "id": str(uuid.uuid4()), "receipt_handle": None, "receive_count": 0,
                "first_receive_at": None, "sent_at": now, "enqueued_at": now, "visible_at": now,
                "sys": {**system, "SentTimestamp": str(int(now * 1000))}})
            task.moved += 1
            most -= 1
        source["messages"] = kept
        self._announce()
