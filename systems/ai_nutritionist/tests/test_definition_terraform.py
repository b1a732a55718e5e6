"""Terraform takes the definition with other settings than its stages have; `tests/test_systems_terraform.py` has those."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from an_support.defined import graph

from groundsill.terraform.synth import write

Validate = Callable[[Path], list[dict[str, Any]]]
OTHER: tuple[dict[str, Any], ...] = (
    {"domain": "nutrition.example", "region": "eu-central-1", "sms_provider": "aws", "enable_guardrail": True},
    {"network": "existing", "vpc_id": "vpc-0123456789abcdef0",
     "subnet_ids": ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")},
)


@pytest.mark.slow
@pytest.mark.parametrize("settings", OTHER, ids=["other-region-and-provider", "existing-network"])
def test_terraform_takes_production_with_other_settings(
    settings: dict[str, Any], tmp_path: Path, terraform_validate: Validate,
) -> None:
    write(graph("prod", **settings), tmp_path)
    assert terraform_validate(tmp_path) == []


@pytest.mark.slow
def test_terraform_takes_an_account_with_everything_on(tmp_path: Path, terraform_validate: Validate) -> None:
    write(graph("prod", folder="account", activate_cost_tags=True, log_model_calls=True), tmp_path)
    assert terraform_validate(tmp_path) == []
