"""Every resource type of the AWS provider under its Terraform name, checked when it is constructed.

``aws.sqs_queue("jobs", name="energy-jobs")`` makes the resource ``aws_sqs_queue.jobs``;
``aws.data.caller_identity("me")`` the data source ``data.aws_caller_identity.me``. Beside the type's own
arguments every one takes ``depends_on`` (resources or addresses), ``lifecycle`` (a :class:`Lifecycle`),
``region`` (another region's provider) or ``provider`` (an alias), and ``moved_from`` (earlier names or
addresses).

Example:
    >>> from groundsill import aws
    >>> queue = aws.sqs_queue("jobs", name="energy-jobs", visibility_timeout_seconds=60)
    >>> policy = aws.sqs_queue_policy("jobs", queue_url=queue.url, policy={"Statement": []})
    >>> policy.arguments["queue_url"].expression
    'aws_sqs_queue.jobs.url'
"""

from __future__ import annotations

import importlib
from typing import Any

from groundsill.aws.resource import NOT_TYPES, AwsResource, constructor
from groundsill.aws.schema import schema_file
from groundsill.graph.resource import Lifecycle

__all__ = ["AwsResource", "Lifecycle"]


def __getattr__(name: str) -> Any:
    if name.startswith(NOT_TYPES):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "data":
        return importlib.import_module("groundsill.aws.data")
    return constructor(name)


def __dir__() -> list[str]:
    return [*__all__, "data", *schema_file().names()]
