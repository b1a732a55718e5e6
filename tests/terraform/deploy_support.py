"""A shop that is deployed to the AWS API of the ground by the command itself, with real Terraform."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundsill.ground.aws_api import AwsApi, AwsApiSettings

BUCKET = "shop-states"
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Table, output

system = System("shop", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    orders = Table({table})
    output("table", orders.resource["name"], "The table")
'''
STATE = f'''
[default]
bucket = "{BUCKET}"
region = "us-east-1"
use_path_style = true
'''


@contextmanager
def running_api(folder: Path) -> Iterator[dict[str, str]]:
    """The AWS API in a loop of its own; gives the environment that leads to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    api: AwsApi = wait(AwsApi.start(AwsApiSettings(folder)))
    key = api.root_credentials()
    try:
        yield {"AWS_ENDPOINT_URL": api.url, "AWS_ACCESS_KEY_ID": key.access_key_id,
               "AWS_SECRET_ACCESS_KEY": key.secret_access_key, "AWS_REGION": "us-east-1"}
    finally:
        wait(api.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def client(api: dict[str, str], service: str) -> Any:
    """A client of the API."""
    import boto3

    return boto3.client(service, region_name="us-east-1", endpoint_url=api["AWS_ENDPOINT_URL"],
                        aws_access_key_id=api["AWS_ACCESS_KEY_ID"], aws_secret_access_key=api["AWS_SECRET_ACCESS_KEY"])


class Shop:
    """A system's folder whose state is in a bucket, and commands about it."""

    def __init__(self, folder: Path, api: dict[str, str], name: str = "shop") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "GROUNDSILL_TERRAFORM"))}
        self.environment = {**kept, **api, "NO_COLOR": "1"}
        (folder / "state.toml").write_text(STATE)
        self.define()

    def define(self, table: str = '"orders", key="Id"', more: str = "") -> None:
        text = SYSTEM.format(table=table).replace('System("shop"', f'System("{self.name}"')
        (self.folder / "system.py").write_text(text + more)

    @property
    def terraform(self) -> Path:
        return self.folder / ".groundsill" / "dev" / "terraform"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "groundsill", *arguments], cwd=self.folder, env=self.environment | environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        out, errors = process.communicate(timeout=500)
        done = subprocess.CompletedProcess(arguments, process.returncode, out, errors)
        assert code is None or done.returncode == code, out + errors
        assert "Traceback" not in errors
        return done

    def json(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        return json.loads(self.run(*arguments, "--json", code=code, **environment).stdout)


def wait_until(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The condition's value as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)
    return value


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    """Send a signal to the command alone, and collect it."""
    process.send_signal(number)
    process.communicate(timeout=90)
