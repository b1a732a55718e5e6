"""Queues, topics and what carries events."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import GIVEN, expected, none_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.view import is_known

RULES = Ruleset(Family.SAFE)


@RULES.rule(
    "queue-not-encrypted", Severity.MEDIUM, "messages are kept unencrypted",
    rationale="New queues are encrypted with a key of SQS where nothing is said; this one says no: Amazon SQS developer guide, "
              "\"Encryption at rest in Amazon SQS\".",
    mend="leave sqs_managed_sse_enabled out, or give a kms_master_key_id", types=("aws_sqs_queue",),
    controls=("FSBP SQS.1", "CKV_AWS_27"),
)
def _queue(context: Context, queue: Resource) -> Iterator[Finding]:
    managed = context.view.get(queue, "sqs_managed_sse_enabled")
    if managed is not None and is_known(managed) and not truth(managed) and not queue.arguments.get("kms_master_key_id"):
        yield Finding(queue, "`sqs_managed_sse_enabled` is false", attribute="sqs_managed_sse_enabled")

RULES.items += [
    expected(
        "topic-not-encrypted", Severity.LOW, "messages wait for their receivers unencrypted", "aws_sns_topic",
        at="kms_master_key_id", wanted=GIVEN, absent=False, tiers=("enterprise",), production_only=True,
        why="A topic is encrypted only under a key that is named: Amazon SNS developer guide, \"Securing Amazon SNS data with "
            "server-side encryption\".",
        mend="give it a kms_master_key_id whose policy lets the publishing services use it",
        controls=("NIST SNS.1", "CKV_AWS_26"),
    ),
    expected(
        "topic-delivers-in-clear-text", Severity.MEDIUM, "messages cross the internet in clear text",
        "aws_sns_topic_subscription", at="protocol", wanted=none_of("http"), absent=True,
        why="Amazon SNS developer guide, \"Amazon SNS security best practices\", use HTTPS.", mend="subscribe the https address",
    ),
]
