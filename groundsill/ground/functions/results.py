"""What an invocation gives back, and the refusals that come before a function runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

# AWS Lambda Developer Guide, "Lambda quotas": invocation payload, 6 MB each for request and response when
# synchronous, 1 MB when asynchronous.
SYNCHRONOUS_PAYLOAD_BYTES = 6 * 1024 * 1024
ASYNCHRONOUS_PAYLOAD_BYTES = 1024 * 1024
# What Lambda's runtime reports for a response above the limit counts 6,291,556 bytes: 6 MB and 100 for its
# envelope.
RESPONSE_PAYLOAD_BYTES = 6_291_556


class LogLine(NamedTuple):
    """One log event of a function, as CloudWatch Logs would store it.

    Arguments:
        time_ms: milliseconds since 1970.
        component: the name in the user's definition.
        function: the function's name.
        request_id: the invocation it belongs to; empty while the worker starts.
        stream: the log stream, one a worker.
        message: the text, without the line's end. A traceback is one event with several lines.
    """

    time_ms: int
    component: str
    function: str
    request_id: str
    stream: str
    message: str


@dataclass(frozen=True, slots=True)
class FunctionError:
    """Why an invocation failed: ``type`` is Lambda's ``errorType``, for example ``ValueError`` or
    ``Sandbox.Timedout``; ``message`` its ``errorMessage``."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What one invocation gave.

    Arguments:
        request_id: the invocation's id.
        payload: the JSON that the caller gets: the handler's result, or the error object.
        error: None when the handler returned.
        duration_ms: time in the handler, milliseconds.
        init_ms: time to load the code when this was a cold start, else None.
        max_memory_mb: the worker's peak resident memory so far, megabytes.
        lines: the last log lines of this invocation, at most 256.
    """

    request_id: str
    payload: bytes
    error: FunctionError | None
    duration_ms: float
    init_ms: float | None
    max_memory_mb: int
    lines: tuple[str, ...] = ()

    @property
    def billed_ms(self) -> int:
        """The duration rounded up to a whole millisecond, with the cold start (AWS Lambda pricing since
        August 2025)."""
        total = self.duration_ms + (self.init_ms or 0)
        return int(total) + (total > int(total))

    @property
    def log_tail(self) -> bytes:
        """The last 4 KB of the log, as ``LogType=Tail`` gives them (AWS Lambda API Reference, "Invoke")."""
        return "\n".join(self.lines).encode()[-4096:]


class InvocationRefused(Exception):
    """The invocation was not begun. ``code`` is Lambda's exception name, ``status`` its HTTP status."""

    code = "ServiceException"
    status = 500


class UnknownFunction(InvocationRefused):
    """No function has this name or ARN."""

    code = "ResourceNotFoundException"
    status = 404


class TooManyRequests(InvocationRefused):
    """Every reserved concurrent execution is in use."""

    code = "TooManyRequestsException"
    status = 429


class RequestTooLarge(InvocationRefused):
    """The event is larger than Lambda takes."""

    code = "RequestTooLargeException"
    status = 413


class RunnerStopped(InvocationRefused):
    """The runner is stopping."""

    code = "ServiceException"
    status = 503
