"""`groundsill migrate`: see which migrations a database has, apply those that it lacks, take the last one back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from groundsill.cli.arguments import Parser, add_settings, add_system
from groundsill.cli.deployments import about_graph, confirmed, is_production
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, target
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean
from groundsill.graph.migration import COMMANDS

if TYPE_CHECKING:
    from groundsill.graph.graph import Graph
    from groundsill.graph.migration import Migration
    from groundsill.operate.migrations.place import Place
    from groundsill.operate.migrations.protocol import Answer

_EPILOG = """\
Without --stage the system that runs on this machine is asked (`groundsill up`); with --stage a deployed stage, with the
AWS credentials of the environment, or with --here that stage as it runs on this machine.

Exit codes: 0 all went well, whatever is pending; 1 an error, or not agreed to; 2 wrong usage; 130 Ctrl-C."""


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.epilog = _EPILOG
    parser.intermixed = True
    add_system(parser)
    parser.add_argument("action", nargs="?", choices=COMMANDS, metavar="status|up|down",
                        help="status (default): what is applied and what is pending; up: apply what is pending; down: take the "
                             "last applied one back")
    add_settings(parser)
    parser.add_argument("--here", action="store_true", help="the stage as it runs on this machine; default without --stage")
    parser.add_argument("--component", action="append", default=[], dest="components", metavar="NAME",
                        help="only this Migration of the definition; repeat it for more; default all")
    parser.add_argument("--yes", action="store_true", help="do not ask; a down in production is asked about all the same")
    parser.add_argument("--confirm", metavar="MIGRATION", help="with down: what would be typed, the name of the migration that "
                        "is taken back, for example 0002_price; for CI")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Ask the functions of the system's migrations, and show what they answer."""
    if given.action is None and given.system in COMMANDS:
        # Of two words that may both be left away, argparse takes the only one for the first.
        given.system, given.action = None, given.system
    command: str = given.action or "status"
    about, place, name = _place(given, screen)
    chosen = _chosen(place, given.components, name)
    production = not _is_here(given) and is_production(about.stage)
    work = _Work(place, about, screen, {"system": name, "stage": about.stage, "where": "here" if _is_here(given) else "deployed",
                                        "place": place.words, "command": command})
    if command == "down":
        return _down(work, chosen, given, production=production)
    if command == "up" and production and not given.yes and not _up_agreed(work, chosen):
        return 1
    return work.run(chosen, command)


class _Work:
    """One command over some migrations: what was answered, what went wrong, and how both are shown."""

    def __init__(self, place: Place, about: Target, screen: Screen, facts: dict[str, Any]) -> None:
        self.place, self.about, self.screen, self.facts = place, about, screen, facts

    def run(self, chosen: list[Migration], command: str, *, last: str = "") -> int:
        """Give the command to each, and show everything; the exit code. A change that fails is the last one."""
        from groundsill.operate.migrations.protocol import ask

        answers: list[tuple[Migration, Answer]] = []
        problems: list[Diagnostic] = []
        for migration in chosen:
            try:
                answers.append((migration, ask(self.place, migration, command, last=last)))
            except GroundsillError as error:
                problems += error.diagnostics
                if command != "status":
                    break
            except KeyboardInterrupt:
                self.screen.note(f"{migration.function} goes on where it runs: `{self.about.command('migrate')}` shows its end.")
                raise
        self.show(answers, problems, command)
        return 1 if problems else 0

    def show(self, answers: list[tuple[Migration, Answer]], problems: list[Diagnostic], command: str) -> None:
        """The answers, then the errors."""
        from groundsill.cli.views.diagnostics import headline
        from groundsill.cli.views.migrations import count_line, log, render

        screen = self.screen
        data: dict[str, Any] = {**self.facts, "migrations": [
            {"component": migration.component, "function": migration.function, "applied": answer.applied,
             "pending": answer.pending, "done": answer.done, "log": answer.log, "seconds": round(answer.seconds, 3)}
            for migration, answer in answers]}
        if problems:
            data = {"error": headline(problems), "diagnostics": [item.to_dict() for item in problems], **data}
        if answers or screen.json:
            for migration, answer in answers:
                told = log(migration, answer.log, screen.error_style)
                if told:
                    screen.note(f"{told}\n")
            screen.result(f"{render(answers, command, screen.style)}\n\n{self.facts['system']} {self.facts['stage']}, "
                          f"{self.facts['place']}: {count_line(answers, command)}", data)
        if problems:
            if not screen.json:
                screen.diagnostics(problems)
            return
        pending = any(answer.pending for _, answer in answers)
        screen.next_actions(
            {self.words("up"): "apply what is pending"} if pending and command != "down"
            else {self.words("status"): "see what is applied"} if command != "status" else {})

    def words(self, command: str) -> str:
        """The command about the same system, as the user would type it."""
        here = "--here" if self.facts["where"] == "here" and "--stage" in self.about.words else ""
        return self.about.command("migrate", command, *([here] if here else []))


