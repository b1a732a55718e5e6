"""Which calls of a deploy the ground makes, in which order, and what it remembers of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage, aws
from groundsill import components as c
from groundsill.graph import Graph, GroundsillError
from groundsill.graph.migration import migration_calls
from groundsill.ground.functions.results import FunctionError, InvocationResult, UnknownFunction
from groundsill.ground.migrations import Migrations
from groundsill.ground.provision.reasons import reason_of
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource
from tests.component_support import build


def _chain(_: Stage) -> None:
    """The second runs after the first; the third is alone."""
    catalog = c.Function("catalog", "functions.f:handle")
    second = c.Function("migrate-second", "functions.f:handle")
    c.Migration("first", c.Function("migrate-first", "functions.f:handle"), before=[second])
    c.Migration("second", second, before=[catalog])
    c.Migration("third", c.Function("migrate-third", "functions.f:handle"), before=[catalog])


class Runner:
    """Functions that succeed, or raise what a test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.wrong: dict[str, Exception | None] = {}

    async def __call__(self, function: str, event: bytes) -> InvocationResult:
        name = function[function.index("migrate-"):]
        self.asked.append((name, json.loads(event)))
        if name not in self.wrong:
            return InvocationResult("1", b"{}", None, 1.0, None, 10)
        error = self.wrong[name]
        if error is not None:
            raise error
        said = f"{name} is wrong"
        told = json.dumps({"errorType": "ValueError", "errorMessage": said}).encode()
        return InvocationResult("1", told, FunctionError("ValueError", said), 1.0, None, 10, ("a line",))

    @property
    def names(self) -> list[str]:
        found, self.asked = [name for name, _ in self.asked], []
        return found


def _resolved(graph: Graph) -> ResolvedGraph:
    """The graph with names in place of references, as far as a call has any."""
    def plain(address: str, arguments: Any) -> dict[str, Any]:
        function = next((call.function_name for call in migration_calls(graph) if call.address == address), None)
        return {**arguments, **({"function_name": function} if function else {})}

    return ResolvedGraph([ResolvedResource(item.address, item.type, item.name, plain(item.address, item.arguments), {},
                                           item.component) for item in graph])


@pytest.fixture
def ground(tmp_path: Path) -> Callable[[Runner], Migrations]:
    graph = build(_chain)

    def made(runner: Runner) -> Migrations:
        return Migrations(graph, _resolved(graph), runner, tmp_path / "migrations.json", lambda *_: None)

    return made


def test_what_needs_a_migration_that_failed_is_not_run_and_all_others_are(ground: Callable[[Runner], Migrations]) -> None:
    runner = Runner()
    runner.wrong = {"migrate-first": None, "migrate-third": UnknownFunction("Function not found: migrate-third")}
    with pytest.raises(GroundsillError) as raised:
        asyncio.run(ground(runner).run_due())
    told = {item.subject: item.detail for item in raised.value.diagnostics}
    assert set(told) == {'Migration("first")', 'Migration("third")'}
    assert "ValueError: migrate-first is wrong" in told['Migration("first")'] and "a line" in told['Migration("first")']
    assert "Function not found" in told['Migration("third")']
    assert sorted(runner.names) == ["migrate-first", "migrate-third"]
    # What failed runs again, what was not run runs now; then nothing does.
    runner.wrong = {}
    assert asyncio.run(ground(runner).run_due()) == "3 run"
    names = runner.names
    assert sorted(names) == ["migrate-first", "migrate-second", "migrate-third"]
    assert names.index("migrate-first") < names.index("migrate-second")
    assert asyncio.run(ground(runner).run_due()) == "3 as they were" and not runner.names


@pytest.mark.parametrize("content", ["not JSON", "[]", "", "{}"])
def test_a_damaged_memory_only_means_that_migrations_run_again(
    content: str, ground: Callable[[Runner], Migrations], tmp_path: Path,
) -> None:
    (tmp_path / "migrations.json").write_text(content)
    assert asyncio.run(ground(Runner()).run_due()) == "3 run"


def test_an_up_by_command_counts_as_run_and_another_command_does_not(ground: Callable[[Runner], Migrations]) -> None:
    runner = Runner()
    for command, rest in (("status", "3 run"), ("up", "2 run, 1 as they were")):
        migrations = ground(runner)
        migrations._memory.unlink(missing_ok=True)
        migrations._known.clear()
        asyncio.run(migrations.command("third", {"command": command}))
        assert asyncio.run(ground(runner).run_due()) == rest


def test_a_call_of_what_is_none_of_the_systems_code_is_recorded_only_and_no_migration() -> None:
    def define(_: Stage) -> None:
        aws.lambda_invocation("elsewhere", function_name="somebody-elses", input='{"command": "up"}')
        own = c.Function("own", "functions.f:handle")
        aws.lambda_invocation("seed", function_name=own.resource["function_name"], input='{"seed": true}')

    graph = build(define)
    assert reason_of(graph["aws_lambda_invocation.elsewhere"], graph) == "not called: its function is none of this system"
    assert reason_of(graph["aws_lambda_invocation.seed"], graph) is None
    assert not migration_calls(graph)


def test_a_migration_that_uses_what_runs_here_runs_and_one_that_uses_a_secret_or_a_bucket_says_which() -> None:
    def define(_: Stage) -> None:
        catalog = c.Function("catalog", "functions.f:handle")
        uses = {"table": [c.Table("items", key="Id").read_write], "secret": [c.Secret("login", generate=["key"]).read],
                "bucket": [c.Bucket("seeds").read]}
        for name, grants in uses.items():
            c.Migration(name, c.Function(f"migrate-{name}", "functions.f:handle", uses=grants), before=[catalog])

    graph = build(define)
    assert reason_of(graph["aws_lambda_invocation.table"], graph) is None
    for name, missed in (("secret", "login"), ("bucket", "seeds")):
        assert reason_of(graph[f"aws_lambda_invocation.{name}"], graph) == (
            f"not run: it needs {missed}, which the ground cannot run yet")


def test_what_is_saved_while_a_migration_runs_is_run_afterwards(tmp_path: Path) -> None:
    from groundsill.definition.running import load_system

    (tmp_path / "migrate.py").write_text("")
    (tmp_path / "system.py").write_text("""
from groundsill import Stage, System
from groundsill.components import Function, Migration

system = System("shop", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    migrate = Function("migrate-items", "migrate:handle", include=["migrate.py"])
    Migration("items", migrate, before=[Function("catalog", "migrate:handle", include=["migrate.py"])])
""")
    graph, _ = load_system(tmp_path).examine("dev")

    class Saving(Runner):
        async def __call__(self, function: str, event: bytes) -> InvocationResult:
            (tmp_path / "migrate.py").write_text(f"# {len(self.asked)}\n" if len(self.asked) < 2 else "# 1\n")
            return await super().__call__(function, event)

    runner = Saving()
    migrations = Migrations(graph, _resolved(graph), runner, tmp_path / "migrations.json", lambda *_: None)
    told = [asyncio.run(migrations.run_due()) for _ in range(4)]
    assert told == ["1 run", "1 run", "1 run", "1 as they were"]
