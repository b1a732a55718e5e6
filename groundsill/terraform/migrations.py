"""Migrations in a deploy: what a plan will run, and what one that failed has said.

A migration is an ``aws_lambda_invocation``: Terraform calls the function in the place that its order gives it, and keeps in
the state that it has run. So a saved plan holds it like everything else, and Terraform alone can do the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.graph import Graph
from groundsill.graph.migration import CALL_TYPE, failure_words, log_words, told_log
from groundsill.graph.reference import Reference
from groundsill.graph.resource import Resource
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.events import Problem
from groundsill.terraform.outcome import EngineError

RUN_TYPE = CALL_TYPE
FAILED = "GS3040"
# What the provider says when the function itself has failed; when Lambda refuses the call, its own error follows instead.
_FAILED = re.compile(r"invoking Lambda Function \((?P<name>[^)]*)\):\s*(?P<answer>\{.*\})", re.DOTALL)


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
    return Diagnostic(
        FAILED, "a migration failed, and what waits for it was not changed",
        detail=failure_words(match["name"], match["answer"]),
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
    told = told_log(lines)
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
            yield from log_words([str(event.get("message", ""))])
