"""Tiers: the same definition differs between them exactly as the table says, and the page about it is current."""

from __future__ import annotations

from functools import reduce
from operator import or_

import pytest

from groundsill.definition.tier import TIERS
from tests import systems_reference, tiers_reference
from tests.tiers_reference import FIELDS, of_field, of_production, of_tier


@pytest.mark.parametrize(("lower", "higher"), [("basic", "standard"), ("standard", "enterprise"), ("basic", "enterprise")])
def test_tiers_differ_by_what_their_table_sets_and_by_nothing_else(lower: str, higher: str) -> None:
    differing = [field for field in FIELDS if getattr(TIERS[lower], field) != getattr(TIERS[higher], field)]
    assert of_tier(lower, higher) == reduce(or_, map(of_field, differing))


def test_every_tier_has_what_the_one_below_has() -> None:
    for lower, higher in (("basic", "standard"), ("standard", "enterprise")):
        for field in FIELDS:
            assert getattr(TIERS[lower], field) <= getattr(TIERS[higher], field)


def test_production_changes_only_how_data_is_kept() -> None:
    types = {type for type, _ in of_production()}
    assert {"aws_dynamodb_table", "aws_db_instance", "aws_rds_cluster", "aws_s3_bucket", "aws_lb"} <= types
    assert not types & {"aws_lambda_function", "aws_iam_role_policy", "aws_vpc_security_group_ingress_rule", "aws_kms_key"}


@pytest.mark.parametrize("reference", [tiers_reference, systems_reference], ids=["tiers", "systems"])
def test_the_page_is_current(reference: object) -> None:
    module = reference.__name__  # type: ignore[attr-defined]
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), f"run python -m {module}"  # type: ignore[attr-defined]
