"""S3 buckets: nobody from outside, nothing in clear text, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import FALSE, TRUE, expected, one_of, truth
from groundsill.checks.policies import RESOURCE, PolicyStatement, policy_statements
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

RULES = Ruleset(Family.SAFE)

_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read", "website")
_EVERYBODY = ("http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers")
_BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_WRITING = {"PUT", "POST", "DELETE"}


def companions(context: Context, bucket: Resource, *types: str) -> list[Resource]:
    """The resources that set something for a bucket: those whose ``bucket`` is it."""
    return [found for found in context.view.referring(bucket, *types)
            if any(context.graph.target(reference) is bucket for reference in references_in(found.arguments.get("bucket")))]


def bucket_statements(context: Context, bucket: Resource) -> Iterator[PolicyStatement]:
    """The statements of a bucket's policies."""
    for resource in (bucket, *companions(context, bucket, "aws_s3_bucket_policy")):
        yield from policy_statements(context.policies, resource, RESOURCE[resource.type])


def served_by_cdn(context: Context, bucket: Resource) -> bool:
    """Whether CloudFront reads it: what it holds is for the world."""
    return any(statement.allows and ("Service", "cloudfront.amazonaws.com") in statement.principals
               for statement in bucket_statements(context, bucket))


def takes_logs(context: Context, bucket: Resource) -> bool:
    """Whether AWS writes access logs into it, of other buckets, load balancers or CDNs."""
    if context.view.get(bucket, "acl") == "log-delivery-write":
        return True
    for source in context.view.referring(bucket):
        values = (source.arguments.get("target_bucket"), source.arguments.get("access_logs"), source.arguments.get("logging"),
                  source.arguments.get("logging_config"))
        if any(context.graph.target(reference) is bucket for value in values for reference in references_in(value)):
            return True
    return False


@RULES.rule(
    "bucket-public-by-acl", Severity.CRITICAL, "anybody can read or write the bucket's objects through its ACL",
    rationale="An ACL for all users opens every object to the internet: Amazon S3 user guide, \"Access control list (ACL) "
              "overview\".",
    mend="remove the ACL, and give access by a bucket policy or through CloudFront", types=("aws_s3_bucket", "aws_s3_bucket_acl"),
    controls=("FSBP S3.2", "FSBP S3.3", "CKV_AWS_20", "CKV_AWS_57"),
)
def _public_acl(context: Context, resource: Resource) -> Iterator[Finding]:
    acl = context.view.get(resource, "acl")
    if acl in _PUBLIC_ACLS:
        yield Finding(resource, f"`acl` is {acl}", attribute="acl")
    policy = context.view.blocks(resource, "access_control_policy")
    grants = [*context.view.blocks(resource, "grant"),
              *(grant for block in policy for grant in _maps(block.get("grant")))]
    for grant in grants:
        uri = grant.get("uri") or next((one.get("uri") for one in _maps(grant.get("grantee"))), None)
        if uri in _EVERYBODY:
            yield Finding(resource, f"a grant is for {uri.rpartition('/')[2]}", attribute="grant")


def _maps(value: Any) -> list[Mapping[str, Any]]:
    listed = value if is_list(value) else [value]
    return [item for item in listed if is_mapping(item)]


@RULES.rule(
    "bucket-public-block-missing", Severity.MEDIUM, "nothing keeps the bucket from being made public",
    rationale="Block Public Access overrules every ACL and policy that would open the bucket: Amazon S3 user guide, \"Blocking "
              "public access to your Amazon S3 storage\". New buckets have it, and Terraform neither sees nor keeps it.",
    mend="add an aws_s3_bucket_public_access_block with all four settings true", types=("aws_s3_bucket",),
    controls=("FSBP S3.8", "CIS 2.1.4", "CKV2_AWS_6"),
)
def _no_block(context: Context, bucket: Resource) -> Iterator[Finding]:
    if not companions(context, bucket, "aws_s3_bucket_public_access_block"):
        yield Finding(bucket, "no aws_s3_bucket_public_access_block refers to it")


