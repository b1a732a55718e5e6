"""Check, cost and draw work on Terraform's own files and plans as they do on a definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundsill.checks.run import check
from groundsill.cost.estimate import estimate
from groundsill.diagram.draw import picture_of
from groundsill.sources.reading import read

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("path", ["shop", "plan.json", "state.json"])
def test_each_reader_has_something_to_say_of_terraform(path: str) -> None:
    graph = read(FIXTURES / path, stage="prod").graph
    assert check(graph).results
    assert estimate(graph).lines
    assert picture_of(graph)[0].nodes


def test_what_is_wrong_in_the_files_is_found_and_what_is_right_is_not() -> None:
    report = check(read(FIXTURES / "shop", stage="prod").graph)
    found = {(result.rule.id, result.finding.resource.address) for result in report.results if result.finding.resource}
    assert ("security-group-open-to-the-world", 'module.service["api"].aws_security_group.this') in found
    assert not [item for item in found if item[0] == "name-refused"]  # names of FIFO queues end in .fifo
