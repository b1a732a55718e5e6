"""What the world finds in DNS: a question to the resolver of this machine, and its answer.

Source: RFC 1035, 4.1 (the form of messages), 3.2.2 (kinds of records).
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

RESOLVER_VARIABLE = "GROUNDSILL_RESOLVER"
"""``HOST`` or ``HOST:PORT`` of the DNS resolver that is asked; default the first of ``/etc/resolv.conf``."""
Kind = Literal["NS", "CNAME"]
_KINDS: dict[Kind, int] = {"NS": 2, "CNAME": 5}
_PORT, _IN, _RECURSION = 53, 1, 0x0100
_HEADER, _POINTER, _LONGEST = 12, 0xC0, 4096  # RFC 1035, 4.1.1 and 4.1.4
_SECONDS = 3.0


def ask_resolver(name: str, kind: Kind) -> list[str] | None:
    """The names that the records of one kind hold, sorted, in lower case and without the last dot.

    Arguments:
        name: for example ``shop.example``.
        kind: ``NS`` for name servers, ``CNAME`` for the name that this one stands for.

    Returns:
        None where no resolver answers; empty where there is no such record.
    """
    resolver = _resolver()
    if resolver is None:
        return None
    number = secrets.randbits(16)
    try:
        parts = name.rstrip(".").encode("idna").split(b".")
        asked = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
        question = struct.pack(">HHHHHH", number, _RECURSION, 1, 0, 0, 0) + asked + struct.pack(">HH", _KINDS[kind], _IN)
        with socket.socket(socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(_SECONDS)
            line.connect(resolver)
            line.send(question)
            answer = line.recv(_LONGEST)
        return sorted(_names(answer, _KINDS[kind])) if struct.unpack(">H", answer[:2])[0] == number else None
    except (OSError, IndexError, struct.error, UnicodeError):
        return None


def _resolver() -> tuple[str, int] | None:
    named = os.environ.get(RESOLVER_VARIABLE, "")
    if named:
        host, _, port = named.partition(":")
        return host, int(port) if port.isdigit() else _PORT
    try:
        lines = Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    hosts = [words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "nameserver"]
    return (hosts[0], _PORT) if hosts else None


def _names(answer: bytes, wanted: int) -> Iterator[str]:
    """The names in the records of one kind in an answer (RFC 1035, 4.1.3)."""
    questions, answers = struct.unpack(">HH", answer[4:8])
    place = _HEADER
    for _ in range(questions):
        place = _name(answer, place)[1] + 4
    for _ in range(answers):
        place = _name(answer, place)[1]
        kind, _, _, length = struct.unpack(">HHIH", answer[place:place + 10])
        place += 10
        if kind == wanted:
            yield _name(answer, place)[0].lower()
        place += length


def _name(answer: bytes, place: int) -> tuple[str, int]:
    """A name, and the place after it."""
    parts: list[str] = []
    after = 0
    for _ in range(_LONGEST):
        length = answer[place]
        if length >= _POINTER:
            after = after or place + 2
            place = struct.unpack(">H", answer[place:place + 2])[0] & 0x3FFF
        elif length == 0:
            return ".".join(parts), after or place + 1
        else:
            parts.append(answer[place + 1:place + 1 + length].decode("ascii"))
            place += 1 + length
    raise IndexError("a name without an end")
