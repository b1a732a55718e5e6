"""Real services for tests: a folder with a program, a load balancer's registry, and a log that can be waited for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import uvloop

from groundsill.ground.services.runner import ServiceRunner
from groundsill.ground.services.settings import ServiceSettings
from groundsill.ground.services.throttle import Timing

T = TypeVar("T")
QUICK = Timing(restart_first=0.05, restart_longest=1.0, settle=0.3, settle_replacement=0.5, port_patience=0.6, tick=0.05)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/api/1"

WEB = '''
import os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(3)
        if self.path == "/slow":
            print("a slow request")
            while not os.path.exists("release"):
                time.sleep(0.01)
        text = TEXT.encode()
        self.send_response(STATUS if self.path == "/health" else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *parts):
        pass
ThreadingHTTPServer(("HOST", int(os.environ["PORT"])), Handler).serve_forever()
'''


def web(text: str, *, status: int = 200, host: str = "0.0.0.0") -> str:
    """Source of a web server that answers with a text.

    `/health` has a status of its own, `/exit` ends the server with code 3, `/slow` waits for a file named `release`.
    """
    return WEB.replace("TEXT", repr(text)).replace("STATUS", str(status)).replace("HOST", host)


@dataclass
class Line:
    component: str
    stream: str
    message: str
    level: str


@dataclass
class Health:
    target_id: str
    state: str
    port: int
    reason: str = ""
    description: str = ""
    failures: int = 0


class Targets:
    """A load balancer's target group that asks `/health`; unhealthy after so many failures in a row."""

    def __init__(self, allowed: int = 5) -> None:
        self.targets: dict[str, Health] = {}
        self.history: list[str] = []
        self._allowed = allowed
        self._checks: dict[str, asyncio.Task[None]] = {}

    def register(self, target_group_arn: str, target_id: str, host: str, port: int) -> None:
        self.history.append(f"register {target_id}")
        self.targets[target_id] = Health(target_id, "initial", port)
        self._checks[target_id] = asyncio.get_running_loop().create_task(self._check(self.targets[target_id]))

    async def deregister(self, target_group_arn: str, target_id: str) -> None:
        self.history.append(f"deregister {target_id}")
        self._checks.pop(target_id).cancel()
        self.targets.pop(target_id)

    def health(self, target_group_arn: str) -> list[Health]:
        return list(self.targets.values())

    def healthy_ports(self) -> list[int]:
        return [target.port for target in self.targets.values() if target.state == "healthy"]

    async def _check(self, target: Health) -> None:
        while True:
            code = await asyncio.to_thread(status_of, f"http://127.0.0.1:{target.port}/health")
            if code == 200:
                target.state, target.failures = "healthy", 0
            elif code != 0 or target.state != "initial":
                target.failures += 1
                if target.failures >= self._allowed:
                    target.state = "unhealthy"
                    target.description = f"Health checks failed with these codes: [{code}]"
            await asyncio.sleep(0.05)


def status_of(url: str) -> int:
    """Status of an answer; 0 for none."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def text_of(port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def alive(pids: list[int]) -> list[int]:
    """Those of these processes that run. One that has ended and is not collected yet does not."""
    found: list[int] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


class Place:
    """A folder with a program `app.py`, and everything that its service says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.lines: list[Line] = []
        self.targets = Targets()

    def write(self, source: str, name: str = "app.py") -> Path:
        path = self.folder / name
        beside = path.with_suffix(".new")
        beside.write_text(source)
        beside.replace(path)
        return path

    def settings(self, **more: Any) -> ServiceSettings:
        given: dict[str, Any] = {
            "command": ("python", "app.py"), "environment": {}, "stop_timeout": 5.0, **more,
        }
        if given.get("container_port"):
            given["environment"] = {"PORT": str(given["container_port"]), **given["environment"]}
        return ServiceSettings("shop", "shop-service", "web", directory=given.pop("directory", self.folder),
                               interpreter=Path(sys.executable), **given)

    def run(
        self, use: Callable[[ServiceRunner], Awaitable[T]], *, timing: Timing = QUICK, plain: bool = False, **more: Any,
    ) -> T:
        """Start a service, use it, stop it."""
        async def main() -> T:
            runner = ServiceRunner(self.settings(**more), self.targets, self.sink, timing=timing)
            await runner.start()
            try:
                return await use(runner)
            finally:
                await runner.stop()

        start = asyncio.run if plain else uvloop.run
        return start(asyncio.wait_for(main(), 50))

    def run_behind(
        self, front: Callable[[Place], AbstractAsyncContextManager[str]],
        use: Callable[[ServiceRunner, str], Awaitable[None]], **more: Any,
    ) -> None:
        """The same behind a load balancer, whose address is given too."""
        async def main() -> None:
            async with front(self) as url:
                settings = self.settings(container_port=8080, target_group_arns=(GROUP,), **more)
                runner = ServiceRunner(settings, self.targets, self.sink, timing=QUICK)
                await runner.start()
                try:
                    await use(runner, url)
                finally:
                    await runner.stop()

        uvloop.run(asyncio.wait_for(main(), 50))

    def sink(self, component: str, stream: str, message: str, level: str) -> None:
        self.lines.append(Line(component, stream, message, level))

    def messages(self) -> list[str]:
        return [line.message for line in self.lines]

    def output(self) -> list[str]:
        return [line.message for line in self.lines if line.stream != "service"]

    async def said(self, part: str) -> Line:
        """Wait for a line that contains a text."""
        def look() -> Line | None:
            return next((line for line in self.lines if part in line.message), None)

        return await until(look, lambda: f"nothing said {part!r} in {self.messages()}")


async def until(look: Callable[[], T | None], complain: Callable[[], str] = lambda: "", seconds: float = 20) -> T:
    """Wait until a look gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, complain()
        await asyncio.sleep(0.02)
