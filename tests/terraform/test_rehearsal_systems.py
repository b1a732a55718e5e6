"""The five systems in `dev` and `prod`: every resource applied, the second plan empty, all destroyed, nothing left.

The three smaller systems always, all five where ``GROUNDSILL_REHEARSE=all`` says so: see CONTRIBUTING.md, "Tests".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from groundsill.operate.rehearsal import GAPS

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"
ALL = [(system, stage) for stage in ("dev", "prod")
       for system in ("multitask", "ai_nutritionist", "image_understander", "open_metabolics", "parrot")]
"""The longest first, so that none of them is alone at the end."""
AT_ONCE = 3
"""Most of a rehearsal is the provider's waiting; each takes about 1 GB of memory, and at times a core."""
LONGEST_SECONDS = 1500
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
LARGE = 200
"""Resources from which on a system takes about two minutes of two cores a stage."""
LEAST = {"multitask": 420, "ai_nutritionist": 250, "image_understander": 125, "open_metabolics": 180, "parrot": 95}
"""Resources of a system in its smallest stage, at least."""


def _rehearsed() -> list[tuple[str, str]]:
    everything = os.environ.get("GROUNDSILL_REHEARSE") == "all"
    return [(system, stage) for system, stage in ALL if everything or LEAST[system] < LARGE]


@pytest.fixture(scope="module")
def reports(terraform: None, request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], dict[str, Any]]]:
    """Those that a selected test asks for, at the same time as far as the machine goes."""
    selected = [pair for pair in _rehearsed() if any("-".join(pair) in item.nodeid for item in request.session.items)]
    running: list[subprocess.Popen[str]] = []

    def rehearse(pair: tuple[str, str]) -> tuple[tuple[str, str], dict[str, Any]]:
        system, stage = pair
        process = subprocess.Popen(
            [sys.executable, "-m", "groundsill", "rehearse", str(SYSTEMS / system), "--stage", stage, "--json",
             "--timeout", str(LONGEST_SECONDS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        output, errors = process.communicate()
        return pair, {**(json.loads(output) if output else {}), "code": process.returncode, "errors": errors}

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield dict(pool.map(rehearse, selected))
    finally:
        for process in running:
            process.kill()


def _is_said_not_to_have_run(item: dict[str, Any]) -> bool:
    """A migration whose database or container is not on this machine: the report has to say so."""
    return item["type"] in ("aws_lambda_invocation", "terraform_data") and str(item["left_out"]).startswith("it was not run: ")


@pytest.mark.parametrize(("system", "stage"), _rehearsed(), ids=map("-".join, _rehearsed()))
def test_every_resource_comes_through_wholly_clean(
    reports: dict[tuple[str, str], dict[str, Any]], system: str, stage: str,
) -> None:
    report = reports[system, stage]
    assert "resources" in report, report
    known = {gap.type for gap in GAPS}
    not_clean = [item for item in report["resources"]
                 if item["outcome"] != "clean" and item["type"] not in known and not _is_said_not_to_have_run(item)]
    assert [(item["address"], item["errors"], item["second_plan_changes"], item["left"]) for item in not_clean] == []
    assert (report["code"], report["passed"], report["problems"]) == (0, True, []), report["errors"]
    assert report["unneeded_gaps"] == []
    assert len(report["resources"]) >= LEAST[system]


@pytest.mark.parametrize(("system", "stage"), [("open_metabolics", "prod")], ids=["open_metabolics-prod"])
def test_prod_is_destroyed_only_after_its_protections_are_lifted_and_each_is_named(
    reports: dict[tuple[str, str], dict[str, Any]], system: str, stage: str,
) -> None:
    lifted = reports[system, stage]["protections_lifted"]
    assert "aws_dynamodb_table.energy_results: deletion_protection_enabled" in lifted
    assert "aws_lb.front: enable_deletion_protection" in lifted
    assert "aws_cognito_user_pool.users: deletion_protection" in lifted
