"""What a check found, as a terminal shows it: by component, worst first, each finding in the form of our errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from groundsill.checks.rule import Rule, Severity
from groundsill.checks.run import Report, Result
from groundsill.cli.views.style import Style


def render(report: Report, folder: Path, style: Style, *, verbose: bool = False) -> str:
    """The whole report.

    Arguments:
        report: what a check found.
        folder: that files are named from.
        style: colours or none.
        verbose: whether to list what could not be judged, and the reasons of what is lived with in full.
    """
    blocks: list[str] = []
    for subject, results in report.by_subject():
        first = results[0].finding.resource
        name = (first.subject or subject) if first and first.component else subject
        blocks.append(style.bold(name or "The system as a whole"))
        blocks.extend(_finding(result, folder, style) for result in results)
    if report.suppressed:
        blocks.append(style.bold("Accepted"))
        blocks.append("\n".join(_suppressed(result, folder, style) for result in report.suppressed))
    if report.unused or report.misnamed:
        blocks.append(style.bold("Suppressions of nothing"))
        lines = [
            f"  {item.rule}  {style.dim(item.location.relative_to(folder) if item.location else item.subject)}  {why}"
            for items, why in ((report.unused, "nothing is found any more: take it out"),
                               (report.misnamed, "there is no such rule"))
            for item in items
        ]
        blocks.append("\n".join(lines))
    if verbose and report.unknown:
        blocks.append(style.bold("Could not be judged before apply"))
        blocks.append("\n".join(_unknown(result, style) for result in report.unknown))
    if report.faults:
        blocks.append(style.bold("Rules that stopped by a fault of ours"))
        blocks.append("\n".join(
            f"  {fault.rule.id}  {fault.resource.address if fault.resource else ''}  {type(fault.error).__name__}: {fault.error}"
            for fault in report.faults
        ))
    blocks.append(_painted_summary(report, style))
    return "\n\n".join(blocks)


def summary(report: Report) -> str:
    """One line: what was checked and how many findings there are."""
    graph = report.graph
    of = " ".join(part for part in (graph.name, graph.stage, f"({graph.tier})" if graph.tier else "") if part)
    counts = [f"{count} {severity}" for severity, count in report.counts().items() if count]
    parts = [", ".join(counts) if counts else "no findings"]
    if report.suppressed:
        parts.append(f"{len(report.suppressed)} accepted")
    if report.unknown:
        parts.append(f"{len(report.unknown)} could not be judged")
    if report.faults:
        parts.append(f"{len(report.faults)} rules stopped")
    return f"{of + ': ' if of else ''}{'; '.join(parts)} ({len(report.rules)} rules, {len(graph)} resources)"


def rule_list(rules: list[Rule], style: Style) -> str:
    """Every rule, by family."""
    width = max((len(rule.id) for rule in rules), default=0)
    lines: list[str] = []
    for family in dict.fromkeys(rule.family for rule in rules):
        lines.append(style.bold(str(family)))
        lines += [f"  {rule.id:<{width}}  {_paint(rule.severity, style)(f'{rule.severity:<8}')}  {rule.title}"
                  for rule in rules if rule.family is family]
    return "\n".join(lines)


def explanation(rule: Rule, style: Style) -> str:
    """One rule in full."""
    when = [
        "stages that are production" if rule.production_only else "",
        f"tiers {', '.join(rule.tiers)}" if rule.tiers else "",
    ]
    rows = (
        ("family", str(rule.family)), ("severity", str(rule.severity)), ("asked of", ", ".join(filter(None, when)) or "all"),
        ("looks at", ", ".join(rule.types) or "the graph as a whole"), ("why", rule.rationale), ("mend", rule.mend),
        ("example", rule.example), ("controls", ", ".join(rule.controls)),
    )
    lines = [f"{style.bold(rule.id)}: {rule.title}", ""]
    lines += [f"  {style.bold(f'{name:<9}')} {text}" for name, text in rows if text]
    return "\n".join(lines)


def _finding(result: Result, folder: Path, style: Style) -> str:
    finding, resource = result.finding, result.finding.resource
    head = f"{_paint(result.severity, style)(f'{result.severity}[{result.rule.id}]')}: {style.bold(result.rule.title)}"
    address = ".".join(part for part in (resource.address if resource else "", finding.attribute) if part)
    where = [finding.location.relative_to(folder) if finding.location else "", address]
    lines = [head]
    if any(where):
        lines.append(f"  --> {'  '.join(part for part in where if part)}")
    lines += [f"  {line}" for text in (finding.detail, result.mend) if text for line in text.splitlines()]
    return "\n".join(lines)


def _suppressed(result: Result, folder: Path, style: Style) -> str:
    suppression, resource = result.suppression, result.finding.resource
    where = suppression.location.relative_to(folder) if suppression and suppression.location else ""
    line = f"  {result.severity}[{result.rule.id}]  {resource.address if resource else ''}  {style.dim(where)}"
    return f"{line.rstrip()}\n    {suppression.reason if suppression else ''}"


def _unknown(result: Result, style: Style) -> str:
    resource = result.finding.resource
    return f"  {result.rule.id}  {resource.address if resource else ''}  {style.dim(result.finding.detail)}"


def _paint(severity: Severity, style: Style) -> Callable[[str], str]:
    return {Severity.LOW: style.dim, Severity.MEDIUM: style.yellow}.get(severity, style.red)


def _painted_summary(report: Report, style: Style) -> str:
    paint = _paint(report.results[0].severity, style) if report.results else style.green
    head, colon, rest = summary(report).partition(": ")
    return f"{style.bold(head)}{colon}{paint(rest)}" if colon else paint(head)
