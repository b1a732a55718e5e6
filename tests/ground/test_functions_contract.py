"""What a handler sees and what its caller gets: the contract of Lambda's runtime, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from groundsill.ground.functions import results
from groundsill.ground.functions.results import LogLine
from groundsill.ground.functions.runner import FunctionRunner, function_name
from groundsill.ground.functions.settings import FunctionSettings
from groundsill.ground.resolved import ResolvedResource

T = TypeVar("T")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class Code:
    """A folder with a module ``app`` and functions in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[LogLine] = []

    def write(self, source: str, name: str = "app.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    def settings(self, handler: str = "app.handler", name: str = "hello", **more: Any) -> FunctionSettings:
        return FunctionSettings(
            name, ARN + name, handler, self.folder, Path(sys.executable), **{"timeout_seconds": 10.0, **more}
        )

    def run(
        self, use: Callable[[FunctionRunner], Awaitable[T]], *functions: FunctionSettings, warm: bool = False
    ) -> T:
        async def main() -> T:
            runner = FunctionRunner(functions or (self.settings(),), self.lines.append, preload=False)
            await runner.start(warm=warm)
            try:
                return await use(runner)
            finally:
                await runner.stop()

        return asyncio.run(asyncio.wait_for(main(), 50))

    def call(self, event: Any = None, **more: Any) -> results.InvocationResult:
        settings = self.settings(**more)
        return self.run(lambda runner: runner.invoke(settings.name, json.dumps(event).encode()), settings)

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]


@pytest.fixture
def code(tmp_path: Path) -> Code:
    folder = tmp_path / "code"
    folder.mkdir()
    return Code(folder)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def test_a_handler_gets_the_event_and_its_result_comes_back(code: Code) -> None:
    code.write("def handler(event, context):\n    return {'sum': event['a'] + event['b'], 'text': 'é'}\n")
    result = code.call({"a": 1, "b": 2})
    assert result.error is None
    assert json.loads(result.payload) == {"sum": 3, "text": "é"}
    assert result.init_ms is not None
    assert result.billed_ms >= 1


def test_a_handler_in_a_package_is_found_with_a_slash_and_with_a_dot(code: Code) -> None:
    code.write("", "functions/__init__.py")
    code.write(
        "from . import shared\ndef save(event, context):\n    return shared.NAME\n", "functions/sensor.py"
    )
    code.write("NAME = 'sensor'\n", "functions/shared.py")
    assert code.call(handler="functions.sensor.save").payload == b'"sensor"'
    assert code.call(handler="functions/sensor.save").payload == b'"sensor"'


def test_the_context_has_what_lambda_gives(code: Code) -> None:
    code.write(
        "def handler(event, context):\n"
        "    return [context.aws_request_id, context.function_name, context.function_version,\n"
        "            context.invoked_function_arn, context.memory_limit_in_mb, context.log_group_name,\n"
        "            context.log_stream_name, context.get_remaining_time_in_millis(),\n"
        "            context.identity.cognito_identity_id, context.client_context]\n"
    )
    result = code.call(timeout_seconds=7.0, memory_megabytes=256)
    seen = json.loads(result.payload)
    assert seen[:6] == [result.request_id, "hello", "$LATEST", ARN + "hello", "256", "/aws/lambda/hello"]
    assert "[$LATEST]" in seen[6]
    assert 6000 < seen[7] <= 7000
    assert seen[8:] == [None, None]


def test_a_client_context_reaches_the_handler(code: Code) -> None:
    code.write("def handler(event, context):\n    return context.client_context.custom\n")

    async def use(runner: FunctionRunner) -> bytes:
        return (await runner.invoke("hello", b"{}", client_context={"custom": {"who": "app"}})).payload

    assert json.loads(code.run(use)) == {"who": "app"}


