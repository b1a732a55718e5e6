"""SNS topics: one message, several receivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.functions import Function
from groundsill.components.keys import Key, account_id, key_of_tier
from groundsill.components.queues import Queue
from groundsill.components.roles import policy_document, require
from groundsill.components.topic_policies import encrypted_only, publisher
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name, identifier
from groundsill.graph import Broken, JsonDocument, Reference


class Topic(Component):
    """An SNS topic: what is published reaches every function, queue and address that subscribed.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.
        emails: addresses that messages are mailed to; AWS asks each for confirmation. Default none.
        encryption: a `Key` of the account's own; default the tier's choice.

    Verbs for `uses`: ``publish``. Passes the topic's ARN as ``<NAME>_TOPIC_ARN``.

    Resources created: ``aws_sns_topic``, ``aws_sns_topic_policy``, and for each receiver an
    ``aws_sns_topic_subscription``, with what lets the topic reach it: an ``aws_lambda_permission`` or the queue's policy.

    Costs: per million messages, and per mail.

    Example:
        ``Topic("inbound-sms").subscribe(handler)``
    """

    def __init__(
        self, component: str, /, *, name: str | None = None, emails: Sequence[str] = (), encryption: Key | None = None,
    ) -> None:
        super().__init__(component)
        if encryption is not None:
            require(encryption, Key, "encryption", self)
        # SNS's own key (alias/aws/sns) would keep AWS services from publishing: its policy names none of them.
        self.encryption = encryption or key_of_tier()
        self.resource = aws.sns_topic(
            self.terraform_name(), name=self.physical_name("aws_sns_topic", name),
            kms_master_key_id=self.encryption.arn if self.encryption else None,
        )
        self._statements: list[dict[str, Any]] = [encrypted_only(self.arn)]
        self._policy = aws.sns_topic_policy(
            self.terraform_name(), arn=self.arn, policy=policy_document(self._statements),
        )
        for number, address in enumerate(emails, start=1):
            aws.sns_topic_subscription(
                self.terraform_name("email" if number == 1 else f"email{number}"), topic_arn=self.arn, protocol="email",
                endpoint=address,
            )
        self._receivers: set[str] = set()

    @property
    def arn(self) -> Reference:
        """ARN of the topic."""
        return self.resource["arn"]

    def accept(self, service: str, sid: str, conditions: Mapping[str, Any] | None = None) -> None:
        """Let an AWS service publish here.

        Arguments:
            service: service principal, for example ``cloudwatch.amazonaws.com``.
            sid: statement id.
            conditions: IAM condition block that narrows on whose behalf; default anything of this account.
        """
        own = {"StringEquals": {"aws:SourceAccount": account_id()}}
        statement = publisher(sid, service, self.arn, own if conditions is None else conditions)
        if statement in self._statements:
            return
        self._statements.append(statement)
        self._policy.override(policy=policy_document(self._statements))
        if self.encryption is not None:
            self.encryption.serve(service)

    def accept_messages(self, sid: str, service: str, source: Any) -> None:
        """Let an AWS service publish on behalf of one thing, for example an event rule.

        Arguments:
            sid: statement id.
            service: service principal, for example ``events.amazonaws.com``.
            source: ARN of the rule.
        """
        self.accept(service, sid, {"ArnEquals": {"aws:SourceArn": source}})

    @property
    def publish(self) -> Grant:
        """Publish messages."""
        statements = [Statement(("sns:Publish",), (self.arn,))]
        if self.encryption:
            statements.append(self.encryption.write_statement())
        return Grant(self.name, "publish", tuple(statements), {environment_name(self.name, "topic-arn"): self.arn})

    @step
    def subscribe(
        self, receiver: Function | Queue, /, *, only: Mapping[str, Sequence[Any]] | None = None,
        dead_letter: Queue | None = None,
    ) -> Topic:
        """Send each message to a function, or into a queue as it was published.

        Arguments:
            receiver: a `Function` or a `Queue`.
            only: message attributes and the values that pass, for example ``{"kind": ["paid"]}``; default everything.
            dead_letter: queue for what could not be delivered; default none.

        Returns:
            The topic, so that subscriptions can be chained.
        """
        if isinstance(receiver, Broken):
            return self
        if receiver.name in self._receivers:
            raise Mistake("GS1605", f"{receiver.subject} has subscribed to {self.subject} already",
                          mend="remove one of the two")
        if isinstance(receiver, Queue):
            receiver.accept_messages(identifier("from", self.name), "sns.amazonaws.com", self.arn)
            extra: dict[str, Any] = {"protocol": "sqs", "raw_message_delivery": True}
        else:
            require(receiver, Function, "receiver", self)
            receiver.permit(self.terraform_name(receiver.name), "sns.amazonaws.com", self.arn)
            extra = {"protocol": "lambda"}
        if dead_letter is not None:
            dead_letter.is_dead_letter = True
            dead_letter.accept_messages(identifier("undelivered", self.name), "sns.amazonaws.com", self.arn)
            extra["redrive_policy"] = JsonDocument({"deadLetterTargetArn": dead_letter.arn})
        self._receivers.add(receiver.name)
        aws.sns_topic_subscription(
            self.terraform_name(receiver.name), topic_arn=self.arn,
            endpoint=receiver.target_arn if isinstance(receiver, Function) else receiver.arn,
            filter_policy=JsonDocument({name: list(values) for name, values in only.items()}) if only else None, **extra,
        )
        return self
