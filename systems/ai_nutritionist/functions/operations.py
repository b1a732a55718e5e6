"""What operators are told: alarms passed on to chat and pager, and reports of the day, the week and the month."""

from __future__ import annotations

from typing import Any

from .unbuilt import Event, answer


def forward(event: Event, context: Any = None) -> dict[str, Any]:
    """Pass an alarm on to chat and pager. Not built yet."""
    return answer(event)


def report(event: Event, context: Any = None) -> dict[str, Any]:
    """Send the report that `event["task"]` names. Not built yet."""
    return answer(event)
