"""Events: those of the bus, and changes of tables that become events."""

from __future__ import annotations

from typing import Any

from functions.unbuilt import refuse


def consume(event: dict[str, Any], context: Any) -> None:
    """Take events of the bus. They go to the dead letters until this is built."""
    refuse("taking events")


def publish_changes(event: dict[str, Any], context: Any) -> None:
    """Make events of changes of tables."""
    refuse("publishing changes")
