"""The ``context`` argument of a handler, with the attributes of Lambda's Python runtime.

Source: AWS Lambda Developer Guide, "Using the Lambda context object to retrieve Python function information".
"""

from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace
from typing import Any, cast

_CLIENT_FIELDS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class LambdaContext:
    """Methods and properties about the invocation, the function and its environment."""

    def __init__(
        self, request_id: str, deadline_ms: int, function_arn: str, client_context: Any, tenant_id: str | None
    ) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = _client_context(client_context)
        self.tenant_id = tenant_id
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message: object) -> None:
        """Writes a line to the function's log."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        shown = ",".join(f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"LambdaContext([{shown}])"


def _client_context(value: Any) -> SimpleNamespace | None:
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    client: Any = given.get("client")
    return SimpleNamespace(
        custom=given.get("custom"),
        env=given.get("env"),
        client=_client(cast("dict[str, Any]", client)) if isinstance(client, dict) else None,
    )


def _client(given: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{name: given.get(name) for name in _CLIENT_FIELDS})
