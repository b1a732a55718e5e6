"""Amazon Route 53: zones, queries, health checks; and certificates.

"Amazon Route 53 Pricing" (aws.amazon.com/route53/pricing): queries of alias records to AWS's own resources are free. A
domain's fee is paid once a year to its registrar.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount
from groundsill.cost.context import Context, counted
from groundsill.cost.model import Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.graph.resource import Resource

service = Service("Amazon Route 53", free={
    "aws_route53_record": "records are free; queries are paid at their zone", "aws_route53_zone_association": "a setting",
    "aws_route53_query_log": "paid at its log group", "aws_route53_delegation_set": "name servers are free",
})


@service.meter("aws_route53_zone", Parameter(
    "queries", Dimension.RATE, "queries of records that are no aliases:", Amount(1e3, 1e5, 1e6)))
def zone(context: Context, zone: Resource) -> Lines:
    """A zone, and its queries."""
    yield context.line(zone, "hosted zone", "route53.hosted_zone_month", counted(1, "zone"))
    if context.view.blocks(zone, "vpc"):
        yield context.free(zone, "queries of private zones are free", "queries")
    else:
        yield context.line(zone, "queries", "route53.standard_query", context.measure(zone, "queries"))


@service.meter("aws_route53_health_check")
def health_check(context: Context, check: Resource) -> Lines:
    """A check, and each of its options."""
    name = context.text(check, "fqdn") or ""
    inside = ".amazonaws.com" in name or context.text(check, "type") in ("CLOUDWATCH_METRIC", "CALCULATED")
    key = "aws" if inside else "other"
    yield context.line(check, "health check", f"route53.health_check_{key}_endpoint_month", counted(1, "check"))
    kind = context.text(check, "type") or ""
    options = [kind.startswith("HTTPS"), "STR_MATCH" in kind, context.number(check, "request_interval", default=30).amount ==
               Amount(10, 10, 10), context.flag(check, "measure_latency")]
    if sum(options):
        yield context.line(check, "options of the check", f"route53.health_check_option_{key}_month",
                           counted(sum(options), "options"))


certificates = Service("AWS Certificate Manager", free={
    "aws_acm_certificate": "public certificates for AWS's own services are free",
    "aws_acm_certificate_validation": "waits for a certificate; nothing by itself",
})


@certificates.meter("aws_acmpca_certificate_authority")
def authority(context: Context, authority: Resource) -> Lines:
    """A private authority is paid by the month."""
    kind = "short_lived" if context.text(authority, "usage_mode") == "SHORT_LIVED_CERTIFICATE" else "general_purpose"
    yield context.line(authority, "certificate authority", f"acm_private_ca.{kind}_ca_month",
                       counted(1, "authority"))
