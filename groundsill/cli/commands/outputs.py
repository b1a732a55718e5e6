"""`groundsill outputs`: addresses and names that operators and clients need."""

from __future__ import annotations

import argparse
from pathlib import Path

from groundsill.cli.arguments import Parser, UsageError, add_system
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, target
from groundsill.cli.views import client_configuration
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.ground.control import write_whole


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    parser.add_argument("--format", choices=client_configuration.FORMATS, metavar="FORMAT",
                        help=f"{', '.join(client_configuration.FORMATS)}; default by the suffix of --out, else table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it to a file instead of standard output")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Show the outputs of the running system, or write them as the configuration of a client."""
    chosen = _format(given)
    about = target(given)
    facts = about.state.running()
    if facts is None:
        raise GroundsillError(_nothing(about))
    values = client_configuration.values(facts)
    plain = screen.style if chosen == "table" and given.out is None else None
    text = client_configuration.render(chosen, values, plain)
    envelope = {name: facts.get(name) for name in ("system", "stage", "region", "outputs", "urls")}
    if given.out is None:
        screen.result(text.rstrip("\n"), {**envelope, "client": values})
        actions = {about.command("outputs", "--out", "client.json"): "write them as a client's configuration"}
    else:
        try:
            write_whole(given.out, text)
        except OSError as error:
            raise GroundsillError(Diagnostic(
                "GS2108", f"cannot write {given.out}", detail=str(error), mend="name another file with --out",
            )) from error
        screen.result(
            f"{screen.style.green('Wrote')} {screen.style.bold(str(given.out))}: {len(values)} values as {chosen}",
            {**envelope, "client": values, "file": str(given.out.resolve()), "format": chosen},
        )
        actions = {about.command("logs", "--follow"): "see what the system does with its requests"}
    screen.next_actions(actions)
    return 0


def _format(given: argparse.Namespace) -> str:
    if given.format:
        return given.format
    if given.out is None:
        return "table"
    # A file named only `.env` has no suffix of its own.
    suffix = given.out.suffix or given.out.name
    if suffix not in client_configuration.SUFFIXES:
        raise UsageError(f"--out {given.out}: say with --format what it should be; "
                         f"known suffixes: {', '.join(client_configuration.SUFFIXES)}")
    return client_configuration.SUFFIXES[suffix]


def _nothing(about: Target) -> Diagnostic:
    if about.state.is_running():
        return Diagnostic("GS2109", f"stage {about.stage} is still being started", mend="wait for it, then ask again")
    return Diagnostic(
        "GS2103", f"stage {about.stage} is not running on this machine, so it has no outputs",
        mend=f"start it: `{about.command('up', '--detach')}`",
    )
