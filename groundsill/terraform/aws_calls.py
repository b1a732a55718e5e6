"""Asking AWS for something that Terraform has no word for: through boto3 where it is installed, else the AWS command line."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any


class AwsCalls:
    """Calls of AWS services, with the credentials of the environment.

    Arguments:
        region: AWS region.
        seconds: how long an answer may take, asked twice; default as long as boto3 or the command line wait.
    """

    def __init__(self, region: str, *, seconds: float | None = None) -> None:
        self.region = region
        self._seconds = seconds
        self._boto = importlib.util.find_spec("boto3") is not None
        self._cli = shutil.which("aws")

    @property
    def possible(self) -> bool:
        """Whether there is a way to ask."""
        return self._boto or self._cli is not None

    def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | str:
        """The whole answer, all its pages; where AWS refuses, its words.

        Arguments:
            service: in the words of boto3, for example ``ecr``.
            operation: in the words of boto3, for example ``describe_images``.
            arguments: of the operation.
        """
        if self._boto:
            return self._with_boto(service, operation, arguments)
        return self._with_cli(service, operation, arguments) if self._cli else "neither boto3 nor the AWS command line is here"

    def _with_boto(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | str:
        from botocore.exceptions import BotoCoreError, ClientError

        boto3: Any = importlib.import_module("boto3")
        try:
            # A session of its own: the one that boto3 shares keeps the credentials of whoever asked first in this process.
            client = boto3.Session().client(service, region_name=self.region, config=self._patience())
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**arguments).build_full_result()
            return getattr(client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            return f"{error} {getattr(error, 'response', {}).get('Error', {}).get('Code', '')}"

    def _patience(self) -> Any:
        from botocore.config import Config

        return None if self._seconds is None else Config(
            connect_timeout=self._seconds, read_timeout=self._seconds, retries={"total_max_attempts": 2})

    def _with_cli(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | str:
        patience = [] if self._seconds is None else [
            "--cli-connect-timeout", str(int(self._seconds)), "--cli-read-timeout", str(int(self._seconds))]
        done = subprocess.run(
            [str(self._cli), service, operation.replace("_", "-"), "--region", self.region, "--output", "json",
             *patience, "--cli-input-json", json.dumps(dict(arguments))], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()
