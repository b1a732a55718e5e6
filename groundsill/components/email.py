"""Senders of e-mail through SES."""

from __future__ import annotations

from typing import Any

from groundsill import aws
from groundsill.components.roles import policy_document
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Broken, Reference


class EmailSender(Component):
    """An identity that may send e-mail: an address, or a whole domain.

    A new account's SES is in the sandbox, where mail reaches verified recipients only, until AWS grants production
    access. An address identity has to be confirmed by the mail that AWS sends to it.

    Arguments:
        component: unique in the system.
        sender: the address that mail comes from, for example ``no-reply@shop.example``. Personal: take it from a setting.
        domain: whether the identity is the sender's whole domain, signed with DKIM, instead of one address; default no.

    Verbs for `uses`: ``send``, from this sender alone. Passes the address as ``<NAME>_ADDRESS``.

    Resources created: ``aws_sesv2_email_identity``, and ``aws_sesv2_email_identity_policy`` where a service sends too.

    Costs: per thousand mails.

    Example:
        ``EmailSender("sender", stage.setting("sender_email"))``
    """

    def __init__(self, component: str, sender: str, /, *, domain: bool = False) -> None:
        super().__init__(component)
        if not isinstance(sender, Broken) and sender.count("@") != 1:
            raise Mistake("GS1360", f"{sender!r} is not an e-mail address", mend="take it from a setting of type EmailAddress")
        self.address: Any = sender
        identity = sender if isinstance(sender, Broken) or not domain else sender.partition("@")[2]
        self.resource = aws.sesv2_email_identity(self.terraform_name(), email_identity=identity)

    @property
    def arn(self) -> Reference:
        """ARN of the identity."""
        return self.resource["arn"]

    def allow_service(self, service: str, sid: str, conditions: dict[str, Any]) -> None:
        """Let an AWS service send in this identity's name.

        Arguments:
            service: service principal, for example ``cognito-idp.amazonaws.com``.
            sid: statement id.
            conditions: IAM condition block that narrows on whose behalf.
        """
        aws.sesv2_email_identity_policy(
            self.terraform_name(sid), email_identity=self.resource["email_identity"], policy_name=sid,
            policy=policy_document([{
                "Sid": sid, "Effect": "Allow", "Principal": {"Service": service},
                "Action": ["ses:SendEmail", "ses:SendRawEmail"], "Resource": self.arn, "Condition": conditions,
            }]),
        )

    @property
    def send(self) -> Grant:
        """Send mail from this address."""
        statement = Statement(("ses:SendEmail", "ses:SendRawEmail"), (self.arn,),
                              {"StringEquals": {"ses:FromAddress": self.address}})
        return Grant(self.name, "send", (statement,), {environment_name(self.name, "address"): self.address})
