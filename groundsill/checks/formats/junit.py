"""A report as JUnit XML, which every CI shows: a suite a component, a test case a finding or a rule without one."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from groundsill.checks.formats.data import place
from groundsill.checks.rule import Severity
from groundsill.checks.run import Report, Result

# Characters that XML 1.0 cannot carry (W3C, "Extensible Markup Language (XML) 1.0", 2.2 Characters).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report, folder: Path, fail_on: Severity | None) -> str:
    """The report as a document.

    Arguments:
        report: what a check found.
        folder: that files are named from.
        fail_on: findings from this severity on are failures, others are noted; None where nothing fails.
    """
    root = ElementTree.Element("testsuites", name="groundsill check")
    found = {result.rule.id for result in (*report.results, *report.suppressed)}
    for subject, results in report.by_subject():
        suite = ElementTree.SubElement(root, "testsuite", name=_text(subject or "system"))
        for result in results:
            _case(suite, result, folder, fails=fail_on is not None and result.severity.rank <= fail_on.rank)
        _count(suite)
    quiet = ElementTree.SubElement(root, "testsuite", name="rules without findings")
    for result in report.suppressed:
        case = _new_case(quiet, result, folder)
        ElementTree.SubElement(case, "skipped", message=_text(result.suppression.reason if result.suppression else ""))
    for rule in report.rules:
        if rule.id not in found:
            ElementTree.SubElement(quiet, "testcase", classname=str(rule.family), name=rule.id)
    _count(quiet)
    for name in ("tests", "failures", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _case(suite: ElementTree.Element, result: Result, folder: Path, *, fails: bool) -> None:
    case = _new_case(suite, result, folder)
    words = _text("\n".join(part for part in (result.finding.detail, result.mend) if part))
    if fails:
        failure = ElementTree.SubElement(case, "failure", type=str(result.severity), message=_text(result.rule.title))
        failure.text = words
    else:
        ElementTree.SubElement(case, "system-out").text = f"{result.severity}: {_text(result.rule.title)}\n{words}"


def _new_case(suite: ElementTree.Element, result: Result, folder: Path) -> ElementTree.Element:
    resource = result.finding.resource
    file, line = place(result.finding.location, folder)
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"{result.rule.family}.{result.rule.id}",
        name=_text(f"{result.rule.id} {resource.address if resource else ''}".strip()),
    )
    if file:
        case.set("file", _text(file))
        case.set("line", str(line))
    return case


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in suite)))


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
