"""Migrations of a running system: called before anything else takes requests, and again when their code has changed.

What Terraform keeps in its state, that a call was made for this content, is kept here beside the data that it was made
for: deleted with it, the call is made again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from groundsill.components.functions import PACKAGE_FOLDER, package_digest
from groundsill.graph import Diagnostic, FunctionPackage, Graph, GroundsillError, Resource
from groundsill.graph.migration import (
    CALL_TYPE,
    Migration,
    called_function,
    failure_words,
    log_words,
    migration_calls,
    told_log,
)
from groundsill.ground.control import write_whole
from groundsill.ground.functions.results import InvocationRefused, InvocationResult
from groundsill.ground.provision.reasons import reason_of
from groundsill.ground.resolved import ResolvedGraph
from groundsill.ground.services.watching import changes

Invoke = Callable[[str, bytes], Awaitable[InvocationResult]]
Log = Callable[[str, str, str], None]
_CONTENT = ("function_name", "input", "qualifier", "triggers")
"""When one of these changes, Terraform calls again."""


class _Call(NamedTuple):
    """One call that a deploy would make."""

    address: str
    component: str
    function: str
    function_address: str
    content: Mapping[str, Any]
    package: FunctionPackage | None
    reason: str


class Migrations:
    """Every call of a function that a deploy makes, migrations among them.

    Arguments:
        graph: the system's graph.
        resolved: the same with the values of this machine.
        invoke: runs a function, given its name and an event.
        memory: file that remembers what was called for which content.
        log: takes a component, a line and a level.
    """

    def __init__(self, graph: Graph, resolved: ResolvedGraph, invoke: Invoke, memory: Path, log: Log) -> None:
        self._graph, self._invoke, self._memory, self._log = graph, invoke, memory, log
        self._calls = [self._call(item, resolved) for item in graph.order() if item.type == CALL_TYPE]
        self._listed = {call.component: call for call in migration_calls(graph)}
        self._known = _read(memory)
        # One at a time: a command may ask while changed code is run.
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def listed(self) -> list[Migration]:
        """What a command can ask for, in the order in which they run."""
        reasons = {call.address: call.reason for call in self._calls}
        return [Migration(name, call.function_name, call.timeout, reasons[call.address])
                for name, call in self._listed.items()]

    async def run_due(self) -> str:
        """Make every call that was not yet made for its content, or did not come to a good end.

        Returns:
            How many were made, in words.

        Raises:
            GroundsillError: GS2018 for each that failed; what needs one of them is not called.
        """
        problems: list[Diagnostic] = []
        failed: set[str] = set()
        made = kept = 0
        async with self._turn:
            for call in self._calls:
                if call.reason or failed & set(self._graph.needs(call.address)):
                    continue
                if not self._due(call):
                    kept += 1
                    continue
                problem = await self._make(call)
                if problem is None:
                    made += 1
                else:
                    failed.add(call.address)
                    problems.append(problem)
        if problems:
            raise GroundsillError(problems)
        left = sum(bool(call.reason) for call in self._calls)
        words = {"run": made, "as they were": kept, "not run": left}
        return ", ".join(f"{number} {word}" for word, number in words.items() if number)

    def follow(self) -> None:
        """From now on, call again where code has changed; a failure is a line in the log, since the system runs."""
        paths = {path for call in self._calls if call.package and not call.reason for path in _paths(call.package)}
        if paths:
            self._following = asyncio.get_running_loop().create_task(self._follow(paths))

    async def stop(self) -> None:
        """Follow no more; a call that is under way is ended with its function."""
        self._stop.set()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def command(self, component: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Call a migration's function for a command.

        Arguments:
            component: of a migration that runs here.
            event: with the command.

        Returns:
            ``payload`` and ``failed``, ``log`` and ``seconds``.
        """
        listed = self._listed[component]
        call = next(item for item in self._calls if item.address == listed.address)
        async with self._turn:
            began, content = time.perf_counter(), self._content(call)
            result, refused = await self._invoked(call, json.dumps(dict(event)).encode())
            done: dict[str, Any] = {"payload": refused, "failed": True, "log": [], "seconds": time.perf_counter() - began}
            if result is not None:
                done |= {"payload": result.payload.decode("utf-8", "replace"), "failed": result.error is not None,
                         "log": log_words(result.lines)}
                if result.error is None and dict(event) == _event(call):
                    self._remember(call, content, "done")
        return done

    # -- one call ------------------------------------------------------------------------------------------------------

    def _call(self, item: Resource, resolved: ResolvedGraph) -> _Call:
        function = called_function(item, self._graph)
        arguments = resolved[item.address].arguments
        packages = {part.address: part for part in self._graph.artifacts if isinstance(part, FunctionPackage)}
        return _Call(
            item.address, item.component or item.name, str(arguments.get("function_name")), function.address if function else "",
            {name: arguments.get(name) for name in _CONTENT}, packages.get(function.address) if function else None,
            reason_of(item, self._graph) or "",
        )

    def _due(self, call: _Call) -> bool:
        return self._known.get(call.address) != {"content": self._content(call), "state": "done"}

    def _content(self, call: _Call) -> str:
        """What Terraform would compare, with the package as its files are now."""
        content = dict(call.content)
        if call.package is not None and isinstance(content.get("triggers"), Mapping):
            named = str(self._graph[call.function_address].arguments.get("filename"))
            now = f"{PACKAGE_FOLDER}/{call.package.name}-{package_digest(call.package)}.zip"
            content["triggers"] = {name: now if value == named else value for name, value in content["triggers"].items()}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    async def _make(self, call: _Call) -> Diagnostic | None:
        """The call of a deploy; what is wrong where it failed."""
        # Noted first: one that is killed half-way is made again, and so is one whose code changes meanwhile.
        content = self._content(call)
        self._remember(call, content, "begun")
        result, refused = await self._invoked(call, str(call.content.get("input") or "").encode())
        if result is not None and result.error is None:
            self._remember(call, content, "done")
            return None
        self._remember(call, content, "failed")
        words = refused if result is None else failure_words(call.function, result.payload.decode("utf-8", "replace"))
        told = "" if result is None else told_log(log_words(result.lines))
        resource = self._graph[call.address]
        return Diagnostic(
            "GS2018", "a migration failed, so nothing that waits for it was started", resource.location, resource.subject,
            "\n".join(part for part in (words, told) if part),
            "mend it and run the same command again: what it changed before is kept, and it runs again",
        )

    async def _invoked(self, call: _Call, event: bytes) -> tuple[InvocationResult | None, str]:
        try:
            return await self._invoke(call.function, event), ""
        except InvocationRefused as error:
            return None, f"{call.function}: {error.code}: {error}"

    def _remember(self, call: _Call, content: str, state: str) -> None:
        self._known[call.address] = {"content": content, "state": state}
        write_whole(self._memory, json.dumps(self._known, indent=1, sort_keys=True) + "\n")

    # -- changed code --------------------------------------------------------------------------------------------------

    async def _follow(self, paths: set[Path]) -> None:
        await self._again_where_due()  # what was saved while the rest of the system started
        async for _ in changes(paths, self._stop, asyncio.Event()):
            await self._again_where_due()

    async def _again_where_due(self) -> None:
        for call in self._calls:
            # A file may be away for a moment while it is saved; its return is a change of its own.
            with contextlib.suppress(OSError):
                if not call.reason and self._due(call):
                    await self._again(call)

    async def _again(self, call: _Call) -> None:
        async with self._turn:
            problem = await self._make(call)
        if problem is None:
            self._log(call.component, f"{call.function} has run again, since its code has changed", "info")
        else:
            self._log(call.component, f"its code has changed, and the migration failed; the system runs on\n{problem.detail}",
                      "error")


def _event(call: _Call) -> Any:
    try:
        return json.loads(str(call.content.get("input")))
    except ValueError:
        return None


def _paths(package: FunctionPackage) -> list[Path]:
    requirements = [package.requirements] if package.requirements else []
    return [*(package.source / entry for entry in package.include), *requirements]


def _read(memory: Path) -> dict[str, Any]:
    """What was called before; of a file that cannot be read nothing, since a migration is safe to run again."""
    try:
        known: Any = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}  # pyright: ignore[reportUnknownVariableType]
