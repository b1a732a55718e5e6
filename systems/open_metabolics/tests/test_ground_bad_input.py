"""Bad input over HTTP: a 4xx that names the field, and nothing of it stored."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from om_support.calls import PROFILE, walk_csv
from om_support.running import Answer, Running, User, started

TIMES = "Timestamp,Accelerometer_X\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from started(tmp_path_factory.mktemp("bad-input") / "open_metabolics")


@pytest.fixture(scope="module")
def user(running: Running) -> User:
    return running.user(**PROFILE)


@pytest.fixture(scope="module")
def stranger(running: Running) -> User:
    return running.user()


@pytest.fixture
def unchanged(running: Running) -> Iterator[None]:
    """Whatever is sent meanwhile, no table and no queue holds more or less afterwards."""
    before = running.counts(), running.waiting(), running.waiting("dead_letter_queue_url")
    yield
    assert (running.counts(), running.waiting(), running.waiting("dead_letter_queue_url")) == before


def assert_refused(answer: Answer, status: int, field: str) -> None:
    assert answer.status == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.body["error"]
    assert error["field"] == field and error["code"] and error["message"]


def batch(csv: Any, **more: Any) -> dict[str, Any]:
    return {"session_id": "bad", "csv_data": csv, **more}


@pytest.mark.requirement("OM-B01")
@pytest.mark.parametrize(("body", "field"), [
    pytest.param(batch("Time,Accelerometer_X\n1.0,0.1\n"), "csv_data", id="wrong first header"),
    pytest.param(batch("Timestamp,Speed\n1.0,0.1\n"), "csv_data", id="unknown header"),
    pytest.param(batch("Timestamp,Accelerometer_X,Accelerometer_X\n1.0,0.1,0.1\n"), "csv_data", id="header twice"),
    pytest.param(batch(f"{TIMES}1.0,0.1\n2.0,NaN\n"), "csv_data", id="NaN"),
    pytest.param(batch(f"{TIMES}1.0,0.1\n2.0,inf\n"), "csv_data", id="infinite"),
    pytest.param(batch(f"{TIMES}nan,0.1\n"), "csv_data", id="NaN time"),
    pytest.param(batch(f"{TIMES}2.0,0.1\n1.0,0.1\n"), "csv_data", id="out of order"),
    pytest.param(batch(f"{TIMES}1.0,0.1\n1.0,0.2\n"), "csv_data", id="duplicate time"),
    pytest.param(batch(f"{TIMES}1.0,0.1\n2.0\n"), "csv_data", id="short row"),
    pytest.param(batch(""), "csv_data", id="empty batch"),
    pytest.param(batch(TIMES), "csv_data", id="header alone"),
    pytest.param(batch(None), "csv_data", id="no csv"),
    pytest.param(batch(7), "csv_data", id="csv that is a number"),
    pytest.param({"csv_data": f"{TIMES}1.0,0.1\n"}, "session_id", id="no session"),
    pytest.param({**batch(f"{TIMES}1.0,0.1\n"), "session_id": "a/b"}, "session_id", id="impossible session"),
    pytest.param({**batch(f"{TIMES}1.0,0.1\n"), "session_id": "x" * 129}, "session_id", id="long session"),
    pytest.param(batch(f"{TIMES}1.0,0.1\n", chunk_samples=0), "chunk_samples", id="chunk of none"),
    pytest.param("", "body", id="no body"),
    pytest.param("[]", "body", id="a list"),
    pytest.param("{\"session_id\": ", "body", id="broken JSON"),
    pytest.param("{\"session_id\": NaN}", "body", id="JSON with NaN"),
])
def test_a_bad_batch_is_refused_whole(running: Running, user: User, unchanged: None, body: Any, field: str) -> None:
    assert_refused(running.post("save-raw-sensor-data", body, token=user.id_token), 400, field)


def test_a_mistake_in_the_last_of_many_rows_stores_none_of_them(running: Running, user: User, unchanged: None) -> None:
    answer = running.post("save-raw-sensor-data", batch(walk_csv(10) + "9.0,0,0,0,0,0,0\n"), token=user.id_token)
    assert_refused(answer, 400, "csv_data")
    assert answer.body["error"]["row"] == 501


@pytest.mark.requirement("OM-C12")
def test_a_body_beyond_the_function_s_limit_is_refused_with_advice(running: Running, user: User, unchanged: None) -> None:
    answer = running.post("save-raw-sensor-data", batch("x" * (5 * 1024 * 1024)), token=user.id_token)
    assert_refused(answer, 413, "body")
    assert "smaller batches" in answer.body["error"]["message"]


@pytest.mark.requirement("OM-C12")
@pytest.mark.parametrize("megabytes", [7, 10, 11])
def test_a_huge_body_gets_413_and_the_system_goes_on(running: Running, user: User, unchanged: None, megabytes: int) -> None:
    answer = running.post("save-raw-sensor-data", batch("x" * (megabytes * 1024 * 1024)), token=user.id_token)
    assert answer.status == 413, (answer.status, answer.text[:200])
    assert answer.headers["content-type"].startswith("application/json") and answer.body
    assert running.post("get-user-profile", {}, token=user.id_token).status == 200


@pytest.mark.requirement("OM-B14", "OM-C03")
def test_another_user_s_session_stays_theirs(running: Running, user: User, stranger: User) -> None:
    body = {"session_id": "mine", "csv_data": walk_csv(1)}
    assert running.post("save-raw-sensor-data", body, token=user.id_token).status == 200
    before = running.counts(), running.waiting()
    token = stranger.id_token
    assert_refused(running.post("save-raw-sensor-data", body, token=token), 403, "session_id")
    for route in ("process-energy-expenditure", "get-session-details", "get-survey-response"):
        assert_refused(running.post(route, {"session_id": "mine"}, token=token), 404, "session_id")
    front = running.urls["front"]
    assert_refused(running.call("POST", f"{front}/process", {"session_id": "mine"}, token=token), 404, "session_id")
    assert_refused(running.call("GET", f"{front}/status/mine", token=token), 404, "session_id")
    assert (running.counts(), running.waiting()) == before


def test_without_a_profile_no_job_is_made(running: Running, stranger: User) -> None:
    body = {"session_id": "no-profile", "csv_data": walk_csv(1)}
    assert running.post("save-raw-sensor-data", body, token=stranger.id_token).status == 200
    before = running.counts(), running.waiting()
    asked = {"session_id": "no-profile"}
    for answer in (
        running.post("process-energy-expenditure", asked, token=stranger.id_token),
        running.call("POST", f"{running.urls['front']}/process", asked, token=stranger.id_token),
    ):
        assert 400 <= answer.status < 500, answer.text
        assert answer.body["error"]["field"]
    assert running.post("get-user-profile", {}, token=stranger.id_token).status == 404
    assert (running.counts(), running.waiting()) == before


@pytest.mark.parametrize(("body", "field"), [
    ({"age": "old", "weight": 70, "height": 170}, "age"),
    ({"age": -1, "weight": 70, "height": 170}, "age"),
    ({"age": 30, "weight": 1e9, "height": 170}, "weight"),
    ({"age": 30, "weight": 70}, "height"),
])
def test_a_bad_profile_is_refused(running: Running, stranger: User, unchanged: None, body: Any, field: str) -> None:
    assert_refused(running.post("manage-user-profile", body, token=stranger.id_token), 400, field)


# -- tokens ------------------------------------------------------------------------------------------------------------


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, Any]:
    import jwt

    return jwt.decode(token, options={"verify_signature": False})


def _own_key(token: str) -> str:
    import jwt
    from om_support.tokens import make_key

    return jwt.encode(_claims(token), make_key(), "RS256", {"kid": jwt.get_unverified_header(token)["kid"]})


def _expired(running: Running, token: str) -> str:
    """Signed with the pool's own key, as a token that the pool issued two hours ago."""
    import jwt

    keys = running.folder / ".groundsill" / running.stage / "data" / "keys" / "cognito-pool-keys"
    key = (keys / f"{running.outputs['cognito_pool_id']}-id.pem").read_text()
    moments = {"iat": int(time.time()) - 7200, "auth_time": int(time.time()) - 7200, "exp": int(time.time()) - 3600}
    kid = jwt.get_unverified_header(token)["kid"]
    fresh = jwt.encode(_claims(token), key, "RS256", {"kid": kid})
    assert running.post("get-past-sessions", {}, token=fresh).status == 200, "it is the pool's own key"
    return jwt.encode({**_claims(token), **moments}, key, "RS256", {"kid": kid})


