"""Amazon SQS, Amazon SNS, Amazon EventBridge: messages, events, schedules.

"Amazon SQS Pricing": each 64 KB of a request is one; sending, receiving and deleting are requests, and so is asking an empty
queue. Lambda asks with five long polls at a time ("Using Lambda with Amazon SQS"). "Amazon SNS Pricing": deliveries to
queues and functions are free. "Amazon EventBridge Pricing": each 64 KB of an event that is put is one; AWS's own are free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.context import GB, Context, counted, mappings, title
from groundsill.cost.model import ALWAYS, Edge, Factor, Lines, Parameter, Service
from groundsill.cost.quantities import HOURS_PER_MONTH, Dimension, count_text
from groundsill.cost.recurrence import times_a_month
from groundsill.cost.routes import calls, takers
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

KB = 2.0**10
_CHUNK = 64 * KB
_SIZE = Parameter("message_size", Dimension.SIZE, "a message has", Amount(0.5 * KB, 1 * KB, 10 * KB))
_POLLS = HOURS_PER_MONTH * 3600 / 20  # of one poller: AWS's longest wait is 20 s

queues = Service("Amazon SQS",
    free={f"aws_sqs_queue_{name}": "a policy" for name in ("policy", "redrive_allow_policy", "redrive_policy")})


@queues.meter("aws_sqs_queue", Parameter("messages", Dimension.RATE, "messages sent to it", entry=True), _SIZE)
def queue(context: Context, queue: Resource) -> Lines:
    """Requests: three for each message, and those that find the queue empty."""
    kind = "fifo" if context.flag(queue, "fifo_queue") else "standard"
    messages = context.measure(queue, "messages")
    each = counted(Amount(1.2, 3, 3), "requests each", f"{title(queue)}: a message is 3 requests, fewer in batches")
    size = context.measure(queue, "message_size")
    chunks = size.each(lambda value: float(max(math.ceil(value / _CHUNK), 1)))
    factors = [messages, each]
    if chunks.amount is not None and chunks.amount.high > 1:
        factors.append(Factor(chunks.amount, f"{count_text(chunks.amount.expected)} chunks", size.assumptions))
    yield context.line(queue, "requests", f"sqs.{kind}_request", *factors)
    pollers = _pollers(context, queue)
    if pollers:
        polls = Factor(Amount(0, _POLLS * pollers, _POLLS * pollers), f"{count_text(_POLLS * pollers)} polls").because(
            f"{title(queue)}: {pollers} pollers ask an empty queue every 20 s")
        yield context.line(queue, "polls of an empty queue", f"sqs.{kind}_request", polls)


def _pollers(context: Context, queue: Resource) -> int:
    return 5 * len(context.referring(queue, "aws_lambda_event_source_mapping")) + context.pollers.get(queue.address, 0)


@queues.flow
def consumers(context: Context) -> Iterator[Edge]:
    """Workloads that take messages by themselves, and where messages go that fail too often."""
    for workload in context.workloads:
        if workload.type != "aws_lambda_function":
            for queue in context.grants.consumed(workload):
                yield Edge((queue.address, "messages"), calls(workload), exactly(1))
    for queue in context.of_type("aws_sqs_queue"):
        for dead in context.view.targets(queue, "redrive_policy"):
            if dead.type == "aws_sqs_queue":
                yield Edge((queue.address, "messages"), (dead.address, "messages"), Amount(0, 0.0001, 0.01),
                           f"{title(queue)}: 0.01 % of its messages fail for good (none to 1 %)")
    for policy in context.of_type("aws_sqs_queue_redrive_policy"):
        for queue in context.view.targets(policy, "queue_url"):
            for dead in context.view.targets(policy, "redrive_policy"):
                if dead.type == "aws_sqs_queue":
                    yield Edge((queue.address, "messages"), (dead.address, "messages"), Amount(0, 0.0001, 0.01))


topics = Service("Amazon SNS",
    free={"aws_sns_topic_policy": "a policy", "aws_sns_topic_data_protection_policy": "a policy"})
_DELIVERIES = {"email": "sns.delivery_email", "email-json": "sns.delivery_email", "http": "sns.delivery_http",
               "https": "sns.delivery_http"}
_FREE = ("sqs", "lambda", "firehose")


@topics.meter("aws_sns_topic", Parameter("messages", Dimension.RATE, "messages published to it", entry=True))
def topic(context: Context, topic: Resource) -> Lines:
    """Messages that are published."""
    yield context.line(topic, "publishes", "sns.publish_request", context.measure(topic, "messages"))


@topics.meter("aws_sns_topic_subscription")
def subscription(context: Context, subscription: Resource) -> Lines:
    """Deliveries."""
    protocol = context.text(subscription, "protocol")
    topic = context.view.target(subscription, "topic_arn")
    if protocol in _FREE:
        yield context.free(subscription, "deliveries to queues and functions are free")
    elif protocol in _DELIVERIES and topic is not None and topic.type == "aws_sns_topic":
        yield context.line(subscription, "deliveries", _DELIVERIES[protocol], context.measure(topic, "messages"))
    else:
        yield context.not_known(subscription, "deliveries",
                                f"the price book has no deliveries by {protocol or 'what is known only after apply'}")


@topics.flow
def subscribed(context: Context) -> Iterator[Edge]:
    """Queues and functions that listen to a topic."""
    for subscription in context.of_type("aws_sns_topic_subscription"):
        for topic in context.view.targets(subscription, "topic_arn"):
            for node in takers(context, subscription.arguments.get("endpoint")):
                if topic.type == "aws_sns_topic":
                    yield Edge((topic.address, "messages"), node, exactly(1))


events = Service("Amazon EventBridge", free={
    "aws_cloudwatch_event_target": "targets are free; what they start is paid by itself",
    "aws_cloudwatch_event_permission": "a policy", "aws_cloudwatch_event_bus_policy": "a policy",
    "aws_cloudwatch_event_connection": "a connection keeps one secret, which EventBridge pays for",
    "aws_scheduler_schedule_group": "groups are free",
})


@events.meter("aws_cloudwatch_event_bus", Parameter("events", Dimension.RATE, "events put on it", entry=True), _SIZE)
def bus(context: Context, bus: Resource) -> Lines:
    """Events that are put on a bus of one's own."""
    size = context.measure(bus, "message_size")
    chunks = size.each(lambda value: float(max(math.ceil(value / _CHUNK), 1)), "chunks")
    factors = [context.measure(bus, "events")]
    if chunks.amount is not None and chunks.amount.high > 1:
        factors.append(chunks)
    yield context.line(bus, "events", "eventbridge.custom_event", *factors)


