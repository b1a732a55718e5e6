"""Answers to calls that a caller makes again because the first answer did not reach it.

An SDK gives every call a name of its own and keeps it when it tries again after a broken connection
(``amz-sdk-invocation-id``, ``amz-sdk-request: attempt=2``: "Retry behavior", AWS SDKs and Tools Reference Guide). What was
done the first time must not be done again: the second attempt at making a resource would be told that it exists.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

MOST_KEPT = 512
LARGEST_KEPT = 262_144  # bytes; no answer to a change is larger
_ATTEMPT = re.compile(r"\battempt=(\d+)")
_REFUSED = 400


class Repeats:
    """The last answers to changes, by caller and call."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str], list[Message]] = OrderedDict()

    async def answer(self, caller: str, headers: Mapping[str, str], send: Send) -> bool:
        """Send the answer again where this is a further attempt at a call that has been answered.

        Arguments:
            caller: access key; it must have been checked.
            headers: of the request, names in lower case.
            send: takes the answer.

        Returns:
            Whether it was.
        """
        name = headers.get("amz-sdk-invocation-id", "")
        attempt = _ATTEMPT.search(headers.get("amz-sdk-request", ""))
        kept = self._answers.get((caller, name)) if name and attempt and int(attempt[1]) > 1 else None
        for message in kept or ():
            await send(message)
        return kept is not None

    def keeping(self, caller: str, headers: Mapping[str, str], send: Send) -> Send:
        """Keep what is sent, before it is sent."""
        name = headers.get("amz-sdk-invocation-id", "")
        if not name:
            return send
        messages: list[Message] = []

        async def keep_and_send(message: Message) -> None:
            messages.append(message)
            if message["type"] != "http.response.start" and _whole(messages):
                self._answers[caller, name] = messages
                while len(self._answers) > MOST_KEPT:
                    self._answers.popitem(last=False)
            await send(message)

        return keep_and_send


def _whole(messages: list[Message]) -> bool:
    if len(messages) != 2 or messages[1].get("more_body"):
        return False
    return messages[0]["status"] < _REFUSED and len(messages[1].get("body", b"")) <= LARGEST_KEPT
