"""The messages between the supervisor and a worker: a fixed prefix, then two byte strings."""

from __future__ import annotations

import socket
import struct

# Supervisor to worker: length of the metadata (JSON), length of the event.
REQUEST = struct.Struct("!II")
# Worker to supervisor: kind, peak memory in KiB, length of the metadata (JSON, may be empty), length of the
# payload.
RESPONSE = struct.Struct("!cIII")

READY = b"I"
RESULT = b"R"
ERROR = b"E"
FAILED_TO_START = b"F"


class FrameReader:
    """Reads whole requests from a blocking socket.

    Arguments:
        connection: the worker's end of the socket pair.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            chunk = self._connection.recv(max(65536, size - len(self._buffer)))
            if not chunk:
                return False
            self._buffer += chunk
        return True

    def read(self) -> tuple[bytes, bytes] | None:
        """The next metadata and event, or None when the supervisor has closed its end."""
        if not self._fill(REQUEST.size):
            return None
        metadata_length, event_length = REQUEST.unpack_from(self._buffer)
        end = REQUEST.size + metadata_length + event_length
        if not self._fill(end):
            return None
        split = REQUEST.size + metadata_length
        metadata = bytes(self._buffer[REQUEST.size : split])
        event = bytes(self._buffer[split:end])
        del self._buffer[:end]
        return metadata, event


def send_response(
    connection: socket.socket, kind: bytes, peak_kib: int, metadata: bytes = b"", payload: bytes = b""
) -> None:
    """Sends one response as a whole."""
    connection.sendall(RESPONSE.pack(kind, peak_kib, len(metadata), len(payload)) + metadata + payload)
