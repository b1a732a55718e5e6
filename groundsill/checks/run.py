"""Running every rule over a graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from groundsill.checks.context import Context
from groundsill.checks.rule import Finding, Rule, Severity
from groundsill.checks.rules import every_rule
from groundsill.graph.graph import Graph, Suppression


@dataclass(frozen=True, slots=True)
class Result:
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


@dataclass(slots=True)
class Report:
    """What a check found.

    Arguments:
        graph: that was checked.
        results: findings that stand, worst first.
        suppressed: findings that the user lives with.
        unknown: what could not be judged before apply.
        unused: suppressions that nothing was found for: the thing is mended, so they can go.
        rules: how many rules were asked.
    """

    graph: Graph
    results: list[Result] = field(default_factory=list[Result])
    suppressed: list[Result] = field(default_factory=list[Result])
    unknown: list[Result] = field(default_factory=list[Result])
    unused: list[Suppression] = field(default_factory=list[Suppression])
    rules: int = 0


def check(graph: Graph, rules: Iterable[Rule] | None = None) -> Report:
    """Ask every rule of a graph.

    Arguments:
        graph: a finished graph.
        rules: that are asked; default all.

    Example:
        >>> check(Graph()).results
        []
    """
    context = Context(graph)
    report = Report(graph)
    used: set[Suppression] = set()
    for rule in every_rule() if rules is None else rules:
        if not rule.applies(context):
            continue
        report.rules += 1
        for finding in rule.findings(context):
            if finding.unknown:
                report.unknown.append(Result(rule, finding))
            elif suppression := _suppression(graph, rule, finding):
                used.add(suppression)
                report.suppressed.append(Result(rule, finding, suppression))
            else:
                report.results.append(Result(rule, finding))
    report.results.sort(key=lambda result: result.severity.rank)
    report.unused = [suppression for suppression in graph.suppressions if suppression not in used]
    return report


def _suppression(graph: Graph, rule: Rule, finding: Finding) -> Suppression | None:
    resource = finding.resource
    names = ("", resource.component, resource.address) if resource else ("",)
    return next((item for item in graph.suppressions if item.rule == rule.id and item.subject in names), None)