def test_the_environment_is_the_functions_own_and_nothing_of_the_developers(
    code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "personal")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "personal-key")
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    monkeypatch.setenv("HOME", "/home/somebody")
    code.write(
        "import os, time\n"
        "def handler(event, context):\n    return dict(os.environ, cwd=os.getcwd(), zone=time.tzname[0])\n"
    )
    seen = json.loads(
        code.call(environment={"TABLE": "t"}, credentials={"AWS_ACCESS_KEY_ID": "role"}).payload
    )
    assert seen["TABLE"] == "t"
    assert seen["AWS_ACCESS_KEY_ID"] == "role"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "hello"
    assert seen["_HANDLER"] == "app.handler"
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["LAMBDA_TASK_ROOT"] == seen["cwd"] == str(code.folder)
    assert seen["zone"] == "UTC"
    assert not {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "HOME"} & set(seen)
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_an_exception_becomes_lambdas_error_object(code: Code) -> None:
    code.write(
        "def inner():\n    raise ValueError('no such session')\ndef handler(event, context):\n    inner()\n"
    )
    result = code.call()
    error = json.loads(result.payload)
    assert result.error is not None
    assert result.error.type == error["errorType"] == "ValueError"
    assert error["errorMessage"] == "no such session"
    assert error["requestId"] == result.request_id
    assert [
        f'app.py", line {line}' in text for line, text in zip((4, 2), error["stackTrace"], strict=True)
    ] == [True, True]
    assert any(m.startswith("[ERROR] ValueError: no such session\nTraceback") for m in code.messages)


@pytest.mark.parametrize(
    ("source", "handler", "kind", "text"),
    [
        (
            "import no_such_module\n",
            "app.handler",
            "Runtime.ImportModuleError",
            "No module named 'no_such_module'",
        ),
        ("", "other.handler", "Runtime.ImportModuleError", "Unable to import module 'other'"),
        ("def f(\n", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("import sys\n", "sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys"),
        ("raise KeyError('x')\n", "app.handler", "KeyError", "x"),
        ("import sys; sys.exit(4)\n", "app.handler", "Runtime.ExitError", "exit status 4"),
        (
            "def handler(e, c): return object()\n",
            "app.handler",
            "Runtime.MarshalError",
            "not JSON serializable",
        ),
        (
            "def handler(e, c): __import__('sys').exit(2)\n",
            "app.handler",
            "Runtime.ExitError",
            "exit status 2",
        ),
        (
            "def handler(e, c): __import__('sys').exit()\n",
            "app.handler",
            "Runtime.ExitError",
            "without providing",
        ),
        (
            "def handler(e, c): __import__('os')._exit(3)\n",
            "app.handler",
            "Runtime.ExitError",
            "exit status 3",
        ),
        (
            "def handler(e, c): __import__('os').abort()\n",
            "app.handler",
            "Runtime.ExitError",
            "signal: aborted",
        ),
        (
            "import ctypes\ndef handler(e, c): ctypes.string_at(0)\n",
            "app.handler",
            "Runtime.ExitError",
            "segmentation fault",
        ),
    ],
)
def test_each_way_to_fail_has_lambdas_own_error_type(
    code: Code, source: str, handler: str, kind: str, text: str
) -> None:
    code.write(source)
    result = code.call(handler=handler)
    assert result.error is not None
    assert (result.error.type, text in result.error.message) == (kind, True), result.error
    assert json.loads(result.payload)["errorType"] == kind


def test_the_request_after_a_crash_has_a_fresh_worker(code: Code) -> None:
    code.write(
        "import os\nseen = []\ndef handler(event, context):\n"
        "    seen.append(1)\n    if event.get('die'): os.kill(os.getpid(), 9)\n    return len(seen)\n"
    )

    async def use(runner: FunctionRunner) -> list[Any]:
        answers = [await runner.invoke("hello", body) for body in (b"{}", b"{}", b'{"die": true}', b"{}")]
        return [(json.loads(a.payload), a.error and a.error.message) for a in answers]

    first, second, third, fourth = code.run(use)
    assert (first[0], second[0], fourth[0]) == (1, 2, 1)
    assert "signal: killed" in third[1]


def test_decimals_of_dynamodb_are_written_as_numbers(code: Code) -> None:
    code.write(
        "from decimal import Decimal\ndef handler(e, c):\n"
        "    return [Decimal('72.5'), Decimal('3'), Decimal('1E+2')]\n"
    )
    assert code.call().payload == b"[72.5, 3, 100]"


def test_logs_have_start_lines_report_and_request_id(code: Code) -> None:
    code.write(
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n    print('printed')\n    logging.info('two\\nlines')\n"
        "    import sys; sys.stderr.write('to stderr\\n')\n    __import__('os').system('echo from a child')\n"
    )
    result = code.call()
    lines = code.messages
    assert lines[0] == f"START RequestId: {result.request_id} Version: $LATEST"
    assert lines[1] == "printed"
    assert lines[2].startswith("[INFO]\t")
    assert lines[2].endswith(f"Z\t{result.request_id}\ttwo\nlines")
    assert lines[3:5] == ["to stderr", "from a child"]
    assert lines[5] == f"END RequestId: {result.request_id}"
    assert lines[6].startswith(f"REPORT RequestId: {result.request_id}\tDuration: ")
    assert "Init Duration" in lines[6]
    assert {line.request_id for line in code.lines} == {result.request_id}
    assert {line.function for line in code.lines} == {"hello"}
    assert b"REPORT" in result.log_tail


def test_json_logs_are_one_object_a_line(code: Code) -> None:
    code.write("import logging\ndef handler(e, c): logging.getLogger('my').info('hi', extra={'user': 7})\n")
    result = code.call(log_format="JSON", log_level="INFO")
    (line,) = [json.loads(m) for m in code.messages if m.startswith("{")]
    assert (line["message"], line["level"], line["logger"], line["user"]) == ("hi", "INFO", "my", 7)
    assert line["requestId"] == result.request_id


def test_names_arns_and_invocation_arns_mean_the_same_function(code: Code) -> None:
    code.write("def handler(e, c): return 1\n")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}hello/invocations"
    references = ["hello", ARN + "hello", ARN + "hello:$LATEST", uri]
    assert {function_name(reference) for reference in references} == {"hello"}

    async def use(runner: FunctionRunner) -> list[bytes]:
        return [(await runner.invoke(reference, b"{}")).payload for reference in references]

    assert code.run(use) == [b"1"] * 4