@pytest.mark.requirement("OM-B14")
@pytest.mark.parametrize("kind", ["expired", "forged key", "forged claim", "no signature", "garbage", "empty"])
def test_a_token_that_the_pool_does_not_vouch_for_is_refused_everywhere(
    running: Running, user: User, unchanged: None, kind: str,
) -> None:
    header, claims, signature = user.id_token.split(".")
    other = _part({**_claims(user.id_token), "email": "somebody@example.com"})
    token = {
        "expired": lambda: _expired(running, user.id_token),
        "forged key": lambda: _own_key(user.id_token),
        "forged claim": lambda: f"{header}.{other}.{signature}",
        "no signature": lambda: f"{_part({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "garbage": lambda: "garbage",
        "empty": lambda: "",
    }[kind]()
    body = {"session_id": "forged", "csv_data": f"{TIMES}1.0,0.1\n"}
    answer = running.post("save-raw-sensor-data", body, token=token)
    assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})
    # The load balancer verifies nothing: the service behind it does.
    direct = running.call("POST", f"{running.urls['front']}/process", {"session_id": "forged"}, token=token)
    assert direct.status == 401, direct.text
    assert direct.body["error"]["field"] == "authorization"
    assert running.call("GET", f"{running.urls['api']}/energy/status/forged", token=token).status == 401
