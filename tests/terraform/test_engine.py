"""The engine against a program that says what Terraform would say: every failure is one clear error, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource
from groundsill.graph.source import SourceLocation
from groundsill.terraform.changes import read_plan
from groundsill.terraform.engine import Engine, EngineError, Interrupted
from groundsill.terraform.events import Event, problems_in_text
from groundsill.terraform.failures import read_lock
from groundsill.terraform.running import earlier_run

_FAKE = '''\
#!{python}
import json, os, pathlib, signal, sys, time
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "version":
    print({version!r}); sys.exit()
def say(type, **more):
    print(json.dumps({{"@message": more.pop("message", ""), "type": type, **more}}), flush=True)
def fail(summary, detail="", address=""):
    say("diagnostic", diagnostic={{"severity": "error", "summary": summary, "detail": detail, "address": address}})
    sys.exit(1)
{body}
'''


class Fake:
    """Makes programs in the place of Terraform."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        self.record = folder / "calls"

    def engine(self, body: str = "", version: str = "Terraform v1.11.4", **environment: str) -> Engine:
        path = self.folder / "terraform"
        path.write_text(_FAKE.format(python=sys.executable, record=str(self.record), version=version,
                                     body=textwrap.dedent(body)))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return Engine.find(str(path), environment={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment})

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def _code(error: pytest.ExceptionInfo[GroundsillError]) -> str:
    assert len(error.value.diagnostics) == 1, error.value
    return error.value.diagnostics[0].code


def test_no_terraform_on_the_machine_is_said_with_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(GroundsillError, match="brew install") as error:
        Engine.find(environment={"PATH": str(tmp_path)})
    assert _code(error) == "GS3001"


def test_a_named_program_that_does_not_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(GroundsillError, match="nowhere") as error:
        Engine.find(environment={"PATH": str(tmp_path), "GROUNDSILL_TERRAFORM": "nowhere"})
    assert _code(error) == "GS3003"


@pytest.mark.requirement("OM-O01")
@pytest.mark.parametrize("version", ["Terraform v1.9.8", "OpenTofu v1.6.2"])
def test_an_old_version_is_refused(fake: Fake, version: str) -> None:
    with pytest.raises(GroundsillError, match=r"1\.10\.0 is needed") as error:
        fake.engine(version=version)
    assert _code(error) == "GS3002"


def test_opentofu_is_taken_as_well(fake: Fake) -> None:
    engine = fake.engine(version="OpenTofu v1.10.3\non linux_amd64")
    assert (engine.product, engine.version) == ("OpenTofu", (1, 10, 3))


@pytest.mark.parametrize(("summary", "detail", "code"), [
    ("Error saving state", "write terraform.tfstate: no space left on device", "GS3010"),
    ("No valid credential sources found", "Please see https://registry.terraform.io/", "GS3007"),
    ("creating SQS Queue", "api error ExpiredToken: The security token included in the request is expired", "GS3008"),
    ("Plugin did not respond", "The plugin encountered an error, and failed to respond to the call", "GS3009"),
    ("Error loading state", "Unsupported state file format: The state file could not be parsed as JSON", "GS3005"),
    ("Failed to query available provider packages", "could not connect to registry.terraform.io", "GS3004"),
    ("Error refreshing state", "operation error S3: HeadObject, dial tcp 10.0.0.1:443: connection refused", "GS3006"),
    ("Error acquiring the state lock", "Error message: Unsupported state file format", "GS3005"),
    ("Saved plan is stale", "The given plan file can no longer be applied", "GS3015"),
    ("creating IAM Role", "AccessDenied: User is not authorized to perform: iam:CreateRole", "GS3016"),
    ("Instance cannot be destroyed", "Resource has lifecycle.prevent_destroy set", "GS3021"),
    ("Invalid reference", "A reference to a resource type must be followed by a name", "GS3013"),
])
def test_each_failure_has_one_error_of_its_own(fake: Fake, summary: str, detail: str, code: str) -> None:
    engine = fake.engine(f"fail({summary!r}, {detail!r})")
    with pytest.raises(EngineError) as error:
        engine.apply(fake.work, fake.work / "plan")
    assert _code(error) == code and summary in str(error.value)


