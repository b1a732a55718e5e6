"""SQS queues with dead letters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.keys import Key, key_of_tier
from groundsill.components.roles import policy_document, require
from groundsill.definition.component import Component, Mistake, duration, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import JsonDocument, Reference

# Amazon SQS quotas: message and queue quotas.
_LONGEST_VISIBILITY = 43_200
_SHORTEST_RETENTION, _LONGEST_RETENTION = 60, 1_209_600
_LONGEST_WAIT = 20


class Queue(Component):
    """A standard SQS queue: encrypted, long-polled, with a dead-letter queue for what fails again and again.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.
        visibility: how long a consumer has a message to itself before it is delivered again, up to 12 h; a consumer
            that needs longer extends it while it works. Default 30 s.
        retention: how long a message is kept, 60 s to 14 days; default 14 days, so that nothing expires unseen.
        long_poll: how long a receive call waits for a message, 0 to 20 s; default 20 s.
        dead_letter: the queue that takes messages which were received ``max_receives`` times. A message keeps its age
            when it moves there, so what waited a day here is kept a day less there.
        max_receives: default 3.
        encryption: a `Key` of the account's own; default the tier's choice: SQS's own keys below ``enterprise``.

    Verbs for `uses`: ``send``, ``consume`` (receive, extend, delete), ``redrive`` (list and move dead letters back).
    Each passes the queue's URL as ``<NAME>_QUEUE_URL``.

    Resources created: ``aws_sqs_queue``, and ``aws_sqs_queue_redrive_allow_policy`` on a dead-letter queue; an
    ``aws_sqs_queue_policy`` where an event rule or a topic sends here.

    Costs: per million requests; nothing while it is not used.

    Example:
        ``Queue("jobs", visibility="15m", dead_letter=Queue("jobs-dead"), max_receives=3)``
    """

    def __init__(
        self, component: str, /, *, name: str | None = None, visibility: int | str = 30, retention: int | str = "14d",
        long_poll: int | str = 20, dead_letter: Queue | None = None, max_receives: int = 3,
        encryption: Key | None = None,
    ) -> None:
        super().__init__(component)
        self.visibility = _within("visibility", visibility, 0, _LONGEST_VISIBILITY)
        self.retention = _within("retention", retention, _SHORTEST_RETENTION, _LONGEST_RETENTION)
        self.encryption = encryption or key_of_tier()
        self.is_dead_letter = False
        self._senders: list[dict[str, Any]] = []
        self._policy: Any = None
        if dead_letter is not None:
            require(dead_letter, Queue, "dead_letter", self)
            needed = max_receives * self.visibility
            if self.retention <= needed:
                raise Mistake(
                    "GS1330", f"messages expire before they can reach the dead-letter queue: {max_receives} receives of "
                    f"{self.visibility} s take {needed} s, and they are kept for {self.retention} s",
                    mend="keep them longer, or shorten the visibility and let the consumer extend it while it works",
                )
        self.resource = aws.sqs_queue(
            self.terraform_name(),
            name=self.physical_name("aws_sqs_queue", name),
            visibility_timeout_seconds=self.visibility,
            message_retention_seconds=self.retention,
            receive_wait_time_seconds=_within("long_poll", long_poll, 0, _LONGEST_WAIT),
            redrive_policy=JsonDocument(
                {"deadLetterTargetArn": dead_letter.arn, "maxReceiveCount": max_receives}) if dead_letter else None,
            sqs_managed_sse_enabled=None if self.encryption else True,
            kms_master_key_id=self.encryption.arn if self.encryption else None,
        )
        if dead_letter:
            dead_letter.accept_from(self)

    def accept_from(self, source: Queue) -> None:
        """Let one queue, and no other, move its dead letters here."""
        self.is_dead_letter = True
        aws.sqs_queue_redrive_allow_policy(
            self.terraform_name(), queue_url=self.resource["id"],
            redrive_allow_policy=JsonDocument({"redrivePermission": "byQueue", "sourceQueueArns": [source.arn]}),
        )

    def accept_messages(self, sid: str, service: str, source: Any) -> None:
        """Let an AWS service send messages here on behalf of one thing, for example an event rule or a topic.

        Arguments:
            sid: statement id, unique for this queue.
            service: service principal, for example ``events.amazonaws.com``.
            source: ARN of the rule or topic.
        """
        if self.encryption:
            self.encryption.serve(service)
        self._senders.append({
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage",
            "Resource": self.arn, "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        })
        if self._policy is None:
            with self.lowering():
                self._policy = aws.sqs_queue_policy(
                    self.terraform_name(), queue_url=self.resource["id"], policy=policy_document(self._senders),
                )
        else:
            self._policy.override(policy=policy_document(self._senders))

    @property
    def arn(self) -> Reference:
        """ARN of the queue."""
        return self.resource["arn"]

    def _grant(self, verb: str, *actions: str) -> Grant:
        statements = [Statement(tuple(f"sqs:{action}" for action in actions), (self.arn,))]
        if self.encryption:
            statements.append(self.encryption.write_statement())
        return Grant(self.name, verb, tuple(statements),
                     {environment_name(self.name, "queue-url"): self.resource["url"]})

    @property
    def send(self) -> Grant:
        """Put messages in."""
        return self._grant("send", "GetQueueAttributes", "GetQueueUrl", "SendMessage")

    @property
    def consume(self) -> Grant:
        """Receive messages, keep them longer while working, delete them when done."""
        return self._grant(
            "consume", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage",
        )

    @property
    def redrive(self) -> Grant:
        """Look at dead letters and move them back."""
        return self._grant(
            "redrive", "CancelMessageMoveTask", "DeleteMessage", "GetQueueAttributes", "ListMessageMoveTasks",
            "ReceiveMessage", "StartMessageMoveTask",
        )

    @step
    def backlog(self, *, per_task: int, min: int = 1, max: int) -> Any:
        """Scale a service by how many messages wait for each of its tasks.

        Arguments:
            per_task: messages that one task may have waiting.
            min: fewest tasks, default 1.
            max: most tasks.
        """
        from groundsill.components.scaling import BacklogScaling

        return BacklogScaling(self, per_task=per_task, min=min, max=max)

    def alarms(self) -> Iterable[Alarm]:
        """A first dead letter; or, on a queue with consumers, a message that waits too long."""
        dimensions = {"QueueName": self.resource["name"]}
        if self.is_dead_letter:
            yield Alarm(
                "depth", f"{self.name} holds messages that failed again and again: look at them, mend, move them back.",
                "AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, 1, statistic="Maximum",
            )
        else:
            yield Alarm(
                "age", f"The oldest message of {self.name} has waited longer than one lease: consumers are too few or stuck.",
                "AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, max(self.visibility, 300), statistic="Maximum",
                periods=5,
            )


def _within(argument: str, value: int | str, least: int, most: int) -> int:
    amount = duration(argument, value)
    if not least <= amount <= most:
        raise Mistake("GS1331", f"`{argument}` of a queue is {least} s to {most} s, not {amount} s",
                      mend='write seconds as a number, or text such as "15m" or "14d"')
    return amount
