"""Jobs that go wrong on the running system: a killed worker, poison, messages that are none, a missing grant."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from om_support.calls import PROFILE, walk_csv
from om_support.running import Running, User, started, until

WORKER = 'environment={"SERVICE_TYPE": "worker"}'
# A lease of seconds, so that the test need not wait for 15 minutes.
QUICK_WORKER = (
    'environment={"SERVICE_TYPE": "worker", "JOB_LEASE_SECONDS": "3", "JOB_RETRY_SECONDS": "0", "POLL_SECONDS": "2"}'
)
READER = 'function("get-survey-response", "functions.surveys:get", uses=[surveys.read.env("SURVEY_TABLE")])'
# The same function, told the table's name but granted nothing.
READER_WITHOUT_GRANT = """api.route("POST /get-survey-response", Function(
        "get-survey-response", "functions.surveys:get", include=["functions", "shared"],
        environment={"SURVEY_TABLE": surveys.resource["name"]}))"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from started(
        tmp_path_factory.mktemp("jobs") / "open_metabolics",
        ("system.py", WORKER, QUICK_WORKER), ("system.py", READER, READER_WITHOUT_GRANT),
    )


@pytest.fixture(scope="module")
def user(running: Running) -> User:
    return running.user(**PROFILE)


def worker_of(running: Running) -> psutil.Process:
    """The worker's process."""

    def look() -> psutil.Process | None:
        for process in psutil.Process(running.facts["pid"]).children(recursive=True):
            try:
                if process.environ().get("SERVICE_TYPE") == "worker" and process.status() != psutil.STATUS_ZOMBIE:
                    return process
            except psutil.Error:
                continue
        return None

    return until(look)


