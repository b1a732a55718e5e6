"""Commands that an apply runs with a resource, and the one that Groundsill itself has Terraform run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from groundsill.graph.resource import Resource


class Provisioner(NamedTuple):
    """Terraform's ``provisioner`` block.

    Arguments:
        kind: ``local-exec``, ``remote-exec`` or ``file``.
        interpreter: of a ``local-exec``: the program that gets the command as its last argument, with its first ones;
            empty for the shell, and where it is not known.
        command: of a ``local-exec``: a template of Terraform's language, empty where it is not known.
    """

    kind: str
    interpreter: tuple[str, ...] = ()
    command: str = ""


RUN_TASK = Provisioner("local-exec", ("groundsill", "run-task"), "${jsonencode(self)}")
"""Runs the task that a ``terraform_data`` describes in its ``input``, and fails where the task does. No shell reads it: the
program gets the resource itself, as JSON, as its one argument."""
TASK_RUN_TYPE = "terraform_data"


def runs_task(resource: Resource) -> bool:
    """Whether a resource is a run of a task: what an apply does for a migration in a container."""
    commands = resource.provisioners
    return resource.type == TASK_RUN_TYPE and bool(commands) and all(
        item.interpreter == RUN_TASK.interpreter for item in commands)
