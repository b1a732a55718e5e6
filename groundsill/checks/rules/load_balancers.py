"""Load balancers: listeners, rules and target groups that fit together."""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text, truth, whole
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
_TOO_SLOW_SECONDS = 300


@RULES.rule(
    "listener-taken-twice",
    Severity.CRITICAL,
    "two listeners or rules want the same place",
    rationale="A load balancer has one listener a port (DuplicateListener), and a listener one rule a priority "
    "(PriorityInUse).",
    mend="give one of them another port or priority",
    example="two aws_lb_listener_rule with priority = 100",
)
def taken(context: Context) -> Found:
    for type, parent, argument in (
        ("aws_lb_listener", "load_balancer_arn", "port"),
        ("aws_lb_listener_rule", "listener_arn", "priority"),
    ):
        seen: dict[tuple[str, int], Resource] = {}
        for item in context.of_type(type):
            place = whole(context.view.get(item, argument))
            if place is None:
                continue
            first = seen.setdefault((str(context.view.get(item, parent)), place), item)
            if first is not item:
                yield Finding(item, f"{first.address} has {argument} {place} too", attribute=argument, related=(first,))


@RULES.rule(
    "listener-without-certificate",
    Severity.CRITICAL,
    "an HTTPS listener has no certificate",
    types=("aws_lb_listener",),
    rationale="Elastic Load Balancing refuses it (CertificateNotFound).",
    mend="set certificate_arn",
    example='protocol = "HTTPS" without certificate_arn',
)
def uncertified(context: Context, listener: Resource) -> Found:
    if context.view.get(listener, "protocol") in ("HTTPS", "TLS") and context.view.get(listener, "certificate_arn") is None:
        yield Finding(
            listener, f"{context.view.get(listener, 'protocol')} without certificate_arn", attribute="certificate_arn"
        )


@RULES.rule(
    "health-check-refused",
    Severity.CRITICAL,
    "Elastic Load Balancing refuses the health check",
    types=("aws_lb_target_group",),
    rationale='A check must time out before the next one begins (Application Load Balancers guide, "Health checks for your '
    'target groups").',
    mend="set the timeout below the interval",
    example="health_check: interval = 5, timeout = 5",
)
def timing(context: Context, group: Resource) -> Found:
    interval = whole(context.view.get(group, "health_check", "interval", default=30))
    timeout = whole(context.view.get(group, "health_check", "timeout"))
    if interval is not None and timeout is not None and timeout >= interval:
        yield Finding(group, f"timeout {timeout} s is not below interval {interval} s", attribute="health_check.timeout")
    path = text(context.view.get(group, "health_check", "path"))
    if path is not None and not path.startswith("/") and context.view.get(group, "protocol_version") != "GRPC":
        yield Finding(group, f"path {path!r} does not begin with /", attribute="health_check.path")


@RULES.rule(
    "health-check-slow",
    Severity.MEDIUM,
    "a broken task serves for minutes before it is noticed",
    types=("aws_lb_target_group",),
    family=Family.RUNS,
    production_only=True,
    rationale="A target is taken out after unhealthy_threshold failed checks, one each interval: until then every request "
    "that it gets fails.",
    mend="an interval of 15 s and an unhealthy_threshold of 2 or 3",
    example="interval = 60, unhealthy_threshold = 10",
)
def slow(context: Context, group: Resource) -> Found:
    interval = whole(context.view.get(group, "health_check", "interval", default=30))
    threshold = whole(context.view.get(group, "health_check", "unhealthy_threshold", default=3))
    if interval and threshold and interval * threshold > _TOO_SLOW_SECONDS:
        yield Finding(
            group,
            f"{threshold} checks at {interval} s: {interval * threshold // 60} minutes of bad answers",
            attribute="health_check",
        )


