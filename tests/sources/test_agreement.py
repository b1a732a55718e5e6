"""What is worked out here is what the real Terraform works out, from files in the style that people write."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from groundsill.definition.running import load_system
from groundsill.graph import Graph
from groundsill.sources.plan import load, read_plan
from groundsill.sources.reading import read
from tests.sources.agreement import disagreements
from tests.sources.planning import plan_of, plan_of_graph, with_local_provider
from tests.terraform.conftest import terraform

__all__ = ["terraform"]
FIXTURES = Path(__file__).parent / "fixtures"
SYSTEMS = Path(__file__).resolve().parents[2] / "systems"


def shown(folder: Path, *command: str) -> str:
    done = subprocess.run(["terraform", *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_expressions_and_functions_give_what_terraform_gives(tmp_path: Path) -> None:
    folder = tmp_path / "functions"
    shutil.copytree(FIXTURES / "functions", folder)
    source = read(folder)
    shown(folder, "init", "-backend=false", "-no-color")
    shown(folder, "plan", "-input=false", "-no-color", "-out=plan")
    planned = json.loads(shown(folder, "show", "-json", "plan"))["planned_values"]["outputs"]
    assert [item.render() for item in source.diagnostics] == []
    assert {name: output.value for name, output in source.graph.outputs.items()} == {
        name: output["value"] for name, output in planned.items()}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_modules_loops_and_policies_give_what_terraform_plans(terraform: None, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(FIXTURES / "shop", folder)
    source = read(folder, stage="prod")
    assert [item.render() for item in source.diagnostics] == []
    with_local_provider(folder, "virginia")
    (plan,) = plan_of(folder, region="eu-central-1", variables={"environment": "prod"}, scratch=tmp_path)
    assert disagreements(source.graph, plan) == []


def links(graph: Graph, address: str) -> set[str]:
    return {item for item in graph.dependencies(address) if not item.startswith(("var.", "ephemeral."))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["open_metabolics", "parrot"])
def test_a_plan_of_a_system_has_its_definitions_links(terraform: None, name: str, tmp_path: Path) -> None:
    defined = load_system(SYSTEMS / name).build("dev")
    (plan,) = plan_of_graph(defined, tmp_path)
    read_back, diagnostics = read_plan(load(json.dumps(plan).encode(), "plan.json"), name)
    assert [item.render() for item in diagnostics] == []
    different: dict[str, Any] = {
        address: links(defined, address) ^ links(read_back, address) for address in read_back.resources
        if links(defined, address) != links(read_back, address)}
    assert different == {}
    assert {item.address for item in defined if not item.ephemeral} == set(read_back.resources)
