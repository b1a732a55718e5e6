"""The container API as a real process, with tokens of every kind."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from om_support.backend import Backend, until
from om_support.calls import PROFILE, ok
from om_support.jobs import row, upload, use_stub, work
from om_support.processes import Process, free_port, service
from om_support.tokens import CLIENT_ID, ISSUER, KeyServer, make_key, make_token
from services.energy.tokens import KeySet, TokenVerifier
from shared.errors import RequestError


@dataclass
class Api:
    port: int
    keys: KeyServer
    process: Process

    def request(
        self, method: str, path: str, body: Any = None, *, token: str | None = "", headers: dict | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON; `token` "" is a valid one, None is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = dict(headers or {})
            if token is not None:
                sent["authorization"] = f"Bearer {token or self.token()}"
            packed = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
            connection.request(method, path, packed, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def token(self, **changes: Any) -> str:
        return make_token(self.keys.keys["key-1"], **changes)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    server.keys["key-1"] = make_key()
    yield server
    server.close()


@pytest.fixture(scope="module")
def api(backend: Backend, keys: KeyServer) -> Iterator[Api]:
    port = free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1"}
    pool = {"USER_POOL_ISSUER": ISSUER, "USER_POOL_JWKS_URL": keys.url, "USER_POOL_CLIENT_ID": CLIENT_ID}
    with service(backend.environment, "api", **settings, **pool) as process:
        made = Api(port, keys, process)

        def healthy() -> bool:
            try:
                return made.request("GET", "/health", token=None)[0] == 200
            except OSError:
                return False

        until(healthy)
        yield made
        assert process.stop() == 0


@pytest.mark.requirement("OM-B15")
def test_health_needs_no_token(api: Api) -> None:
    assert api.request("GET", "/health", token=None) == (200, {"status": "ok"})


@pytest.mark.requirement("OM-B16")
def test_the_same_request_twice_is_one_job(api: Api, backend: Backend) -> None:
    upload("api1")
    status, first = api.request(
        "POST", "/process", {"session_id": "api1", "user_email": "walker@example.com"}
    )
    assert (status, first["status"], first["session_id"]) == (202, "pending", "api1")
    assert api.request("POST", "/process", {"session_id": "api1"}) == (202, first)
    # The function of the HTTP API finds the same job.
    assert ok("process-energy-expenditure", {"session_id": "api1"}) == first
    assert sum(backend.count(backend.queue_url)) == 1
    backend.client("sqs").purge_queue(QueueUrl=backend.queue_url)


@pytest.mark.requirement("OM-B17")
def test_status_goes_from_pending_to_completed(
    api: Api, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stub(monkeypatch, steps=1)
    upload("api2")
    assert api.request("GET", "/status/api2")[0] == 404
    job = api.request("POST", "/process", {"session_id": "api2"})[1]
    status, pending = api.request("GET", "/status/api2")
    assert (status, pending["status"], pending["progress"], pending["error"]) == (200, "pending", 0, None)
    assert pending["created_at"].endswith("Z")
    work(backend)
    status, done = api.request("GET", "/status/api2")
    assert (done["status"], done["progress"], done["job_id"]) == ("completed", 100, job["job_id"])
    assert done["created_at"] <= done["started_at"] <= done["completed_at"]


@pytest.mark.requirement("OM-B17")
def test_status_tells_why_a_job_failed(api: Api, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stub(monkeypatch, error=ValueError("too short"))
    upload("api3")
    api.request("POST", "/process", {"session_id": "api3"})
    work(backend)
    status, failed = api.request("GET", "/status/api3")
    assert (status, failed["status"], failed["will_retry"]) == (200, "failed", False)
    assert failed["error"] == "the samples cannot be used: too short"
    backend.client("sqs").purge_queue(QueueUrl=backend.queue_url)


@pytest.mark.requirement("OM-B14", "OM-B16", "OM-B17")
def test_another_users_session_looks_like_none(api: Api, backend: Backend) -> None:
    upload("api4")
    api.request("POST", "/process", {"session_id": "api4"})
    other = api.token(email="other@example.com")
    for method, path, body in (
        ("GET", "/status/{}", None),
        ("POST", "/process", {"session_id": "{}"}),
    ):
        found = []
        for session in ("api4", "never"):
            text = json.dumps(body).replace("{}", session) if body else None
            found.append(api.request(method, path.replace("{}", session), text, token=other))
        assert found[0] == found[1]
        assert found[0][0] == 404
    status, refused = api.request("POST", "/process", {"session_id": "api4", "user_email": "x@example.com"})
    assert (status, refused["error"]["field"]) == (403, "user_email")
    backend.client("sqs").purge_queue(QueueUrl=backend.queue_url)


@pytest.mark.requirement("OM-B14", "OM-C03")
def test_a_token_that_is_not_a_valid_id_token_is_a_401(api: Api) -> None:
    key = api.keys.keys["key-1"]
    now = int(time.time())
    valid = api.token()
    header, payload, signature = valid.split(".")
    flipped = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(payload + "==").replace(b"walker", b"hacker")
    ).decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"key-1"}').decode().rstrip("=")
    bad = {
        "missing": None,
        "word": "x",
        "expired": api.token(exp=now - 60),
        "other key": make_token(make_key()),
        "unknown kid": make_token(key, kid="key-9"),
        "no kid": make_token(key, kid=None),
        "other algorithm": make_token("secret-secret-secret-secret-secret", algorithm="HS256"),
        "no algorithm": f"{none}.{payload}.",
        "changed": f"{header}.{flipped.rstrip('=')}.{signature}",
        "other pool": api.token(iss=f"{ISSUER}x"),
        "other app": api.token(aud="client-2"),
        "access token": api.token(token_use="access"),
        "no expiry": api.token(exp=None),
        "no e-mail": api.token(email=None),
    }
    for name, token in bad.items():
        for method, path in (("GET", "/status/s"), ("POST", "/process")):
            status, answer = api.request(
                method, path, {"session_id": "s"} if method == "POST" else None, token=token
            )
            assert status == 401, name
            assert answer["error"]["field"] == "authorization"
    assert api.request("GET", "/status/s", token=None, headers={"authorization": "Basic eDp5"})[0] == 401
    assert (
        api.request("GET", "/status/s", token=api.token(exp=now - 60))[1]["error"]["code"] == "token_expired"
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("\xff", "body"),
        (b"\xff\xfe", "body"),
        ({}, "session_id"),
        ({"session_id": 5}, "session_id"),
        ({"session_id": "a/b"}, "session_id"),
        ({"session_id": "s", "force": "yes"}, "force"),
    ],
)
def test_a_wrong_request_is_a_400_that_names_the_field(api: Api, body: Any, field: str) -> None:
    status, answer = api.request("POST", "/process", body.encode() if isinstance(body, str) else body)
    assert (status, answer["error"]["field"]) == (400, field)


def test_a_large_body_is_a_413_and_unknown_paths_are_json_too(api: Api) -> None:
    assert api.request("POST", "/process", {"session_id": "x" * 20_000})[0] == 413
    for method, path, expected in (("GET", "/", 404), ("GET", "/process", 405), ("DELETE", "/status/s", 405)):
        status, answer = api.request(method, path)
        assert (status, "error" in answer) == (expected, True)
    assert api.request("GET", "/status/a%20b")[0] == 400


def test_the_log_has_a_line_a_request_without_personal_data(api: Api, backend: Backend) -> None:
    before = len(api.process.events("request"))
    token = api.token(email="hidden@example.com")
    api.request("GET", "/status/hidden-session", token=token)
    until(lambda: len(api.process.events("request")) > before)
    entry = api.process.events("request")[-1]
    assert (entry["route"], entry["status"], entry["code"]) == (
        "GET /status/{session_id}",
        404,
        "session_not_found",
    )
    text = "".join(api.process.lines)
    for secret in ("hidden@example.com", "hidden-session", token, token.split(".")[2]):
        assert secret not in text


def test_many_at_once_are_one_job(api: Api, backend: Backend) -> None:
    upload("api5")
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: api.request("POST", "/process", {"session_id": "api5"}), range(8))
        )
    assert {status for status, _ in answers} == {202}
    assert len({answer["job_id"] for _, answer in answers}) == 1
    assert sum(backend.count(backend.queue_url)) == 1
    assert row(backend, "api5")["Status"] == "pending"
    backend.client("sqs").purge_queue(QueueUrl=backend.queue_url)


def test_a_request_at_hand_is_answered_before_the_process_stops(backend: Backend, keys: KeyServer) -> None:
    port = free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1"}
    pool = {"USER_POOL_ISSUER": ISSUER, "USER_POOL_JWKS_URL": keys.url, "USER_POOL_CLIENT_ID": CLIENT_ID}
    ok("manage-user-profile", PROFILE)
    with service(backend.environment, "api", **settings, **pool) as process:

        def connect() -> socket.socket | None:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=20)
            except OSError:
                return None

        connection = until(connect)
        token = make_token(keys.keys["key-1"])
        body = b'{"session_id": "never"}'
        lines = ["POST /process HTTP/1.1", "host: x", f"authorization: Bearer {token}"]
        head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""])
        connection.sendall(head.encode() + body[:5])
        # The half request is being read when the signal comes: /health answers, so the server is past its
        # start.
        process.process.terminate()
        connection.sendall(body[5:])
        assert connection.recv(100).startswith(b"HTTP/1.1 404")
        connection.close()
        assert process.process.wait(20) == 0


class TestKeySet:
    def verifier(self, keys: KeyServer, refetch_seconds: float) -> TokenVerifier:
        return TokenVerifier(KeySet(keys.url, refetch_seconds=refetch_seconds), ISSUER, CLIENT_ID)

    def test_keys_are_fetched_once_and_again_for_a_new_key(self) -> None:
        server = KeyServer()
        server.keys["a"] = make_key()
        verifier = self.verifier(server, 0.0)
        for _ in range(5):
            verifier.claims(f"Bearer {make_token(server.keys['a'], kid='a')}")
        assert server.asked == 1
        server.keys["b"] = make_key()
        assert (
            verifier.claims(f"bearer {make_token(server.keys['b'], kid='b')}")["email"]
            == "walker@example.com"
        )
        assert server.asked == 2
        server.close()

    def test_unknown_keys_do_not_ask_the_pool_each_time(self) -> None:
        server = KeyServer()
        server.keys["a"] = make_key()
        verifier = self.verifier(server, 60.0)
        for _ in range(10):
            with pytest.raises(RequestError) as caught:
                verifier.claims(f"Bearer {make_token(server.keys['a'], kid='other')}")
            assert caught.value.status == 401
        assert server.asked == 1
        server.close()

    def test_a_silent_pool_is_a_503_and_known_keys_still_work(self) -> None:
        server = KeyServer()
        server.keys["a"] = key = make_key()
        verifier = self.verifier(server, 0.0)
        server.broken = True
        with pytest.raises(RequestError) as caught:
            verifier.claims(f"Bearer {make_token(key, kid='a')}")
        assert caught.value.status == 503
        server.broken = False
        verifier.claims(f"Bearer {make_token(key, kid='a')}")
        server.close()
        with pytest.raises(RequestError) as caught:
            verifier.claims(f"Bearer {make_token(key, kid='b')}")
        assert caught.value.status == 503
        verifier.claims(f"Bearer {make_token(key, kid='a')}")
