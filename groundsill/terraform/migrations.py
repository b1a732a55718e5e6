"""Migrations in a deploy: what a plan will run, and what one that failed has said.

A migration is an ``aws_lambda_invocation``, or a ``terraform_data`` that has a task run to its end: Terraform runs it in the
place that its order gives it, and keeps in the state that it has run. So a saved plan holds it like everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.graph import Graph
from groundsill.graph.migration import CALL_TYPE, failure_words, log_words, told_log
from groundsill.graph.provisioner import TASK_RUN_TYPE
from groundsill.graph.reference import Reference
from groundsill.graph.resource import Resource
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.events import Problem
from groundsill.terraform.outcome import EngineError
from groundsill.terraform.task_run import SAYS

RUN_TYPES = frozenset({CALL_TYPE, TASK_RUN_TYPE})
FAILED = "GS3040"
# What the provider says when the function itself has failed; when Lambda refuses the call, its own error follows instead.
_FAILED = re.compile(r"invoking Lambda Function \((?P<name>[^)]*)\):\s*(?P<answer>\{.*\})", re.DOTALL)
# What Terraform says of a command that has failed; it keeps the last 8 KB of what that said.
_COMMAND_FAILED = re.compile(r"Error running command '.*?': (?P<how>[^\n]*?)\. Output: ?(?P<output>.*)", re.DOTALL)
_MEND_OF_TASK = f"{SAYS}mend: "


def failure(problem: Problem) -> Diagnostic | None:
    """What a migration that failed has answered; None for any other problem.

    Arguments:
        problem: as Terraform worded it.
    """
    type_ = problem.address.partition(".")[0]
    if type_ == TASK_RUN_TYPE:
        return _task_failure(problem)
    if type_ not in RUN_TYPES:
        return None
    match = _FAILED.search(problem.text)
    if match is None:
        return None
    return _failed(failure_words(match["name"], match["answer"]))


def _failed(words: str) -> Diagnostic:
    return Diagnostic(
        FAILED, "a migration failed, and what waits for it was not changed",
        detail=words,
        mend="mend it and run the same command again: what was made is kept, and the migration runs again",
    )


def _task_failure(problem: Problem) -> Diagnostic | None:
    """What a task has said and how it ended; or that nobody could start it."""
    match = _COMMAND_FAILED.search(problem.text)
    if match is None:
        return None
    if "not found" in match["how"] or "no such file" in match["how"]:
        return Diagnostic(
            "GS3041", "Terraform does not find `groundsill`, which runs this migration's task", detail=match["how"],
            mend="put it on the PATH, or run `groundsill deploy`; what waits for the migration was not changed",
        )
    lines = match["output"].rstrip().splitlines()
    ours = [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS) and not line.startswith(_MEND_OF_TASK)]
    log = [line for line in lines if not line.startswith(SAYS) and line.strip()]
    mend = next((line.removeprefix(_MEND_OF_TASK) for line in lines if line.startswith(_MEND_OF_TASK)), "")
    # The last of our lines is how it ended; a command that was ended itself has said nothing of that.
    words = ours[-1:] if match["how"].startswith("exit status") and ours else [f"the run ended with {match['how']}", *ours[-1:]]
    found = _failed("\n".join(filter(None, (*words, told_log(log)))))
    return found._replace(mend=mend) if mend else found


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
