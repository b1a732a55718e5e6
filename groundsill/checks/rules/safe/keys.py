"""KMS keys, and what is encrypted under a key of the account's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import TRUE, at_least, at_most, expected
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.checks.rules.safe.buckets import companions, served_by_cdn, takes_logs
from groundsill.checks.rules.safe.databases import own_data
from groundsill.graph.reference import JsonDocument
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import is_known

RULES = Ruleset(Family.SAFE)
_SYMMETRIC = "SYMMETRIC_DEFAULT"
_MOST_ROTATION = 90  # AWS Security Hub, SecretsManager.4: within this many days
_WHY = ("With a key of the account's own, who may read the data is decided and recorded apart from who may use the service, and "
        "taking the key away takes the data away: AWS KMS developer guide, \"AWS KMS keys\".")

# Argument that names the key, by type. What holds data of users or what they do.
_OWN_KEY: dict[str, str] = {
    "aws_backup_vault": "kms_key_arn",
    "aws_cloudtrail": "kms_key_id",
    "aws_cloudwatch_log_group": "kms_key_id",
    "aws_db_instance": "kms_key_id",
    "aws_dynamodb_table": "server_side_encryption.kms_key_arn",
    "aws_ebs_volume": "kms_key_id",
    "aws_elasticache_replication_group": "kms_key_id",
    "aws_kinesis_stream": "kms_key_id",
    "aws_rds_cluster": "kms_key_id",
    "aws_scheduler_schedule": "kms_key_arn",
    "aws_secretsmanager_secret": "kms_key_id",
    "aws_sqs_queue": "kms_master_key_id",
}
_CONTROLS = ("FSBP CloudTrail.2", "FSBP Kinesis.1", "CIS 3.5", "CKV_AWS_35", "CKV_AWS_119", "CKV_AWS_149", "CKV_AWS_158",
             "CKV_AWS_166", "CKV_AWS_189", "CKV_AWS_191", "CKV_AWS_297", "CKV_AWS_327", "CKV2_AWS_73")


@RULES.rule(
    "data-without-own-key", Severity.LOW, "data is encrypted under a key that AWS decides about", rationale=_WHY,
    mend="name an aws_kms_key", types=tuple(_OWN_KEY), tiers=("enterprise",), production_only=True, controls=_CONTROLS,
)
def _own_key(context: Context, resource: Resource) -> Iterator[Finding]:
    path = tuple(_OWN_KEY[resource.type].split("."))
    value = context.view.get(resource, *path)
    if resource.type in ("aws_db_instance", "aws_rds_cluster") and not own_data(context, resource):
        return
    if value is None or (isinstance(value, str) and is_known(value) and value.startswith("alias/aws/")):
        yield Finding(resource, f"`{_OWN_KEY[resource.type]}` is {value or 'not set'}", attribute=path[0])


@RULES.rule(
    "bucket-without-own-key", Severity.LOW, "objects are encrypted under a key that AWS decides about", rationale=_WHY,
    mend="set sse_algorithm to aws:kms with an aws_kms_key; buckets that CloudFront serves to everybody may stay",
    types=("aws_s3_bucket",), tiers=("enterprise",), production_only=True, controls=("NIST S3.17", "CKV_AWS_145"),
)
def _bucket_key(context: Context, bucket: Resource) -> Iterator[Finding]:
    if served_by_cdn(context, bucket) or takes_logs(context, bucket):
        return  # load balancers and access logs cannot write under such a key: Amazon S3 user guide, "Enabling access logging"
    for configuration in companions(context, bucket, "aws_s3_bucket_server_side_encryption_configuration"):
        algorithm = context.view.get(configuration, "rule", "apply_server_side_encryption_by_default", "sse_algorithm")
        if algorithm in ("aws:kms", "aws:kms:dsse") or not is_known(algorithm):
            return
    if not bucket.arguments.get("server_side_encryption_configuration"):
        yield Finding(bucket, "no encryption configuration names aws:kms")


@RULES.rule(
    "secret-without-rotation", Severity.LOW, "the secret stays the same until somebody changes it",
    rationale="What has leaked unnoticed opens the door for years: AWS Secrets Manager user guide, \"Rotate AWS Secrets Manager "
              "secrets\".",
    mend="add an aws_secretsmanager_secret_rotation; suppress it for keys that only another company can change",
    types=("aws_secretsmanager_secret",), tiers=("enterprise",), production_only=True,
    controls=("FSBP SecretsManager.1", "CKV2_AWS_57"),
)
def _no_rotation(context: Context, secret: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(secret, "aws_secretsmanager_secret_rotation")):
        yield Finding(secret, "no rotation refers to it")


@RULES.rule(
    "parameter-of-a-secret-under-shared-key", Severity.LOW, "the parameter is encrypted under a key that AWS decides about",
    rationale=_WHY, mend="set key_id", types=("aws_ssm_parameter",), tiers=("enterprise",), production_only=True,
    controls=("CKV_AWS_337",),
)
def _parameter(context: Context, parameter: Resource) -> Iterator[Finding]:
    if context.view.get(parameter, "type") == "SecureString" and not parameter.arguments.get("key_id"):
        yield Finding(parameter, "`key_id` is not set", attribute="key_id")


@RULES.rule(
    "certificate-with-weak-key", Severity.HIGH, "the certificate's key is too short",
    rationale="1,024 bits can be broken: AWS Security Hub, ACM.2; AWS Certificate Manager user guide, \"AWS Certificate Manager "
              "certificate characteristics\".",
    mend="leave key_algorithm out", types=("aws_acm_certificate",), controls=("FSBP ACM.2",),
)
def _weak(context: Context, certificate: Resource) -> Iterator[Finding]:
    if context.view.get(certificate, "key_algorithm") == "RSA_1024":
        yield Finding(certificate, "`key_algorithm` is RSA_1024", attribute="key_algorithm")


@RULES.rule(
    "certificate-not-logged", Severity.LOW, "browsers may refuse the certificate",
    rationale="They ask for an entry in a public log: AWS Certificate Manager user guide, \"Certificate transparency logging\".",
    mend="leave the option out", types=("aws_acm_certificate",), controls=("CKV_AWS_234",),
)
def _not_logged(context: Context, certificate: Resource) -> Iterator[Finding]:
    if context.view.get(certificate, "options", "certificate_transparency_logging_preference") == "DISABLED":
        yield Finding(certificate, "certificate transparency logging is DISABLED", attribute="options")


_SETTING = r"(?i)(?:^|_)(?:expir\w*|ttl|lifetime|timeout|port|host|region|log_level|debug|enabled|interval)s?$"


@RULES.rule(
    "setting-hidden-in-a-secret", Severity.LOW, "a setting that is no secret is hidden in one",
    rationale="It changes without a review, and nobody who reads the definition knows it: The Twelve-Factor App, \"Config\"; AWS "
              "Systems Manager user guide, \"AWS Systems Manager Parameter Store\".",
    mend="make it an environment variable or a parameter", types=("aws_secretsmanager_secret_version",),
)
def _hidden(context: Context, version: Resource) -> Iterator[Finding]:
    for argument in ("secret_string_wo", "secret_string"):
        value = version.arguments.get(argument)
        content = value.content if isinstance(value, JsonDocument) else None
        names = [str(name) for name in content if re.search(_SETTING, str(name))] if is_mapping(content) else []
        if names and not {"host", "password"} <= {str(name) for name in content or ()}:  # as RDS keeps what it makes
            yield Finding(version, f"it holds {', '.join(names)}", attribute=argument)


RULES.items += [
    expected(
        "key-without-rotation", Severity.MEDIUM, "the key's material stays the same for ever", "aws_kms_key",
        at="enable_key_rotation", wanted=TRUE, absent=False,
        when=lambda context, key: context.view.get(key, "customer_master_key_spec", default=_SYMMETRIC) == _SYMMETRIC
        and context.view.get(key, "key_usage", default="ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
        and not context.view.get(key, "custom_key_store_id"),
        why="Rotation limits what one lost key opens, and old data stays readable: AWS KMS developer guide, \"Rotate "
            "AWS KMS keys\".",
        mend="set enable_key_rotation = true", controls=("NIST KMS.4", "CIS 3.6", "CKV_AWS_7"),
    ),
    expected(
        "key-disabled", Severity.HIGH, "nothing can be read under the key", "aws_kms_key", at="is_enabled", wanted=TRUE,
        absent=True, why="AWS KMS developer guide, \"Enable and disable keys\".", mend="leave is_enabled out",
        controls=("CKV_AWS_227",),
    ),
    expected(
        "key-deleted-soon", Severity.MEDIUM, "a mistaken deletion of the key cannot be noticed in time", "aws_kms_key",
        at="deletion_window_in_days", wanted=at_least(14), absent=True, production_only=True,
        why="What is encrypted under a deleted key is lost for good: AWS KMS developer guide, \"Delete an AWS KMS key\".",
        mend="leave deletion_window_in_days out, for 30",
    ),
    expected(
        "secret-deleted-at-once", Severity.MEDIUM, "a mistaken deletion of the secret cannot be undone",
        "aws_secretsmanager_secret", at="recovery_window_in_days", wanted=at_least(7), absent=True, production_only=True,
        why="AWS Secrets Manager user guide, \"Delete an AWS Secrets Manager secret\".",
        mend="leave recovery_window_in_days out, for 30",
    ),
    expected(
        "secret-rotated-too-rarely", Severity.MEDIUM, "the secret is rotated less often than every three months",
        "aws_secretsmanager_secret_rotation", at="rotation_rules.automatically_after_days", wanted=at_most(_MOST_ROTATION),
        absent=True,
        why="AWS Secrets Manager user guide, \"Rotate AWS Secrets Manager secrets\".", mend="rotate it within 90 days",
        controls=("FSBP SecretsManager.4", "CKV_AWS_304"),
    ),
]
