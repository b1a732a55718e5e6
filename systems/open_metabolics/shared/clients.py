"""One AWS client a service and process, made on first use.

Region, credentials and endpoint come from the SDK's own variables (`AWS_REGION`, `AWS_ENDPOINT_URL`, ...).
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:
    """The client of `service` ("dynamodb", "sqs"); boto3 is imported by the first call and not before."""
    import boto3
    from botocore.config import Config

    settings = Config(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=3,
        # A long poll of SQS answers after at most 20 s.
        read_timeout=30,
        max_pool_connections=16,
        # The shapes of our calls are fixed in code and tested: checking each again costs time on every
        # request.
        parameter_validation=False,
    )
    # boto3 by itself reads AWS_DEFAULT_REGION only.
    return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=settings)


def dynamodb() -> Any:
    """The DynamoDB client."""
    return client("dynamodb")


def sqs() -> Any:
    """The SQS client."""
    return client("sqs")


def setting(name: str) -> str:
    """The environment variable `name`; the definition sets it, so its absence is a fault of the
    deployment."""
    value = os.environ.get(name, "")
    if not value:
        raise RuntimeError(f"the environment variable {name} is not set")
    return value
