"""CloudWatch metrics of components, for alarms and dashboards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from groundsill.definition.arguments import shown
from groundsill.definition.building import current_building
from groundsill.definition.component import Collecting, Component
from groundsill.graph import Broken, Resource, caller_location
from groundsill.graph.value import Value

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Metric(Value, metaclass=Collecting):
    """A CloudWatch metric and how it is summed up.

    Arguments:
        namespace: for example ``AWS/Lambda``, or one of the system's own.
        name: metric name, for example ``Errors``.
        dimensions: which thing is measured.
        statistic: ``Sum`` (default), ``Average``, ``Maximum``, ``Minimum``, ``SampleCount``, or a percentile such as ``p95``.
        label: what a dashboard calls it; default the metric's own name.
        region: region that the metric is published in; default the system's.
        period: seconds that a point of a dashboard's graph covers, default 300.

    Example:
        ``alerts.watch("few-orders", Metric("Shop", "Orders"), below=1, period=3600)``
    """

    __slots__ = (  # noqa: RUF023  in the constructor's order
        "namespace", "name", "dimensions", "statistic", "label", "region", "period",
    )

    def __init__(
        self, namespace: str, name: str, dimensions: Mapping[str, Any] = _NOTHING, statistic: str = "Sum", label: str = "",
        region: str | None = None, period: int | None = None,
    ) -> None:
        self.namespace: Final = namespace
        self.name: Final = name
        self.dimensions: Final = dimensions
        self.statistic: Final = statistic
        self.label: Final = label
        self.region: Final = region
        self.period: Final = period

    def labelled(self, label: str) -> Metric:
        """The same metric under another label."""
        return self.changed(label=label)


Dimensions = Callable[[Resource], Mapping[str, Any]]


def _by(**attributes: str) -> Dimensions:
    """Dimensions that are attributes of the resource, by dimension name."""
    return lambda resource: {dimension: resource[attribute] for dimension, attribute in attributes.items()}


class Measured(Value):
    """Where AWS publishes the metrics of a type, and which of them tell how it is doing.

    Arguments:
        namespace: CloudWatch namespace.
        dimensions: which of the type's metrics belong to a resource.
        plots: metric name and statistic of what a dashboard shows.
        region: region that they are published in; None for the resource's own.
    """

    __slots__ = ("namespace", "dimensions", "plots", "region")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, namespace: str, dimensions: Dimensions, plots: tuple[tuple[str, str], ...], region: str | None = None,
    ) -> None:
        self.namespace: Final = namespace
        self.dimensions: Final = dimensions
        self.plots: Final = plots
        self.region: Final = region


def _web_acl(resource: Resource) -> Mapping[str, Any]:
    everywhere = resource.arguments.get("scope") == "CLOUDFRONT"
    region = {} if everywhere else {"Region": current_building().graph.region}
    return {"WebACL": resource.block("visibility_config").get("metric_name"), "Rule": "ALL", **region}


# Source of names and dimensions: "Services that publish CloudWatch metrics", Amazon CloudWatch user guide, and the page of
# each service that it leads to.
MEASURED: MappingProxyType[str, Measured] = MappingProxyType({
    "aws_api_gateway_rest_api": Measured("AWS/ApiGateway", _by(ApiName="name"), (
        ("Count", "Sum"), ("4XXError", "Sum"), ("5XXError", "Sum"), ("Latency", "p95"), ("IntegrationLatency", "p95"))),
    "aws_apigatewayv2_api": Measured("AWS/ApiGateway", _by(ApiId="id"), (
        ("Count", "Sum"), ("4xx", "Sum"), ("5xx", "Sum"), ("Latency", "p95"))),
    "aws_cloudfront_distribution": Measured(
        "AWS/CloudFront", lambda resource: {"DistributionId": resource["id"], "Region": "Global"}, (
            ("Requests", "Sum"), ("BytesDownloaded", "Sum"), ("4xxErrorRate", "Average"), ("5xxErrorRate", "Average"),
            ("CacheHitRate", "Average")), "us-east-1"),
    "aws_dynamodb_table": Measured("AWS/DynamoDB", _by(TableName="name"), (
        ("ConsumedReadCapacityUnits", "Sum"), ("ConsumedWriteCapacityUnits", "Sum"), ("ReadThrottleEvents", "Sum"),
        ("WriteThrottleEvents", "Sum"))),
    "aws_elasticache_replication_group": Measured(
        "AWS/ElastiCache", lambda resource: {"CacheClusterId": f"{resource['id']}-001"}, (
            ("EngineCPUUtilization", "Average"), ("DatabaseMemoryUsagePercentage", "Average"), ("CacheHits", "Sum"),
            ("CacheMisses", "Sum"), ("Evictions", "Sum"))),
    "aws_lambda_function": Measured("AWS/Lambda", _by(FunctionName="function_name"), (
        ("Invocations", "Sum"), ("Errors", "Sum"), ("Throttles", "Sum"), ("Duration", "p95"))),
    "aws_lb": Measured("AWS/ApplicationELB", _by(LoadBalancer="arn_suffix"), (
        ("RequestCount", "Sum"), ("HTTPCode_ELB_5XX_Count", "Sum"), ("TargetResponseTime", "p95"))),
    "aws_sqs_queue": Measured("AWS/SQS", _by(QueueName="name"), (
        ("ApproximateNumberOfMessagesVisible", "Maximum"), ("ApproximateAgeOfOldestMessage", "Maximum"))),
    "aws_wafv2_web_acl": Measured("AWS/WAFV2", _web_acl, (
        ("BlockedRequests", "Sum"), ("AllowedRequests", "Sum"))),
})


def metric(component: Component, name: str, statistic: str = "Sum", /, **dimensions: Any) -> Metric:
    """A metric that AWS publishes of a component.

    Arguments:
        component: for example a `Function` or a `Table`.
        name: CloudWatch metric name, for example ``Latency``.
        statistic: see `Metric`, default ``Sum``.
        dimensions: further dimensions.

    Example:
        ``metric(api, "Latency", "p95")``
    """
    if isinstance(component, Broken):
        return Broken()  # pyright: ignore[reportReturnType]
    if not isinstance(component, Component):  # pyright: ignore[reportUnnecessaryIsInstance]
        current_building().report(
            "GS1206", "wrong type of `component` for metric", f"it takes a component, not {shown(component)}",
            'write for example metric(api, "Latency", "p95")', location=caller_location(2))
        return Broken()  # pyright: ignore[reportReturnType]
    measured = MEASURED.get(component.resource.type) if "resource" in vars(component) else None
    if measured is None:
        current_building().report("GS1610", f"no metrics of {component.subject} are known here",
                                  mend="write Metric(namespace, name, dimensions)", location=caller_location(2))
        return Broken()  # pyright: ignore[reportReturnType]
    return Metric(measured.namespace, name, {**measured.dimensions(component.resource), **dimensions}, statistic,
                  region=measured.region)


def plotted(component: Component) -> list[Metric]:
    """The metrics that a dashboard shows of a component; none where AWS publishes none."""
    measured = MEASURED.get(component.resource.type)
    return [metric(component, name, statistic) for name, statistic in measured.plots] if measured else []
