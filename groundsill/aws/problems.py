"""What can be wrong with the arguments of a resource, collected while they are read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from groundsill.graph.diagnostics import Diagnostic, Severity
from groundsill.graph.source import SourceLocation

UNKNOWN_ARGUMENT = "GS1101"
WRONG_TYPE = "GS1102"
MISSING_ARGUMENT = "GS1103"
BLOCK_COUNT = "GS1104"
COMPUTED_ONLY = "GS1105"
DEPRECATED = "GS1106"
UNKNOWN_TYPE = "GS1107"
UNKNOWN_ATTRIBUTE = "GS1108"
INVALID_NAME = "GS1109"
INVALID_META_ARGUMENT = "GS1110"


_LONGEST_SHOWN = 60


def text_of(value: object) -> str:
    """A value as text, whatever it is: also one whose own text cannot be had, such as a number of 5,000 digits."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the value is the user's, and so is whatever its text raises
        return f"<{type(value).__name__}>"


def shown(value: object) -> str:
    """A value as a message shows it: its type and its text, cut short."""
    if value is None:
        return "None"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001
        text = "..."
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return f"{type(value).__name__} {short}".encode("utf-8", "backslashreplace").decode()


class Problem(NamedTuple):
    """One mistake, before it is known where in the user's file it was made.

    Arguments:
        code: diagnostic code.
        argument: the top-level argument it is in.
        summary: see :class:`~groundsill.graph.diagnostics.Diagnostic`, as for the following.
        detail: why it does not fit.
        mend: what to do.
        severity: error (default) or warning.
    """

    code: str
    argument: str
    summary: str
    detail: str = ""
    mend: str = ""
    severity: Severity = Severity.ERROR

    def at(self, location: SourceLocation | None, subject: str) -> Diagnostic:
        """The mistake as a diagnostic of a place in the user's file."""
        return Diagnostic(self.code, self.summary, location, subject, self.detail, self.mend, self.severity)


class Problems:
    """Mistakes found so far, and the path of the argument that is being read.

    Arguments:
        type: Terraform type, for the messages.
    """

    def __init__(self, type: str) -> None:
        self.type = type
        self.found: list[Problem] = []
        self.hidden = False  # inside a sensitive argument, whose value no message may show
        self._path: list[str | int] = []

    @contextmanager
    def inside(self, *steps: str | int) -> Generator[None]:
        """Read what is inside an argument, a block or a member."""
        self._path.extend(steps)
        try:
            yield
        finally:
            del self._path[-len(steps) :]

    def push(self, step: str | int) -> None:
        """Enter an argument or a member: :meth:`inside` without its cost, for the innermost loops."""
        self._path.append(step)

    def pop(self) -> None:
        """Leave it."""
        self._path.pop()

    def path(self, *more: str | int) -> str:
        """The path as the user would write it, for example ``ingress[0].from_port``."""
        text = ""
        for step in (*self._path, *more):
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text

    def add(
        self,
        code: str,
        summary: str,
        detail: str = "",
        mend: str = "",
        *,
        argument: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Keep a mistake."""
        top = str(self._path[0]) if self._path else argument
        self.found.append(Problem(code, top, summary, detail, mend, severity))
