"""`groundsill migrate` for a deployed stage: what Lambda answers, what is asked first, and what is never done twice."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.migration import Migration
from groundsill.operate.migrations import deployed
from groundsill.operate.migrations.place import Called
from groundsill.operate.migrations.protocol import ask
from groundsill.terraform.preflight import Caller
from tests.component_support import build

from .conftest import Shop, wait_until
from .test_terminal import Terminal

SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Function, Migration

system = System("shop", region="eu-central-1", stages={"dev": "basic", "prod": "standard"})


@system.define
def define(stage: Stage) -> None:
    catalog = Function("catalog", "app:handle", include=["app.py"])
    for name in ("items", "users"):
        Migration(name, Function(f"migrate-{name}", "app:handle", include=["app.py"], timeout=60), before=[catalog])
'''
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass
class Lambda:
    """What stands in for Lambda: functions that keep to the protocol, or do what a test says.

    Attributes:
        applied: names, by function.
        asked: function and event of each invocation.
        behaviour: ``fail``, ``hang``, ``drop``, or the body of an answer that is no protocol's.
        refusal: status, code and message in place of any answer.
    """

    applied: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    behaviour: str = ""
    refusal: tuple[int, str, str] | None = None
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, function: str, event: Mapping[str, Any]) -> Any:
        every = ["0001_first", "0002_second"]
        applied, done = self.applied.setdefault(function, []), list[str]()
        if event["command"] == "up":
            done = [name for name in every if name not in applied]
            applied += done
        elif event["command"] == "down" and event["migration"] == applied[-1]:
            done = [applied.pop()]
        return {"applied": list(applied), "pending": [name for name in every if name not in applied], "done": done}


@pytest.fixture
def lambda_() -> Iterator[Lambda]:
    state = Lambda()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if "/functions/" not in self.path:
                return self._send(200, IDENTITY.encode(), {})
            function = self.path.split("/")[3]
            event = json.loads(body)
            state.asked.append((function, event))
            if state.refusal:
                status, code, message = state.refusal
                return self._send(status, json.dumps({"message": message}).encode(), {"x-amzn-ErrorType": code})
            if state.behaviour == "hang":
                state.over.wait(30)
            if state.behaviour in ("hang", "drop"):
                self.close_connection = True
                return self.connection.close()
            lines = f'START RequestId: 1\n{{"level": "INFO", "message": "{event["command"]} it is"}}\nEND RequestId: 1\n'
            headers = {"X-Amz-Log-Result": base64.b64encode(lines.encode()).decode()}
            if state.behaviour == "fail":
                raised = {"errorType": "MigrationError", "errorMessage": "no such column: price", "stackTrace": ["  File 1\n"]}
                return self._send(200, json.dumps(raised).encode(), {**headers, "X-Amz-Function-Error": "Unhandled"})
            answer = state.behaviour.encode() or json.dumps(state.answer(function, event)).encode()
            return self._send(200, answer, headers)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    state.over.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def aws(lambda_: Lambda, shop: Shop) -> Shop:
    shop.define(SYSTEM)
    (shop.folder / "app.py").write_text("def handle(event, context): pass\n")
    shop.environment = {name: value for name, value in shop.environment.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": lambda_.url, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "none"}
    return shop


def first(answer: Mapping[str, Any]) -> dict[str, Any]:
    return answer["diagnostics"][0]


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_migrations_of_a_deployed_stage_are_shown_as_a_table_with_their_log_and_as_json(aws: Shop, lambda_: Lambda) -> None:
    lambda_.applied = {"shop-dev-migrate-items": ["0001_first"]}
    shown = aws.run("migrate", "--stage", "dev", "status")
    assert shown.returncode == 0, shown.stderr
    assert "items  shop-dev-migrate-items\n  0001_first   applied\n  0002_second  pending" in shown.stdout
    assert "shop dev, in AWS, account 123456789012, eu-central-1: 1 applied, 3 pending" in shown.stdout
    assert "status it is" in shown.stderr and "START" not in shown.stderr
    assert "groundsill migrate --stage dev up" in shown.stderr
    answer = aws.json("migrate", ".", "--stage", "dev", "up", "--component", "items")
    assert {name: answer[name] for name in ("system", "stage", "where", "command")} == {
        "system": "shop", "stage": "dev", "where": "deployed", "command": "up"}
    (items,) = answer["migrations"]
    assert items["done"] == items["applied"][1:] == ["0002_second"] and items["log"] == ["up it is"]
    assert lambda_.asked[-1] == ("shop-dev-migrate-items", {"command": "up"})


def test_of_several_the_first_up_that_fails_is_the_last_and_its_words_and_log_are_shown(aws: Shop, lambda_: Lambda) -> None:
    lambda_.behaviour = "fail"
    answer = aws.json("migrate", "up", "--stage", "dev", code=1)
    assert [function for function, _ in lambda_.asked] == ["shop-dev-migrate-items"]
    problem = first(answer)
    assert problem["code"] == "GS2205" and "MigrationError: no such column: price" in problem["detail"]
    assert "up it is" in problem["detail"] and answer["error"] and answer["migrations"] == []
    # A look at both is a look at both.
    assert len(aws.json("migrate", "--stage", "dev", code=1)["diagnostics"]) == 2


def test_a_down_is_for_one_at_a_time_named_and_confirmed_and_in_production_always(aws: Shop, lambda_: Lambda) -> None:
    lambda_.applied = {f"shop-{stage}-migrate-items": ["0001_first", "0002_second"] for stage in ("dev", "prod")}
    assert first(aws.json("migrate", "down", "--stage", "dev", code=1))["code"] == "GS2212"
    one = ("migrate", "down", "--component", "items")
    assert first(aws.json(*one, "--stage", "dev", code=1))["code"] == "GS2214"
    assert aws.json(*one, "--stage", "dev", "--yes")["migrations"][0]["done"] == ["0002_second"]
    assert lambda_.asked[-1] == ("shop-dev-migrate-items", {"command": "down", "migration": "0002_second"})
    refused = first(aws.json(*one, "--stage", "prod", "--yes", code=1))
    assert refused["code"] == "GS2214" and "--confirm 0002_second" in refused["mend"]
    assert first(aws.json(*one, "--stage", "prod", "--confirm", "0001_first", code=1))["code"] == "GS2213"
    assert lambda_.applied["shop-prod-migrate-items"] == ["0001_first", "0002_second"]
    assert aws.json(*one, "--stage", "prod", "--confirm", "0002_second")["migrations"][0]["done"] == ["0002_second"]
    lambda_.applied["shop-dev-migrate-items"] = []
    assert aws.json(*one, "--stage", "dev")["migrations"][0]["done"] == []


def test_a_down_on_a_terminal_goes_on_when_the_name_is_typed_and_changes_nothing_otherwise(aws: Shop, lambda_: Lambda) -> None:
    lambda_.applied = {"shop-prod-migrate-items": ["0001_first", "0002_second"]}
    for typed, code, left in (("0001_first\n", 1, 2), ("0002_second\n", 0, 1)):
        terminal = Terminal(aws, "migrate", "down", "--component", "items", "--stage", "prod", "--yes")
        terminal.read_until("to go on:")
        terminal.press(typed)
        assert terminal.end() == code, terminal.text
        assert len(lambda_.applied["shop-prod-migrate-items"]) == left
    assert "taken back now" in terminal.text


def test_an_up_in_production_shows_what_is_pending_and_is_confirmed(aws: Shop, lambda_: Lambda) -> None:
    assert first(aws.json("migrate", "up", "--stage", "prod", code=1))["code"] == "GS3031"
    assert not any(lambda_.applied.values())
    assert [item["done"] for item in aws.json("migrate", "up", "--stage", "prod", "--yes")["migrations"]] == [
        ["0001_first", "0002_second"]] * 2
    # Where nothing is pending there is nothing to ask.
    assert aws.json("migrate", "up", "--stage", "prod")["migrations"][0]["done"] == []


def test_mistakes_are_named_with_what_to_do(aws: Shop, lambda_: Lambda) -> None:
    wrong = first(aws.json("migrate", "--stage", "dev", "--component", "item", code=1))
    assert wrong["code"] == "GS2202" and "did you mean `items`?" in wrong["mend"]
    assert aws.run("migrate", "sideways", "up").returncode == 1
    assert aws.run("migrate", ".", "sideways").returncode == 2
    lambda_.refusal = (404, "ResourceNotFoundException", "Function not found")
    absent = first(aws.json("migrate", "--stage", "dev", code=1))
    assert absent["code"] == "GS2209" and "groundsill deploy --stage dev" in absent["mend"]
    lambda_.refusal = (403, "AccessDeniedException", "not authorized to perform: lambda:InvokeFunction")
    denied = first(aws.json("migrate", "--stage", "dev", code=1))
    assert denied["code"] == "GS2210" and "arn:aws:iam::123456789012:user/ada needs lambda:InvokeFunction" in denied["mend"]
    (aws.folder / "state.toml").write_text(
        '[default]\nbucket = "states"\nregion = "eu-central-1"\nallowed_account_ids = ["210987654321"]\n')
    asked = len(lambda_.asked)
    assert first(aws.json("migrate", "up", "--stage", "dev", code=1))["code"] == "GS3035" and len(lambda_.asked) == asked
    aws.define(SYSTEM.split("    for name")[0])
    assert first(aws.json("migrate", "--stage", "dev", code=1))["code"] == "GS2201"


def test_without_a_stage_the_system_of_this_machine_is_asked_and_one_that_does_not_run_is_said_so(shop: Shop) -> None:
    for words in (("migrate",), ("migrate", "status"), ("migrate", "--stage", "dev", "--here")):
        assert first(shop.json(*words, code=1))["code"] == "GS2203"
    shop.run("up", "--detach")
    assert first(shop.json("migrate", code=1))["code"] == "GS2201"


def test_ctrl_c_ends_the_command_and_says_that_the_function_goes_on(aws: Shop, lambda_: Lambda) -> None:
    lambda_.behaviour = "hang"
    terminal = Terminal(aws, "migrate", "up", "--component", "items", "--stage", "dev")
    wait_until(lambda: lambda_.asked)
    terminal.press("\x03")
    assert terminal.end() == 130
    assert "shop-dev-migrate-items goes on where it runs" in terminal.text and "Traceback" not in terminal.text
    assert len(lambda_.asked) == 1


# -- Lambda ------------------------------------------------------------------------------------------------------------


def place(lambda_: Lambda, monkeypatch: pytest.MonkeyPatch) -> deployed.Deployed:
    variables = {"AWS_ENDPOINT_URL": lambda_.url, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "none"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(deployed, "WAIT_SECONDS", 0.5)
    return deployed.Deployed(build(lambda stage: None), Caller())


@pytest.mark.parametrize("behaviour", ["hang", "drop"])
def test_a_function_whose_answer_does_not_come_is_called_once_and_said_to_run_perhaps(
    behaviour: str, lambda_: Lambda, monkeypatch: pytest.MonkeyPatch,
) -> None:
    lambda_.behaviour = behaviour
    asked = place(lambda_, monkeypatch)
    began = time.monotonic()
    with pytest.raises(GroundsillError) as raised:
        ask(asked, Migration("items", "migrate-items", 0.5), "up")
    assert raised.value.diagnostics[0].code == "GS2207" and "may still be running" in raised.value.diagnostics[0].mend
    assert lambda_.asked == [("migrate-items", {"command": "up"})] and time.monotonic() - began < 20


def test_a_throttle_is_not_tried_again_and_an_address_where_nothing_answers_ran_nothing(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch,
) -> None:
    lambda_.refusal = (429, "TooManyRequestsException", "Rate Exceeded.")
    asked = place(lambda_, monkeypatch)
    with pytest.raises(GroundsillError, match="Rate Exceeded"):
        ask(asked, Migration("items", "migrate-items", 1), "up")
    assert len(lambda_.asked) == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(GroundsillError) as raised:
        ask(asked, Migration("items", "migrate-items", 1), "up")
    assert raised.value.diagnostics[0].code == "GS2210" and "nothing was run" in raised.value.diagnostics[0].mend


# -- the form of answers -----------------------------------------------------------------------------------------------


class Says:
    """A place whose function answers one thing."""

    words = "nowhere"
    migrations = (Migration("items", "migrate-items", 1),)

    def __init__(self, payload: str) -> None:
        self._payload = payload

    def call(self, migration: Migration, event: Mapping[str, Any]) -> Called:
        return Called(self._payload, False, (), 0.0)


@pytest.mark.parametrize(("payload", "why"), [
    ("not JSON", "no object"), ("null", "no object"), ("[]", "no object"), ("7", "no object"), ("{}", '"applied" is no list'),
    ('{"applied": [], "pending": "0001"}', '"pending" is no list'), ('{"applied": [1], "pending": []}', '"applied" is no list'),
    ('{"applied": [], "pending": []}', '"done" is no list'),
    ('{"applied": [], "pending": [], "done": [], "command": "status"}', "it was told up"),
])
def test_an_answer_in_another_form_is_refused_with_what_it_was_and_what_it_should_be(payload: str, why: str) -> None:
    with pytest.raises(GroundsillError) as raised:
        ask(Says(payload), Says.migrations[0], "up")  # type: ignore[arg-type]
    (problem,) = raised.value.diagnostics
    assert problem.code == "GS2211" and why in problem.detail and payload in problem.detail and '"pending"' in problem.mend


def test_a_status_may_leave_out_what_was_done_and_names_keep_their_order() -> None:
    answer = ask(Says('{"applied": ["2", "1"], "pending": []}'), Says.migrations[0], "status")  # type: ignore[arg-type]
    assert answer.applied == ("2", "1") and answer.done == ()
