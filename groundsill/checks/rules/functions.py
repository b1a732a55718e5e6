"""Lambda functions: runtimes, packages, concurrency and environment, as far as they decide whether a deploy succeeds."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from groundsill.checks.context import Context
from groundsill.checks.facts.support import LAMBDA_RUNTIMES, RUNTIME_BLOCKED_AFTER_DAYS
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text, unknown, whole
from groundsill.graph.artifact import FunctionPackage
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping

RULES = Ruleset(Family.DEPLOYS)
_SOON = timedelta(days=180)
# AWS Lambda Developer Guide, "Lambda quotas": all variables together.
_ENVIRONMENT_BYTES = 4_096
_MOST_LAYERS = 5
_LONGEST = 900
_MIGRATES = r"(^|[-_])migrat(e|ion|ions)([-_]|$)"
# AWS Lambda Developer Guide, "Understanding Lambda function scaling": an account's usual limit, of which 100 stay unreserved.
_ACCOUNT_CONCURRENCY, _UNRESERVED = 1_000, 100
# AWS Lambda Developer Guide, "Defined runtime environment variables".
_RESERVED = frozenset((
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
))


@RULES.rule(
    "function-runtime-ended", Severity.CRITICAL, "AWS no longer supports the function's runtime",
    types=("aws_lambda_function", "aws_lambda_layer_version"), controls=("FSBP Lambda.2", "CKV_AWS_363"),
    rationale="A deprecated runtime gets no security fixes; 30 days later functions can no longer be created with it, and 60 "
              "days later no longer be updated (AWS Lambda Developer Guide, \"Lambda runtimes\").",
    mend="move to a supported runtime, for example python3.13",
    example="runtime = \"nodejs18.x\"",
)
def runtime(context: Context, function: Resource) -> Found:
    names = each(context.view.get(function, "runtime")) or each(context.view.get(function, "compatible_runtimes"))
    for name in names:
        day = LAMBDA_RUNTIMES.get(name) if isinstance(name, str) else None
        if day is None:
            if text(name) and re.match(r"(python|nodejs|java|ruby|dotnet|go|provided)", name) is None:
                yield Finding(function, f"there is no runtime {name!r}", attribute="runtime")
            continue
        ended = f"support of {name} ended on {day:%d %b %Y}"
        if context.today >= day + timedelta(days=RUNTIME_BLOCKED_AFTER_DAYS):
            yield Finding(function, f"{ended}; functions can no longer be created with it", attribute="runtime")
        elif context.today >= day:
            yield Finding(function, ended, attribute="runtime", severity=Severity.HIGH)
        elif context.today >= day - _SOON:
            yield Finding(function, f"support of {name} ends on {day:%d %b %Y}", attribute="runtime", severity=Severity.LOW)


@RULES.rule(
    "function-handler-missing", Severity.CRITICAL, "the function's handler is not in what is packed",
    types=("aws_lambda_function",), family=Family.RUNS,
    rationale="Every invocation fails with Runtime.ImportModuleError or Runtime.HandlerNotFound.",
    mend="correct the handler, or pack the folder that holds it",
    example="handler = \"functions.orders.save\", and functions/orders.py has no save",
)
def handler(context: Context, function: Resource) -> Found:
    package = context.artifacts.get(function.address)
    name = text(context.view.get(function, "handler"))
    if not isinstance(package, FunctionPackage) or not name or not package.runtime.startswith("python"):
        return
    missing = context.program(package.source, package.include).handler(name).missing
    if missing:
        yield Finding(function, f"{name}: {missing}", attribute="handler")


@RULES.rule(
    "function-environment-refused", Severity.CRITICAL, "Lambda refuses the function's environment variables",
    types=("aws_lambda_function",),
    rationale="All variables together take at most 4 KB, names begin with a letter, and some names are Lambda's own (AWS "
              "Lambda Developer Guide, \"Lambda quotas\" and \"Defined runtime environment variables\").",
    mend="keep large values in a parameter or a bucket; choose other names",
    example="environment: variables = {AWS_REGION = \"us-east-1\"}",
)
def environment(context: Context, function: Resource) -> Found:
    variables = context.view.get(function, "environment", "variables")
    if not is_mapping(variables):
        return
    for name in variables:
        if name in _RESERVED:
            yield Finding(function, f"{name} is Lambda's own", attribute="environment")
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]+", str(name)):
            yield Finding(function, f"{name!r} is no name that Lambda takes", attribute="environment")
    known = {str(name): value for name, value in variables.items() if text(value) is not None}
    size = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode())
    if size > _ENVIRONMENT_BYTES:
        yield Finding(function, f"its variables take {size} bytes of {_ENVIRONMENT_BYTES}", attribute="environment")


@RULES.rule(
    "function-layers-refused", Severity.CRITICAL, "a function has more layers than Lambda takes", types=("aws_lambda_function",),
    rationale="A function takes five layers (AWS Lambda Developer Guide, \"Lambda quotas\"), and none where it is an image.",
    mend="put the layers' content into the package, or merge layers",
    example="layers of six ARNs",
)
def layers(context: Context, function: Resource) -> Found:
    given = each(context.view.get(function, "layers"))
    if len(given) > _MOST_LAYERS:
        yield Finding(function, f"it has {len(given)} layers of at most {_MOST_LAYERS}", attribute="layers")
    elif given and context.view.get(function, "package_type") == "Image":
        yield Finding(function, "it is an image, which takes no layers", attribute="layers")


@RULES.rule(
    "reserved-concurrency-over-quota", Severity.HIGH, "functions reserve more concurrency than an account has",
    rationale="An account runs 1,000 invocations at once unless it was raised, new accounts fewer, and 100 of them stay "
              "unreserved: PutFunctionConcurrency fails for what is beyond (AWS Lambda Developer Guide, \"Understanding "
              "Lambda function scaling\").",
    mend="reserve only what must be kept free or held back, or have the quota raised first",
    example="eight functions with reserved_concurrent_executions = 120",
)
def reserved(context: Context) -> Found:
    functions = [(item, count) for item in context.of_type("aws_lambda_function")
                 if (count := whole(context.view.get(item, "reserved_concurrent_executions"))) is not None and count > 0]
    total = sum(count for _, count in functions)
    if total > _ACCOUNT_CONCURRENCY - _UNRESERVED:
        largest = max(functions, key=lambda item: item[1])[0]
        yield Finding(largest, f"{len(functions)} functions reserve {total} of {_ACCOUNT_CONCURRENCY - _UNRESERVED}",
                      attribute="reserved_concurrent_executions", related=tuple(item for item, _ in functions))


@RULES.rule(
    "reserved-concurrency-outside-production", Severity.LOW, "a function behind an API is throttled outside of production",
    types=("aws_lambda_function",), family=Family.RUNS,
    rationale="Outside of production a small reservation makes parallel tests fail with throttles, and takes concurrency "
              "away from everything else in the account.",
    mend="reserve concurrency in production only",
    example="stage dev: reserved_concurrent_executions = 5",
)
def throttled(context: Context, function: Resource) -> Found:
    count = whole(context.view.get(function, "reserved_concurrent_executions"))
    kinds = ("aws_apigatewayv2_integration", "aws_api_gateway_integration")
    asked = any(True for _ in context.referring_to_function(function, *kinds))
    if context.graph.production is False and asked and count is not None and 0 < count < 10:
        yield Finding(function, f"it reserves {count}", attribute="reserved_concurrent_executions")


@RULES.rule(
    "provisioned-concurrency-without-alias", Severity.CRITICAL, "provisioned concurrency is asked for $LATEST",
    types=("aws_lambda_provisioned_concurrency_config",),
    rationale="It is configured on a version or an alias, never on $LATEST (AWS Lambda Developer Guide, \"Configuring "
              "provisioned concurrency for a function\").",
    mend="publish versions and name an alias as qualifier",
    example="qualifier = \"$LATEST\"",
)
def provisioned(context: Context, config: Resource) -> Found:
    qualifier = context.view.get(config, "qualifier")
    function = context.view.target(config, "function_name")
    if qualifier == "$LATEST":
        yield Finding(config, "the qualifier is $LATEST", attribute="qualifier")
    elif function is not None and function.type == "aws_lambda_function" and not unknown(qualifier) and \
            context.view.get(function, "publish") is not True:
        yield Finding(config, f"{function.address} does not publish versions", attribute="qualifier", related=(function,))


@RULES.rule(
    "alias-weights-refused", Severity.CRITICAL, "an alias sends traffic in a way that Lambda refuses",
    types=("aws_lambda_alias",),
    rationale="An alias sends part of its traffic to one more version, by a weight from 0 to 1 (AWS Lambda API Reference, "
              "\"AliasRoutingConfiguration\"); $LATEST takes no part.",
    mend="name one version and a weight such as 0.1",
    example="routing_config: additional_version_weights = {\"2\" = 10}",
)
def weights(context: Context, alias: Resource) -> Found:
    weighted = mapping(context.view.get(alias, "routing_config", "additional_version_weights"))
    if context.view.get(alias, "function_version") == "$LATEST" and weighted:
        yield Finding(alias, "$LATEST takes no part in weights", attribute="function_version")
    for version, weight in weighted.items():
        if isinstance(weight, int | float) and not 0 <= weight <= 1:
            yield Finding(alias, f"version {version} has the weight {weight:g}", attribute="routing_config")
    if len(weighted) > 1:
        yield Finding(alias, f"it names {len(weighted)} versions beside its own", attribute="routing_config")


@RULES.rule(
    "event-source-batch-refused", Severity.CRITICAL, "Lambda refuses the batches of an event source",
    types=("aws_lambda_event_source_mapping",),
    rationale="For queues more than 10 messages a batch need a batching window, and a FIFO queue takes at most 10 and no "
              "window (AWS Lambda API Reference, \"CreateEventSourceMapping\").",
    mend="set maximum_batching_window_in_seconds to at least 1, or batch_size to at most 10",
    example="batch_size = 100 without maximum_batching_window_in_seconds",
)
def batch(context: Context, source: Resource) -> Found:
    queue = context.view.target(source, "event_source_arn")
    if queue is None or queue.type != "aws_sqs_queue":
        return
    size = whole(context.view.get(source, "batch_size", default=10))
    window = whole(context.view.get(source, "maximum_batching_window_in_seconds", default=0))
    fifo = context.view.get(queue, "fifo_queue") is True
    if size is None or window is None:
        return
    if fifo and (size > 10 or window):
        yield Finding(source, f"{queue.address} is FIFO: at most 10 a batch and no window", attribute="batch_size")
    elif size > 10 and window < 1:
        yield Finding(source, f"{size} a batch without a batching window", attribute="batch_size")


@RULES.rule(
    "function-with-little-memory", Severity.LOW, "a function behind an API has the least memory there is",
    types=("aws_lambda_function",), family=Family.RUNS,
    rationale="CPU grows with memory: at 128 MB a Python function that imports an SDK takes seconds to start, and a request "
              "waits for it (AWS Lambda Developer Guide, \"Configure Lambda function memory\").",
    mend="set memory_size to 256 or more",
    example="memory_size = 128 on the function of an API's route",
)
def memory(context: Context, function: Resource) -> Found:
    size = whole(context.view.get(function, "memory_size", default=128))
    if size is None or size > 128 or text(context.view.get(function, "runtime")) is None:
        return
    kinds = ("aws_apigatewayv2_integration", "aws_api_gateway_integration")
    if any(True for _ in context.referring_to_function(function, *kinds)):
        yield Finding(function, f"it has {size} MB", attribute="memory_size")


_CALLING = {
    "aws_apigatewayv2_integration": "integration_uri", "aws_api_gateway_integration": "uri",
    "aws_lambda_event_source_mapping": "function_name", "aws_sns_topic_subscription": "endpoint",
    "aws_cloudwatch_event_target": "arn",
}


@RULES.rule(
    "caller-goes-round-the-alias", Severity.MEDIUM, "something calls a function past the alias that its releases go by",
    types=("aws_lambda_alias",), family=Family.RUNS,
    rationale="Weights of an alias and CodeDeploy's shifts decide only about what is called through the alias: who names the "
              "function itself gets $LATEST, untried and at once (AWS Lambda Developer Guide, \"Implement Lambda canary "
              "deployments using a weighted alias\").",
    mend="name the alias: its invoke_arn for an API, its arn elsewhere",
    example="integration_uri = aws_lambda_function.f.invoke_arn beside aws_lambda_alias.live with weights",
)
def passed(context: Context, alias: Resource) -> Found:
    function = context.view.target(alias, "function_name")
    shifted = context.view.get(alias, "routing_config") is not None or (
        alias.lifecycle is not None and any(name.startswith("routing_config") for name in alias.lifecycle.ignore_changes))
    if function is None or function.type != "aws_lambda_function" or not shifted:
        return
    for caller in context.view.referring(function, *_CALLING):
        if function in context.view.targets(caller, _CALLING[caller.type]):
            yield Finding(caller, f"it names {function.address}, whose releases go by {alias.address}",
                          attribute=_CALLING[caller.type], related=(alias,))


@RULES.rule(
    "alias-missing", Severity.HIGH, "a name of a function's version leads to nothing",
    types=("aws_lambda_permission", "aws_lambda_provisioned_concurrency_config", "aws_lambda_function_url",
           "aws_lambda_function_event_invoke_config"),
    rationale="The qualifier is an alias or a version that exists; for any other one Lambda answers ResourceNotFoundException.",
    mend="define an aws_lambda_alias of that name, and refer to it",
    example="qualifier = \"production\" without aws_lambda_alias",
)
def nameless(context: Context, resource: Resource) -> Found:
    qualifier = text(context.view.get(resource, "qualifier"))
    function = context.view.target(resource, "function_name")
    if not qualifier or qualifier == "$LATEST" or qualifier.isdecimal() or context.view.targets(resource, "qualifier"):
        return
    if function is None or function.type != "aws_lambda_function" or function.data:
        return
    names = [context.view.get(item, "name") for item in context.view.referring(function, "aws_lambda_alias")]
    if qualifier not in names and not any(unknown(name) for name in names):
        yield Finding(resource, f"{function.address} has no alias {qualifier!r}", attribute="qualifier", related=(function,))


@RULES.rule(
    "function-with-usual-timeout", Severity.LOW, "nobody said how long the function may take", types=("aws_lambda_function",),
    family=Family.RUNS,
    rationale="Left out, the timeout is 3 s: a cold start, or one slow answer of what the function calls, ends it half-way "
              "(AWS Lambda Developer Guide, \"Configure Lambda function timeout\").",
    mend="set timeout to what the work takes, and a reserve",
    example="aws_lambda_function with vpc_config and without timeout",
)
def unsaid(context: Context, function: Resource) -> Found:
    if function.arguments.get("timeout") is None and context.view.get(function, "vpc_config") is not None:
        yield Finding(function, "`timeout` is not set, and it calls what is in its network", attribute="timeout")


@RULES.rule(
    "migration-may-be-cut-off", Severity.LOW, "a schema change may be stopped half-way", types=("aws_lambda_function",),
    family=Family.RUNS,
    rationale="Lambda ends a function at its timeout, whatever it is doing; a migration of a full table takes longer than one "
              "of an empty one, and 15 minutes are the most that there is (AWS Lambda Developer Guide, \"Lambda quotas\").",
    mend="set timeout = 900, and let a migration be resumed; long ones belong into a container",
    example="function migrate with timeout = 300",
)
def migration(context: Context, function: Resource) -> Found:
    names = (function.name.lower(), (text(context.view.get(function, "function_name")) or "").lower())
    limit = whole(context.view.get(function, "timeout", default=3))
    if limit is not None and limit < _LONGEST and any("migrat" in name and re.search(_MIGRATES, name) for name in names):
        yield Finding(function, f"it has {limit} s of at most {_LONGEST}", attribute="timeout")
