"""SNS: mails to ``email`` subscriptions are captured like every other mail.

AWS mails a confirmation first and then each message ("Email notifications", Amazon SNS Developer Guide). The emulator
takes each address as confirmed and dropped the messages.
"""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

SENDER = "no-reply@sns.amazonaws.com"


def apply(module: Any, emulator: Emulator) -> None:
    """Mend the emulator's SNS module."""
    fan_out = module._fanout

    def fan_out_and_mail(topic_arn: str, message_id: str, message: str, subject: str, message_structure: str = "",
                         message_attributes: Any = None, *rest: Any, **more: Any) -> None:
        fan_out(topic_arn, message_id, message, subject, message_structure, message_attributes, *rest, **more)
        topic: Any = module._topic_by_arn_any_scope(topic_arn) or {}
        for subscription in topic.get("subscriptions", ()):
            protocol = subscription.get("protocol")
            if protocol not in ("email", "email-json") or not subscription.get("confirmed"):
                continue
            text = module._resolve_message_for_protocol(message, message_structure, protocol)
            if module._matches_filter_policy(subscription, message_attributes or {}, text):
                emulator.service("ses").send_internal_email(
                    source=SENDER, to_addrs=[subscription["endpoint"]], subject=subject or "AWS Notification Message",
                    body_text=text, type_name="SnsNotification", extra={"TopicArn": topic_arn})

    module._fanout = fan_out_and_mail
