"""The service as real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from om_support.backend import ROOT, until


class Process:
    """A process whose lines of log can be waited for."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def events(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [entry for entry in found if entry["event"] == name]

    def wait_for(self, name: str, *, seconds: float = 20.0) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            assert self.process.poll() is None or self.events(name), "".join(self.lines)
            return self.events(name)

        return until(found, seconds=seconds)[0]

    def stop(self, *, seconds: float = 20.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[Process]:
    process = Process(command, environment)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            # Gently: the long poll of a killed worker would still take the next test's message.
            process.process.terminate()
            try:
                process.process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def stub_worker(
    environment: dict[str, str], *, seconds: float, marker: Path, **changes: str
) -> Iterator[Process]:
    """A worker process whose estimate takes so long."""
    command = [
        sys.executable,
        str(ROOT / "tests" / "om_support" / "stub_estimation.py"),
        str(seconds),
        str(marker),
    ]
    # Short polls: an idle worker stops with the end of its poll.
    settings = {"SERVICE_TYPE": "worker", "JOB_RETRY_SECONDS": "0", "POLL_SECONDS": "1", **changes}
    with started(command, {**environment, **settings}) as process:
        process.wait_for("start")
        yield process


def service(environment: dict[str, str], role: str, **changes: str) -> Any:
    """The service as its image starts it."""
    return started(
        [sys.executable, "-m", "services.energy"], {**environment, "SERVICE_TYPE": role, **changes}
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def begun(marker: Path) -> int:
    """How many estimates a stand-in began."""
    return len(marker.read_text().splitlines()) if marker.exists() else 0
