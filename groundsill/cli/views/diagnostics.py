"""Errors and warnings as every command shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill.cli.views.style import Style
from groundsill.graph.diagnostics import Diagnostic, Severity
from groundsill.graph.source import SourceLocation


def render(diagnostic: Diagnostic, folder: Path, style: Style) -> str:
    """A diagnostic with its head in colour and its file as seen from a folder."""
    first, newline, rest = diagnostic.render(folder).partition("\n")
    head, colon, summary = first.partition(":")
    paint = style.red if diagnostic.severity is Severity.ERROR else style.yellow
    return f"{paint(head)}{colon}{style.bold(summary)}{newline}{rest}"


def count_line(found: Iterable[Diagnostic]) -> str:
    """How many of which severity.

    Example:
        >>> count_line([Diagnostic("GS1", "a"), Diagnostic("GS1", "b"), Diagnostic("GS2", "c", severity=Severity.WARNING)])
        '2 errors, 1 warning'
    """
    severities = [item.severity for item in found]
    counts = {severity: severities.count(severity) for severity in Severity}
    return ", ".join(f"{number} {severity}{'s' * (number != 1)}" for severity, number in counts.items() if number)


def headline(found: Sequence[Diagnostic]) -> str:
    """One line for all of them: the summary of the only one, else how many there are."""
    return found[0].summary if len(found) == 1 else count_line(found)


def from_dict(content: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that :meth:`Diagnostic.to_dict` made."""
    file, line = content.get("file"), content.get("line")
    return Diagnostic(
        str(content.get("code", "")), str(content.get("summary", "")),
        SourceLocation(str(file), int(line or 1)) if file else None,
        str(content.get("subject") or ""), str(content.get("detail") or ""), str(content.get("mend") or ""),
        Severity.WARNING if content.get("severity") == Severity.WARNING else Severity.ERROR,
    )