def test_a_crash_of_the_provider_shows_its_panic_and_what_had_been_done(fake: Fake) -> None:
    engine = fake.engine('''
        done = {"resource": {"addr": "aws_sqs_queue.a"}, "action": "create", "elapsed_seconds": 1}
        say("apply_start", hook=done); say("apply_complete", hook=done)
        say("apply_start", hook={"resource": {"addr": "aws_sqs_queue.b"}, "action": "create"})
        sys.stderr.write("panic: runtime error: nil pointer\\n\\ngoroutine 1 [running]:\\n")
        fail("Plugin did not respond", "The plugin encountered an error")
    ''')
    with pytest.raises(EngineError, match="nil pointer") as error:
        engine.apply(fake.work, fake.work / "plan")
    assert _code(error) == "GS3009"
    assert error.value.summary is not None
    assert [item.address for item in error.value.summary.resources] == ["aws_sqs_queue.a"]
    assert error.value.summary.unfinished == ("aws_sqs_queue.b",)


def test_a_resource_that_fails_is_shown_at_its_component(fake: Fake) -> None:
    graph = Graph("shop", "dev")
    graph.add(Resource("aws_sqs_queue", "jobs", {}, component="jobs", subject='Queue("jobs")',
                       location=SourceLocation("/shop/system.py", 9)))
    engine = fake.engine('fail("creating SQS Queue (x)", "InvalidAttributeValue", "aws_sqs_queue.jobs[0]")')
    with pytest.raises(EngineError) as error:
        engine.apply(fake.work, fake.work / "plan", graph=graph)
    found = error.value.diagnostics[0]
    assert (found.code, found.subject, str(found.location)) == ("GS3012", 'Queue("jobs")', "/shop/system.py:9")


@pytest.mark.requirement("IU-T01")
def test_a_lock_is_told_with_owner_and_age(fake: Fake) -> None:
    lock = ("Lock Info:\n  ID:        abc-1\n  Path:      states/shop\n  Operation: OperationTypeApply\n"
            "  Who:       ana@laptop\n  Version:   1.11.4\n  Created:   2026-01-02 03:04:05.678 +0000 UTC\n  Info:      \n")
    engine = fake.engine(f'fail("Error acquiring the state lock", {lock!r})')
    with pytest.raises(EngineError) as error:
        engine.apply(fake.work, fake.work / "plan")
    found = error.value.diagnostics[0]
    assert found.code == "GS3011" and "held by ana@laptop, since 2026-01-02 03:04:05 UTC" in found.detail
    assert "--lock abc-1" in found.mend
    assert read_lock("nothing of the kind") is None


def test_a_provider_that_says_nothing_and_ends_is_an_error_too(fake: Fake) -> None:
    with pytest.raises(EngineError, match="signal 9"):
        fake.engine("os.kill(os.getpid(), signal.SIGKILL)").apply(fake.work, fake.work / "plan")


def test_events_come_while_terraform_works(fake: Fake) -> None:
    engine = fake.engine('''
        hook = {"resource": {"addr": "aws_sqs_queue.a"}, "action": "create"}
        say("apply_start", hook=hook)
        while not pathlib.Path("go-on").exists(): time.sleep(0.01)
        say("apply_complete", hook=hook)
    ''')

    def on_event(event: Event) -> None:
        if event.kind == "resource_start":  # it only goes on once this was heard
            (fake.work / "go-on").touch()

    assert engine.apply(fake.work, fake.work / "plan", on_event=on_event).resources[0].action == "create"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C means what it does in a terminal, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_passed_on_once_and_a_second_ends_it_by_force(fake: Fake) -> None:
    stubborn = '''
        signal.signal(signal.SIGINT, lambda *_: say("log", message="stopping"))
        say("apply_start", hook={"resource": {"addr": "aws_sqs_queue.a"}, "action": "create"})
        while True: time.sleep(0.05)
    '''
    heard: list[str] = []

    def on_event(event: Event) -> None:
        heard.append(event.message)
        if event.kind == "resource_start" or event.message == "stopping":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as stop:
        fake.engine(stubborn).apply(fake.work, fake.work / "plan", on_event=on_event)
    assert stop.value.killed and "stopping" in heard
    assert stop.value.summary is not None and stop.value.summary.unfinished == ("aws_sqs_queue.a",)
    assert earlier_run(fake.work) is None


