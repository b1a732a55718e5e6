"""Where the AWS API of this machine is not yet as AWS, so that a rehearsal says nothing about the resource there.

The list is short and exact: a type, the step at which it goes wrong, the attribute where it is one, and why. A test
tries every entry against the API; one that is no longer needed fails it. So the list can only be true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from groundsill.graph.graph import Graph
from groundsill.graph.provisioner import TASK_RUN_TYPE, runs_task

Step = Literal["apply", "plan", "destroy"]
EMULATOR = "MiniStack 1.5.33"
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that cannot be rehearsed.

    Arguments:
        type: Terraform type, for example ``aws_guardduty_detector``.
        step: where it goes wrong. ``apply``: it cannot be made, so it and what refers to it are left out. ``plan``: the
            second plan would change ``attribute``, though it was applied. ``destroy``: it cannot be destroyed.
        reason: what the API does otherwise than AWS.
        attribute: of a ``plan`` gap: the attribute, without indexes, for example ``setting.value``.
        emulator: where this was found.

    Example:
        >>> Gap("aws_flow_log", "plan", "is not kept", "log_format").covers("aws_flow_log", "log_format")
        True
    """

    type: str
    step: Step
    reason: str
    attribute: str = ""
    emulator: str = EMULATOR

    def covers(self, type: str, path: str) -> bool:
        """Whether a change that the second plan finds is this gap.

        Arguments:
            type: Terraform type.
            path: of the attribute, for example ``setting[0].value``.
        """
        plain = _INDEX.sub("", path)
        return self.step == "plan" and type == self.type and (
            plain == self.attribute or plain.startswith(f"{self.attribute}."))

    @property
    def text(self) -> str:
        """The gap in a line.

        Example:
            >>> Gap("aws_flow_log", "plan", "is not kept", "log_format").text
            'aws_flow_log, log_format of the second plan: is not kept (MiniStack 1.5.33)'
        """
        where = f"{self.attribute} of the second plan" if self.attribute else self.step
        return f"{self.type}, {where}: {self.reason} ({self.emulator})"

    def to_dict(self) -> dict[str, str | None]:
        """The gap for ``--json``."""
        return {"type": self.type, "step": self.step, "attribute": self.attribute or None, "reason": self.reason,
                "emulator": self.emulator}


GAPS: tuple[Gap, ...] = ()
"""Every known gap, in the order of types. None is known of what the five systems use; what is not on the list and does not
work fails a rehearsal, so nothing is passed over."""


_SERVERS = frozenset({"aws_db_instance", "aws_rds_cluster"})
_CALL = "aws_lambda_invocation"


def _without_containers(graph: Graph) -> dict[str, str]:
    """Runs of tasks: the API holds the task definition, and nothing on this machine is started from its image."""
    return {run.address: "it was not run: no container is started here, so what its task would do is not shown"
            for run in graph.of_type(TASK_RUN_TYPE) if runs_task(run)}


def _without_server(graph: Graph) -> dict[str, str]:
    """Calls of functions that need a database server: the API holds its description, and nothing answers at its address."""
    found: dict[str, str] = {}
    for call in graph.of_type(_CALL):
        needed = set(graph.needs(call.address))
        server = next((address for address in graph.resources if address in needed and graph[address].type in _SERVERS), None)
        if server:
            found[call.address] = f"it was not run: no database answers at the address of {server} here"
    return found


def left_out(graph: Graph, gaps: Sequence[Gap] = GAPS) -> dict[str, str]:
    """Resources that cannot be part of a rehearsal: those with an ``apply`` gap, and whatever refers to one of them.

    A migration that needs a database server, or that is a container, is one too; what only waits for it needs nothing of it,
    and is rehearsed.

    Arguments:
        graph: a finished graph.
        gaps: default the known ones.

    Returns:
        The reason by address, in the order of the definition.
    """
    cannot = {gap.type: gap for gap in gaps if gap.step == "apply"}
    reasons = {
        resource.address: f"{gap.emulator}: {gap.reason}"
        for resource in graph if (gap := cannot.get(resource.type)) is not None
    }
    waiting = list(reasons)
    reasons |= _without_server(graph) | _without_containers(graph)
    while waiting:
        missing = waiting.pop()
        for address in graph.referrers(missing):
            if address not in reasons:
                reasons[address] = f"needs {missing}, which is left out"
                waiting.append(address)
    return {address: reasons[address] for address in graph.resources if address in reasons}


def of_types(types: Iterable[str], gaps: Sequence[Gap] = GAPS) -> Iterator[Gap]:
    """The gaps that concern these types."""
    known = set(types)
    return (gap for gap in gaps if gap.type in known)
