"""Running one task to its end: started once, followed with its log, judged by how it ended, never given up for a hiccup."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from groundsill import GroundsillError
from groundsill.terraform.task_end import ending
from groundsill.terraform.task_run import Runner, mark_of, read_run

RESOURCE: dict[str, Any] = {
    "id": "0b3c7c1e-6e9e-4d7c-9f1d-0c8b5b1d2a10", "output": None,
    "triggers_replace": {"image": "repository@sha256:1", "command": ["app", "migrate"], "database_store": "db-1"},
    "input": {
        "region": "us-east-1", "cluster": "arn:aws:ecs:us-east-1:1:cluster/shop", "cluster_name": "shop",
        "task_definition": "arn:aws:ecs:us-east-1:1:task-definition/migrate:1", "family": "migrate", "container": "migrate",
        "subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"], "assign_public_ip": False,
        "log_group": "/ecs/migrate", "log_stream_prefix": "migrate", "timeout": 600,
    },
}
Answer = Mapping[str, Any] | str


class Ecs:
    """Tasks that go through their states, one a look, in a time that passes only when somebody waits."""

    def __init__(self, *ends: Mapping[str, Any], running: int = 2, lines: tuple[str, ...] = ("line 1", "line 2")) -> None:
        self.ends = list(ends) or [exits(0)]
        self.states = running
        self.lines = lines
        self.tasks: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.refusals: dict[str, list[str]] = {}
        self.said: list[str] = []
        self.time = 0.0

    def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Answer:
        self.asked.append((operation, arguments))
        if refusals := self.refusals.get(operation):
            return refusals.pop(0)
        answers: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "list_tasks": self._list, "describe_tasks": self._describe, "run_task": self._run, "stop_task": self._stop,
            "get_log_events": self._log, "create_log_stream": lambda asked: {}}
        return answers[operation](arguments)

    def add(self, started_by: str, looks: int, end: Mapping[str, Any]) -> str:
        arn = f"arn:aws:ecs:us-east-1:1:task/shop/task-{len(self.tasks) + 1}"
        self.tasks[arn] = {"taskArn": arn, "startedBy": started_by, "lastStatus": "PENDING", "looks": looks, "end": end}
        return arn

    def _list(self, arguments: Mapping[str, Any]) -> Answer:
        assert arguments["family"] == "migrate"
        return {"taskArns": [arn for arn, task in self.tasks.items() if task["lastStatus"] != "STOPPED"]}

    def _describe(self, arguments: Mapping[str, Any]) -> Answer:
        found: list[dict[str, Any]] = []
        for arn in arguments["tasks"]:
            task = self.tasks[arn]
            task["looks"] -= 1
            if task["looks"] <= 0:
                task.update(task["end"], lastStatus="STOPPED")
            elif task["lastStatus"] != "PENDING" or len(self.asked) > 3:
                task["lastStatus"] = "RUNNING"
            found.append(dict(task))
        return {"tasks": found}

    def _run(self, arguments: Mapping[str, Any]) -> Answer:
        arn = self.add(arguments["startedBy"], self.states + 1, self.ends.pop(0))
        return {"tasks": [self.tasks[arn]], "failures": []}

    def _stop(self, arguments: Mapping[str, Any]) -> Answer:
        self.tasks[arguments["task"]].update(looks=1, end={"stopCode": "UserInitiated", "stoppedReason": arguments["reason"]})
        return {}

    def _log(self, arguments: Mapping[str, Any]) -> Answer:
        name = arguments["logStreamName"].rpartition("/")[2]
        task = next(item for arn, item in self.tasks.items() if arn.endswith(name))
        if task["lastStatus"] == "PENDING" and task["end"].get("stopCode") == "TaskFailedToStart":
            return "ResourceNotFoundException"
        at = int(arguments.get("nextToken", 0))
        return {"events": [{"message": line} for line in self.lines[at:at + 1]],
                "nextForwardToken": str(min(at + 1, len(self.lines)))}

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def called(self, operation: str) -> list[Mapping[str, Any]]:
        return [arguments for name, arguments in self.asked if name == operation]

    def run(self, resource: Mapping[str, Any] = RESOURCE) -> Any:
        run = read_run(json.dumps(resource))
        return Runner(run, self, self.said.append, now=lambda: self.time, sleep=self.sleep).to_its_end()

    @property
    def log(self) -> list[str]:
        return [line for line in self.said if not line.startswith("run-task: ")]


def exits(code: int, **more: Any) -> dict[str, Any]:
    return {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "migrate", "exitCode": code, **more}]}


def not_started(reason: str) -> dict[str, Any]:
    return {"stopCode": "TaskFailedToStart", "stoppedReason": reason, "containers": [{"name": "migrate"}]}


def test_it_starts_one_task_in_its_network_shows_its_log_and_ends_well_with_exit_code_0() -> None:
    ecs = Ecs()
    end = ecs.run()
    assert end.well and ecs.log == ["line 1", "line 2"]
    (asked,) = ecs.called("run_task")
    assert asked["launchType"] == "FARGATE" and asked["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    assert asked["clientToken"].startswith(RESOURCE["id"]) and len(asked["clientToken"]) <= 64


def test_the_same_image_command_and_database_is_the_same_run_and_another_one_is_not() -> None:
    first = read_run(json.dumps(RESOURCE))
    again = read_run(json.dumps({**RESOURCE, "id": "another"}))
    changed = read_run(json.dumps({**RESOURCE, "triggers_replace": {**RESOURCE["triggers_replace"], "image": "other"}}))
    assert first.started_by == again.started_by != changed.started_by
    assert len(first.started_by) <= 36 and first.id != again.id


def test_a_task_that_an_earlier_deploy_has_left_running_is_followed_and_no_other_is_started() -> None:
    ecs = Ecs()
    ecs.add(read_run(json.dumps(RESOURCE)).started_by, 3, exits(0))
    assert ecs.run().well
    assert not ecs.called("run_task") and ecs.log == ["line 1", "line 2"]
    assert any("an earlier deploy" in line for line in ecs.said)


def test_a_run_of_an_earlier_image_that_goes_on_is_waited_for_so_that_two_never_run_at_once() -> None:
    ecs = Ecs()
    earlier = ecs.add("groundsill-of-an-earlier-image", 3, exits(1))
    assert ecs.run().well
    assert ecs.tasks[earlier]["lastStatus"] == "STOPPED" and len(ecs.called("run_task")) == 1
    order = [name for name, _ in ecs.asked]
    assert order.index("run_task") > order.index("describe_tasks")


@pytest.mark.parametrize(("end", "words", "mend"), [
    (exits(1), "exit code 1", "mend it"),
    (exits(137, reason="OutOfMemoryError: Container killed due to memory usage"), "memory was used up", "`memory`"),
    (not_started("CannotPullContainerError: pull image manifest has been retried 5 time(s)"), "image could not be pulled", "ECR"),
    (not_started("ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm"),
     "a secret could not be read", "Secrets Manager"),
    (not_started("Capacity is unavailable at this time"), "no room", "again"),
    ({"stopCode": "UserInitiated", "stoppedReason": "by ana", "containers": [{"name": "migrate", "exitCode": 143}]},
     "somebody has stopped", "again"),
])
def test_how_it_ended_is_said_with_what_to_do(end: Mapping[str, Any], words: str, mend: str) -> None:
    found = Ecs(end).run()
    assert not found.well and words in found.words and mend in found.mend


def test_a_sidecar_that_ends_well_does_not_hide_that_the_container_failed() -> None:
    containers = [{"name": "proxy", "exitCode": 0}, {"name": "migrate", "exitCode": 3}]
    assert not ending({"containers": containers, "stoppedReason": "Essential container in task exited"}, "migrate").well
    assert not ending({"containers": [{"name": "proxy", "exitCode": 0}]}, "migrate").well


def test_a_role_that_is_not_known_everywhere_yet_is_tried_again_and_a_process_that_has_run_never() -> None:
    new = not_started("ResourceInitializationError: unable to pull secrets: AccessDeniedException: GetSecretValue")
    ecs = Ecs(new, exits(0))
    assert ecs.run().well and len({item["clientToken"] for item in ecs.called("run_task")}) == 2
    ecs = Ecs(exits(1), exits(0))
    assert not ecs.run().well and len(ecs.called("run_task")) == 1
    ecs = Ecs(new, new, new, new, exits(0))
    assert "secret" in ecs.run().words and len(ecs.called("run_task")) == 4


def test_an_answer_that_stays_away_for_a_moment_is_waited_for_and_one_that_stays_away_is_said() -> None:
    ecs = Ecs()
    ecs.refusals["describe_tasks"] = ["ThrottlingException"] * 5
    assert ecs.run().well
    ecs = Ecs()
    ecs.refusals["describe_tasks"] = ["ExpiredToken"] * 500
    end = ecs.run()
    assert not end.well and "ExpiredToken" in end.words and "follows the task" in end.mend


def test_what_ecs_refuses_is_said_at_once() -> None:
    ecs = Ecs()
    ecs.refusals["run_task"] = ["AccessDeniedException: ecs:RunTask"]
    end = ecs.run()
    assert not end.well and "ecs:RunTask" in end.words and ecs.time == 0


def test_a_task_that_takes_too_long_is_stopped_and_that_is_said() -> None:
    ecs = Ecs(exits(0), running=10_000)
    end = ecs.run()
    assert not end.well and "600 s" in end.words and "timeout" in end.mend
    assert len(ecs.called("stop_task")) == 1 and 600 <= ecs.time < 620


def test_a_good_end_is_noted_under_the_id_of_the_run_and_no_other_end_is() -> None:
    ecs = Ecs(exits(0))
    assert ecs.run().well
    assert ecs.called("create_log_stream") == [{"logGroupName": "/ecs/migrate", "logStreamName": mark_of(RESOURCE["id"])}]
    ecs = Ecs(exits(1))
    assert not ecs.run().well and not ecs.called("create_log_stream")
    ecs = Ecs(exits(0))
    ecs.refusals["create_log_stream"] = ["AccessDeniedException: logs:CreateLogStream"]
    end = ecs.run()
    assert not end.well and "could not be noted" in end.words and "logs:CreateLogStream" in end.mend


def test_what_is_no_run_is_refused() -> None:
    for text in ("", "[]", "{}", '{"id": "x", "input": {}, "triggers_replace": {}}'):
        with pytest.raises(GroundsillError) as raised:
            read_run(text)
        assert raised.value.diagnostics[0].code == "GS3042"
