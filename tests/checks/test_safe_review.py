"""The five systems, stage by stage and tier by tier: nothing is found that is not accepted with a reason."""

from __future__ import annotations

import pytest

from groundsill.checks.rule import Family
from groundsill.checks.rules import every_rule
from groundsill.checks.run import check

from .support import STAGES, TIERS, TODAY, system

SAFE = [rule for rule in every_rule() if rule.family is Family.SAFE]


@pytest.mark.parametrize(("name", "stage", "tier"), [
    (name, stage, tier) for name, stages in STAGES.items() for stage in stages for tier in TIERS])
def test_a_system_is_safe_or_says_why_not(name: str, stage: str, tier: str) -> None:
    report = check(system(name, stage, tier), SAFE, today=TODAY)
    assert not report.faults
    assert not report.misnamed
    assert not [(result.rule.id, result.subject, result.finding.detail) for result in report.results]
    assert all(len(result.suppression.reason) > 20 for result in report.suppressed if result.suppression)


@pytest.mark.parametrize("name", STAGES)
def test_no_reason_outlives_its_finding(name: str) -> None:
    report = check(system(name, "prod", "enterprise"), SAFE, today=TODAY)
    assert not [(item.rule, item.subject) for item in report.unused]


def test_the_account_of_a_system_is_safe_too() -> None:
    for tier in TIERS:
        assert not check(system("ai_nutritionist/account", "prod", tier), SAFE, today=TODAY).results


def test_every_rule_of_safety_says_why_what_to_do_and_which_page_says_so() -> None:
    for rule in SAFE:
        assert len(rule.rationale) > 20, rule.id
        assert len(rule.mend) > 5, rule.id
        assert not rule.title.endswith("."), rule.id
        assert rule.example or not rule.id.endswith("-"), rule.id
