"""Terraform takes every system in every stage and every tier."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import Graph
from groundsill.terraform.synth import write
from tests.terraform.conftest import terraform, terraform_environment, terraform_plugins
from tests.test_systems_contract import built, subject

__all__ = ["terraform", "terraform_plugins"]


def as_module(graph: Graph, folder: Path) -> dict[str, Any]:
    """Write a graph as a module, and say how it is called: with a value for each variable that has none."""
    write(graph, folder)
    given = {name: "000000000000.dkr.ecr.us-east-1.amazonaws.com/image@sha256:0" for name, variable in graph.variables.items()
             if variable.default is None}
    return {"source": f"./{folder.name}", **given}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_terraform_accepts_every_system_in_every_stage_and_tier(terraform_plugins: Path, tmp_path: Path) -> None:
    """One configuration with a module for each of them: one start of the provider instead of fifty."""
    modules = {}
    for folder, stage, tier in built():
        name = f"{folder}-{stage}-{tier}".replace("/", "-")
        modules[name] = as_module(subject(folder, stage, tier).graph, tmp_path / name)
    assert len(modules) >= 42
    (tmp_path / "main.tf.json").write_text(json.dumps({"module": modules}))
    shutil.copy(terraform_plugins / ".terraform.lock.hcl", tmp_path)
    environment = terraform_environment(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["terraform", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              timeout=500, check=False)

    done = run("init", "-backend=false", "-input=false", "-no-color")
    assert done.returncode == 0, done.stderr
    result = json.loads(run("validate", "-json").stdout)
    found = [f"{item['severity']}: {item['summary']}: {item.get('detail', '')} {(item.get('range') or {}).get('filename')}"
             for item in result["diagnostics"]]
    assert result["valid"] and not found, "\n".join(found[:20])
