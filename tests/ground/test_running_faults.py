"""Functions and services that fail: what the caller gets, and the line in the log that explains it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.ground.running_help import Small, small, until

SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Cluster, Container, Function, HealthCheck, HttpApi, LoadBalancer, Network, Service

system = System("faults", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    api = HttpApi("api")
    for name in ("fine", "raises", "hangs", "hungry", "unserializable", "bad_status", "exits", "talks"):
        api.route(f"GET /{name}", Function(name.replace("_", "-"), f"app.faults:{name}", memory=128, timeout=1))
    api.route("GET /live", Function("live", "app.live:handle"))
    api.route("GET /broken", Function("broken", "broken.module:handle"))

    network = Network("main", cidr="10.0.0.0/16", zones=2)
    cluster = Cluster("cluster")
    image = Container("image", command=("python", "service.py"))
    web = Service("web", image, network.private, cluster=cluster, port=8080)
    front = LoadBalancer("front", network.private)
    front.route("/*", web, health=HealthCheck("/", interval=5, timeout=2))
'''
FAULTS = '''
import os
import time


def fine(event, context):
    return {"statusCode": 200, "body": "fine"}


def raises(event, context):
    raise KeyError("nothing under this key")


def hangs(event, context):
    time.sleep(60)


def hungry(event, context):
    held = []
    while True:
        held.append(b"x" * 8_000_000)


def unserializable(event, context):
    return {"statusCode": 200, "body": object()}


def bad_status(event, context):
    return {"statusCode": "many", "body": ""}


def exits(event, context):
    os._exit(7)


def talks(event, context):
    print("a word of the function")
    return "only a text"
'''
LIVE = '''
def handle(event, context):
    return {"statusCode": 200, "body": "VERSION"}
'''
SERVICE = '''
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            print("asked to end badly", flush=True)
            os._exit(3)
        text = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *parts):
        pass


ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
'''
FILES = {
    "system.py": SYSTEM, "app/faults.py": FAULTS, "app/live.py": LIVE.replace("VERSION", "one"), "service.py": SERVICE,
    "Dockerfile": "FROM python:3.13-slim\nCOPY service.py service.py\n",
    "broken/__init__.py": "", "broken/module.py": "def handle(event, context)\n    return 1\n",
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    for made in small(tmp_path_factory.mktemp("faults") / "system", FILES):
        made.up()
        yield made


ERROR = {"message": "Internal Server Error"}


@pytest.mark.requirement("OM-T07")
@pytest.mark.parametrize(("route", "component", "line"), [
    ("raises", "raises", "KeyError"),
    ("hangs", "hangs", "Task timed out after 1.00 seconds"),
    ("hungry", "hungry", "Runtime.OutOfMemory"),
    ("unserializable", "unserializable", "Runtime.MarshalError"),
    ("exits", "exits", "Runtime.ExitError"),
    ("bad_status", "api", "statusCode 'many' is not an HTTP status"),
])
def test_a_function_that_fails_gives_500_and_a_clear_line(system: Small, route: str, component: str, line: str) -> None:
    started = time.monotonic()
    answer = system.call(f"/{route}")
    assert (answer.status, json.loads(answer.text)) == (500, ERROR)
    assert time.monotonic() - started < 15
    until(lambda: [text for text in system.logs(component) if line in text])
    # Its neighbours do not notice, and it can be called again.
    assert system.call("/fine").text == "fine"
    assert system.call(f"/{route}").status == 500


def test_what_a_function_prints_is_in_its_log_between_start_and_report(system: Small) -> None:
    assert system.call("/talks").status == 200
    until(lambda: [line for line in system.logs("talks") if line.startswith("REPORT")])
    lines = system.logs("talks")
    kinds = [line.split()[0] for line in lines]
    assert kinds.index("START") < lines.index("a word of the function") < kinds.index("REPORT")


@pytest.mark.requirement("OM-O10")
def test_a_saved_file_is_live_on_the_next_request(system: Small) -> None:
    system.write("app/live.py", LIVE.replace("VERSION", "one"))
    assert system.call("/live").text == "one"
    for version in ("two", "three", "four"):
        system.write("app/live.py", LIVE.replace("VERSION", version))
        assert system.call("/live").text == version


@pytest.mark.requirement("OM-T02")
def test_a_syntax_error_gives_500_says_where_and_mends_itself_on_the_next_save(system: Small) -> None:
    system.write("app/live.py", "def handle(event, context)\n    return 1\n")
    assert system.call("/live").status == 500
    text = "\n".join(until(lambda: [line for line in system.logs("live") if "UserCodeSyntaxError" in line]))
    assert "live.py" in text or "app.live" in text
    system.write("app/live.py", LIVE.replace("VERSION", "mended"))
    assert system.call("/live").text == "mended"


@pytest.mark.requirement("OM-T02")
def test_a_function_that_is_broken_from_the_start_keeps_nobody_else_from_starting(system: Small) -> None:
    assert system.call("/broken").status == 500
    assert until(lambda: [line for line in system.logs("broken") if "UserCodeSyntaxError" in line])
    assert not [note for note in system.facts["notes"] if "not steady" in note]


@pytest.mark.parametrize("how", ["exits", "killed"])
def test_a_service_that_crashes_is_replaced_and_the_log_says_so(system: Small, how: str) -> None:
    def answering() -> int | None:
        try:
            answer = system.call("/", door="front")
        except OSError:
            return None
        return int(answer.text) if answer.status == 200 else None

    first = until(answering)
    if how == "exits":
        assert system.call("/exit", door="front").status == 502
    else:
        os.kill(first, signal.SIGKILL)
    second = until(lambda: pid if (pid := answering()) not in (None, first) else None)
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    assert second in {process.pid for process in system.processes()}
    expected = "3" if how == "exits" else "137"
    assert [line for line in system.logs("web") if expected in line and "exit" in line.lower()], system.logs("web")


def test_a_broken_definition_while_it_runs_disturbs_neither_the_system_nor_down(system: Small) -> None:
    system.write("system.py", "this is no definition")
    try:
        assert system.call("/fine").status == 200
        assert system.logs("fine")
    finally:
        system.write("system.py", SYSTEM)
