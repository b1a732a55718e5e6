"""Budgets: can they be kept at all?"""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import document, each, mapping, number
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


@RULES.rule(
    "cost-tag-not-activated", Severity.LOW, "costs are looked at by a tag that AWS does not yet count by",
    types=("aws_budgets_budget", "aws_ce_anomaly_monitor"),
    rationale="A tag is there for budgets and anomalies only once it is activated as a cost allocation tag, which takes a day "
              "and says nothing of the past; until then the budget sees no spending (AWS Billing User Guide, \"Activating "
              "user-defined cost allocation tags\").",
    mend="add an aws_ce_cost_allocation_tag for the key, or activate it in the account that pays",
    example="cost_filter of user:Project$shop without aws_ce_cost_allocation_tag",
)
def inactive(context: Context, watcher: Resource) -> Found:
    active = {context.view.get(item, "tag_key") for item in context.of_type("aws_ce_cost_allocation_tag")
              if context.view.get(item, "status") == "Active"}
    for key in sorted(_tag_keys(context, watcher)):
        if key not in active and not key.startswith("aws:"):
            yield Finding(watcher, f"it looks at the tag {key}, and no aws_ce_cost_allocation_tag activates it")


def _tag_keys(context: Context, watcher: Resource) -> set[str]:
    """Keys of tags that a budget or a monitor filters by: ``user:Project$shop`` in one, ``{"Tags": {"Key": ...}}`` in other."""
    found = {key for block in context.view.blocks(watcher, "cost_filter") if block.get("name") == "TagKeyValue"
             for value in each(block.get("values")) if isinstance(value, str)
             and (key := value.partition("$")[0].removeprefix("user:"))}
    content = mapping(document(context.view.get(watcher, "monitor_specification")))
    for part in (content, *each(content.get("And")), *each(content.get("Or"))):
        key = mapping(mapping(part).get("Tags")).get("Key")
        if isinstance(key, str):
            found.add(key.removeprefix("user:"))
    return found
