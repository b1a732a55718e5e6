"""A report as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"), for code scanning."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from groundsill.checks.formats.data import place
from groundsill.checks.rule import Rule, Severity
from groundsill.checks.run import Report, Result

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
# GitHub, "SARIF support for code scanning": over 9.0 is critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, 0.1 to 3.9 low.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0"}


def sarif(report: Report, folder: Path, version: str) -> dict[str, Any]:
    """The report as one SARIF run.

    Arguments:
        report: what a check found.
        folder: root that files are named from.
        version: of Groundsill.
    """
    index = {rule.id: position for position, rule in enumerate(report.rules)}
    results = [*report.results, *report.suppressed]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "groundsill", "version": version, "rules": [_rule(rule) for rule in report.rules],
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"ROOT": {"uri": f"{folder.resolve().as_uri()}/"}},
            "invocations": [{
                "executionSuccessful": not report.faults,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{fault.rule.id}: {type(fault.error).__name__}: {fault.error}"}}
                    for fault in report.faults
                ],
            }],
            "results": [_result(result, index, folder) for result in results],
        }],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": f"{rule.rationale}\n\n{rule.mend}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": [str(rule.family), *rule.controls], "security-severity": _SCORES[rule.severity], "problem.severity":
            _LEVELS[rule.severity],
        },
    }


def _result(result: Result, index: dict[str, int], folder: Path) -> dict[str, Any]:
    finding, resource = result.finding, result.finding.resource
    text = ". ".join(part for part in (result.rule.title, finding.detail, result.mend) if part)
    found: dict[str, Any] = {
        "ruleId": result.rule.id, "ruleIndex": index[result.rule.id], "level": _LEVELS[result.severity],
        "message": {"text": text},
        "partialFingerprints": {"finding/v1": _fingerprint(result)},
        "locations": [_location(result, folder)],
        "properties": {"severity": str(result.severity), "component": resource.component if resource else ""},
    }
    if result.suppression is not None:
        # Accepted is what leaving the status out means; its name differs between the text of the standard and its schema.
        found["suppressions"] = [{"kind": "inSource", "justification": result.suppression.reason}]
    return found


def _location(result: Result, folder: Path) -> dict[str, Any]:
    resource = result.finding.resource
    file, line = place(result.finding.location, folder)
    location: dict[str, Any] = {"logicalLocations": [{
        "fullyQualifiedName": resource.address if resource else "system", "kind": "resource",
    }]}
    if file:
        inside = not Path(file).is_absolute()
        artifact = {"uri": file, "uriBaseId": "ROOT"} if inside else {"uri": Path(file).as_uri()}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": max(1, line or 1)}}
    return location


def _fingerprint(result: Result) -> str:
    """The same for the same finding after the file around it has changed."""
    finding = result.finding
    parts = (result.rule.id, finding.resource.address if finding.resource else "", finding.attribute)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
