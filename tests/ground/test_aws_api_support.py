"""Starts the AWS API for tests that use an ordinary, blocking SDK."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.exceptions import ClientError

from groundsill.ground.aws_api import AwsApi, AwsApiSettings, Credentials

REGION = "us-east-1"
ACCOUNT = "000000000000"
TRUST = ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
         '"Principal": {"Service": "lambda.amazonaws.com"}}]}')


class RunningApi:
    """An API in a process of its own, its asyncio side on a thread."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.directory = directory
        self._clients: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.api: AwsApi = self.run(AwsApi.start(AwsApiSettings(directory, **settings)))

    @property
    def url(self) -> str:
        return self.api.url

    @property
    def root(self) -> Credentials:
        return self.api.root_credentials()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def client(self, service: str, credentials: Credentials | None = None, **options: Any) -> Any:
        used = credentials or self.root
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=used.access_key_id,
            aws_secret_access_key=used.secret_access_key, aws_session_token=used.session_token or None, **options)

    def client_of(self, service: str) -> Any:
        """The ground's own client of a service, made once: making one costs more than a call."""
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def role(self, name: str, statements: list[dict[str, Any]]) -> Credentials:
        """Credentials of a role with exactly these statements."""
        import json

        iam = self.client("iam")
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        iam.put_role_policy(RoleName=name, PolicyName="grants",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        return self.run(self.api.role_credentials(f"arn:aws:iam::{ACCOUNT}:role/{name}", name))

    def mail(self, to: str) -> list[dict[str, Any]]:
        return self.run(self.api.mail(to))

    def kill(self) -> None:
        """kill -9, then what a supervisor does: wait for the end, start again."""
        assert self.api.pid is not None
        os.kill(self.api.pid, signal.SIGKILL)
        assert self.run(self.api.crashed()) == -signal.SIGKILL
        self.run(self.api.restart())

    def stop(self) -> None:
        self.run(self.api.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def grant(actions: str | list[str], resource: str) -> list[dict[str, Any]]:
    return [{"Effect": "Allow", "Action": actions, "Resource": resource}]


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Code and message of the error with which a call fails."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("the call was allowed")


def table(api: RunningApi, name: str, sort_type: str = "S") -> None:
    """A table as OpenMetabolics has them: session and time, and an index by user."""
    api.client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "SessionId", "KeyType": "HASH"}, {"AttributeName": "Timestamp", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "SessionId", "AttributeType": "S"},
                              {"AttributeName": "Timestamp", "AttributeType": sort_type},
                              {"AttributeName": "UserEmail", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{"IndexName": "UserEmailIndex", "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
            {"AttributeName": "UserEmail", "KeyType": "HASH"}, {"AttributeName": "Timestamp", "KeyType": "RANGE"}]}])
