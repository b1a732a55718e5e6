"""Which runs of tasks have come to a good end: a mark in the task's own log group, which every machine finds.

Terraform writes a ``terraform_data`` into the state before it has its command run. So the state of an apply that was killed
meanwhile may say that the run is done, wherever and by whomever the next one is made. What has no mark runs again: it follows
the task where that still goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from groundsill.graph.provisioner import TASK_RUN_TYPE, runs_task
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.deployment import Deployment
from groundsill.terraform.failures import base_address
from groundsill.terraform.state import kept_objects
from groundsill.terraform.task_run import mark_of


def run_again(about: Deployment, say: Callable[[str], None]) -> str:
    """Have the next plan run again what the state has and what came to no good end. Gives that in words.

    Arguments:
        about: the stage, prepared.
        say: told of each.

    Raises:
        GroundsillError: where the state cannot be read or written.
    """
    runs = {item.address for item in about.graph.of_type(TASK_RUN_TYPE) if runs_task(item)}
    if not runs:
        return ""
    open_runs = [
        address for address, kept in kept_objects(about.engine.state_pull(about.directory)).items()
        if base_address(address) in runs and not _is_marked(kept)
    ]
    for address in open_runs:
        about.locked(lambda address=address: about.engine.taint(about.directory, address))
        say(f"{address} came to no good end: it runs again, or goes on where its task still runs")
    return f"{len(open_runs)} to run again" if open_runs else ""


def _is_marked(kept: Mapping[str, Any]) -> bool:
    """Whether the end of a run was noted; where AWS cannot be asked, the state is believed."""
    wrapped = kept.get("input")
    # A value of any type is kept with its type.
    given: Any = wrapped.get("value", wrapped) if is_mapping(wrapped) else None
    if not is_mapping(given):
        return True
    calls = AwsCalls(str(given.get("region")))
    if not calls.possible:
        return True
    mark = mark_of(str(kept.get("id")))
    answer = calls.ask("logs", "describe_log_streams", {
        "logGroupName": str(given.get("log_group")), "logStreamNamePrefix": mark})
    if isinstance(answer, str):
        # A log group that is gone has no mark either; anything else says nothing about the run.
        return "ResourceNotFoundException" not in answer
    streams = answer.get("logStreams")
    return any(is_mapping(item) and item.get("logStreamName") == mark for item in (streams if is_list(streams) else ()))
