"""What an apply left to tell of itself: Terraform's own events, which it writes to a file while it works.

Terraform writes a state that is kept elsewhere every few seconds. Were it killed in between (a power cut, a machine that
runs out of memory), what it made since would exist and be known to nobody. Its events are written by Terraform itself and
before the next thing is begun, so they tell what was begun and what was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from groundsill.terraform.events import read_event

NAME = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Trace:
    """A resource that an apply has begun to make.

    Arguments:
        address: Terraform address.
        resource_id: the identifier that AWS gave it, where it came to that.
        made: whether Terraform said that it was made; else it may or may not exist.
        replaced: identifier of the resource that was destroyed for it, empty where there was none.
        failed: whether AWS refused it, perhaps because somebody else's has that name.
    """

    address: str
    resource_id: str = ""
    made: bool = False
    replaced: str = ""
    failed: bool = False


def read_traces(path: Path) -> dict[str, Trace]:
    """What the applies that a file tells of have begun to make, by address; what was destroyed since is not among it.

    Arguments:
        path: file of Terraform's events; a last line that is not whole does not count.
    """
    found: dict[str, Trace] = {}
    going: dict[str, str] = {}
    destroyed: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        event = read_event(line)
        if event.kind == "resource_start" and event.action == "destroy":
            going[event.address] = event.resource_id
        elif event.kind == "resource_start" and event.action == "create":
            found[event.address] = Trace(event.address, replaced=destroyed.get(event.address, ""))
        elif event.kind == "resource_done" and event.action == "create":
            found[event.address] = Trace(event.address, event.resource_id, True, destroyed.get(event.address, ""))
        elif event.kind == "resource_error" and event.action == "create":
            found[event.address] = Trace(event.address, replaced=destroyed.get(event.address, ""), failed=True)
        elif event.kind == "resource_done" and event.action == "destroy":
            gone = going.pop(event.address, "")
            destroyed[event.address] = gone
            trace = found.get(event.address)
            # What is destroyed after its replacement was made has the same address and another identifier.
            if trace is not None and trace.resource_id in ("", gone):
                del found[event.address]
    return found
