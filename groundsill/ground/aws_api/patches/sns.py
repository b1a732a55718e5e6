"""SNS: mails to ``email`` subscriptions are captured like every other mail.

AWS mails a confirmation first and then each message ("Email notifications", Amazon SNS Developer Guide). The emulator
takes each address as confirmed and dropped the messages.

Preferences of text messages (``SetSMSAttributes``, Amazon SNS API Reference) are kept; no text message is sent.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from groundsill.ground.aws_api.emulator import Emulator

_ENTRY = re.compile(r"attributes\.entry\.(\d+)\.key")
SENDER = "no-reply@sns.amazonaws.com"


def apply(module: Any, emulator: Emulator) -> None:
    """Mend the emulator's SNS module."""
    _keep_preferences(module, emulator)
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


def _keep_preferences(module: Any, emulator: Emulator) -> None:
    preferences: Any = emulator.responses.AccountRegionScopedDict()
    handle, get_state, restore = module.handle_request, module.get_state, module.load_persisted_state

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        given = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
        action = module._p(given, "Action")
        if action == "SetSMSAttributes":
            for name in given:
                if entry := _ENTRY.fullmatch(name):
                    value = module._p(given, f"attributes.entry.{entry[1]}.value")
                    preferences[module._p(given, name)] = value
                    if not value:  # takes it back
                        del preferences[module._p(given, name)]
            return module._xml(200, "SetSMSAttributesResponse", "<SetSMSAttributesResult/>")
        if action == "GetSMSAttributes":
            entries = "".join(f"<entry><key>{escape(key)}</key><value>{escape(value)}</value></entry>"
                              for key, value in preferences.items())
            return module._xml(200, "GetSMSAttributesResponse",
                               f"<GetSMSAttributesResult><attributes>{entries}</attributes></GetSMSAttributesResult>")
        return await handle(method, path, headers, body, query)

    def load_state(data: dict[str, Any]) -> None:
        preferences.update(data.get("sms_preferences") or {})
        restore({name: store for name, store in data.items() if name != "sms_preferences"})

    module.handle_request, module.load_persisted_state = handle_request, load_state
    module.get_state = lambda: {**get_state(), "sms_preferences": preferences}
