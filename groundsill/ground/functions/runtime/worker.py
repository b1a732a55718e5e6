"""One warm worker: loads the handler once, then answers one event after the other."""

from __future__ import annotations

import decimal
import gc
import json
import os
import resource
import socket
import sys
import time
import traceback
from typing import Any

from . import frames, logs, sdk
from .context import LambdaContext
from .loading import HandlerFault, SourceFiles, install_loader, load_handler

_PEAK_UNIT = 1024 if sys.platform == "darwin" else 1
_HERE = os.path.dirname(os.path.abspath(__file__))


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _PEAK_UNIT


def _plain(value: Any) -> Any:
    # Lambda's runtime writes a Decimal as a bare number. The standard library cannot write one with more
    # digits than a double, so those beyond the 17th are lost here.
    if isinstance(value, decimal.Decimal):
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent >= 0:
            return int(value)
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _error(message: str, type_name: str, trace: list[str], request_id: str = "") -> dict[str, Any]:
    return {"errorMessage": message, "errorType": type_name, "requestId": request_id, "stackTrace": trace}


def _from_exception(error: BaseException, request_id: str = "") -> dict[str, Any]:
    entries = list(traceback.extract_tb(error.__traceback__))
    while entries and (
        entries[0].filename.startswith((_HERE, "<frozen importlib")) or "importlib" in entries[0].filename
    ):
        entries.pop(0)
    return _error(str(error), type(error).__name__, traceback.format_list(entries), request_id)


class Worker:
    """Arguments: the socket to the supervisor and what the fork server was told about the function."""

    def __init__(self, connection: socket.socket, told: dict[str, Any]) -> None:
        self._connection = connection
        self._handler_name: str = told["handler"]
        self._code_directory: str = told["code_directory"]
        self._log_format: str = told.get("log_format", "Text")
        self._plain_sdk: bool = told.get("plain_sdk", False)
        self._files = SourceFiles()
        self._ids = logs.set_up(self._log_format, told.get("log_level", ""))
        # Python 3.12 and later write non-ASCII characters as they are, earlier runtimes escape them.
        self._encode = json.JSONEncoder(default=_plain, ensure_ascii=sys.version_info < (3, 12)).encode

    def run(self) -> None:
        """Serves until the supervisor closes its end."""
        started = time.perf_counter()
        handler: Any = None
        failure: dict[str, Any] | None = None
        install_loader(self._code_directory, self._files)
        try:
            handler = load_handler(self._handler_name)
        except HandlerFault as fault:
            failure = _error(fault.message, fault.type, fault.trace)
        except Exception as error:  # noqa: BLE001
            failure = _from_exception(error)
        if failure is not None:
            logs.write_error(failure, self._log_format)
        elif "botocore" in sys.modules and not self._plain_sdk and (note := sdk.install()):
            sys.stdout.write(note + "\n")
        self._files.close()
        self._flush()
        # What the module made at import (clients and their service models) lives as long as the worker: without this
        # every full collection walks through all of it, in the middle of a request.
        gc.freeze()
        reader = frames.FrameReader(self._connection)
        ready = {"init_ms": (time.perf_counter() - started) * 1000, "failed": failure is not None}
        self._send(frames.READY, metadata=ready)
        while True:
            request = reader.read()
            if request is None:
                return
            if failure is not None:
                self._send(frames.FAILED_TO_START, json.dumps(failure).encode())
                return
            self._answer(handler, *request)

    def _flush(self) -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    def _send(self, kind: bytes, payload: bytes = b"", metadata: dict[str, Any] | None = None) -> None:
        news = self._files.news()
        if news:
            metadata = {**(metadata or {}), "files": news}
        encoded = json.dumps(metadata).encode() if metadata else b""
        frames.send_response(self._connection, kind, _peak_kib(), encoded, payload)

    def _answer(self, handler: Any, raw_metadata: bytes, raw_event: bytes) -> None:
        metadata = json.loads(raw_metadata)
        request_id: str = metadata["id"]
        self._ids.request_id = request_id
        trace_id = metadata.get("trace")
        if trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        failure: dict[str, Any] | None = None
        payload = b""
        try:
            context = LambdaContext(
                request_id,
                metadata["deadline"],
                metadata["arn"],
                metadata.get("client"),
                metadata.get("tenant"),
            )
            try:
                event = json.loads(raw_event)
            except ValueError as error:
                raise HandlerFault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
            result = handler(event, context)
            if isinstance(result, bytes):
                payload = result
            else:
                try:
                    payload = self._encode(result).encode()
                except Exception as error:
                    raise HandlerFault(
                        "Runtime.MarshalError", f"Unable to marshal response: {error}"
                    ) from error
        except HandlerFault as fault:
            failure = _error(fault.message, fault.type, fault.trace, request_id)
        except Exception as error:  # noqa: BLE001
            failure = _from_exception(error, request_id)
        if failure is not None:
            logs.write_error(failure, self._log_format)
        self._flush()
        if failure is not None:
            self._send(frames.ERROR, json.dumps(failure).encode())
        else:
            self._send(frames.RESULT, payload)
