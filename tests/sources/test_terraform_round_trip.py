"""What is synthesized and read back is what was defined: reading Terraform files is the inverse of writing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundsill.definition.running import load_system
from groundsill.sources.reading import read
from groundsill.terraform.synth import write
from tests.sources.graphs import differences, plain

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SYSTEMS.glob("*/system.py")))
def test_a_synthesized_system_is_read_back_as_it_was_defined_in_every_stage(name: str, tmp_path: Path) -> None:
    system = load_system(SYSTEMS / name)
    for stage in system.stages:
        defined = system.build(stage)
        write(defined, tmp_path / stage)
        source = read(tmp_path / stage, stage=stage)
        assert source.kind == "terraform"
        assert [item.render() for item in source.diagnostics] == []
        assert differences(defined, source.graph) == []
        assert source.graph.region == defined.region
        assert set(source.graph.providers) == set(defined.providers)
        assert {key: plain(output.value) for key, output in source.graph.outputs.items()} == {
            key: plain(output.value) for key, output in defined.outputs.items()}
        assert source.graph.variables.keys() == defined.variables.keys()
        assert source.graph.production is defined.production
