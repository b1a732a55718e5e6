"""The search for what a killed apply has made, against a Terraform that refuses what does not exist."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from groundsill.graph import Graph, Resource
from groundsill.graph.diagnostics import Diagnostic
from groundsill.terraform.deployment import ADOPTION_NAME
from groundsill.terraform.events import Problem
from groundsill.terraform.outcome import EngineError
from groundsill.terraform.recovery import recover

NAMES = ("a", "b", "c", "d", "e")


class Terraform:
    """Plans with the import blocks that it finds; an error about one names nothing, as the provider's often do."""

    def __init__(self, folder: Path, there: set[str]) -> None:
        self.folder, self.there, self.plans = folder, there, 0

    def state_pull(self, directory: Path) -> dict[str, Any]:
        return {}

    def plan(self, directory: Path, **options: Any) -> SimpleNamespace:
        self.plans += 1
        file = self.folder / ADOPTION_NAME
        imports = {item["to"]: item["id"] for item in json.loads(file.read_text())["import"]} if file.exists() else {}
        absent = [address for address in imports if address.rpartition(".")[2] not in self.there]
        if absent:
            problems = [Problem("couldn't find resource", f"RequestID: 0f0e0d0c-0000-4000-8000-{self.plans:012}") for _ in absent]
            raise EngineError([Diagnostic("GS3013", "Terraform: couldn't find resource")], problems)
        content: list[dict[str, Any]] = []
        for name in NAMES:
            address = f"aws_lambda_permission.{name}"
            after = {"function_name": "save", "statement_id": name}
            actions, before = (["no-op"], after) if address in imports else (["create"], None)
            content.append({"address": address, "change": {"actions": actions, "before": before, "after": after}})
        return SimpleNamespace(content=content)


@pytest.mark.parametrize("there", [set(NAMES), {"a", "b", "d", "e"}, {"b", "d"}, {"e"}, set()])
def test_what_exists_is_taken_over_also_where_no_error_says_what_does_not(tmp_path: Path, there: set[str]) -> None:
    graph = Graph("shop", "dev", "us-east-1")
    for name in NAMES:
        graph.add(Resource("aws_lambda_permission", name, {"function_name": "save", "statement_id": name}))
    begun = [{"type": "apply_start", "hook": {"resource": {"addr": f"aws_lambda_permission.{name}"}, "action": "create"}}
             for name in NAMES]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in begun))
    about: Any = SimpleNamespace(
        graph=graph, directory=tmp_path, traces=tmp_path / "events.jsonl", engine=Terraform(tmp_path, there),
        locked=lambda run: run())
    found = recover(about, {}, lambda text: None)
    assert found.imports == {f"aws_lambda_permission.{name}": f"save/{name}" for name in there}
    assert not found.lost
