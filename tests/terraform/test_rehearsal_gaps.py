"""The list of gaps is true: each entry is still needed. One that is not must be taken off the list."""

from __future__ import annotations

from typing import Any

import pytest

from groundsill.graph import Graph, Resource
from groundsill.operate.rehearsal import GAPS, Report, rehearse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLES: dict[str, dict[str, Any]] = {}
"""The least of each type that is on the list."""


def test_every_gap_has_an_example_and_every_example_a_gap() -> None:
    assert set(EXAMPLES) == {gap.type for gap in GAPS}


@pytest.fixture(scope="module")
def report(terraform: None) -> Report:
    graph = Graph("gaps", "dev", "us-east-1")
    for type_, arguments in EXAMPLES.items():
        graph.add(Resource(type_, "gap", dict(arguments)))
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
