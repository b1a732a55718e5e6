"""Running every rule over a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from groundsill.checks.context import Context
from groundsill.checks.rule import Finding, Rule, Severity
from groundsill.checks.rules import every_rule
from groundsill.graph.graph import Graph, Suppression
from groundsill.graph.resource import Resource
from groundsill.graph.view import View

_WHOLE = ""


class Result(NamedTuple):
    """A finding with the rule that made it.

    Arguments:
        rule: that found it.
        finding: what it found.
        suppression: the user's reason to live with it, where there is one.
    """

    rule: Rule
    finding: Finding
    suppression: Suppression | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.finding.severity or self.rule.severity

    @property
    def subject(self) -> str:
        """What it belongs to in a report: the component, else the resource, else nothing for the system as a whole."""
        resource = self.finding.resource
        return (resource.component or resource.address) if resource else _WHOLE

    @property
    def mend(self) -> str:
        """What to do about it."""
        return self.finding.mend or self.rule.mend


class Fault(NamedTuple):
    """A rule that could not cope with what it was shown: a fault of ours, which must not cost the user the other rules.

    Arguments:
        rule: that stopped.
        resource: it was looking at; None for the graph as a whole.
        error: what was raised.
    """

    rule: Rule
    resource: Resource | None
    error: Exception


class Report:
    """What a check found.

    Arguments:
        graph: that was checked.

    Attributes:
        results: findings that stand, worst first.
        suppressed: findings that the user lives with.
        unknown: what could not be judged before apply.
        unused: suppressions that nothing was found for: the thing is mended, so they can go.
        misnamed: suppressions of rules that do not exist.
        faults: rules that stopped.
        rules: the rules that were asked.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.results: list[Result] = []
        self.suppressed: list[Result] = []
        self.unknown: list[Result] = []
        self.unused: list[Suppression] = []
        self.misnamed: list[Suppression] = []
        self.faults: list[Fault] = []
        self.rules: list[Rule] = []

    def at_least(self, severity: Severity) -> list[Result]:
        """Findings as bad as this, or worse."""
        return [result for result in self.results if result.severity.rank <= severity.rank]

    def by_subject(self) -> Iterator[tuple[str, list[Result]]]:
        """Findings by what they belong to, the subject with the worst one first."""
        groups: dict[str, list[Result]] = {}
        for result in self.results:
            groups.setdefault(result.subject, []).append(result)
        yield from groups.items()

    def counts(self) -> dict[Severity, int]:
        """How many findings stand of each severity, worst first."""
        return {severity: sum(result.severity is severity for result in self.results) for severity in Severity}


def check(
    graph: Graph, rules: Iterable[Rule] | None = None, *, today: date | None = None,
    cost: Callable[[Graph], float] | None = None, view: View | None = None,
) -> Report:
    """Ask every rule of a graph.

    Arguments:
        graph: a finished graph.
        rules: that are asked; default all.
        today: the day that ends of support are compared with; default the day it is.
        cost: gives what a graph costs in a month at least, in US dollars; default nobody knows.
        view: of the graph, where other readers share it; default its own.

    Example:
        >>> check(Graph()).results
        []
    """
    context = Context(graph, today=today, cost=cost, view=view)
    report = Report(graph)
    used: set[Suppression] = set()
    for rule in every_rule() if rules is None else rules:
        if not rule.applies(context):
            continue
        report.rules.append(rule)
        for finding in _findings(rule, context, report):
            if finding.unknown:
                report.unknown.append(Result(rule, finding))
            elif suppression := _suppression(graph, rule, finding):
                used.add(suppression)
                report.suppressed.append(Result(rule, finding, suppression))
            else:
                report.results.append(Result(rule, finding))
    report.results.sort(key=lambda result: result.severity.rank)
    _unused(report, used)
    return report


def _findings(rule: Rule, context: Context, report: Report) -> Iterator[Finding]:
    for subject in rule.subjects(context):
        try:
            yield from rule.look(context, *subject)
        except Exception as error:  # noqa: BLE001  whatever a file holds: one rule less, never no report
            report.faults.append(Fault(rule, subject[0] if subject else None, error))


def _suppression(graph: Graph, rule: Rule, finding: Finding) -> Suppression | None:
    return next((item for item in graph.suppressions if item.rule == rule.id and item.covers(finding.resource)), None)


def _unused(report: Report, used: set[Suppression]) -> None:
    left = [item for item in report.graph.suppressions if item not in used]
    if not left:
        return
    asked = {rule.id for rule in report.rules}
    known = {rule.id for rule in every_rule()}
    report.unused = [item for item in left if item.rule in asked]
    report.misnamed = [item for item in left if item.rule not in known]
