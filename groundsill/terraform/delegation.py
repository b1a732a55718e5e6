"""Whether a domain is delegated to the zone that was made for it.

A certificate is validated through DNS, so it never is while the registrar names other name servers: Terraform would wait
for 75 minutes and fail (``aws_acm_certificate_validation``, Timeouts).
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.graph.graph import Graph

RESOLVER_VARIABLE = "GROUNDSILL_RESOLVER"
"""``HOST`` or ``HOST:PORT`` of the DNS resolver that is asked; default the first of ``/etc/resolv.conf``."""
_PORT, _NS, _IN, _RECURSION = 53, 2, 1, 0x0100
_HEADER, _POINTER, _LONGEST = 12, 0xC0, 4096  # RFC 1035, 4.1.1 and 4.1.4
_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class NewZone:
    """A hosted zone that certificates of the system are validated through.

    Arguments:
        address: Terraform address.
        domain: its domain.
        validations: addresses of the validations that wait for it.
    """

    address: str
    domain: str
    validations: tuple[str, ...]


def zones_to_delegate(graph: Graph) -> list[NewZone]:
    """Public zones that the system makes and that its certificates depend on."""
    found: list[NewZone] = []
    validations = [resource for resource in graph if resource.type == "aws_acm_certificate_validation"]
    for zone in graph:
        if zone.type != "aws_route53_zone" or zone.arguments.get("vpc"):
            continue
        waiting = tuple(item.address for item in validations if zone.address in graph.needs(item.address))
        if waiting:
            found.append(NewZone(zone.address, str(zone.arguments.get("name")), waiting))
    return found


def name_servers(resources: Sequence[Mapping[str, Any]], address: str) -> list[str]:
    """Name servers that AWS gave a zone, from the resources of a state; empty where it is not there."""
    for item in resources:
        if item.get("address") == address:
            values: Mapping[str, Any] = item.get("values") or {}
            return sorted(str(name).rstrip(".").lower() for name in values.get("name_servers") or ())
    return []


def is_delegated(domain: str, wanted: Sequence[str], ask: Callable[[str], list[str] | None] | None = None) -> bool | None:
    """Whether the world finds a domain at these name servers; None where there is nobody to ask.

    Arguments:
        domain: for example ``shop.example``.
        wanted: name servers of the zone.
        ask: gives the name servers of a domain, default `ask_resolver`.
    """
    found = (ask or ask_resolver)(domain)
    return None if found is None else bool(set(found) & set(wanted))


def ask_resolver(domain: str) -> list[str] | None:
    """Name servers of a domain as the resolver knows them; None where it does not answer."""
    resolver = _resolver()
    if resolver is None:
        return None
    number = secrets.randbits(16)
    name = b"".join(bytes([len(part)]) + part for part in domain.encode("idna").split(b".")) + b"\0"
    question = struct.pack(">HHHHHH", number, _RECURSION, 1, 0, 0, 0) + name + struct.pack(">HH", _NS, _IN)
    try:
        with socket.socket(socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(_SECONDS)
            line.connect(resolver)
            line.send(question)
            answer = line.recv(_LONGEST)
        return sorted(_names(answer)) if struct.unpack(">H", answer[:2])[0] == number else None
    except (OSError, IndexError, struct.error, UnicodeDecodeError):
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


def _names(answer: bytes) -> Iterator[str]:
    """The name servers in an answer (RFC 1035, 4.1.3)."""
    questions, answers = struct.unpack(">HH", answer[4:8])
    place = _HEADER
    for _ in range(questions):
        place = _name(answer, place)[1] + 4
    for _ in range(answers):
        place = _name(answer, place)[1]
        kind, _, _, length = struct.unpack(">HHIH", answer[place:place + 10])
        place += 10
        if kind == _NS:
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
