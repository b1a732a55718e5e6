"""What is made and used by nothing: functions that nothing starts, queues that nobody empties, topics that nobody hears."""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import document
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping

RULES = Ruleset(Family.RUNS)
# What refers to a function and does not start it.
_BESIDE_FUNCTION = (
    "aws_cloudwatch_metric_alarm", "aws_cloudwatch_dashboard", "aws_cloudwatch_log_group", "aws_lambda_alias",
    "aws_lambda_provisioned_concurrency_config", "aws_lambda_function_event_invoke_config", "aws_cloudwatch_composite_alarm",
    "aws_codedeploy_deployment_group", "aws_lambda_runtime_management_config", "aws_lambda_layer_version_permission",
    "aws_cloudwatch_query_definition", "aws_xray_group", "aws_cloudwatch_log_metric_filter",
)


def _whole(context: Context) -> bool:
    """Whether the graph is a whole system: of a part nobody sees here what uses it."""
    return bool(context.graph.stage) and bool(context.graph.tier)


@RULES.rule(
    "function-that-nothing-starts", Severity.LOW, "nothing starts the function", types=("aws_lambda_function",),
    rationale="No route, schedule, queue, topic, rule or other workload leads to it: it is never called, unless by hand.",
    mend="route or schedule it, give the right to invoke it to who calls it, or take it away",
    example="aws_lambda_function that only its alarm refers to",
)
def idle(context: Context, function: Resource) -> Found:
    if not _whole(context):
        return
    faces = context.faces(function)
    if any(item.type not in _BESIDE_FUNCTION for face in faces for item in context.view.referring(face)):
        return
    if any(reference.address == face.address for output in context.graph.outputs.values() for face in faces
           for reference in references_in(output.value)):
        return
    callers = [role for role in context.who_may("lambda:InvokeFunction") if role.address in context.roles_of_workloads]
    if not any(context.access.allows(role, "lambda:InvokeFunction", face).is_yes for role in callers for face in faces):
        yield Finding(function, "no route, schedule, event source or right to invoke leads to it")


@RULES.rule(
    "queue-that-nobody-empties", Severity.MEDIUM, "nobody takes messages out of the queue", types=("aws_sqs_queue",),
    rationale="Messages wait until their retention ends and are deleted, unseen.",
    mend="let a function or a service consume it, or take it away",
    example="aws_sqs_queue without event source and without a role that may receive",
)
def full(context: Context, queue: Resource) -> Found:
    if not _whole(context) or _is_dead_letter(context, queue):
        return
    if any(True for _ in context.view.referring(queue, "aws_lambda_event_source_mapping", "aws_pipes_pipe")):
        return
    takers = context.who_may("sqs:ReceiveMessage")
    if all(context.access.allows(item, "sqs:ReceiveMessage", queue).is_no for item in takers):
        yield Finding(queue, "no event source, no role and no user takes from it")


def _is_dead_letter(context: Context, queue: Resource) -> bool:
    """Whether what arrives is for people: dead letters of queues, functions, subscriptions, rules and schedules."""
    for item in context.view.referring(queue):
        if item.type in ("aws_lambda_function", "aws_lambda_function_event_invoke_config", "aws_scheduler_schedule",
                         "aws_cloudwatch_event_target", "aws_sns_topic_subscription"):
            held = ("dead_letter_config", "destination_config", "target", "redrive_policy")
            if any(queue in context.view.targets(item, name) for name in held):
                return True
        if item.type in ("aws_sqs_queue", "aws_sqs_queue_redrive_policy"):
            content = document(item.arguments.get("redrive_policy"))
            if is_mapping(content) and any(reference.address == queue.address for reference in references_in(content)):
                return True
    return False


@RULES.rule(
    "topic-that-nobody-hears", Severity.LOW, "nobody is subscribed to the topic", types=("aws_sns_topic",),
    rationale="What is published is thrown away.",
    mend="subscribe somebody, or take the topic away",
    example="aws_sns_topic without aws_sns_topic_subscription",
)
def unheard(context: Context, topic: Resource) -> Found:
    if not _whole(context):
        return
    alarms = ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm", "aws_budgets_budget")
    readers = ("aws_sns_topic_subscription", "aws_chatbot_slack_channel_configuration", *alarms)
    # A topic of alarms has a rule of its own.
    if not any(True for _ in context.view.referring(topic, *readers)):
        yield Finding(topic, "no subscription refers to it")
