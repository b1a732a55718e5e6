"""`/v1/profile`: profiles and avatars."""

from __future__ import annotations

from typing import Any

from functions.unbuilt import answer


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Every request of the service."""
    return answer("profile")