@RULES.rule(
    "health-check-on-a-page",
    Severity.LOW,
    "the health check asks for a page of the application",
    types=("aws_lb_target_group",),
    family=Family.RUNS,
    rationale="A page renders, queries and changes with the product: healthy tasks are killed when it gets slow, redirects "
    "or asks for a sign-in.",
    mend="ask for a path that answers for the process alone, for example /healthz",
    example='health_check: path = "/landing"',
)
def page(context: Context, group: Resource) -> Found:
    path = text(context.view.get(group, "health_check", "path"))
    words = ("health", "ping", "ready", "live", "status", "alive", "heartbeat", "/up", "version")
    if path is not None and path != "/" and not any(word in path.lower() for word in words):
        yield Finding(group, f"it asks for {path}", attribute="health_check.path")


@RULES.rule(
    "health-checks-ask-different-paths",
    Severity.MEDIUM,
    "the check from outside asks for a path that nobody answers for",
    types=("aws_route53_health_check",),
    family=Family.RUNS,
    rationale="The check reports an outage while every target is healthy, or the other way round, when its path is not the "
    "one that the load balancer's target groups are checked by.",
    mend="use the health path of the target group that serves the host",
    example='aws_route53_health_check: resource_path = "/health", health_check of the target group: path = "/healthz"',
)
def outside(context: Context, check: Resource) -> Found:
    path = text(context.view.get(check, "resource_path"))
    groups = context.of_type("aws_lb_target_group")
    paths = {found for group in groups if (found := text(context.view.get(group, "health_check", "path")))}
    if path and paths and path not in paths and path != "/":
        yield Finding(
            check, f"it asks for {path}; targets are checked by {', '.join(sorted(paths))}", attribute="resource_path"
        )


@RULES.rule(
    "target-group-does-not-fit",
    Severity.CRITICAL,
    "a service's tasks cannot be targets of this kind",
    types=("aws_ecs_service",),
    rationale="Tasks of network mode awsvpc, and so all of Fargate, have addresses of their own: the target group must be of "
    'type ip (Amazon ECS Developer Guide, "Use load balancing to distribute Amazon ECS service traffic").',
    mend='target_type = "ip"',
    example='aws_lb_target_group: target_type = "instance" for a service on Fargate',
)
def kind(context: Context, service: Resource) -> Found:
    task = context.view.target(service, "task_definition")
    if task is None or task.type != "aws_ecs_task_definition" or context.view.get(task, "network_mode") != "awsvpc":
        return
    for group in context.view.targets(service, "load_balancer"):
        if group.type == "aws_lb_target_group" and context.view.get(group, "target_type", default="instance") != "ip":
            yield Finding(
                group,
                f"target_type is {context.view.get(group, 'target_type', default='instance')}",
                attribute="target_type",
                related=(service,),
            )


@RULES.rule(
    "service-before-its-listener",
    Severity.HIGH,
    "a service is made before its target group has a load balancer",
    types=("aws_ecs_service",),
    rationale='CreateService fails while no listener leads to the target group ("does not have an associated load '
    'balancer"), and Terraform makes both at once.',
    mend="depends_on the listener or the rule that leads to the target group",
    example="aws_ecs_service without depends_on = [aws_lb_listener.https]",
)
def order(context: Context, service: Resource) -> Found:
    for group in context.view.targets(service, "load_balancer"):
        if group.type != "aws_lb_target_group":
            continue
        ways = list(context.view.referring(group, "aws_lb_listener", "aws_lb_listener_rule"))
        if not ways:
            yield Finding(service, f"no listener leads to {group.address}", attribute="load_balancer", related=(group,))
        elif not {item.address for item in ways}.intersection(context.graph.needs(service.address)):
            yield Finding(service, f"nothing makes it wait for {ways[0].address}", attribute="depends_on", related=(ways[0],))


