"""Amazon CloudWatch Logs: what is taken in, and what is kept.

"Amazon CloudWatch Pricing" (aws.amazon.com/cloudwatch/pricing): logs of functions and of AWS services are taken in at the
price of vended logs, all others at the standard price; what is kept is billed compressed, at 0.15 of its size.
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.model import Edge, Lines, Parameter, Service
from groundsill.cost.quantities import DAYS_PER_MONTH, Dimension
from groundsill.cost.routes import calls, function_of
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

service = Service("Amazon CloudWatch", free={
    "aws_cloudwatch_log_resource_policy": "policies cost nothing",
    "aws_cloudwatch_log_stream": "a stream costs nothing beside its group",
    "aws_cloudwatch_log_subscription_filter": "the filter is free; what it sends to is not",
    "aws_cloudwatch_query_definition": "a saved query costs nothing until it is run: $0.005 for each GB that it reads",
})
MB = 2.0**20
_COMPRESSED = 0.15
_ACCESS_LINE = Amount(300, 500, 1000)  # bytes of a line of an access log
_WAF_LINE = Amount(1000, 1500, 3000)
_VENDED = ("aws_lambda_function", "aws_flow_log", "aws_wafv2_web_acl_logging_configuration", "aws_apigatewayv2_stage",
           "aws_api_gateway_stage")
_FLOW_LOG = Amount(100 * MB, 1024 * MB, 20 * 1024 * MB)


def log_group_of(context: Context, workload: Resource) -> Resource | None:
    """The log group that a workload writes to, where it is in the graph."""
    if workload.type == "aws_lambda_function":
        groups = [item for item in context.view.targets(workload, "logging_config", "log_group")
                  if item.type == "aws_cloudwatch_log_group"]
        if groups:
            return groups[0]
        name = context.text(workload, "function_name")
        return context.log_groups.get(f"/aws/lambda/{name}") if name else None
    if workload.type == "aws_ecs_service":
        for task in context.view.targets(workload, "task_definition"):
            for reference in references_in(task.arguments.get("container_definitions")):
                target = context.graph.target(reference)
                if target is not None and target.type == "aws_cloudwatch_log_group":
                    return target
    return next(iter(context.grants.log_groups(workload)), None)


@service.meter(
    "aws_cloudwatch_log_group",
    Parameter("ingest", Dimension.GROWTH, "what is written to it in a month,", Amount(1 * MB, 50 * MB, 1024 * MB)),
)
def group(context: Context, group: Resource) -> Lines:
    """Logs taken in, and logs kept as long as the group says."""
    written = context.measure(group, "ingest", "of logs")
    vended = any(context.graph[edge.source[0]].type in _VENDED for edge in context.flow.incoming.get(
        (group.address, "ingest"), ()) if edge.source[0] in context.graph)
    rare = context.text(group, "log_group_class") == "INFREQUENT_ACCESS"
    key = "logs_ingest_infrequent_access" if rare else "logs_vended_first_10tb" if vended else "logs_ingest_standard"
    yield context.line(group, "logs taken in", f"cloudwatch.{key}", written.scaled(GB))
    days = context.number(group, "retention_in_days", default=0).amount
    months = context.traffic.months if days is None or not days.expected else min(
        days.expected / DAYS_PER_MONTH, context.traffic.months)
    yield context.line(group, "logs kept", "cloudwatch.logs_storage", written.scaled(GB), counted(months, "months"),
                       counted(_COMPRESSED, "compressed"))


@service.meter("aws_flow_log", Parameter("data", Dimension.GROWTH, "what it records in a month,", _FLOW_LOG))
def flow_log(context: Context, log: Resource) -> Lines:
    """Records of the network's traffic; those in a log group are paid there."""
    if any(target.type == "aws_cloudwatch_log_group" for target in context.graph_targets(log)):
        yield context.free(log, "its records are paid in its log group")
        return
    yield context.line(log, "records", "cloudwatch.logs_vended_first_10tb", context.measure(log, "data").scaled(GB))


@service.flow
def workload_logs(context: Context) -> Iterator[Edge]:
    """What workloads log."""
    for workload in context.workloads:
        group = log_group_of(context, workload)
        if group is not None:
            size, assumption = context.each(workload, "log_size")
            yield Edge(calls(workload), (group.address, "ingest"), size, assumption)


@service.flow
def service_logs(context: Context) -> Iterator[Edge]:
    """What gateways, firewalls and networks log."""
    for stage in context.of_type("aws_apigatewayv2_stage", "aws_api_gateway_stage"):
        apis = context.view.targets(stage, "api_id") + context.view.targets(stage, "rest_api_id")
        for group in context.view.targets(stage, "access_log_settings"):
            for api in apis:
                if group.type == "aws_cloudwatch_log_group":
                    yield Edge((api.address, "requests"), (group.address, "ingest"), _ACCESS_LINE,
                               f"{title(api)}: a line of its access log has 500 B (300 B to 1,000 B)")
    for config in context.of_type("aws_wafv2_web_acl_logging_configuration"):
        for group in context.view.targets(config, "log_destination_configs"):
            for acl in context.view.targets(config, "resource_arn"):
                if group.type == "aws_cloudwatch_log_group":
                    dropped = context.text(config, "logging_filter", "default_behavior") == "DROP"
                    share = Amount(0.001, 0.01, 0.1) if dropped else Amount(1, 1, 1)
                    yield Edge((acl.address, "requests"), (group.address, "ingest"), _WAF_LINE * share,
                               f"{title(acl)}: {'1 % of requests are logged' if dropped else 'every request is logged'}, "
                               "1,500 B each")
    for log in context.of_type("aws_flow_log"):
        for group in context.graph_targets(log):
            if group.type == "aws_cloudwatch_log_group":
                size, assumption = _FLOW_LOG, f"{title(log)}: its flow log records 1 GB a month (100 MB to 20 GB) (`data`)"
                stated = context.traffic.stated(log, "data")
                yield Edge((log.address, "data"), (group.address, "ingest"), Amount(1, 1, 1),
                           "" if stated or not size else assumption)


@service.flow
def filters_of_functions(context: Context) -> Iterator[Edge]:
    """Log subscriptions that invoke functions: one invocation for a batch of lines."""
    for subscription in context.of_type("aws_cloudwatch_log_subscription_filter"):
        function = function_of(context, context.view.target(subscription, "destination_arn"))
        for group in context.graph_targets(subscription):
            if function is not None and group.type == "aws_cloudwatch_log_group":
                yield Edge((group.address, "ingest"), calls(function), Amount(1e-6, 1e-5, 1e-4),
                           f"{title(function)}: is invoked for each 100 KB of logs")
