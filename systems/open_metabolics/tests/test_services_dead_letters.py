"""Reviewing and redriving jobs that failed three times."""

from __future__ import annotations

import json

import pytest
from om_support.backend import Backend
from om_support.calls import ok
from om_support.jobs import make_worker, row, upload, use_stub, work
from services.energy import dead_letters

START = "process-energy-expenditure"


@pytest.fixture(autouse=True)
def empty_queues(backend: Backend) -> None:
    for queue_url in (backend.queue_url, backend.dead_letter_url):
        backend.client("sqs").purge_queue(QueueUrl=queue_url)


def bury(backend: Backend, monkeypatch: pytest.MonkeyPatch, session_id: str) -> None:
    use_stub(monkeypatch, error=RuntimeError())
    upload(session_id)
    ok(START, {"session_id": session_id})
    # The last retry is given back at once, and the next receive moves it.
    work(backend, make_worker(backend), messages=3)
    backend.client("sqs").receive_message(QueueUrl=backend.queue_url, WaitTimeSeconds=0)
    assert row(backend, session_id)["Status"] == "failed"


@pytest.mark.requirement("OM-B22")
def test_a_dead_job_is_listed_with_its_error_and_completes_after_a_redrive(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(backend, monkeypatch, "dead1")
    job_id = row(backend, "dead1")["JobId"]
    for _ in range(2):
        (letter,) = dead_letters.list_letters(backend.dead_letter_url, backend.status)
        assert (letter.session_id, letter.job_id, letter.status) == ("dead1", job_id, "failed")
        assert letter.error == "the estimate failed (RuntimeError)"
        assert json.loads(letter.body)["session_id"] == "dead1"
    use_stub(monkeypatch)
    assert dead_letters.redrive(backend.dead_letter_url, backend.queue_url) == 1
    assert backend.count(backend.dead_letter_url) == (0, 0)
    work(backend)
    found = row(backend, "dead1")
    assert (found["Status"], found["JobId"]) == ("completed", job_id)
    assert "Error" not in found


@pytest.mark.requirement("OM-B22")
def test_the_commands_list_and_redrive_one_session(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(backend, monkeypatch, "dead2")
    sqs = backend.client("sqs")
    sqs.send_message(QueueUrl=backend.dead_letter_url, MessageBody="not json")
    capsys.readouterr()
    assert dead_letters.main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    errors = {entry["session_id"]: entry["error"] for entry in listed}
    assert errors == {"dead2": "the estimate failed (RuntimeError)", None: "the message is not JSON"}
    assert dead_letters.main(["list"]) == 0
    assert "2 in the dead-letter queue" in capsys.readouterr().out
    assert dead_letters.main(["redrive", "--session", "dead2"]) == 0
    assert "1 moved" in capsys.readouterr().out
    assert backend.count(backend.dead_letter_url) == (1, 0)
    assert backend.count(backend.queue_url) == (1, 0)


@pytest.mark.requirement("OM-B22")
def test_a_missing_setting_or_queue_is_said(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", f"{backend.dead_letter_url}-none")
    assert dead_letters.main(["list"]) == 1
    monkeypatch.delenv("DEAD_LETTER_QUEUE_URL")
    assert dead_letters.main(["redrive"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1] == "error: set DEAD_LETTER_QUEUE_URL"
    assert all(line.startswith("error: ") for line in errors)
