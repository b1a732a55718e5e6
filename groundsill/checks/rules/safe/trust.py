"""Who may take a role, and who may use a resource from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.policies import PolicyStatement
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.reference import Reference, Unknown, split_template
from groundsill.graph.view import is_known

RULES = Ruleset(Family.SAFE)
_ACCOUNT = r"(?:arn:aws[\w-]*:(?:iam|sts)::)?(\d{12})(?::.*)?$"
_GITHUB = "token.actions.githubusercontent.com"
# IAM user guide, "AWS global condition context keys": those that say who or whence.
_NARROWING = {
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalaccount", "aws:principalarn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceip", "aws:userid",
    "aws:sourceowner",
    "kms:calleraccount", "kms:viaservice", "lambda:functionurlauthtype", "sns:endpoint", "s3:dataaccesspointaccount",
    "elasticfilesystem:accessedviamounttarget",
}
# What these services do on behalf of somebody is told by aws:SourceArn or aws:SourceAccount: IAM user guide, "The confused
# deputy problem".
_DEPUTIES = {
    "cloudfront.amazonaws.com", "cloudtrail.amazonaws.com", "config.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com",
    "ses.amazonaws.com", "sns.amazonaws.com", "sms-voice.amazonaws.com", "delivery.logs.amazonaws.com",
    "costalerts.amazonaws.com",
    "scheduler.amazonaws.com", "apigateway.amazonaws.com", "logging.s3.amazonaws.com",
}
_CHECKED = ("aws_s3_bucket", "aws_s3_bucket_policy", "aws_sqs_queue", "aws_sqs_queue_policy", "aws_sns_topic",
            "aws_sns_topic_policy")
# AWS Security Hub, S3.6: what no other account should be able to do to a bucket.
_BUCKET_CONTROL = {"s3:deletebucketpolicy", "s3:putbucketacl", "s3:putbucketpolicy", "s3:putencryptionconfiguration",
                   "s3:putobjectacl", "s3:*", "*"}


def _narrowed(statement: PolicyStatement) -> bool:
    """Whether a condition says who or whence. One that matches everything says nothing."""
    for operator, key, values in statement.conditions:
        told = [value for value in values if not (isinstance(value, str) and value in ("*", "0.0.0.0/0", "::/0"))]
        if (key in _NARROWING or key.startswith(("aws:principaltag/", "saml:", "cognito-identity"))) and told \
                and "Not" not in operator and operator != "Null":
            return True
    return False


def _accounts(statement: PolicyStatement) -> list[str]:
    """Other accounts that it names, by id or by ARN."""
    return [who for kind, who in statement.principals if kind == "AWS" and isinstance(who, str) and re.match(_ACCOUNT, who)]


@RULES.rule(
    "policy-for-anybody", Severity.CRITICAL, "everybody may use the resource",
    rationale="`*` as a principal is every AWS account and, for S3, everybody on the internet: IAM user guide, \"AWS JSON policy "
              "elements: Principal\".",
    mend="name the account, the role or the service, or ask for aws:SourceArn or aws:PrincipalOrgID in a condition",
    controls=("FSBP S3.2", "FSBP S3.3", "FSBP SNS.4", "FSBP SQS.3", "FSBP KMS.5", "CKV_AWS_33", "CKV_AWS_70", "CKV_AWS_168",
              "CKV_AWS_169", "CKV_AWS_387", "CKV_AWS_32", "CKV_AWS_283"),
)
def _anybody(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        if not statement.allows or statement.resource.type == "aws_vpc_endpoint" or _narrowed(statement):
            continue
        if statement.statement.principals is None and statement.resource.type != "aws_api_gateway_rest_api":
            continue  # NotPrincipal, which AWS refuses together with Allow for most resources
        if statement.anybody and statement.resource.type not in ("aws_api_gateway_rest_api", "aws_api_gateway_rest_api_policy"):
            does = ", ".join(statement.actions[:3]) or "everything"
            yield Finding(statement.resource, f"{statement.named} allows everybody {does}", attribute=statement.argument)


@RULES.rule(
    "policy-lets-others-do-everything", Severity.HIGH, "somebody else may do anything to the resource",
    rationale="Changing and deleting it, and its policy, is among it: IAM user guide, \"Security best practices in IAM\".",
    mend="name the actions", controls=("CKV_AWS_72", "CKV_AWS_283"),
)
def _everything(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        if not statement.allows or statement.resource.type in ("aws_kms_key", "aws_kms_key_policy", "aws_vpc_endpoint"):
            continue
        whole = [action for action in statement.actions if action == "*" or action.endswith(":*")]
        if whole and not statement.anybody and not all(_own_account(who) for _, who in statement.principals):
            yield Finding(statement.resource, f"{statement.named} allows `{whole[0]}`", attribute=statement.argument)


def _own_account(who: Any) -> bool:
    """Whether a principal is of the account itself: what is a reference there, or an ARN around one."""
    return isinstance(who, Reference | Unknown) or (isinstance(who, str) and any(
        isinstance(part, Reference) for part in split_template(who)))


@RULES.rule(
    "policy-trusts-a-service-for-anybody", Severity.MEDIUM, "a service may use the resource on behalf of any account",
    rationale="Somebody else's rule, trail or topic then reaches yours: IAM user guide, \"The confused deputy problem\".",
    mend="ask for aws:SourceArn or aws:SourceAccount in a condition",
)
def _deputy(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        if statement.resource.type not in _CHECKED or not statement.allows or _narrowed(statement):
            continue
        services = [who for kind, who in statement.principals if kind == "Service" and isinstance(who, str) and who in _DEPUTIES]
        if services:
            yield Finding(statement.resource, f"{statement.named} trusts {services[0]} whoever it works for",
                          attribute=statement.argument)


@RULES.rule(
    "bucket-controlled-from-outside", Severity.HIGH, "another account may change who reads the bucket",
    rationale="AWS Security Hub, S3.6; Amazon S3 user guide, \"Bucket policies for Amazon S3\".",
    mend="leave these actions to the own account",
    controls=("FSBP S3.6",),
)
def _bucket_control(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        if statement.allows and statement.resource.type in ("aws_s3_bucket", "aws_s3_bucket_policy"):
            outside = _accounts(statement)
            control = [action for action in statement.actions if action.lower() in _BUCKET_CONTROL]
            if outside and control:
                yield Finding(statement.resource, f"{statement.named} allows {outside[0]} {control[0]}",
                              attribute=statement.argument)


@RULES.rule(
    "topic-open-to-other-accounts", Severity.LOW, "another account may use the topic",
    rationale="Amazon SNS developer guide, \"Example cases for Amazon SNS access control\".",
    mend="leave it to the own account, or say why with a suppression", controls=("CKV_AWS_385",),
)
def _other_account(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        if statement.allows and statement.resource.type in ("aws_sns_topic", "aws_sns_topic_policy"):
            outside = _accounts(statement)
            if outside:
                yield Finding(statement.resource, f"{statement.named} allows {outside[0]}", attribute=statement.argument)


@RULES.rule(
    "role-for-anybody", Severity.CRITICAL, "every AWS account may take the role",
    rationale="IAM user guide, \"AWS JSON policy elements: Principal\", do not use a wildcard with Allow in a trust policy.",
    mend="name the service, the role or the account", controls=("CKV_AWS_60",),
)
def _any_role(context: Context) -> Iterator[Finding]:
    for statement in context.trust_statements:
        told = _narrowed(statement) or "sts:externalid" in statement.condition_keys
        if statement.allows and statement.anybody and not told:
            yield Finding(statement.resource, f"{statement.named} trusts everybody", attribute=statement.argument)


@RULES.rule(
    "role-for-other-account-without-external-id", Severity.MEDIUM,
    "whoever makes the other account's program call takes the role",
    rationale="A service of somebody else works for many customers, and the external id tells which one asks: IAM user "
              "guide, \"Access to AWS accounts owned by third parties\".",
    mend="ask for sts:ExternalId in a condition, or for aws:PrincipalOrgID where the account is your own",
    controls=("CKV_AWS_61",),
)
def _external_id(context: Context) -> Iterator[Finding]:
    for statement in context.trust_statements:
        if not statement.allows or _narrowed(statement) or "sts:externalid" in statement.condition_keys \
                or "aws:multifactorauthpresent" in statement.condition_keys:
            continue
        others = [who for kind, who in statement.principals if kind == "AWS" and isinstance(who, str) and is_known(who)
                  and re.match(_ACCOUNT, who)]
        if others:
            yield Finding(statement.resource, f"{statement.named} trusts {others[0]}", attribute=statement.argument)


@RULES.rule(
    "role-for-any-repository", Severity.CRITICAL, "every repository on GitHub may take the role",
    rationale="GitHub signs a token for whoever runs a workflow; `sub` says which repository: IAM user guide, \"Create "
              "a role for "
              "OpenID Connect federation\", GitHub.",
    mend='ask for token.actions.githubusercontent.com:sub, for example "repo:owner/name:ref:refs/heads/main"',
    controls=("CKV_AWS_358", "CKV_AWS_393"),
)
def _any_repository(context: Context) -> Iterator[Finding]:
    for statement in context.trust_statements:
        if not statement.allows or not any(kind == "Federated" and _names_github(context, who) for kind,
                                           who in statement.principals):
            continue
        subjects = [value for _, key, values in statement.conditions if key == f"{_GITHUB}:sub" for value in values]
        loose = [value for value in subjects if isinstance(value, str) and value.replace("repo:", "", 1).startswith("*")]
        if not subjects:
            yield Finding(statement.resource, f"{statement.named} asks for no `sub`", attribute=statement.argument)
        elif loose:
            yield Finding(statement.resource, f"{statement.named} takes `sub` {loose[0]}", attribute=statement.argument)


def _names_github(context: Context, who: Any) -> bool:
    if isinstance(who, Reference):
        provider = context.graph.target(who)
        return provider is not None and _GITHUB in str(provider.arguments.get("url", ""))
    return isinstance(who, str) and _GITHUB in who


@RULES.rule(
    "bucket-locks-everybody-out", Severity.HIGH, "nobody but the account's root can ever change the bucket again",
    rationale="A Deny of everything for everybody covers administrators too: Amazon S3 user guide, \"Bucket policies "
              "for Amazon S3\".",
    mend="name who is denied, or ask for a condition such as aws:SecureTransport", controls=("CKV_AWS_93",),
)
def _locked(context: Context) -> Iterator[Finding]:
    for statement in context.resource_statements:
        denies = statement.statement.allows is False and statement.anybody and not statement.statement.conditions
        on_bucket = statement.resource.type in ("aws_s3_bucket", "aws_s3_bucket_policy")
        if denies and on_bucket and {"*", "s3:*"} & set(statement.actions):
            yield Finding(statement.resource, f"{statement.named} denies everybody everything", attribute=statement.argument)
