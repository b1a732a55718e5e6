"""The resources of a test module, and waiting for what must become true."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The root of the user's project.
ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"


@dataclass(frozen=True)
class Backend:
    """Names and addresses of one module's resources, and the environment that the functions and services
    get."""

    endpoint: str
    raw: str
    results: str
    profiles: str
    surveys: str
    status: str
    queue_url: str
    dead_letter_url: str
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        from shared.clients import client

        return client(service)

    def item(self, table: str, **key: str) -> dict[str, Any] | None:
        wire = {name: {"S": value} for name, value in key.items()}
        return self.client("dynamodb").get_item(TableName=table, Key=wire, ConsistentRead=True).get("Item")

    def items(self, table: str, session_id: str) -> list[dict[str, Any]]:
        answer = self.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="SessionId = :s",
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=True,
        )
        return answer["Items"]

    def count(self, queue_url: str) -> tuple[int, int]:
        """Messages that are visible and that are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return tuple(int(answer["Attributes"][name]) for name in names)  # type: ignore[return-value]

    def mails(self, to: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=10) as answer:
            messages = json.load(answer)
        # Grouped by account.
        return [mail for mails in messages["messages"].values() for mail in mails if to in mail["To"]]

    def code(self, to: str) -> str:
        """The code in the newest mail to an address."""
        return until(
            lambda: re.findall(r"\b\d{6}\b", "".join(mail["BodyText"] for mail in self.mails(to)[-1:]))
        )[0]


@dataclass(frozen=True)
class Pool:
    """A user pool with one app client."""

    pool_id: str
    client_id: str
    issuer: str
    jwks_url: str


def until(condition: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """The first true value of `condition`, asked again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {condition}")
        time.sleep(0.05)
