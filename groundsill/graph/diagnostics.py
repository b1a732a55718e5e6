"""Errors and warnings as values: what is wrong, where, why it matters and how to mend it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from groundsill.graph.source import SourceLocation


class Severity(enum.StrEnum):
    """How bad it is: an error stops the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Diagnostic(NamedTuple):
    """One thing that is wrong with what the user wrote.

    Arguments:
        code: stable code, for example ``GS1203``; documented one by one in ``docs/errors.md``.
        summary: constant sentence, lower case, without a full stop.
        location: line of the user's file, where there is one.
        subject: what the user wrote there, for example ``Table("orders")``.
        detail: why it matters or what exactly does not fit.
        mend: what to do.
        severity: error (default) or warning.

    Example:
        >>> print(Diagnostic("GS1101", "unknown argument `hash_keys` for aws_dynamodb_table",
        ...                  mend="did you mean `hash_key`?").render())
        error[GS1101]: unknown argument `hash_keys` for aws_dynamodb_table
          did you mean `hash_key`?
    """

    code: str
    summary: str
    location: SourceLocation | None = None
    subject: str = ""
    detail: str = ""
    mend: str = ""
    severity: Severity = Severity.ERROR

    def render(self, folder: Path | None = None) -> str:
        """The diagnostic as text in the one form that every command prints."""
        lines = [f"{self.severity}[{self.code}]: {self.summary}"]
        place = self.location.relative_to(folder) if self.location and folder else str(self.location or "")
        where = "  ".join(part for part in (place, self.subject) if part)
        if where:
            lines.append(f"  --> {where}")
        lines.extend(f"  {line}" for text in (self.detail, self.mend) if text for line in text.splitlines())
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The diagnostic for ``--json``."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "summary": self.summary,
            "file": self.location.file if self.location else None,
            "line": self.location.line if self.location else None,
            "subject": self.subject or None,
            "detail": self.detail or None,
            "mend": self.mend or None,
        }


class Diagnostics:
    """The diagnostics of one definition, in the order they were found; the same one is kept once."""

    def __init__(self, items: Iterable[Diagnostic] = ()) -> None:
        self._items: dict[Diagnostic, None] = dict.fromkeys(items)

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic."""
        self._items[diagnostic] = None

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that stop a command."""
        return [item for item in self._items if item.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        """Those that do not."""
        return [item for item in self._items if item.severity is Severity.WARNING]

    def in_file_order(self) -> list[Diagnostic]:
        """Sorted by file and line, so that a reader walks the file once; those without a place come last."""
        return sorted(
            self._items,
            key=lambda item: (item.location is None, item.location.file if item.location else "",
                              item.location.line if item.location else 0),
        )

    def raise_if_errors(self) -> None:
        """Raise everything found so far as one error, if any of it is an error.

        Raises:
            GroundsillError: where at least one diagnostic is an error.
        """
        if self.errors:
            raise GroundsillError(self.in_file_order())


class GroundsillError(Exception):
    """One or more diagnostics that stop a command. Its text is what the user should read.

    Arguments:
        diagnostics: at least one.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic] | Diagnostic) -> None:
        self.diagnostics = [diagnostics] if isinstance(diagnostics, Diagnostic) else list(diagnostics)
        super().__init__("\n\n".join(diagnostic.render() for diagnostic in self.diagnostics))


def did_you_mean(wrong: str, known: Iterable[str], *, what: str = "Known names", limit: int = 12) -> str:
    """The mend for a misspelt name: the nearest known one, then the others.

    Example:
        >>> did_you_mean("hash_keys", ["hash_key", "range_key"], what="Known arguments")
        'did you mean `hash_key`? Known arguments: hash_key, range_key'
    """
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(wrong, names, n=1, cutoff=0.6)
    nearest = f"did you mean `{close[0]}`? " if close else ""
    listed = ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
    return f"{nearest}{what}: {listed}" if names else nearest.strip()
