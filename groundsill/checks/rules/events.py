"""Schedules, event rules and who may be started by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.schedules import schedule_fault
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import document, each, mapping, text, unknown
from groundsill.graph.iam_reach import role_of, trusted
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

RULES = Ruleset(Family.DEPLOYS)
# Amazon EventBridge User Guide, "Comparison operators for use in event patterns".
_OPERATORS = {"prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "equals-ignore-case", "wildcard"}
# What starting a target takes: EventBridge Scheduler User Guide, "Using templated targets".
_START = {
    "aws_lambda_function": "lambda:InvokeFunction",
    "aws_lambda_alias": "lambda:InvokeFunction",
    "aws_sqs_queue": "sqs:SendMessage",
    "aws_sns_topic": "sns:Publish",
    "aws_sfn_state_machine": "states:StartExecution",
    "aws_kinesis_stream": "kinesis:PutRecord",
    "aws_cloudwatch_event_bus": "events:PutEvents",
    "aws_ecs_cluster": "ecs:RunTask",
    "aws_ecs_task_definition": "ecs:RunTask",
}
_MIGRATES = r"(?i)migrat|schema"


@RULES.rule(
    "schedule-invalid",
    Severity.CRITICAL,
    "a schedule cannot be read",
    types=("aws_cloudwatch_event_rule", "aws_scheduler_schedule", "aws_backup_plan", "aws_autoscaling_schedule"),
    rationale="rate() takes a whole number and a unit that agrees with it, cron() six fields of which one of the two days is "
              "? (Amazon EventBridge User Guide, \"Setting a schedule pattern for scheduled rules\").",
    mend="correct the expression",
    example='schedule_expression = "cron(0 5 * * * *)"',
)
def schedules(context: Context, resource: Resource) -> Found:
    for argument, value in _expressions(context, resource):
        if unknown(value):
            yield Finding(resource, f"{argument} is known only after apply", unknown=True)
        elif text(value):
            reason = schedule_fault(value, at=resource.type == "aws_scheduler_schedule")
            if reason:
                yield Finding(resource, f"{value!r}: {reason}", attribute=argument)


def _expressions(context: Context, resource: Resource) -> Iterator[tuple[str, Any]]:
    if resource.type == "aws_backup_plan":
        for block in context.view.blocks(resource, "rule"):
            yield "rule.schedule", block.get("schedule")
    elif resource.type != "aws_autoscaling_schedule":
        yield "schedule_expression", context.view.get(resource, "schedule_expression")


@RULES.rule(
    "event-pattern-invalid",
    Severity.CRITICAL,
    "an event pattern cannot be read",
    types=("aws_cloudwatch_event_rule",),
    rationale="A pattern is JSON whose leaves are lists of values or of known operators (Amazon EventBridge User Guide, "
              "\"Amazon EventBridge event patterns\"): anything else is InvalidEventPatternException.",
    mend="put every value into a list",
    example='{"source": "shop.orders"}',
)
def pattern(context: Context, rule: Resource) -> Found:
    given = context.view.get(rule, "event_pattern")
    if given is None or unknown(given):
        return
    content = document(given)
    reason = "it is no JSON object" if not is_mapping(content) else _pattern_fault(content, "")
    if reason:
        yield Finding(rule, reason, attribute="event_pattern")


def _pattern_fault(content: Mapping[str, Any], path: str) -> str:
    if not content:
        return f"{path or 'it'} is empty"
    for key, value in content.items():
        place = f"{path}.{key}" if path else str(key)
        if key == "$or" and is_list(value):
            continue
        if is_mapping(value):
            reason = _pattern_fault(value, place)
            if reason:
                return reason
        elif not is_list(value):
            return f"{place} is {value!r}, not a list"
        elif not value:
            return f"{place} is an empty list, which matches nothing"
        else:
            wrong = [str(name) for item in value if is_mapping(item) for name in item if name not in _OPERATORS]
            if wrong:
                return f"{place} has an unknown operator {wrong[0]}"
    return ""


@RULES.rule(
    "event-rule-refused",
    Severity.CRITICAL,
    "EventBridge refuses the rule",
    types=("aws_cloudwatch_event_rule",),
    rationale="A rule has a pattern or a schedule, and schedules exist on the default bus alone (Amazon EventBridge API "
              "Reference, \"PutRule\").",
    mend="give it a pattern; or move the schedule to EventBridge Scheduler",
    example='schedule_expression on a rule of event_bus_name = "orders"',
)
def refused(context: Context, rule: Resource) -> Found:
    view = context.view
    schedule, bus = view.get(rule, "schedule_expression"), view.get(rule, "event_bus_name")
    if schedule is None and view.get(rule, "event_pattern") is None:
        yield Finding(rule, "neither event_pattern nor schedule_expression")
    if schedule is not None and bus not in (None, "default"):
        yield Finding(rule, "a schedule on a bus of its own", attribute="schedule_expression")


@RULES.rule(
    "event-rule-without-target",
    Severity.MEDIUM,
    "an event rule starts nothing",
    types=("aws_cloudwatch_event_rule",),
    family=Family.RUNS,
    rationale="Events that it matches are thrown away.",
    mend="add an aws_cloudwatch_event_target, or take the rule away",
    example="aws_cloudwatch_event_rule without aws_cloudwatch_event_target",
)
def idle(context: Context, rule: Resource) -> Found:
    name = text(context.view.get(rule, "name"))
    targets = context.of_type("aws_cloudwatch_event_target")
    if not any(True for _ in context.view.referring(rule, "aws_cloudwatch_event_target")) and not any(
        name and context.view.get(item, "rule") == name for item in targets
    ):
        yield Finding(rule, "it has no target")


@RULES.rule(
    "event-target-on-another-bus",
    Severity.HIGH,
    "a target is put on another bus than its rule",
    family=Family.DEPLOYS,
    types=("aws_cloudwatch_event_target",),
    rationale="PutTargets looks for the rule on the bus that the target names: ResourceNotFoundException.",
    mend="give rule and target the same event_bus_name",
    example="rule on aws_cloudwatch_event_bus.orders, target without event_bus_name",
)
def bus(context: Context, target: Resource) -> Found:
    rule = context.view.target(target, "rule")
    if rule is None or rule.type != "aws_cloudwatch_event_rule":
        return
    ours, theirs = (
        context.view.get(target, "event_bus_name", default="default"),
        context.view.get(rule, "event_bus_name", default="default"),
    )
    if str(ours) != str(theirs) and not (unknown(ours) and unknown(theirs)):
        yield Finding(target, f"{rule.address} is on another bus", attribute="event_bus_name", related=(rule,))


@RULES.rule(
    "scheduler-may-not-start-its-target",
    Severity.HIGH,
    "a schedule may not start what it is for",
    types=("aws_scheduler_schedule",),
    family=Family.RUNS,
    rationale="EventBridge Scheduler takes the role that it is given: it must trust scheduler.amazonaws.com and be allowed "
              "to start the target (EventBridge Scheduler User Guide, \"Setting up Amazon EventBridge Scheduler\").",
    mend="let the role trust scheduler.amazonaws.com, and allow it the target's action",
    example="role without lambda:InvokeFunction on the function that the schedule starts",
)
def scheduled(context: Context, schedule: Resource) -> Found:
    role = role_of(context.view, schedule, "target", "role_arn")
    target = context.view.target(schedule, "target", "arn")
    if role is None:
        return
    believed = trusted(context.policies, role, "scheduler.amazonaws.com")
    if believed.is_no:
        yield Finding(schedule, believed.reasons[0], attribute="target.role_arn", related=(role,))
    action = _START.get(target.type) if target is not None else None
    if target is None or action is None:
        return
    allowed = (
        context.access.allows(role, action, None if action == "ecs:RunTask" else target)
        if action != "ecs:RunTask"
        else context.access.allows(role, action)
    )
    if allowed.is_no:
        yield Finding(schedule, allowed.reasons[0], attribute="target.role_arn", related=(role, target))
    elif allowed.is_unknown:
        yield Finding(schedule, f"whether {role.address} may {action} is not known", unknown=True)


@RULES.rule(
    "migration-on-a-schedule",
    Severity.MEDIUM,
    "a schema is changed by the clock",
    types=("aws_scheduler_schedule",),
    family=Family.RUNS,
    rationale="A migration that nobody watches runs beside a half-finished deploy, locks tables at any hour, and fails "
              "unseen.",
    mend="run it as a step of the deploy, with a lock; keep the schedule DISABLED",
    example='aws_scheduler_schedule of migration-lambda, state = "ENABLED"',
)
def migration(context: Context, schedule: Resource) -> Found:
    target = context.view.target(schedule, "target", "arn")
    names = [schedule.name, target.name if target else "", str(context.view.get(schedule, "name", default=""))]
    on = context.view.get(schedule, "state", default="ENABLED") == "ENABLED"
    if on and any(re.search(_MIGRATES, name) for name in names):
        yield Finding(
            schedule,
            f"it starts {target.address if target else 'a migration'} {context.view.get(schedule, 'schedule_expression')}",
            attribute="state",
        )


@RULES.rule(
    "event-targets-over-quota",
    Severity.CRITICAL,
    "a rule has more targets than EventBridge takes",
    types=("aws_cloudwatch_event_rule",),
    rationale="A rule has at most five targets (Amazon EventBridge User Guide, \"Amazon EventBridge quotas\").",
    mend="put a topic between, or split the rule",
    example="six aws_cloudwatch_event_target of one rule",
)
def crowded(context: Context, rule: Resource) -> Found:
    count = sum(1 for _ in context.view.referring(rule, "aws_cloudwatch_event_target"))
    if count > 5:
        yield Finding(rule, f"it has {count} targets")


@RULES.rule(
    "autoscaling-range-refused",
    Severity.CRITICAL,
    "a scaling target is set up in a way that is refused",
    types=("aws_appautoscaling_target", "aws_appautoscaling_policy"),
    rationale="Capacity goes from min to max, the dimension belongs to the service, and scaling by requests needs the load "
              "balancer's label (Application Auto Scaling API Reference, \"RegisterScalableTarget\" and "
              "\"PredefinedMetricSpecification\").",
    mend="correct what is named",
    example="min_capacity = 4, max_capacity = 2",
)
def scaling(context: Context, resource: Resource) -> Found:
    view = context.view
    low, high = view.get(resource, "min_capacity"), view.get(resource, "max_capacity")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Finding(resource, f"min_capacity {low} is above max_capacity {high}", attribute="min_capacity")
    namespace, dimension = text(view.get(resource, "service_namespace")), text(view.get(resource, "scalable_dimension"))
    if namespace and dimension and not dimension.startswith(f"{namespace}:"):
        yield Finding(resource, f"{dimension} is not of {namespace}", attribute="scalable_dimension")
    place = view.get(resource, "resource_id")
    if namespace == "ecs" and text(place) and not re.fullmatch(r"service/[^/]+/[^/]+", place):
        yield Finding(resource, f"{place!r} is not service/CLUSTER/SERVICE", attribute="resource_id")
    for block in view.blocks(resource, "target_tracking_scaling_policy_configuration"):
        for metric in each(block.get("predefined_metric_specification")):
            named = mapping(metric)
            if named.get("predefined_metric_type") == "ALBRequestCountPerTarget" and not named.get("resource_label"):
                yield Finding(resource, "ALBRequestCountPerTarget without resource_label", attribute="resource_label")
