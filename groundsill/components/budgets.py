"""What a stage may cost, and who is told when it costs more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundsill import aws
from groundsill.components.alerting import Alerts
from groundsill.components.roles import require
from groundsill.definition.component import Component, Mistake
from groundsill.graph import JsonDocument

_MOST_THRESHOLDS = 4  # AWS Budgets API: CreateBudget takes up to five notifications; the forecast is one of them
_FREQUENCIES = ("DAILY", "IMMEDIATE", "WEEKLY")  # AWS Cost Explorer API: AnomalySubscription, Frequency


def _tag_of_system(component: Component) -> tuple[str, str]:
    """The cost-allocation tag, and its value, that everything of this system carries."""
    return "System", component.building.system


class Budget(Component):
    """A monthly budget of everything that carries this system's tag, with notices on the way to its limit.

    It counts what the tag ``System`` marks, from the day that the tag is activated as a cost-allocation tag in the account
    that pays (see `CostTags`). Stages that share an account are counted together: AWS Budgets filters by one tag alone.

    Arguments:
        component: unique in the system.
        limit: US dollars a month.
        thresholds: per cent of the limit at which somebody is told, default 50, 80 and 100; at most 4.
        emails: addresses that are told; AWS takes at most 10.
        alerts: the `Alerts` that are told as well; default none.
        severity: topic of the alerts, default ``warning``.
        forecast: whether to tell too when the month is expected to end above the limit, default True.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_budgets_budget``.

    Costs: nothing: notices are free.

    Example:
        ``Budget("monthly", limit=200, emails=[stage.setting("finance_email")])``
    """

    def __init__(
        self, component: str, /, *, limit: float, thresholds: Sequence[int] = (50, 80, 100), emails: Sequence[str] = (),
        alerts: Alerts | None = None, severity: str = "warning", forecast: bool = True, name: str | None = None,
    ) -> None:
        super().__init__(component)
        if limit <= 0:
            raise Mistake("GS1620", f"a budget of {limit} US dollars", mend="give what a month may cost, for example limit=50")
        if not thresholds or len(thresholds) > _MOST_THRESHOLDS or any(percent <= 0 for percent in thresholds):
            raise Mistake("GS1621", f"a budget tells at 1 to {_MOST_THRESHOLDS} thresholds, in per cent, not at "
                          f"{list(thresholds)}", mend="write for example thresholds=(50, 80, 100)")
        topics: list[Any] = []
        if alerts is not None:
            require(alerts, Alerts, "alerts", self)
            topic = alerts.topic(severity)
            topic.accept("budgets.amazonaws.com", "BudgetsPublish")
            topics = [topic.arn]
        if not emails and not topics:
            raise Mistake("GS1622", "a budget that tells nobody", mend="give it emails=[...] or alerts=...")
        told = {"subscriber_email_addresses": list(emails) or None, "subscriber_sns_topic_arns": topics or None,
                "comparison_operator": "GREATER_THAN", "threshold_type": "PERCENTAGE"}
        notices: list[Any] = [{"threshold": percent, "notification_type": "ACTUAL", **told} for percent in thresholds]
        if forecast:
            notices.append({"threshold": 100, "notification_type": "FORECASTED", **told})
        self.resource = aws.budgets_budget(
            self.terraform_name(), name=self.physical_name("aws_budgets_budget", name), budget_type="COST",
            limit_amount=str(limit), limit_unit="USD", time_unit="MONTHLY",
            cost_filter=[{"name": "TagKeyValue", "values": ["user:{}${}".format(*_tag_of_system(self))]}],
            notification=notices,
        )


class CostAnomalies(Component):
    """AWS learns what this system usually costs and tells when it suddenly costs more.

    Arguments:
        component: unique in the system.
        above: US dollars of unexpected cost from which somebody is told, default 20.
        emails: addresses that are told.
        frequency: ``DAILY`` (default) or ``WEEKLY`` for mail; notices through ``alerts`` are sent at once.
        alerts: the `Alerts` that are told instead of addresses; default none.
        severity: topic of the alerts, default ``warning``.

    Resources created: ``aws_ce_anomaly_monitor``, ``aws_ce_anomaly_subscription``.

    Costs: nothing.

    Example:
        ``CostAnomalies("surprises", emails=[stage.setting("finance_email")])``
    """

    def __init__(
        self, component: str, /, *, above: float = 20, emails: Sequence[str] = (), frequency: str = "DAILY",
        alerts: Alerts | None = None, severity: str = "warning",
    ) -> None:
        super().__init__(component)
        if frequency not in _FREQUENCIES:
            raise Mistake("GS1623", f"unknown frequency {frequency!r}", mend=f"known: {', '.join(_FREQUENCIES)}")
        key, value = _tag_of_system(self)
        monitor = aws.ce_anomaly_monitor(
            self.terraform_name(), name=self.physical_name("aws_ce_anomaly_monitor"), monitor_type="CUSTOM",
            monitor_specification=JsonDocument({
                "And": None, "CostCategories": None, "Dimensions": None, "Not": None, "Or": None,
                "Tags": {"Key": key, "MatchOptions": None, "Values": [value]},
            }),
        )
        told: Any
        if alerts is not None:
            require(alerts, Alerts, "alerts", self)
            topic = alerts.topic(severity)
            topic.accept("costalerts.amazonaws.com", "AnomaliesPublish")
            # Cost anomaly detection sends to topics at once only: AWS Cost Management user guide, "Creating your ...".
            frequency, told = "IMMEDIATE", [{"type": "SNS", "address": topic.arn}]
        elif emails:
            told = [{"type": "EMAIL", "address": address} for address in emails]
        else:
            raise Mistake("GS1622", "anomalies that nobody is told of", mend="give it emails=[...] or alerts=...")
        self.resource = aws.ce_anomaly_subscription(
            self.terraform_name(), name=self.physical_name("aws_ce_anomaly_monitor"), frequency=frequency,
            monitor_arn_list=[monitor["arn"]], subscriber=told,
            threshold_expression={"dimension": {
                "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "values": [str(above)],
                "match_options": ["GREATER_THAN_OR_EQUAL"]}},
        )


class CostTags(Component):
    """Activates tags as cost-allocation tags, which budgets and cost reports of a system need. One for an account.

    AWS knows a tag about a day after a resource first carried it, and refuses to activate it before.

    Arguments:
        component: unique in the system.
        tags: tag keys, default the ones that every resource of a system carries.

    Resources created: ``aws_ce_cost_allocation_tag``.

    Costs: nothing.

    Example:
        ``CostTags("cost-tags")``
    """

    def __init__(self, component: str, /, *, tags: Sequence[str] = ("System", "Stage", "Component")) -> None:
        super().__init__(component)
        if not tags:
            raise Mistake("GS1624", "no tag to activate", mend="leave `tags` out for those of the system")
        made = [aws.ce_cost_allocation_tag(self.terraform_name(tag), tag_key=tag, status="Active") for tag in tags]
        self.resource = made[0]