@RULES.rule(
    "listener-rule-is-the-default",
    Severity.LOW,
    "a rule for everything stands in for the default action",
    types=("aws_lb_listener_rule",),
    family=Family.RUNS,
    rationale="A rule with the path /* alone matches every host: the default action is never reached, and hosts that are not "
    "yours are served too.",
    mend="add the host to the rule, and let the default action answer 404",
    example='condition: path_pattern = ["/*"], and no host_header',
)
def catch_all(context: Context, rule: Resource) -> Found:
    conditions = context.view.blocks(rule, "condition")
    paths = [
        value
        for item in conditions
        for pattern in each(item.get("path_pattern"))
        for value in each(mapping(pattern).get("values"))
    ]
    hosts = any(item.get("host_header") for item in conditions)
    if len(conditions) == 1 and not hosts and paths in (["/*"], ["*"]):
        listener = context.view.target(rule, "listener_arn")
        others = list(context.view.referring(listener, "aws_lb_listener_rule")) if listener else []
        if any(context.view.get(item, "action", "type") == "forward" for item in others if item is not rule):
            yield Finding(rule, "it matches every path of every host", attribute="condition")


@RULES.rule(
    "redirect-in-two-hops",
    Severity.LOW,
    "a visitor is redirected twice",
    types=("aws_lb_listener",),
    family=Family.RUNS,
    rationale="From http://www to https://www to https:// are two round trips more before the first byte; search engines "
    "follow chains badly.",
    mend="a rule on port 80 that leads straight to the last address",
    example="port 80 redirects to HTTPS, and a rule of port 443 redirects www to the apex",
)
def hops(context: Context, listener: Resource) -> Found:
    if context.view.get(listener, "protocol") != "HTTP" or not _redirects(context, listener, "default_action"):
        return
    balancer = str(context.view.get(listener, "load_balancer_arn"))
    own = [item for item in context.view.referring(listener, "aws_lb_listener_rule") if _redirects(context, item, "action")]
    for secure in context.of_type("aws_lb_listener"):
        if str(context.view.get(secure, "load_balancer_arn")) != balancer or context.view.get(secure, "protocol") != "HTTPS":
            continue
        for rule in context.view.referring(secure, "aws_lb_listener_rule"):
            target = context.view.get(rule, "action", "redirect", "host")
            if _redirects(context, rule, "action") and text(target) and target != "#{host}" and not own:
                yield Finding(
                    listener,
                    f"{rule.address} of port 443 redirects to {target} once more",
                    attribute="default_action",
                    related=(rule,),
                )


def _redirects(context: Context, resource: Resource, argument: str) -> bool:
    return any(block.get("type") == "redirect" for block in context.view.blocks(resource, argument))


@RULES.rule(
    "sticky-to-one-target",
    Severity.LOW,
    "visitors are tied to a single task for hours",
    types=("aws_lb_target_group",),
    family=Family.RUNS,
    rationale="Stickiness sends a visitor to the same target even while it dies or drains, and keeps new targets idle.",
    mend="keep no state in the process, and switch stickiness off",
    example="stickiness: enabled = true, cookie_duration = 86400",
)
def sticky(context: Context, group: Resource) -> Found:
    enabled = truth(context.view.get(group, "stickiness", "enabled"), default=bool(context.view.blocks(group, "stickiness")))
    duration = whole(context.view.get(group, "stickiness", "cookie_duration", default=86_400))
    if enabled and duration is not None and duration >= 3_600:
        yield Finding(group, f"for {duration // 3600} h", attribute="stickiness")


@RULES.rule(
    "deletion-protection-outside-production",
    Severity.LOW,
    "destroying the stage will leave the load balancer behind",
    types=("aws_lb",),
    family=Family.RUNS,
    rationale="With deletion protection on, `destroy` fails at the load balancer (OperationNotPermitted) and what it needs "
    "stays, and costs, until somebody finds it.",
    mend="switch it off outside of production",
    example="stage dev: enable_deletion_protection = true",
)
def protected(context: Context, balancer: Resource) -> Found:
    if context.graph.production is False and context.view.get(balancer, "enable_deletion_protection") is True:
        yield Finding(balancer, "enable_deletion_protection is on", attribute="enable_deletion_protection")
