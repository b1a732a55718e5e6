"""`GET /health`: whether the service can be reached."""

from __future__ import annotations

import os
from typing import Any

from .unbuilt import Event, respond


def check(event: Event, context: Any = None) -> dict[str, Any]:
    """200 wherever functions run. What stands behind them (tables, cache, queues) is not looked at yet."""
    return respond(200, {"status": "ok", "stage": os.environ.get("STAGE", ""), "checked": ["function"]})
