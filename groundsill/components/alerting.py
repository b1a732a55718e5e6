"""Alarms of a whole system and where they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.metrics import Metric
from groundsill.components.roles import require
from groundsill.components.topics import Topic
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Broken, Reference, Resource, did_you_mean

_ABOVE, _BELOW = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
_STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")  # CloudWatch API: PutMetricAlarm, Statistic


class Alerts(Component):
    """Topics that operators subscribe to, and an alarm for everything of the system that should wake them.

    Each component says what is worth an alarm: dead letters, waiting messages, failing functions, server errors,
    unhealthy targets, missing tasks. Declared anywhere in the definition, it covers all of it.

    Arguments:
        component: unique in the system.
        email: address that alarms are mailed to; AWS asks it for confirmation. Default none: subscribe by hand.
        name: topic name that AWS sees; default from the system's name pattern.
        severities: a topic for each, from the gravest, for example ``("critical", "warning", "info")``; default one
            topic for all. An alarm whose severity has no topic goes to the first.

    Verbs for `uses`: ``publish``, to every topic. Passes the ARN of each as ``<NAME>_<SEVERITY>_TOPIC_ARN``.

    Resources created: ``aws_sns_topic`` and ``aws_sns_topic_policy`` for each severity, an
    ``aws_cloudwatch_metric_alarm`` for each alarm, and ``aws_sns_topic_subscription`` with an address.

    Costs: per alarm and month.

    Example:
        ``Alerts("alerts", email=stage.setting("alert_email"))``
    """

    def __init__(
        self, component: str, /, *, email: str | None = None, name: str | None = None, severities: Sequence[str] = (),
    ) -> None:
        super().__init__(component)
        first = self.building.shared.setdefault("alerts", self)
        if first is not self:
            raise Mistake("GS1397", "a system has one Alerts", f"{first.subject} is there, and both would raise every alarm",
                          "subscribe further addresses to its topic")
        emails = [email] if email else []
        self._topics: dict[str, Topic] = {
            severity: Topic(f"{component}-{severity}", name=f"{name}-{severity}" if name else None, emails=emails)
            for severity in severities
        } or {"": Topic(component, name=name, emails=emails)}
        for topic in self._topics.values():
            topic.accept("cloudwatch.amazonaws.com", "AlarmsPublish")
        self.resource: Resource = next(iter(self._topics.values())).resource
        self.building.at_end.append(self._raise_alarms)

    @property
    def arn(self) -> Reference:
        """ARN of the topic; of the gravest one's where there are several."""
        return self.resource["arn"]

    def topic(self, severity: str) -> Topic:
        """The topic of a severity.

        Raises:
            Mistake: where there is none.
        """
        if severity not in self._topics and "" not in self._topics:
            raise Mistake("GS1606", f"{self.subject} has no severity {severity!r}",
                          mend=did_you_mean(severity, self._topics, what="It has"))
        return self._topics.get(severity) or self._topics[""]

    @property
    def publish(self) -> Grant:
        """Send notices of the system's own, for example a daily summary."""
        topics = self._topics
        statements = [Statement(("sns:Publish",), tuple(topic.arn for topic in topics.values()))]
        key = next(iter(topics.values())).encryption
        if key:
            statements.append(key.write_statement())
        return Grant(self.name, "publish", tuple(statements),
                     {environment_name(self.name, severity, "topic-arn"): topic.arn for severity, topic in topics.items()})

    @step
    def watch(
        self, name: str, metric: Metric | Sequence[Metric], /, *, above: float | None = None, below: float | None = None,
        formula: str | None = None, period: int = 300, periods: int = 1, severity: str | None = "critical",
        description: str = "", missing: str = "notBreaching",
    ) -> Resource:
        """Raise an alarm of the system's own.

        Arguments:
            name: unique in the component, for example ``"slow-api"``.
            metric: what is measured; several with a formula.
            above: the alarm is raised at this value and above it; else ``below``.
            below: the alarm is raised below this value.
            formula: CloudWatch metric math over ``m1``, ``m2``, ..., for example ``"100 * m1 / (m1 + m2)"``.
            period: seconds that one data point covers, default 300.
            periods: data points in a row that must breach, default 1.
            severity: whom it is sent to, default ``critical``; None tells nobody: for a `CompositeAlarm`.
            description: what it means and what to do.
            missing: what missing data means, default ``notBreaching``.

        Returns:
            The alarm.
        """
        metrics = [metric] if isinstance(metric, Metric) else list(metric)
        if any(isinstance(item, Broken) for item in metrics):
            return Broken()  # pyright: ignore[reportReturnType]
        for item in metrics:
            require(item, Metric, "metric", self)
        if (above is None) == (below is None):
            raise Mistake("GS1607", f"the alarm `{name}` needs one of `above` and `below`",
                          mend="write for example above=500")
        if (formula is None) != (len(metrics) == 1):
            raise Mistake("GS1608", f"the alarm `{name}` has {len(metrics)} metrics and "
                          f"{'no formula' if formula is None else 'the formula ' + shown(formula)}",
                          mend="give one metric, or several with a formula over m1, m2, ...")
        actions = [self.topic(severity).arn] if severity else None
        return aws.cloudwatch_metric_alarm(
            self.terraform_name(name), alarm_name=self.physical_name("aws_cloudwatch_metric_alarm", part=name),
            alarm_description=description or None, comparison_operator=_BELOW if above is None else _ABOVE,
            threshold=below if above is None else above, evaluation_periods=periods, treat_missing_data=missing,
            alarm_actions=actions, ok_actions=actions, **_measured(metrics, formula, period),
        )

    def _raise_alarms(self) -> None:
        for component in list(self.building.components.values()):
            for alarm in component.alarms():
                with component.lowering():
                    self._alarm(component, alarm)

    def _alarm(self, component: Component, alarm: Alarm) -> None:
        topic = self._topics.get(alarm.severity) or next(iter(self._topics.values()))
        aws.cloudwatch_metric_alarm(
            component.terraform_name(alarm.name),
            alarm_name=component.physical_name("aws_cloudwatch_metric_alarm", part=alarm.name),
            alarm_description=alarm.description,
            comparison_operator=alarm.comparison, threshold=alarm.threshold,
            evaluation_periods=alarm.periods, treat_missing_data=alarm.missing,
            alarm_actions=[topic.arn], ok_actions=[topic.arn],
            **_measured([Metric(alarm.namespace, alarm.metric, alarm.dimensions, alarm.statistic)], None, alarm.period),
        )


