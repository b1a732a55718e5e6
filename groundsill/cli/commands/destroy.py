"""`groundsill destroy`: take a deployed stage away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.cli.arguments import Parser, add_settings, add_system
from groundsill.cli.deployments import (
    about_graph,
    add_deployment,
    confirmed,
    ends_like_ctrl_c,
    event_file,
    opened,
    with_events,
)
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph

if TYPE_CHECKING:
    from groundsill.cli.views.deploying import Lines
    from groundsill.terraform.changes import PlanSummary
    from groundsill.terraform.deployment import Deployment
    from groundsill.terraform.destroy import Obstacle
    from groundsill.terraform.engine import EngineError
    from groundsill.terraform.leftovers import Leftover, Retained

_INTERRUPTED = 130


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    add_settings(parser)
    parser.add_argument("--confirm", metavar="SYSTEM/STAGE", help="what would be typed, for example shop/dev; for CI")
    parser.add_argument("--unprotect", action="store_true",
                        help="first take deletion protection away where it stands in the way")
    parser.add_argument("--empty", action="store_true",
                        help="also buckets, image repositories and backup vaults with all that is in them")
    parser.add_argument("--events", metavar="FILE", help="copy Terraform's own events there, a JSON object a line; - is "
                        "standard error")
    add_deployment(parser)


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Ask by name, lift what stands in the way where that was asked for, destroy, and report what was left."""
    target, graph = about_graph(given, screen)

    from groundsill.cli.views.deploying import deploying
    from groundsill.terraform.destroy import lift, obstacles
    from groundsill.terraform.engine import EngineError, Interrupted
    from groundsill.terraform.leftovers import retained

    about = opened(given, target, graph)
    with ends_like_ctrl_c(), about.workspace.held("destroy"), \
            deploying(screen, graph, events=event_file(given.events)) as view:
        about = with_events(about, view.event)
        about.workspace.begin("destroy")
        about.prepare()
        if about.has_traces:
            _take_over(about, view)
        state = about.engine.show(about.directory)
        in_the_way = obstacles(state, contents=given.empty)
        if in_the_way and not given.unprotect and not given.empty:
            raise _protected(in_the_way, graph, target)
        lifted = lift(graph, in_the_way) if in_the_way else []
        before = about.engine.state_pull(about.directory)
        try:
            agreed = _destroy(about, given, screen, view, target, lifted)
        except EngineError as error:
            return _stopped(about, screen, target, error, before)
        except Interrupted:
            screen.note(f"Interrupted. The state is kept; `{target.command('destroy')}` continues.")
            return _INTERRUPTED
        if agreed is None:
            about.workspace.finished()
            screen.result("Nothing was destroyed.", {"system": graph.name, "stage": graph.stage, "destroyed": []})
            return 1
        left = _left(about)
        about.forget_traces()
        about.workspace.finished()
    kept = retained(before, agreed)
    _tell_left(left, kept, screen)
    screen.result(
        f"{screen.style.green('Destroyed')} {graph.name} {graph.stage}: {len(agreed)} resources"
        + (f"; {len(left)} left" if left else ""),
        {"system": graph.name, "stage": graph.stage, "destroyed": agreed,
         "left": [item.to_dict(target.folder) for item in left], "retained": [item.to_dict() for item in kept]},
    )
    screen.next_actions({target.command("deploy"): "make it again, empty"})
    return 1 if left else 0


def _stopped(
    about: Deployment, screen: Screen, target: Target, error: EngineError, before: dict[str, Any],
) -> int:
    """A destroy that did not come to its end: what went, what did not and why, in one report."""
    from groundsill.cli.views.diagnostics import headline
    from groundsill.terraform.leftovers import retained

    done = [item.address for item in error.summary.resources if item.action == "destroy" and not item.failed] \
        if error.summary else []
    left, kept = _left(about, error), retained(before, done)
    if screen.json:
        screen.result("", {
            "error": headline(error.diagnostics), "diagnostics": [item.to_dict() for item in error.diagnostics],
            "system": about.graph.name, "stage": about.graph.stage, "destroyed": done,
            "left": [item.to_dict(target.folder) for item in left], "retained": [item.to_dict() for item in kept],
        })
        return 1
    screen.diagnostics(error.diagnostics)
    _tell_left(left, kept, screen)
    screen.note(f"Destroyed {len(done)}, left {len(left)}. The state is kept; `{target.command('destroy')}` continues.")
    return 1


