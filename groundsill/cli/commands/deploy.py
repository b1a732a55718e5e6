"""`groundsill deploy`: make what the definition says."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.cli.arguments import Parser, add_settings, add_system, count
from groundsill.cli.deployments import (
    about_graph,
    add_deployment,
    add_permission_check,
    can_ask,
    confirmed,
    ends_like_ctrl_c,
    event_file,
    is_production,
    opened,
    with_events,
)
from groundsill.cli.screen import Screen, table
from groundsill.cli.systems import Target
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.cli.plan_costs import PlanCosts
    from groundsill.cli.views.deploying import Lines
    from groundsill.graph.graph import Graph
    from groundsill.terraform.certificates import Proof
    from groundsill.terraform.deploy import Deployed
    from groundsill.terraform.engine import ApplySummary
    from groundsill.terraform.health import Answer
    from groundsill.terraform.review import Review

_INTERRUPTED = 130


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    add_settings(parser)
    parser.add_argument("--plan", metavar="FILE", type=Path, help="apply this plan of `plan --save`, and nothing else")
    parser.add_argument("--yes", action="store_true", help="do not ask before a change in production; data is still asked "
                        "for by name")
    parser.add_argument("--allow-data-loss", action="append", default=[], metavar="ADDRESS", dest="losses",
                        help="a resource that may be replaced or destroyed with all that it holds; repeat it for more")
    parser.add_argument("--image", action="append", default=[], dest="images", metavar="NAME=REPOSITORY@sha256:...",
                        help="an image that is pushed already; repeat it for more")
    parser.add_argument("--events", metavar="FILE", help="copy Terraform's own events there, a JSON object a line; - is "
                        "standard error")
    parser.add_argument("--health-seconds", type=count, default=60, metavar="N",
                        help="how long front doors may take to answer, default 60; 0 does not ask them")
    parser.add_argument("--delegation-seconds", type=count, default=600, metavar="N",
                        help="how long to wait until the registrar names the name servers of a new DNS zone, default 600")
    parser.add_argument("--certificate-seconds", type=count, default=600, metavar="N",
                        help="how long to wait until the records that prove a certificate's names are entered where their DNS "
                             "is kept, and AWS has found them, default 600; 0 shows the records and stops")
    parser.add_argument("--upgrade", action="store_true", help="take the newest provider that fits, and lock it")
    add_permission_check(parser)
    add_deployment(parser)


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Build what is missing, plan, ask where it matters, apply, and see whether it answers."""
    target, graph = about_graph(given, screen)

    from groundsill.cli.views.deploying import deploying
    from groundsill.terraform import health
    from groundsill.terraform.deploy import deploy
    from groundsill.terraform.engine import EngineError, Interrupted
    from groundsill.terraform.images import given_images

    images = given_images(given.images, graph)
    about = opened(given, target, graph)
    with ends_like_ctrl_c(), about.workspace.held("deploy"):
        earlier = about.workspace.journal()
        if earlier:
            screen.note(f"Continuing: the {earlier.get('operation', 'command')} of {earlier.get('began', '?')} did not come "
                        f"to its end (step {earlier.get('step', '?')}).")
        with deploying(screen, graph, events=event_file(given.events)) as view:
            talk = _Talk(given, screen, target, view, graph)
            try:
                done = deploy(with_events(about, view.event), talk, images=images, saved=given.plan, upgrade=given.upgrade,
                              delegation_seconds=given.delegation_seconds, certificate_seconds=given.certificate_seconds,
                              permission_check=given.permission_check)
            except GroundsillError as error:
                if isinstance(error, EngineError):
                    _tell_done(error.summary, screen)
                if not (screen.json and talk.proofs):
                    raise
                screen.diagnostics(error.diagnostics, failed=True, more=talk.certificates)
                return 1
            except KeyboardInterrupt as stop:
                summary = stop.summary if isinstance(stop, Interrupted) else None
                _tell_done(summary, screen, killed=isinstance(stop, Interrupted) and stop.killed)
                if screen.json:
                    screen.result("", {"error": "interrupted", "diagnostics": [], **talk.certificates,
                                       "done": summary.to_dict() if summary else None})
                screen.note(f"Interrupted. The state is kept; `{target.command('deploy')}` continues.")
                return _INTERRUPTED
            answers: list[Answer] = []
            if done.agreed and given.health_seconds:
                doors = health.front_doors(graph, done.outputs)
                if doors:
                    view.step("health", "started")
                    asked = time.perf_counter()
                    answers = health.check(doors, seconds=given.health_seconds)
                    good = sum(answer.healthy for answer in answers)
                    view.step("health", "done", time.perf_counter() - asked, f"{good} of {len(answers)} front doors answer")
    cost = talk.costs.to_dict() if talk.costs else None
    if not done.agreed:
        screen.result("Nothing was changed." if not done.changed else "Stopped after what the rest waits for was made.",
                      {"system": graph.name, "stage": graph.stage, "agreed": False, "changed": done.changed, "cost": cost,
                       **talk.certificates})
        return 1
    return _show(done, answers, target, screen,
                 {"system": graph.name, "stage": graph.stage, "region": graph.region, "cost": cost, **talk.certificates})


