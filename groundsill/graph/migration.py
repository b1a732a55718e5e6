"""Migrations as a graph has them, and the words of one that failed: the same in a deploy, on the ground and by command."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from groundsill.graph.graph import Graph
from groundsill.graph.reference import Reference
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

CALL_TYPE = "aws_lambda_invocation"
"""A deploy's call of a function."""
COMMANDS = ("status", "up", "down")
"""What a migration's function is told to do."""
_MOST_LINES = 30
_NO_NEWS = ("START ", "END ", "REPORT ", "INIT_START ")
_DEFAULT_TIMEOUT = 3.0  # AWS Lambda API Reference, "CreateFunction"


class Migration(NamedTuple):
    """A migration that can be asked, here or in AWS.

    Arguments:
        component: its name in the definition.
        function: name of the function that migrates.
        timeout: after how many seconds the function is ended.
        reason: why it cannot be run there; empty where it can.
    """

    component: str
    function: str
    timeout: float
    reason: str = ""


class MigrationCall(NamedTuple):
    """A migration that is a function.

    Arguments:
        component: its name in the definition.
        address: of the call that a deploy makes.
        function: the function that is called.
    """

    component: str
    address: str
    function: Resource

    @property
    def function_name(self) -> str:
        """The name that AWS knows."""
        return str(self.function.arguments.get("function_name"))

    @property
    def timeout(self) -> float:
        """After how many seconds the function is ended."""
        return float(self.function.arguments.get("timeout") or _DEFAULT_TIMEOUT)


def called_function(call: Resource, graph: Graph) -> Resource | None:
    """The function of this graph that an ``aws_lambda_invocation`` calls; None where it is none of it."""
    named = call.arguments.get("function_name")
    if isinstance(named, Reference):
        found = graph.target(named)
        return found if found is not None and found.type == "aws_lambda_function" else None
    return next((item for item in graph.of_type("aws_lambda_function") if item.arguments.get("function_name") == named), None)


def migration_calls(graph: Graph) -> list[MigrationCall]:
    """Every migration of a graph, in the order in which a deploy runs them.

    A call that tells its function none of the commands is the user's own and no migration.
    """
    found: list[MigrationCall] = []
    for call in graph.order():
        if call.type != CALL_TYPE or _command(call) not in COMMANDS:
            continue
        function = called_function(call, graph)
        if function is not None:
            found.append(MigrationCall(call.component or call.name, call.address, function))
    return found


def _command(call: Resource) -> object:
    try:
        told: Any = json.loads(str(call.arguments.get("input")))
    except ValueError:
        return None
    return told.get("command") if is_mapping(told) else None


# -- a failure ---------------------------------------------------------------------------------------------------------


def failure_words(function: str, answer: str) -> str:
    """What a function that failed has answered.

    Arguments:
        function: its name.
        answer: as Lambda gives it, most often an object with ``errorType``, ``errorMessage`` and ``stackTrace``.
    """
    try:
        content: Any = json.loads(answer)
    except ValueError:
        content = None
    if not is_mapping(content) or "errorMessage" not in content:
        return f"{function} answered: {answer.strip()}"
    trace = content.get("stackTrace")
    return "\n".join([
        f"{function}: {content.get('errorType') or 'error'}: {content['errorMessage']}",
        *(str(line).rstrip() for line in (trace if is_list(trace) else ())),
    ])


def log_words(messages: Iterable[str]) -> list[str]:
    """Log events as lines that somebody reads: of a function that logs JSON, what it says; nothing of Lambda's own."""
    return [line for message in messages for line in _words(message)]


def told_log(lines: list[str]) -> str:
    """The last lines of a log below an error; empty where there are none."""
    return "\n".join(("log:", *(f"  {line}" for line in lines[-_MOST_LINES:]))) if lines else ""


def _words(message: str) -> Iterator[str]:
    try:
        entry: Any = json.loads(message)
    except ValueError:
        entry = None
    if is_mapping(entry):
        if "record" in entry:  # Lambda's own, about the invocation: AWS Lambda Developer Guide, "JSON log format"
            return
        message = str(entry.get("message") or entry.get("errorMessage") or message)
    if not message.startswith(_NO_NEWS):
        yield from message.rstrip().splitlines()
