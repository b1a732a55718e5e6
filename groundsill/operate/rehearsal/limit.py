"""How long a rehearsal may take, and what is said when it takes longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.terraform.events import Event
from groundsill.terraform.guard import end_all

DEFAULT_SECONDS = 1800
"""Half an hour. The longest waits are a load balancer's and a database's, of some minutes; a rehearsal of 400 resources
takes about five."""
_AGAIN_SECONDS = 0.2
_SHOWN = 5


class TimeLimit:
    """Ends every run of Terraform in a rehearsal's folders when the time is over.

    Arguments:
        seconds: how long all of it may take, above 0.
        place: the rehearsal's folder.
    """

    def __init__(self, seconds: float, place: Path) -> None:
        self._seconds, self._place = seconds, place
        self._step = "the beginning"
        self._under_way: dict[str, float] = {}
        self._over = threading.Event()
        self._expired = False
        self._thread = threading.Thread(target=self._watch, name="time-limit", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if self._expired and isinstance(error, GroundsillError):
            raise self._error() from None

    def step(self, name: str) -> None:
        """A step begins.

        Raises:
            GroundsillError: GS3103 where the time is over.
        """
        self.check()
        self._step = name
        self._under_way.clear()

    def check(self) -> None:
        """Go on only where there is time left.

        Raises:
            GroundsillError: GS3103 where there is none.
        """
        if self._expired:
            raise self._error()

    def following(self, then: Callable[[Event], None] | None) -> Callable[[Event], None]:
        """Note what is under way, and hand each event on.

        Arguments:
            then: called with each event, None for nothing.
        """
        def follow(event: Event) -> None:
            if event.kind == "resource_start":
                self._under_way[event.address] = time.monotonic()
            elif event.kind in ("resource_done", "resource_error"):
                self._under_way.pop(event.address, None)
            if then:
                then(event)

        return follow

    def _watch(self) -> None:
        if self._over.wait(self._seconds):
            return
        self._expired = True
        while not self._over.wait(_AGAIN_SECONDS):
            end_all(self._place)

    def _error(self) -> GroundsillError:
        now = time.monotonic()
        longest = sorted(self._under_way.items(), key=lambda item: item[1])
        shown = ", ".join(f"{address} ({now - since:.0f} s)" for address, since in longest[:_SHOWN])
        more = f" and {len(longest) - _SHOWN} more" if len(longest) > _SHOWN else ""
        return GroundsillError(Diagnostic(
            "GS3103", f"the rehearsal took longer than {self._seconds:.0f} s and was ended",
            detail=f"at {self._step}" + (f"; under way: {shown}{more}" if shown else ""),
            mend="give it more time with `--timeout`, or keep everything with `--keep DIR` and look into the API's record "
                 "of calls, DIR/aws/aws-calls.jsonl",
        ))
