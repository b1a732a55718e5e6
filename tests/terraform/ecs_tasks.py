"""Tasks of ECS before the AWS API: it holds their definitions and starts no container, so what a task does is said here.

RunTask, ListTasks, DescribeTasks and StopTask are answered here, as Amazon ECS API Reference describes them; every other call
is passed on. What a task logs goes to the log group of its own definition, in the AWS API itself.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .deploy_support import client

_TARGET = "AmazonEC2ContainerServiceV20141113."
_PER_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


@dataclass
class Run:
    """A task that was started.

    Arguments:
        arn: its ARN.
        image: of its container.
        asked: the whole request.
        service_was: versions of the services' task definitions at that moment.
    """

    arn: str
    image: str
    asked: dict[str, Any]
    service_was: list[str]
    looks: int = 0
    stopped: bool = False
    told: dict[str, Any] = field(default_factory=dict[str, Any])


class Tasks:
    """Tasks, and what becomes of them.

    Arguments:
        api: environment that leads to the AWS API.
    """

    def __init__(self, api: dict[str, str]) -> None:
        self.api = api
        self.runs: list[Run] = []
        self.exit_codes: dict[str, int] = {}
        """By the end of an image's digest; 0 where nothing is said."""
        self.held = threading.Event()
        """While it is set, tasks go on."""
        self.slow_call = ""
        """The first call with these words is held until a task has run for some seconds."""
        self._lock = threading.Lock()

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a call; None where the AWS API answers it."""
        calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "RunTask": self._run, "ListTasks": self._list, "DescribeTasks": self._describe, "StopTask": self._stop}
        with self._lock:
            return calls[operation](asked) if operation in calls else None

    @property
    def going(self) -> list[Run]:
        """Those that run."""
        return [run for run in self.runs if not run.stopped]

    def _run(self, asked: dict[str, Any]) -> dict[str, Any]:
        again = next((run for run in self.runs if run.asked["clientToken"] == asked["clientToken"]), None)
        if again is None:
            ecs = client(self.api, "ecs")
            definition = ecs.describe_task_definition(taskDefinition=asked["taskDefinition"])["taskDefinition"]
            (container,) = definition["containerDefinitions"]
            services = ecs.list_services(cluster=asked["cluster"])["serviceArns"]
            there = ecs.describe_services(cluster=asked["cluster"], services=services)["services"] if services else []
            was = [item["taskDefinition"] for item in there]
            arn = f"{asked['cluster'].replace(':cluster/', ':task/')}/task{len(self.runs) + 1:028d}"
            again = Run(arn, container["image"], asked, was)
            again.told = {"container": container, "family": definition["family"]}
            self.runs.append(again)
            self._log(again, f"migrating with {container['image'][-4:]}")
        return {"tasks": [self._shown(again)], "failures": []}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"taskArns": [run.arn for run in self.going if run.told["family"] == asked["family"]]}

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [run for run in self.runs if run.arn in asked["tasks"]]
        for run in found:
            run.looks += 1
            if run.looks > 1 and not self.held.is_set() and not run.stopped:
                run.stopped = True
                code = self.exit_codes.get(run.image[-4:], 0)
                self._log(run, "no such column: price" if code else "done")
        return {"tasks": [self._shown(run) for run in found], "failures": []}

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _shown(self, run: Run) -> dict[str, Any]:
        container: dict[str, Any] = {"name": run.told["container"]["name"]}
        end: dict[str, Any] = {}
        if run.stopped:
            container["exitCode"] = self.exit_codes.get(run.image[-4:], 0)
            end = {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"}
        status = "STOPPED" if run.stopped else "RUNNING" if run.looks else "PROVISIONING"
        return {"taskArn": run.arn, "startedBy": run.asked["startedBy"], "lastStatus": status, "containers": [container], **end}

    def _log(self, run: Run, line: str) -> None:
        logs, container = client(self.api, "logs"), run.told["container"]
        options = container["logConfiguration"]["options"]
        name = f"{options['awslogs-stream-prefix']}/{container['name']}/{run.arn.rpartition('/')[2]}"
        if not run.told.get("stream"):
            logs.create_log_stream(logGroupName=options["awslogs-group"], logStreamName=name)
            run.told["stream"] = name
        logs.put_log_events(logGroupName=options["awslogs-group"], logStreamName=name,
                            logEvents=[{"timestamp": int(time.time() * 1000), "message": line}])


@contextmanager
def tasks(api: dict[str, str]) -> Iterator[tuple[Tasks, dict[str, str]]]:
    """Tasks, and the environment that leads through them to the AWS API."""
    made, target = Tasks(api), urlsplit(api["AWS_ENDPOINT_URL"])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = self.headers.get("X-Amz-Target") or ""
            if asked.startswith(_TARGET):
                answer = made.answer(asked.removeprefix(_TARGET), json.loads(body))
                if answer is not None:
                    self._send(200, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(answer).encode())
                    return
            if made.slow_call and made.slow_call in f"{asked} {body.decode(errors='replace')}":
                made.slow_call = ""
                deadline = time.monotonic() + 60
                while not made.going and time.monotonic() < deadline:
                    time.sleep(0.05)
                # Terraform writes its state every five seconds: this is made when the run began longer ago than that.
                time.sleep(6)
            onward = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            onward.request(self.command, self.path, body, dict(self.headers.items()))
            got = onward.getresponse()
            content = got.read()
            onward.close()
            self._send(got.status, got.getheaders(), content)

        def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            length = str(len(content))
            for name, value in headers:
                if name.lower() not in _PER_HOP:
                    self.send_header(name, value)
                elif name.lower() == "content-length" and self.command == "HEAD":
                    length = value
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _pass  # noqa: N815 (the library's names)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made, {**api, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}
    finally:
        server.shutdown()
        server.server_close()
