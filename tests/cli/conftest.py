"""A system's folder, and the command as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from groundsill.ground.control import StateFolder, identity

COMMAND = [sys.executable, str(Path(__file__).with_name("command.py"))]
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Queue, Table

system = System("shop", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    Table("orders", key="Id")
    Queue("jobs", dead_letter=Queue("jobs-dead"))
'''


class Shop:
    """A system's folder and commands about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if name not in ("FAKE_DAEMON", "NO_COLOR")}

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder.resolve(), "dev")

    def define(self, source: str) -> None:
        (self.folder / "system.py").write_text(source)

    def run(self, *arguments: str, text: str | None = None, behaviour: str = "") -> subprocess.CompletedProcess[str]:
        """A command run to its end, in the system's folder."""
        return subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder, env=self.environment | {"FAKE_DAEMON": behaviour},
            capture_output=True, text=True, timeout=60, input=text,
        )

    def json(self, *arguments: str, code: int = 0, behaviour: str = "") -> dict[str, Any]:
        """The one object on standard output of a command with ``--json``."""
        done = self.run(*arguments, "--json", behaviour=behaviour)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, behaviour: str = "", **options: Any) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.folder, env=self.environment | {"FAKE_DAEMON": behaviour},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )


def alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and was not yet waited for does not."""
    return bool(identity(pid))


def wait_until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The condition's value as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)
    return value


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop, stopped at the end whatever happened."""
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Shop(folder)
    made.define(SYSTEM)
    yield made
    for record in (folder / ".groundsill").glob("*/process.json"):
        pid = json.loads(record.read_text())["pid"]
        if alive(pid) and pid != os.getpid():
            os.kill(pid, signal.SIGKILL)
