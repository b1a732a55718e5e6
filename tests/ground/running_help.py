"""A small real system for tests of the whole ground: its folder, the commands about it, and requests to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from groundsill.ground.control import StateFolder, identity

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]

# One function that stores, so that there is something to lose; its own `.py` file may be replaced while it runs.
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Function, HttpApi, Table

system = System("small", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    notes = Table("notes", key="Id")
    api = HttpApi("api")
    api.route("ANY /notes/{id}", Function("desk", "app.notes:handle", uses=[notes.read_write.env("NOTES")]))
'''
NOTES = '''
import json
import os

import boto3

table = boto3.client("dynamodb")


def handle(event, context):
    key = {"Id": {"S": event["pathParameters"]["id"]}}
    if event["requestContext"]["http"]["method"] == "POST":
        table.put_item(TableName=os.environ["NOTES"], Item={**key, "Text": {"S": event.get("body") or ""}})
        return {"statusCode": 201, "body": ""}
    item = table.get_item(TableName=os.environ["NOTES"], Key=key, ConsistentRead=True).get("Item")
    return {"statusCode": 200, "body": item["Text"]["S"]} if item else {"statusCode": 404, "body": ""}
'''


def until(condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """The condition's first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.03)
    return value


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    text: str
    headers: dict[str, str]


class Small:
    """A system's folder.

    Arguments:
        folder: where it is made.
        files: content by path; `system.py` and `app/notes.py` are there without.
    """

    def __init__(self, folder: Path, files: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = {}
        for path, content in {"system.py": SYSTEM, "app/__init__.py": "", "app/notes.py": NOTES, **(files or {})}.items():
            self.write(path, content)

    def write(self, path: str, content: str) -> None:
        """Save a file as an editor does: written beside, then renamed."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(content)
        beside.rename(file)

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder.resolve(), "dev")

    def words(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "groundsill", arguments[0], str(self.folder), *arguments[1:]]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command, run to its end."""
        return subprocess.run(self.words(*arguments), capture_output=True, text=True, timeout=90, cwd=ROOT)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            self.words(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The one object that a command prints."""
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def up(self, *arguments: str) -> dict[str, Any]:
        self.facts = self.json("up", *arguments)
        return self.facts

    def down(self, *arguments: str) -> dict[str, Any]:
        return self.json("down", *arguments)

    @property
    def pid(self) -> int:
        return self.facts["pid"]

    def processes(self) -> list[psutil.Process]:
        """The daemon and all that it has started."""
        daemon = psutil.Process(self.pid)
        return [daemon, *daemon.children(recursive=True)]

    def call(self, path: str, method: str = "GET", body: str | None = None, door: str = "api", seconds: float = 40) -> Answer:
        """One request to one of its doors."""
        parts = urllib.parse.urlsplit(self.facts["urls"][door])
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        try:
            connection.request(method, parts.path.rstrip("/") + path, body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()

    def logs(self, component: str) -> list[str]:
        """What a component wrote so far."""
        return [line["message"] for line in self.json("logs", "--component", component, "--lines", "500")["lines"]]

    def end(self) -> None:
        """Stop whatever still runs."""
        for record in (self.folder / ".groundsill").glob("*/process.json"):
            with contextlib.suppress(ValueError, KeyError, OSError, psutil.Error):
                pid = json.loads(record.read_text())["pid"]
                if alive(pid):
                    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                    os.kill(pid, signal.SIGTERM)
                    _, left = psutil.wait_procs(processes, 10)
                    for process in left:
                        process.kill()


def alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and was not yet waited for does not."""
    return bool(identity(pid))


def gone(processes: list[psutil.Process], seconds: float = 15.0) -> None:
    """Assert that processes end by themselves."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if _lives(process)]:
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def small(folder: Path, files: dict[str, str] | None = None) -> Iterator[Small]:
    """A small system, stopped at the end whatever happened."""
    made = Small(folder, files)
    try:
        yield made
    finally:
        made.end()
