"""`groundsill logs`: what the components wrote."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta

from groundsill.cli.arguments import Parser, UsageError, add_system, count
from groundsill.cli.log_lines import Follower, LogLine, components, file_stem, last_lines
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, load, target, words_aside
from groundsill.cli.views.logs import LogView
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean

_DEFAULT_LINES = 100
_FOLLOW_SECONDS = 0.1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    parser.add_argument("--component", action="append", default=[], dest="components", metavar="NAME",
                        help="only this component; repeat it for more")
    parser.add_argument("--follow", "-f", action="store_true",
                        help="go on with new lines until Ctrl-C or the system stops; with --json one object a line")
    parser.add_argument("--since", metavar="TIME", help="only lines after this: 30s, 10m, 2h, 1d ago, or a time such as "
                        "2026-11-20T14:03:00Z")
    parser.add_argument("--lines", "-n", type=count, metavar="N",
                        help=f"only the last N; default {_DEFAULT_LINES}, or all with --since")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Show the last lines, then new ones where that was asked for."""
    since = _moment(given.since) if given.since else ""
    about = target(given)
    folder = about.state.logs
    if not components(folder) and not about.state.is_running():
        raise GroundsillError(Diagnostic(
            "GS2120", f"there are no logs of stage {about.stage} on this machine",
            mend=f"run the system first: `{about.command('up')}`",
        ))
    _check_components(given.components, about)
    most: int | None = given.lines if given.lines is not None else None if since else _DEFAULT_LINES
    follower = Follower(folder, given.components)
    lines = last_lines(folder, given.components, since=since, most=most)
    if given.follow:
        return _follow(lines, follower, about, screen)
    view = LogView(screen.style)
    screen.result("\n".join(map(view.line, lines)), {"stage": about.stage, "lines": lines})
    if not lines:
        screen.note("Nothing was written" + (f" since {given.since}." if since else "."))
    if not about.state.is_running():
        screen.note("\nThe system is not running; these are the lines of its last run.")
        screen.next_actions({about.command("up"): "start it"})
    else:
        screen.next_actions({about.command("logs", "--follow"): "go on with new lines"})
    return 0


def _follow(lines: list[LogLine], follower: Follower, about: Target, screen: Screen) -> int:
    view = LogView(screen.style)
    # A line that came between opening the files and reading their ends is found by both.
    shown = lines[-_DEFAULT_LINES:]
    while True:
        # Looked at before reading: what a system wrote while it stopped is shown too.
        runs = about.state.is_running()
        for line in lines:
            print(json.dumps(line, ensure_ascii=False) if screen.json else view.line(line))
        sys.stdout.flush()
        lines = [line for line in follower.poll() if line not in shown]
        shown = []
        if lines:
            continue
        if not runs:
            screen.note("\nThe system is not running.")
            screen.next_actions({about.command("up"): "start it"})
            return 0
        time.sleep(_FOLLOW_SECONDS)


def _check_components(names: list[str], about: Target) -> None:
    """Refuse a name that is no component's. One that has not written yet is known from the definition only."""
    written = components(about.state.logs)
    unknown = [name for name in names if file_stem(name) not in written]
    if not unknown:
        return
    try:
        with words_aside():
            graph, _ = load(about.folder).examine(about.stage)
        defined = {resource.component for resource in graph if resource.component}
    except GroundsillError:
        defined = set[str]()
    wrong = [name for name in unknown if name not in defined]
    if wrong:
        raise GroundsillError([
            Diagnostic("GS2121", f"there is no component `{name}`",
                       mend=did_you_mean(name, written or defined, what="With logs")) for name in wrong
        ])


def _moment(text: str) -> str:
    """A time in the form of the log lines, which sorts as it reads."""
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    try:
        if ago:
            moment = datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        else:
            moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since {text}: write for example 10m, 2h or 2026-11-20T14:03:00Z") from error
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
