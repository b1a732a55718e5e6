"""OpenMetabolics in both stages: every resource applied, the second plan empty, all destroyed, nothing left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundsill.operate.rehearsal import GAPS

SYSTEM = Path(__file__).resolve().parents[2] / "systems" / "open_metabolics"
STAGES = ("dev", "prod")
# Most of it is the provider waiting; the rest is for cores that other tests share.
LONGEST_SECONDS = 480
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def reports(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Both at the same time: most of it is the provider's waiting."""
    folder = tmp_path_factory.mktemp("rehearsals")
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for stage in STAGES:
            running[stage] = subprocess.Popen(
                [sys.executable, "-m", "groundsill", "rehearse", str(SYSTEM), "--stage", stage, "--json",
                 "--markdown", str(folder / f"{stage}.md")],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        found: dict[str, dict[str, Any]] = {}
        for stage, process in running.items():
            output, errors = process.communicate(timeout=LONGEST_SECONDS)
            assert output, errors
            found[stage] = {**json.loads(output), "code": process.returncode, "errors": errors}
        yield found
    finally:
        for process in running.values():
            process.kill()


@pytest.mark.parametrize("stage", STAGES)
def test_every_resource_comes_through_wholly_clean(reports: dict[str, dict[str, Any]], stage: str) -> None:
    report = reports[stage]
    not_clean = [item for item in report["resources"] if item["outcome"] != "clean"]
    known = {gap.type for gap in GAPS}
    assert [item for item in not_clean if item["type"] not in known] == []
    assert (report["code"], report["passed"], report["problems"]) == (0, True, []), report["errors"]
    assert report["unneeded_gaps"] == []
    assert len(report["resources"]) > 180


def test_prod_is_destroyed_only_after_its_protections_are_lifted_and_each_is_named(
    reports: dict[str, dict[str, Any]],
) -> None:
    lifted = reports["prod"]["protections_lifted"]
    assert "aws_dynamodb_table.energy_results: deletion_protection_enabled" in lifted
    assert "aws_lb.front: enable_deletion_protection" in lifted
    assert "aws_cognito_user_pool.users: deletion_protection" in lifted
