"""A new user's way through the whole application: client, pool, functions, container API and worker, all
real."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from client import JobFailed, OpenMetabolicsClient, ServiceError, run_journey
from om_support.backend import REGION, Backend, Pool, until
from om_support.calls import PROFILE
from om_support.gateway import Gateway
from om_support.processes import free_port, service

PASSWORD = "Walker-123"


def walk(seconds: int = 60, rate: int = 50) -> list[tuple[float, ...]]:
    """Time, gyroscope x y z (rad/s), accelerometer x y z (g) of a swinging leg."""
    rows = []
    for index in range(seconds * rate):
        moment = index / rate
        swing = math.sin(2 * math.pi * moment)
        rows.append((1.7e9 + moment, 0.3 * swing, 0.1, 3 * swing, 0.2 * swing, 1.0, 0.1 * swing))
    return rows


@pytest.fixture(scope="module")
def gateway(pool: Pool) -> Iterator[Gateway]:
    made = Gateway(pool.issuer, pool.jwks_url, pool.client_id)
    yield made
    made.close()


@pytest.fixture(scope="module")
def configuration(backend: Backend, pool: Pool, gateway: Gateway) -> Iterator[dict[str, str]]:
    """The whole system: API and worker processes, and a configuration as a deployment exports it."""
    port = free_port()
    variables = {
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "USER_POOL_ISSUER": pool.issuer,
        "USER_POOL_JWKS_URL": pool.jwks_url,
        "USER_POOL_CLIENT_ID": pool.client_id,
    }
    values = {
        "api_endpoint": gateway.url,
        "energy_expenditure_service_url": f"http://127.0.0.1:{port}",
        "cognito_pool_id": pool.pool_id,
        "cognito_client_id": pool.client_id,
        "region": REGION,
        "aws_endpoint_url": backend.endpoint,
    }
    with (
        service(backend.environment, "api", **variables),
        service(backend.environment, "worker", POLL_SECONDS="1"),
    ):
        client = OpenMetabolicsClient.from_configuration(values)
        assert client.health() == {"status": "ok"}
        yield values


def new_user(configuration: dict[str, str], backend: Backend) -> tuple[OpenMetabolicsClient, str]:
    """A signed-in client of a new user."""
    email = f"user-{uuid.uuid4().hex[:8]}@example.com"
    client = OpenMetabolicsClient.from_configuration(configuration)
    client.sign_up(email, PASSWORD, "Ann", "Walker")
    client.confirm(email, backend.code(email))
    client.sign_in(email, PASSWORD)
    return client, email


@pytest.mark.requirement("OM-B05", "OM-B07", "OM-B12", "OM-B13", "OM-B16", "OM-B17", "OM-B18", "OM-B25")
def test_a_walk_goes_in_and_its_curve_comes_out(
    configuration: dict[str, str], backend: Backend, gateway: Gateway
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    summary = run_journey(
        configuration,
        walk(120),
        PROFILE,
        backend.code,
        lambda name, facts: events.append((name, facts)),
        batch_samples=1000,
        width=40,
    )
    names = [name for name, _ in events]
    assert names[:4] == ["signed_up", "confirmed", "signed_in", "profile_saved"]
    assert [facts["samples"] for name, facts in events if name == "uploaded"] == [
        1000,
        2000,
        3000,
        4000,
        5000,
        6000,
    ]
    assert names[-1] == "completed"
    assert [facts["progress"] for name, facts in events if name == "progress"][-1] == 100
    assert summary["samples"] == 6000
    assert summary["duration_seconds"] == pytest.approx(120, abs=1)
    assert summary["kilocalories"] == pytest.approx(
        summary["mean_watts"] * summary["duration_seconds"] / 4184, rel=0.02
    )
    assert summary["peak_watts"] >= summary["mean_watts"] > 50
    assert len(summary["watts"]) == summary["windows"] > 5
    assert 1 <= len(summary["sparkline"]) <= 40
    # The account stays usable.
    client = OpenMetabolicsClient.from_configuration(configuration)
    client.sign_in(summary["email"], summary["password"])
    (session,) = client.sessions()
    assert session["session_id"] == summary["session_id"]
    assert session["recorded_at"] == "2023-11-14T22:13:20.000Z"
    (totals,) = client.summaries()
    assert totals["kilocalories"] == summary["kilocalories"]
    client.save_survey(summary["session_id"], {"effort": 3})
    assert next(client.summaries_with_surveys())["survey"]["answers"] == {"effort": 3}
    assert client.survey(summary["session_id"])["answers"] == {"effort": 3}
    assert client.answered([summary["session_id"], "none"]) == {summary["session_id"]: True, "none": False}
    assert client.process(summary["session_id"], by_container=False)["status"] == "completed"


@pytest.mark.requirement("OM-B12")
def test_an_account_is_unusable_until_it_is_confirmed(
    configuration: dict[str, str], backend: Backend
) -> None:
    email = f"new-{uuid.uuid4().hex[:8]}@example.com"
    client = OpenMetabolicsClient.from_configuration(configuration)
    client.sign_up(email, PASSWORD, "Ann", "Walker")
    with pytest.raises(ServiceError) as caught:
        client.sign_in(email, PASSWORD)
    assert caught.value.code == "UserNotConfirmedException"
    with pytest.raises(ServiceError) as caught:
        client.confirm(email, "000000" if backend.code(email) != "000000" else "111111")
    assert caught.value.code == "CodeMismatchException"
    client.users.resend_code(email)
    until(lambda: len(backend.mails(email)) >= 2)
    client.confirm(email, backend.code(email))
    assert client.sign_in(email, PASSWORD).id_token


@pytest.mark.requirement("OM-B12")
@pytest.mark.parametrize("password", ["Ab1!xyz", "lower-123", "UPPER-123", "Letters-only", "NoSymbol123"])
def test_a_weak_password_is_rejected(configuration: dict[str, str], password: str) -> None:
    client = OpenMetabolicsClient.from_configuration(configuration)
    with pytest.raises(ServiceError) as caught:
        client.sign_up(f"weak-{uuid.uuid4().hex[:8]}@example.com", password, "Ann", "Walker")
    assert caught.value.code == "InvalidPasswordException"


@pytest.mark.requirement("OM-B13")
def test_sign_in_refresh_password_reset_and_sign_out(configuration: dict[str, str], backend: Backend) -> None:
    client, email = new_user(configuration, backend)
    with pytest.raises(ServiceError) as caught:
        OpenMetabolicsClient.from_configuration(configuration).sign_in(email, "Wrong-1234")
    assert caught.value.code == "NotAuthorizedException"
    tokens = client.refresh()
    assert tokens.refresh_token
    client.save_profile(**PROFILE)
    assert client.profile()["weight"] == 77.5
    mails = len(backend.mails(email))
    client.users.forgot_password(email)
    until(lambda: len(backend.mails(email)) > mails)
    client.users.set_new_password(email, backend.code(email), "Another-456")
    with pytest.raises(ServiceError):
        client.sign_in(email, PASSWORD)
    tokens = client.sign_in(email, "Another-456")
    # Both times are whole seconds in the pool: the tokens must be older than the sign-out.
    signed_in = int(time.time())
    until(lambda: int(time.time()) > signed_in)
    client.sign_out()
    with pytest.raises(ServiceError) as caught:
        client.users.refresh(tokens)
    assert caught.value.code == "NotAuthorizedException"
    with pytest.raises(ServiceError, match="sign in first"):
        client.profile()


@pytest.mark.requirement("OM-B14")
def test_one_user_sees_nothing_of_another(configuration: dict[str, str], backend: Backend) -> None:
    ann, _ = new_user(configuration, backend)
    bob, bob_email = new_user(configuration, backend)
    ann.upload("ann-1", walk(2))
    with pytest.raises(ServiceError) as caught:
        bob.upload("ann-1", walk(2))
    assert (caught.value.status, caught.value.field) == (403, "session_id")
    for call in (bob.process, bob.status, bob.details):
        with pytest.raises(ServiceError) as caught:
            call("ann-1")
        assert caught.value.status == 404
    with pytest.raises(ServiceError) as caught:
        ann._post("get-user-profile", {"user_email": bob_email})
    assert caught.value.status == 403


def test_a_failed_job_is_raised_with_the_services_reason(
    configuration: dict[str, str], backend: Backend
) -> None:
    client, _ = new_user(configuration, backend)
    client.save_profile(**PROFILE)
    session = f"still-{uuid.uuid4().hex[:8]}"
    fields = {"session_id": session, "csv_data": "Timestamp,Accelerometer_X\n1.0,0.1"}
    client._post("save-raw-sensor-data", fields)
    client.process(session)
    with pytest.raises(JobFailed, match="Gyroscope_X"):
        client.wait(session)


@pytest.mark.requirement("OM-C12")
def test_a_batch_that_is_too_large_is_halved_until_it_fits(
    configuration: dict[str, str], backend: Backend, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = new_user(configuration, backend)
    monkeypatch.setenv("MAX_BODY_BYTES", "20000")
    before = gateway.calls["save-raw-sensor-data"]
    session = f"halved-{uuid.uuid4().hex[:8]}"
    assert client.upload(session, walk(20)) == 1000
    assert gateway.calls["save-raw-sensor-data"] - before > 4
    from services.energy import recordings

    assert len(recordings.read(backend.raw, session, lambda _count: None).time) == 1000
