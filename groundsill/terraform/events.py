"""What Terraform says while it works: its machine-readable lines as values.

Source: Terraform documentation, "Machine-Readable UI" (``-json``); OpenTofu writes the same form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from groundsill.graph.shapes import is_list, is_mapping

ACTIONS = {
    "create": "create", "update": "update", "delete": "destroy", "remove": "forget", "replace": "replace",
    "read": "read", "no-op": "none", "noop": "none", "move": "move", "import": "import",
}
_KINDS = {
    "apply_start": "resource_start", "apply_progress": "progress", "apply_complete": "resource_done",
    "apply_errored": "resource_error", "refresh_start": "refresh", "refresh_complete": "refreshed",
    "diagnostic": "diagnostic", "planned_change": "change", "resource_drift": "drift", "change_summary": "summary",
    "outputs": "outputs", "provision_progress": "output",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic as Terraform words it.

    Arguments:
        summary: its first line.
        detail: the rest.
        error: whether it stops the command; a warning does not.
        address: the resource it is about, empty where there is none.
        place: file and line of the configuration, empty where there is none.
    """

    summary: str
    detail: str = ""
    error: bool = True
    address: str = ""
    place: str = ""

    @property
    def text(self) -> str:
        """Summary and detail."""
        return f"{self.summary}\n{self.detail}" if self.detail else self.summary


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that Terraform said.

    Arguments:
        kind: ``resource_start``, ``progress``, ``resource_done``, ``resource_error``, ``refresh``, ``refreshed``,
            ``change``, ``drift``, ``summary``, ``outputs``, ``diagnostic``, ``log``, ``output`` for a line of a command that
            an apply runs, or ``note`` for what Groundsill itself has to say meanwhile.
        message: the line for people.
        address: the resource it is about.
        action: ``create``, ``update``, ``destroy``, ``replace``, ``read``, ``move``, ``import``, ``forget``, ``none``.
        seconds: how long it has taken so far.
        resource_id: the identifier that AWS gave the resource, where it is known.
        reason: why a resource is replaced or destroyed, in Terraform's word, for example ``cannot_update``.
        previous_address: where the resource was before a move.
        problem: of a diagnostic.
        counts: of a summary: ``add``, ``change``, ``remove``, ``import``.
        raw: the whole line.
    """

    kind: str
    message: str = ""
    address: str = ""
    action: str = ""
    seconds: float = 0.0
    resource_id: str = ""
    reason: str = ""
    previous_address: str = ""
    problem: Problem | None = None
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])


OnEvent = Callable[[Event], None]


def read_event(line: str) -> Event:
    """One line of the stream. What is not of its form, a provider's panic for example, is a ``log`` event.

    Example:
        >>> event = read_event('{"@message":"q: Creation complete after 1s","type":"apply_complete","hook":'
        ...     '{"resource":{"addr":"aws_sqs_queue.q"},"action":"create","id_value":"q","elapsed_seconds":1}}')
        >>> event.kind, event.address, event.action, event.seconds
        ('resource_done', 'aws_sqs_queue.q', 'create', 1.0)
    """
    try:
        content: Any = json.loads(line)
    except ValueError:
        return Event("log", line.rstrip())
    if not is_mapping(content):
        return Event("log", line.rstrip())
    message = str(content.get("@message") or "")
    kind = _KINDS.get(str(content.get("type") or ""), "log")
    if kind == "diagnostic":
        problem = read_problem(_mapping(content.get("diagnostic")))
        return Event(kind, message, problem.address, problem=problem, raw=content)
    if kind == "summary":
        counted = _mapping(content.get("changes"))
        counts = {name: value for name, value in counted.items() if isinstance(value, int)}
        return Event(kind, message, action=str(counted.get("operation") or ""), counts=counts, raw=content)
    if kind == "output":
        message = str(_mapping(content.get("hook")).get("output") or "").rstrip()
    about = _mapping(content.get("hook")) or _mapping(content.get("change"))
    resource, earlier = _mapping(about.get("resource")), _mapping(about.get("previous_resource"))
    action = str(about.get("action") or "")
    seconds = about.get("elapsed_seconds")
    return Event(
        kind, message, str(resource.get("addr") or ""), ACTIONS.get(action, action),
        float(seconds) if isinstance(seconds, int | float) else 0.0, str(about.get("id_value") or ""),
        str(about.get("reason") or ""), str(earlier.get("addr") or ""), raw=content,
    )


def read_problem(content: Mapping[str, Any]) -> Problem:
    """A diagnostic of the stream or of ``validate -json``."""
    span = _mapping(content.get("range"))
    start = _mapping(span.get("start"))
    place = f"{span.get('filename')}:{start.get('line')}" if span else ""
    return Problem(
        str(content.get("summary") or ""), str(content.get("detail") or ""), content.get("severity") != "warning",
        str(content.get("address") or ""), place,
    )


_FRAME = re.compile(r"^[╷│╵]\s?", re.MULTILINE)
_HEAD = re.compile(r"^(Error|Warning): ", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def problems_in_text(text: str) -> Iterator[Problem]:
    """The diagnostics in what Terraform writes for people: some commands have no other form.

    Example:
        >>> [found.summary for found in problems_in_text("╷\\n│ Error: No state\\n│ \\n│ There is none.\\n╵\\n")]
        ['No state']
    """
    clean = _FRAME.sub("", _COLOUR.sub("", text))
    heads = list(_HEAD.finditer(clean))
    for index, head in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(clean)
        summary, _, detail = clean[head.end():end].partition("\n")
        yield Problem(summary.strip(), detail.strip(), head[1] == "Error")


def _mapping(value: Any) -> Mapping[str, Any]:
    if is_list(value):
        return {}
    return value if is_mapping(value) else {}
