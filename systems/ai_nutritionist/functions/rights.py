"""What people may ask of their data: consent, export, deletion."""

from __future__ import annotations

from typing import Any

from .unbuilt import Event, answer


def handle(event: Event, context: Any = None) -> dict[str, Any]:
    """Record consent, export or delete what is known of a person. Not built yet."""
    return answer(event)
