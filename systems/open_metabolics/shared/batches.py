"""Write and delete many items.

BatchWriteItem is not a transaction: a call may store some of its 25 items and hand back the others. What is
handed back is sent again with growing pauses until the deadline. If even that fails the caller gets a 503 and
sends the same request again; every key is derived from the content, so the repeat replaces the same items and
adds none. Source: DynamoDB API Reference "BatchWriteItem" (25 requests, UnprocessedItems).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from .clients import dynamodb
from .errors import RequestError

SIZE = 25


def put_items(
    table: str,
    items: Iterable[dict[str, Any]],
    *,
    seconds: float = 20.0,
    stored: Callable[[int], None] | None = None,
) -> int:
    """Put every item into `table` and return how many there were.

    Args:
        items: items in the wire form of DynamoDB, with different keys.
        seconds: how long the whole may take before `RequestError` 503 is raised.
        stored: called with the number of items stored so far, after each call.
    """
    return _write(table, ({"PutRequest": {"Item": item}} for item in items), seconds, stored)


def delete_keys(table: str, keys: Iterable[dict[str, Any]], *, seconds: float = 20.0) -> int:
    """Delete the items with these keys and return how many keys there were."""
    return _write(table, ({"DeleteRequest": {"Key": key}} for key in keys), seconds, None)


def _write(
    table: str, requests: Iterable[dict[str, Any]], seconds: float, stored: Callable[[int], None] | None
) -> int:
    deadline = time.monotonic() + seconds
    count = 0
    for group in _groups(iter(requests)):
        if time.monotonic() > deadline:
            raise _unfinished()
        pause = 0.05
        pending = group
        while pending:
            answer = dynamodb().batch_write_item(RequestItems={table: pending})
            pending = answer.get("UnprocessedItems", {}).get(table, [])
            if not pending:
                break
            if time.monotonic() + pause > deadline:
                raise _unfinished()
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2.0, pause * 2)
        count += len(group)
        if stored is not None:
            stored(count)
    return count


def _groups(requests: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(requests, SIZE)):
        yield group


def _unfinished() -> RequestError:
    message = "The store took only part in time. Send the same request again: nothing is stored twice."
    return RequestError(503, "busy", message, retry_after=2)
