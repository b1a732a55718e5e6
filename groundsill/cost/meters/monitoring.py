"""Amazon CloudWatch: alarms, metrics of one's own, dashboards.

"Amazon CloudWatch Pricing": an alarm is paid for each metric that it looks at; one that looks more often than each minute
costs more; dashboards are paid by the month.
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import Context, counted, mappings, plain_number
from groundsill.cost.model import ALWAYS, Edge, Lines, Service
from groundsill.cost.routes import takers
from groundsill.graph.resource import Resource

_UNPRICED = {
    "aws_cloudwatch_metric_stream": "the price book has no price of metric streams",
}
service = Service(
    "Amazon CloudWatch", unpriced=_UNPRICED, free={"aws_cloudwatch_metric_alarm_mute_rule": "mute rules cost nothing"})
_MINUTE = 60


@service.meter("aws_cloudwatch_metric_alarm")
def alarm(context: Context, alarm: Resource) -> Lines:
    """The metrics that an alarm looks at."""
    queries = context.view.blocks(alarm, "metric_query")
    read = [query for query in queries if query.get("metric")]
    periods = [plain_number(context.view.get(alarm, "period", default=_MINUTE)) or _MINUTE]
    for query in read:
        periods += [plain_number(block.get("period")) or _MINUTE for block in mappings(query["metric"])]
    number = max(len(read), 1)
    # Anomaly detection adds a metric for each bound of its band.
    if any("ANOMALY_DETECTION_BAND" in str(query.get("expression", "")) for query in queries):
        number += 2
    key = "alarm_high_resolution_month" if min(periods) < _MINUTE else "alarm_standard_month"
    yield context.line(alarm, "alarm", f"cloudwatch.{key}", counted(number, "metric" if number == 1 else "metrics"))


@service.meter("aws_cloudwatch_composite_alarm")
def composite(context: Context, alarm: Resource) -> Lines:
    """An alarm of alarms."""
    yield context.line(alarm, "composite alarm", "cloudwatch.alarm_composite_month", counted(1, "alarm"))


@service.meter("aws_cloudwatch_dashboard")
def dashboard(context: Context, dashboard: Resource) -> Lines:
    """A dashboard."""
    yield context.line(dashboard, "dashboard", "cloudwatch.dashboard_month", counted(1, "dashboard"))


@service.meter("aws_cloudwatch_log_metric_filter")
def metric_filter(context: Context, metric_filter: Resource) -> Lines:
    """A metric that is made from logs: one for each combination of its dimensions."""
    dimensions = context.view.get(metric_filter, "metric_transformation", "dimensions")
    number = counted(Amount(1, 5, 30), "metrics", f"{metric_filter.component or metric_filter.address}: its dimensions have "
                     "5 combinations (1 to 30)") if dimensions else counted(1, "metric")
    yield context.line(metric_filter, "metric of its own", "cloudwatch.custom_metric_month", number)


@service.flow
def alarms_tell(context: Context) -> Iterator[Edge]:
    """Alarms that go off, and their ends, are messages to a topic."""
    for alarm in context.of_type("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"):
        for argument in ("alarm_actions", "ok_actions"):
            for node in takers(context, alarm.arguments.get(argument)):
                yield Edge(ALWAYS, node, Amount(0, 1, 30), "an alarm goes off once a month (never to 30 times)")
