"""Lambda functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.event_sources import EventSource
from groundsill.components.logs import log_group, write_log
from groundsill.components.network import Subnets
from groundsill.components.queues import Queue
from groundsill.components.roles import merged_environment, require, usable_grants, workload_role
from groundsill.components.rollouts import Rollout
from groundsill.components.security_groups import let_out
from groundsill.definition.component import Component, Mistake, duration
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import terraform_name
from groundsill.graph import FunctionPackage, Reference, Resource

# Lambda quotas: function configuration, deployment, and execution.
_LONGEST_TIMEOUT = 900
_LEAST_MEMORY, _MOST_MEMORY = 128, 10_240
# Lambda runtimes: the identifiers that can still be created, as of November 2026.
_RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
_ARCHITECTURES = ("arm64", "x86_64")
_MOST_RETRIES = 2  # Lambda API: PutFunctionEventInvokeConfig
_NETWORK_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
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
        network: private subnets to run in, for what only the network reaches: a database, a cache. Default none: the
            function reaches AWS services and the internet, and nothing private.
        sources: queues and table streams that call it, each an `EventSource`.
        failures: the queue that is told of invocations nobody waits for that failed after all retries.
        retries: how often such an invocation is tried again, 0 to 2, default 2.
        rollout: how a new version takes over, see `Rollout`; default at once, without alias.
        name: the name that AWS sees; default from the system's name pattern.
        description: shown in the console.

    Verbs for `uses`: ``invoke`` (passes the name, or the alias's ARN, as ``<NAME>_FUNCTION``), ``prune`` (delete old
    versions).

    Resources created: ``aws_lambda_function``, ``aws_iam_role``, ``aws_iam_role_policy``, ``aws_cloudwatch_log_group``;
    in a network an ``aws_security_group`` with an ``aws_vpc_security_group_egress_rule`` and an
    ``aws_vpc_security_group_ingress_rule`` for each way that it uses, and an ``aws_iam_role_policy_attachment``; an
    ``aws_lambda_event_source_mapping`` for each source; with ``failures`` or ``retries`` an
    ``aws_lambda_function_event_invoke_config``; with a rollout an ``aws_lambda_alias``, an
    ``aws_codedeploy_deployment_group``, what all rollouts share, and an ``aws_lambda_provisioned_concurrency_config``.

    Costs: per request and per GB-second; nothing while it is not called, but for provisioned concurrency.

    Example:
        ``Function("save", "functions.orders:save", memory=512, uses=[orders.write])``
    """

    def __init__(
        self, component: str, handler: str, /, *, memory: int = 256, timeout: int | str = 15, uses: Sequence[Grant] = (),
        environment: Mapping[str, Any] | None = None, include: Sequence[str] | None = None,
        requirements: str | None = None, runtime: str = "python3.13", architecture: str = "arm64",
        reserved_concurrency: int | None = None, network: Subnets | None = None, sources: Sequence[EventSource] = (),
        failures: Queue | None = None, retries: int | None = None, rollout: Rollout | None = None,
        name: str | None = None, description: str | None = None,
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
        for source in sources:
            require(source, EventSource, "sources", self)
            source.check(self)
        if retries is not None and not 0 <= retries <= _MOST_RETRIES:
            raise Mistake("GS1517", f"Lambda tries again 0 to {_MOST_RETRIES} times, not {retries}")
        grants = usable_grants([*uses, *(source.grant() for source in sources)], self.subject)
        self._check_paths(grants, network)
        function_name = self.physical_name("aws_lambda_function", name)
        self.log_group = log_group(self, f"/aws/lambda/{function_name}")
        own = [write_log(self.log_group)]
        tracing = self.stage.tier.tracing
        if tracing:
            # X-Ray names no resource: Service Authorization Reference, "Actions, resources, and condition keys for X-Ray".
            own.append(Statement(("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ("*",)))
        if failures is not None:
            failures.is_dead_letter = True
            own += failures.send.statements
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
        self.security_group = self._security_group(network, grants) if network else None
        self.resource = aws.lambda_function(
            self.terraform_name(),
            function_name=function_name,
            description=description,
            role=self.role["arn"],
            runtime=runtime,
            architectures=[architecture],
            handler=handler.replace(":", "."),
            filename=f"{PACKAGE_FOLDER}/{component}-{self._digest(package)}.zip",
            memory_size=memory,
            timeout=self.timeout,
            reserved_concurrent_executions=reserved_concurrency,
            environment={"variables": variables} if variables else None,
            logging_config={"log_format": "JSON", "log_group": self.log_group["name"]},
            tracing_config={"mode": "Active"} if tracing else None,
            vpc_config={"subnet_ids": network.ids, "security_group_ids": [self.security_group["id"]]}
            if network and self.security_group else None,
            publish=True if rollout else None,
        )
        if network:
            # Lambda reaches into the network with the function's role, before anything of the function runs.
            attachment = aws.iam_role_policy_attachment(
                self.terraform_name("network"), role=self.role["name"], policy_arn=_NETWORK_POLICY)
            self.resource.depends_on = (*self.resource.depends_on, attachment.address)
        self.alias: Resource | None = rollout.attach(self) if rollout else None
        if failures is not None or retries is not None:
            aws.lambda_function_event_invoke_config(
                self.terraform_name(), function_name=self.resource["function_name"], qualifier=self.qualifier,
                maximum_retry_attempts=retries,
                destination_config={"on_failure": {"destination": failures.arn}} if failures else None,
                depends_on=[f"aws_iam_role_policy.{self.terraform_name()}"],
            )
        for source in sources:
            source.attach(self, self.target_arn, failures)

    def _digest(self, package: FunctionPackage) -> str:
        """The digest of the package, read once for all functions of the same files."""
        files = f"package of {package.include} {package.requirements} {package.runtime} {package.architecture}"
        if files not in self.building.shared:
            self.building.shared[files] = package_digest(package)
        return self.building.shared[files]

    def _check_paths(self, grants: Sequence[Grant], network: Subnets | None) -> None:
        private = next((grant for grant in grants if grant.network), None)
        if network is None and private is not None:
            raise Mistake(
                "GS1518", f"{self.subject} uses {private.component}, which only its network reaches",
                "calls would hang until the function's time is over", "give the function network=network.private",
            )
        if network is not None:
            require(network, Subnets, "network", self)

    def _security_group(self, network: Subnets, grants: Sequence[Grant]) -> Resource:
        group = aws.security_group(
            self.terraform_name(), name=self.physical_name("aws_security_group", part="function"),
            description=f"Function {self.name}", vpc_id=network.network.id,
        )
        let_out(self, group, grants)
        return group

    def permit(self, name: str, service: str, source: Any, *, account: Any = None) -> None:
        """Let an AWS service call the function on behalf of one thing.

        Arguments:
            name: unique for the function; part of the Terraform name and of the statement id.
            service: service principal, for example ``events.amazonaws.com``.
            source: ARN of the rule, topic or API.
            account: id of the account that owns it, where its ARN does not say so (a bucket's).
        """
        aws.lambda_permission(
            terraform_name(name), statement_id=terraform_name(name), action="lambda:InvokeFunction",
            function_name=self.resource["function_name"], qualifier=self.qualifier, principal=service, source_arn=source,
            source_account=account,
        )

    @property
    def arn(self) -> Reference:
        """ARN of the function."""
        return self.resource["arn"]

    @property
    def qualifier(self) -> Reference | None:
        """Name of the alias that callers use; None for a function without a rollout."""
        return self.alias["name"] if self.alias else None

    @property
    def target_arn(self) -> Reference:
        """ARN that callers use: of the alias where there is one, else of the function."""
        return self.alias["arn"] if self.alias else self.arn

    @property
    def invoke_arn(self) -> Reference:
        """ARN that API Gateway calls."""
        return (self.alias or self.resource)["invoke_arn"]

    @property
    def invoke(self) -> Grant:
        """Call the function."""
        return Grant(self.name, "invoke", (Statement(("lambda:InvokeFunction",), (self.target_arn,)),),
                     {f"{self.terraform_name().upper()}_FUNCTION": self.target_arn if self.alias
                      else self.resource["function_name"]})

    @property
    def prune(self) -> Grant:
        """List versions and aliases, and delete versions; never the function itself."""
        return Grant(self.name, "prune", (
            Statement(("lambda:ListAliases", "lambda:ListVersionsByFunction"), (self.arn,)),
            Statement(("lambda:DeleteFunction",), (f"{self.arn}:*",)),
        ))

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
