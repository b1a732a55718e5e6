"""The whole journey on this machine: started by the command, played over HTTP, compared with the estimate itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client import Configuration, ServiceError, run_journey
from om_support.calls import PROFILE, ROUTES
from om_support.running import PASSWORD, Running, User, started, until

SAMPLE_BODY = {"session_id": "test-session", "csv_data": "Timestamp,Accelerometer_X\n1.0,0.1\n"}
WALK_MINUTES = 1.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from started(tmp_path_factory.mktemp("journey") / "open_metabolics")


@pytest.fixture(scope="module")
def user(running: Running) -> User:
    return running.user(**PROFILE)


@pytest.fixture(scope="module")
def walk() -> list[list[float]]:
    import numpy as np
    from simulation.walk import simulate_walk

    samples = simulate_walk(minutes=WALK_MINUTES)
    return np.column_stack([samples.time, samples.gyroscope, samples.accelerometer]).tolist()


@pytest.fixture(scope="module")
def played(running: Running, walk: list[list[float]]) -> dict[str, Any]:
    """The reference client's whole journey, with every step that it told."""
    steps: list[tuple[str, dict[str, Any]]] = []
    summary = run_journey(
        running.configuration, walk, PROFILE, running.code, lambda name, facts: steps.append((name, facts)),
        batch_samples=1_000,
    )
    return {"summary": summary, "steps": steps}


@pytest.mark.requirement("OM-B25", "OM-R58")
def test_up_prints_every_address_and_the_reference_client_takes_the_exported_configuration(running: Running) -> None:
    assert set(running.urls) == {"AWS API", "api", "front", "mail"}
    assert running.facts["system"] == "open-metabolics" and running.facts["stage"] == "dev"
    configuration = Configuration.load(running.configuration)
    assert configuration.api_endpoint == running.urls["api"] == running.outputs["api_endpoint"]
    assert configuration.energy_expenditure_service_url == f"{running.urls['api']}/energy"
    assert configuration.cognito_pool_id == running.outputs["cognito_pool_id"]
    exported = running.folder / "client.json"
    running.command("outputs", "--out", str(exported))
    assert Configuration.load(exported) == configuration
    running.command("outputs", "--out", str(running.folder / "system_config.dart"))
    assert running.urls["api"] in (running.folder / "system_config.dart").read_text()


def test_what_does_not_run_here_is_listed_with_its_reason(running: Running) -> None:
    assert running.facts["recorded_only"]
    assert all(entry["reason"] and entry["address"] for entry in running.facts["recorded_only"])
    assert not [note for note in running.facts["notes"] if "does not run" in note or "not steady" in note]


@pytest.mark.requirement("OM-B12", "OM-B13", "OM-B18", "OM-B01", "OM-B17")
def test_a_walk_goes_in_and_the_curve_of_energy_comes_out(played: dict[str, Any], walk: list[list[float]]) -> None:
    names = [name for name, _ in played["steps"]]
    assert [name for name in names if name not in ("uploaded", "progress")] == [
        "signed_up", "confirmed", "signed_in", "profile_saved", "queued", "completed"
    ]
    assert [facts["samples"] for name, facts in played["steps"] if name == "uploaded"] == [1_000, 2_000, 3_000]
    progress = [facts["progress"] for name, facts in played["steps"] if name == "progress"]
    assert progress == sorted(progress) and progress[-1] == 100
    assert played["summary"]["samples"] == len(walk)


@pytest.mark.requirement("OM-B07", "OM-B18")
def test_the_results_are_those_of_the_estimate_itself(played: dict[str, Any], walk: list[list[float]]) -> None:
    import numpy as np
    from services.energy import estimation

    table = np.asarray(walk)
    direct = estimation.estimate(
        estimation.Samples(time=table[:, 0], gyroscope=table[:, 1:4], accelerometer=table[:, 4:]),
        estimation.Profile(age=PROFILE["age"], weight=PROFILE["weight"], height=PROFILE["height"] / 100, sex="male"),
    )
    summary = played["summary"]
    assert summary["watts"] == pytest.approx([window.watts for window in direct.windows], rel=1e-4)
    assert summary["kilocalories"] == pytest.approx(direct.kilocalories, rel=1e-4)
    assert summary["active_minutes"] == pytest.approx(direct.active_minutes, rel=1e-4)
    assert summary["duration_seconds"] == pytest.approx(direct.duration_seconds)


