"""Budgets: can they be kept at all?"""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import number
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)


@RULES.rule(
    "budget-below-fixed-cost", Severity.MEDIUM, "the budget is less than the system costs while nobody uses it",
    types=("aws_budgets_budget",),
    rationale="Hours of gateways, load balancers, databases and caches are paid without a single request: a budget below "
              "their sum is exceeded every month, and its mails are soon ignored.",
    mend="set the budget by `groundsill cost`, or choose smaller and fewer of what costs by the hour",
    example="limit_amount = \"100\" with an Aurora cluster of at least 2 ACUs",
)
def fixed(context: Context, budget: Resource) -> Found:
    limit = number(context.view.get(budget, "limit_amount"))
    monthly = context.view.get(budget, "time_unit") == "MONTHLY" and context.view.get(budget, "budget_type") == "COST"
    if limit is None or not monthly:
        return
    least = context.least_cost
    if least is not None and least > limit:
        yield Finding(budget, f"the limit is {limit:g} USD, and the system costs {least:.2f} USD a month at least",
                      attribute="limit_amount")
