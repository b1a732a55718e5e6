"""The whole system, started by the command line as its developer starts it, from a copy of the folder."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from client import OpenMetabolicsClient

T = TypeVar("T")
FOLDER = Path(__file__).resolve().parents[2]
PASSWORD = "Walker-123"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `body` is None where it is no JSON."""

    status: int
    headers: dict[str, str]
    body: Any
    text: str


@dataclass(frozen=True)
class User:
    """Somebody who signed up and in."""

    email: str
    client: OpenMetabolicsClient
    id_token: str


def until(condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """The condition's first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)
    return value


class Running:
    """A copy of the system and the commands about it.

    Args:
        folder: where the copy goes.
        stage: of the system.
    """

    def __init__(self, folder: Path, stage: str = "dev") -> None:
        self.folder, self.stage = folder, stage
        self.facts: dict[str, Any] = {}
        unwanted = shutil.ignore_patterns(".groundsill", "tests", "__pycache__", ".venv")
        shutil.copytree(FOLDER, folder, ignore=unwanted)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there once in a file of the copy."""
        file = self.folder / path
        content = file.read_text()
        assert content.count(old) == 1, f"{old!r} is {content.count(old)} times in {path}"
        file.write_text(content.replace(old, new))

    def command(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The one JSON object that a command prints."""
        words = [sys.executable, "-m", "groundsill", arguments[0], str(self.folder), "--stage", self.stage]
        done = subprocess.run(
            [*words, *arguments[1:], "--json"], capture_output=True, text=True, timeout=90, cwd=FOLDER.parents[1]
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def up(self) -> Running:
        """Start it."""
        self.facts = self.command("up", "--detach")
        return self

    def down(self) -> None:
        """Stop it, and delete its data."""
        self.command("down", "--wipe", "--yes")

    @property
    def urls(self) -> dict[str, str]:
        return self.facts["urls"]

    @property
    def outputs(self) -> dict[str, Any]:
        return self.facts["outputs"]

    @property
    def configuration(self) -> dict[str, Any]:
        """Of the reference client, as `groundsill outputs` exports it."""
        return self.command("outputs")["client"]

    @cached_property
    def _session(self) -> Any:
        import boto3

        path = self.folder / ".groundsill" / self.stage / "data" / "root-credentials.json"
        key = json.loads(path.read_text())
        return boto3.Session(key["access_key_id"], key["secret_access_key"], region_name=self.facts["region"])

    def aws(self, service: str) -> Any:
        """An AWS client that may do everything, to look at what is stored."""
        return self._session.client(service, endpoint_url=self.urls["AWS API"])

    def count(self, table: str) -> int:
        """Items of a table, by the name of its output."""
        return self.aws("dynamodb").scan(TableName=self.outputs[table], Select="COUNT")["Count"]

    def counts(self) -> dict[str, int]:
        """Items of every table."""
        return {name: self.count(name) for name in self.outputs if name.endswith("table_name")}

    def waiting(self, output: str = "queue_url") -> tuple[int, int]:
        """Messages of a queue that are visible and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def logs(self, component: str) -> list[str]:
        """What a component wrote so far."""
        return [line["message"] for line in self.command("logs", "--component", component, "--lines", "500")["lines"]]

    def code(self, email: str) -> str:
        """The newest mailed code."""

        def look() -> str | None:
            with urllib.request.urlopen(f"{self.urls['mail']}?to={urllib.parse.quote(email)}", timeout=10) as answer:
                mails = json.load(answer)["mail"]
            codes = [re.search(r"\b\d{6}\b", mail.get("text") or mail.get("html") or "") for mail in mails]
            return next((code.group() for code in reversed(codes) if code), None)

        return until(look)

    def user(self, **profile: Any) -> User:
        """Somebody new, signed in; with a profile where one is given."""
        email = f"walker-{uuid.uuid4().hex[:10]}@example.com"
        client = OpenMetabolicsClient.from_configuration(self.configuration)
        client.sign_up(email, PASSWORD, "Test", "Walker")
        client.confirm(email, self.code(email))
        tokens = client.sign_in(email, PASSWORD)
        if profile:
            client.save_profile(**profile)
        return User(email, client, tokens.id_token)

    def call(
        self, method: str, url: str, body: Any = None, *, token: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request as it is: no repeats, no redirects followed."""
        parts = urllib.parse.urlsplit(url)
        sent = {"content-type": "application/json", **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        packed = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=40)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), packed, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content, text)

    def post(self, route: str, body: Any = None, *, token: str | None = None, **options: Any) -> Answer:
        """One of the HTTP API's routes."""
        return self.call("POST", f"{self.urls['api']}/{route}", body, token=token, **options)


def started(folder: Path, *edits: tuple[str, str, str], stage: str = "dev") -> Iterator[Running]:
    """A running copy with edits, stopped at the end.

    Args:
        edits: file, text that is in it once, and what stands there instead.
    """
    made = Running(folder, stage)
    for edit in edits:
        made.edit(*edit)
    try:
        yield made.up()
    finally:
        made.down()
