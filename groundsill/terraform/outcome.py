"""What a run of Terraform comes to: what was done, what was said, why it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.terraform.events import Event, OnEvent, Problem, read_event


class Interrupted(KeyboardInterrupt):
    """Terraform was asked to stop by Ctrl-C and has stopped.

    Arguments:
        summary: what had been done by then; None for a command that changes nothing.
        killed: whether it was ended by force, so that the state may lack what was under way.
    """

    def __init__(self, summary: ApplySummary | None = None, *, killed: bool = False) -> None:
        super().__init__("interrupted")
        self.summary = summary
        self.killed = killed


class EngineError(GroundsillError):
    """A run of Terraform failed.

    Arguments:
        diagnostics: what went wrong.
        problems: the same as Terraform worded it.
        summary: of an apply: what had been done by then.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], problems: Sequence[Problem] = (),
                 summary: ApplySummary | None = None) -> None:
        super().__init__(diagnostics)
        self.problems = tuple(problems)
        self.summary = summary


@dataclass(frozen=True, slots=True)
class Done:
    """What an apply did to one resource.

    Arguments:
        address: Terraform address.
        action: ``create``, ``update`` or ``destroy``; a replacement is two of them.
        seconds: how long it took.
        resource_id: identifier that AWS gave it, where it is known.
        failed: whether it failed.
    """

    address: str
    action: str
    seconds: float = 0.0
    resource_id: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ApplySummary:
    """What an apply did.

    Arguments:
        resources: in the order in which they were done.
        counts: Terraform's own: ``add``, ``change``, ``remove``, ``import``.
        warnings: what Terraform warned of.
        seconds: how long it took.
        unfinished: addresses that were under way when it ended.
    """

    resources: tuple[Done, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    warnings: tuple[Problem, ...] = ()
    seconds: float = 0.0
    unfinished: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The summary for ``--json``."""
        return {
            "resources": [
                {"address": item.address, "action": item.action, "seconds": item.seconds, "failed": item.failed}
                for item in self.resources
            ],
            "counts": dict(self.counts), "seconds": round(self.seconds, 3), "unfinished": list(self.unfinished),
        }


class Gathered:
    """What one run says, handed on as it comes and kept."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._started = time.perf_counter()
        self._seconds = 0.0
        self.problems: list[Problem] = []
        self.words: list[str] = []
        self._done: list[Done] = []
        self._open: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._counts: Mapping[str, int] = {}

    def line(self, text: str) -> None:
        """A line of the stream."""
        if not text.strip():
            return
        event = read_event(text)
        if event.problem is not None:
            self.problems.append(event.problem)
        elif event.kind == "resource_start":
            self._open[event.address] = event.action
            self._ids[event.address] = event.resource_id
        elif event.kind in ("resource_done", "resource_error"):
            self._open.pop(event.address, None)
            self._done.append(Done(event.address, event.action, event.seconds, event.resource_id,
                                   event.kind == "resource_error"))
        elif event.kind == "summary":
            self._counts = event.counts
        elif not event.raw:
            self.words.append(text)
        if self._on_event:
            self._on_event(event)

    def placed(self, problems: Sequence[Problem]) -> list[Problem]:
        """Problems with the resource that each is about: of what cannot be destroyed Terraform says only what AWS calls it.

        Arguments:
            problems: what was said.
        """
        failed = [item.address for item in self._done if item.failed]
        open_errors = [problem for problem in problems if problem.error and not problem.address]

        def address(problem: Problem) -> str:
            named = [name for name in failed if self._ids.get(name) and self._ids[name] in problem.text]
            if named:
                return max(named, key=lambda name: len(self._ids[name]))
            return failed[0] if len(failed) == len(open_errors) == 1 else ""

        return [replace(problem, address=address(problem)) if problem in open_errors else problem for problem in problems]

    def note(self, text: str) -> None:
        """Something of our own to say meanwhile."""
        if self._on_event:
            self._on_event(Event("note", text))

    def ended(self) -> None:
        """The run is over."""
        self._seconds = time.perf_counter() - self._started

    def summary(self) -> ApplySummary:
        """What has been done so far."""
        return ApplySummary(
            tuple(self._done), self._counts, tuple(item for item in self.problems if not item.error), self._seconds,
            tuple(self._open),
        )
