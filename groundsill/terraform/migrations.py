"""Migrations in a deploy: what a plan will run, and what one that failed has said.

A migration is an ``aws_lambda_invocation``: Terraform calls the function in the place that its order gives it, and keeps in
the state that it has run. So a saved plan holds it like everything else, and Terraform alone can do the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.graph import Graph
from groundsill.graph.reference import Reference
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.events import Problem
from groundsill.terraform.outcome import EngineError

RUN_TYPE = "aws_lambda_invocation"
FAILED = "GS3040"
# What the provider says when the function itself has failed; when Lambda refuses the call, its own error follows instead.
_FAILED = re.compile(r"invoking Lambda Function \((?P<name>[^)]*)\):\s*(?P<answer>\{.*\})", re.DOTALL)
_MOST_LINES = 30
_NO_NEWS = ("START ", "END ", "REPORT ", "INIT_START ")


def failure(problem: Problem) -> Diagnostic | None:
    """What a migration that failed has answered; None for any other problem.

    Arguments:
        problem: as Terraform worded it.
    """
    if not problem.address.startswith(f"{RUN_TYPE}."):
        return None
    match = _FAILED.search(problem.text)
    if match is None:
        return None
    try:
        answer = json.loads(match["answer"])
    except ValueError:
        answer = None
    words = [f"{match['name']} answered: {match['answer'].strip()}"]
    if is_mapping(answer) and "errorMessage" in answer:
        words = [f"{match['name']}: {answer.get('errorType') or 'error'}: {answer['errorMessage']}"]
        trace = answer.get("stackTrace")
        words += [str(line).rstrip() for line in trace] if is_list(trace) else []
    return Diagnostic(
        FAILED, "a migration failed, and what waits for it was not changed", detail="\n".join(words),
        mend="mend it and run the same command again: what was made is kept, and the migration runs again",
    )


def with_logs(error: EngineError, graph: Graph, since: float) -> EngineError:
    """The error with what the functions of its failed migrations have logged, where that can be read.

    Arguments:
        error: of an apply.
        graph: the definition's graph.
        since: when the deploy began, in seconds of the epoch.
    """
    failed = [problem.address for problem in error.problems if failure(problem)]
    if not failed:
        return error
    calls = AwsCalls(graph.region)
    lines = [line for address in failed if address in graph for line in _log(graph, graph[address], calls, since)]
    if not lines:
        return error
    told = "\n".join(("log:", *(f"  {line}" for line in lines[-_MOST_LINES:])))
    found = [item._replace(detail=f"{item.detail}\n{told}") if item.code == FAILED else item for item in error.diagnostics]
    return EngineError(found, error.problems, error.summary)


def _log(graph: Graph, run: Resource, calls: AwsCalls, since: float) -> Iterator[str]:
    named = run.arguments.get("function_name")
    function = graph.target(named) if isinstance(named, Reference) else None
    group = function.block("logging_config").get("log_group") if function else None
    owner = graph.target(group) if isinstance(group, Reference) else None
    name = owner.arguments.get("name") if owner else group
    if not isinstance(name, str):
        return
    answer = calls.ask("logs", "filter_log_events", {"logGroupName": name, "startTime": int(since * 1000)})
    if isinstance(answer, Mapping):
        for event in answer.get("events") or ():
            yield from _words(str(event.get("message", "")))


def _words(message: str) -> Iterator[str]:
    """A log event as lines; of a function that logs JSON, what it says."""
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
