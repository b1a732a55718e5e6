"""Terraform takes the definition of every stage, in every tier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from an_support.defined import STAGES, graph

from groundsill.terraform.synth import write

Validate = Callable[[Path], list[dict[str, Any]]]
OTHER: tuple[dict[str, Any], ...] = (
    {"tier": "basic"}, {"tier": "standard"},
    {"domain": "nutrition.example", "region": "eu-central-1", "sms_provider": "aws", "enable_guardrail": True},
    {"network": "existing", "vpc_id": "vpc-0123456789abcdef0",
     "subnet_ids": ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")},
)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["", "account"], ids=["service", "account"])
@pytest.mark.parametrize("stage", STAGES)
def test_terraform_takes_every_stage(folder: str, stage: str, tmp_path: Path, terraform_validate: Validate) -> None:
    write(graph(stage, folder=folder), tmp_path)
    assert terraform_validate(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", OTHER, ids=["basic", "standard", "other-region-and-provider", "existing-network"])
def test_terraform_takes_production_with_other_settings(
    settings: dict[str, Any], tmp_path: Path, terraform_validate: Validate,
) -> None:
    write(graph("prod", **settings), tmp_path)
    assert terraform_validate(tmp_path) == []


@pytest.mark.slow
def test_terraform_takes_an_account_with_everything_on(tmp_path: Path, terraform_validate: Validate) -> None:
    write(graph("prod", folder="account", activate_cost_tags=True, log_model_calls=True), tmp_path)
    assert terraform_validate(tmp_path) == []
