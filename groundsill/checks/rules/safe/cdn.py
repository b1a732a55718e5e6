"""CloudFront: TLS on both sides, and a bucket that nobody reads past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import GIVEN, expected, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
CDN = "aws_cloudfront_distribution"
# CloudFront developer guide, "Supported protocols and ciphers between viewers and CloudFront".
_MODERN = ("TLSv1.2_2018", "TLSv1.2_2019", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
_BROKEN = {"SSLv3", "TLSv1", "TLSv1.1"}


def _blocks(value: Any) -> list[Mapping[str, Any]]:
    return [block for block in as_blocks(value) if is_mapping(block)]


@RULES.rule(
    "cdn-takes-clear-text", Severity.MEDIUM, "pages are served in clear text",
    rationale="Who listens on the way reads and changes them: CloudFront developer guide, \"Require HTTPS for "
              "communication between "
              "viewers and CloudFront\".",
    mend="set viewer_protocol_policy = \"redirect-to-https\"", types=(CDN,), controls=("FSBP CloudFront.3", "CKV_AWS_34"),
)
def _clear_text(context: Context, cdn: Resource) -> Iterator[Finding]:
    for name in ("default_cache_behavior", "ordered_cache_behavior"):
        for behaviour in context.view.blocks(cdn, name):
            if behaviour.get("viewer_protocol_policy") == "allow-all":
                yield Finding(cdn, f"`viewer_protocol_policy` of `{name}` is allow-all", attribute=name)


@RULES.rule(
    "cdn-old-tls", Severity.MEDIUM, "browsers may still use TLS 1.0 or 1.1",
    rationale="Both have known flaws (RFC 8996): CloudFront developer guide, \"Supported protocols and ciphers between "
              "viewers and "
              "CloudFront\".",
    mend="set minimum_protocol_version = \"TLSv1.2_2021\"", types=(CDN,),
    controls=("FSBP CloudFront.15", "CKV_AWS_174", "CKV2_AWS_54"),
)
def _old_tls(context: Context, cdn: Resource) -> Iterator[Finding]:
    for certificate in context.view.blocks(cdn, "viewer_certificate"):
        version = certificate.get("minimum_protocol_version")
        if truth(certificate.get("cloudfront_default_certificate")) or not is_known(version):
            continue  # `cdn-without-own-certificate` says it
        if version not in _MODERN:
            yield Finding(cdn, f"`minimum_protocol_version` is {version or 'not set'}", attribute="viewer_certificate")


@RULES.rule(
    "cdn-without-own-certificate", Severity.LOW, "the site has CloudFront's own name, with which browsers may use TLS 1.0",
    rationale="With *.cloudfront.net the minimum is TLS 1.0, whatever is set: CloudFront developer guide, "
              "\"Distribution settings\", "
              "minimum security policy.",
    mend="give it a domain and a certificate of your own, from us-east-1", types=(CDN,), production_only=True,
    controls=("FSBP CloudFront.7", "CKV2_AWS_42", "CKV_AWS_174"),
)
def _default_certificate(context: Context, cdn: Resource) -> Iterator[Finding]:
    certificates = context.view.blocks(cdn, "viewer_certificate")
    if not certificates or any(truth(certificate.get("cloudfront_default_certificate")) for certificate in certificates):
        yield Finding(cdn, "`cloudfront_default_certificate` is true", attribute="viewer_certificate")


@RULES.rule(
    "cdn-with-dedicated-addresses", Severity.LOW, "the site pays for addresses of its own",
    rationale="Every browser names the site it wants (SNI); addresses of its own cost USD 600 a month: CloudFront "
              "developer guide, "
              "\"Choose how CloudFront serves HTTPS requests\".",
    mend="set ssl_support_method = \"sni-only\"", types=(CDN,), controls=("FSBP CloudFront.8",),
)
def _addresses(context: Context, cdn: Resource) -> Iterator[Finding]:
    for certificate in context.view.blocks(cdn, "viewer_certificate"):
        if certificate.get("ssl_support_method") == "vip":
            yield Finding(cdn, "`ssl_support_method` is vip", attribute="viewer_certificate")


@RULES.rule(
    "cdn-fetches-in-clear-text", Severity.MEDIUM, "what CloudFront fetches crosses the internet in clear text",
    rationale="CloudFront developer guide, \"Require HTTPS for communication between CloudFront and your custom origin\".",
    mend="set origin_protocol_policy = \"https-only\" with TLSv1.2", types=(CDN,),
    controls=("FSBP CloudFront.9", "FSBP CloudFront.10", "CKV2_AWS_72"),
)
def _fetches(context: Context, cdn: Resource) -> Iterator[Finding]:
    for origin in context.view.blocks(cdn, "origin"):
        for settings in _blocks(origin.get("custom_origin_config")):
            policy, versions = settings.get("origin_protocol_policy"), settings.get("origin_ssl_protocols")
            named = origin.get("origin_id")
            if policy in ("http-only", "match-viewer"):
                yield Finding(cdn, f"`origin_protocol_policy` of {named} is {policy}", attribute="origin")
            elif broken := _BROKEN & {str(version) for version in as_blocks(versions)}:
                yield Finding(cdn, f"`origin_ssl_protocols` of {named} hold {', '.join(sorted(broken))}", attribute="origin")


@RULES.rule(
    "cdn-bucket-without-access-control", Severity.MEDIUM, "CloudFront reads the bucket as anybody does",
    rationale="Then the bucket is either open to everybody or does not answer: CloudFront developer guide, \"Restrict "
              "access to an "
              "Amazon S3 origin\".",
    mend="give the origin an aws_cloudfront_origin_access_control", types=(CDN,),
    controls=("FSBP CloudFront.13", "CKV2_AWS_46"),
)
def _no_control(context: Context, cdn: Resource) -> Iterator[Finding]:
    for origin in as_blocks(cdn.arguments.get("origin")):
        if not is_mapping(origin) or origin.get("custom_origin_config") or origin.get("origin_access_control_id"):
            continue
        buckets = [target for reference in references_in(origin.get("domain_name"))
                   if (target := context.graph.target(reference)) is not None and target.type == "aws_s3_bucket"]
        identity = any(block.get("origin_access_identity") for block in _blocks(origin.get("s3_origin_config")))
        if not identity and (buckets or origin.get("s3_origin_config") is not None):
            yield Finding(cdn, f"origin {origin.get('origin_id')} has no origin access control", attribute="origin",
                          related=tuple(buckets))


@RULES.rule(
    "cdn-without-firewall", Severity.LOW, "floods and known attacks are served like everybody",
    rationale="AWS WAF developer guide, \"Using AWS WAF with CloudFront\".", mend="set web_acl_id to an ACL of scope CLOUDFRONT",
    types=(CDN,), tiers=("enterprise",), production_only=True, controls=("FSBP CloudFront.6", "CKV_AWS_68"),
)
def _no_firewall(context: Context, cdn: Resource) -> Iterator[Finding]:
    if not cdn.arguments.get("web_acl_id"):
        yield Finding(cdn, "`web_acl_id` is not set", attribute="web_acl_id")


@RULES.rule(
    "cdn-without-access-log", Severity.LOW, "nobody can tell who asked for what",
    rationale="CloudFront developer guide, \"Access logs (standard logs)\".",
    mend="give logging_config a bucket, or deliver logs by CloudWatch", types=(CDN,), tiers=("enterprise",),
    production_only=True, controls=("FSBP CloudFront.5", "CKV_AWS_86"),
)
def _no_log(context: Context, cdn: Resource) -> Iterator[Finding]:
    if not cdn.arguments.get("logging_config") and not any(
        context.view.referring(cdn, "aws_cloudwatch_log_delivery_source", "aws_cloudfront_realtime_log_config")
    ):
        yield Finding(cdn, "`logging_config` is not set", attribute="logging_config")


def _from_bucket(context: Context, cdn: Resource) -> bool:
    """Whether it serves what is in a bucket."""
    return any(not origin.get("custom_origin_config") for origin in context.view.blocks(cdn, "origin"))


@RULES.rule(
    "cdn-function-open-beside", Severity.MEDIUM, "the function behind the CDN answers everybody who knows its URL",
    rationale="CloudFront developer guide, \"Restrict access to an AWS Lambda function URL origin\".",
    mend="give the origin an access control of type lambda", types=(CDN,), controls=("FSBP CloudFront.16",),
)
def _function_url(context: Context, cdn: Resource) -> Iterator[Finding]:
    for origin in as_blocks(cdn.arguments.get("origin")):
        if is_mapping(origin) and not origin.get("origin_access_control_id") and any(
            (target := context.graph.target(reference)) is not None and target.type == "aws_lambda_function_url"
            for reference in references_in(origin.get("domain_name"))
        ):
            yield Finding(cdn, f"origin {origin.get('origin_id')} has no origin access control", attribute="origin")

RULES.items += [
    expected(
        "cdn-without-root-object", Severity.MEDIUM, "a request for the site itself lists the bucket or fails", CDN,
        at="default_root_object", wanted=GIVEN, absent=False,
        when=_from_bucket,
        why="CloudFront developer guide, \"Specify a default root object\".", mend="set default_root_object = \"index.html\"",
        controls=("FSBP CloudFront.1", "CKV_AWS_305"),
    ),
]
