"""Text messages through AWS End User Messaging SMS (API version 2; Pinpoint's own campaigns have ended)."""

from __future__ import annotations

from typing import Any

from groundsill import aws
from groundsill.components.keys import account_id
from groundsill.components.roles import require, workload_role
from groundsill.components.topics import Topic
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Reference, did_you_mean

_NUMBER_TYPES = ("LONG_CODE", "SIMULATOR", "TEN_DLC", "TOLL_FREE")  # AWS End User Messaging SMS API: RequestPhoneNumber
_REGISTERED = ("TEN_DLC", "TOLL_FREE")  # "Registrations": numbers of the United States that need one before they send


class SmsSender(Component):
    """A phone number that sends and receives text messages, with a list of people who want none.

    Arguments:
        component: unique in the system.
        country: two letters, default ``US``.
        kind: ``SIMULATOR`` (default; only reaches AWS's own test numbers), ``TOLL_FREE``, ``TEN_DLC`` or ``LONG_CODE``.
        registration: id of the registration that the carriers approved; personal, so from a setting. Needed for
            ``TOLL_FREE`` and ``TEN_DLC``.
        transactional: whether messages answer what a person asked for (default) instead of advertising.
        inbound: the `Topic` that receives what people send to the number; default none.
        own_keywords: whether the system answers STOP and HELP itself; default no: AWS answers and keeps the list.

    Verbs for `uses`: ``send``. Passes the number's ARN, the configuration set's name and the list's name as
    ``<NAME>_PHONE_NUMBER_ARN``, ``<NAME>_CONFIGURATION_SET`` and ``<NAME>_OPT_OUT_LIST``.

    Resources created: ``aws_pinpointsmsvoicev2_phone_number``, ``aws_pinpointsmsvoicev2_opt_out_list``,
    ``aws_pinpointsmsvoicev2_configuration_set``; with ``inbound`` an ``aws_iam_role`` and an
    ``aws_iam_role_policy``.

    Costs: per number and month, and per message part.

    Example:
        ``SmsSender("sms", kind="TOLL_FREE", registration=stage.setting("sms_registration"), inbound=Topic("inbound"))``
    """

    def __init__(
        self, component: str, /, *, country: str = "US", kind: str = "SIMULATOR", registration: str | None = None,
        transactional: bool = True, inbound: Topic | None = None, own_keywords: bool = False,
    ) -> None:
        super().__init__(component)
        if kind not in _NUMBER_TYPES:
            raise Mistake("GS1630", f"unknown kind of number {kind!r}",
                          mend=did_you_mean(kind, _NUMBER_TYPES, what="Known kinds"))
        if kind in _REGISTERED and not registration:
            raise Mistake("GS1631", f"a {kind} number needs a registration that the carriers approved",
                          "AWS gives no number without one, so the deployment would stop half way",
                          "register first and pass its id, or use kind=\"SIMULATOR\" until then")
        kind_of_message = "TRANSACTIONAL" if transactional else "PROMOTIONAL"
        self.opt_outs = aws.pinpointsmsvoicev2_opt_out_list(
            self.terraform_name(), name=self.physical_name("aws_pinpointsmsvoicev2_opt_out_list"),
        )
        self.configuration = aws.pinpointsmsvoicev2_configuration_set(
            self.terraform_name(), name=self.physical_name("aws_pinpointsmsvoicev2_configuration_set"),
            default_message_type=kind_of_message,
        )
        two_way: dict[str, Any] = {"two_way_channel_enabled": False}
        if inbound is not None:
            require(inbound, Topic, "inbound", self)
            role = workload_role(
                self, "sms-voice.amazonaws.com", [inbound.publish],
                conditions={"StringEquals": {"aws:SourceAccount": account_id()}},
                description=f"Text messages to {component} of {self.building.system} reach its topic",
            )
            two_way = {"two_way_channel_enabled": True, "two_way_channel_arn": inbound.arn, "two_way_channel_role": role["arn"]}
        self.resource = aws.pinpointsmsvoicev2_phone_number(
            self.terraform_name(), iso_country_code=country, message_type=kind_of_message, number_type=kind,
            number_capabilities=["SMS"], registration_id=registration, opt_out_list_name=self.opt_outs["name"],
            self_managed_opt_outs_enabled=own_keywords, deletion_protection_enabled=self.stage.production, **two_way,
        )

    @property
    def arn(self) -> Reference:
        """ARN of the phone number."""
        return self.resource["arn"]

    @property
    def send(self) -> Grant:
        """Send text messages from this number, and see and change who wants none."""
        return Grant(self.name, "send", (
            Statement(("sms-voice:SendTextMessage",), (self.arn, self.configuration["arn"])),
            Statement(("sms-voice:DeleteOptedOutNumber", "sms-voice:DescribeOptedOutNumbers", "sms-voice:PutOptedOutNumber"),
                      (self.opt_outs["arn"],)),
        ), {
            environment_name(self.name, "phone-number-arn"): self.arn,
            environment_name(self.name, "configuration-set"): self.configuration["name"],
            environment_name(self.name, "opt-out-list"): self.opt_outs["name"],
        })