@pytest.mark.requirement("OM-B05", "OM-B06", "OM-B07", "OM-B08", "OM-B09", "OM-B10", "OM-B11")
def test_sessions_summaries_details_and_survey_answers_are_read_back(running: Running, played: dict[str, Any]) -> None:
    from client import OpenMetabolicsClient

    summary = played["summary"]
    session = summary["session_id"]
    client = OpenMetabolicsClient.from_configuration(running.configuration)
    client.sign_in(summary["email"], summary["password"])
    assert [entry["session_id"] for entry in client.sessions()] == [session]
    (totals,) = client.summaries()
    assert totals["kilocalories"] == pytest.approx(summary["kilocalories"])
    windows = client.details(session)["windows"]
    assert [window["start"] for window in windows] == sorted(window["start"] for window in windows)
    assert sum(window["kilocalories"] for window in windows) == pytest.approx(totals["kilocalories"])
    (joined,) = client.summaries_with_surveys()
    assert joined["survey"] is None
    client.save_survey(session, {"effort": 3, "note": "windy"})
    assert client.survey(session)["answers"] == {"effort": 3, "note": "windy"}
    assert client.answered([session, "other"]) == {session: True, "other": False}
    (joined,) = client.summaries_with_surveys()
    assert joined["survey"]["answers"] == {"effort": 3, "note": "windy"}
    client.close()


@pytest.mark.requirement("OM-B14", "OM-R21")
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_refuses_a_call_without_a_token(running: Running, route: str) -> None:
    answer = running.post(route, SAMPLE_BODY)
    assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})


@pytest.mark.requirement(
    "OM-B01", "OM-B02", "OM-B03", "OM-B04", "OM-B05", "OM-B06", "OM-B07", "OM-B08", "OM-B09", "OM-B10", "OM-B11",
    "OM-R21", "OM-R22",
)
@pytest.mark.parametrize(("route", "body", "status"), [
    ("save-raw-sensor-data", SAMPLE_BODY, 200),
    ("manage-user-profile", PROFILE, 200),
    ("get-user-profile", {}, 200),
    ("process-energy-expenditure", {"session_id": "test-session"}, 202),
    ("get-past-sessions", {}, 200),
    ("get-past-sessions-summary", {}, 200),
    ("get-session-details", {"session_id": "no-such"}, 404),
    ("get-all-session-summaries", {}, 200),
    ("save-survey-response", {"session_id": "test-session", "answers": {"effort": 2}}, 200),
    ("get-survey-response", {"session_id": "test-session"}, 200),
    ("check-survey-responses", {"session_ids": ["test-session"]}, 200),
])
def test_every_route_answers_a_signed_in_user(running: Running, user: User, route: str, body: Any, status: int) -> None:
    answer = running.post(route, body, token=user.id_token)
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    if status == 404:
        assert answer.body["error"]["field"] == "session_id"


@pytest.mark.requirement("OM-B01", "OM-R02")
def test_the_sample_body_of_the_document_is_stored_and_found_by_key_and_by_index(running: Running, user: User) -> None:
    session = "document-session"
    assert running.post("save-raw-sensor-data", {**SAMPLE_BODY, "session_id": session}, token=user.id_token).body["rows"] == 1
    dynamodb, name = running.aws("dynamodb"), running.outputs["dynamodb_table_name"]
    assert name == "RawSensorDataTable"
    stored = dynamodb.query(
        TableName=name, KeyConditionExpression="SessionId = :s", ExpressionAttributeValues={":s": {"S": session}},
    )["Items"]
    (sample,) = [item for item in stored if "Accelerometer_X" in item]
    assert float(next(iter(sample["Accelerometer_X"].values()))) == 0.1
    found = dynamodb.query(
        TableName=name, IndexName="UserEmailIndex", KeyConditionExpression="UserEmail = :e",
        ExpressionAttributeValues={":e": {"S": user.email}},
    )["Items"]
    assert session in {item["SessionId"]["S"] for item in found}


@pytest.mark.requirement("OM-B14")
def test_nobody_acts_for_another_user(running: Running, user: User) -> None:
    answer = running.post("get-user-profile", {"user_email": "somebody@example.com"}, token=user.id_token)
    assert (answer.status, answer.body["error"]["field"]) == (403, "user_email")


@pytest.mark.requirement("OM-B12", "OM-S01")
@pytest.mark.parametrize("password", ["Shrt-12", "nouppercase-1", "NOLOWERCASE-1", "NoDigits-here", "NoSymbol123"])
def test_a_weak_password_is_refused(running: Running, password: str) -> None:
    from client import OpenMetabolicsClient

    client = OpenMetabolicsClient.from_configuration(running.configuration)
    with pytest.raises(ServiceError) as refused:
        client.sign_up("weak@example.com", password, "Test", "Walker")
    assert refused.value.code == "InvalidPasswordException"