def test_a_run_whose_command_was_killed_goes_on_and_is_waited_for(fake: Fake) -> None:
    engine = fake.engine('''
        if sys.argv[1] == "apply":
            while not pathlib.Path("end").exists(): time.sleep(0.01)
            print("a line that nobody reads", flush=True)
            pathlib.Path("state-is-written").touch()
        else: print("{}")
    ''')
    program = ("import sys; from pathlib import Path; from groundsill.terraform.engine import Engine\n"
               "Engine.find(sys.argv[1]).apply(Path(sys.argv[2]), Path('plan'))")
    command = subprocess.Popen([sys.executable, "-c", program, str(engine.binary), str(fake.work)])
    while earlier_run(fake.work) is None:
        assert command.poll() is None
    command.kill()
    command.wait()
    assert earlier_run(fake.work) is not None
    (fake.work / "end").touch()
    assert engine.output(fake.work) == {}
    assert (fake.work / "state-is-written").exists()


def test_a_secret_is_on_no_command_line_and_in_no_file_but_the_plan(fake: Fake, tmp_path: Path) -> None:
    engine = fake.engine('''
        if sys.argv[1] == "plan":
            variables = next(word for word in sys.argv if word.startswith("-var-file=")).removeprefix("-var-file=")
            assert os.stat(variables).st_mode & 0o077 == 0
            assert json.load(open(variables)) == {"password": "hunter2-planted"}
            out = next(word for word in sys.argv if word.startswith("-out=")).removeprefix("-out=")
            open(out, "w").write("hunter2-planted")
        else: print(json.dumps({"resource_changes": []}))
    ''')
    out = tmp_path / "elsewhere" / "plan"
    plan = engine.plan(fake.work, out=out, variables={"password": "hunter2-planted"})
    assert not plan.has_changes and out.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in json.dumps(fake.calls)
    assert all(b"hunter2" not in path.read_bytes() for path in fake.work.rglob("*") if path.is_file())


def test_settings_of_the_environment_that_change_commands_are_left_out(fake: Fake) -> None:
    engine = fake.engine(TF_CLI_ARGS_apply="-destroy", TF_CLI_CONFIG_FILE="/nowhere/terraformrc", TF_LOG_PROVIDER="INFO")
    assert "TF_CLI_ARGS_apply" not in engine.environment and "TF_CLI_CONFIG_FILE" not in engine.environment
    assert engine.environment["TF_LOG_PROVIDER"] == "INFO" and engine.environment["TF_IN_AUTOMATION"] == "1"


def test_errors_in_text_are_read_like_those_of_the_stream() -> None:
    text = "╷\n│ Error: First\n│ \n│ Why.\n╵\n╷\n│ Warning: Second\n╵\n"
    assert [(item.summary, item.detail, item.error) for item in problems_in_text(text)] == [
        ("First", "Why.", True), ("Second", "", False)]


def _plan(*changes: dict[str, Any]) -> Any:
    return read_plan({"resource_changes": list(changes)}, Path("plan"))


def test_secret_and_unknown_values_are_words_in_a_plan() -> None:
    plan = _plan({
        "address": "aws_ssm_parameter.p", "type": "aws_ssm_parameter", "change": {
            "actions": ["update"], "before": {"value": "hunter2", "arn": "a", "tags": {"a": "1", "b": "2"}},
            "after": {"value": "hunter3", "tags": {"a": "1", "b": "3"}}, "after_unknown": {"arn": True},
            "before_sensitive": {"value": True}, "after_sensitive": {"value": True}}})
    shown = {item.path: (item.before, item.after) for item in plan.changes[0].attributes}
    assert shown == {"value": ("(sensitive)", "(sensitive)"), "arn": ("a", "(known after apply)"), "tags.b": ("2", "3")}
    assert "hunter" not in json.dumps(plan.changes[0].to_dict())


def test_the_attribute_that_forces_a_replacement_is_named() -> None:
    plan = _plan({
        "address": "aws_dynamodb_table.t", "type": "aws_dynamodb_table", "action_reason": "replace_because_cannot_update",
        "change": {"actions": ["delete", "create"], "before": {"hash_key": "a", "attribute": [{"name": "a"}]},
                   "after": {"hash_key": "b", "attribute": [{"name": "b"}]}, "replace_paths": [["hash_key"]]}})
    assert plan.changes[0].forced_by == ("hash_key",) and plan.changes[0].loses_data and plan.losses
