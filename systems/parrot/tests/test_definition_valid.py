"""The definition as Terraform sees it, and the services as they are so far: they answer, and say what is not built."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pa_support.defined import FOLDER

from groundsill.definition.running import load_system
from groundsill.terraform.synth import write

EVERYTHING: dict[str, Any] = {
    "redis": True,
    "autoscaling": True,
    "cdn": True,
    "wildcard_certificate": True,
    "database_replicas": 1,
    "rotate_password_days": 30,
    "one_cluster": True,
    "flow_logs": True,
}
_DEADLINE = 30


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_terraform_accepts_every_stage_with_everything_on(
    stage: str, tmp_path: Path, terraform_validate: Callable[[Path], list[dict[str, Any]]],
) -> None:
    write(load_system(FOLDER).build(stage, EVERYTHING), tmp_path)
    assert terraform_validate(tmp_path) == []


def answer(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(("service", "health"), [("backend", "/api/health"), ("frontend", "/healthz")])
def test_a_service_is_healthy_and_says_what_is_not_built(service: str, health: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", f"services.{service}"], cwd=FOLDER, env={**os.environ, "PORT": str(port)}
    )
    try:
        end = time.monotonic() + _DEADLINE
        while True:
            try:
                status, body = answer(f"http://127.0.0.1:{port}{health}")
                break
            except urllib.error.URLError:
                assert process.poll() is None, "the service ended"
                assert time.monotonic() < end, "the service does not answer"
                time.sleep(0.05)
        assert (status, body["status"]) == (200, "ok")
        for path in ("/", "/anything/else"):
            status, body = answer(f"http://127.0.0.1:{port}{path}")
            assert (status, body["error"]) == (501, "not built yet")
    finally:
        process.terminate()
        assert process.wait(timeout=20) is not None
