"""What Stripe tells: who has paid, and who has not."""

from __future__ import annotations

from typing import Any

from .unbuilt import Event, answer


def webhook(event: Event, context: Any = None) -> dict[str, Any]:
    """Take in a signed event. Not built yet."""
    return answer(event)
