"""What an ordinary call is: to a port of this machine, with ordinary headers. Every other is left to botocore."""

from __future__ import annotations

import functools
import http.client
import re
from collections.abc import Callable
from typing import Any

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/")


@functools.lru_cache(maxsize=64)
def port_of(url: str) -> int:
    """The port of an address of this machine that has neither path nor query; 0 for every other address."""
    found = _ADDRESS.fullmatch(url)
    port = int(found[1]) if found else 0
    # The default port is left out of the Host header.
    return port if port < 65536 and port != http.client.HTTP_PORT else 0


def replace(owner: Any, name: str, made: Callable[..., Any]) -> None:
    """Puts a way in the place of a function; what was there stays reachable as ``__wrapped__``."""
    plain = getattr(owner, name)
    functools.update_wrapper(made, plain)
    setattr(owner, name, made)
