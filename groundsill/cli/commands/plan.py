"""`groundsill plan`: what a deploy would change."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser, add_settings, add_system
from groundsill.cli.deployments import (
    about_graph,
    add_deployment,
    add_permission_check,
    ends_like_ctrl_c,
    event_file,
    opened,
    shown_path,
    with_events,
)
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, Severity

if TYPE_CHECKING:
    from groundsill.cli.views.deploying import Lines
    from groundsill.graph.artifact import ContainerImage
    from groundsill.graph.graph import Graph
    from groundsill.terraform.changes import PlanSummary
    from groundsill.terraform.permissions import Judgement
    from groundsill.terraform.preflight import Caller

CHANGES = 2
EXIT_CODES = "Exit codes: 0 nothing changes; 2 something does (or wrong usage); 1 an error; 130 Ctrl-C."


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.epilog = EXIT_CODES
    add_system(parser)
    add_settings(parser)
    parser.add_argument("--save", metavar="FILE", type=Path,
                        help="keep the plan for `deploy --plan FILE`. It holds values of variables and, as Terraform's "
                             "state does, of resources: readable by you alone")
    parser.add_argument("--drift", action="store_true",
                        help="show what was changed outside since the last deploy, and nothing else")
    parser.add_argument("--image", action="append", default=[], dest="images", metavar="NAME=REPOSITORY@sha256:...",
                        help="an image that is pushed already; repeat it for more")
    parser.add_argument("--events", metavar="FILE", help="copy Terraform's own events there, a JSON object a line; - is "
                        "standard error")
    parser.add_argument("--upgrade", action="store_true", help="take the newest provider that fits, and lock it")
    add_permission_check(parser)
    add_deployment(parser)


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Compare the definition with what is there, and show the difference by component."""
    target, graph = about_graph(given, screen)

    from groundsill.cli.plan_costs import plan_costs
    from groundsill.cli.views.deploying import deploying
    from groundsill.cli.views.plan import render
    from groundsill.terraform.deploy import planned_images
    from groundsill.terraform.deployment import plan_file
    from groundsill.terraform.images import given_images
    from groundsill.terraform.packages import build_packages
    from groundsill.terraform.permissions import diagnostics
    from groundsill.terraform.preflight import caller, warnings
    from groundsill.terraform.recovery import recover
    from groundsill.terraform.review import review

    images = given_images(given.images, graph)
    about = opened(given, target, graph)
    with ends_like_ctrl_c(), about.workspace.held("plan"), \
            deploying(screen, graph, events=event_file(given.events)) as view, plan_file() as file:
        about = with_events(about, view.event)
        about.check_variables({**images, **{image.variable: "" for image in about.images}})
        view.step("credentials", "started")
        asked = time.perf_counter()
        who = caller(graph.region, about.backend)
        view.step("credentials", "done", time.perf_counter() - asked, who.words)
        for line in warnings(who, about.backend):
            view.say(line)
        view.step("plan", "started")
        about.prepare(upgrade=given.upgrade)
        values, pending = planned_images(about, images)
        if about.has_traces:
            recover(about, values, view.say)
        if given.save:
            _must_be_known(pending, target.command("deploy"))
            build_packages(graph, about.directory)
        plan = about.plan(file, values)
        view.step("plan", "done", plan.seconds, f"state in {about.backend.words}")
        if given.save:
            about.save(plan, given.save.absolute())
        judgement = _judged(given, who, graph, plan, pending, about.images, view) if plan.has_changes else None
    found = review(plan, graph)
    costs, problems = plan_costs(plan, graph, target.folder) if not given.drift else (None, Diagnostics())
    changes = bool(plan.drift) if given.drift else plan.has_changes
    screen.result(
        render(found, Path.cwd(), screen.style, drift=given.drift, costs=costs),
        {"system": graph.name, "stage": graph.stage, "state": about.backend.words, **found.to_dict(target.folder),
         "cost": costs.to_dict() if costs else None,
         "permissions": judgement.to_dict() if judgement else None,
         "images_to_build": pending, "saved": str(given.save.absolute()) if given.save else None},
    )
    if problems:
        screen.note("\nWhat the plan costs is not shown:")
        screen.diagnostics(list(problems))
    if judgement:
        screen.diagnostics(diagnostics(judgement, graph, Severity.WARNING))
    if pending:
        screen.note(f"A deploy builds and pushes {', '.join(pending)} first; the digest shown is a stand-in.")
    actions = {target.command("deploy"): "make it so"} if plan.has_changes else {}
    if given.save:
        actions = {target.command("deploy", "--plan", shown_path(given.save)): "apply exactly this plan"}
    screen.next_actions(actions)
    return CHANGES if changes else 0


def _judged(
    given: argparse.Namespace, who: Caller, graph: Graph, plan: PlanSummary, pending: list[str], images: list[ContainerImage],
    view: Lines,
) -> Judgement | None:
    """What IAM says of a deploy of this plan; None where it is not to be asked."""
    from groundsill.terraform.needs import wanted_by_plan
    from groundsill.terraform.permissions import Permissions

    if not given.permission_check or given.drift:
        return None
    view.step("permissions", "started")
    asked = time.perf_counter()
    pushed = [image.repository for image in images if image.name in pending]
    found = Permissions(who, graph).judge(wanted_by_plan(plan), pushed=pushed)
    view.step("permissions", "done", time.perf_counter() - asked, found.words)
    return found


def _must_be_known(pending: list[str], deploy: str) -> None:
    if pending:
        raise GroundsillError(Diagnostic(
            "GS3028", "a saved plan must say which image runs, and one is not pushed yet", detail=", ".join(pending),
            mend=f"push it with `{deploy}`, or name it: --image {pending[0]}=REPOSITORY@sha256:...",
        ))
