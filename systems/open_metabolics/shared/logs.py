"""One JSON object a line on standard output: no bodies, no tokens, no personal data."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from .errors import aws_code


def log(event: str, **fields: Any) -> None:
    """Write one line; fields that are None are left out."""
    line = {"event": event, **{name: value for name, value in fields.items() if value is not None}}
    sys.stdout.write(json.dumps(line, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def log_exception(event: str, error: BaseException, **fields: Any) -> None:
    """Where an unexpected exception came from. Its text stays out: it may quote what a person sent."""
    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    log(
        event,
        level="error",
        error=type(error).__name__,
        aws_code=aws_code(error),
        aws_operation=getattr(error, "operation_name", None),
        where=frames[-8:],
        **fields,
    )
