"""EventBridge Scheduler: work at set times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from groundsill import aws
from groundsill.components.functions import Function
from groundsill.components.keys import account_id, key_of_tier
from groundsill.components.queues import Queue
from groundsill.components.roles import require, workload_role
from groundsill.definition.component import Component, Mistake, duration
from groundsill.definition.grant import Grant, Statement
from groundsill.graph import JsonDocument, Reference

_EXPRESSION = re.compile(r"(cron\(\S+( \S+){5}\)|rate\([1-9]\d* (minute|hour|day)s?\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))")
_SHORTEST_AGE, _LONGEST_AGE = 60, 86_400  # EventBridge Scheduler API: RetryPolicy, MaximumEventAgeInSeconds
_MOST_RETRIES = 185  # EventBridge Scheduler API: RetryPolicy, MaximumRetryAttempts
_LONGEST_WINDOW = 1440  # EventBridge Scheduler API: FlexibleTimeWindow, MaximumWindowInMinutes


class ScheduleGroup(Component):
    """A group of schedules: what they belong to, and what they are told apart by in the console and on the bill.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_scheduler_schedule_group``.

    Costs: nothing.

    Example:
        ``jobs = ScheduleGroup("jobs")``
    """

    def __init__(self, component: str, /, *, name: str | None = None) -> None:
        super().__init__(component)
        self.resource = aws.scheduler_schedule_group(
            self.terraform_name(), name=self.physical_name("aws_scheduler_schedule_group", name),
        )


class Schedule(Component):
    """Calls a function, or puts a message into a queue, at set times.

    Arguments:
        component: unique in the system.
        when: ``cron(0 6 ? * MON *)`` (minutes, hours, day of month, month, day of week, year), ``rate(1 hour)`` or
            ``at(2026-12-24T18:00:00)``.
        target: a `Function` or a `Queue`.
        input: what the target is given, as JSON; default nothing.
        zone: time zone of the expression, default ``UTC``.
        group: a `ScheduleGroup`; default the account's own group ``default``.
        window: minutes after the set time within which AWS may choose the moment, 0 to 1,440; default 0: to the minute.
        retries: attempts after the first, 0 to 185, default 3.
        give_up: how long an attempt is repeated, 60 s to 24 h, default 1 h.
        dead_letter: queue for what could not be delivered; default none.
        enabled: default True.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_scheduler_schedule``, ``aws_iam_role``, ``aws_iam_role_policy``.

    Costs: per million calls.

    Example:
        ``Schedule("weekly-plans", "cron(0 6 ? * MON *)", planner, input={"task": "meal-plans"}, dead_letter=dead)``
    """

    def __init__(
        self, component: str, when: str, target: Function | Queue, /, *, input: Mapping[str, Any] | None = None,
        zone: str = "UTC", group: ScheduleGroup | None = None, window: int = 0, retries: int = 3,
        give_up: int | str = "1h", dead_letter: Queue | None = None, enabled: bool = True, name: str | None = None,
    ) -> None:
        super().__init__(component)
        if not isinstance(when, str) or not _EXPRESSION.fullmatch(when):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Mistake("GS1615", f"{when!r} is not a time that a schedule understands",
                          mend='write for example "cron(0 6 ? * MON *)", "rate(1 hour)" or "at(2026-12-24T18:00:00)"')
        age = duration("give_up", give_up)
        for argument, value, least, most in (
            ("retries", retries, 0, _MOST_RETRIES), ("give_up", age, _SHORTEST_AGE, _LONGEST_AGE),
            ("window", window, 0, _LONGEST_WINDOW),
        ):
            if not least <= value <= most:
                raise Mistake("GS1616", f"`{argument}` of a schedule is {least} to {most}, not {value}",
                              mend="leave it out for the default")
        if isinstance(target, Queue):
            grants: list[Grant] = [target.send]
        else:
            require(target, Function, "target", self)
            grants = [target.invoke]
        if dead_letter is not None:
            require(dead_letter, Queue, "dead_letter", self)
            grants.append(dead_letter.send)
        # Schedules themselves are encrypted under the tier's key too, so delivering one needs the key.
        key = key_of_tier()
        own = [Statement(("kms:Decrypt",), (key.arn,))] if key else []
        role = workload_role(
            self, "scheduler.amazonaws.com", grants, own=own, own_sid="ReadSchedule",
            conditions={"StringEquals": {"aws:SourceAccount": account_id()}},
            description=f"What the schedule {component} of {self.building.system} may do",
        )
        if dead_letter is not None:
            dead_letter.is_dead_letter = True
        self.resource = aws.scheduler_schedule(
            self.terraform_name(), name=self.physical_name("aws_scheduler_schedule", name),
            group_name=group.resource["name"] if group else None,
            schedule_expression=when, schedule_expression_timezone=zone, kms_key_arn=key.arn if key else None,
            state="ENABLED" if enabled else "DISABLED",
            flexible_time_window={"mode": "FLEXIBLE", "maximum_window_in_minutes": window} if window else {"mode": "OFF"},
            target={
                "arn": target.target_arn if isinstance(target, Function) else target.arn,
                "role_arn": role["arn"], "input": JsonDocument(dict(input)) if input else None,
                "retry_policy": {"maximum_retry_attempts": retries, "maximum_event_age_in_seconds": age},
                "dead_letter_config": {"arn": dead_letter.arn} if dead_letter else None,
            },
        )

    @property
    def arn(self) -> Reference:
        """ARN of the schedule."""
        return self.resource["arn"]
