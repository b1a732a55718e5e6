"""Migrations of the catalog's database."""

from __future__ import annotations

from typing import Any

from functions.unbuilt import refuse


def handle(event: dict[str, Any], context: Any) -> None:
    """Apply what is pending."""
    refuse("migrating")
