"""Queues: are messages handled once, and is none lost unseen?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import document, each, mapping, seconds, text, truth, whole
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping

RULES = Ruleset(Family.RUNS)
_DAY = 86_400
_LONGEST = 14 * _DAY


def redrive(context: Context, queue: Resource) -> tuple[Mapping[str, Any], Resource | None]:
    """Where a queue moves what fails, inline or by a resource of its own, and the queue that it goes to."""
    holders = [
        (queue, "redrive_policy"),
        *((item, "redrive_policy") for item in context.view.referring(queue, "aws_sqs_queue_redrive_policy")),
    ]
    for holder, argument in holders:
        content = document(context.view.get(holder, argument))
        if is_mapping(content) and content.get("deadLetterTargetArn"):
            found = [context.graph.target(item) for item in references_in(content["deadLetterTargetArn"])]
            return content, next((item for item in found if item is not None and item.type == "aws_sqs_queue"), None)
    return {}, None


@RULES.rule(
    "queue-visibility-below-function-timeout",
    Severity.HIGH,
    "a queue shows a message again while the function is still working on it",
    types=("aws_lambda_event_source_mapping",),
    rationale="A message is hidden for the visibility timeout only; if the function may run longer, another invocation takes "
              "the same message. Lambda refuses such a mapping (\"Queue visibility timeout is less than Function timeout\"), "
              "and recommends six times the function's timeout (AWS Lambda Developer Guide, \"Using Lambda with Amazon "
              "SQS\").",
    mend="set visibility_timeout_seconds to six times the function's timeout",
    example="visibility_timeout_seconds = 30 on the queue, timeout = 60 on the function that it invokes",
)
def visibility(context: Context, source: Resource) -> Found:
    view = context.view
    queue, function = view.target(source, "event_source_arn"), context.function(source, "function_name")
    if queue is None or function is None or queue.type != "aws_sqs_queue":
        return
    visible = whole(view.get(queue, "visibility_timeout_seconds", default=30))
    timeout = whole(view.get(function, "timeout", default=3))
    if visible is None or timeout is None:
        yield Finding(queue, "the visibility or the function's timeout is not known", unknown=True)
    elif visible < timeout:
        yield Finding(
            queue,
            f"visibility is {visible} s, and {function.address} runs up to {timeout} s",
            f"set visibility_timeout_seconds to {6 * timeout}",
            "visibility_timeout_seconds",
            related=(function,),
        )
    elif visible < 6 * timeout:
        yield Finding(
            queue,
            f"visibility is {visible} s, less than six times the {timeout} s of {function.address}",
            f"set visibility_timeout_seconds to {6 * timeout}",
            "visibility_timeout_seconds",
            Severity.LOW,
            (function,),
        )


@RULES.rule(
    "queue-drops-before-dead-letter",
    Severity.HIGH,
    "a message is deleted before it has failed often enough to be kept",
    types=("aws_sqs_queue",),
    rationale="A message that fails is shown again after each visibility timeout. If retention ends before the last receive, "
              "SQS deletes it and the dead-letter queue never sees it (Amazon SQS Developer Guide, \"Using dead-letter "
              "queues in Amazon SQS\").",
    mend="keep messages for maxReceiveCount times the visibility and a day more, at best 14 days",
    example="message_retention_seconds = 86400, visibility_timeout_seconds = 26400, maxReceiveCount = 3",
)
def drops(context: Context, queue: Resource) -> Found:
    policy, _ = redrive(context, queue)
    receives = whole(policy.get("maxReceiveCount"))
    visible = whole(context.view.get(queue, "visibility_timeout_seconds", default=30))
    kept = whole(context.view.get(queue, "message_retention_seconds", default=345_600))
    if receives is None or visible is None or kept is None:
        return
    needed = receives * visible
    detail = f"{receives} receives of {seconds(visible)} take {seconds(needed)}, and messages are kept {seconds(kept)}"
    if kept <= needed:
        yield Finding(queue, detail, attribute="message_retention_seconds")
    elif kept < needed + min(_DAY, needed) and kept < _LONGEST:
        yield Finding(
            queue,
            f"{detail}: what waits longer than {seconds(kept - needed)} is lost",
            attribute="message_retention_seconds",
            severity=Severity.MEDIUM,
        )


@RULES.rule(
    "dead-letters-expire-first",
    Severity.MEDIUM,
    "a dead letter has less time left than the message that it was",
    types=("aws_sqs_queue",),
    rationale="In standard queues age counts from the first send: a message that spent days in its queue arrives old in the "
              "dead-letter queue, and is deleted soon after (Amazon SQS Developer Guide, \"Using dead-letter queues in "
              "Amazon SQS\").",
    mend="keep dead letters longer than messages, at best 14 days",
    example="queue: message_retention_seconds = 345600, dead-letter queue: 345600",
)
def expire(context: Context, queue: Resource) -> Found:
    _, dead = redrive(context, queue)
    if dead is None:
        return
    kept = whole(context.view.get(queue, "message_retention_seconds", default=345_600))
    left = whole(context.view.get(dead, "message_retention_seconds", default=345_600))
    if kept is not None and left is not None and left <= kept and left < _LONGEST:
        yield Finding(
            dead,
            f"it keeps {seconds(left)}, and {queue.address} {seconds(kept)}",
            attribute="message_retention_seconds",
            related=(queue,),
        )


@RULES.rule(
    "dead-letter-queue-of-another-kind",
    Severity.CRITICAL,
    "a queue and its dead-letter queue are of different kinds",
    types=("aws_sqs_queue",),
    family=Family.DEPLOYS,
    rationale="The dead-letter queue of a FIFO queue is FIFO, of a standard queue standard (Amazon SQS Developer Guide, "
              "\"Using dead-letter queues in Amazon SQS\").",
    mend="give both the same kind",
    example="fifo_queue = true, dead-letter queue without",
)
def kind(context: Context, queue: Resource) -> Found:
    policy, dead = redrive(context, queue)
    if dead is None:
        return
    ours = truth(context.view.get(queue, "fifo_queue"), default=False)
    theirs = truth(context.view.get(dead, "fifo_queue"), default=False)
    if ours is not None and theirs is not None and ours != theirs:
        yield Finding(
            queue, f"{dead.address} is {'FIFO' if theirs else 'standard'}", attribute="redrive_policy", related=(dead,)
        )
    count = whole(policy.get("maxReceiveCount"))
    if count is not None and not 1 <= count <= 1_000:
        yield Finding(queue, f"maxReceiveCount is {count}; SQS takes 1 to 1000", attribute="redrive_policy")


@RULES.rule(
    "fifo-name-refused",
    Severity.CRITICAL,
    "a FIFO queue or topic is not named like one",
    types=("aws_sqs_queue", "aws_sns_topic"),
    family=Family.DEPLOYS,
    rationale="Names of FIFO queues and topics end with .fifo, and no others (Amazon SQS API Reference, \"CreateQueue\").",
    mend="end the name with .fifo",
    example='fifo_queue = true, name = "jobs"',
)
def fifo(context: Context, resource: Resource) -> Found:
    name = text(context.view.get(resource, "name"))
    ordered = truth(
        context.view.get(resource, "fifo_queue" if resource.type == "aws_sqs_queue" else "fifo_topic"), default=False
    )
    if name is not None and ordered is not None and name.endswith(".fifo") != ordered:
        yield Finding(resource, f"{name!r} is {'FIFO' if ordered else 'standard'}", attribute="name")


@RULES.rule(
    "redrive-not-allowed",
    Severity.HIGH,
    "a dead-letter queue does not take messages of the queue that sends them",
    types=("aws_sqs_queue",),
    rationale="A redrive allow policy of byQueue or denyAll keeps other queues out: setting the redrive policy fails (Amazon "
              "SQS Developer Guide, \"Configuring a dead-letter queue using the Amazon SQS console\").",
    mend="name the queue in sourceQueueArns",
    example="redrivePermission = byQueue without the source queue",
)
def allowed(context: Context, queue: Resource) -> Found:
    _, dead = redrive(context, queue)
    if dead is None:
        return
    holders = [
        (dead, "redrive_allow_policy"),
        *((item, "redrive_allow_policy") for item in context.view.referring(dead, "aws_sqs_queue_redrive_allow_policy")),
    ]
    for holder, argument in holders:
        content = mapping(document(context.view.get(holder, argument)))
        permission = content.get("redrivePermission")
        arns = each(content.get("sourceQueueArns"))
        named = any(reference.address == queue.address for arn in arns for reference in references_in(arn))
        if permission == "denyAll" or (permission == "byQueue" and not named and not any(text(arn) for arn in arns)):
            yield Finding(
                holder, f"{permission}, and {queue.address} is not named", attribute="redrive_allow_policy", related=(queue,)
            )


@RULES.rule(
    "dead-letter-queue-not-watched",
    Severity.LOW,
    "nobody is told of a dead letter",
    types=("aws_sqs_queue",),
    production_only=True,
    rationale="A dead letter is work that failed for good: it waits for a person, and is deleted after its retention.",
    mend="an alarm on ApproximateNumberOfMessagesVisible of the dead-letter queue",
    example="dead-letter queue without aws_cloudwatch_metric_alarm",
)
def watched(context: Context, queue: Resource) -> Found:
    _, dead = redrive(context, queue)
    if dead is None or not context.graph.stage:
        return
    if not any(True for _ in context.view.referring(dead, "aws_cloudwatch_metric_alarm")):
        yield Finding(dead, "no alarm watches it", related=(queue,))


@RULES.rule(
    "worker-smaller-than-its-sender",
    Severity.LOW,
    "who does the work has far less of a machine than who asks for it",
    types=("aws_sqs_queue",),
    rationale="A task that only puts messages into a queue needs little, and the one that works on them much: sizes at a "
              "ratio of one to four or more the other way look swapped.",
    mend="swap the sizes, or say why they are so",
    example="sender: cpu = 1024, consumer: cpu = 256",
)
def swapped(context: Context, queue: Resource) -> Found:
    if queue.data:
        return
    senders: list[tuple[int, Resource]] = []
    workers: list[tuple[int, Resource]] = []
    takers, givers = context.who_may("sqs:ReceiveMessage"), context.who_may("sqs:SendMessage")
    for work in context.workloads:
        size = None if work.is_function or work.role is None else whole(context.view.get(work.definition, "cpu"))
        if size is None or work.role is None:
            continue
        if work.role in takers and context.access.allows(work.role, "sqs:ReceiveMessage", queue).is_yes:
            workers.append((size, work.resource))
        elif work.role in givers and context.access.allows(work.role, "sqs:SendMessage", queue).is_yes:
            senders.append((size, work.resource))
    if not senders or not workers:
        return
    least, asks = min(senders, key=lambda item: item[0])
    most, works = max(workers, key=lambda item: item[0])
    if least >= 4 * most:
        yield Finding(works, f"it has {most} CPU units, and {asks.address}, which only sends to {queue.address}, has {least}",
                      related=(asks, queue))
