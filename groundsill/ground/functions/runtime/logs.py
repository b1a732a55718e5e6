"""The function's own log lines: standard output and error and the ``logging`` module, as on Lambda."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from typing import Any

# One log event may hold several lines (a traceback, a multi-line message). Within an event they are parted
# by a carriage return on the pipe, and the supervisor turns it back.
LINE_BREAK = "\r"

_RECORD_FIELDS = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {
    "message",
    "asctime",
    "aws_request_id",
}


class RequestIdFilter(logging.Filter):
    """Gives every record the id of the request that is being handled."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


class _OneEvent(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", LINE_BREAK) + "\n"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": getattr(record, "aws_request_id", ""),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _RECORD_FIELDS)
        if record.exc_info and record.exc_info[0]:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = self.formatException(record.exc_info).splitlines()
        return json.dumps(line, default=str) + "\n"


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record))
        except Exception:  # noqa: BLE001
            self.handleError(record)


def set_up(log_format: str, level: str) -> RequestIdFilter:
    """Makes output appear line by line and gives the root logger Lambda's handler.

    Arguments:
        log_format: ``Text`` or ``JSON`` (``logging_config.log_format`` of the function).
        level: the root level for JSON logs, for example ``INFO``; empty leaves Python's own (warning).
    """
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), "utf-8", "replace", line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), "utf-8", "replace", line_buffering=True)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    logging.Formatter.converter = time.gmtime
    handler = _Handler()
    if log_format.upper() == "JSON":
        handler.setFormatter(_Json())
    else:
        handler.setFormatter(
            _OneEvent(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    ids = RequestIdFilter()
    handler.addFilter(ids)
    root = logging.getLogger()
    root.addHandler(handler)
    if level:
        root.setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))
    return ids


def write_error(error: dict[str, Any], log_format: str) -> None:
    """Writes an error result the way Lambda's runtime does, as one log event."""
    if log_format.upper() == "JSON":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": stamp, "level": "ERROR", **error}) + "\n")
        return
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(line for entry in error["stackTrace"] for line in str(entry).splitlines())
    sys.stdout.write(LINE_BREAK.join(lines).replace("\n", LINE_BREAK) + "\n")
