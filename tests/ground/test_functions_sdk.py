"""A function's AWS SDK is quicker here and the same: byte for byte what it sends, value for value what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.endpoint
import botocore.httpsession
import botocore.useragent
import pytest
from botocore.config import Config
from botocore.context import start_as_current_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill.ground.functions.results import LogLine
from groundsill.ground.functions.runner import FunctionRunner
from groundsill.ground.functions.runtime import sdk
from groundsill.ground.functions.settings import FunctionSettings

NOW = dt.datetime(2026, 11, 26, 1, 2, 3, tzinfo=dt.UTC)
PLACES = (
    (botocore.httpsession.URLLib3Session, "send"),
    (botocore.httpsession.URLLib3Session, "close"),
    (botocore.auth.SigV4Auth, "add_auth"),
    (botocore.auth, "_host_from_url"),
    (botocore.awsrequest, "_urljoin"),
    (botocore.useragent.UserAgentString, "to_string"),
)
CREDENTIALS = {"aws_access_key_id": "ASIAEXAMPLE", "aws_secret_access_key": "secret/+=", "region_name": "eu-west-1"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{}"
SESSION = boto3.session.Session()
Sdk = Callable[[str], contextlib.AbstractContextManager[None]]


class Server:
    """Records each request as it came and answers it with bytes given beforehand."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.connections = 0
        self.answer: Callable[[socket.socket], bool] = lambda peer: bool(peer.sendall(OK)) or True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def says(self, *parts: bytes, keep: bool = True) -> None:
        def answer(peer: socket.socket) -> bool:
            for part in parts:
                peer.sendall(part)
            return keep

        self.answer = answer

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    piece = peer.recv(65536)
                    if not piece:
                        return
                    received += piece
                head, _, rest = received.partition(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                while len(rest) < size:
                    rest += peer.recv(65536)
                self.requests.append(head + b"\r\n\r\n" + rest[:size])
                received = rest[size:]
                if not self.answer(peer):
                    return


@pytest.fixture(scope="module")
def use() -> Iterator[Sdk]:
    """Runs the SDK as it is or with what a function gets."""
    plain = [getattr(owner, name) for owner, name in PLACES]
    assert sdk.install_known(sdk.KNOWN) == ""
    quick = [getattr(owner, name) for owner, name in PLACES]
    assert all(one is not other for one, other in zip(plain, quick, strict=True))

    def put(ways: list[Any]) -> None:
        for (owner, name), way in zip(PLACES, ways, strict=True):
            setattr(owner, name, way)

    @contextlib.contextmanager
    def using(which: str) -> Iterator[None]:
        put(quick if which == "quick" else plain)
        try:
            yield
        finally:
            put(plain)

    put(plain)
    yield using
    put(plain)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)
    monkeypatch.setattr(botocore.endpoint, "uuid", SimpleNamespace(uuid4=lambda: uuid.UUID(int=7)))
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def make(service: str, url: str, token: str = "token==", **more: Any) -> Any:
    config = Config(**{"retries": {"total_max_attempts": 1}, **more})
    return SESSION.client(
        service, endpoint_url=url, config=config, aws_session_token=token or None, **CREDENTIALS)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        result = call()
    except Exception as error:
        # Each client has modeled exceptions of its own.
        return [kind.__qualname__ for kind in type(error).__mro__], str(error), getattr(error, "response", None)
    return result


def both(use: Sdk, server: Server, clients: dict[str, Any], call: Callable[[Any], Any]) -> tuple[Any, list[bytes]]:
    """What a call gives and sends, after seeing that the two SDKs agree on both."""
    seen: dict[str, tuple[Any, list[bytes]]] = {}
    for which in ("plain", "quick"):
        server.requests.clear()
        with use(which):
            seen[which] = outcome(lambda which=which: call(clients[which])), list(server.requests)
    assert seen["quick"] == seen["plain"]
    return seen["quick"]


def two(service: str, server: Server, **more: Any) -> dict[str, Any]:
    return {which: make(service, server.url, **more) for which in ("plain", "quick")}


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
texts = st.text(st.characters(codec="utf-8"), max_size=200)
values = st.recursive(
    st.one_of(
        st.builds(lambda value: {"S": value}, texts),
        st.builds(lambda value: {"N": str(value)}, st.integers()),
        st.builds(lambda value: {"B": value}, st.binary(max_size=200)),
        st.builds(lambda value: {"BOOL": value}, st.booleans()),
        st.builds(lambda value: {"SS": value}, st.lists(texts, max_size=3)),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda value: {"L": value}, st.lists(inner, max_size=4)),
        st.builds(lambda value: {"M": value}, st.dictionaries(names, inner, max_size=4)),
    ),
    max_leaves=12,
)
items = st.dictionaries(names, values, max_size=6)
ordinary = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def tables(server: Server) -> dict[str, Any]:
    return two("dynamodb", server)


