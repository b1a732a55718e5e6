"""AWS WAF, Amazon GuardDuty, AWS Security Hub, AWS Config, AWS CloudTrail.

"AWS WAF Pricing": an access list, each rule or rule group in it, and requests. The others are paid by what happens in the
account, which nobody knows before: volumes are assumed, widely, and can be stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.context import GB, Context, counted, title
from groundsill.cost.model import Edge, Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.cost.routes import taker
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping

waf = Service("AWS WAF", free={
    "aws_wafv2_web_acl_association": "a setting", "aws_wafv2_ip_set": "sets are free",
    "aws_wafv2_regex_pattern_set": "sets are free",
    "aws_wafv2_web_acl_logging_configuration": "logs are paid where they go",
})
_GB = 2.0**30
_EXTRA = ("AWSManagedRulesBotControlRuleSet", "AWSManagedRulesATPRuleSet", "AWSManagedRulesACFPRuleSet",
          "AWSManagedRulesAntiDDoSRuleSet")


@waf.meter("aws_wafv2_web_acl", Parameter("requests", Dimension.RATE, "requests that it looks at"))
def acl(context: Context, acl: Resource) -> Lines:
    """The list, its rules, and requests."""
    yield context.line(acl, "web ACL", "waf.web_acl_month", counted(1, "web ACL"))
    rules = context.view.blocks(acl, "rule")
    if rules:
        yield context.line(acl, "rules", "waf.rule_month", counted(len(rules), "rule" if len(rules) == 1 else "rules"))
    yield context.line(acl, "requests", "waf.request", context.measure(acl, "requests", "requests"))
    for name in _EXTRA:
        if any(name in str(rule.get("statement")) for rule in rules):
            yield context.not_known(acl, name, "the price book has no price of this rule group beside its requests")


@waf.flow
def looked_at(context: Context) -> Iterator[Edge]:
    """Requests of what a list protects."""
    for association in context.of_type("aws_wafv2_web_acl_association"):
        for acl in context.view.targets(association, "web_acl_arn"):
            for target in context.view.targets(association, "resource_arn"):
                for node in taker(context, target):
                    yield Edge(node, (acl.address, "requests"), exactly(1))
    for distribution in context.of_type("aws_cloudfront_distribution"):
        for acl in context.view.targets(distribution, "web_acl_id"):
            yield Edge((distribution.address, "requests"), (acl.address, "requests"), exactly(1))


@waf.meter("aws_wafv2_rule_group")
def rule_group(context: Context, group: Resource) -> Lines:
    """Rules of a group of one's own are paid as rules."""
    yield context.line(group, "rules", "waf.rule_month", counted(len(context.view.blocks(group, "rule")), "rules"))


guardduty = Service("Amazon GuardDuty",
    free={"aws_guardduty_filter": "free",
                "aws_guardduty_publishing_destination": "paid at its bucket"})


@guardduty.meter(
    "aws_guardduty_detector",
    Parameter("events", Dimension.RATE, "management events of the account:", Amount(5e4, 5e5, 5e6)),
    Parameter("data", Dimension.GROWTH, "flow and DNS logs of the account:", Amount(0.5 * _GB, 5 * _GB, 50 * _GB)),
)
def detector(context: Context, detector: Resource) -> Lines:
    """Management events, and logs of the network."""
    if context.view.get(detector, "enable") is False:
        yield context.free(detector, "it is turned off")
        return
    yield context.line(detector, "management events", "guardduty.cloudtrail_management_event",
                       context.measure(detector, "events", "events"))
    yield context.line(detector, "flow and DNS logs", "guardduty.vpc_flow_and_dns_log_gb",
                       context.measure(detector, "data").scaled(GB))


hub = Service("AWS Security Hub",
    free={"aws_securityhub_product_subscription": "findings of AWS's own services are free",
          "aws_securityhub_finding_aggregator": "free"})
_CHECKS = Amount(3000, 12_000, 60_000)


@hub.meter("aws_securityhub_account")
def account(context: Context, account: Resource) -> Lines:
    """The account itself; its standards make the checks."""
    if context.of_type("aws_securityhub_standards_subscription"):
        yield context.free(account, "paid by the checks of its standards")
    else:
        yield context.line(account, "checks", "security_hub.cspm_security_check", counted(
            _CHECKS, "checks", f"{title(account)}: its default standards make 12,000 checks a month (3,000 to 60,000)"))


@hub.meter("aws_securityhub_standards_subscription", Parameter("checks", Dimension.RATE, "checks that it makes:", _CHECKS))
def standard(context: Context, standard: Resource) -> Lines:
    """Checks of a standard."""
    yield context.line(standard, "checks", "security_hub.cspm_security_check", context.measure(standard, "checks", "checks"))


config = Service("AWS Config", free={f"aws_config_{name}": "a setting; changes and evaluations are paid" for name in (
    "configuration_aggregator", "configuration_recorder_status", "delivery_channel", "remediation_configuration",
    "retention_configuration")})


@config.meter(
    "aws_config_configuration_recorder",
    Parameter("items", Dimension.RATE, "changes of the account that it records:", Amount(300, 2000, 20_000)),
)
def recorder(context: Context, recorder: Resource) -> Lines:
    """Changes that are recorded."""
    daily = context.text(recorder, "recording_mode", "recording_frequency") == "DAILY"
    yield context.line(recorder, "changes recorded", f"config.configuration_item_{'periodic' if daily else 'continuous'}",
                       context.measure(recorder, "items", "changes"))


@config.meter("aws_config_config_rule", Parameter("evaluations", Dimension.RATE, "evaluations of it:", Amount(30, 300, 3000)))
def config_rule(context: Context, rule: Resource) -> Lines:
    """Evaluations of a rule."""
    yield context.line(rule, "evaluations", "config.rule_evaluation", context.measure(rule, "evaluations", "evaluations"))


@config.meter("aws_config_conformance_pack")
def pack(context: Context, pack: Resource) -> Lines:
    """Evaluations of a pack's rules."""
    yield context.not_known(pack, "evaluations", "how many rules a pack has is not in the graph")


trail = Service("AWS CloudTrail")


@trail.meter("aws_cloudtrail", Parameter("data_events", Dimension.RATE, "data events that it records:", Amount(1e4, 1e6, 1e8)))
def cloudtrail(context: Context, cloudtrail: Resource) -> Lines:
    """The first trail of management events is free; data events are paid."""
    selectors = [*context.view.blocks(cloudtrail, "event_selector"), *context.view.blocks(cloudtrail, "advanced_event_selector")]
    yield context.free(cloudtrail, "the first copy of management events is free; its bucket is paid by itself",
                       "management events")
    if any(_records_data(selector) for selector in selectors):
        yield context.line(cloudtrail, "data events", "cloudtrail.data_event",
                           context.measure(cloudtrail, "data_events", "events"))


def _records_data(selector: Any) -> bool:
    return is_mapping(selector) and (bool(selector.get("data_resource")) or "Data" in str(selector.get("field_selector")))
inspector = Service("Amazon Inspector", unpriced={"aws_inspector2_enabler": "the price book has no price of Amazon Inspector"})
macie = Service("Amazon Macie", unpriced={"aws_macie2_account": "the price book has no price of Amazon Macie"})
shield = Service("AWS Shield", unpriced={
    "aws_shield_protection": "Shield Advanced is 3,000 USD a month for an organisation, for a year at least"})