def _measured(metrics: Sequence[Metric], formula: str | None, period: int) -> dict[str, Any]:
    """What an alarm measures, in the form that it takes: one metric, or several with a formula."""
    if formula is None:
        (metric,) = metrics
        statistic = "statistic" if metric.statistic in _STATISTICS else "extended_statistic"
        return {"namespace": metric.namespace, "metric_name": metric.name, "dimensions": dict(metric.dimensions),
                "period": period, statistic: metric.statistic}
    queries: list[dict[str, Any]] = [
        {"id": f"m{number}", "return_data": False, "metric": {
            "namespace": metric.namespace, "metric_name": metric.name, "dimensions": dict(metric.dimensions),
            "period": period, "stat": metric.statistic}}
        for number, metric in enumerate(metrics, start=1)
    ]
    return {"metric_query": [*queries, {"id": "result", "expression": formula, "label": "result", "return_data": True}]}


class CompositeAlarm(Component):
    """An alarm over alarms: raised when any of some is, or when all of some are, so that one cause wakes people once.

    Arguments:
        component: unique in the system.
        alerts: the `Alerts` that it is sent through.
        any: alarms of which one is enough.
        all: alarms that must be raised together with it; default none.
        severity: which topic hears of it, default ``critical``.
        description: what it means and what to do.

    Resources created: ``aws_cloudwatch_composite_alarm``.

    Costs: per composite alarm and month.

    Example:
        ``CompositeAlarm("attack", alerts, any=[alerts.watch("blocked", acl.blocked, above=1000, severity=None)])``
    """

    def __init__(
        self, component: str, alerts: Alerts, /, *, any: Sequence[Resource] = (), all: Sequence[Resource] = (),
        severity: str = "critical", description: str = "",
    ) -> None:
        super().__init__(component)
        require(alerts, Alerts, "alerts", self)
        groups = [[f'ALARM("{alarm["alarm_name"]}")' for alarm in group] for group in (any, all)]
        parts = [f"({word.join(group)})" for word, group in zip((" OR ", " AND "), groups, strict=True) if group]
        if not parts:
            raise Mistake("GS1609", "a composite alarm over no alarms", mend="give it alarms, for example any=[slow, failing]")
        topic = alerts.topic(severity)
        self.resource = aws.cloudwatch_composite_alarm(
            self.terraform_name(), alarm_name=self.physical_name("aws_cloudwatch_metric_alarm"),
            alarm_description=description or None, alarm_rule=" AND ".join(parts), alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
        )