class _Talk:
    """Between the deploy and the user."""

    def __init__(self, given: argparse.Namespace, screen: Screen, target: Target, view: Lines, graph: Graph) -> None:
        self._given = given
        self._screen = screen
        self._target = target
        self._view = view
        self._graph = graph
        self._allowed = False
        self.costs: PlanCosts | None = None
        self.proofs: dict[str, Proof] = {}

    @property
    def certificates(self) -> dict[str, Any]:
        """For ``--json``: the certificates that somebody proves elsewhere; nothing where there are none."""
        return {"certificates": [proof.to_dict() for proof in self.proofs.values()]} if self.proofs else {}

    def step(self, name: str, state: str, seconds: float = 0.0, detail: str = "") -> None:
        self._view.step(name, state, seconds, detail)

    def say(self, text: str) -> None:
        self._view.say(text)

    def prove(self, found: Proof) -> None:
        from groundsill.cli.views.deploying import records_to_enter

        self.proofs[found.arn] = found
        self._view.say(records_to_enter(found))

    def agrees(self, found: Review, what: str) -> bool:
        from groundsill.cli.views.deploying import paused
        from groundsill.cli.views.plan import render

        # What is made before the rest is priced with it: a plan of a part would take the rest for there already.
        costs = self._priced(found) if what == "system" else None
        with paused(self._view):
            self._screen.note(f"\n{render(found, Path.cwd(), self._screen.error_style, costs=costs)}\n")
            return self._losses_allowed(found) and self._production_allowed(found)

    def _priced(self, found: Review) -> PlanCosts | None:
        """What the plan changes in cost; where that cannot be said, why not is said."""
        from groundsill.cli.plan_costs import plan_costs

        self.costs, problems = plan_costs(found.plan, self._graph, self._target.folder)
        if problems:
            self._screen.note("\nWhat the deploy costs is not shown:")
            self._screen.diagnostics(list(problems))
        return self.costs

    def _losses_allowed(self, found: Review) -> bool:
        open_losses = [change for change in found.plan.losses if change.address not in self._given.losses]
        if not open_losses:
            return True
        hints = {change.address: found.renames.get(change.address) for change in open_losses}
        lines = [
            f"{change.address}: {change.loses}" + (f" (forced by {', '.join(change.forced_by)})" if change.forced_by else "")
            + (f"\n  if {hints[change.address]} is the same under another name, write formerly=\"...\" at its component"
               if hints[change.address] else "")
            for change in open_losses
        ]
        flags = " ".join(f"--allow-data-loss {change.address}" for change in open_losses)
        first = next((group for group in found.losses), None)
        refusal = Diagnostic(
            "GS3030", "data would be lost, and that was not allowed by name", first.location if first else None,
            first.subject if first else "", "\n".join(lines),
            f"where that is meant: {self._target.command('deploy', flags)}",
        )
        if not can_ask(self._screen):
            raise GroundsillError(refusal)
        return all(
            confirmed(self._screen, f"{change.address} is {'replaced' if change.action == 'replace' else 'destroyed'}; "
                      f"lost with it: {change.loses}.", change.address, refusal)
            for change in open_losses
        )

    def _production_allowed(self, found: Review) -> bool:
        stage = self._target.stage
        if self._given.yes or self._allowed or not is_production(stage):
            return True
        refusal = Diagnostic(
            "GS3031", f"a change of {stage} must be confirmed, and there is nobody to ask",
            mend=f"review the plan, then `{self._target.command('deploy', '--yes')}`",
        )
        self._allowed = confirmed(self._screen, f"Apply this to {stage}?", stage, refusal)
        return self._allowed


def _tell_done(summary: ApplySummary | None, screen: Screen, *, killed: bool = False) -> None:
    if summary is None:
        return
    good = [item for item in summary.resources if not item.failed]
    screen.note(f"Done before it stopped: {len(good)} resources; the state knows them.")
    if summary.unfinished and killed:
        screen.note("Ended by force while under way, so perhaps made and not in the state: "
                    f"{', '.join(summary.unfinished)}. `groundsill state import` takes over what exists.")


def _show(done: Deployed, answers: list[Answer], target: Target, screen: Screen, about: dict[str, Any]) -> int:
    style = screen.style
    silent = [answer for answer in answers if not answer.healthy]
    counts: dict[str, int] = {}
    for summary in done.applied:
        for item in summary.resources:
            counts[item.action] = counts.get(item.action, 0) + (not item.failed)
    what = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing to change"
    lines = [f"{style.green('Deployed')} {about['system']} {about['stage']} in {done.seconds:.1f} s: {what}"]
    if done.outputs:
        lines.append(table(((name, str(value)) for name, value in done.outputs.items()), style))
    screen.result("\n".join(lines), {
        **about, "agreed": True, "changed": done.changed, "seconds": round(done.seconds, 3), "actions": counts,
        "applied": [summary.to_dict() for summary in done.applied], "images": dict(done.images),
        "outputs": dict(done.outputs),
        "health": [{"name": item.name, "url": item.url, "healthy": item.healthy, "detail": item.detail} for item in answers],
    })
    for answer in silent:
        screen.note(f"{screen.error_style.red('does not answer:')} {answer.name} {answer.url}: {answer.detail}")
    screen.next_actions({
        target.command("plan"): "see that nothing more would change",
        target.command("plan", "--drift"): "later: see what was changed outside",
        target.command("state list"): "see what Terraform knows",
    } if not silent else {target.command("deploy"): "ask again; what is made stays"})
    return 1 if silent else 0

