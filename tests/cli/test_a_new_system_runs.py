"""What `groundsill init` makes is run for real, by the real daemon."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest


def groundsill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "groundsill", *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=120)


def call(url: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.timeout(300)
def test_a_new_system_runs_answers_logs_and_keeps_its_data(tmp_path: Path) -> None:
    assert groundsill(tmp_path, "init", "notes-app").returncode == 0
    folder = tmp_path / "notes-app"
    try:
        up = groundsill(folder, "up", "--json")
        assert up.returncode == 0, up.stdout + up.stderr
        url = json.loads(up.stdout)["outputs"]["api_endpoint"]
        assert call(f"{url}/notes", {"author": "ada", "text": "hello"})[0] == 201
        status, refused = call(f"{url}/notes", {"author": "ada"})
        assert (status, refused["field"]) == (400, "text")
        logs = json.loads(groundsill(folder, "logs", "--component", "save-note", "--json").stdout)
        assert any("REPORT RequestId" in line["message"] for line in logs["lines"])
        assert json.loads(groundsill(folder, "outputs", "--format", "json").stdout)["api_endpoint"] == url

        assert groundsill(folder, "down").returncode == 0
        again = groundsill(folder, "up", "--json")
        assert again.returncode == 0, again.stdout + again.stderr
        assert json.loads(again.stdout)["outputs"]["api_endpoint"] == url, "it is at the address that it had"
        status, found = call(f"{url}/notes/ada")
        assert (status, [note["Text"] for note in found["notes"]]) == (200, ["hello"])
    finally:
        wiped = groundsill(folder, "down", "--wipe", "--yes", "--json")
    assert "data" in json.loads(wiped.stdout)["deleted"]
