"""What other programs read of a check is of the form that they expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Schema

from groundsill.checks.formats.sarif import sarif
from groundsill.checks.rules import every_rule
from groundsill.checks.run import Fault, Report, check
from groundsill.sources.reading import read

from .support import STAGES, SYSTEMS, TODAY, changed, rule, system


def of(report: Report, folder: Path = SYSTEMS) -> dict[str, Any]:
    return json.loads(json.dumps(sarif(report, folder, "1.2.3")))


@pytest.mark.parametrize("name", STAGES)
def test_sarif_of_a_whole_system_is_what_its_schema_says(name: str) -> None:
    """The schema of OASIS as classes: every property is known, of its type, and none that is required is missing."""
    report = check(system(name, "prod", "enterprise"), today=TODAY)
    assert report.suppressed and len(report.rules) > 400
    Schema.model_validate(of(report))


def test_sarif_of_findings_of_every_kind_is_what_its_schema_says(tmp_path: Path) -> None:
    text = 'terraform {\n  backend "local" {}\n}\nprovider "aws" {}\nresource "aws_sqs_queue" "q" {}\n'
    (tmp_path / "main.tf").write_text(text)
    found = check(read(tmp_path).graph, today=TODAY)
    assert any(result.finding.resource is None for result in found.results)
    found.faults.append(Fault(rule("tags-refused"), None, KeyError("x")))
    log = of(found, tmp_path)
    Schema.model_validate(log)
    place = next(item for item in log["runs"][0]["results"] if item["ruleId"] == "state-on-one-machine")["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "main.tf"
    assert place["physicalLocation"]["region"]["startLine"] == 2


def test_the_schema_refuses_what_it_does_not_know() -> None:
    log = of(check(changed("parrot", "dev"), [next(every_rule())], today=TODAY))
    for spoiled in ({**log, "version": "2.0.0"}, {**log, "more": 1}, {**log, "runs": [{"results": []}]}):
        with pytest.raises(ValidationError):
            Schema.model_validate(spoiled)
