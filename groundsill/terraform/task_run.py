"""Running one task of ECS to its end: started, followed with its log, and judged by how it ended.

Terraform has this run as the command of a ``terraform_data`` (`groundsill.graph.provisioner`), since no resource of the AWS
provider starts a task and waits for it. What is said here are lines of Terraform's stream, and the last ones its error.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.task_end import Ending, ending

SAYS = "run-task: "
"""What our own lines begin with; all others are the task's."""
_PAUSE = 2.0
_PATIENCE = 60.0
"""Seconds in which ECS may not answer, or not know yet what it has just said: "Amazon ECS API Reference", RunTask, eventual
consistency."""
_DRAIN = 10.0
"""Seconds in which the last lines of a task arrive at CloudWatch Logs, at most."""
_STOPPING = 180.0
"""Seconds that a task may take to stop: its own 60 (``stopTimeout``), and what Fargate takes to take its network away."""
# A role that was made seconds ago is not known everywhere: IAM User Guide, "Changes that I make are not always immediately
# visible". The process has not run then, so the task is started again.
_STARTS = 4
_START_PAUSE = 15.0
_FAILED_TO_START = "TaskFailedToStart"
_ROLE_UNKNOWN = ("unable to assume", "Unable to assume")
_TOO_NEW = ("AccessDenied", "not authorized", *_ROLE_UNKNOWN)
_MALFORMED = "this is called by Terraform, with what the definition has written"


class Calls(Protocol):
    """Calls of AWS: `groundsill.terraform.aws_calls.AwsCalls`."""

    def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | str:
        """The answer, or in words why there is none."""
        ...


class TaskRun(NamedTuple):
    """A run of a task, as the ``terraform_data`` says it.

    Arguments:
        id: of this run; another one each time that Terraform makes it.
        started_by: what its task carries: the same for the same image, command and database.
        region: AWS region.
        cluster: ARN.
        task_definition: ARN.
        family: of the task definition.
        container: name of the container whose exit code counts.
        subnets: where it runs.
        security_groups: its security groups.
        assign_public_ip: whether it gets a public address.
        log_group: where its lines go.
        log_stream_prefix: begins the name of its log stream.
        timeout: seconds that it may take.
    """

    id: str
    started_by: str
    region: str
    cluster: str
    task_definition: str
    family: str
    container: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    assign_public_ip: bool
    log_group: str
    log_stream_prefix: str
    timeout: float


def mark_of(run_id: str) -> str:
    """Name of the log stream that says that a run came to a good end."""
    return f"groundsill/{run_id}"


def read_run(text: str) -> TaskRun:
    """The run that a ``terraform_data``, given as JSON, describes.

    Raises:
        GroundsillError: GS3042 where it is none.
    """
    try:
        resource: Any = json.loads(text)
        given, because = resource["input"], resource["triggers_replace"]
        told = json.dumps([given["family"], because], sort_keys=True)
        # At most 36 characters, which every version of the API takes.
        started_by = f"groundsill-{hashlib.sha256(told.encode()).hexdigest()[:24]}"
        fields = {name: given[name] for name in TaskRun._fields if name not in ("id", "started_by")}
        return TaskRun(id=str(resource["id"]), started_by=started_by, **fields)
    except (ValueError, KeyError, TypeError) as error:
        raise GroundsillError(Diagnostic(
            "GS3042", "this is no run of a task", detail=f"{type(error).__name__}: {error}", mend=_MALFORMED)) from error


