"""What the AWS API keeps without running it, by the real provider: made, found the same, taken away, nothing left."""

from __future__ import annotations

import pytest

from groundsill.graph import Graph, Resource
from groundsill.operate.rehearsal import Report, rehearse
from tests.terraform.kept_types import EXAMPLES, NEEDED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def report(terraform: None) -> Report:
    graph = Graph("kept", "dev", "us-east-1")
    for address, arguments in NEEDED.items():
        graph.add(Resource(*address.split(".", 1), dict(arguments)))
    for type_, example in EXAMPLES.items():
        arguments = {name: value for name, value in example.items() if name != "depends_on"}
        graph.add(Resource(type_, "kept", arguments, depends_on=tuple(example.get("depends_on", ()))))
    assert not graph.problems().errors
    return rehearse(graph, gaps=())


@pytest.mark.parametrize("type_", EXAMPLES)
def test_the_type_is_made_read_back_the_same_and_destroyed(report: Report, type_: str) -> None:
    item = next(item for item in report.resources if item.type == type_)
    assert (item.applied, item.destroyed, item.remark) == (True, True, "; ".join(item.notes)), item.remark


def test_nothing_else_went_wrong(report: Report) -> None:
    assert report.passed, report.to_markdown()


def test_what_outlives_its_destroy_on_aws_too_is_said(report: Report) -> None:
    noted = {item.type for item in report.resources if item.notes}
    assert noted == {"aws_backup_region_settings", "aws_ce_cost_allocation_tag", "aws_xray_encryption_config"} | (
        noted & {"aws_sns_sms_preferences"})
