"""Macie: whether an account has it ("Amazon Macie REST API Reference"). No object is read."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Recorded, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]


class Macie(Recorded):
    """One session a region."""

    service = "macie2"

    def enable_macie(self, given: Given) -> None:
        if "session" in self.kept("sessions"):
            raise Refused("ConflictException", "Macie has already been enabled", 409)
        self.kept("sessions")["session"] = {
            "findingPublishingFrequency": given.get("findingPublishingFrequency") or "FIFTEEN_MINUTES",
            "status": given.get("status") or "ENABLED", "createdAt": now(), "updatedAt": now(),
            "serviceRole": f"arn:aws:iam::{self.account}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"}

    def get_macie_session(self, given: Given) -> Given:
        try:
            return self.kept("sessions")["session"]
        except KeyError:
            raise Refused("AccessDeniedException", "Macie is not enabled", 403) from None

    def update_macie_session(self, given: Given) -> None:
        self.kept("sessions")["session"] = {**self.get_macie_session(given), **given, "updatedAt": now()}

    def disable_macie(self, given: Given) -> None:
        self.get_macie_session(given)
        del self.kept("sessions")["session"]
