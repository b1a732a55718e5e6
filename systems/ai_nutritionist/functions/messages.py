"""Messages of every channel: texts through Twilio or AWS, and the web chat."""

from __future__ import annotations

from typing import Any

from .unbuilt import Event, answer


def handle(event: Event, context: Any = None) -> dict[str, Any]:
    """Take in a message, answer it or put it into a queue. Not built yet."""
    return answer(event)
