"""A real AWS API for the tests: tables, queues and a user pool, one set for each test module."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# As in a function's archive and in the container the project's root is a root of imports; and the tests' own
# help.
for folder in (Path(__file__).resolve().parents[1], Path(__file__).resolve().parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from om_support.backend import REGION, Backend, Pool  # noqa: E402

_SERVER = """
import socket, sys, uvicorn
from ministack.app import app
listener = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listener])
"""


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # With AUTH signatures and mailed codes are checked.
    root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment = {**os.environ, **root, "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR", "AUTH": "true"}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(listener.fileno())],
        pass_fds=[listener.fileno()],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    listener.close()
    endpoint = f"http://127.0.0.1:{port}"
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=30):
            yield endpoint
    finally:
        # Nothing of it is kept, and a graceful end would wait for open long polls.
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def backend(aws_endpoint: str) -> Iterator[Backend]:
    from shared import clients

    mark = uuid.uuid4().hex[:8]
    aws = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.items():
            patch.setenv(name, value)
        clients.client.cache_clear()
        names = {name: f"{name}-{mark}" for name in ("raw", "results", "surveys", "profiles", "status")}
        _tables(names)
        queue_url, dead_letter_url = _queues(mark)
        environment = {
            **aws,
            "DYNAMODB_TABLE": names["raw"],
            "RAW_SENSOR_TABLE": names["raw"],
            "RESULTS_TABLE": names["results"],
            "USER_PROFILES_TABLE": names["profiles"],
            "SURVEY_TABLE": names["surveys"],
            "STATUS_TABLE": names["status"],
            "QUEUE_URL": queue_url,
            "DEAD_LETTER_QUEUE_URL": dead_letter_url,
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        yield Backend(
            endpoint=aws_endpoint,
            queue_url=queue_url,
            dead_letter_url=dead_letter_url,
            environment=environment,
            **names,
        )
        clients.client.cache_clear()


def _tables(names: dict[str, str]) -> None:
    from shared.clients import dynamodb

    for kind, name in names.items():
        keys = {"profiles": ["UserEmail"], "status": ["SessionId"]}.get(kind, ["SessionId", "Timestamp"])
        table: dict[str, Any] = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                {"AttributeName": key, "KeyType": part}
                for key, part in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        }
        attributes = set(keys)
        if len(keys) == 2:
            attributes |= {"UserEmail"}
            table["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": "UserEmailIndex",
                    "KeySchema": [
                        {"AttributeName": "UserEmail", "KeyType": "HASH"},
                        {"AttributeName": "Timestamp", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY" if kind == "raw" else "ALL"},
                }
            ]
        table["AttributeDefinitions"] = [
            {"AttributeName": name, "AttributeType": "S"} for name in sorted(attributes)
        ]
        dynamodb().create_table(**table)


def _queues(mark: str) -> tuple[str, str]:
    from shared.clients import sqs

    dead = sqs().create_queue(QueueName=f"dead-{mark}", Attributes={"MessageRetentionPeriod": "1209600"})[
        "QueueUrl"
    ]
    arn = sqs().get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    attributes = {"VisibilityTimeout": "900", "RedrivePolicy": policy}
    jobs = sqs().create_queue(QueueName=f"jobs-{mark}", Attributes=attributes)["QueueUrl"]
    return jobs, dead


@pytest.fixture(scope="module")
def pool(backend: Backend) -> Pool:
    cognito = backend.client("cognito-idp")
    pool_id = cognito.create_user_pool(
        PoolName="openmetabolics-users",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Policies={
            "PasswordPolicy": {
                "MinimumLength": 8,
                "RequireUppercase": True,
                "RequireLowercase": True,
                "RequireNumbers": True,
                "RequireSymbols": True,
            }
        },
    )["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="openmetabolics-app",
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool_id}"
    return Pool(pool_id, client_id, issuer, f"{backend.endpoint}/{pool_id}/.well-known/jwks.json")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(*ids): the rows of the requirements that a test proves")