def test_an_unknown_function_is_refused_by_name(code: Code) -> None:
    with pytest.raises(results.UnknownFunction, match="nobody"):
        code.run(lambda runner: runner.invoke("nobody", b"{}"))


def test_settings_come_from_the_terraform_resource(tmp_path: Path) -> None:
    resource = ResolvedResource(
        "aws_lambda_function.save",
        "aws_lambda_function",
        "save",
        {
            "function_name": "save-raw",
            "handler": "functions.sensor.save",
            "runtime": "python3.13",
            "timeout": 25,
            "memory_size": 512,
            "environment": [{"variables": {"TABLE": "raw"}}],
            "reserved_concurrent_executions": -1,
            "logging_config": [{"log_format": "JSON"}],
            "architectures": ["arm64"],
        },
        {"arn": ARN + "save-raw"},
        "save",
    )
    made = FunctionSettings.from_resource(
        resource, code_directory=tmp_path, interpreter=Path(sys.executable), credentials={}
    )
    assert (made.name, made.timeout_seconds, made.memory_megabytes) == ("save-raw", 25.0, 512)
    assert (made.environment, made.concurrency, made.log_format) == ({"TABLE": "raw"}, None, "JSON")
    assert made.component == "save"


@pytest.mark.parametrize(
    "more", [{"runtime": "nodejs22.x"}, {"package_type": "Image"}, {"runtime": "python3.13"}]
)
def test_functions_that_cannot_run_here_are_refused_with_the_reason(
    tmp_path: Path, more: dict[str, str]
) -> None:
    resource = ResolvedResource(
        "aws_lambda_function.x", "aws_lambda_function", "x", {"function_name": "x", **more}
    )
    with pytest.raises(ValueError, match=r"aws_lambda_function\.x"):
        FunctionSettings.from_resource(
            resource, code_directory=tmp_path, interpreter=Path(sys.executable), credentials={}
        )