@events.meter("aws_cloudwatch_event_archive")
def archive(context: Context, archive: Resource) -> Lines:
    """Events that are kept."""
    bus = context.view.target(archive, "event_source_arn")
    if bus is None or bus.type != "aws_cloudwatch_event_bus":
        yield context.not_known(archive, "events kept", "its bus is not in the graph")
        return
    data = context.measure(bus, "events") * context.measure(bus, "message_size", "each").scaled(GB)
    yield context.line(archive, "events taken in", "eventbridge.archive_processing", data)
    days = context.number(archive, "retention_days", default=0).amount
    months = min(days.expected / 30.4, context.traffic.months) if days and days.expected else context.traffic.months
    yield context.line(archive, "events kept", "eventbridge.archive_storage", data, counted(months, "months"))


@events.meter(
    "aws_cloudwatch_event_rule",
    Parameter("matches", Dimension.RATE, "events that it matches:", Amount(0, 20, 1000)),
    Parameter("share", Dimension.SHARE, "of its bus's events match:", Amount(0.1, 0.5, 1)),
)
def rule(context: Context, rule: Resource) -> Lines:
    """Rules are free; what they make happen is not."""
    yield context.free(rule, "rules and their schedules are free; what they start is paid by itself")


@events.flow
def rules(context: Context) -> Iterator[Edge]:
    """Where rules send events, and how often their schedules start something."""
    for rule in context.of_type("aws_cloudwatch_event_rule"):
        node = (rule.address, "matches")
        expression = context.text(rule, "schedule_expression")
        on = context.text(rule, "state", default="ENABLED") != "DISABLED" and context.view.get(rule, "is_enabled") is not False
        times = (times_a_month(expression) if on else 0.0) if expression else None
        if times is not None:
            yield Edge(ALWAYS, node, exactly(times))
        for bus in context.view.targets(rule, "event_bus_name"):
            if bus.type == "aws_cloudwatch_event_bus":
                share, assumption = context.each(rule, "share")
                yield Edge((bus.address, "events"), node, share if on else exactly(0), assumption)
        for target in context.referring(rule, "aws_cloudwatch_event_target"):
            for taker in takers(context, target.arguments.get("arn")):
                yield Edge(node, taker, exactly(1))
            for dead in takers(context, target.arguments.get("dead_letter_config")):
                yield Edge(node, dead, Amount(0, 0, 0.001))


@events.meter("aws_cloudwatch_event_api_destination", Parameter("events", Dimension.RATE, "events sent to it", entry=True))
def destination(context: Context, destination: Resource) -> Lines:
    """Events that are sent to an address outside."""
    yield context.line(destination, "events", "eventbridge.api_destination", context.measure(destination, "events"))


@events.meter("aws_scheduler_schedule", Parameter("invocations", Dimension.RATE, "invocations"))
def schedule(context: Context, schedule: Resource) -> Lines:
    """How often a schedule starts its target."""
    if context.text(schedule, "state", default="ENABLED") == "DISABLED":
        yield context.free(schedule, "it is turned off")
        return
    yield context.line(schedule, "invocations", "eventbridge.scheduler_invocation", context.measure(schedule, "invocations"))


@events.flow
def schedules(context: Context) -> Iterator[Edge]:
    """What schedules start."""
    for schedule in context.of_type("aws_scheduler_schedule"):
        expression = context.text(schedule, "schedule_expression")
        off = context.text(schedule, "state", default="ENABLED") == "DISABLED"
        times = 0.0 if off else times_a_month(expression) if expression else None
        node = (schedule.address, "invocations")
        if times is not None:
            yield Edge(ALWAYS, node, exactly(times))
        for block in mappings(schedule.arguments.get("target")):
            for taker in takers(context, block.get("arn")):
                yield Edge(node, taker, exactly(1))
            for dead in takers(context, block.get("dead_letter_config")):
                yield Edge(node, dead, Amount(0, 0, 0.001))


@events.meter("aws_pipes_pipe", Parameter("requests", Dimension.RATE, "requests", entry=True))
def pipe(context: Context, pipe: Resource) -> Lines:
    """Requests that a pipe passes on."""
    yield context.line(pipe, "requests", "eventbridge.pipes_request", context.measure(pipe, "requests"))


__all__ = ["events", "queues", "references_in", "topics"]
