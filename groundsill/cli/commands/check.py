"""`groundsill check`: will it deploy, will it run, is it safe?"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser
from groundsill.cli.inputs import add_input, read_input
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean

if TYPE_CHECKING:
    from groundsill.checks.rule import Rule, Severity
    from groundsill.checks.run import Report
    from groundsill.graph.graph import Graph

FORMATS = ("text", "json", "sarif", "junit", "markdown")
SEVERITIES = ("critical", "high", "medium", "low")
FAMILIES = ("deploys", "runs", "safe")
NEVER = "never"
EXIT_CODES = "Exit codes: 0 nothing as bad as --fail-on; 1 something is, or an error; 2 wrong usage; 130 Ctrl-C."


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.epilog = EXIT_CODES
    add_input(parser)
    parser.add_argument("--family", action="append", default=[], choices=FAMILIES, dest="families",
                        help="ask only these questions: will it deploy, will it run, is it safe; repeat it for more")
    parser.add_argument("--rule", action="append", default=[], dest="rules", metavar="RULE",
                        help="ask only this rule; repeat it for more")
    parser.add_argument("--fail-on", choices=(*SEVERITIES, NEVER), default="high", metavar="SEVERITY",
                        help=f"exit with 1 from this severity on: {', '.join(SEVERITIES)} or {NEVER}; default: high")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there, and show it as text here")
    parser.add_argument("--verbose", action="store_true", help="list what could not be judged before apply too")
    parser.add_argument("--list", action="store_true", help="show every rule, and check nothing")
    parser.add_argument("--explain", metavar="RULE", help="show what a rule looks for and why, and check nothing")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Ask the rules of a graph, and show what they found."""
    from groundsill.checks.rules import rules_named

    if given.explain:
        _explain(rules_named([given.explain])[0], screen)
        return 0
    rules = _asked(given)
    if given.list:
        _list(rules, screen)
        return 0
    source = read_input(given)
    if source.kind == "definition":
        source.diagnostics.raise_if_errors()
    screen.diagnostics(source.diagnostics.in_file_order())

    from groundsill.checks.run import check

    report = check(source.graph, rules, cost=_least_cost)
    fail_on = _severity(given.fail_on)
    _show(report, given, screen, fail_on)
    _next(report, given, screen, definition=source.kind == "definition")
    misnamed = _misnamed(report)
    screen.diagnostics(misnamed)
    failed = bool(fail_on and report.at_least(fail_on)) or bool(source.diagnostics.errors or report.faults or misnamed)
    return 1 if failed else 0


def _misnamed(report: Report) -> list[Diagnostic]:
    """A suppression of a rule that does not exist accepts nothing: the user must know."""
    from groundsill.checks.rules import every_rule

    known = [rule.id for rule in every_rule()] if report.misnamed else []
    return [Diagnostic("GS4103", f"there is no rule `{item.rule}` to suppress", item.location,
                       mend=did_you_mean(item.rule, known, what="Rules", limit=6)) for item in report.misnamed]


def _least_cost(graph: Graph) -> float:
    """Asked for only where there is a budget to compare it with."""
    from groundsill.cost.estimate import estimate

    return estimate(graph).total.low


def _asked(given: argparse.Namespace) -> list[Rule]:
    from groundsill.checks.rules import every_rule, rules_named

    rules = rules_named(given.rules) if given.rules else list(every_rule())
    return [rule for rule in rules if not given.families or rule.family in given.families]


def _severity(name: str) -> Severity | None:
    from groundsill.checks.rule import Severity

    return None if name == NEVER else Severity(name)


def _show(report: Report, given: argparse.Namespace, screen: Screen, fail_on: Severity | None) -> None:
    from groundsill.checks.formats.data import report_data
    from groundsill.cli.views.check import render

    folder = Path.cwd()
    format = "json" if screen.json and given.format == "text" else given.format
    if given.out:
        _write(given.out, _formatted(report, format, folder, fail_on, verbose=given.verbose))
    elif format not in ("text", "json"):
        screen.result(_formatted(report, format, folder, fail_on, verbose=given.verbose).rstrip("\n"))
        return
    elif format == "json":
        screen.json = True
    data = {**report_data(report, folder), "fail_on": given.fail_on, "written": str(given.out) if given.out else None}
    screen.result(render(report, folder, screen.style, verbose=given.verbose), data)
    if given.out:
        screen.note(f"\nWrote {given.out}")


def _formatted(report: Report, format: str, folder: Path, fail_on: Severity | None, *, verbose: bool) -> str:
    from groundsill.cli.views.check import render, summary
    from groundsill.cli.views.style import Style

    if format == "sarif":
        from groundsill import __version__
        from groundsill.checks.formats.sarif import sarif

        return json.dumps(sarif(report, folder, __version__), indent=2, ensure_ascii=False) + "\n"
    if format == "junit":
        from groundsill.checks.formats.junit import junit

        return junit(report, folder, fail_on)
    if format == "markdown":
        from groundsill.checks.formats.markdown import markdown

        return markdown(report, folder, summary(report))
    if format == "json":
        from groundsill.checks.formats.data import report_data

        return json.dumps(report_data(report, folder), indent=2, ensure_ascii=False) + "\n"
    return render(report, folder, Style(), verbose=verbose) + "\n"


def _write(path: Path, text: str) -> None:
    """The whole file or none of it: written beside, then renamed."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8",
                                         errors="backslashreplace") as file:
            file.write(text)
        written = Path(file.name)
        written.chmod(0o644)
        written.replace(path)
    except OSError as error:
        raise GroundsillError(Diagnostic(
            "GS4102", f"the report cannot be written to {path}", detail=str(error), mend="name a file in a folder of yours",
        )) from error


def _next(report: Report, given: argparse.Namespace, screen: Screen, *, definition: bool) -> None:
    words = shlex.join(part for part in (given.input if given.input != "." else "", *(("--stage", given.stage) if given.stage
                                         else ())) if part)
    actions: dict[str, str] = {}
    if report.results:
        actions[f"groundsill check --explain {report.results[0].rule.id}"] = "why it matters, and what to do"
    if report.unknown and not given.verbose:
        actions[f"groundsill check {words} --verbose".replace("  ", " ")] = "see what could not be judged"
    if definition and not report.results:
        actions[f"groundsill up {words}".rstrip()] = "run it on this machine"
        actions[f"groundsill plan {words}".rstrip()] = "see what a deploy would change"
    screen.next_actions(actions)


def _explain(rule: Rule, screen: Screen) -> None:
    from groundsill.checks.formats.data import rule_data
    from groundsill.cli.views.check import explanation

    screen.result(explanation(rule, screen.style), rule_data(rule))


def _list(rules: list[Rule], screen: Screen) -> None:
    from groundsill.checks.formats.data import rule_data
    from groundsill.cli.views.check import rule_list

    screen.result(rule_list(rules, screen.style), {"rules": [rule_data(rule) for rule in rules]})
    screen.next_actions({"groundsill check --explain RULE": "why a rule matters, and what to do"})
