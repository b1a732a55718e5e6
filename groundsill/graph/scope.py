"""What is being defined right now: where a new resource goes and where mistakes are collected."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from groundsill.graph.diagnostics import Diagnostic, Diagnostics
from groundsill.graph.source import SourceLocation
from groundsill.graph.suppression import Suppression

if TYPE_CHECKING:
    from groundsill.graph.graph import Graph

_current: ContextVar[Scope | None] = ContextVar("groundsill_scope", default=None)


class Frame:
    """The component being lowered: its name, how the user wrote it and where.

    ``tags`` are what the component gives to every resource lowered inside it.
    """

    __slots__ = ("component", "location", "subject", "tags")

    def __init__(
        self, component: str, subject: str, location: SourceLocation | None, tags: dict[str, str] | None = None,
    ) -> None:
        self.component = component
        self.subject = subject
        self.location = location
        self.tags: dict[str, str] = {} if tags is None else tags


class Scope:
    """One run of one definition.

    Arguments:
        graph: receives every resource that is constructed inside the scope.
        diagnostics: receives every mistake; nothing is raised before the definition has run to its end.
        tags: on every resource that can carry tags.
    """

    def __init__(
        self, graph: Graph, diagnostics: Diagnostics | None = None, tags: dict[str, str] | None = None,
    ) -> None:
        self.graph = graph
        self.diagnostics = Diagnostics() if diagnostics is None else diagnostics
        self.tags: dict[str, str] = {} if tags is None else tags
        self.frames: list[Frame] = []

    @property
    def frame(self) -> Frame | None:
        """The innermost component being lowered, or None at the top of the definition."""
        return self.frames[-1] if self.frames else None

    def suppress(self, rule: str, subject: str, because: str, location: SourceLocation | None, written: str = "") -> None:
        """Note that the user lives with what a rule of a check finds; without a reason it is a mistake.

        Arguments:
            rule: id of the rule.
            subject: name of a component, address of a resource (``*`` stands for anything), or empty for the whole system.
            because: why, in the user's words.
            location: line in the user's file.
            written: how the user wrote what it is about.
        """
        if not isinstance(because, str) or not because.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            self.diagnostics.add(Diagnostic(
                "GS1210", f"`{rule}` is suppressed without a reason", location, written, "whoever reads the report must see why",
                "say why it is right here: because=\"...\"",
            ))
            return
        self.graph.add_suppression(Suppression(rule, subject, because.strip(), location))

    @contextmanager
    def active(self) -> Generator[Scope]:
        """Make this the scope that constructors find."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    @contextmanager
    def lowering(self, frame: Frame) -> Generator[None]:
        """Attribute everything constructed inside to one component."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()


def current_scope() -> Scope | None:
    """The scope of the definition that is running, or None outside one."""
    return _current.get()
