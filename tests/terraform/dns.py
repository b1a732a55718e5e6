"""A DNS resolver on this machine that knows what a test says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NS, _CNAME = 2, 5


class Resolver:
    """Knows the name servers of every domain, and names that stand for others."""

    def __init__(self) -> None:
        self.servers: list[str] = []
        self.aliases: dict[str, str] = {}
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.line.getsockname()[1]}"

    def answer(self) -> None:
        while True:
            try:
                question, who = self.line.recvfrom(512)
                self.line.sendto(self._answer(question), who)
            except OSError:  # closed
                return

    def _answer(self, question: bytes) -> bytes:
        name, kind = _asked(question[12:])
        found = self.servers if kind == _NS else [self.aliases[name]] if name in self.aliases else []
        records = b""
        for value in found:
            data = b"".join(bytes([len(part)]) + part.encode() for part in value.rstrip(".").split(".")) + b"\0"
            records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        code = 0x8180 if found else 0x8183  # NXDOMAIN
        return question[:2] + struct.pack(">HHHHH", code, 1, len(found), 0, 0) + question[12:] + records


def _asked(question: bytes) -> tuple[str, int]:
    parts: list[str] = []
    place = 0
    while question[place]:
        length = question[place]
        parts.append(question[place + 1:place + 1 + length].decode())
        place += 1 + length
    return ".".join(parts) + ".", struct.unpack(">H", question[place + 1:place + 3])[0]


@contextmanager
def resolver() -> Iterator[Resolver]:
    """A resolver; its `address` goes into ``GROUNDSILL_RESOLVER``."""
    made = Resolver()
    threading.Thread(target=made.answer, daemon=True).start()
    try:
        yield made
    finally:
        made.line.close()
