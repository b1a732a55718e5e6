"""Local ports of a system's front doors: the same at every start, as long as nobody else has taken them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

_LAST_PORT = 65_535


class Ports:
    """Gives each front door a port on 127.0.0.1 and remembers it, so that addresses stay the same between starts.

    Arguments:
        memory: file that remembers them.
        say: told when a remembered port is taken by somebody else.
    """

    def __init__(self, memory: Path, say: Callable[[str], None]) -> None:
        self._memory, self._say = memory, say
        self._known = _read(memory)

    def choose(self, name: str, wanted: int | None = None) -> int:
        """The port of a front door.

        Arguments:
            name: for example the Terraform address of an API.
            wanted: a port that the user asks for; then it is that one, taken or not.
        """
        if wanted:
            self._known[name] = wanted
        else:
            before = self._known.get(name)
            if before is None or not is_free(before):
                self._known[name] = free_port()
                if before is not None:
                    self._say(f"port {before} of {name} is taken{_by(before)}; it is at port {self._known[name]} now")
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        beside = self._memory.with_suffix(".new")
        beside.write_text(json.dumps(self._known, indent=1, sort_keys=True))
        beside.rename(self._memory)
        return self._known[name]


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _by(port: int) -> str:
    from groundsill.ground.edge.server import port_holder

    holder = port_holder(port)
    return f" by {holder}" if holder else ""


def _read(memory: Path) -> dict[str, int]:
    try:
        known = json.loads(memory.read_text())
        return {name: port for name, port in known.items() if type(port) is int and 0 < port <= _LAST_PORT}
    except (OSError, ValueError, AttributeError):
        return {}  # only a convenience: without it other ports are chosen
