"""What operators look at: metrics from logs, dashboards, saved queries and traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.metrics import Metric, plotted
from groundsill.components.roles import require
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.naming import identifier
from groundsill.graph import JsonDocument, Reference, Resource

_GRID, _HEIGHT = 24, 6  # Amazon CloudWatch: dashboard body structure and syntax; the grid has 24 columns
_IN_A_ROW = 3
_MOST_WIDGETS = 500  # CloudWatch quotas: widgets of a dashboard
_MOST_GROUPS = 50  # CloudWatch Logs Insights: log groups in a query


def _groups(component: Component, argument: str, logs: Sequence[Any]) -> list[Resource]:
    """The log groups of components that write one, or log groups themselves."""
    groups: list[Resource] = []
    for entry in logs:
        group = entry if isinstance(entry, Resource) else vars(entry).get("log_group") if isinstance(entry, Component) else None
        if group is None:
            raise Mistake("GS1640", f"`{argument}` of {component.subject} names something without a log: {shown(entry)}",
                          mend="name functions, services or log groups")
        groups.append(group)
    return groups


class LogMetric(Component):
    """A metric counted from the lines of a log, for what AWS does not measure by itself.

    Arguments:
        component: unique in the system.
        log: the component that writes the log, or its log group.
        pattern: which lines count, in CloudWatch's filter syntax, for example ``{ $.event = "twilio-error" }``.
        value: what a line adds: ``1`` (default) or a field of it, for example ``$.initDurationMs``.
        unit: CloudWatch unit, default ``Count``.
        default: value of a minute without such a line; default 0, and none where a field is measured.
        metric: name of the metric, default made from the component's name.

    Gives `metric`, for `Alerts.watch` and `Dashboard`.

    Resources created: ``aws_cloudwatch_log_metric_filter``.

    Costs: one custom metric a month.

    Example:
        ``LogMetric("refused-messages", handler, '{ $.event = "provider-refused" }')``
    """

    def __init__(
        self, component: str, log: Any, pattern: str, /, *, value: str = "1", unit: str = "Count",
        default: float | None = None, metric: str | None = None,
    ) -> None:
        super().__init__(component)
        (group,) = _groups(self, "log", [log])
        self._name = metric or identifier(component)
        self._namespace = f"{self.building.system}/{self.stage.name}"
        counted = not value.startswith("$")
        zero = 0 if default is None and counted else default
        self.resource = aws.cloudwatch_log_metric_filter(
            self.terraform_name(), name=self.physical_name("aws_cloudwatch_log_group"), log_group_name=group["name"],
            pattern=pattern,
            metric_transformation={
                "namespace": self._namespace, "name": self._name, "value": value, "unit": unit,
                "default_value": None if zero is None else f"{zero:g}",
            },
        )

    @step
    def metric(self, statistic: str = "Sum") -> Metric:
        """The metric, summed up in one way.

        Arguments:
            statistic: ``Sum`` (default), ``Average``, ``Maximum``, or a percentile such as ``p95``.
        """
        return Metric(self._namespace, self._name, {}, statistic)


class Dashboard(Component):
    """A CloudWatch dashboard: for each component the graphs that tell how it is doing, and graphs of one's own.

    Arguments:
        component: unique in the system.
        title: text at the top, in Markdown.
        shows: components whose usual metrics are plotted, a graph a metric, components of one type together.
        graphs: metrics by title, a graph each, for example ``{"Cache hits": [hits.metric()]}``.
        queries: log queries by title: components that write logs, and the query.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_cloudwatch_dashboard``.

    Costs: per dashboard and month; three are free.

    Example:
        ``Dashboard("performance", shows=[api, handler, orders])``
    """

    def __init__(
        self, component: str, /, *, title: str = "", shows: Sequence[Component] = (),
        graphs: Mapping[str, Sequence[Metric]] | None = None,
        queries: Mapping[str, tuple[Sequence[Any], str]] | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        widgets = [_graph(title_, metrics, self._region) for title_, metrics in _usual(shows).items()]
        for heading, metrics in (graphs or {}).items():
            for item in metrics:
                require(item, Metric, "graphs", self)
            widgets.append(_graph(heading, metrics, self._region))
        for heading, (logs, query) in (queries or {}).items():
            widgets.append(self._query(heading, _groups(self, "queries", logs), query))
        if not widgets:
            raise Mistake("GS1641", "a dashboard that shows nothing", mend="name components, for example shows=[api, orders]")
        if len(widgets) >= _MOST_WIDGETS:
            raise Mistake("GS1642", f"a dashboard has at most {_MOST_WIDGETS} widgets, not {len(widgets) + 1}",
                          mend="make several dashboards")
        heading_widget: dict[str, Any] = {
            "type": "text", "width": _GRID, "height": 1,
            "properties": {"markdown": title or f"# {self.building.system} {self.stage.name}: {component}"},
        }
        self.resource = aws.cloudwatch_dashboard(
            self.terraform_name(), dashboard_name=self.physical_name("aws_cloudwatch_dashboard", name),
            dashboard_body=JsonDocument({"widgets": _placed([heading_widget, *widgets])}),
        )

    @property
    def _region(self) -> str:
        return self.building.graph.region

    @property
    def url(self) -> str:
        """Where it is seen in the console."""
        return (f"https://{self._region}.console.aws.amazon.com/cloudwatch/home?region={self._region}"
                f"#dashboards/dashboard/{self.resource['dashboard_name']}")

    def _query(self, heading: str, groups: Sequence[Resource], query: str) -> dict[str, Any]:
        sources = " | ".join(f"SOURCE '{group['name']}'" for group in groups)
        return {"type": "log", "properties": {
            "title": heading, "region": self._region, "view": "table", "query": f"{sources} | {query}"}}


def _usual(shows: Sequence[Component]) -> dict[str, list[Metric]]:
    """The usual graphs of components: one a metric, with a line for each component that has it."""
    graphs: dict[str, list[Metric]] = {}
    for component in shows:
        for item in plotted(component):
            title = f"{item.namespace.removeprefix('AWS/')} {item.name} ({item.statistic})"
            graphs.setdefault(title, []).append(item.labelled(component.name))
    return graphs


def _graph(title: str, metrics: Sequence[Metric], region: str) -> dict[str, Any]:
    lines: list[Any] = []
    for item in metrics:
        pairs: list[Any] = [part for pair in item.dimensions.items() for part in pair]
        options: dict[str, Any] = {"stat": item.statistic, "region": item.region or region}
        if item.period:
            options["period"] = item.period
        lines.append([item.namespace, item.name, *pairs, options | ({"label": item.label} if item.label else {})])
    return {"type": "metric", "properties": {
        "title": title, "region": region, "view": "timeSeries", "stacked": False, "period": 300, "metrics": lines}}


def _placed(widgets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Widgets with their places: a full row for text, else three in a row."""
    placed: list[dict[str, Any]] = []
    column = row = 0
    for widget in widgets:
        width, height = widget.get("width", _GRID // _IN_A_ROW), widget.get("height", _HEIGHT)
        if column + width > _GRID:
            column, row = 0, row + _HEIGHT
        placed.append({"x": column, "y": row, "width": width, "height": height, **widget})
        column += width
        if width == _GRID:
            column, row = 0, row + height
    return placed


class SavedQuery(Component):
    """A Logs Insights query that is there when something is wrong.

    Arguments:
        component: unique in the system.
        logs: components that write logs, or log groups; at most 50.
        query: the query, for example ``fields @timestamp, @message | filter level = "ERROR" | sort @timestamp desc``.
        name: the name that AWS sees; a ``/`` in it makes folders.

    Resources created: ``aws_cloudwatch_query_definition``.

    Costs: nothing until it is run, then per scanned GB.

    Example:
        ``SavedQuery("errors", [handler], 'filter level = "ERROR" | sort @timestamp desc | limit 50')``
    """

    def __init__(self, component: str, logs: Sequence[Any], query: str, /, *, name: str | None = None) -> None:
        super().__init__(component)
        groups = _groups(self, "logs", logs)
        if not 1 <= len(groups) <= _MOST_GROUPS:
            raise Mistake("GS1643", f"a query reads 1 to {_MOST_GROUPS} logs, not {len(groups)}",
                          mend="name components that write logs, for example [handler]")
        self.resource = aws.cloudwatch_query_definition(
            self.terraform_name(), name=self.physical_name("aws_cloudwatch_query_definition", name),
            log_group_names=[group["name"] for group in groups], query_string=query,
        )


class Traces(Component):
    """Which requests are traced, and a group that shows this system's traces apart from others.

    Workloads send traces themselves: through OpenTelemetry, X-Ray being where they are kept; X-Ray's own SDKs are in
    maintenance.

    Arguments:
        component: unique in the system.
        rate: share of requests that are traced beyond the reservoir, 0 to 1, default 0.05.
        reservoir: requests a second that are always traced, default 1.
        service: name of the traced service, default every one whose name begins with the system's.
        priority: rules are tried from the lowest, 1 to 9,999, default 100.
        expression: which traces are in the group, in X-Ray's filter syntax; default those of ``service`` that failed or
            took longer than ``slow``.
        slow: seconds, default 2.

    Resources created: ``aws_xray_sampling_rule``, ``aws_xray_group``.

    Costs: per million traces kept; the group and the rule are free.

    Example:
        ``Traces("traces", rate=0.1)``
    """

    def __init__(
        self, component: str, /, *, rate: float = 0.05, reservoir: int = 1, service: str | None = None,
        priority: int = 100, expression: str | None = None, slow: float = 2,
    ) -> None:
        super().__init__(component)
        if not 0 <= rate <= 1:
            raise Mistake("GS1644", f"a share of requests is 0 to 1, not {rate}", mend="write for example rate=0.05")
        own = service or f"{self.building.system}*"
        self.rule = aws.xray_sampling_rule(
            self.terraform_name(), rule_name=self.physical_name("aws_xray_sampling_rule"), priority=priority, version=1,
            fixed_rate=rate, reservoir_size=reservoir, service_name=own, service_type="*", host="*", http_method="*",
            url_path="*", resource_arn="*",
        )
        self.resource = aws.xray_group(
            self.terraform_name(), group_name=self.physical_name("aws_xray_group"),
            filter_expression=expression or f"fault OR error OR responsetime > {slow:g}",
            insights_configuration={"insights_enabled": True, "notifications_enabled": False},
        )

    @property
    def arn(self) -> Reference:
        """ARN of the group."""
        return self.resource["arn"]
