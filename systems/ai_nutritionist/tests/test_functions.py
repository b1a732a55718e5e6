"""The functions as Lambda calls them: health answers, and what is not built says so and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from an_support.defined import FOLDER, PROD

_CALL = """
import importlib, json, sys
results = {}
for name, event in json.load(sys.stdin):
    module, _, attribute = name.rpartition(".")
    try:
        answer = getattr(importlib.import_module(module), attribute)(event, None)
    except Exception as error:
        answer = {"raised": type(error).__name__, "text": str(error)}
    results[f"{name} {'http' if 'httpMethod' in event else 'event'}"] = answer
print(json.dumps(results))
"""
HTTP: dict[str, Any] = {"httpMethod": "POST", "path": "/", "headers": {}, "body": None}
QUEUE: dict[str, Any] = {"Records": [{"messageId": "1", "body": "{}"}]}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What every handler of the definition answers, in a process of its own, as in its package."""
    handlers = {item["handler"] for item in PROD.all("aws_lambda_function").values()}
    calls = [[name, event] for name in sorted(handlers) for event in (HTTP, QUEUE)]
    done = subprocess.run([sys.executable, "-c", _CALL], input=json.dumps(calls), capture_output=True, text=True, cwd=FOLDER,
                          timeout=60, check=True)
    return json.loads(done.stdout)


def test_health_answers_200(answers: dict[str, Any]) -> None:
    answer = answers["functions.health.check http"]
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["status"] == "ok"


def test_requests_to_what_is_not_built_are_answered_so(answers: dict[str, Any]) -> None:
    others = {name: answer for name, answer in answers.items() if name.endswith(" http") and ".health." not in name}
    assert len(others) == 7
    for answer in others.values():
        assert answer["statusCode"] == 501
        assert json.loads(answer["body"]) == {"error": "not built yet"}


def test_messages_to_what_is_not_built_fail_and_so_are_kept(answers: dict[str, Any]) -> None:
    others = {name: answer for name, answer in answers.items() if name.endswith(" event") and ".health." not in name}
    assert len(others) == 7
    for answer in others.values():
        assert answer == {"raised": "NotImplementedError", "text": "not built yet"}
