"""Alarms, dashboards and mail: do they watch what exists, where it is, and does anybody hear of it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.metrics import GLOBAL_NAMESPACES, METRICS
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.rules.zones import region
from groundsill.checks.values import document, each, mapping, text, whole
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

RULES = Ruleset(Family.RUNS)


def _metrics(context: Context, alarm: Resource) -> Iterator[tuple[Any, Any, Any]]:
    """Namespace, name and dimensions of every metric of an alarm."""
    view = context.view
    if view.get(alarm, "metric_name") is not None:
        yield view.get(alarm, "namespace"), view.get(alarm, "metric_name"), view.get(alarm, "dimensions", default={})
    for query in view.blocks(alarm, "metric_query"):
        for metric in map(mapping, each(query.get("metric"))):
            yield metric.get("namespace"), metric.get("metric_name"), metric.get("dimensions") or {}


@RULES.rule(
    "alarm-watches-nothing",
    Severity.HIGH,
    "an alarm watches a metric that nobody writes",
    types=("aws_cloudwatch_metric_alarm",),
    rationale="CloudWatch takes any name: an alarm on a metric or on dimensions that do not exist stays in "
    'INSUFFICIENT_DATA, and never tells anybody (each service\'s "CloudWatch metrics" page).',
    mend="correct namespace, metric and dimensions",
    example='namespace = "AWS/SQS", metric_name = "MessagesVisible"',
)
def nothing(context: Context, alarm: Resource) -> Found:
    for namespace, name, dimensions in _metrics(context, alarm):
        known = METRICS.get(namespace) if isinstance(namespace, str) else None
        if known is None or text(name) is None:
            continue
        if name not in known.names:
            yield Finding(alarm, f"{namespace} has no metric {name}", attribute="metric_name")
        elif is_mapping(dimensions) and not any(set(dimensions) == set(group) for group in known.dimensions):
            listed = " or ".join(", ".join(group) or "none" for group in known.dimensions)
            yield Finding(
                alarm,
                f"{namespace} {name} has the dimensions {listed}, not {', '.join(map(str, dimensions)) or 'none'}",
                attribute="dimensions",
            )


@RULES.rule(
    "alarm-in-wrong-region",
    Severity.HIGH,
    "an alarm looks for a metric in a region that never has it",
    types=("aws_cloudwatch_metric_alarm",),
    rationale="Metrics of Route 53, CloudFront and billing exist in us-east-1 alone (Amazon Route 53 Developer Guide, "
    '"Monitoring health checks using CloudWatch"; AWS Billing User Guide, "Creating a billing alarm").',
    mend="make the alarm with a provider of us-east-1",
    example='namespace = "AWS/Route53" in eu-central-1',
)
def elsewhere(context: Context, alarm: Resource) -> Found:
    home = region(context, alarm)
    for namespace, _, _ in _metrics(context, alarm):
        if namespace in GLOBAL_NAMESPACES and home != "us-east-1":
            yield Finding(alarm, f"{namespace} writes to us-east-1, and the alarm is in {home}", attribute="namespace")


@RULES.rule(
    "dashboard-graph-misleads",
    Severity.LOW,
    "a dashboard shows a number that means nothing",
    types=("aws_cloudwatch_dashboard",),
    rationale="The sum of durations grows with traffic, and metrics of billing, Route 53 and CloudFront are empty outside of "
    "us-east-1.",
    mend="show p50 and p95 of durations; give such widgets region = us-east-1",
    example='stat = "Sum" for Duration',
)
def misleads(context: Context, dashboard: Resource) -> Found:
    body = mapping(document(context.view.get(dashboard, "dashboard_body")))
    for widget in each(body.get("widgets")):
        shown = mapping(mapping(widget).get("properties"))
        for row in each(shown.get("metrics")):
            if not is_list(row) or len(row) < 2 or not text(row[0]):
                continue
            options = mapping(row[-1])
            stat = options.get("stat", shown.get("stat", "Average"))
            if row[1] in ("Duration", "Latency", "TargetResponseTime", "IntegrationLatency") and stat == "Sum":
                yield Finding(dashboard, f"the sum of {row[0]} {row[1]}", attribute="dashboard_body")
            where = options.get("region", shown.get("region", region(context, dashboard)))
            if row[0] in GLOBAL_NAMESPACES and text(where) and where != "us-east-1":
                yield Finding(dashboard, f"{row[0]} in {where}", attribute="dashboard_body")


@RULES.rule(
    "metric-filter-without-alarm",
    Severity.LOW,
    "something is counted in the log and nobody looks",
    types=("aws_cloudwatch_log_metric_filter",),
    production_only=True,
    rationale="A metric filter costs and tells nothing by itself.",
    mend="an alarm on its metric",
    example="aws_cloudwatch_log_metric_filter without aws_cloudwatch_metric_alarm",
)
def counted(context: Context, item: Resource) -> Found:
    names = {text(block.get("name")) for block in context.view.blocks(item, "metric_transformation")}
    seen = {
        name
        for alarm in context.of_type("aws_cloudwatch_metric_alarm")
        for _, name, _ in _metrics(context, alarm)
        if isinstance(name, str)
    }
    if names and not names & seen and not any(True for _ in context.view.referring(item, "aws_cloudwatch_metric_alarm")):
        yield Finding(item, f"no alarm watches {', '.join(sorted(filter(None, names)))}")


@RULES.rule(
    "alarm-periods-refused",
    Severity.CRITICAL,
    "CloudWatch refuses the alarm's period",
    types=("aws_cloudwatch_metric_alarm",),
    family=Family.DEPLOYS,
    rationale="A period is 10, 20, 30 or a multiple of 60 seconds, all periods together last at most a day for short ones, "
    'and no more datapoints alarm than there are periods (CloudWatch API Reference, "PutMetricAlarm").',
    mend="choose a period of 60 s or a multiple",
    example="period = 45",
)
def periods(context: Context, alarm: Resource) -> Found:
    period, count = whole(context.view.get(alarm, "period")), whole(context.view.get(alarm, "evaluation_periods"))
    if period is not None and period not in (10, 20, 30) and period % 60:
        yield Finding(alarm, f"period is {period} s", attribute="period")
    if period is not None and count is not None and period < 3_600 and period * count > 86_400:
        yield Finding(alarm, f"{count} periods of {period} s are more than a day", attribute="evaluation_periods")
    needed = whole(context.view.get(alarm, "datapoints_to_alarm"))
    if needed is not None and count is not None and needed > count:
        yield Finding(alarm, f"{needed} datapoints of {count} periods", attribute="datapoints_to_alarm")


@RULES.rule(
    "sender-not-declared",
    Severity.HIGH,
    "mail is sent from an address that nobody verifies",
    types=("aws_cognito_user_pool",),
    rationale="With DEVELOPER Cognito sends through SES from an identity that must exist and be verified: sign-ups fail "
    'otherwise (Amazon Cognito Developer Guide, "Email settings for Amazon Cognito user pools").',
    mend="declare the SES identity, and refer to its ARN",
    example='email_sending_account = "DEVELOPER" without source_arn',
)
def sender(context: Context, pool: Resource) -> Found:
    view = context.view
    if view.get(pool, "email_configuration", "email_sending_account") != "DEVELOPER":
        return
    source = view.get(pool, "email_configuration", "source_arn")
    identity = next((found for item in references_in(source) if (found := context.graph.target(item)) is not None), None)
    if source is None:
        yield Finding(pool, "DEVELOPER without source_arn", attribute="email_configuration")
        return
    address = text(view.get(pool, "email_configuration", "from_email_address"))
    known = text(view.get(identity, "email_identity")) or text(view.get(identity, "email")) if identity is not None else None
    if address and known and known not in address and known.rpartition("@")[2] not in address:
        yield Finding(
            pool,
            f"it sends from {address}, and {identity.address if identity else ''} is {known}",
            attribute="email_configuration",
            related=(identity,) if identity else (),
        )
    written = text(source)
    if written and written.split(":")[3:4] not in (
        [region(context, pool)],
        ["us-east-1"],
        ["us-west-2"],
        ["eu-west-1"],
    ):
        yield Finding(pool, f"{source} is in another region", attribute="email_configuration")


@RULES.rule(
    "mail-of-the-sandbox",
    Severity.LOW,
    "production's users get their codes through a service for tests",
    types=("aws_cognito_user_pool",),
    production_only=True,
    rationale="COGNITO_DEFAULT sends 50 mails a day from an address of Amazon's: the fifty-first sign-up gets no code "
    '(Amazon Cognito Developer Guide, "Email settings for Amazon Cognito user pools").',
    mend='send through SES: email_sending_account = "DEVELOPER" with an identity out of the sandbox',
    example='email_sending_account = "COGNITO_DEFAULT" in production',
)
def sandbox(context: Context, pool: Resource) -> Found:
    kind = context.view.get(pool, "email_configuration", "email_sending_account", default="COGNITO_DEFAULT")
    verified = "email" in each(context.view.get(pool, "auto_verified_attributes"))
    if kind == "COGNITO_DEFAULT" and verified:
        yield Finding(pool, "it sends with COGNITO_DEFAULT", attribute="email_configuration")


@RULES.rule(
    "alarm-topic-without-subscriber",
    Severity.MEDIUM,
    "alarms go to a topic that nobody listens to",
    types=("aws_sns_topic",),
    production_only=True,
    rationale='CloudWatch publishes the alarm and SNS throws it away: nobody is told (Amazon SNS Developer Guide, "Creating a '
    'subscription to an Amazon SNS topic").',
    mend="subscribe an address, and confirm it from the mail that SNS sends",
    example="aws_cloudwatch_metric_alarm: alarm_actions = [aws_sns_topic.alerts.arn], and no aws_sns_topic_subscription",
)
def unheard(context: Context, topic: Resource) -> Found:
    alarms = list(context.view.referring(topic, "aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"))
    listeners = (
        "aws_sns_topic_subscription",
        "aws_chatbot_slack_channel_configuration",
        "aws_chatbot_teams_channel_configuration",
    )
    if alarms and not any(True for _ in context.view.referring(topic, *listeners)):
        yield Finding(topic, f"{len(alarms)} alarm{'s' * (len(alarms) != 1)}, and no subscription", related=(alarms[0],))