def _destroy(
    about: Deployment, given: argparse.Namespace, screen: Screen, view: Lines, target: Target, lifted: list[str],
) -> list[str] | None:
    """What was destroyed; None where the user did not agree."""
    from groundsill.cli.views.deploying import paused
    from groundsill.terraform.deployment import plan_file
    values = _values(about)
    with plan_file() as file:
        view.step("plan", "started")
        plan = about.plan(file, values, destroy=True)
        view.step("plan", "done", plan.seconds)
        if not plan.changes:
            return []
        with paused(view):
            if not _agreed(plan, about, given, screen, target):
                return None
        if lifted:
            about.prepare()  # now with what stood in the way set otherwise
            with plan_file() as first:
                view.step("unprotect", "started")
                about.plan(first, values, targets=lifted)
                done = about.apply(first)
                view.step("unprotect", "done", done.seconds, f"{len(done.resources)} resources")
            about.plan(file, values, destroy=True)
        view.step("destroy", "started")
        done = about.apply(file)
        view.step("destroy", "done", done.seconds, f"{len(done.resources)} resources")
        return [item.address for item in done.resources if item.action == "destroy"]


def _values(about: Deployment) -> dict[str, str]:
    """Nothing of a variable's value matters to a destroy, but Terraform wants one."""
    from groundsill.terraform.images import STAND_IN

    for variable in about.graph.variables.values():
        if variable.ephemeral:  # also the apply asks for it
            about.engine.environment.setdefault(f"TF_VAR_{variable.name}", STAND_IN)
    return {
        name: f"{name}@{STAND_IN}" for name, variable in about.graph.variables.items()
        if variable.default is None and f"TF_VAR_{name}" not in about.engine.environment
    }


def _take_over(about: Deployment, view: Lines) -> None:
    """What an interrupted deploy made is destroyed with the rest, so Terraform has to know of it."""
    from groundsill.terraform.recovery import recover

    values = _values(about)
    for address, resource_id in recover(about, values, view.say).imports.items():
        about.locked(lambda address=address, resource_id=resource_id: about.engine.import_(
            about.directory, address, resource_id, variables=values, graph=about.graph))
    about.forget_traces()


def _agreed(plan: PlanSummary, about: Deployment, given: argparse.Namespace, screen: Screen, target: Target) -> bool:
    from groundsill.cli.views.plan import render
    from groundsill.terraform.review import review

    name = f"{about.graph.name}/{about.graph.stage}"
    screen.note(f"\n{render(review(plan, about.graph), Path.cwd(), screen.error_style)}\n")
    if given.confirm is not None:
        if given.confirm == name:
            return True
        raise GroundsillError(Diagnostic("GS3031", f"--confirm {given.confirm} is not the stage that would be destroyed",
                                         mend=f"that is {name}"))
    return confirmed(screen, f"Destroy {len(plan.changes)} resources of {name}?", name, Diagnostic(
        "GS3031", "destroying a stage must be confirmed by its name, and there is nobody to ask",
        mend=f"`{target.command('destroy', '--confirm', name)}`",
    ))


def _protected(found: list[Obstacle], graph: Graph, target: Target) -> GroundsillError:
    from groundsill.terraform.failures import base_address

    diagnostics: list[Diagnostic] = []
    for item in found:
        resource = graph.resources.get(base_address(item.address))
        diagnostics.append(Diagnostic(
            "GS3021", f"{item.address} is protected from being destroyed", resource.location if resource else None,
            resource.subject if resource else "", f"{item.attribute} is {item.value!r}: {item.why}",
            f"nothing was destroyed; where it is meant: `{target.command('destroy', '--unprotect')}`",
        ))
    return GroundsillError(diagnostics)


def _left(about: Deployment, error: EngineError | None = None) -> list[Leftover]:
    """What the state still holds, and why."""
    from groundsill.terraform.leftovers import leftovers

    try:
        state = about.engine.state_pull(about.directory)
    except GroundsillError:
        return []
    return leftovers(state, about.graph, error.problems if error else ())


def _tell_left(left: list[Leftover], kept: list[Retained], screen: Screen) -> None:
    """What is still there, each with why; then what AWS keeps by design. What AWS answered was said before."""
    style = screen.error_style
    if left:
        screen.note("\n".join([
            style.bold(f"Still there ({len(left)}):"),
            *(f"  {item.address}  {style.dim(item.resource_id)}\n      {item.why}" for item in left),
        ]))
    if kept:
        screen.note("\n".join([style.bold("AWS keeps for a time:"), *(f"  {item.address}: {item.what}" for item in kept)]))
