"""What Terraform does while it does it: a tree of components with their resources on a terminal, lines elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from groundsill.cli.screen import Screen, shows_colour
from groundsill.graph.graph import Graph
from groundsill.terraform.events import Event
from groundsill.terraform.failures import base_address

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.tree import Tree

    from groundsill.terraform.certificates import Proof

_SIGNS = {"create": "+", "update": "~", "destroy": "-", "read": "<", "replace": "-/+"}
_REDRAWS_A_SECOND = 8
# What Terraform says in place of a command that it was told not to show: documentation of `local-exec`, `quiet`.
_QUIET = "Suppressed by quiet=true"


class Lines:
    """A line for each step and each resource that is done.

    Arguments:
        graph: knows which component an address belongs to.
        quiet: whether nothing is shown (``--json``).
        events: file that every line of Terraform is copied to, None for none.
    """

    def __init__(self, graph: Graph, *, quiet: bool = False, events: int | None = None) -> None:
        self.graph = graph
        self._quiet = quiet
        self._events = events

    def step(self, name: str, state: str, seconds: float = 0.0, detail: str = "") -> None:
        """A step has ``started``, is ``done`` or has ``failed``."""
        if state != "started":
            sign = "x" if state == "failed" else " "
            self.say(f"{sign} {name:<14} {seconds:6.1f} s  {detail}".rstrip())

    def say(self, text: str) -> None:
        """A line to read meanwhile."""
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def event(self, event: Event) -> None:
        """Something that Terraform said."""
        if self._events is not None and event.raw:
            os.write(self._events, f"{json.dumps(dict(event.raw))}\n".encode())
        if event.kind in ("resource_done", "resource_error") and event.action != "read":
            self.done(event, failed=event.kind == "resource_error")
        elif event.kind == "note":
            self.say(event.message)
        elif event.kind == "output" and event.message and not event.message.endswith(_QUIET):
            name = self.graph[address].component if (address := base_address(event.address)) in self.graph else event.address
            self.say(f"        {name} | {event.message}")

    def done(self, event: Event, *, failed: bool) -> None:
        """A resource is done or has failed."""
        sign = "x" if failed else _SIGNS.get(event.action, " ")
        component = self.component(event.address)
        self.say(f"    {sign:<3} {event.address}  {component}  {event.seconds:.0f} s")

    def component(self, address: str) -> str:
        """What the user wrote for an address."""
        base = base_address(address)
        return self.graph[base].subject if base in self.graph else ""


class Moving(Lines):
    """A tree that is redrawn while resources are made; what is done stays above it as lines.

    Arguments:
        graph: knows which component an address belongs to.
        console: of the terminal.
        events: as for `Lines`.
    """

    def __init__(self, graph: Graph, console: Console, *, events: int | None = None) -> None:
        super().__init__(graph, events=events)
        self._console = console
        self._live: Live | None = None
        self._open: dict[str, tuple[str, float]] = {}
        self._step: tuple[str, float] | None = None

    def attach(self, live: Live) -> None:
        """Where the tree is drawn."""
        self._live = live

    def step(self, name: str, state: str, seconds: float = 0.0, detail: str = "") -> None:
        """The step is the tree's root while it goes on."""
        self._step = (name, time.monotonic()) if state == "started" else None
        self._open.clear()
        super().step(name, state, seconds, detail)

    def say(self, text: str) -> None:
        """Above the tree."""
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True, highlight=False)

    def event(self, event: Event) -> None:
        """Keeps the tree."""
        if event.kind == "resource_start":
            self._open[event.address] = (event.action, time.monotonic())
        elif event.kind in ("resource_done", "resource_error"):
            self._open.pop(event.address, None)
        super().event(event)

    def __rich__(self) -> Tree | str:
        from rich.text import Text
        from rich.tree import Tree

        if self._step is None:
            return ""
        name, began = self._step
        tree = Tree(Text(f"{name} {time.monotonic() - began:5.1f} s", style="bold"), guide_style="dim")
        branches: dict[str, Any] = {}
        for address, (action, since) in list(self._open.items()):
            component = self.component(address)
            branch = tree
            if component:
                if component not in branches:
                    branches[component] = tree.add(Text(component))
                branch = branches[component]
            branch.add(Text(f"{_SIGNS.get(action, ' ')} {address}  {time.monotonic() - since:.0f} s", style="dim"))
        return tree


@contextlib.contextmanager
def deploying(screen: Screen, graph: Graph, *, events: int | None = None) -> Generator[Lines]:
    """The view that fits where standard error goes."""
    try:
        if screen.json or not shows_colour(sys.stderr):
            yield Lines(graph, quiet=screen.json, events=events)
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        view = Moving(graph, console, events=events)
        with Live(view, console=console, transient=True, refresh_per_second=_REDRAWS_A_SECOND) as live:
            view.attach(live)
            yield view
    finally:
        if events is not None:
            os.close(events)


@contextlib.contextmanager
def paused(view: Lines) -> Generator[None]:
    """While the user is asked, nothing is drawn over the question."""
    live = getattr(view, "_live", None)
    if live is not None:
        live.stop()
    try:
        yield
    finally:
        if live is not None:
            live.start()


def records_to_enter(proof: Proof) -> str:
    """The records that prove a certificate's names, as a table to copy from."""
    rows = [("Name", "Type", "Value"), *((item.name, item.type, item.value) for item in proof.records)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {value}" for name, kind, value in rows]
    head = (f"Enter these records where the DNS of {proof.domain} is kept. They prove to AWS that it is yours; leave them there, "
            "the certificate is renewed by them:")
    return "\n".join([head, "", *lines, ""])
