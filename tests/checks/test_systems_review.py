"""The five systems in every stage and tier, asked everything: what is found is right, known, and never high."""

from __future__ import annotations

import pytest

from groundsill.checks.rule import Severity
from groundsill.checks.rules import every_rule
from groundsill.checks.run import Report, check
from groundsill.cost.estimate import estimate

from .support import STAGES, TIERS, TODAY, changed, rule, system

# What a reviewer looked at one by one and called right, outside of production at enterprise: rule, system, and why it stays.
KNOWN = {
    ("reserved-concurrency-outside-production", "ai_nutritionist"): "AN-R15 to R22 fix the reservations; a setting lifts them",
    ("one-nat-gateway-for-many-zones", "ai_nutritionist"): "tier standard saves a gateway; enterprise has one a zone",
    ("one-nat-gateway-for-many-zones", "parrot"): "tier basic saves a gateway; standard has one a zone",
    ("budget-below-fixed-cost", "ai_nutritionist"): "AN-R04 fixes the budgets; networks of other tiers cost more than dev's 50",
    ("budget-below-fixed-cost", "multitask"): "MT-R68 fixes 100 for dev, and MT-T11 says what comes of it",
}


def asked(name: str, stage: str, tier: str) -> Report:
    return check(system(name, stage, tier), today=TODAY, cost=lambda graph: estimate(graph).total.low)


@pytest.mark.parametrize(
    ("name", "stage", "tier"), [(name, stage, tier) for name, stages in STAGES.items() for stage in stages for tier in TIERS]
)
def test_nothing_is_found_that_a_reviewer_would_call_false(name: str, stage: str, tier: str) -> None:
    report = asked(name, stage, tier)
    assert not report.faults and not report.misnamed
    assert not [(item.rule.id, item.finding.detail) for item in report.at_least(Severity.HIGH)]
    new = [(item.rule.id, item.subject, item.finding.detail) for item in report.results if (item.rule.id, name) not in KNOWN]
    assert not new


@pytest.mark.parametrize("name", STAGES)
def test_production_at_enterprise_has_no_finding_without_a_reason(name: str) -> None:
    report = asked(name, "prod", "enterprise")
    assert not [(item.rule.id, item.finding.detail) for item in report.results]
    assert all(item.suppression and len(item.suppression.reason) > 20 for item in report.suppressed)
    assert not [(item.rule, item.subject) for item in report.unused]


def test_every_rule_has_a_name_of_its_own_and_says_why_and_what_to_do() -> None:
    rules = list(every_rule())
    names = [rule.id for rule in rules]
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})
    for item in rules:
        assert len(item.rationale) > 20 and len(item.mend) > 3 and not item.title.endswith("."), item.id
        assert item.id == item.id.lower() and " " not in item.id
        if item.family != "safe":
            assert item.example, item.id


@pytest.mark.requirement("MT-T11", "MT-C15")
@pytest.mark.requirement("AN-T08", "AN-C04")
def test_a_budget_that_cannot_be_kept_is_found() -> None:
    for name, limit in (("multitask", "100"), ("ai_nutritionist", "50")):
        budget = system(name, "prod").of_type("aws_budgets_budget")[0]
        faulty = changed(name, "prod", {f"{budget.address}.limit_amount": limit})
        (result,) = check(faulty, [rule("budget-below-fixed-cost")], cost=lambda graph: estimate(graph).total.low).results
        assert f"the limit is {limit} USD, and the system costs" in result.finding.detail
        assert not check(faulty, [rule("budget-below-fixed-cost")]).results, "nobody reckoned"
        whole = check(system(name, "prod"), [rule("budget-below-fixed-cost")], cost=lambda graph: estimate(graph).total.low)
        assert not whole.results
