"""`groundsill bootstrap`: the bucket that keeps Terraform's state, and a role for deploys from CI."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from groundsill.cli.arguments import Parser, add_system
from groundsill.cli.deployments import can_ask, ends_like_ctrl_c, typed
from groundsill.cli.screen import Screen, table
from groundsill.cli.systems import Target, load, system_folder, words
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph

_FOLDER = "bootstrap"


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    parser.add_argument("--region", metavar="NAME", help="region of the bucket; default: the system's")
    parser.add_argument("--bucket", metavar="NAME", help="default: groundsill-state-ACCOUNT-REGION")
    parser.add_argument("--github", metavar="OWNER/NAME", help="also a role that workflows of this repository can take, "
                        "without any key")
    parser.add_argument("--role-policy", action="append", default=[], metavar="ARN", dest="policies",
                        help="a policy of that role, beside what the state needs; repeat it for more")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--terraform", metavar="PROGRAM", help="Terraform or OpenTofu; default: GROUNDSILL_TERRAFORM, "
                        "else terraform or tofu on the PATH")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Make what is missing, and write where it is to state.toml."""
    folder = system_folder(given.system)
    system = load(folder)

    from groundsill.cli.views.deploying import deploying
    from groundsill.terraform.backend import FILE_NAME, read_state_file, write_state_file
    from groundsill.terraform.bootstrap import Wish, bootstrap, check
    from groundsill.terraform.engine import Engine, Interrupted
    from groundsill.terraform.workspace import Workspace

    table_name = given.stage or "default"
    if given.stage and given.stage not in system.stages:
        system.problems(given.stage).raise_if_errors()
    before = read_state_file(folder, given.stage or system.default_stage)
    region = given.region or before.get("region") or system.region
    extra = {name: value for name, value in before.items() if name not in ("bucket", "region", "key")}
    wish = Wish(region, given.bucket or before.get("bucket"), given.github, tuple(given.policies), extra)
    check(wish)
    engine = Engine.find(given.terraform)
    directory = folder / ".groundsill" / f".{_FOLDER}-{region}" / "terraform"
    target = Target(folder, given.stage or system.default_stage, words(given))
    with ends_like_ctrl_c(), Workspace(directory, folder, _FOLDER).held(_FOLDER), \
            deploying(screen, Graph()) as view:
        try:
            done = bootstrap(engine, directory, wish, agrees=_Asker(given, screen, target).agrees, on_event=view.event)
        except Interrupted:
            screen.note(f"Interrupted. `{target.command('bootstrap')}` continues.")
            raise
    if done is None:
        screen.note("Nothing was made.")
        return 1
    written = write_state_file(folder, table_name, {"bucket": done.bucket, "region": region})
    rows = [("bucket", done.bucket), ("account", done.account)] + ([("role", done.role)] if done.role else [])
    state = "made" if done.changed else "is there already"
    screen.result(f"{screen.style.green('Ready:')} the place for states {state}\n{table(rows, screen.style)}",
                  {"bucket": done.bucket, "account": done.account, "region": region, "role": done.role or None,
                   "changed": done.changed, "wrote": str(folder / FILE_NAME) if written else None})
    if written:
        screen.note(f"Wrote {FILE_NAME}: commit it, so that everybody deploys to the same state.")
    screen.next_actions({target.command("plan"): "see what a deploy would make"})
    return 0


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks before anything is made in an account."""

    given: argparse.Namespace
    screen: Screen
    target: Target

    def agrees(self, plan: object) -> bool:
        from groundsill.cli.views.plan import render
        from groundsill.terraform.changes import PlanSummary
        from groundsill.terraform.review import review

        assert isinstance(plan, PlanSummary)
        self.screen.note(render(review(plan, Graph()), Path.cwd(), self.screen.error_style))
        if self.given.yes:
            return True
        if not can_ask(self.screen):
            raise GroundsillError(Diagnostic(
                "GS3031", "making a bucket must be confirmed, and there is nobody to ask",
                mend=f"`{self.target.command('bootstrap', '--yes')}`",
            ))
        return typed("Make this? [y/N]").lower() in ("y", "yes")
