"""A real AWS API for the tests: tables, queues and a user pool, one set for each test module."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
# As in a function's archive and in the container, where this folder is the root of imports.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

REGION = "us-east-1"
_SERVER = """
import socket, sys, uvicorn
from ministack.app import app
listener = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listener])
"""


@dataclass(frozen=True)
class Backend:
    """Names and addresses of one module's resources, and the environment that the functions and services get."""

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
        return [mail for mail in messages["messages"] if to in json.dumps(mail.get("To"))]

    def code(self, to: str) -> str:
        """The code in the newest mail to an address."""
        return until(lambda: re.findall(r"\b\d{6}\b", json.dumps(self.mails(to)[-1:]))[-1:])[0]


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


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    environment = {**os.environ, "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR"}
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
                {"AttributeName": key, "KeyType": part} for key, part in zip(keys, ("HASH", "RANGE"), strict=False)
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

    dead = sqs().create_queue(QueueName=f"dead-{mark}", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
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