@ordinary
@given(item=items)
def test_every_item_is_sent_as_the_same_bytes_and_read_back_the_same(
    item: dict[str, Any], use: Sdk, server: Server, tables: dict[str, Any]
) -> None:
    server.says(OK)
    _, sent = both(use, server, tables, lambda client: client.put_item(TableName="notes", Item=item))
    assert len(sent) == 1
    assert b"X-Amz-Target: DynamoDB_20120810.PutItem\r\n" in sent[0]
    stored = json.loads(sent[0].partition(b"\r\n\r\n")[2])["Item"]
    body = json.dumps({"Item": stored}).encode()
    server.says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nx-amzn-requestid: r\r\n\r\n" % len(body), body)
    found, _ = both(use, server, tables, lambda client: client.get_item(TableName="notes", Key={"Id": {"S": "1"}}))
    assert found["Item"] == item


@pytest.mark.parametrize("token", ["token==", ""])
@pytest.mark.parametrize(("service", "call"), [
    ("sqs", lambda client: client.send_message(QueueUrl="http://127.0.0.1:1/0/jobs", MessageBody="ü ☃")),
    ("sns", lambda client: client.publish(TopicArn="arn:aws:sns:eu-west-1:000000000000:t", Message="a&b=c")),
    ("sts", lambda client: client.get_caller_identity()),
    ("kms", lambda client: client.encrypt(KeyId="k", Plaintext=b"\0\xff")),
    ("secretsmanager", lambda client: client.get_secret_value(SecretId="s")),
    ("s3", lambda client: client.put_object(Bucket="bucket", Key="a b/ü", Body=b"bytes")),
    ("s3", lambda client: client.get_object(Bucket="bucket", Key="a")["Body"].read()),
    ("ses", lambda client: client.send_email(
        Source="a@example.com", Destination={"ToAddresses": ["b@example.com"]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}})),
    ("lambda", lambda client: client.invoke(FunctionName="f", Payload=b"{}")["Payload"].read()),
    ("dynamodb", lambda client: client.generate_presigned_url("list_tables")),
])
def test_every_service_sends_the_same_bytes(
    service: str, call: Callable[[Any], Any], token: str, use: Sdk, server: Server
) -> None:
    server.says(OK)
    clients = two(service, server, token=token, s3={"addressing_style": "path"})
    _, sent = both(use, server, clients, call)
    assert (b"token==" in b"".join(sent)) == bool(token and sent)


def test_settings_of_a_client_are_kept(use: Sdk, server: Server) -> None:
    server.says(OK)
    _, sent = both(use, server, two("dynamodb", server, user_agent_extra="mine/1 ü", user_agent_appid="a b#c"),
                   lambda client: client.list_tables())
    assert b" app/a-b#c " in sent[0]
    _, sent = both(use, server, two("dynamodb", server, user_agent="only/mine", tcp_keepalive=True),
                   lambda client: client.list_tables())
    assert b"User-Agent: only/mine " in sent[0]


