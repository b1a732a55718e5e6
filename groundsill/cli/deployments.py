"""What the commands that work with Terraform share: how a stage is opened, and how its user is asked."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser
from groundsill.cli.screen import Screen, is_terminal
from groundsill.cli.systems import Target, load, system_folder, words, words_aside
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.graph.graph import Graph
    from groundsill.terraform.deployment import Deployment
    from groundsill.terraform.events import OnEvent

_PRODUCTION = "prod"


def add_deployment(parser: Parser) -> None:
    """What every command that works with Terraform takes."""
    parser.add_argument("--local-state", action="store_true",
                        help="keep the state on this machine alone, in .groundsill/STAGE/terraform; remembered. Default: "
                             "the bucket that state.toml names")
    parser.add_argument("--terraform", metavar="PROGRAM", help="Terraform or OpenTofu; default: GROUNDSILL_TERRAFORM, "
                        "else terraform or tofu on the PATH")


def add_permission_check(parser: Parser) -> None:
    """What every command takes that asks IAM beforehand whether the credentials may do it."""
    parser.add_argument("--no-permission-check", dest="permission_check", action="store_false",
                        help="do not ask IAM first whether these credentials may do what this takes")


def about_graph(given: argparse.Namespace, screen: Screen) -> tuple[Target, Graph]:
    """The system and its graph; warnings are shown.

    Raises:
        GroundsillError: with every mistake of the definition.
    """
    folder = system_folder(given.system)
    system = load(folder)
    stage: str = given.stage or system.default_stage
    settings: list[str] = getattr(given, "settings", [])
    with words_aside():
        graph, diagnostics = system.examine(stage, dict(item.split("=", 1) for item in settings))
    diagnostics.raise_if_errors()
    screen.diagnostics(diagnostics.in_file_order())
    return Target(folder, stage, words(given)), graph


def opened(given: argparse.Namespace, target: Target, graph: Graph, on_event: OnEvent | None = None) -> Deployment:
    """The stage, ready for Terraform; nothing is written yet but the wish for local state.

    Raises:
        GroundsillError: where there is no Terraform or no place for the state.
    """
    from groundsill.terraform.backend import find_backend
    from groundsill.terraform.deployment import Deployment
    from groundsill.terraform.engine import Engine
    from groundsill.terraform.workspace import Workspace

    directory = target.state.terraform
    engine = Engine.find(given.terraform)
    for variable in graph.variables.values():
        # Terraform asks for it again at each run, because it keeps it nowhere.
        if variable.given_by in engine.environment:
            engine.environment[f"TF_VAR_{variable.name}"] = engine.environment.pop(variable.given_by)
    backend = find_backend(target.folder, graph.name, graph.stage, directory, local=given.local_state)
    return Deployment(graph, Workspace(directory, target.folder, target.stage), engine, backend, on_event)


def with_events(about: Deployment, on_event: OnEvent) -> Deployment:
    """The same stage, whose events go somewhere."""
    return replace(about, on_event=on_event)


def is_production(stage: str) -> bool:
    """Whether a stage is one that is asked about by name."""
    return stage.startswith(_PRODUCTION)


def shown_path(path: Path) -> str:
    """A path as seen from the current folder, where it is below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


# -- asking ------------------------------------------------------------------------------------------------------------


def can_ask(screen: Screen) -> bool:
    """Whether somebody sits there who can answer."""
    return not screen.json and is_terminal(sys.stdin)


def typed(question: str) -> str:
    """What the user types after a question; empty at the end of input."""
    print(question, end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def confirmed(screen: Screen, question: str, wanted: str, refusal: Diagnostic) -> bool:
    """Whether the user types what is wanted.

    Arguments:
        screen: where to ask.
        question: what to ask; what must be typed is added.
        wanted: what must be typed, to the letter.
        refusal: the error where nobody can be asked.

    Raises:
        GroundsillError: the refusal.
    """
    if not can_ask(screen):
        raise GroundsillError(refusal)
    return typed(f"{question}\n  Type {screen.error_style.bold(wanted)} to go on:") == wanted


@contextlib.contextmanager
def ends_like_ctrl_c() -> Generator[None]:
    """A closed terminal and a polite kill do as Ctrl-C does: Terraform stops in good order and keeps its state."""
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def event_file(path: str | None) -> int | None:
    """The file that events are copied to as they come; ``-`` is standard error.

    Raises:
        GroundsillError: where it cannot be written.
    """
    if path is None:
        return None
    if path == "-":
        return os.dup(sys.stderr.fileno())
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS2108", f"cannot write to {path}", detail=str(error))) from error
