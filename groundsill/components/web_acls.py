"""Web ACLs (AWS WAF): rules in front of an API, a load balancer or a CDN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from groundsill import aws
from groundsill.components.logs import log_group
from groundsill.components.metrics import Metric, metric
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.naming import identifier
from groundsill.graph import Broken, Reference, Resource, did_you_mean

_LEAST_RATE, _MOST_RATE = 10, 2_000_000_000  # AWS WAF API: RateBasedStatement, Limit
_WINDOWS = (60, 120, 300, 600)  # AWS WAF API: RateBasedStatement, EvaluationWindowSec
_CDN_REGION = "us-east-1"  # AWS WAF API: a web ACL for CloudFront lives there
# AWS Managed Rules: baseline and use-case groups, with their capacity; 1,500 units are included in the price.
_MANAGED = {
    "AWSManagedRulesCommonRuleSet": 700, "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesAmazonIpReputationList": 25, "AWSManagedRulesAnonymousIpList": 50, "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesLinuxRuleSet": 200, "AWSManagedRulesUnixRuleSet": 100, "AWSManagedRulesAdminProtectionRuleSet": 100,
}
_REDACTED = ("authorization", "cookie", "x-api-key", "x-twilio-signature", "stripe-signature")


class WebAcl(Component):
    """Rules that a request passes before it reaches what they protect: a rate for each address, and AWS's own rules.

    Arguments:
        component: unique in the system.
        scope: ``regional`` (default: REST APIs, load balancers, user pools) or ``cdn``. One for a CDN lives in us-east-1.
        rate: requests that one address may make within ``window``, 10 or more, default 2,000; None for no limit.
        window: seconds, 60, 120, 300 (default) or 600.
        managed: AWS's managed rule groups, default the common rules, known bad input and addresses of ill repute.
        count_only: rules of those groups that only count, by group, for example the size of a body where uploads are large.
        log: whether refused requests are logged, default True. Headers that carry secrets are left out.
        name: the name that AWS sees; default from the system's name pattern.

    Gives `blocked`, the metric of refused requests. A `Cdn` takes the ACL as ``firewall=``; others are given to `protect`.

    Resources created: ``aws_wafv2_web_acl``, ``aws_cloudwatch_log_group``, ``aws_wafv2_web_acl_logging_configuration``,
    and an ``aws_wafv2_web_acl_association`` for each thing that it protects.

    Costs: per ACL, per rule and per million requests.

    Example:
        ``WebAcl("api-rules", rate=500).protect(api)``
    """

    def __init__(
        self, component: str, /, *, scope: Literal["regional", "cdn"] = "regional", rate: int | None = 2000,
        window: int = 300, managed: Sequence[str] = (
            "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAmazonIpReputationList",
        ), count_only: Mapping[str, Sequence[str]] | None = None, log: bool = True, name: str | None = None,
    ) -> None:
        super().__init__(component)
        if scope not in ("regional", "cdn"):
            raise Mistake("GS1660", f"unknown scope {scope!r} of a web ACL", mend='write "regional" or "cdn"')
        if rate is not None and not _LEAST_RATE <= rate <= _MOST_RATE:
            raise Mistake("GS1661", f"a rate limit is {_LEAST_RATE} requests or more, not {rate}", mend="None is no limit")
        if window not in _WINDOWS:
            raise Mistake("GS1662", f"requests are counted over {', '.join(map(str, _WINDOWS))} s, not {window} s",
                          mend="300 s is the usual window")
        unknown = [group for group in managed if group not in _MANAGED]
        if unknown:
            raise Mistake("GS1663", f"unknown managed rule group {unknown[0]!r}",
                          mend=did_you_mean(unknown[0], _MANAGED, what="Known groups"))
        self.scope = scope
        region = _CDN_REGION if scope == "cdn" else None
        rules = ([self._rate_rule(rate, window)] if rate is not None else []) + [
            self._managed_rule(priority, group, (count_only or {}).get(group, ()))
            for priority, group in enumerate(managed, start=1)
        ]
        acl_name = self.physical_name("aws_wafv2_web_acl", name)
        self.resource: Resource = aws.wafv2_web_acl(
            self.terraform_name(), name=acl_name, scope="CLOUDFRONT" if scope == "cdn" else "REGIONAL",
            default_action={"allow": {}}, rule=rules, visibility_config=_seen(acl_name), region=region,
        )
        if log:
            self._log(acl_name, region)

    def _rate_rule(self, rate: int, window: int) -> Any:
        return {
            "name": "rate-limit", "priority": 0, "action": {"block": {}},
            "statement": {"rate_based_statement": {
                "limit": rate, "aggregate_key_type": "IP", "evaluation_window_sec": window}},
            "visibility_config": _seen(identifier(self.name, "rate-limit")),
        }

    def _managed_rule(self, priority: int, group: str, counted: Sequence[str]) -> Any:
        counting: Any = {"count": {}}
        nothing: Any = {}
        return {
            "name": group, "priority": priority, "override_action": {"none": nothing},
            "statement": {"managed_rule_group_statement": {
                "vendor_name": "AWS", "name": group,
                "rule_action_override": [{"name": rule, "action_to_use": counting} for rule in counted] or None,
            }},
            "visibility_config": _seen(identifier(self.name, group)),
        }

    def _log(self, acl_name: str, region: str | None) -> None:
        # AWS WAF developer guide, "Sending web ACL traffic logs to a CloudWatch Logs log group": the prefix is demanded.
        group = self.log_group = log_group(self, f"aws-waf-logs-{acl_name}", region=region)
        aws.wafv2_web_acl_logging_configuration(
            self.terraform_name(), resource_arn=self.arn, log_destination_configs=[group["arn"]], region=region,
            redacted_fields=[{"single_header": {"name": header}} for header in _REDACTED],
            logging_filter={"default_behavior": "DROP", "filter": [{
                "behavior": "KEEP", "requirement": "MEETS_ANY",
                "condition": [{"action_condition": {"action": action}} for action in ("BLOCK", "COUNT")],
            }]},
        )

    @property
    def arn(self) -> Reference:
        """ARN of the ACL."""
        return self.resource["arn"]

    @property
    def blocked(self) -> Metric:
        """Requests that it refused."""
        return metric(self, "BlockedRequests")

    @step
    def protect(self, target: Any, /) -> WebAcl:
        """Put the rules in front of something regional.

        Arguments:
            target: a REST API (its stage), a load balancer or a user pool.

        Returns:
            The ACL, so that calls can be chained.
        """
        if isinstance(target, Broken):
            return self
        if self.scope == "cdn":
            raise Mistake("GS1664", "a web ACL for a CDN is not put in front of it from here",
                          mend="give the CDN firewall=...")
        resource = getattr(target, "__dict__", {}).get("api_stage") or getattr(target, "resource", None)
        types = ("aws_api_gateway_stage", "aws_lb", "aws_cognito_user_pool")
        if not isinstance(resource, Resource) or resource.type not in types:
            raise Mistake("GS1665", f"AWS WAF cannot protect {getattr(target, 'subject', '') or shown(target)}",
                          "it stands in front of REST APIs, load balancers, user pools and CDNs; not of HTTP APIs",
                          "use a RestApi, or put a CDN in front")
        aws.wafv2_web_acl_association(
            self.terraform_name(target.name), resource_arn=resource["arn"], web_acl_arn=self.arn,
        )
        return self


def _seen(name: str) -> Any:
    return {"cloudwatch_metrics_enabled": True, "sampled_requests_enabled": True, "metric_name": name}
