"""`groundsill down`: stop the system."""

from __future__ import annotations

import argparse
import sys

from groundsill.cli.arguments import Parser, add_system
from groundsill.cli.screen import Screen, is_terminal
from groundsill.cli.systems import Target, target
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

_SLOW_SECONDS = 1.0


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    parser.add_argument("--wipe", action="store_true", help="delete its data and logs on this machine too, after asking")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Stop the system; delete its data where that was asked for and confirmed."""
    about = target(given)
    state = about.state
    # Asked before anything is stopped: a no changes nothing.
    if given.wipe and not given.yes and not _confirmed(about, screen):
        screen.note("Nothing was stopped and nothing deleted.")
        return 1
    told: list[str] = []

    def tell(word: str, seconds: float) -> None:
        if seconds > _SLOW_SECONDS and word not in told:
            told.append(word)
            screen.note("It takes its time ..." if word == "stopping" else "It does not end by itself: ending it by force.")

    facts = state.running() or {}
    system: str = facts.get("system") or about.folder.name
    stopped = state.stop(on_progress=tell)
    deleted = state.wipe() if given.wipe else []
    name = f"{system} {about.stage}"
    text = f"{screen.style.green('Stopped')} {name}." if stopped else f"{name} is not running."
    if given.wipe:
        text += f" Deleted: {', '.join(deleted)}." if deleted else " There was no data to delete."
    elif stopped:
        text += " Its data stays."
    screen.result(text, {"system": system, "stage": about.stage, "stopped": stopped, "deleted": deleted})
    actions = {about.command("up"): "start it again"}
    if not given.wipe:
        actions[about.command("down", "--wipe")] = "delete its data on this machine"
    screen.next_actions(actions)
    return 0


def _confirmed(about: Target, screen: Screen) -> bool:
    if screen.json or not is_terminal(sys.stdin):
        raise GroundsillError(Diagnostic(
            "GS2107", "deleting data must be confirmed, and there is nobody to ask",
            mend=f"add --yes: `{about.command('down', '--wipe', '--yes')}`",
        ))
    print(f"Delete all data and logs of {about.folder.name} {about.stage} on this machine? [y/N] ",
          end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
