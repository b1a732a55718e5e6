"""A report as plain data: what ``--json`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from groundsill.checks.rule import Rule
from groundsill.checks.run import Fault, Report, Result
from groundsill.graph.graph import Suppression
from groundsill.graph.source import SourceLocation


def report_data(report: Report, folder: Path) -> dict[str, Any]:
    """The whole report.

    Arguments:
        report: what a check found.
        folder: that files are named from.
    """
    graph = report.graph
    return {
        "system": graph.name or None, "stage": graph.stage or None, "tier": graph.tier or None,
        "production": graph.production, "region": graph.region,
        "resources": len(graph), "rules": len(report.rules),
        "counts": {str(severity): count for severity, count in report.counts().items()},
        "findings": [result_data(result, folder) for result in report.results],
        "suppressed": [
            {**result_data(result, folder), "reason": result.suppression.reason if result.suppression else ""}
            for result in report.suppressed
        ],
        "unknown": [result_data(result, folder) for result in report.unknown],
        "unused_suppressions": [_suppression(item, folder) for item in report.unused],
        "suppressions_of_unknown_rules": [_suppression(item, folder) for item in report.misnamed],
        "faults": [fault_data(fault) for fault in report.faults],
    }


def result_data(result: Result, folder: Path) -> dict[str, Any]:
    """One finding."""
    finding, resource = result.finding, result.finding.resource
    file, line = place(finding.location, folder)
    return {
        "rule": result.rule.id, "family": str(result.rule.family), "severity": str(result.severity),
        "title": result.rule.title, "detail": finding.detail, "mend": result.mend,
        "component": (resource.component or None) if resource else None,
        "subject": (resource.subject or None) if resource else None,
        "address": resource.address if resource else None, "attribute": finding.attribute or None,
        "file": file, "line": line, "related": [item.address for item in finding.related],
        "controls": list(result.rule.controls),
    }


def rule_data(rule: Rule) -> dict[str, Any]:
    """One rule."""
    return {
        "id": rule.id, "family": str(rule.family), "severity": str(rule.severity), "title": rule.title,
        "rationale": rule.rationale, "mend": rule.mend, "types": list(rule.types), "controls": list(rule.controls),
        "production_only": rule.production_only, "tiers": list(rule.tiers), "example": rule.example or None,
    }


def fault_data(fault: Fault) -> dict[str, Any]:
    """One rule that stopped."""
    return {"rule": fault.rule.id, "address": fault.resource.address if fault.resource else None,
            "error": f"{type(fault.error).__name__}: {fault.error}"}


def place(location: SourceLocation | None, folder: Path) -> tuple[str | None, int | None]:
    """File, as seen from a folder where it is below it, and line."""
    if location is None:
        return None, None
    path = Path(location.file)
    inside = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else location.file
    return inside, location.line


def _suppression(suppression: Suppression, folder: Path) -> dict[str, Any]:
    file, line = place(suppression.location, folder)
    return {"rule": suppression.rule, "subject": suppression.subject or None, "reason": suppression.reason, "file": file,
            "line": line}
