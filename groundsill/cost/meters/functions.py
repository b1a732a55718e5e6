"""AWS Lambda: requests, duration by memory, provisioned concurrency; and what functions call.

"AWS Lambda Pricing" (aws.amazon.com/lambda/pricing): duration is billed by the millisecond, memory in GB of 1,024 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted
from groundsill.cost.grants import Grants, Use, reached
from groundsill.cost.meters.databases import between_zones
from groundsill.cost.meters.logs import log_group_of
from groundsill.cost.meters.models import MODEL_PARAMETERS, model_lines
from groundsill.cost.meters.traces import default_traces
from groundsill.cost.model import Edge, Factor, Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.cost.routes import calls, function_of, nat_gateways
from groundsill.graph.resource import Resource

service = Service("AWS Lambda", free={
    "aws_lambda_alias": "an alias costs nothing; its function does",
    "aws_lambda_event_source_mapping": "reading streams and queues for a function is free; the queue's requests are its own",
    "aws_lambda_function_event_invoke_config": "it only says what happens to failures",
    "aws_lambda_function_url": "a URL costs nothing beside the function's requests",
    "aws_lambda_invocation": "one request when Terraform makes it, not by the month; the function's own price tells of it",
    "aws_lambda_layer_version": "layers cost nothing",
    "aws_lambda_permission": "permissions cost nothing",
})
KB = 2.0**10
# What every workload can be told.
WORKLOAD_PARAMETERS = (
    Parameter("log_size", Dimension.SIZE, "one call logs", Amount(0.3 * KB, 1 * KB, 5 * KB)),
    Parameter("outside_size", Dimension.SIZE, "one call exchanges with the internet or with AWS services without an endpoint",
              Amount(1 * KB, 10 * KB, 100 * KB)),
    Parameter("database_size", Dimension.SIZE, "one call exchanges with a database or cache",
              Amount(1 * KB, 5 * KB, 50 * KB)),
    Parameter("uses", Dimension.COUNTS, "how often one call uses something"),
)


@service.meter(
    "aws_lambda_function",
    Parameter("invocations", Dimension.RATE, "how often it is invoked", entry=True),
    Parameter("duration", Dimension.TIME, "one invocation runs", Amount(0.05, 0.2, 1)),
    *WORKLOAD_PARAMETERS, *MODEL_PARAMETERS,
)
def function(context: Context, function: Resource) -> Lines:
    """Requests, duration, storage above 512 MB, and what its calls of language models cost."""
    architecture = _architecture(context, function)
    invocations = context.measure(function, "invocations")
    memory = context.number(function, "memory_size", words="GB", default=128)
    memory = _renamed(memory.scaled(1 / 1024), "GB")
    duration = _within_timeout(context, function, context.measure(function, "duration"))
    warm = any(_provisioned_target(context, item) is function
               for holder in (function, *context.referring(function, "aws_lambda_alias"))
               for item in context.referring(holder, "aws_lambda_provisioned_concurrency_config"))
    yield context.line(function, "requests", f"lambda.request_{architecture}", invocations)
    kind = "provisioned_duration" if warm else "duration"
    line = context.line(function, "duration", f"lambda.{kind}_{architecture}", invocations, duration, memory)
    yield line
    storage = context.number(function, "ephemeral_storage", "size", default=512)
    if storage.amount is not None and storage.amount.expected > 512:
        above = counted((storage.amount.expected - 512) / 1024, "GB above 512 MB")
        yield context.line(function, "temporary storage", "lambda.ephemeral_storage_over_512mb", invocations, duration, above)
    yield from model_lines(context, function, invocations)
    yield from between_zones(context, function, invocations)
    yield from default_traces(context, function, invocations)
    if log_group_of(context, function) is None:
        size, why = context.each(function, "log_size")
        shown = Factor(size, "logged").because(*([why] if why else ()))
        yield context.line(function, "logs", "cloudwatch.logs_vended_first_10tb", invocations, shown.scaled(GB))


@service.meter("aws_lambda_provisioned_concurrency_config", Parameter(
    "hours", Dimension.HOURS, "instances are kept warm", Amount(730, 730, 730)))
def provisioned(context: Context, config: Resource) -> Lines:
    """Instances that are kept warm, whether they are used or not."""
    function = _provisioned_target(context, config)
    number = context.number(config, "provisioned_concurrent_executions", words="warm instances")
    if function is None:
        yield context.not_known(config, "provisioned concurrency", "its function is not in the graph")
        return
    memory = _renamed(context.number(function, "memory_size", words="GB", default=128).scaled(1 / 1024), "GB")
    stated = context.traffic.stated(config, "hours")
    time = counted(stated * 3600, "s") if stated else counted(730 * 3600, "s (730 h)")
    yield context.line(config, "provisioned concurrency", f"lambda.provisioned_concurrency_{_architecture(context, function)}",
                       number, time, memory)


@service.flow
def sources(context: Context) -> Iterator[Edge]:
    """Queues and streams that invoke functions."""
    for mapping in context.of_type("aws_lambda_event_source_mapping"):
        function = function_of(context, context.view.target(mapping, "function_name"))
        source = context.view.target(mapping, "event_source_arn")
        if function is None or source is None:
            continue
        stream = source.type != "aws_sqs_queue"
        batch = context.number(mapping, "batch_size", default=100 if stream else 10).amount
        most = max(batch.expected, 1) if batch else 10
        times = Amount(1 / most, 1 / min(most, 2), 1)
        measure = {"aws_sqs_queue": "messages", "aws_dynamodb_table": "writes"}.get(source.type, "records")
        name = function.component or function.address
        yield Edge((source.address, measure), calls(function), times,
                   "" if most == 1 else f"{name}: a batch holds 2 of at most {most:.0f} records")


@service.flow
def failures(context: Context) -> Iterator[Edge]:
    """What functions fail at goes to a queue or topic."""
    for config in context.of_type("aws_lambda_function_event_invoke_config"):
        function = function_of(context, context.view.target(config, "function_name"))
        for target in context.view.targets(config, "destination_config", "on_failure", "destination"):
            if function is not None and target.type in ("aws_sqs_queue", "aws_sns_topic"):
                yield Edge(calls(function), (target.address, "messages"), Amount(0, 0.0001, 0.01))


@service.flow
def uses(context: Context) -> Iterator[Edge]:
    """What workloads call, as their roles let them."""
    grants: Grants = context.grants
    for workload in context.workloads:
        found = [*grants.uses(workload), *reached(context, workload)]
        stated = context.traffic.table(workload, "uses", (use.key for use in found))
        for use in found:
            yield Edge(calls(workload), (use.target.address, use.verb.measure),
                       stated.get(use.key, use.verb.times), "" if use.key in stated else _assumed(use))


@service.flow
def outside(context: Context) -> Iterator[Edge]:
    """What workloads in private subnets exchange with the internet goes through NAT gateways."""
    for workload in context.workloads:
        gateways = nat_gateways(context, workload)
        size, assumption = context.each(workload, "outside_size") if gateways else (Amount(0, 0, 0), "")
        for gateway in gateways:
            yield Edge(calls(workload), (gateway.address, "data"), size * (1 / len(gateways)), assumption)


def _assumed(use: Use) -> str:
    times = use.verb.times
    return (f"{use.workload.component or use.workload.address}: uses `{use.key}` {times.expected:g} times a call "
            f"({times.low:g} to {times.high:g}) (`uses`)")


def _architecture(context: Context, function: Resource) -> str:
    return "arm64" if context.view.get(function, "architectures", 0) == "arm64" else "x86"


def _within_timeout(context: Context, function: Resource, duration: Factor) -> Factor:
    """No invocation runs longer than the function's timeout."""
    timeout = context.number(function, "timeout", default=3).amount
    if timeout is None or duration.amount is None or duration.amount.high <= timeout.expected:
        return duration
    capped = Factor(duration.amount.at_most(timeout.expected), duration.text, duration.assumptions)
    return capped.because(f"{function.component or function.address}: no invocation runs longer than {timeout.expected:g} s")


def _renamed(factor: Factor, words: str) -> Factor:
    return factor if factor.amount is None else counted(factor.amount, words)


def _provisioned_target(context: Context, config: Resource) -> Resource | None:
    return function_of(context, context.view.target(config, "function_name")) or function_of(
        context, context.view.target(config, "qualifier"))
