"""SQS: long polls that wake at once, deletes that may be repeated, and redrive.

- ``ReceiveMessage`` with a wait: AWS answers as soon as a message arrives. The emulator looked every 100 ms. Here a
  receiver sleeps until something arrives or becomes visible.
- ``DeleteMessage`` of a message that is gone: AWS succeeds ("DeleteMessage", SQS API Reference: deleting again is
  harmless, and an old receipt handle succeeds too). The emulator answered ``ReceiptHandleIsInvalid``, which would
  make every worker that retries a delete fail. A handle that SQS never gave is still refused.
- ``StartMessageMoveTask``, ``ListMessageMoveTasks`` and ``CancelMessageMoveTask`` (dead-letter redrive): the emulator
  has none of them. See ``sqs_redrive.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from typing import Any

from groundsill.ground.aws_api.patches.sqs_redrive import Redrive


class Arrivals:
    """Wakes every waiting receiver when a message may have become available."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._waiting: set[asyncio.Future[None]] = set()
        self.ended = False

    def end(self) -> None:
        """From now on no receiver waits: the system is being stopped."""
        self.ended = True
        self.announce()

    def announce(self) -> None:
        """Something arrived; callable from any thread."""
        if threading.get_ident() == self._thread:
            self._wake()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._loop.call_soon_threadsafe(self._wake)

    async def wait(self, seconds: float) -> None:
        """Return at the next arrival, or after this long."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


def apply(module: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Mend the emulator's SQS module."""
    arrivals = module.groundsill_arrivals = Arrivals(loop)
    _announce_arrivals(module, arrivals)
    handlers = module._HANDLERS
    handlers["ReceiveMessage"] = _receiver(module, arrivals)
    handlers["DeleteMessage"] = _repeatable_delete(module)
    handlers["DeleteMessageBatch"] = _repeatable_batch_delete(module)
    redrive = Redrive(module, arrivals.announce)
    handlers["StartMessageMoveTask"] = redrive.start
    handlers["ListMessageMoveTasks"] = redrive.list
    handlers["CancelMessageMoveTask"] = redrive.cancel


def _announce_arrivals(module: Any, arrivals: Arrivals) -> None:
    wake = module.esm_wake  # set by every part of the emulator that puts a message into a queue
    original = wake.set

    def set_and_announce() -> None:
        original()
        arrivals.announce()

    wake.set = set_and_announce


def _receiver(module: Any, arrivals: Arrivals) -> Any:
    receive_now = module._act_receive_message

    async def receive(data: dict[str, Any], address: str) -> dict[str, Any]:
        queue = module._get_q(data.get("QueueUrl", address))
        asked = data.get("WaitTimeSeconds")
        wait = int(asked if asked is not None else queue["attributes"].get("ReceiveMessageWaitTimeSeconds", "0"))
        if not 0 <= wait <= 20:
            raise module._Err("InvalidParameterValue", f"Value {wait} for parameter WaitTimeSeconds is invalid. "
                              "Reason: Must be >= 0 and <= 20, if provided.")
        deadline = time.time() + wait
        at_once = {**data, "WaitTimeSeconds": 0}
        while True:
            result = await receive_now(at_once, address)
            now = time.time()
            if result or now >= deadline or arrivals.ended:
                return result
            # Sleep until the deadline, or until a hidden or delayed message becomes visible.
            visible = min((message.get("visible_at", deadline) for message in queue["messages"]), default=deadline)
            await arrivals.wait(max(0.001, min(deadline, visible if visible > now else deadline) - now))

    return receive


def _was_ours(handle: str) -> bool:
    try:
        uuid.UUID(handle)
    except ValueError:
        return False
    return True


def _repeatable_delete(module: Any) -> Any:
    delete = module._act_delete_message

    def delete_again(data: dict[str, Any], address: str) -> dict[str, Any]:
        try:
            return delete(data, address)
        except module._Err as error:
            if error.code == "ReceiptHandleIsInvalid" and _was_ours(str(data.get("ReceiptHandle", ""))):
                return {}
            raise

    return delete_again


def _repeatable_batch_delete(module: Any) -> Any:
    delete = module._act_delete_message_batch

    def delete_again(data: dict[str, Any], address: str) -> dict[str, Any]:
        result = delete(data, address)
        handles = {entry.get("Id"): str(entry.get("ReceiptHandle", "")) for entry in data.get("Entries", [])}
        repeated = [entry for entry in result["Failed"]
                    if entry["Code"] == "ReceiptHandleIsInvalid" and _was_ours(handles.get(entry["Id"], ""))]
        return {"Successful": [*result["Successful"], *({"Id": entry["Id"]} for entry in repeated)],
                "Failed": [entry for entry in result["Failed"] if entry not in repeated]}

    return delete_again
