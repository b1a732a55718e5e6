"""The list of gaps is true: each entry is still needed. One that is not must be taken off the list."""

from __future__ import annotations

import pytest

from groundsill.graph import Graph, Resource
from groundsill.operate.rehearsal import GAPS, Report, rehearse
from tests.terraform.gap_examples import EXAMPLES, NEEDED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_gap_has_an_example_and_every_example_a_gap() -> None:
    assert set(EXAMPLES) == {gap.type for gap in GAPS}


@pytest.fixture(scope="module")
def report(terraform: None) -> Report:
    graph = Graph("gaps", "dev", "us-east-1")
    for address, arguments in NEEDED.items():
        graph.add(Resource(*address.split(".", 1), dict(arguments)))
    for type_, example in EXAMPLES.items():
        arguments = {name: value for name, value in example.items() if name != "depends_on"}
        graph.add(Resource(type_, "gap", arguments, depends_on=tuple(example.get("depends_on", ()))))
    assert not graph.problems().errors
    return rehearse(graph, gaps=())


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap.type}-{gap.step}")
def test_the_gap_is_still_there(report: Report, gap) -> None:
    item = next(item for item in report.resources if item.type == gap.type)
    if gap.step == "apply":
        assert any(error.startswith("apply: ") for error in item.errors), f"{gap} is mended: take it off the list"
    elif gap.step == "plan":
        assert any(gap.covers(gap.type, path) for path in item.changed), f"{gap} is mended: take it off the list"
    else:
        assert item.applied and not item.destroyed, f"{gap} is mended: take it off the list"