def send(running: Running, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    running.aws("sqs").send_message(QueueUrl=running.outputs["queue_url"], MessageBody=text)


def outcomes(running: Running, job_id: str) -> list[tuple[str, int]]:
    """How each delivery of a job ended, by the worker's log."""
    found: list[tuple[str, int]] = []
    for line in running.logs("energy-worker"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("job_id") == job_id and "outcome" in entry:
            found.append((entry["outcome"], entry["attempt"]))
    return found


@pytest.mark.requirement("OM-B18", "OM-B21")
def test_a_job_whose_worker_is_killed_is_delivered_again_and_completes(running: Running, user: User) -> None:
    import numpy as np
    from simulation.walk import simulate_walk

    samples = simulate_walk(minutes=10)
    user.client.upload("killed", np.column_stack([samples.time, samples.gyroscope, samples.accelerometer]).tolist())
    first = worker_of(running)
    job = user.client.process("killed")["job_id"]
    until(lambda: user.client.status("killed")["status"] == "processing")
    os.kill(first.pid, signal.SIGKILL)
    assert user.client.status("killed")["status"] == "processing", "it was killed in the middle"
    assert user.client.wait("killed", seconds=40, poll_seconds=0.1)["progress"] == 100
    until(lambda: running.waiting() == (0, 0))
    assert until(lambda: outcomes(running, job)) == [("completed", 2)], "delivered twice, completed once"
    assert worker_of(running).pid != first.pid
    log = running.logs("energy-worker")
    assert any("137" in line or "SIGKILL" in line or "signal 9" in line for line in log), log[-20:]
    windows = user.client.details("killed")["windows"]
    assert len(windows) == len({window["start"] for window in windows})


@pytest.mark.requirement("OM-B20", "OM-B22", "OM-S08")
def test_a_poison_job_goes_to_the_dead_letters_after_three_receives_and_completes_after_a_mend(
    running: Running, user: User,
) -> None:
    patient = running.user(**PROFILE)
    session = {"session_id": "poison"}
    assert running.post("save-raw-sensor-data", {**session, "csv_data": walk_csv(30)}, token=patient.id_token).status == 200
    worker = worker_of(running)
    profiles = {"TableName": running.outputs["profiles_table_name"]}
    key = {"UserEmail": {"S": patient.email}}
    profile = running.aws("dynamodb").get_item(**profiles, Key=key)["Item"]
    running.aws("dynamodb").delete_item(**profiles, Key=key)
    job = {"job_id": "poison-job", **session, "user_email": patient.email, "requested_at": 0, "version": 1}
    send(running, job)
    until(lambda: running.waiting("dead_letter_queue_url") == (1, 0))
    assert running.waiting() == (0, 0)
    assert outcomes(running, "poison-job") == [("failed", 1), ("failed", 2), ("failed", 3)]
    status = patient.client.status("poison")
    assert status["status"] == "failed" and status["error"]
    assert worker_of(running).pid == worker.pid, "the worker lives"

    listed = json.loads(_dead_letters(running, "list", "--json"))
    assert [(entry["session_id"], entry["error"]) for entry in listed] == [("poison", status["error"])]
    running.aws("dynamodb").put_item(**profiles, Item=profile)
    assert json.loads(_dead_letters(running, "redrive", "--json")) == {"redriven": 1}
    assert patient.client.wait("poison", seconds=20, poll_seconds=0.1)["status"] == "completed"
    assert running.waiting("dead_letter_queue_url") == (0, 0)


def _dead_letters(running: Running, *arguments: str) -> str:
    key = json.loads((running.folder / ".groundsill/dev/data/root-credentials.json").read_text())
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": running.urls["AWS API"], "AWS_REGION": running.facts["region"],
        "AWS_DEFAULT_REGION": running.facts["region"], "AWS_ACCESS_KEY_ID": key["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["secret_access_key"], "QUEUE_URL": running.outputs["queue_url"],
        "DEAD_LETTER_QUEUE_URL": running.outputs["dead_letter_queue_url"],
        "STATUS_TABLE": running.outputs["status_table_name"],
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.energy.dead_letters", *arguments], cwd=running.folder, env=environment,
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.requirement("OM-B20")
def test_messages_that_are_no_jobs_end_with_the_dead_letters_and_never_kill_the_worker(running: Running, user: User) -> None:
    worker = worker_of(running)
    bodies = ["not JSON", "[]", "{}", '{"job_id": 1}', json.dumps({"job_id": "j", "session_id": "a/b", "user_email": "x"}),
              json.dumps({"job_id": "j", "session_id": "s", "user_email": "x", "version": 99}), "{" * 5000, "\u00e9" * 2000]
    for body in bodies:
        send(running, body)
    until(lambda: running.waiting("dead_letter_queue_url") == (len(bodies), 0), 40)
    assert running.waiting() == (0, 0)
    assert worker_of(running).pid == worker.pid
    assert sum("bad_message" in line for line in running.logs("energy-worker")) >= len(bodies)
    running.aws("sqs").purge_queue(QueueUrl=running.outputs["dead_letter_queue_url"])
    # And it still works.
    assert running.post("save-raw-sensor-data", {"session_id": "after", "csv_data": walk_csv(30)},
                        token=user.id_token).status == 200
    user.client.process("after")
    assert user.client.wait("after", seconds=20, poll_seconds=0.1)["status"] == "completed"


@pytest.mark.requirement("OM-B20")
def test_a_job_for_a_session_that_does_not_exist_fails_three_times_and_is_kept_for_review(running: Running) -> None:
    send(running, {"job_id": "ghost-job", "session_id": "ghost", "user_email": "ghost@example.com", "requested_at": 0})
    until(lambda: running.waiting("dead_letter_queue_url") == (1, 0))
    running.aws("sqs").purge_queue(QueueUrl=running.outputs["dead_letter_queue_url"])


@pytest.mark.requirement("OM-S03", "OM-T01")
def test_a_function_whose_grant_was_removed_is_denied_and_its_log_says_so(running: Running, user: User) -> None:
    answer = running.post("get-survey-response", {"session_id": "any"}, token=user.id_token)
    assert answer.status == 500
    assert answer.body["error"]["code"] == "access_denied"
    log = "\n".join(running.logs("get-survey-response"))
    assert '"aws_code":"AccessDeniedException"' in log
    assert re.search(r'"aws_operation":"(Query|GetItem|BatchGetItem)"', log), log
    # Its neighbours keep theirs.
    assert running.post("check-survey-responses", {"session_ids": ["any"]}, token=user.id_token).status == 200
