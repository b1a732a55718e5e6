"""The phases of a start while they go on: with spinners on a terminal, a line each elsewhere, silent with ``--json``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from groundsill.cli.screen import Screen, shows_colour

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress(Protocol):
    """Shows phases."""

    def phase(self, name: str, state: str, seconds: float, detail: str) -> None:
        """A phase has ``started`` or is ``done``."""
        ...

    def line(self, text: str) -> None:
        """Something to read meanwhile."""
        ...


@contextlib.contextmanager
def progress(screen: Screen) -> Generator[Progress]:
    """The progress that fits where standard error goes."""
    if screen.json:
        yield Silent()
    elif shows_colour(sys.stderr):
        with _moving() as moving:
            yield moving
    else:
        yield Plain()


class Silent:
    """With ``--json``: what is found meanwhile is in the result."""

    def phase(self, name: str, state: str, seconds: float, detail: str) -> None:
        """Nothing."""

    def line(self, text: str) -> None:
        """To standard error, so that nothing is lost."""
        print(text, file=sys.stderr, flush=True)


class Plain:
    """A line for each phase that is done."""

    def phase(self, name: str, state: str, seconds: float, detail: str) -> None:
        """A line when it is done."""
        if state == "done":
            self.line(f"  {name:<12} {seconds:5.1f} s  {detail}".rstrip())

    def line(self, text: str) -> None:
        """The text as it is."""
        print(text, file=sys.stderr, flush=True)


class Moving:
    """Spinners with the seconds so far, and a line for each phase that is done."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def phase(self, name: str, state: str, seconds: float, detail: str) -> None:
        """A spinner while it goes on, a line when it is done."""
        from rich.markup import escape

        if state == "started":
            self._tasks[name] = self._bars.add_task(name, total=None)
            return
        task = self._tasks.pop(name, None)
        if task is not None:
            self._bars.remove_task(task)
        if state == "done":
            self._bars.console.print(
                f"[green]✓[/green] [bold]{escape(f'{name:<12}')}[/bold] {seconds:5.1f} s  [dim]{escape(detail)}[/dim]",
                highlight=False, soft_wrap=True,
            )

    def line(self, text: str) -> None:
        """Above the spinners."""
        from rich.text import Text

        self._bars.console.print(Text(text), soft_wrap=True)


@contextlib.contextmanager
def _moving() -> Generator[Moving]:
    # The daemon is starting meanwhile, so the 0.1 s that rich takes to load delays nobody.
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import SpinnerColumn, TextColumn

    bars = RichProgress(
        SpinnerColumn(), TextColumn("[bold]{task.description:<12}"), TextColumn("{task.elapsed:5.1f} s"),
        console=Console(stderr=True), transient=True,
    )
    with bars:
        yield Moving(bars)
