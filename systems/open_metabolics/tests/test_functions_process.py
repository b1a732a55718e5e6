"""process-energy-expenditure: one job a session."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from om_support.backend import Backend
from om_support.calls import PROFILE, call, error, ok, walk_csv
from om_support.jobs import make_worker, row, upload, use_stub, work

ROUTE = "process-energy-expenditure"


@pytest.fixture(autouse=True)
def empty_queues(backend: Backend) -> None:
    for queue_url in (backend.queue_url, backend.dead_letter_url):
        backend.client("sqs").purge_queue(QueueUrl=queue_url)


@pytest.mark.requirement("OM-B02", "OM-C04")
def test_a_request_gives_a_pending_row_and_one_message(backend: Backend) -> None:
    upload("p1")
    status, answer = call(ROUTE, {"session_id": "p1", "user_email": "walker@example.com"})
    assert (status, answer["status"], answer["session_id"]) == (202, "pending", "p1")
    assert sum(backend.count(backend.queue_url)) == 1
    found = row(backend, "p1")
    assert (found["Status"], found["JobId"], found["Progress"]) == ("pending", answer["job_id"], 0)
    (message,) = backend.client("sqs").receive_message(QueueUrl=backend.queue_url)["Messages"]
    body = json.loads(message["Body"])
    assert body["job_id"] == answer["job_id"]
    assert (body["session_id"], body["user_email"], body["version"]) == ("p1", "walker@example.com", 1)


@pytest.mark.requirement("OM-B02", "OM-B16")
def test_many_requests_at_once_are_one_job(backend: Backend) -> None:
    upload("p2")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ok(ROUTE, {"session_id": "p2"}), range(8)))
    assert len({answer["job_id"] for answer in answers}) == 1
    assert sum(backend.count(backend.queue_url)) == 1


@pytest.mark.requirement("OM-B02")
def test_what_is_missing_is_named(backend: Backend) -> None:
    me = "missing@example.com"
    status, refused = error(ROUTE, {"session_id": "p3"}, email=me)
    assert (status, refused["field"]) == (404, "session_id")
    ok("save-raw-sensor-data", {"csv_data": walk_csv(1), "session_id": "p3"}, email=me)
    status, refused = error(ROUTE, {"session_id": "p3"}, email=me)
    assert (status, refused["code"], refused["field"]) == (409, "profile_missing", "profile")
    ok("manage-user-profile", PROFILE, email=me)
    backend.client("dynamodb").update_item(
        TableName=backend.profiles, Key={"UserEmail": {"S": me}}, UpdateExpression="REMOVE weight"
    )
    status, refused = error(ROUTE, {"session_id": "p3"}, email=me)
    assert (status, refused["code"], refused["field"]) == (409, "profile_incomplete", "weight")
    from shared import raw

    raw.claim(backend.raw, "p3-empty", me)
    assert error(ROUTE, {"session_id": "p3-empty"}, email=me)[1]["code"] == "no_samples"
    assert row(backend, "p3") == row(backend, "p3-empty") == {}
    assert sum(backend.count(backend.queue_url)) == 0


@pytest.mark.requirement("OM-B02")
def test_a_completed_session_runs_again_only_by_force(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch, steps=1)
    upload("p4")
    first = ok(ROUTE, {"session_id": "p4"})["job_id"]
    work(backend)
    status, answer = call(ROUTE, {"session_id": "p4"})
    assert (status, answer["status"], answer["job_id"]) == (200, "completed", first)
    status, answer = call(ROUTE, {"session_id": "p4", "force": True})
    assert status == 202
    assert answer["job_id"] != first
    # The old result stays readable until the new one is whole.
    assert len(ok("get-session-details", {"session_id": "p4"})["windows"]) == 4
    work(backend)
    assert len(ok("get-session-details", {"session_id": "p4"})["windows"]) == 4
    # And nothing of the old run is left.
    assert len(backend.items(backend.results, "p4")) == 5
    assert error(ROUTE, {"session_id": "p4", "force": "perhaps"})[1]["field"] == "force"


def test_a_forced_run_with_earlier_samples_leaves_one_summary(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch, steps=1)
    upload("p5", start=1.7e9)
    ok(ROUTE, {"session_id": "p5"})
    work(backend)
    upload("p5", start=1.7e9 - 10)
    ok(ROUTE, {"session_id": "p5", "force": True})
    work(backend)
    items = backend.items(backend.results, "p5")
    assert len([item for item in items if "UserEmail" in item]) == 1
    assert ok("get-session-details", {"session_id": "p5"})["summary"]["start"] == 1.7e9 - 10


def test_a_failed_session_may_be_asked_for_again(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stub(monkeypatch, error=ValueError("too short"))
    upload("p6")
    first = ok(ROUTE, {"session_id": "p6"})["job_id"]
    work(backend)
    assert row(backend, "p6")["Status"] == "failed"
    use_stub(monkeypatch)
    second = ok(ROUTE, {"session_id": "p6"})["job_id"]
    assert second != first
    # Both messages are there: the old one is dropped, the new one done.
    work(backend, messages=2)
    assert (row(backend, "p6")["Status"], row(backend, "p6")["JobId"]) == ("completed", second)
    assert sum(backend.count(backend.queue_url)) == 0


def test_a_queue_that_takes_nothing_gives_503_and_the_next_request_works(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload("p7")

    def refuse(**_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(backend.client("sqs"), "send_message", refuse)
        status, refused = error(ROUTE, {"session_id": "p7"})
    assert (status, refused["code"]) == (503, "queue_unavailable")
    assert ok(ROUTE, {"session_id": "p7"})["status"] == "pending"
    assert sum(backend.count(backend.queue_url)) == 1


def test_a_job_whose_message_was_lost_is_sent_again_when_its_user_asks(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch)
    upload("p8")
    job_id = ok(ROUTE, {"session_id": "p8"})["job_id"]
    backend.client("sqs").purge_queue(QueueUrl=backend.queue_url)
    assert ok(ROUTE, {"session_id": "p8"})["job_id"] == job_id
    assert sum(backend.count(backend.queue_url)) == 0
    monkeypatch.setenv("JOB_STALE_SECONDS", "-1")
    assert ok(ROUTE, {"session_id": "p8"})["job_id"] == job_id
    assert sum(backend.count(backend.queue_url)) == 1
    work(backend, make_worker(backend))
    assert row(backend, "p8")["Status"] == "completed"