@RULES.rule(
    "bucket-public-block-open", Severity.HIGH, "the bucket can be made public",
    rationale="Each of the four settings closes another way: Amazon S3 user guide, \"Blocking public access to your Amazon S3 "
              "storage\".",
    mend="set all four to true", types=("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"),
    controls=("FSBP S3.1", "FSBP S3.8", "CIS 2.1.4", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
)
def _open_block(context: Context, block: Resource) -> Iterator[Finding]:
    off = [name for name in _BLOCKS if (value := context.view.known(block, name, default=False)) is False or value == "false"]
    if off:
        yield Finding(block, f"{', '.join(f'`{name}`' for name in off)} {'is' if len(off) == 1 else 'are'} not true",
                      attribute=off[0])


@RULES.rule(
    "bucket-takes-clear-text", Severity.MEDIUM, "the bucket answers requests without TLS",
    rationale="Whoever listens on the way reads and changes what is sent: Amazon S3 user guide, \"Security best practices\", "
              "enforce encryption of data in transit.",
    mend='add a bucket policy that denies s3:* where aws:SecureTransport is "false"', types=("aws_s3_bucket",),
    controls=("FSBP S3.5", "CIS 2.1.1"),
)
def _clear_text(context: Context, bucket: Resource) -> Iterator[Finding]:
    policies = companions(context, bucket, "aws_s3_bucket_policy")
    found = list(bucket_statements(context, bucket))
    if not found and (policies or bucket.arguments.get("policy") is not None):
        yield Finding(bucket, "its policy is known only after apply", unknown=True)
    elif not any(not statement.allows and "aws:securetransport" in statement.condition_keys for statement in found):
        yield Finding(bucket, "no statement of a policy denies requests without TLS")


@RULES.rule(
    "bucket-without-versions", Severity.MEDIUM, "what is overwritten or deleted in the bucket is gone",
    rationale="With versioning an earlier object can be brought back: Amazon S3 user guide, \"Retaining multiple versions of "
              "objects with S3 Versioning\".",
    mend="enable versioning, with a lifecycle rule that deletes old versions", types=("aws_s3_bucket",), production_only=True,
    controls=("NIST S3.14", "CKV_AWS_21"),
)
def _no_versions(context: Context, bucket: Resource) -> Iterator[Finding]:
    if truth(context.view.get(bucket, "versioning", "enabled")) or takes_logs(context, bucket) or _short_lived(context, bucket):
        return
    settings = companions(context, bucket, "aws_s3_bucket_versioning")
    states = [context.view.known(setting, "versioning_configuration", "status") for setting in settings]
    if not any(state == "Enabled" or not isinstance(state, str) for state in states):
        yield Finding(bucket, f"its versioning is {states[0]}" if states else "it has no versioning")


def lifecycle_rules(context: Context, bucket: Resource) -> list[Mapping[str, Any]]:
    """The enabled lifecycle rules of a bucket."""
    found = [*context.view.blocks(bucket, "lifecycle_rule")]
    for configuration in companions(context, bucket, "aws_s3_bucket_lifecycle_configuration"):
        found += context.view.blocks(configuration, "rule")
    return [rule for rule in found if rule.get("status", "Enabled") == "Enabled" and rule.get("enabled", True)]


_SHORT_DAYS = 30


def _short_lived(context: Context, bucket: Resource) -> bool:
    """Whether everything in it is made to be deleted within weeks, so that old versions would only keep it longer."""
    for rule in lifecycle_rules(context, bucket):
        prefixes = [part.get("prefix") for part in _maps(rule.get("filter"))] or [rule.get("prefix")]
        days = next((part.get("days") for part in _maps(rule.get("expiration"))), None)
        if not any(prefixes) and isinstance(days, int) and days <= _SHORT_DAYS:
            return True
    return False


@RULES.rule(
    "bucket-without-lifecycle", Severity.LOW, "the bucket keeps everything for ever",
    rationale="What nobody needs any more costs, and personal data must not be kept: Amazon S3 user guide, \"Managing the "
              "lifecycle of objects\".",
    mend="add an aws_s3_bucket_lifecycle_configuration", types=("aws_s3_bucket",), tiers=("standard", "enterprise"),
    controls=("FSBP S3.13", "CKV2_AWS_61"),
)
def _no_lifecycle(context: Context, bucket: Resource) -> Iterator[Finding]:
    if not bucket.arguments.get("lifecycle_rule") and not companions(context, bucket, "aws_s3_bucket_lifecycle_configuration"):
        yield Finding(bucket, "no lifecycle configuration refers to it")


@RULES.rule(
    "bucket-uploads-never-given-up", Severity.LOW, "parts of uploads that never finished are kept and paid for",
    rationale="They are invisible in listings: Amazon S3 user guide, \"Configuring a bucket lifecycle configuration to delete "
              "incomplete multipart uploads\".",
    mend="add a rule with abort_incomplete_multipart_upload", types=("aws_s3_bucket_lifecycle_configuration",),
    controls=("CKV_AWS_300",),
)
def _uploads(context: Context, configuration: Resource) -> Iterator[Finding]:
    rules = context.view.blocks(configuration, "rule")
    if rules and not any(rule.get("abort_incomplete_multipart_upload") for rule in rules if rule.get("status") == "Enabled"):
        yield Finding(configuration, "no enabled rule gives unfinished uploads up", attribute="rule")


@RULES.rule(
    "bucket-without-access-log", Severity.LOW, "nobody can tell who read the bucket",
    rationale="Server access logs tell every request after an incident: Amazon S3 user guide, \"Logging requests with server "
              "access logging\".",
    mend="add an aws_s3_bucket_logging, or record data events in CloudTrail", types=("aws_s3_bucket",), tiers=("enterprise",),
    production_only=True, controls=("FSBP S3.9", "CIS 3.4", "CKV_AWS_18"),
)
def _no_access_log(context: Context, bucket: Resource) -> Iterator[Finding]:
    if bucket.arguments.get("logging") or companions(context, bucket, "aws_s3_bucket_logging") or takes_logs(context, bucket):
        return
    yield Finding(bucket, "no aws_s3_bucket_logging refers to it")


@RULES.rule(
    "bucket-open-to-any-page", Severity.MEDIUM, "any web page may write to the bucket with a visitor's permission",
    rationale="CORS tells a browser which pages may use an answer or send a request: Amazon S3 user guide, \"Using cross-origin "
              "resource sharing (CORS)\".",
    mend="name the origins of your own pages", types=("aws_s3_bucket_cors_configuration", "aws_s3_bucket"),
    production_only=True,
)
def _any_page(context: Context, resource: Resource) -> Iterator[Finding]:
    for rule in context.view.blocks(resource, "cors_rule"):
        origins, methods = rule.get("allowed_origins"), rule.get("allowed_methods")
        if is_list(origins) and "*" in origins and is_list(methods) and _WRITING & {str(method) for method in methods}:
            yield Finding(resource, "`allowed_origins` is `*` for methods that write", attribute="cors_rule")


_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}