@pytest.mark.requirement("OM-B12", "OM-B13")
def test_an_account_is_unusable_until_confirmed_then_tokens_refresh_and_a_password_is_reset(running: Running) -> None:
    from client import OpenMetabolicsClient

    client = OpenMetabolicsClient.from_configuration(running.configuration)
    email = "resetting@example.com"
    client.sign_up(email, PASSWORD, "Test", "Walker")
    with pytest.raises(ServiceError) as refused:
        client.sign_in(email, PASSWORD)
    assert refused.value.code == "UserNotConfirmedException"
    first = running.code(email)
    client.confirm(email, first)
    tokens = client.sign_in(email, PASSWORD)
    assert client.refresh().id_token != tokens.id_token
    assert running.post("get-past-sessions", {}, token=client.refresh().id_token).status == 200
    client.users.forgot_password(email)
    code = until(lambda: found if (found := running.code(email)) != first else None)
    client.users.set_new_password(email, code, "Walker-456")
    with pytest.raises(ServiceError):
        client.sign_in(email, PASSWORD)
    client.sign_in(email, "Walker-456")
    client.sign_out()
    client.close()


# -- the container API -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-B15", "OM-B24", "OM-R45")
def test_the_load_balancer_forwards_to_the_healthy_service(running: Running) -> None:
    answer = running.call("GET", f"{running.urls['front']}/health")
    assert (answer.status, answer.body) == (200, {"status": "ok"})
    assert running.call("GET", f"{running.urls['front']}/nothing").status == 404


@pytest.mark.requirement("OM-B16", "OM-B17", "OM-C07")
@pytest.mark.parametrize("door", ["front", "api"])
def test_the_container_api_takes_a_job_once_and_tells_its_status(
    running: Running, user: User, walk: list[list[float]], door: str,
) -> None:
    base = running.urls["front"] if door == "front" else f"{running.urls['api']}/energy"
    session = f"by-{door}"
    user.client.upload(session, walk[:1_500])
    body = {"session_id": session}
    assert running.call("POST", f"{base}/process", body).status == 401
    assert running.call("GET", f"{base}/status/{session}").status == 401
    first = running.call("POST", f"{base}/process", body, token=user.id_token)
    again = running.call("POST", f"{base}/process", body, token=user.id_token)
    assert first.status == 202 and again.status in (200, 202), first.text + again.text
    assert first.body["job_id"] == again.body["job_id"]

    def done() -> dict[str, Any] | None:
        status = running.call("GET", f"{base}/status/{session}", token=user.id_token)
        assert status.status == 200, status.text
        assert status.body["status"] in ("pending", "processing", "completed"), status.text
        return status.body if status.body["status"] == "completed" else None

    assert until(done)["progress"] == 100
    stranger = running.call("GET", f"{base}/status/no-such", token=user.id_token)
    assert (stranger.status, stranger.body["error"]["field"]) == (404, "session_id")


@pytest.mark.requirement("OM-R19")
def test_a_browser_may_ask_from_an_allowed_origin(running: Running) -> None:
    headers = {"origin": "https://app.example.com", "access-control-request-method": "POST",
               "access-control-request-headers": "authorization,content-type"}
    answer = running.call("OPTIONS", f"{running.urls['api']}/get-past-sessions", headers=headers)
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.requirement("OM-R22")
def test_an_unknown_route_and_a_wrong_stage_are_not_found(running: Running, user: User) -> None:
    assert running.post("nothing", {}, token=user.id_token).status == 404
    door = running.urls["api"].removesuffix("/dev")
    assert running.call("POST", f"{door}/other/get-past-sessions", {}, token=user.id_token).status == 404


def test_every_printed_address_answers(running: Running) -> None:
    assert running.call("GET", f"{running.urls['AWS API']}/_groundsill/ready").status in (200, 403)
    assert "mail" in running.call("GET", running.urls["mail"]).body
    assert running.call("GET", running.urls["api"]).status == 404
    assert running.call("GET", running.urls["front"]).status == 404


@pytest.mark.requirement("OM-B18", "OM-O18")
def test_the_logs_show_requests_functions_and_the_job(running: Running, played: dict[str, Any]) -> None:
    assert played
    assert any("START RequestId" in line for line in running.logs("save-raw-sensor-data"))
    assert any('"outcome":"completed"' in line.replace(" ", "") for line in running.logs("energy-worker"))
    assert any("POST" in line and " 200 " in line for line in running.logs("api"))
