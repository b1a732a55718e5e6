"""Web ACLs of AWS WAF."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import GIVEN, TRUE, expected
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks

RULES = Ruleset(Family.SAFE)
ACL = "aws_wafv2_web_acl"
_KNOWN_BAD = "AWSManagedRulesKnownBadInputsRuleSet"


@RULES.rule(
    "firewall-without-log", Severity.LOW, "what the web ACL refused, and from whom, is not recorded",
    rationale="AWS WAF developer guide, \"Logging protection pack (web ACL) traffic\".",
    mend="add an aws_wafv2_web_acl_logging_configuration", types=(ACL,), tiers=("enterprise",), production_only=True,
    controls=("NIST WAF.11", "CKV2_AWS_31"),
)
def _no_log(context: Context, acl: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(acl, "aws_wafv2_web_acl_logging_configuration")):
        yield Finding(acl, "no logging configuration refers to it")


@RULES.rule(
    "firewall-protects-nothing", Severity.MEDIUM, "the web ACL is paid for and stands before nothing",
    rationale="A regional ACL works through an association: AWS WAF developer guide, \"Associating protection with an "
              "AWS resource\".",
    mend="add an aws_wafv2_web_acl_association; a CDN names it in web_acl_id", types=(ACL,),
)
def _protects_nothing(context: Context, acl: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(acl, "aws_wafv2_web_acl_association", "aws_cloudfront_distribution")) and not any(
        acl.address in str(output.value) for output in context.graph.outputs.values()
    ):
        yield Finding(acl, "nothing is associated with it")


@RULES.rule(
    "firewall-cannot-protect-this-api", Severity.HIGH, "AWS WAF does not attach to HTTP and WebSocket APIs",
    rationale="An ACL stands before REST APIs, load balancers, CDNs, user pools and a few more: AWS WAF developer guide, "
              "\"Resources that you can protect with AWS WAF\".",
    mend="put a CDN with the ACL before the API, or make it a REST API", types=("aws_wafv2_web_acl_association",),
)
def _cannot(context: Context, association: Resource) -> Iterator[Finding]:
    for reference in references_in(association.arguments.get("resource_arn")):
        if "aws_apigatewayv2_" in reference.address:
            yield Finding(association, f"`resource_arn` is of {reference.address}", attribute="resource_arn")


@RULES.rule(
    "firewall-without-rate-rule", Severity.LOW, "one address may ask as often as it likes",
    rationale="AWS WAF developer guide, \"Using rate-based rule statements in AWS WAF\".",
    mend="add a rule with a rate_based_statement",
    types=(ACL,), tiers=("standard", "enterprise"), production_only=True,
)
def _no_rate(context: Context, acl: Resource) -> Iterator[Finding]:
    rules = context.view.blocks(acl, "rule")
    if rules and not any("rate_based_statement" in block for rule in rules for block in as_blocks(rule.get("statement"))
                         if is_mapping(block) and block.get("rate_based_statement")):
        yield Finding(acl, "no rule has a rate_based_statement", attribute="rule")


@RULES.rule(
    "firewall-without-known-bad-inputs", Severity.LOW, "requests that are known attacks, such as Log4Shell, pass",
    rationale="AWS WAF developer guide, \"Baseline rule groups\", Known bad inputs.", mend=f"add the rule group {_KNOWN_BAD}",
    types=(ACL,), tiers=("enterprise",), production_only=True,
    controls=("CKV_AWS_192", "CKV2_AWS_47", "CKV2_AWS_76", "CKV2_AWS_77"),
)
def _no_bad_inputs(context: Context, acl: Resource) -> Iterator[Finding]:
    rules = context.view.blocks(acl, "rule")
    if rules and _KNOWN_BAD not in str([rule.get("statement") for rule in rules]) and not list(
        references_in([rule.get("statement") for rule in rules])
    ):
        yield Finding(acl, f"no rule uses {_KNOWN_BAD}", attribute="rule")

RULES.items += [
    expected(
        "firewall-without-rules", Severity.MEDIUM, "the web ACL lets everything through", ACL, at="rule", wanted=GIVEN,
        absent=False, why="AWS WAF developer guide, \"Protection packs (web ACLs)\".",
        mend="add a rate rule and AWS's managed rule groups", controls=("FSBP WAF.10", "CKV_AWS_175"),
        when=lambda context, acl: not acl.arguments.get("rule_json"),
    ),
    expected(
        "firewall-without-metrics", Severity.LOW, "what the firewall refuses cannot be seen", ACL, "aws_wafv2_rule_group",
        at="visibility_config.cloudwatch_metrics_enabled", wanted=TRUE, absent=False,
        why="AWS WAF developer guide, \"Monitoring with Amazon CloudWatch\".", mend="set cloudwatch_metrics_enabled = true",
        controls=("FSBP WAF.12",),
    ),
]
