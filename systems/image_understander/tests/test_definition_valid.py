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
from iu_support.defined import FOLDER

from groundsill.definition.running import load_system
from groundsill.terraform.synth import write

EVERYTHING: dict[str, Any] = {
    "extras": [
        "access-logs",
        "audit",
        "backup",
        "cache",
        "config",
        "dashboard",
        "endpoints",
        "flow-logs",
        "images",
        "peering",
        "replica",
        "tracing",
        "threat-detection",
        "web-rules",
    ],
    "peer_vpc_id": "vpc-0123456789abcdef0",
    "create_hosted_zone": True,
    "sticky_sessions": True,
    "latency_routing": True,
    "llm_spot": True,
    "model_uses_database": True,
    "region": "eu-central-1",
    "backup_copy_region": "eu-west-1",
    "pinned_images": {"backend": "ami-0123456789abcdef0"},
    "create_route53_health_check": True,
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


@pytest.mark.parametrize(("service", "health"), [("frontend", "/health"), ("backend", "/health"), ("model", "/health")])
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
