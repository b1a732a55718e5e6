"""Functions of address ranges."""

from __future__ import annotations

import ipaddress
from typing import Any

from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.values import as_int, as_text, fail

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(value: Any) -> _Network:
    text = as_text(value)
    try:
        if "/" not in text:
            return fail("a range has a `/`")
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return fail(f"{text[:60]!r} is no range of addresses")


def _part(network: _Network, bits: int, number: int) -> str:
    length = network.prefixlen + bits
    if bits < 0 or length > network.max_prefixlen:
        fail("there are not enough bits in the range")
    if not 0 <= number < 1 << bits:
        fail("the range has no part of this number")
    address = int(network.network_address) + (number << (network.max_prefixlen - length))
    return f"{type(network.network_address)(address)}/{length}"


def _cidrsubnet(_: Calling, prefix: Any, bits: Any, number: Any) -> str:
    return _part(_network(prefix), as_int(bits), as_int(number))


def _cidrsubnets(_: Calling, prefix: Any, *bits: Any) -> list[str]:
    network = _network(prefix)
    found: list[str] = []
    position = int(network.network_address)
    for more in bits:
        length = network.prefixlen + as_int(more)
        if not network.prefixlen <= length <= network.max_prefixlen:
            fail("there are not enough bits in the range")
        size = 1 << (network.max_prefixlen - length)
        position = -(-position // size) * size
        if position + size - 1 > int(network.broadcast_address):
            fail("the range is full")
        found.append(f"{type(network.network_address)(position)}/{length}")
        position += size
    return found


def _cidrhost(_: Calling, prefix: Any, number: Any) -> str:
    network, at = _network(prefix), as_int(number)
    index = at if at >= 0 else network.num_addresses + at
    if not 0 <= index < network.num_addresses:
        fail("the range has no address of this number")
    return str(network.network_address + index)


def _cidrnetmask(_: Calling, prefix: Any) -> str:
    return str(_network(prefix).netmask)


FUNCTIONS: dict[str, Function] = {
    "cidrhost": _cidrhost,
    "cidrnetmask": _cidrnetmask,
    "cidrsubnet": _cidrsubnet,
    "cidrsubnets": _cidrsubnets,
}
