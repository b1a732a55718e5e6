"""EventBridge: buses, rules with targets, archives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.functions import Function
from groundsill.components.queues import Queue
from groundsill.components.roles import require
from groundsill.components.topics import Topic
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name, identifier
from groundsill.graph import JsonDocument, Reference

_MOST_TARGETS = 5  # Amazon EventBridge quotas: targets per rule
_MOST_RETRIES, _SHORTEST_AGE, _LONGEST_AGE = 185, 60, 86_400  # EventBridge API: RetryPolicy
_SCHEDULE = re.compile(r"rate\(\d+ (minute|minutes|hour|hours|day|days)\)|cron\(.+\)")


class EventBus(Component):
    """A bus on which components of the system tell each other what has happened.

    Arguments:
        component: unique in the system.
        archive: days that events are kept to be played again, 0 for ever; default none are kept.
        name: the name that AWS sees; default from the system's name pattern.

    Verbs for `uses`: ``publish``. Passes the bus's name as ``<NAME>_BUS``.

    Resources created: ``aws_cloudwatch_event_bus``; with ``archive`` an ``aws_cloudwatch_event_archive``.

    Costs: per million events, and per GB of the archive.

    Example:
        ``EventBus("events", archive=30)``
    """

    def __init__(self, component: str, /, *, archive: int | None = None, name: str | None = None) -> None:
        super().__init__(component)
        self.resource = aws.cloudwatch_event_bus(
            self.terraform_name(), name=self.physical_name("aws_cloudwatch_event_bus", name),
        )
        if archive is not None:
            if archive < 0:
                raise Mistake("GS1550", f"events are kept for 0 days (for ever) or more, not {archive}")
            aws.cloudwatch_event_archive(
                self.terraform_name(), name=self.physical_name("aws_cloudwatch_event_archive", part="archive"),
                event_source_arn=self.arn, retention_days=archive,
            )

    @property
    def arn(self) -> Reference:
        """ARN of the bus."""
        return self.resource["arn"]

    @property
    def publish(self) -> Grant:
        """Put events on the bus."""
        return Grant(self.name, "publish", (Statement(("events:PutEvents",), (self.arn,)),),
                     {environment_name(self.name, "bus"): self.resource["name"]})


class EventRule(Component):
    """Which events, or which times, go to which targets.

    Arguments:
        component: unique in the system.
        targets: queues, topics and functions, at most 5; each gets one copy.
        bus: the bus; default the account's own, where AWS services tell what has happened.
        pattern: EventBridge event pattern, for example ``{"detail-type": ["order.placed"]}``.
        schedule: instead of a pattern, ``rate(1 day)`` or ``cron(0 5 * * ? *)`` in UTC; on the account's own bus alone.
        enabled: whether it is on, default yes.
        dead_letter: queue of events that a target did not take within ``give_up_after``.
        retries: how often a target is tried again, 0 to 185, default 185.
        give_up_after: seconds after which an event is given up, 60 to 86,400, default 86,400.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_cloudwatch_event_rule``, an ``aws_cloudwatch_event_target`` a target; what lets the rule in:
    ``aws_sqs_queue_policy``, ``aws_sns_topic_policy`` or ``aws_lambda_permission``.

    Costs: nothing by itself.

    Example:
        ``EventRule("placed", bus=events, pattern={"detail-type": ["order.placed"]}, targets=[jobs])``
    """

    def __init__(
        self, component: str, /, *, targets: Sequence[Queue | Topic | Function], bus: EventBus | None = None,
        pattern: Mapping[str, Any] | None = None, schedule: str | None = None, enabled: bool = True,
        dead_letter: Queue | None = None, retries: int = _MOST_RETRIES, give_up_after: int = _LONGEST_AGE,
        name: str | None = None,
    ) -> None:
        super().__init__(component)
        if (pattern is None) == (schedule is None):
            raise Mistake("GS1551", "a rule has a pattern or a schedule, and only one of them",
                          mend='write for example pattern={"detail-type": ["order.placed"]}')
        if schedule is not None and (bus is not None or not _SCHEDULE.fullmatch(schedule)):
            raise Mistake("GS1552", f"the schedule {schedule!r} cannot be",
                          "schedules run on the account's own bus" if bus else "",
                          'write for example "rate(1 day)", without a bus')
        if not 1 <= len(targets) <= _MOST_TARGETS:
            raise Mistake("GS1553", f"a rule has 1 to {_MOST_TARGETS} targets, not {len(targets)}",
                          mend="send to a topic that all of them subscribe to" if targets else "name one")
        if not 0 <= retries <= _MOST_RETRIES or not _SHORTEST_AGE <= give_up_after <= _LONGEST_AGE:
            raise Mistake("GS1554", f"{retries} retries within {give_up_after} s cannot be",
                          mend=f"0 to {_MOST_RETRIES} retries within {_SHORTEST_AGE} to {_LONGEST_AGE} s")
        self.resource = aws.cloudwatch_event_rule(
            self.terraform_name(), name=self.physical_name("aws_cloudwatch_event_rule", name),
            event_bus_name=bus.resource["name"] if bus else None,
            event_pattern=JsonDocument(dict(pattern)) if pattern else None, schedule_expression=schedule,
            state="ENABLED" if enabled else "DISABLED",
        )
        if dead_letter is not None:
            require(dead_letter, Queue, "dead_letter", self)
            dead_letter.is_dead_letter = True
            dead_letter.accept_messages(identifier(component, "gives-up"), "events.amazonaws.com", self.arn)
        for target in targets:
            if not isinstance(target, Queue | Topic | Function):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise Mistake("GS1555", f"a rule sends to queues, topics and functions, not to {target!r}",
                              mend="name a Queue, a Topic or a Function")
            aws.cloudwatch_event_target(
                self.terraform_name(target.name), rule=self.resource["name"], target_id=target.name,
                event_bus_name=bus.resource["name"] if bus else None,
                arn=target.target_arn if isinstance(target, Function) else target.arn,
                retry_policy={"maximum_retry_attempts": retries, "maximum_event_age_in_seconds": give_up_after},
                dead_letter_config={"arn": dead_letter.arn} if dead_letter else None,
            )
            if isinstance(target, Function):
                target.permit(self.terraform_name(target.name), "events.amazonaws.com", self.arn)
            else:
                target.accept_messages(identifier(component), "events.amazonaws.com", self.arn)

    @property
    def arn(self) -> Reference:
        """ARN of the rule."""
        return self.resource["arn"]

    def alarms(self) -> Iterable[Alarm]:
        """Events that a target never took."""
        arguments = self.resource.arguments
        dimensions = {"RuleName": self.resource["name"]}
        if arguments.get("event_bus_name") is not None:
            dimensions["EventBusName"] = arguments["event_bus_name"]
        yield Alarm("failed", f"Events of {self.name} were given up: a target refuses them, see its policy and its limits.",
                    "AWS/Events", "FailedInvocations", dimensions, 1, period=300)
