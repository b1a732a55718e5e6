"""`groundsill rehearse`: a deployment's dress rehearsal, before there is an AWS account."""

from __future__ import annotations

import argparse
from pathlib import Path

from groundsill.cli.arguments import Parser, add_settings, add_system
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, load, system_folder, words, words_aside
from groundsill.cli.views import rehearsal as view
from groundsill.cli.views.progress import progress
from groundsill.graph.diagnostics import Diagnostic, GroundsillError


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    add_settings(parser)
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the report as Markdown too")
    parser.add_argument("--timeout", metavar="TIME", type=_time,
                        help="how long all of it may take, for example 90s or 15m; default 30m")
    parser.add_argument("--keep", metavar="DIR", type=Path,
                        help="work in this new folder and leave it: configuration, state, plans and the API's log")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Hold the rehearsal and show how each resource came through."""
    folder = system_folder(given.system)
    system = load(folder)
    stage: str = given.stage or system.default_stage
    with words_aside():
        graph, diagnostics = system.examine(stage, dict(item.split("=", 1) for item in given.settings))
    diagnostics.raise_if_errors()
    screen.diagnostics(diagnostics.in_file_order())
    from groundsill.operate.rehearsal import DEFAULT_SECONDS, rehearse

    with progress(screen) as shown:
        report = rehearse(graph, folder=given.keep, on_step=shown.phase, timeout=given.timeout or DEFAULT_SECONDS)
    for item in report.resources:
        item.place = view.relative(item.place, folder)
    if given.markdown is not None:
        _write(given.markdown, report.to_markdown())
    screen.result(view.text(report, screen.style), report.to_dict())
    about = Target(folder, stage, words(given))
    if not report.passed:
        screen.next_actions({about.command("rehearse", "--keep", "DIR"): "keep everything for a closer look"})
        return 1
    screen.next_actions({about.command("plan"): "see what a deployment to your account would change"})
    return 0


def _write(path: Path, content: str) -> None:
    from groundsill.ground.control import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise GroundsillError(Diagnostic(
            "GS2108", f"cannot write {path}", detail=str(error), mend="name another file with --markdown")) from error


def _time(text: str) -> int:
    from groundsill.definition.quantities import seconds

    try:
        found = seconds(int(text) if text.isdecimal() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if found <= 0:
        raise argparse.ArgumentTypeError("it must be longer than nothing")
    return found
