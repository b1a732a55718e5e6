"""Statements of a topic's policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def encrypted_only(topic: Any) -> dict[str, Any]:
    """Nobody publishes over plain HTTP.

    Arguments:
        topic: ARN of the topic.
    """
    return {"Sid": "EncryptedOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sns:Publish", "Resource": topic,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def publisher(sid: str, service: str, topic: Any, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """An AWS service may publish.

    Arguments:
        sid: statement id.
        service: service principal, for example ``cloudwatch.amazonaws.com``.
        topic: ARN of the topic.
        conditions: IAM condition block that narrows on whose behalf; empty for none.
    """
    statement: dict[str, Any] = {
        "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": topic}
    return {**statement, "Condition": dict(conditions)} if conditions else statement
