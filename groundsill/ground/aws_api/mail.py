"""The mails that user pools and SES would have sent, for people and tests to read."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.emulator import Emulator


def listing(emulator: Emulator, to: str = "") -> list[dict[str, Any]]:
    """Every captured mail, oldest first.

    Arguments:
        emulator: the loaded emulator.
        to: only mails to (or copied to) this address, any case; empty for all.
    """
    wanted = to.casefold()
    found: list[dict[str, Any]] = []
    for _, mails in emulator.service("ses")._sent_emails.all_items():
        for mail in mails:
            receivers = [*_list(mail.get("To")), *_list(mail.get("CC")), *_list(mail.get("BCC"))]
            if wanted and wanted not in (address.casefold() for address in receivers):
                continue
            found.append({
                "id": mail["MessageId"],
                "time": mail["Timestamp"],
                "from": mail.get("Source") or "",
                "to": _list(mail.get("To")),
                "cc": _list(mail.get("CC")),
                "bcc": _list(mail.get("BCC")),
                "subject": mail.get("RenderedSubject") or mail.get("Subject") or "",
                "text": mail.get("RenderedBodyText") or mail.get("BodyText") or "",
                "html": mail.get("RenderedBodyHtml") or mail.get("BodyHtml") or "",
                "kind": mail.get("Type") or "",
                "template": mail.get("Template") or mail.get("TemplateName") or "",
                "template_data": mail.get("TemplateData") or "",
            })
    found.sort(key=lambda mail: mail["time"])
    return found


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