def test_headers_that_a_function_adds_are_sent_and_signed_the_same(
    use: Sdk, server: Server, tables: dict[str, Any]
) -> None:
    server.says(OK)

    def adding(name: str, value: str) -> Callable[[Any], Any]:
        def call(client: Any) -> Any:
            client.meta.events.register("before-sign.dynamodb", add := (
                lambda request, **_: request.headers.add_header(name, value)))
            try:
                return client.list_tables()
            finally:
                client.meta.events.unregister("before-sign.dynamodb", add)

        return call

    for name, value in [("X-Mine", "  a   b "), ("x-amz-target", "twice"), ("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),
                        ("Connection", "close"), ("Host", "other.example"), ("X-Mine", "ü"), ("X-Mine", "a\nb"),
                        ("Accept-Encoding", "gzip"), ("X-Amzn-Trace-Id", "Root=1")]:
        both(use, server, tables, adding(name, value))


some = st.one_of(st.none(), st.text(max_size=8))


@ordinary
@given(environment=st.lists(some, min_size=7, max_size=7), session=st.lists(some, min_size=3, max_size=3),
       features=st.sets(st.sampled_from(sorted(botocore.useragent._USERAGENT_FEATURE_MAPPINGS)), max_size=8),
       client_features=st.one_of(st.none(), st.sets(st.text("ABC", min_size=1, max_size=3), max_size=4)),
       config=st.one_of(st.none(), st.fixed_dictionaries({}, optional={
           "user_agent": st.text(max_size=8), "user_agent_extra": st.text(max_size=8),
           "user_agent_appid": st.text(max_size=8), "endpoint_discovery_enabled": st.booleans(),
           "retries": st.sampled_from([{"mode": "standard"}, {"mode": "legacy", "max_attempts": 2}, {}])})))
def test_every_user_agent_is_the_same(
    environment: list[Any], session: list[Any], features: set[str], client_features: set[str] | None,
    config: dict[str, Any] | None, use: Sdk,
) -> None:
    agent = botocore.useragent.UserAgentString(*environment)
    agent.set_session_config(*session)
    agent.set_client_features(client_features)
    if config is not None:
        agent = agent.with_client_config(Config(**config))
    with start_as_current_context():
        botocore.useragent.register_feature_ids(features)
        seen: list[Any] = []
        for which in ("plain", "quick", "quick"):
            with use(which):
                seen.append(outcome(agent.to_string))
    assert seen[0] == seen[1] == seen[2]


tokens = st.text("abcXYZ-09", min_size=1, max_size=12)
headers = st.lists(st.tuples(
    st.one_of(tokens, st.sampled_from(["x-amzn-requestid", "Date", "Set-Cookie", "x-amz-crc32", "Connection"])),
    st.one_of(st.text(" ~abc:,\t", max_size=20), st.sampled_from(["close", "keep-alive", "1", "ü"])),
), max_size=6)
bodies = st.one_of(st.just(b"{}"), st.just(b'{"TableNames": ["a"]}'), st.just(b""), st.binary(max_size=40),
                   st.just(b'{"__type": "x#ResourceNotFoundException", "message": "m"}'))


@settings(ordinary, max_examples=100)
@given(status=st.sampled_from([b"200 OK", b"200 ", b"200", b"204 No Content", b"400 Bad Request", b"500 Oh", b"304 Same"]),
       given_headers=headers, body=bodies, framing=st.sampled_from(["length", "long", "chunked", "folded", "end"]),
       before=st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]), cut=st.integers(0, 400))
def test_every_answer_is_read_the_same(
    status: bytes, given_headers: list[tuple[str, str]], body: bytes, framing: str, before: bytes, cut: int, use: Sdk,
    server: Server, tables: dict[str, Any],
) -> None:
    lines = [b"HTTP/1.1 " + status]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in given_headers]
    if framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif framing == "folded":
        lines += [b"X-Folded: a", b"\tb", b"Content-Length: %d" % len(body)]
    elif framing != "end":
        lines.append(b"Content-Length: %d" % (len(body) + (framing == "long")))
    raw = before + b"\r\n".join(lines) + b"\r\n\r\n" + body
    server.says(raw[:cut], raw[cut:], keep=framing not in ("end", "long"))
    both(use, server, tables, lambda client: client.list_tables())


def test_a_large_answer_comes_whole(use: Sdk, server: Server, tables: dict[str, Any]) -> None:
    body = json.dumps({"Item": {"Text": {"S": "x" * 390_000}}}).encode()
    server.says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), *[
        body[start : start + 10_000] for start in range(0, len(body), 10_000)])
    both(use, server, tables, lambda client: client.get_item(TableName="notes", Key={"Id": {"S": "1"}}))


def test_calls_share_one_connection_and_one_that_was_closed_is_replaced(use: Sdk, server: Server) -> None:
    server.says(OK)
    with use("quick"):
        client = make("dynamodb", server.url)
        before = server.connections
        for _ in range(5):
            client.list_tables()
        assert server.connections == before + 1
        server.says(OK, keep=False)
        client.list_tables()
        server.says(OK)
        client.list_tables()
        assert server.connections == before + 2
        client.close()


def test_threads_may_share_a_client(use: Sdk, server: Server) -> None:
    server.says(OK)
    with use("quick"), ThreadPoolExecutor(12) as threads:
        client = make("dynamodb", server.url)
        answers = list(threads.map(lambda _: client.list_tables()["ResponseMetadata"]["HTTPStatusCode"], range(200)))
    assert answers == [200] * 200


