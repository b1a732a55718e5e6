"""The running ground of one system: starts everything in order, watches it, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.graph import ContainerImage, FunctionPackage, Graph
from groundsill.graph.migration import CALL_TYPE
from groundsill.ground.aws_api import AwsApi, AwsApiError, AwsApiSettings
from groundsill.ground.edges import Edges
from groundsill.ground.log_files import LogFiles
from groundsill.ground.ports import Ports
from groundsill.ground.provision.attributes import Place
from groundsill.ground.provision.handlers import Clients, services_of
from groundsill.ground.provision.provisioner import Provisioner
from groundsill.ground.provision.reasons import reason_of
from groundsill.ground.resolved import ResolvedGraph
from groundsill.ground.workloads import WorkloadEnvironment, code_folder, interpreter_of

if TYPE_CHECKING:
    from groundsill.ground.migrations import Migrations

ACCOUNT_ID = "000000000000"
_STEADY_SECONDS = 60.0
_API_RESTART_SECONDS = 0.2
_SIGNAL_SECONDS = 0.2
# A worker that has not ended by then counts as up; on ECS it does as soon as it runs.
_SETTLE_SECONDS = 0.5
_LATER = ("functions.runner", "edge.http_api_builder", "edge.load_balancer", "services.runner", "services.settings")


@dataclass(frozen=True, slots=True)
class GroundSettings:
    """How to run a system here.

    Arguments:
        state: folder that holds everything of this stage on this machine: data, logs, remembered ports.
        port: port of the first HTTP API; None for a remembered or free one.
        time_scale: multiplies the waiting times of health checks, default 1.
    """

    state: Path
    port: int | None = None
    time_scale: float = 1.0


@dataclass(slots=True)
class Report:
    """What a start tells its caller while it goes on.

    Arguments:
        phase: told a phase's name, ``started`` or ``done``, its seconds and a detail.
        note: told a line that the user should read.
    """

    phase: Callable[[str, str, float, str], None]
    note: Callable[[str], None]
    notes: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def during(self, name: str) -> AsyncGenerator[list[str]]:
        """One phase; what is put into the list becomes its detail."""
        started, detail = time.perf_counter(), list[str]()
        self.phase(name, "started", 0.0, "")
        yield detail
        self.phase(name, "done", time.perf_counter() - started, " ".join(detail))

    def say(self, text: str) -> None:
        """Tell and remember a line for the user."""
        self.notes.append(text)
        self.note(text)


class Ground:
    """A system on this machine.

    Arguments:
        graph: the system's graph.
        folder: the system's folder.
        settings: how to run it.
        report: told what happens while it starts.
    """

    def __init__(self, graph: Graph, folder: Path, settings: GroundSettings, report: Report) -> None:
        self._graph, self._folder, self._settings, self._report = graph, folder, settings, report
        self._logs = LogFiles(settings.state / "logs")
        self._stack = contextlib.AsyncExitStack()
        self._watchers: list[asyncio.Task[None]] = []
        self.urls: dict[str, str] = {}
        self.outputs: dict[str, Any] = {}

    async def start(self) -> None:
        """Start everything; return when every front door answers.

        Raises:
            AwsApiError: the AWS API cannot start.
            ProvisionError: a resource cannot be made as described.
            PortTaken: the port that the user asked for is in use.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings, report, graph = self._settings, self._report, self._graph
        ports = Ports(settings.state / "ports.json", report.say)
        place = Place(graph.region, ACCOUNT_ID)
        edges = Edges(graph, ports, settings.port, self._log, settings.state / "certificates", settings.time_scale)

        port = ports.choose("AWS API")
        # What takes computing is done while other processes start and answer: that is a good part of a start's time.
        clients = Clients(f"http://127.0.0.1:{port}", "not yet known", "not yet known", graph.region)
        preparing = asyncio.ensure_future(asyncio.to_thread(_prepare, clients, {part.type for part in graph}))
        self._stack.push_async_callback(_ended, preparing)

        async with report.during("AWS API") as detail:
            api = await AwsApi.start(AwsApiSettings(
                settings.state / "data", port, graph.region, ACCOUNT_ID,
                log_file=settings.state / "logs" / "aws-api.log", calls_file=settings.state / "logs" / "aws-calls.jsonl",
            ))
            self._stack.push_async_callback(api.stop)
            self._watch(self._keep_api_alive(api))
            self.urls["AWS API"] = api.url
            detail.append(api.url)

        async with report.during("resources") as detail:
            key = api.root_credentials()
            clients.use_key(key.access_key_id, key.secret_access_key)
            provisioner = Provisioner(
                graph, place, clients, settings.state / "data" / "attributes.json",
                variables={name: os.environ.get(variable.given_by) or _stand_in(variable.default, name)
                           for name, variable in graph.variables.items()},
                overrides=edges.overrides(),
            )
            resolved = await asyncio.to_thread(provisioner.run)
            await preparing
            self.outputs = {
                name: provisioner.value(output.value) for name, output in graph.outputs.items() if not output.sensitive
            }
            detail.append(f"{len(graph)} of {graph.name} {graph.stage}")

        workloads = WorkloadEnvironment(api.url, graph.region, _token_keys(resolved, api.url))
        credentials = await self._credentials(api, resolved, workloads)
        async with report.during("functions") as detail:
            runner = await self._start_functions(resolved, workloads, credentials)
            self._stack.push_async_callback(runner.stop)
            detail.append(f"{len(runner.functions)}")
        # Before any door is open and any service runs: nothing that waits for a migration has met a request yet.
        migrations = await self._migrate(resolved, runner)
        async with report.during("edge") as detail:
            await edges.start(resolved, runner, workloads)
            self._stack.push_async_callback(edges.stop)
            self.urls.update(edges.urls)
            detail.append(", ".join(edges.urls))
            self.outputs = {name: edges.here(value) for name, value in self.outputs.items()}
            if edges.local_addresses:
                authority = settings.state / "certificates" / "authority.pem"
                report.say(f"https addresses have certificates of this machine's own authority: clients trust it with "
                           f"SSL_CERT_FILE={authority} (curl: --cacert)")
        async with report.during("services") as detail:
            count = await self._start_services(resolved, workloads, credentials, edges, api)
            detail.append(f"{count}")
        if migrations is not None:
            await self._open_door(migrations)
        self.urls["mail"] = f"{api.url}/_groundsill/mail"

    async def stop(self) -> None:
        """Stop everything, in the reverse order; data stays."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await self._stack.aclose()
        self._logs.close()

    def recorded_only(self) -> list[dict[str, str]]:
        """Resources that do not run here, each with the reason."""
        found: list[dict[str, str]] = []
        for resource in self._graph:
            reason = None if resource.data else reason_of(resource, self._graph)
            if reason:
                found.append({"address": resource.address, "type": resource.type, "component": resource.component,
                              "reason": reason})
        return found

    # -- parts ---------------------------------------------------------------------------------------------------------

    async def _credentials(
        self, api: AwsApi, resolved: ResolvedGraph, workloads: WorkloadEnvironment,
    ) -> dict[str, dict[str, str]]:
        """Variables with the credentials of every role that a workload runs with, by role ARN."""
        arns = {str(function.arguments["role"]): function.component
                for function in resolved.of_type("aws_lambda_function")}
        arns |= {str(task.arguments["task_role_arn"]): task.component
                 for task in resolved.of_type("aws_ecs_task_definition") if task.arguments.get("task_role_arn")}
        keys = await asyncio.gather(*(api.role_credentials(arn, name or "workload") for arn, name in arns.items()))
        return {arn: workloads.credentials(key) for arn, key in zip(arns, keys, strict=True)}

    async def _start_functions(
        self, resolved: ResolvedGraph, workloads: WorkloadEnvironment, credentials: Mapping[str, dict[str, str]],
    ) -> Any:
        from dataclasses import replace

        from groundsill.ground.functions.runner import FunctionRunner
        from groundsill.ground.functions.settings import FunctionSettings

        packages = {part.address: part for part in self._graph.artifacts if isinstance(part, FunctionPackage)}
        interpreter = interpreter_of(self._folder)
        functions: list[FunctionSettings] = []
        for resource in resolved.of_type("aws_lambda_function"):
            package = packages.get(resource.address)
            if package is None:
                self._report.say(f"{resource.address} does not run: its code is not a folder of this system")
                continue
            try:
                made = FunctionSettings.from_resource(
                    resource, code_directory=code_folder(package, self._settings.state / "code"),
                    interpreter=interpreter, credentials=credentials[str(resource.arguments["role"])],
                    region=self._graph.region,
                )
            except ValueError as error:
                self._report.say(f"{resource.address} does not run: {error}")
                continue
            functions.append(replace(made, environment=workloads.local(made.environment)))
        runner = FunctionRunner(functions, self._function_line)
        await runner.start()
        return runner

    async def _migrate(self, resolved: ResolvedGraph, runner: Any) -> Migrations | None:
        """Make the calls of functions that a deploy makes, and those again whose code changes; None where it makes none."""
        if not self._graph.of_type(CALL_TYPE):
            return None
        from groundsill.ground.migrations import Migrations

        migrations = Migrations(
            self._graph, resolved, runner.invoke, self._settings.state / "data" / "migrations.json", self._log)
        for item in migrations.listed:
            if item.reason:
                self._report.say(f"migration {item.component} is {item.reason}")
        async with self._report.during("migrations") as detail:
            detail.append(await migrations.run_due())
        self._stack.push_async_callback(migrations.stop)
        return migrations

    async def _open_door(self, migrations: Migrations) -> None:
        from groundsill.ground.door_server import Door

        migrations.follow()
        door = Door(self._settings.state, migrations)
        self._stack.push_async_callback(door.close)
        await door.open()

    async def _start_services(
        self, resolved: ResolvedGraph, workloads: WorkloadEnvironment, credentials: Mapping[str, dict[str, str]],
        edges: Edges, api: AwsApi,
    ) -> int:
        from groundsill.ground.services.dockerfile import copied_paths
        from groundsill.ground.services.runner import ServiceRunner
        from groundsill.ground.services.settings import settings_from
        from groundsill.ground.services.throttle import Timing

        images = {part.variable: part for part in self._graph.artifacts if isinstance(part, ContainerImage)}
        by_component: dict[str, Path] = {}
        watched: dict[str, Sequence[Path]] = {}
        for task in self._graph.of_type("aws_ecs_task_definition"):
            for reference in task.references():
                image = images.get(reference.address.removeprefix("var."))
                if image is not None:
                    by_component[task.component] = image.context
                    watched[task.component] = copied_paths(image.context / image.dockerfile, image.context)
        services = settings_from(
            resolved, directory_of=by_component.__getitem__, interpreter=interpreter_of(self._folder),
            credentials=lambda arn: credentials[arn], watch_of=watched.__getitem__,
            refused=lambda address, reason: self._report.say(f"{address} does not run: {reason}"),
        )
        runners: list[ServiceRunner] = []
        for service in services:
            from dataclasses import replace

            # A server that lets its address be chosen is reached from this machine only.
            local = replace(service, environment={"HOST": "127.0.0.1", **workloads.local(service.environment)})
            runners.append(ServiceRunner(local, edges.targets, self._service_line, timing=Timing(settle=_SETTLE_SECONDS)))
        self._stack.push_async_callback(_stop_all, runners, api)
        await asyncio.gather(*(runner.start() for runner in runners))
        steady: list[Awaitable[Any]] = [runner.wait_steady(_STEADY_SECONDS) for runner in runners]
        for runner, outcome in zip(runners, await asyncio.gather(*steady, return_exceptions=True), strict=True):
            if isinstance(outcome, BaseException):
                self._report.say(f"service {runner.settings.component} is not steady: {outcome}; see "
                                 f"`groundsill logs --component {runner.settings.component}`")
        return len(runners)

    async def _keep_api_alive(self, api: AwsApi) -> None:
        while True:
            code = await api.crashed()
            self._log("aws-api", f"the AWS API ended with exit code {code}; starting it again on the same data")
            await asyncio.sleep(_API_RESTART_SECONDS)
            try:
                await api.restart()
                self._log("aws-api", "the AWS API answers again")
            except AwsApiError as error:
                self._log("aws-api", f"the AWS API does not start: {error}")

    # -- logs ----------------------------------------------------------------------------------------------------------

    def _watch(self, work: Any) -> None:
        self._watchers.append(asyncio.get_running_loop().create_task(work))

    def _log(self, component: str, message: str, level: str = "info") -> None:
        self._logs.write(component, message, level=level)

    def _function_line(self, line: Any) -> None:
        self._logs.write(line.component, line.message, stream=line.stream, request_id=line.request_id,
                         time_ms=line.time_ms)

    def _service_line(self, component: str, stream: str, message: str, level: str = "info") -> None:
        self._logs.write(component, message, stream=stream, level=level)


def _prepare(clients: Clients, types: Iterable[str]) -> None:
    """Make the AWS clients that provisioning needs and load the modules that come after it."""
    import importlib

    for service in services_of(types):
        clients(service)
    for module in _LATER:
        importlib.import_module(f"groundsill.ground.{module}")


async def _ended(work: asyncio.Future[None]) -> None:
    """Wait for the thread of a start that failed or was stopped; its own failure does not matter any more."""
    await asyncio.wait({work})


async def _stop_all(runners: Sequence[Any], api: AwsApi) -> None:
    """Stop every service at once, without waiting for the receive calls that idle workers sit in."""
    stopping = [asyncio.ensure_future(runner.stop()) for runner in runners]
    await asyncio.sleep(_SIGNAL_SECONDS)
    await api.end_waiting()
    await asyncio.gather(*stopping)


def _token_keys(resolved: ResolvedGraph, url: str) -> dict[str, str]:
    """Where the keys of each user pool's tokens are on this machine, by issuer."""
    return {
        f"https://{pool.attributes['endpoint']}": f"{url}/{pool.attributes['id']}/.well-known/jwks.json"
        for pool in resolved.of_type("aws_cognito_user_pool")
    }


def _stand_in(default: Any, name: str) -> Any:
    return f"local/{name}" if default is None else default
