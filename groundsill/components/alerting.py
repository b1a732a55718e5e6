"""Alarms of a whole system and where they are sent."""

from __future__ import annotations

from typing import Any

from groundsill import aws
from groundsill.components.roles import policy_document
from groundsill.definition.component import Component
from groundsill.graph import Reference, Resource


class Alerts(Component):
    """A topic that operators subscribe to, and an alarm for everything of the system that should wake them.

    Each component says what is worth an alarm: dead letters, waiting messages, failing functions, server errors,
    unhealthy targets, missing tasks. Declared anywhere in the definition, it covers all of it.

    Arguments:
        component: unique in the system.
        email: address that alarms are mailed to; AWS asks it for confirmation. Default none: subscribe by hand.
        name: topic name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_sns_topic``, ``aws_sns_topic_policy``, an ``aws_cloudwatch_metric_alarm`` for each alarm,
    and ``aws_sns_topic_subscription`` with an address.

    Costs: per alarm and month.

    Example:
        ``Alerts("alerts", email=stage.setting("alert_email"))``
    """

    def __init__(self, component: str, /, *, email: str | None = None, name: str | None = None) -> None:
        super().__init__(component)
        # Encryption with AWS's own key would keep CloudWatch from publishing: its key policy names no services.
        self.resource: Resource = aws.sns_topic(self.terraform_name(), name=self.physical_name("aws_sns_topic", name))
        aws.sns_topic_policy(
            self.terraform_name(), arn=self.arn,
            policy=policy_document([
                {"Sid": "AlarmsPublish", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"},
                 "Action": "sns:Publish", "Resource": self.arn,
                 "Condition": {"StringEquals": {"aws:SourceAccount": _account()}}},
                {"Sid": "EncryptedOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sns:Publish",
                 "Resource": self.arn, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            ]),
        )
        if email:
            aws.sns_topic_subscription(self.terraform_name("email"), topic_arn=self.arn, protocol="email", endpoint=email)
        self.building.at_end.append(self._raise_alarms)

    @property
    def arn(self) -> Reference:
        """ARN of the topic."""
        return self.resource["arn"]

    def _raise_alarms(self) -> None:
        for component in list(self.building.components.values()):
            for alarm in component.alarms():
                with component.lowering():
                    self._alarm(component, alarm)

    def _alarm(self, component: Component, alarm: Any) -> None:
        aws.cloudwatch_metric_alarm(
            component.terraform_name(alarm.name),
            alarm_name=component.physical_name("aws_cloudwatch_metric_alarm", part=alarm.name),
            alarm_description=alarm.description,
            namespace=alarm.namespace, metric_name=alarm.metric, dimensions=dict(alarm.dimensions),
            statistic=alarm.statistic, comparison_operator=alarm.comparison, threshold=alarm.threshold,
            period=alarm.period, evaluation_periods=alarm.periods, treat_missing_data=alarm.missing,
            alarm_actions=[self.arn], ok_actions=[self.arn],
        )


def _account() -> Reference:
    from groundsill.components.keys import account_id

    return account_id()
