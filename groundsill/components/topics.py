"""SNS topics: one message, several receivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.functions import Function
from groundsill.components.keys import Key, account_id, key_of_tier
from groundsill.components.queues import Queue
from groundsill.components.roles import policy_document, require
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name, identifier, terraform_name
from groundsill.graph import Broken, JsonDocument, Reference, Resource


class TopicLowering:
    """A topic's resources below a component: the topic, its policy and its subscriptions by mail.

    Arguments:
        component: the component that it belongs to.
        part: tells several topics of one component apart.
        name: the name that AWS sees; default from the system's name pattern.
        encryption: a `Key` of the account's own; default the tier's choice.
        emails: addresses that messages are mailed to.
    """

    def __init__(
        self, component: Component, part: str = "", *, name: str | None = None, encryption: Key | None = None,
        emails: Mapping[str, Any] | None = None,
    ) -> None:
        self.component, self.part = component, part
        # SNS's own key (alias/aws/sns) would keep AWS services from publishing: its policy names none of them.
        self.key = encryption or key_of_tier()
        self.resource: Resource = aws.sns_topic(
            component.terraform_name(part), name=component.physical_name("aws_sns_topic", name, part),
            kms_master_key_id=self.key.arn if self.key else None,
        )
        self.arn: Reference = self.resource["arn"]
        self._statements: list[dict[str, Any]] = [{
            "Sid": "EncryptedOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sns:Publish",
            "Resource": self.arn, "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }]
        self._policy = aws.sns_topic_policy(
            component.terraform_name(part), arn=self.arn, policy=policy_document(self._statements),
        )
        for kind, address in (emails or {}).items():
            aws.sns_topic_subscription(
                component.terraform_name(part, kind), topic_arn=self.arn, protocol="email", endpoint=address,
            )

    def accept(self, service: str, sid: str, conditions: Mapping[str, Any] | None = None) -> None:
        """Let an AWS service publish here.

        Arguments:
            service: service principal, for example ``cloudwatch.amazonaws.com``.
            sid: statement id.
            conditions: IAM condition block that narrows on whose behalf; default anything of this account.
        """
        statement: dict[str, Any] = {
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": self.arn,
        }
        narrowed = {"StringEquals": {"aws:SourceAccount": account_id()}} if conditions is None else dict(conditions)
        if narrowed:
            statement["Condition"] = narrowed
        if statement in self._statements:
            return
        self._statements.append(statement)
        self._policy.override(policy=policy_document(self._statements))
        if self.key is not None:
            self.key.serve(service)


class Topic(Component):
    """An SNS topic: what is published reaches every function, queue and address that subscribed.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.
        emails: addresses that messages are mailed to; AWS asks each for confirmation. Default none.
        encryption: a `Key` of the account's own; default the tier's choice.

    Verbs for `uses`: ``publish``. Passes the topic's ARN as ``<NAME>_TOPIC_ARN``.

    Resources created: ``aws_sns_topic``, ``aws_sns_topic_policy``, and for each receiver an
    ``aws_sns_topic_subscription``, with what lets the topic reach it.

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
        numbered = {f"email{number or ''}": address for number, address in enumerate(emails)}
        self.lowered = TopicLowering(self, name=name, encryption=encryption, emails=numbered)
        self.resource = self.lowered.resource
        self._receivers: set[str] = set()

    @property
    def arn(self) -> Reference:
        """ARN of the topic."""
        return self.lowered.arn

    @property
    def publish(self) -> Grant:
        """Publish messages."""
        statements = [Statement(("sns:Publish",), (self.arn,))]
        if self.lowered.key:
            statements.append(self.lowered.key.write_statement())
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
            if receiver.encryption:
                receiver.encryption.serve("sns.amazonaws.com")
            extra: dict[str, Any] = {"protocol": "sqs", "raw_message_delivery": True}
        else:
            require(receiver, Function, "receiver", self)
            aws.lambda_permission(
                self.terraform_name(receiver.name), statement_id=terraform_name(self.name, receiver.name),
                action="lambda:InvokeFunction", function_name=receiver.resource["function_name"],
                principal="sns.amazonaws.com", source_arn=self.arn,
            )
            extra = {"protocol": "lambda"}
        if dead_letter is not None:
            dead_letter.accept_messages(identifier("undelivered", self.name), "sns.amazonaws.com", self.arn)
            extra["redrive_policy"] = JsonDocument({"deadLetterTargetArn": dead_letter.arn})
        self._receivers.add(receiver.name)
        aws.sns_topic_subscription(
            self.terraform_name(receiver.name), topic_arn=self.arn, endpoint=receiver.arn,
            filter_policy=JsonDocument({name: list(values) for name, values in only.items()}) if only else None, **extra,
        )
        return self

    def accept_messages(self, sid: str, service: str, source: Any) -> None:
        """Let an AWS service publish on behalf of one thing, for example an event rule.

        Arguments:
            sid: statement id.
            service: service principal, for example ``events.amazonaws.com``.
            source: ARN of the rule.
        """
        with self.lowering():
            self.lowered.accept(service, sid, {"ArnEquals": {"aws:SourceArn": source}})
