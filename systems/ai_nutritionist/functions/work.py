"""Work that nobody waits for, from both queues."""

from __future__ import annotations

from typing import Any

from .unbuilt import Event, answer


def consume(event: Event, context: Any = None) -> dict[str, Any]:
    """Answer messages and make meal plans. Not built yet."""
    return answer(event)