@pytest.mark.parametrize("fault", ["closes", "half", "silent", "absent"])
def test_what_fails_fails_the_same_and_is_tried_again_as_often(fault: str, use: Sdk) -> None:
    server = Server()
    if fault == "closes":
        server.says(b"", keep=False)
    elif fault == "half":
        server.says(OK[:-1], keep=False)
    elif fault == "silent":
        server.says(b"")
    elif fault == "absent":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))  # held, so that nobody else listens there
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clients = two("dynamodb", server, retries={"total_max_attempts": 3}, read_timeout=0.05, connect_timeout=1)
    (kinds, _, _), sent = both(use, server, clients, lambda client: client.list_tables())
    assert kinds[0] in ("ConnectionClosedError", "ReadTimeoutError", "EndpointConnectionError")
    assert len(sent) == (0 if fault == "absent" else 3)
    server.close()


def test_a_response_seen_by_an_event_handler_has_the_same_parts(use: Sdk, server: Server) -> None:
    server.says(OK)

    def call(client: Any) -> Any:
        found: list[Any] = []
        client.meta.events.register("after-call.dynamodb", see := lambda http_response, **_: found.append(http_response))
        client.list_tables()
        client.meta.events.unregister("after-call.dynamodb", see)
        response = found[0]
        return (response.url, response.status_code, dict(response.headers), response.content, response.text,
                response.raw.read(), response.raw.status, response.raw.headers["content-length"])

    both(use, server, two("dynamodb", server), call)


def test_debug_logging_shows_all_that_it_shows_without(
    use: Sdk, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.says(OK)
    clients = two("dynamodb", server)
    shown: dict[str, list[tuple[str, str]]] = {}
    with caplog.at_level(logging.DEBUG):
        for which, client in clients.items():
            with use(which):
                client.list_tables()
                caplog.clear()
                client.list_tables()
            shown[which] = [(record.name, str(record.msg)) for record in caplog.records]
    assert shown["quick"] == shown["plain"]
    assert "urllib3.connectionpool" in {name for name, _ in shown["quick"]}


def test_an_unknown_source_leaves_the_sdk_as_it_is_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [getattr(owner, name) for owner, name in PLACES]
    note = sdk.install_known(dict.fromkeys(sdk.KNOWN, frozenset({"another"})))
    assert [getattr(owner, name) for owner, name in PLACES] == plain
    assert note.startswith("The AWS SDK runs without Groundsill's quicker way to send, sign, remember: botocore 1.")
    monkeypatch.delattr(botocore.auth.SigV4Auth, "scope")
    assert sdk.install_known({**dict.fromkeys(sdk.KNOWN, frozenset()), "sign": sdk.KNOWN["sign"]}) == note


def test_the_digest_is_of_the_whole_source_of_what_is_replaced() -> None:
    assert {way: sdk.digest(way) for way in sdk.KNOWN if sdk.digest(way) in sdk.KNOWN[way]}.keys() == sdk.KNOWN.keys()
    code = sdk.digest.__code__
    lines = Path(code.co_filename).read_text().split("\n")
    assert sdk._function(lines, code.co_firstlineno).startswith("def digest(")
    assert sdk._function(lines, code.co_firstlineno).endswith("return text.hexdigest()[:16]")


def run(folder: Path, *, preload: bool = True) -> tuple[Any, list[str]]:
    lines: list[LogLine] = []

    async def main() -> bytes:
        made = FunctionSettings("f", "arn:aws:lambda:us-east-1:000000000000:function:f", "app.handler", folder,
                                Path(sys.executable), timeout_seconds=20)
        runner = FunctionRunner([made], lines.append, preload=preload)
        await runner.start()
        try:
            return (await runner.invoke("f", b"{}")).payload
        finally:
            await runner.stop()

    payload = asyncio.run(asyncio.wait_for(main(), 50))
    return json.loads(payload), [line.message for line in lines]


SHOWS = """\
import botocore.auth, botocore.httpsession
def handler(event, context):
    return [hasattr(way, "__wrapped__") for way in (botocore.httpsession.URLLib3Session.send, botocore.auth.SigV4Auth.add_auth)]
"""


def test_a_function_gets_it_and_the_environment_of_up_can_refuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(SHOWS)
    assert run(tmp_path)[0] == [True, True]
    assert run(tmp_path, preload=False)[0] == [True, True]
    monkeypatch.setenv(sdk.PLAIN, "1")
    assert run(tmp_path)[0] == [False, False]
    assert run(tmp_path, preload=False)[0] == [False, False]


def test_a_function_with_an_sdk_of_its_own_that_is_not_known_keeps_it_and_its_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore" / "__init__.py").write_text("__version__ = '0.0.1'\n")
    (tmp_path / "app.py").write_text("import botocore\ndef handler(event, context):\n    return botocore.__version__\n")
    answer, lines = run(tmp_path)
    assert answer == "0.0.1"
    assert any("without Groundsill's quicker way to send, sign, remember: botocore 0.0.1" in line for line in lines)