# -- which -------------------------------------------------------------------------------------------------------------


def _is_here(given: argparse.Namespace) -> bool:
    return bool(given.here) or given.stage is None


def _place(given: argparse.Namespace, screen: Screen) -> tuple[Target, Place, str]:
    """Whose stage it is, where it is asked, and the system's name."""
    if not _is_here(given):
        about, graph = about_graph(given, screen)
        return about, _deployed(about, graph, screen), graph.name
    from groundsill.operate.migrations.here import Here

    about = target(given)
    facts = about.state.running()
    if facts is None:
        raise GroundsillError(_not_running(about, given))
    return about, Here(about.state), str(facts["system"])


def _deployed(about: Target, graph: Graph, screen: Screen) -> Place:
    from groundsill.graph.migration import migration_calls
    from groundsill.operate.migrations.deployed import Deployed
    from groundsill.terraform.backend import Backend, read_state_file
    from groundsill.terraform.preflight import caller, warnings

    if not migration_calls(graph):
        raise GroundsillError(_none(graph.name))
    backend = Backend(read_state_file(about.folder, about.stage))
    who = caller(graph.region, backend)
    for line in warnings(who, backend):
        screen.note(line)
    return Deployed(graph, who)


def _chosen(place: Place, names: list[str], system: str) -> list[Migration]:
    known = {item.component: item for item in place.migrations}
    if not known:
        raise GroundsillError(_none(system))
    wrong = [name for name in names if name not in known]
    if wrong:
        raise GroundsillError([Diagnostic("GS2202", f"there is no migration `{name}`",
                                          mend=did_you_mean(name, known, what="Migrations")) for name in wrong])
    return [item for name, item in known.items() if not names or name in names]


def _none(system: str) -> Diagnostic:
    return Diagnostic("GS2201", f"{system} has no migrations that can be asked", detail="only a function can be asked",
                      mend='add one to its definition: Migration("schema", migrate, before=[...])')


def _not_running(about: Target, given: argparse.Namespace) -> Diagnostic:
    if about.state.is_running():
        return Diagnostic("GS2109", f"stage {about.stage} is still being started", mend="wait for it, then ask again")
    deployed = "" if given.stage else "; a deployed stage is asked with --stage NAME"
    return Diagnostic("GS2203", f"stage {about.stage} is not running on this machine, so it has no database to ask",
                      mend=f"start it: `{about.command('up', '--detach')}`{deployed}")


# -- asking ------------------------------------------------------------------------------------------------------------


def _up_agreed(work: _Work, chosen: list[Migration]) -> bool:
    """Whether somebody agrees to a change of production, knowing what is pending."""
    from groundsill.cli.views.migrations import render
    from groundsill.operate.migrations.protocol import ask

    stage, screen = work.about.stage, work.screen
    refusal = Diagnostic(
        "GS3031", f"a change of {stage} must be confirmed, and there is nobody to ask",
        mend=f"look at `{work.words('status')}`, then `{work.words('up')} --yes`")
    found = [(migration, ask(work.place, migration, "status")) for migration in chosen]
    screen.note(f"{render(found, 'status', screen.error_style)}\n")
    if not any(answer.pending for _, answer in found):
        return True
    if confirmed(screen, f"Apply what is pending to {stage}, {work.place.words}?", stage, refusal):
        return True
    screen.result("Nothing was changed.", {**work.facts, "agreed": False, "migrations": []})
    return False


def _down(work: _Work, chosen: list[Migration], given: argparse.Namespace, *, production: bool) -> int:
    """Take the last one back, when whoever asked has said which one that is."""
    from groundsill.operate.migrations.protocol import ask

    if len(chosen) > 1:
        raise GroundsillError(Diagnostic(
            "GS2212", "a migration is taken back from one database at a time",
            detail=f"the system has {', '.join(item.component for item in chosen)}",
            mend=f"name it: `{work.words('down')} --component {chosen[-1].component}`"))
    (migration,) = chosen
    screen = work.screen
    found = ask(work.place, migration, "status")
    if not found.applied:
        work.show([(migration, found)], [], "down")
        return 0
    last = found.applied[-1]
    if given.confirm is not None and given.confirm != last:
        raise GroundsillError(Diagnostic(
            "GS2213", f"the last applied migration is {last}, not {given.confirm}", subject=migration.component,
            mend="nothing was taken back: only the last one can be"))
    if given.confirm is None and (production or not given.yes):
        refusal = Diagnostic(
            "GS2214", "taking a migration back must be confirmed, and there is nobody to ask", subject=migration.component,
            detail=f"{last} would be taken back {work.place.words}, with all data that only it has room for",
            mend=f"where that is meant: `{work.words('down')} --confirm {last}`")
        question = (f"{last} of {migration.component} is taken back {work.place.words}; lost with it: all data that only it has "
                    "room for.")
        if not confirmed(screen, question, last, refusal):
            screen.result("Nothing was changed.", {**work.facts, "agreed": False, "migrations": []})
            return 1
    return work.run(chosen, "down", last=last)
