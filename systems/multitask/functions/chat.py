"""`/v1/chat` and the messages of the WebSocket: rooms."""

from __future__ import annotations

from typing import Any

from functions.unbuilt import answer


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Every request of the service, and every message of a connection."""
    return answer("chat")
