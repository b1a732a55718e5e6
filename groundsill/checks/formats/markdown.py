"""A report as Markdown, for a pull request's comment."""

from __future__ import annotations

from pathlib import Path

from groundsill.checks.formats.data import place
from groundsill.checks.run import Report, Result


def markdown(report: Report, folder: Path, summary: str) -> str:
    """The report as a document.

    Arguments:
        report: what a check found.
        folder: that files are named from.
        summary: the line that says it all.
    """
    lines = ["# Check", "", _plain(summary), ""]
    for subject, results in report.by_subject():
        lines += [f"## {_plain(subject or 'The system as a whole')}", "",
                  "| severity | rule | where | what | mend |", "|---|---|---|---|---|"]
        lines += [_row(result, folder) for result in results]
        lines.append("")
    if report.suppressed:
        lines += ["## Accepted", "", "| rule | where | reason |", "|---|---|---|"]
        lines += [
            f"| {result.rule.id} | {_where(result, folder)} | {_cell(result.suppression.reason if result.suppression else '')} |"
            for result in report.suppressed
        ]
        lines.append("")
    return "\n".join(lines)


def _row(result: Result, folder: Path) -> str:
    what = f"{result.rule.title}: {result.finding.detail}" if result.finding.detail else result.rule.title
    cells = (str(result.severity), f"`{result.rule.id}`", _where(result, folder), _cell(what), _cell(result.mend))
    return f"| {' | '.join(cells)} |"


def _where(result: Result, folder: Path) -> str:
    file, line = place(result.finding.location, folder)
    address = f"`{result.finding.resource.address}`" if result.finding.resource else ""
    return _cell(" ".join(part for part in (address, f"{file}:{line}" if file else "") if part))


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())
