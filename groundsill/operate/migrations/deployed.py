"""Migrations of a deployed stage: their functions are invoked in AWS, with the credentials of whoever asks.

Source: AWS Lambda API Reference, "Invoke" (RequestResponse, LogType Tail: the last 4 KB of the log).
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import time
from collections.abc import Mapping
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.graph.migration import Migration, log_words, migration_calls
from groundsill.operate.migrations.place import WAIT_SECONDS, Called, no_answer
from groundsill.terraform.preflight import Caller

_CONNECT_SECONDS = 10.0


class Deployed:
    """A stage in AWS.

    Arguments:
        graph: the stage's graph, which names the functions.
        caller: whose credentials these are.

    Raises:
        GroundsillError: GS2208 where boto3 is not installed.
    """

    def __init__(self, graph: Graph, caller: Caller) -> None:
        if importlib.util.find_spec("boto3") is None:
            raise GroundsillError(Diagnostic("GS2208", "what invokes a function in AWS is not installed",
                                             mend="install it: pip install boto3"))
        self._graph, self._caller = graph, caller

    @property
    def words(self) -> str:
        """Account and region."""
        account = f"account {self._caller.account}, " if self._caller.account else ""
        return f"in AWS, {account}{self._graph.region}"

    @property
    def migrations(self) -> list[Migration]:
        """Every one of the definition, in order."""
        return [Migration(call.component, call.function_name, call.timeout) for call in migration_calls(self._graph)]

    def call(self, migration: Migration, event: Mapping[str, Any]) -> Called:
        """Invoke the function once: what has changed a schema is not called a second time because its answer was slow."""
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

        client = self._client(migration.timeout + WAIT_SECONDS)
        began = time.perf_counter()
        try:
            answer: Any = client.invoke(
                FunctionName=migration.function, InvocationType="RequestResponse", LogType="Tail",
                Payload=json.dumps(dict(event)).encode())
            payload = answer["Payload"].read().decode("utf-8", "replace")
        except (ReadTimeoutError, ConnectionClosedError) as error:
            raise GroundsillError(no_answer(migration, str(error))) from error
        except ClientError as error:
            response: Any = error.response
            raise GroundsillError(self._refused(migration, response.get("Error", {}))) from error
        except BotoCoreError as error:
            raise GroundsillError(Diagnostic(
                "GS2210", f"AWS cannot be asked to run the migration {migration.component}", detail=str(error),
                mend="nothing was run; see that the network and the credentials (AWS_PROFILE) are there")) from error
        tail = base64.b64decode(answer.get("LogResult") or "").decode("utf-8", "replace")
        return Called(payload, "FunctionError" in answer, tuple(log_words(tail.splitlines())), time.perf_counter() - began)

    def _client(self, seconds: float) -> Any:
        from botocore.config import Config

        boto3: Any = importlib.import_module("boto3")
        # Kept alive: what forwards connections forgets one that is silent for some minutes, and the answer with it.
        return boto3.Session().client("lambda", region_name=self._graph.region, config=Config(
            connect_timeout=_CONNECT_SECONDS, read_timeout=seconds, retries={"total_max_attempts": 1}, tcp_keepalive=True))

    def _refused(self, migration: Migration, error: Mapping[str, Any]) -> Diagnostic:
        code, message = str(error.get("Code", "")), str(error.get("Message", ""))
        if code == "ResourceNotFoundException":
            return Diagnostic(
                "GS2209", f"there is no function {migration.function} {self.words}", detail=message,
                mend=f"deploy it first: `groundsill deploy --stage {self._graph.stage}`, with this account's credentials and "
                     f"--set as now; a system that runs on this machine is asked with --here")
        rights = code in ("AccessDeniedException", "AccessDenied")
        return Diagnostic(
            "GS2210", f"AWS does not run the migration {migration.component}", detail=f"{code}: {message}",
            mend=f"nothing was run; {self._caller.arn or 'the caller'} needs lambda:InvokeFunction on {migration.function}"
            if rights else "nothing was run; try again when that is mended",
        )
