"""The worker in the test's own process: success, every failure, and bad messages."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest
from om_support.backend import Backend
from om_support.calls import PROFILE, ok, walk_csv
from om_support.jobs import make_worker, row, upload, use_stub, work

START = "process-energy-expenditure"


@pytest.fixture(autouse=True)
def empty_queues(backend: Backend) -> None:
    for queue_url in (backend.queue_url, backend.dead_letter_url):
        backend.client("sqs").purge_queue(QueueUrl=queue_url)


def send(backend: Backend, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    backend.client("sqs").send_message(QueueUrl=backend.queue_url, MessageBody=text)


def job(session_id: str, **changes: Any) -> dict[str, Any]:
    fields = {"job_id": str(uuid.uuid4()), "session_id": session_id, "user_email": "walker@example.com"}
    return {**fields, "requested_at": 0, "version": 1, **changes}


def to_dead_letters(backend: Backend, worker: Any) -> None:
    """Handle a message until the queue gives up on it."""
    work(backend, worker, messages=3)
    # The queue moves a message when it would be received once more.
    backend.client("sqs").receive_message(QueueUrl=backend.queue_url, WaitTimeSeconds=0)


@pytest.mark.requirement("OM-B18")
def test_a_job_writes_results_completes_its_row_and_deletes_its_message(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch, steps=3)
    upload("w1")
    job_id = ok(START, {"session_id": "w1"})["job_id"]
    work(backend)
    assert backend.count(backend.queue_url) == (0, 0)
    found = row(backend, "w1")
    assert (found["Status"], found["Progress"], found["JobId"], found["Attempts"]) == (
        "completed",
        100,
        job_id,
        1,
    )
    assert found["StartedAt"] <= found["CompletedAt"]
    windows = ok("get-session-details", {"session_id": "w1"})["windows"]
    # The stand-in gives weight (kg) x height (m), so the profile's centimetres were converted.
    assert windows[0]["watts"] == pytest.approx(77.5 * 1.78)
    assert [window["start"] for window in windows] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.requirement("OM-B18", "OM-C11")
def test_rows_chunks_and_overlapping_batches_are_one_recording(backend: Backend) -> None:
    from services.energy import recordings

    lines = walk_csv(4).splitlines()
    header, rows = lines[0], lines[1:]

    def save(part: list[str], chunk: int) -> None:
        ok(
            "save-raw-sensor-data",
            {"csv_data": "\n".join([header, *part]), "session_id": "mix", "chunk_samples": chunk},
        )

    save(rows[:80], 1)
    save(rows[50:150], 30)
    save(rows[100:], 64)
    found = recordings.read(backend.raw, "mix", lambda _count: None)
    expected = np.array([[float(cell) for cell in line.split(",")] for line in rows])
    np.testing.assert_allclose(found.time, expected[:, 0], atol=5e-7)
    np.testing.assert_allclose(found.accelerometer, expected[:, 1:4], rtol=1e-6)
    np.testing.assert_allclose(found.gyroscope, expected[:, 4:7], rtol=1e-6)
    assert (np.diff(found.time) > 0).all()


@pytest.mark.requirement("OM-B18")
def test_the_progress_is_seen_while_a_job_runs(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.energy import run, status

    monkeypatch.setattr(run, "PROGRESS_SECONDS", 0.0)
    use_stub(monkeypatch, steps=10)
    upload("w2")
    ok(START, {"session_id": "w2"})
    seen: list[int] = []
    real = status.StatusRow.progress

    def note(self: Any, percent: int) -> None:
        real(self, percent)
        found = row(backend, "w2")
        assert found["Status"] == "processing"
        seen.append(found["Progress"])

    monkeypatch.setattr(status.StatusRow, "progress", note)
    work(backend)
    assert len(seen) >= 10
    assert seen == sorted(set(seen))
    assert 0 <= seen[0] < 20
    assert seen[-1] == 99


@pytest.mark.requirement("OM-B20")
def test_a_poison_job_fails_with_its_reason_and_ends_in_the_dead_letter_queue(backend: Backend) -> None:
    worker = make_worker(backend)
    send(backend, job("no-such-session"))
    for attempt in (1, 2, 3):
        work(backend, worker)
        found = row(backend, "no-such-session")
        assert (found["Status"], found["Attempts"]) == ("failed", attempt)
        assert "no samples" in found["Error"]
        assert found["WillRetry"] is False
    assert backend.count(backend.dead_letter_url) == (0, 0)
    backend.client("sqs").receive_message(QueueUrl=backend.queue_url, WaitTimeSeconds=0)
    assert backend.count(backend.dead_letter_url) == (1, 0)
    assert backend.count(backend.queue_url) == (0, 0)


@pytest.mark.requirement("OM-B20")
def test_an_unexpected_failure_is_tried_three_times_and_its_text_is_kept_from_users(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_stub(monkeypatch, error=RuntimeError("walker@example.com weighs 77"))
    upload("w3")
    ok(START, {"session_id": "w3"})
    worker, again = make_worker(backend), []
    for _ in range(3):
        work(backend, worker)
        again.append(row(backend, "w3")["WillRetry"])
    assert again == [True, True, False]
    assert row(backend, "w3")["Error"] == "the estimate failed (RuntimeError)"
    assert "weighs" not in capsys.readouterr().out
    assert backend.items(backend.results, "w3") == []


@pytest.mark.requirement("OM-B20")
@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"job_id": 5, "session_id": "s", "user_email": "a@b"}',
        '{"job_id": "j", "session_id": "#owner", "user_email": "a@b"}',
        '{"job_id": "j", "session_id": "s", "user_email": "a@b", "version": 99}',
        '{"job_id": "j", "session_id": "s", "user_email": "a@b", "requested_at": "now"}',
        '{"job_id": "j", "session_id": "s", "user_email": "a@b", "requested_at": 1e300}',
        "[" * 100_000,
    ],
    ids=range(11),
)
def test_a_bad_message_does_not_stop_the_worker(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    use_stub(monkeypatch, steps=1)
    worker = make_worker(backend)
    send(backend, body or " ")
    to_dead_letters(backend, worker)
    assert backend.count(backend.dead_letter_url) == (1, 0)
    upload("after-bad")
    ok(START, {"session_id": "after-bad", "force": True})
    work(backend, worker)
    assert row(backend, "after-bad")["Status"] == "completed"


@pytest.mark.requirement("OM-B20")
@pytest.mark.parametrize(
    ("csv_data", "reason"),
    [
        ("Timestamp,Accelerometer_X,Accelerometer_Y,Accelerometer_Z\n1,0,0,1", "Gyroscope_X"),
        ("Timestamp,Gyroscope_X,Gyroscope_Y,Gyroscope_Z\n1,0,0,1", "Accelerometer_X"),
    ],
)
def test_a_session_without_a_sensor_fails_with_its_name(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, csv_data: str, reason: str
) -> None:
    use_stub(monkeypatch)
    session = f"no-{reason}"
    ok("save-raw-sensor-data", {"csv_data": csv_data, "session_id": session})
    ok("manage-user-profile", PROFILE)
    ok(START, {"session_id": session})
    work(backend)
    found = row(backend, session)
    assert found["Status"] == "failed"
    assert reason in found["Error"]
    assert found["WillRetry"] is False


@pytest.mark.requirement("OM-B20")
def test_a_session_that_would_not_fit_into_memory_fails_with_a_reason(backend: Backend) -> None:
    upload("w10")
    ok(START, {"session_id": "w10"})
    work(backend, make_worker(backend, MAX_SAMPLES="199"))
    assert row(backend, "w10")["Error"] == "the session has more than 199 samples: record shorter ones"


def test_what_the_estimate_says_of_the_samples_is_the_users_reason(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch, error=ValueError("at least 2 seconds are needed"))
    upload("w4")
    ok(START, {"session_id": "w4"})
    work(backend)
    assert row(backend, "w4")["Error"] == "the samples cannot be used: at least 2 seconds are needed"


def test_a_profile_that_is_gone_by_then_fails_the_job(backend: Backend) -> None:
    me = "gone@example.com"
    upload("w5", email=me)
    ok(START, {"session_id": "w5"}, email=me)
    backend.client("dynamodb").delete_item(TableName=backend.profiles, Key={"UserEmail": {"S": me}})
    work(backend)
    assert "profile" in row(backend, "w5")["Error"]


@pytest.mark.requirement("OM-B18")
def test_a_message_that_comes_twice_runs_once(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stub(monkeypatch, steps=1)
    upload("w6")
    ok(START, {"session_id": "w6"})
    message = backend.client("sqs").receive_message(QueueUrl=backend.queue_url)["Messages"][0]
    send(backend, message["Body"])
    worker = make_worker(backend)
    worker.handle(message)
    before = row(backend, "w6")
    work(backend, worker)
    assert row(backend, "w6") == before
    assert backend.count(backend.queue_url) == (0, 0)


@pytest.mark.requirement("OM-B21")
def test_a_job_that_another_worker_holds_is_left_to_it(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.energy.status import StatusRow
    from shared.jobs import Job, now

    use_stub(monkeypatch)
    upload("w7")
    ok(START, {"session_id": "w7"})
    message = backend.client("sqs").receive_message(QueueUrl=backend.queue_url)["Messages"][0]
    other = StatusRow(backend.status, Job.from_json(message["Body"]), "other")
    assert other.claim(now() + 60_000, 1).outcome == "taken"
    make_worker(backend).handle(message)
    found = row(backend, "w7")
    assert (found["Status"], found["WorkerId"]) == ("processing", "other")
    assert backend.count(backend.queue_url) == (0, 1)


@pytest.mark.requirement("OM-B21")
def test_a_worker_that_lost_its_lease_changes_nothing_any_more(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.energy import run
    from services.energy.status import LeaseLost, StatusRow
    from shared.jobs import Job, now

    monkeypatch.setattr(run, "PROGRESS_SECONDS", 0.0)
    upload("w8")
    ok(START, {"session_id": "w8"})
    message = backend.client("sqs").receive_message(QueueUrl=backend.queue_url)["Messages"][0]
    task = Job.from_json(message["Body"])
    first, second = StatusRow(backend.status, task, "first"), StatusRow(backend.status, task, "second")
    assert first.claim(now() - 5000, 1).outcome == "taken"
    assert second.claim(now() + 60_000, 2).outcome == "taken"
    before = row(backend, "w8")
    for late in (
        first.complete,
        first.release,
        lambda: first.progress(5),
        lambda: first.fail("x", will_retry=False),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert row(backend, "w8") == before


def test_a_table_that_cannot_be_reached_leaves_the_message_to_come_back(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload("w9")
    ok(START, {"session_id": "w9"})

    def refuse(**_: object) -> None:
        raise ConnectionError

    worker = make_worker(backend)
    message = worker.receive()
    with monkeypatch.context() as patch:
        patch.setattr(backend.client("dynamodb"), "update_item", refuse)
        worker.handle(message)
    assert sum(backend.count(backend.queue_url)) == 1
    assert row(backend, "w9")["Status"] == "pending"