class Runner:
    """Runs a task to its end.

    Arguments:
        run: what is run.
        aws: calls of AWS.
        say: told of each line, the task's own and ours.
        now: a clock, in seconds.
        sleep: waits some seconds.
    """

    def __init__(
        self, run: TaskRun, aws: Calls, say: Callable[[str], None], *, now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._run, self._aws, self._now, self._sleep = run, aws, now, sleep
        self._tell = say
        self._silent_since: float | None = None

    def to_its_end(self) -> Ending:
        """Start the task, or follow one that an earlier run has left, and say how it ended."""
        try:
            end = self._to_its_end()
            return self._marked(end) if end.well else end
        except _NoAnswer as error:
            return Ending(False, str(error), error.mend)

    def _to_its_end(self) -> Ending:
        found = self._running()
        for number in range(1, _STARTS + 1):
            arn = found or self._start(number)
            found = ""
            task, over_time = self._followed(arn)
            end = ending(task, self._run.container, self._run.timeout if over_time else None)
            if not _may_be_too_new(task) or number == _STARTS:
                return end
            self._say(f"it could not be started: {end.words}; a new role is not known everywhere at once, so it is tried again")
            self._sleep(_START_PAUSE)
        raise AssertionError("the last start has its end")

    def _marked(self, end: Ending) -> Ending:
        """Note that it came to a good end, where the next deploy looks: the state alone does not say so."""
        answer = self._aws.ask("logs", "create_log_stream", {
            "logGroupName": self._run.log_group, "logStreamName": mark_of(self._run.id)})
        if isinstance(answer, str) and "ResourceAlreadyExists" not in answer:
            return Ending(False, f"{end.words}, and that could not be noted in the log group {self._run.log_group}: {answer}",
                          "allow logs:CreateLogStream on it to whoever deploys, and run the same command again")
        return end

    # -- starting ------------------------------------------------------------------------------------------------------

    def _running(self) -> str:
        """The task of this run that goes on already; empty where there is none. Another one of its kind is waited for."""
        run = self._run
        listed = self._answer("list_tasks", {"cluster": run.cluster, "family": run.family}, "ECS cannot be asked what runs")
        arns = [str(arn) for arn in _items(listed.get("taskArns"))]
        if not arns:
            return ""
        told = self._answer("describe_tasks", {"cluster": run.cluster, "tasks": arns}, "ECS cannot be asked what runs")
        tasks = [item for item in _items(told.get("tasks")) if is_mapping(item) and item.get("lastStatus") != "STOPPED"]
        mine = ""
        for task in tasks:
            arn = str(task.get("taskArn"))
            if task.get("startedBy") == run.started_by and not mine:
                mine = arn
                continue
            by = task.get("startedBy") or "hand"
            self._say(f"task {_id(arn)} of {run.family} goes on, started by {by}: waiting for its end")
            self._followed(arn)
        if mine:
            self._say(f"task {_id(mine)} goes on, which an earlier deploy has started: it is followed, and no other is started")
        return mine

    def _start(self, number: int) -> str:
        run = self._run
        answer = self._answer("run_task", {
            "cluster": run.cluster, "taskDefinition": run.task_definition, "launchType": "FARGATE", "count": 1,
            # ECS keeps a token for a day and answers with the task that it has started for it: "Ensuring idempotency".
            "startedBy": run.started_by, "clientToken": f"{run.id}-{number}", "propagateTags": "TASK_DEFINITION",
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": list(run.subnets), "securityGroups": list(run.security_groups),
                "assignPublicIp": "ENABLED" if run.assign_public_ip else "DISABLED",
            }},
        }, "ECS did not start the task", again=_ROLE_UNKNOWN)
        started = [item for item in _items(answer.get("tasks")) if is_mapping(item)]
        if not started:
            failures = "; ".join(f"{item.get('reason')} {item.get('detail') or ''}".strip()
                                 for item in _items(answer.get("failures")) if is_mapping(item))
            raise _NoAnswer(f"ECS did not start the task: {failures or 'it said nothing'}", "run the same command again")
        arn = str(started[0]["taskArn"])
        self._say(f"task {_id(arn)} is started")
        return arn

    # -- following -----------------------------------------------------------------------------------------------------

    def _followed(self, arn: str) -> tuple[Mapping[str, Any], bool]:
        """The task as it is at its end, and whether it was stopped because it took too long."""
        log = _Log(self._aws, self._run, _id(arn))
        deadline = self._now() + self._run.timeout
        stopped_at: float | None = None
        status = ""
        while True:
            task = self._described(arn)
            if task is not None and task.get("lastStatus") != status:
                status = str(task.get("lastStatus"))
                self._say(f"task {_id(arn)}: {status.lower()}")
            log.read(self._tell)
            if task is not None and status == "STOPPED":
                self._drain(log)
                return task, stopped_at is not None
            if stopped_at is None and self._now() >= deadline:
                stopped_at = self._now()
                self._say(f"it has taken {self._run.timeout:.0f} s, which is its timeout: it is stopped")
                self._answer("stop_task", {"cluster": self._run.cluster, "task": arn, "reason": "groundsill: over its timeout"},
                             "the task is over its timeout, and ECS does not stop it")
            elif stopped_at is not None and self._now() >= stopped_at + _STOPPING:
                raise _NoAnswer(f"the task is over its timeout of {self._run.timeout:.0f} s, and does not stop",
                                f"look at task {_id(arn)} in the console of Amazon ECS before you deploy again")
            self._sleep(_PAUSE)

    def _described(self, arn: str) -> Mapping[str, Any] | None:
        """The task as ECS knows it; None where ECS does not answer just now."""
        answer = self._aws.ask("ecs", "describe_tasks", {"cluster": self._run.cluster, "tasks": [arn]})
        tasks = () if isinstance(answer, str) else _items(answer.get("tasks"))
        if tasks and is_mapping(tasks[0]):
            self._silent_since = None
            return tasks[0]
        if self._silent_since is None:
            self._silent_since = self._now()
        if self._now() - self._silent_since >= _PATIENCE:
            why = answer if isinstance(answer, str) else "ECS does not know the task"
            raise _NoAnswer(f"whether task {_id(arn)} goes on is not known: {why}",
                            "run the same command again: it follows the task where that still runs")
        return None

    def _drain(self, log: _Log) -> None:
        """The last lines: until none has come twice in a row."""
        until, quiet = self._now() + _DRAIN, 0
        while quiet < 2 and self._now() < until:
            self._sleep(_PAUSE / 2)
            quiet = 0 if log.read(self._tell) else quiet + 1

    def _answer(
        self, operation: str, arguments: Mapping[str, Any], what: str, *, again: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        """What ECS answers; asked again for a while where the refusal has one of some words.

        Raises:
            _NoAnswer: where it refuses.
        """
        until = self._now() + _PATIENCE
        while True:
            answer = self._aws.ask("ecs", operation, arguments)
            if not isinstance(answer, str):
                return answer
            if self._now() >= until or not any(word in answer for word in again):
                raise _NoAnswer(f"{what}: {answer}", "mend what AWS says, and run the same command again")
            self._sleep(_PAUSE)

    def _say(self, text: str) -> None:
        self._tell(f"{SAYS}{text}")


class _NoAnswer(Exception):
    """ECS does not do what was asked for."""

    def __init__(self, words: str, mend: str) -> None:
        super().__init__(words)
        self.mend = mend


class _Log:
    """The log stream of a task. Its name: Amazon ECS Developer Guide, "awslogs-stream-prefix"."""

    def __init__(self, aws: Calls, run: TaskRun, task: str) -> None:
        self._aws = aws
        self._asked: dict[str, Any] = {
            "logGroupName": run.log_group, "logStreamName": f"{run.log_stream_prefix}/{run.container}/{task}",
            "startFromHead": True,
        }

    def read(self, say: Callable[[str], None]) -> bool:
        """Say the lines that came since; whether there were any. A stream that is not there yet has none."""
        some = False
        while True:
            answer = self._aws.ask("logs", "get_log_events", self._asked)
            if isinstance(answer, str):
                return some
            events = [item for item in _items(answer.get("events")) if is_mapping(item)]
            for event in events:
                for line in str(event.get("message", "")).rstrip().splitlines():
                    say(line)
            token = answer.get("nextForwardToken")
            if token:
                self._asked["nextToken"] = token
            if not events or not token:
                return some
            some = True


def _may_be_too_new(task: Mapping[str, Any]) -> bool:
    """Whether it never began because a role or its rights are not known everywhere yet."""
    reason = str(task.get("stoppedReason") or "")
    return task.get("stopCode") == _FAILED_TO_START and any(word in reason for word in _TOO_NEW)


def _items(value: Any) -> Sequence[Any]:
    return value if is_list(value) else ()


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]
