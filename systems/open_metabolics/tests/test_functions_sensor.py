"""save-raw-sensor-data against real tables."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from om_support.backend import Backend
from om_support.calls import call, error, event, handler, ok, walk_csv

SAMPLE = "Timestamp,Accelerometer_X\n1.0,0.1"
ROUTE = "save-raw-sensor-data"


def stored(backend: Backend, session_id: str) -> list[dict]:
    return [item for item in backend.items(backend.raw, session_id) if item["Timestamp"]["S"] != "#owner"]


@pytest.mark.requirement("OM-B01")
def test_the_sample_body_is_read_back_by_key_and_by_index(backend: Backend) -> None:
    answer = ok(ROUTE, {"csv_data": SAMPLE, "user_email": "walker@example.com", "session_id": "test-session"})
    assert answer["rows"] == answer["items"] == 1
    key = "0000000001.000000"
    item = backend.item(backend.raw, SessionId="test-session", Timestamp=key)
    assert item is not None
    assert item["UserEmail"] == {"S": "walker@example.com"}
    assert float(item["Accelerometer_X"]["N"]) == 0.1
    found = backend.client("dynamodb").query(
        TableName=backend.raw,
        IndexName="UserEmailIndex",
        KeyConditionExpression="UserEmail = :me",
        ExpressionAttributeValues={":me": {"S": "walker@example.com"}},
    )
    assert [(entry["SessionId"]["S"], entry["Timestamp"]["S"]) for entry in found["Items"]] == [
        ("test-session", key)
    ]


@pytest.mark.requirement("OM-B01", "OM-C10")
def test_rows_come_back_in_time_order(backend: Backend) -> None:
    rows = "\n".join(f"{second},0.{second}" for second in range(1, 31))
    assert (
        ok(ROUTE, {"csv_data": f"Timestamp,Accelerometer_X\n{rows}", "session_id": "ordered"})["items"] == 30
    )
    keys = [item["Timestamp"]["S"] for item in stored(backend, "ordered")]
    assert keys == [f"{second:010d}.000000" for second in range(1, 31)]


@pytest.mark.requirement("OM-B01")
def test_the_same_batch_twice_is_stored_once(backend: Backend) -> None:
    body = {"csv_data": walk_csv(1), "session_id": "twice"}
    assert ok(ROUTE, body) == ok(ROUTE, body)
    assert len(stored(backend, "twice")) == 50


@pytest.mark.requirement("OM-C11")
def test_chunks_share_an_item(backend: Backend) -> None:
    answer = ok(ROUTE, {"csv_data": walk_csv(4), "session_id": "chunked", "chunk_samples": 64})
    assert (answer["rows"], answer["items"]) == (200, 4)
    assert [int(item["Count"]["N"]) for item in stored(backend, "chunked")] == [64, 64, 64, 8]
    # A shorter batch from the same start takes nothing away.
    ok(ROUTE, {"csv_data": walk_csv(1), "session_id": "chunked", "chunk_samples": 50})
    assert [int(item["Count"]["N"]) for item in stored(backend, "chunked")] == [50, 64, 64, 64, 8]


@pytest.mark.requirement("OM-B14")
def test_another_users_session_is_refused_and_nothing_is_stored(backend: Backend) -> None:
    ok(ROUTE, {"csv_data": SAMPLE, "session_id": "mine"})
    body = {"csv_data": "Timestamp,Accelerometer_X\n2.0,0.1", "session_id": "mine"}
    status, refused = error(ROUTE, body, email="other@example.com")
    assert (status, refused["code"], refused["field"]) == (403, "session_taken", "session_id")
    assert "walker" not in json.dumps(refused)
    assert len(stored(backend, "mine")) == 1


def test_of_many_users_who_use_one_id_at_once_exactly_one_gets_it(backend: Backend) -> None:
    def attempt(index: int) -> int:
        body = {"csv_data": f"Timestamp,Accelerometer_X\n{index}.0,0.1", "session_id": "raced"}
        return call(ROUTE, body, email=f"user{index}@example.com")[0]

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(attempt, range(8)))
    assert statuses == [200] + [403] * 7
    assert len({item["UserEmail"]["S"] for item in stored(backend, "raced")}) == 1


@pytest.mark.requirement("OM-B14", "OM-C03")
def test_the_e_mail_comes_from_the_token_and_not_from_the_body(backend: Backend) -> None:
    body = {"csv_data": SAMPLE, "session_id": "claims", "user_email": "other@example.com"}
    status, refused = error(ROUTE, body)
    assert (status, refused["field"]) == (403, "user_email")
    assert stored(backend, "claims") == []
    assert error(ROUTE, body, email=None)[0] == 401
    # Capitals of an address are no other person.
    ok(ROUTE, {**body, "user_email": "WALKER@example.com"}, email="Walker@Example.com")
    assert stored(backend, "claims")[0]["UserEmail"]["S"] == "walker@example.com"


@pytest.mark.requirement("OM-B01")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"csv_data": None}, "csv_data"),
        ({"csv_data": ""}, "csv_data"),
        ({"csv_data": 5}, "csv_data"),
        ({"csv_data": ["Timestamp"]}, "csv_data"),
        ({"csv_data": "Timestamp,Accelerometer_X\n"}, "csv_data"),
        ({"csv_data": "Timestamp,Speed\n1,1"}, "csv_data"),
        ({"csv_data": "Timestamp,Accelerometer_X\n1,1\n2,NaN"}, "csv_data"),
        ({"csv_data": "Timestamp,Accelerometer_X\n2,1\n1,1"}, "csv_data"),
        ({"csv_data": "Timestamp,Accelerometer_X\n1,1\n1,1"}, "csv_data"),
        ({"session_id": None}, "session_id"),
        ({"session_id": ""}, "session_id"),
        ({"session_id": 7}, "session_id"),
        ({"session_id": "#owner"}, "session_id"),
        ({"session_id": "a b"}, "session_id"),
        ({"session_id": "x" * 129}, "session_id"),
        ({"session_id": "\ud800"}, "session_id"),
        ({"user_email": 5}, "user_email"),
        ({"chunk_samples": 0}, "chunk_samples"),
        ({"chunk_samples": 501}, "chunk_samples"),
        ({"chunk_samples": 1.5}, "chunk_samples"),
        ({"chunk_samples": True}, "chunk_samples"),
        ({"chunk_samples": "many"}, "chunk_samples"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(backend: Backend, change: dict, field: str) -> None:
    body = {"csv_data": SAMPLE, "session_id": "never", **change}
    status, refused = error(ROUTE, body)
    assert (status, refused["field"]) == (400, field)
    assert backend.items(backend.raw, "never") == []


@pytest.mark.parametrize(
    "body",
    ["", "   ", "{", "[]", "null", '"text"', "5", '{"a": NaN}', "[" * 100_000, "1" * 5000, '{"a":1}{}'],
)
def test_a_body_that_is_no_json_object_is_refused(backend: Backend, body: str) -> None:
    status, refused = error(ROUTE, body)
    assert (status, refused["field"]) == (400, "body")


def test_no_body_at_all_is_refused(backend: Backend) -> None:
    assert error(ROUTE)[0] == 400


def test_a_base64_body_is_read_and_a_broken_one_refused(backend: Backend) -> None:
    made = event(
        ROUTE, base64.b64encode(json.dumps({"csv_data": SAMPLE, "session_id": "b64"}).encode()).decode()
    )
    made["isBase64Encoded"] = True
    assert handler(ROUTE)(made)["statusCode"] == 200
    assert handler(ROUTE)({**made, "body": "***"})["statusCode"] == 400


@pytest.mark.requirement("OM-C12")
def test_a_body_of_ten_megabytes_is_refused_with_advice(backend: Backend) -> None:
    status, refused = error(ROUTE, {"csv_data": "x" * 10_000_000, "session_id": "big"})
    assert (status, refused["code"], refused["field"]) == (413, "body_too_large", "body")
    assert "smaller batches" in refused["message"]


@pytest.mark.requirement("OM-C12")
def test_the_limits_are_settings(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "50")
    assert error(ROUTE, {"csv_data": SAMPLE, "session_id": "small"})[0] == 413
    monkeypatch.delenv("MAX_BODY_BYTES")
    monkeypatch.setenv("MAX_ITEMS_PER_REQUEST", "100")
    body = {"csv_data": walk_csv(4), "session_id": "many"}
    status, refused = error(ROUTE, body)
    assert (status, refused["field"], refused["row"]) == (413, "csv_data", 101)
    assert backend.items(backend.raw, "many") == []
    assert ok(ROUTE, {**body, "chunk_samples": 10})["items"] == 20


def test_a_strange_event_is_refused_and_not_a_crash(backend: Backend) -> None:
    for strange in (
        {},
        {"requestContext": None},
        {"requestContext": {"authorizer": {"jwt": {"claims": {}}}}},
    ):
        assert handler(ROUTE)(strange)["statusCode"] == 401


def test_what_the_store_hands_back_is_sent_again(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    client = backend.client("dynamodb")
    real, calls = client.batch_write_item, []

    def half(RequestItems: dict) -> dict:
        ((table, requests),) = RequestItems.items()
        calls.append(len(requests))
        keep = max(1, len(requests) // 2)
        real(RequestItems={table: requests[:keep]})
        rest = requests[keep:]
        return {"UnprocessedItems": {table: rest} if rest else {}}

    monkeypatch.setattr(client, "batch_write_item", half)
    assert ok(ROUTE, {"csv_data": walk_csv(0.5), "session_id": "unprocessed"})["items"] == 25
    assert calls == [25, 13, 7, 4, 2, 1]
    assert len(stored(backend, "unprocessed")) == 25


def test_a_store_that_takes_nothing_gives_503_and_the_repeat_completes_the_batch(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions import sensor

    client = backend.client("dynamodb")
    body = {"csv_data": walk_csv(0.5), "session_id": "busy"}
    with monkeypatch.context() as patch:
        patch.setattr(sensor, "WRITE_SECONDS", 0.1)
        patch.setattr(client, "batch_write_item", lambda RequestItems: {"UnprocessedItems": RequestItems})
        answer = handler(ROUTE)(event(ROUTE, body))
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "2"
    assert ok(ROUTE, body)["items"] == 25
    assert len(stored(backend, "busy")) == 25


def test_a_missing_grant_is_said_without_details_of_the_person(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from botocore.exceptions import ClientError

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "secret"}}, "BatchWriteItem")

    monkeypatch.setattr(backend.client("dynamodb"), "batch_write_item", refuse)
    status, refused = error(ROUTE, {"csv_data": SAMPLE, "session_id": "denied"})
    assert (status, refused["code"]) == (500, "access_denied")
    assert "BatchWriteItem" in refused["message"]
    log = capsys.readouterr().out
    assert "AccessDeniedException" in log
    assert "secret" not in log + refused["message"]


def test_one_line_of_log_a_request_without_personal_data(
    backend: Backend, capsys: pytest.CaptureFixture[str]
) -> None:
    ok(ROUTE, {"csv_data": SAMPLE, "session_id": "logged"})
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert entry["status"] == 200
    assert entry["route"] == f"POST /{ROUTE}"
    assert entry["request_id"] == "request-1"
    assert entry["milliseconds"] >= 0
    assert "walker" not in line
    assert "logged" not in line