@RULES.rule(
    "bucket-archives-what-it-serves", Severity.HIGH, "what the CDN serves is archived, and cannot be read then",
    rationale="An archived object has to be restored first, for hours: Amazon S3 user guide, \"Understanding S3 Glacier storage "
              "classes for long-term data storage\".",
    mend="move it to STANDARD_IA, INTELLIGENT_TIERING or GLACIER_IR", types=("aws_s3_bucket",),
)
def _archives(context: Context, bucket: Resource) -> Iterator[Finding]:
    if not served_by_cdn(context, bucket):
        return
    for rule in lifecycle_rules(context, bucket):
        moved = {str(part.get("storage_class")) for part in _maps(rule.get("transition"))} & _ARCHIVES
        if moved:
            yield Finding(bucket, f"the lifecycle rule `{rule.get('id')}` moves objects to {', '.join(sorted(moved))}")


RULES.items += [
    expected(
        "bucket-deleted-with-its-objects", Severity.HIGH, "destroying the bucket deletes every object in it",
        "aws_s3_bucket", at="force_destroy", wanted=FALSE, absent=True, production_only=True,
        why="Terraform empties a bucket with force_destroy before it deletes it, versions too, and asks nobody: provider "
            "documentation, aws_s3_bucket.",
        mend="leave force_destroy out where data has to survive mistakes",
    ),
    expected(
        "bucket-acls-in-use", Severity.MEDIUM, "objects can carry permissions of their own",
        "aws_s3_bucket_ownership_controls", at="rule.object_ownership", wanted=one_of("BucketOwnerEnforced"), absent=False,
        why="With ACLs off, policies alone say who may do what: Amazon S3 user guide, \"Controlling ownership of objects and "
            "disabling ACLs for your bucket\".",
        mend="use BucketOwnerEnforced", controls=("FSBP S3.12", "CKV2_AWS_65"),
    ),
    expected(
        "bucket-key-off", Severity.LOW, "every object asks KMS for a key of its own",
        "aws_s3_bucket_server_side_encryption_configuration", at="rule.bucket_key_enabled", wanted=TRUE, absent=False,
        when=lambda context, resource: context.view.get(
            resource, "rule", "apply_server_side_encryption_by_default", "sse_algorithm") == "aws:kms",
        why="A bucket key takes up to 99 % of the calls to KMS, and of their cost: Amazon S3 user guide, \"Reducing the cost of "
            "SSE-KMS with Amazon S3 Bucket Keys\".",
        mend="set bucket_key_enabled = true",
    ),
]
