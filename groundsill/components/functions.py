"""Lambda functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.logs import log_group, write_log
from groundsill.components.roles import merged_environment, usable_grants, workload_role
from groundsill.definition.component import Component, Mistake, duration
from groundsill.definition.grant import Grant, Statement
from groundsill.graph import FunctionPackage, Reference

# Lambda quotas: function configuration, deployment, and execution.
_LONGEST_TIMEOUT = 900
_LEAST_MEMORY, _MOST_MEMORY = 128, 10_240
# Lambda runtimes: the identifiers that can still be created, as of November 2026.
_RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
_ARCHITECTURES = ("arm64", "x86_64")
PACKAGE_FOLDER = "packages"
_DIGEST_LENGTH = 16
_NEVER_PACKAGED = ("__pycache__", ".pytest_cache", ".ruff_cache", ".venv", "node_modules", ".git", ".groundsill")


class Function(Component):
    """A Lambda function with a role, a log group and a package of its own.

    Arguments:
        component: unique in the system.
        handler: ``package.module:function`` below the system's folder, for example ``"functions.sensor:save"``.
        memory: MB, 128 to 10,240, default 256. Computing power grows with it.
        timeout: up to 900 s, default 15 s. Behind an HTTP API 29 s is the most that a caller waits for.
        uses: grants of other components.
        environment: further environment variables.
        include: folders and files that go into the package; default the handler's top package.
        requirements: requirements file of what the function imports beyond the runtime's own libraries.
        runtime: Lambda runtime, default ``python3.13``.
        architecture: ``arm64`` (default, cheaper) or ``x86_64``.
        reserved_concurrency: most invocations at once; default the account's limit.
        name: the name that AWS sees; default from the system's name pattern.
        description: shown in the console.

    Verbs for `uses`: ``invoke``.

    Resources created: ``aws_lambda_function``, ``aws_iam_role``, ``aws_iam_role_policy``, ``aws_cloudwatch_log_group``.

    Costs: per request and per GB-second; nothing while it is not called.

    Example:
        ``Function("save", "functions.orders:save", memory=512, uses=[orders.write])``
    """

    def __init__(
        self, component: str, handler: str, /, *, memory: int = 256, timeout: int | str = 15, uses: Sequence[Grant] = (),
        environment: Mapping[str, Any] | None = None, include: Sequence[str] | None = None,
        requirements: str | None = None, runtime: str = "python3.13", architecture: str = "arm64",
        reserved_concurrency: int | None = None, name: str | None = None, description: str | None = None,
    ) -> None:
        super().__init__(component)
        module = _module_of(handler)
        self.timeout = duration("timeout", timeout)
        if not 1 <= self.timeout <= _LONGEST_TIMEOUT:
            raise Mistake("GS1340", f"the timeout of a function is 1 s to {_LONGEST_TIMEOUT} s, not {self.timeout} s",
                          mend="do longer work in parts from a queue, or in a Service")
        if isinstance(memory, bool) or not isinstance(memory, int) or not _LEAST_MEMORY <= memory <= _MOST_MEMORY:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Mistake("GS1341", f"the memory of a function is {_LEAST_MEMORY} to {_MOST_MEMORY} MB, not {memory!r}",
                          mend="write a number of MB, for example memory=512")
        for argument, value, known in (("runtime", runtime, _RUNTIMES), ("architecture", architecture, _ARCHITECTURES)):
            if value not in known:
                raise Mistake("GS1342", f"unknown {argument} {value!r}", mend=f"known: {', '.join(known)}")
        grants = usable_grants(uses, self.subject)
        function_name = self.physical_name("aws_lambda_function", name)
        self.log_group = log_group(self, f"/aws/lambda/{function_name}")
        own = [write_log(self.log_group)]
        tracing = self.stage.tier.tracing
        if tracing:
            # X-Ray names no resource: Service Authorization Reference, "Actions, resources, and condition keys for X-Ray".
            own.append(Statement(("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ("*",)))
        self.role = workload_role(
            self, "lambda.amazonaws.com", grants, own=own, own_sid="WriteLog",
            description=f"What {component} of {self.building.system} may do",
        )
        package = FunctionPackage(
            self.name, self.building.folder, tuple(include) if include else (module.split(".")[0],),
            self.building.folder / requirements if requirements else None, runtime, architecture,
            f"aws_lambda_function.{self.terraform_name()}",
        )
        self.building.graph.add_artifact(package)
        variables = merged_environment(environment or {}, grants, self.subject)
        self.resource = aws.lambda_function(
            self.terraform_name(),
            function_name=function_name,
            description=description,
            role=self.role["arn"],
            runtime=runtime,
            architectures=[architecture],
            handler=handler.replace(":", "."),
            filename=f"{PACKAGE_FOLDER}/{component}-{package_digest(package)}.zip",
            memory_size=memory,
            timeout=self.timeout,
            reserved_concurrent_executions=reserved_concurrency,
            environment={"variables": variables} if variables else None,
            logging_config={"log_format": "JSON", "log_group": self.log_group["name"]},
            tracing_config={"mode": "Active"} if tracing else None,
        )

    @property
    def arn(self) -> Reference:
        """ARN of the function."""
        return self.resource["arn"]

    @property
    def invoke(self) -> Grant:
        """Call the function."""
        return Grant(self.name, "invoke", (Statement(("lambda:InvokeFunction",), (self.arn,)),),
                     {f"{self.terraform_name().upper()}_FUNCTION": self.resource["function_name"]})

    def alarms(self) -> Iterable[Alarm]:
        """Failed and refused invocations."""
        dimensions = {"FunctionName": self.resource["function_name"]}
        yield Alarm("errors", f"{self.name} raised an error or ran out of time or memory: see its log.",
                    "AWS/Lambda", "Errors", dimensions, 1, period=300)
        yield Alarm("throttles", f"{self.name} was refused for want of concurrency.", "AWS/Lambda", "Throttles",
                    dimensions, 1, period=300)


def _module_of(handler: Any) -> str:
    if not isinstance(handler, str) or handler.count(":") != 1 or not all(
        part.isidentifier() for piece in handler.split(":") for part in piece.split(".")
    ):
        raise Mistake("GS1343", f"{handler!r} is not a handler",
                      mend='write the module and the function, for example "functions.orders:save"')
    return handler.split(":")[0]


def packaged_files(package: FunctionPackage) -> Iterator[tuple[str, Path]]:
    """Every file of a package, as the path in the zip and the path on disk, sorted."""
    for entry in package.include:
        top = package.source / entry
        paths = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        for path in paths:
            inside = path.relative_to(package.source)
            if not any(part in _NEVER_PACKAGED for part in inside.parts) and path.suffix != ".pyc":
                yield inside.as_posix(), path


def package_digest(package: FunctionPackage) -> str:
    """A digest of everything that goes into a package: it changes when, and only when, the package has to be rebuilt."""
    digest = hashlib.sha256(f"{package.runtime} {package.architecture}".encode())
    files = list(packaged_files(package))
    if package.requirements is not None:
        files.append(("requirements", package.requirements))
    for inside, path in files:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"\0{inside}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_LENGTH]
