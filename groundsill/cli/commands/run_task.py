"""`groundsill run-task`: runs a migration's task to its end. Terraform calls it in an apply; people need not."""

from __future__ import annotations

import argparse

from groundsill.cli.arguments import Parser
from groundsill.cli.screen import Screen


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.add_argument("resource", metavar="JSON", help="the terraform_data that describes the run, as Terraform knows it")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Run the task; fail where it fails."""
    from groundsill.terraform.aws_calls import AwsCalls
    from groundsill.terraform.task_run import SAYS, Runner, read_run

    task = read_run(given.resource)
    # One line each, at once: Terraform hands them on while the task runs.
    end = Runner(task, AwsCalls(task.region), screen.note).to_its_end()
    screen.note(f"{SAYS}{end.words}")
    if end.mend:
        screen.note(f"{SAYS}mend: {end.mend}")
    return 0 if end.well else 1
