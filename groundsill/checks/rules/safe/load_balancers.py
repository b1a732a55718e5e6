"""Load balancers: TLS in front, records, and nothing that a forged request slips through."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import TRUE, expected, number, one_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
BALANCERS, LISTENERS = ("aws_lb", "aws_alb"), ("aws_lb_listener", "aws_alb_listener")
# Elastic Load Balancing user guide, "Security policies for your Application Load Balancer": what they let clients use.
_TLS_1_2 = ("TLS13-1-2", "TLS13-1-3", "FS-1-2", "TLS-1-2", "FIPS")
_OLD = "TLS-1-2-2017-01"
_NEWEST = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def application(context: Context, balancer: Resource) -> bool:
    """Whether it is an Application Load Balancer, as it is where nothing is said."""
    return context.view.get(balancer, "load_balancer_type", default="application") == "application"


def public(context: Context, balancer: Resource) -> bool:
    """Whether the internet reaches it, as it does where nothing is said."""
    return not truth(context.view.get(balancer, "internal", default=False))


def _of_listener(context: Context, listener: Resource) -> Resource | None:
    return context.view.target(listener, "load_balancer_arn")


@RULES.rule(
    "load-balancer-takes-clear-text", Severity.HIGH, "what users send crosses the internet in clear text",
    rationale="Passwords, tokens and data can be read and changed on the way: Elastic Load Balancing user guide, "
              "\"HTTPS listeners "
              "for your Application Load Balancer\".",
    mend="add an HTTPS listener with a certificate, and let the HTTP listener redirect to it", types=LISTENERS,
    production_only=True, controls=("FSBP ELB.1", "FSBP ELB.18", "CKV_AWS_2", "CKV2_AWS_20", "CKV_AWS_103", "CKV_AWS_378"),
)
def _clear_text(context: Context, listener: Resource) -> Iterator[Finding]:
    balancer = _of_listener(context, listener)
    protocol = context.view.get(listener, "protocol", default="HTTP")
    if protocol != "HTTP" or balancer is None or not public(context, balancer):
        return
    actions = context.view.blocks(listener, "default_action")
    for action in actions:
        redirects = [block for block in as_blocks(action.get("redirect")) if is_mapping(block)]
        to = redirects[0].get("protocol", "HTTP") if redirects else None
        if action.get("type") == "redirect" and (to == "HTTPS" or not is_known(to)):
            return
        if action.get("type") == "fixed-response":
            return
    yield Finding(listener, f"port {context.view.get(listener, 'port', default=80)} answers HTTP without a redirect to HTTPS",
                  attribute="protocol", related=(balancer,))


@RULES.rule(
    "load-balancer-old-tls", Severity.MEDIUM, "clients may still use TLS 1.0 or 1.1",
    rationale="Both have known flaws (RFC 8996). Where no policy is named, Terraform's API call gives a listener one of 2016: "
              "Elastic Load Balancing user guide, \"Security policies for your Application Load Balancer\".",
    mend=f"set ssl_policy = \"{_NEWEST}\"", types=LISTENERS, controls=("FSBP ELB.17", "CKV_AWS_103", "CKV2_AWS_74"),
)
def _old_tls(context: Context, listener: Resource) -> Iterator[Finding]:
    if context.view.get(listener, "protocol") not in ("HTTPS", "TLS"):
        return
    policy = context.view.get(listener, "ssl_policy")
    if policy is None:
        yield Finding(listener, "`ssl_policy` is not set", attribute="ssl_policy")
    elif isinstance(policy, str) and is_known(policy) and not any(mark in policy for mark in _TLS_1_2):
        yield Finding(listener, f"`ssl_policy` is {policy}", attribute="ssl_policy")


@RULES.rule(
    "load-balancer-tls-without-post-quantum", Severity.LOW, "what is recorded today can be read by a quantum computer later",
    rationale="Since September 2025 policies with -PQ- agree on keys that such a machine does not break: Elastic Load Balancing "
              "user guide, \"Security policies for your Application Load Balancer\".",
    mend=f"set ssl_policy = \"{_NEWEST}\"", types=LISTENERS, controls=("FSBP ELB.17",), tiers=("enterprise",),
)
def _superseded(context: Context, listener: Resource) -> Iterator[Finding]:
    policy = context.view.get(listener, "ssl_policy")
    if isinstance(policy, str) and is_known(policy) and any(mark in policy for mark in _TLS_1_2) and "-PQ-" not in policy:
        yield Finding(listener, f"`ssl_policy` is {policy}", attribute="ssl_policy")


@RULES.rule(
    "load-balancer-without-firewall", Severity.LOW, "floods and known attacks reach the programs behind",
    rationale="AWS WAF counts requests by address and refuses known attacks: AWS WAF developer guide, \"Associating "
              "protection with "
              "an AWS resource\".",
    mend="associate an aws_wafv2_web_acl", types=BALANCERS, tiers=("enterprise",), production_only=True,
    controls=("NIST ELB.16", "CKV2_AWS_28"),
)
def _no_firewall(context: Context, balancer: Resource) -> Iterator[Finding]:
    if application(context, balancer) and public(context, balancer) and not any(
        context.view.referring(balancer, "aws_wafv2_web_acl_association", "aws_wafregional_web_acl_association")
    ):
        yield Finding(balancer, "no web ACL is associated with it")


@RULES.rule(
    "load-balancer-in-one-zone", Severity.MEDIUM, "the load balancer stops with one data centre",
    rationale="Elastic Load Balancing user guide, \"Subnets for your load balancer\".", mend="give it subnets in two zones",
    types=BALANCERS, production_only=True, controls=("FSBP ELB.13",),
)
def _one_zone(context: Context, balancer: Resource) -> Iterator[Finding]:
    for argument in ("subnets", "subnet_mapping"):
        value = balancer.arguments.get(argument)
        if isinstance(value, list) and len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]
            yield Finding(balancer, f"`{argument}` holds one", attribute=argument)


@RULES.rule(
    "load-balancer-answers-any-host", Severity.LOW, "requests for host names that are not yours reach the programs",
    rationale="A program that builds links from the host name sends users wherever a forged request says: Elastic Load "
              "Balancing user "
              "guide, \"Listener rules for your Application Load Balancer\", default rules.",
    mend="answer 404 by default, and forward by rules that ask for the host", types=LISTENERS,
)
def _any_host(context: Context, listener: Resource) -> Iterator[Finding]:
    rules = [*context.view.referring(listener, "aws_lb_listener_rule", "aws_alb_listener_rule")]
    asked = [rule for rule in rules for condition in context.view.blocks(rule, "condition") if condition.get("host_header")]
    forwards = any(action.get("type") == "forward" for action in context.view.blocks(listener, "default_action"))
    if asked and forwards:
        yield Finding(listener, "rules ask for the host, and what no rule matches is forwarded", attribute="default_action",
                      related=tuple(asked[:3]))


_LONGEST_PIN = 12 * 3600
_USUAL_PIN = 86_400  # Elastic Load Balancing user guide, "Sticky sessions": where nothing is said


@RULES.rule(
    "load-balancer-pins-users-for-a-day", Severity.LOW, "users stay with a target that is dying",
    rationale="A sticky session ends when the target is gone, not when it is slow or about to be replaced: Elastic Load "
              "Balancing "
              "user guide, \"Sticky sessions for your Application Load Balancer\".",
    mend="turn stickiness off, and keep sessions in a token or a shared store",
    types=("aws_lb_target_group", "aws_alb_target_group"),
)
def _pins(context: Context, group: Resource) -> Iterator[Finding]:
    for sticky in context.view.blocks(group, "stickiness"):
        seconds = number(sticky.get("cookie_duration", _USUAL_PIN))
        if truth(sticky.get("enabled", True)) and seconds is not None and seconds > _LONGEST_PIN:
            yield Finding(group, f"for {seconds / 3600:g} h", attribute="stickiness")


RULES.items += [
    expected(
        "load-balancer-passes-invalid-headers", Severity.MEDIUM, "malformed headers reach the programs behind",
        *BALANCERS, at="drop_invalid_header_fields", wanted=TRUE, absent=False, when=application,
        why="Two parsers that disagree let one request hide in another: Elastic Load Balancing user guide, \"Application Load "
            "Balancers\", attributes.",
        mend="set drop_invalid_header_fields = true", controls=("FSBP ELB.4", "CKV_AWS_131"),
    ),
    expected(
        "load-balancer-passes-smuggled-requests", Severity.MEDIUM,
        "requests that break the protocol reach the programs behind",
        *BALANCERS, at="desync_mitigation_mode", wanted=one_of("defensive", "strictest"), absent=True, when=application,
        why="Elastic Load Balancing user guide, \"Desync mitigation mode\".", mend="leave desync_mitigation_mode out",
        controls=("FSBP ELB.12", "CKV_AWS_328"),
    ),
    expected(
        "load-balancer-without-deletion-protection", Severity.MEDIUM, "one wrong apply takes the way in away", *BALANCERS,
        at="enable_deletion_protection", wanted=TRUE, absent=False, production_only=True,
        why="A new one has another address: Elastic Load Balancing user guide, \"Deletion protection\".",
        mend="set enable_deletion_protection = true", controls=("FSBP ELB.6", "CKV_AWS_150"),
    ),
    expected(
        "load-balancer-without-access-log", Severity.LOW, "nobody can tell who asked for what", *BALANCERS,
        at="access_logs.enabled", wanted=TRUE, absent=False, tiers=("enterprise",), production_only=True,
        why="Elastic Load Balancing user guide, \"Access logs for your Application Load Balancer\".",
        mend="give access_logs a bucket, and set enabled", controls=("FSBP ELB.5", "CKV_AWS_91"),
    ),
]
