"""Least privilege: what policies give beyond the need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import shown
from groundsill.checks.policies import PolicyStatement
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
_TABLE = Path(__file__).resolve().parents[2] / "unnarrowed_actions.txt"
_READING = r"(Get|List|Describe|BatchGet|Lookup|Search|Query|Scan|View|Check|Estimate|Simulate|Test|Validate|Preview)"
# Conditions that say nothing about what a right is used on.
_NOT_NARROWING = {"aws:securetransport", "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:requestedregion",
                  "aws:currenttime", "aws:epochtime", "aws:useragent", "s3:x-amz-acl"}
# Who may do one of these to anything can make itself an administrator: IAM user guide, "Security best practices in IAM".
_ESCALATION = {
    "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey",
    "iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:PutGroupPolicy",
    "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile", "sts:AssumeRole", "lambda:UpdateFunctionCode", "ssm:SendCommand", "ssm:StartSession",
}
_LOWER_ESCALATION = {action.lower() for action in _ESCALATION}
# The agent of Systems Manager asks this of the machine that it runs on, whose id nobody knows before it exists; AWS's own
# policy names no resource either: AWS managed policy reference, "AmazonSSMManagedInstanceCore".
_OF_ITSELF = {"ssm:updateinstanceinformation"}
_ADMINISTRATION = {"AdministratorAccess": Severity.CRITICAL, "IAMFullAccess": Severity.CRITICAL, "PowerUserAccess": Severity.HIGH}
_ATTACHMENTS = ("aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment",
                "aws_iam_policy_attachment")


@cache
def _table() -> str:
    """A line a service.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS services"; the table is written by
    ``scripts/generate_action_table.py``.
    """
    return f"\n{_TABLE.read_text('utf-8')}\n"


@cache
def unnarrowed(service: str) -> frozenset[str]:
    """The actions of a service that AWS lets name no resource, in lower case. Only the lines that are asked for are read.

    Arguments:
        service: prefix of its actions, in lower case.
    """
    _, found, rest = _table().partition(f"\n{service} ")
    return frozenset(rest.partition("\n")[0].lower().split(" ")) if found and service else frozenset()


def can_name_a_resource(action: str) -> bool:
    """Whether AWS lets an action be narrowed to resources. One with ``*`` can, where any action that it stands for might.

    Example:
        >>> can_name_a_resource("dynamodb:GetItem"), can_name_a_resource("xray:PutTraceSegments")
        (True, False)
    """
    if action.lower() in _OF_ITSELF:
        return False
    service, _, name = action.lower().partition(":")
    free = unnarrowed(service)
    if "*" not in name and "?" not in name:
        return name not in free
    # The table has no list of the other actions: a family of reads that begins like one without resources passes.
    return not (name.startswith(("describe", "list")) and any(item.startswith(name.rstrip("*")) for item in free))


def _narrowed(statement: PolicyStatement) -> bool:
    return any(key not in _NOT_NARROWING and "*" not in values for _, key, values in statement.conditions)


def _own_rights(context: Context) -> Iterator[PolicyStatement]:
    return (statement for statement in context.identity_statements if statement.allows)


def _everything(action: str) -> bool:
    return action in ("*", "*:*")


@RULES.rule(
    "policy-allows-everything", Severity.CRITICAL, "a policy lets its owner do anything in the account",
    rationale="A flaw in whoever has it is a flaw in the whole account: IAM user guide, \"Security best practices in "
              "IAM\", apply "
              "least-privilege permissions.",
    mend="name the actions and the resources", controls=("FSBP IAM.1", "CIS 1.16", "CKV_AWS_62", "CKV_AWS_63", "CKV2_AWS_40"),
)
def _all(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        if any(_everything(action) for action in statement.actions):
            on = "everything" if statement.everything else "some resources"
            yield Finding(statement.resource, f"{statement.named} allows `*` on {on}", attribute=statement.argument,
                          severity=None if statement.everything else Severity.HIGH)


@RULES.rule(
    "policy-allows-whole-service", Severity.HIGH, "a policy lets its owner do anything with a service",
    rationale="Deleting and sharing are among it: IAM user guide, \"Security best practices in IAM\", apply least-privilege "
              "permissions.",
    mend="name the actions", controls=("FSBP IAM.21",),
)
def _service(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        whole = [action for action in statement.actions if action.endswith(":*") and not _everything(action)]
        if whole:
            yield Finding(statement.resource, f"{statement.named} allows {', '.join(f'`{item}`' for item in whole)}",
                          attribute=statement.argument, severity=None if statement.everything else Severity.MEDIUM)


@RULES.rule(
    "policy-names-no-resource", Severity.MEDIUM, "a policy gives rights over every resource, where AWS lets it name one",
    rationale="Service Authorization Reference, \"Actions, resources, and condition keys for AWS services\": these "
              "actions can be "
              "narrowed to resources.",
    mend="name the ARNs", controls=("FSBP KMS.1", "FSBP KMS.2", "CKV_AWS_288", "CKV_AWS_290", "CKV_AWS_355"),
)
def _no_resource(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        if not statement.everything or _narrowed(statement) or statement.statement.not_actions:
            continue
        actions = [action for action in statement.actions
                   if not action.endswith(":*") and action not in ("*", "iam:PassRole") and can_name_a_resource(action)]
        if not actions:
            continue
        writing = [action for action in actions if not re.match(_READING, action.partition(":")[2])]
        more = f" and {len(actions) - 3} more" if len(actions) > 3 else ""
        yield Finding(statement.resource, f"{statement.named} allows {', '.join((writing or actions)[:3])}{more} on `*`",
                      attribute=statement.argument, severity=None if writing else Severity.LOW)


@RULES.rule(
    "policy-allows-all-but", Severity.HIGH, "a policy allows everything that it does not name",
    rationale="What AWS adds tomorrow is allowed too: IAM user guide, \"IAM JSON policy elements: NotAction\".",
    mend="name what is allowed", controls=("CKV_AWS_62",),
)
def _all_but(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        if statement.statement.not_actions and statement.everything:
            yield Finding(statement.resource, f"{statement.named} allows all but {shown(statement.statement.not_actions[0])}",
                          attribute=statement.argument)


@RULES.rule(
    "policy-passes-any-role", Severity.HIGH, "a policy lets its owner give any role to a workload of its own",
    rationale="Whoever starts a function with an administrator's role is one: IAM user guide, \"Grant a user "
              "permissions to pass a "
              "role to an AWS service\".",
    mend="name the roles, and the service in a condition on iam:PassedToService", controls=("CKV_AWS_286",),
)
def _pass_role(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        if statement.everything and any(action.lower() in ("iam:passrole", "iam:pass*") for action in statement.actions):
            narrowed = "iam:passedtoservice" in statement.condition_keys
            yield Finding(statement.resource, f"{statement.named} allows iam:PassRole on `*`", attribute=statement.argument,
                          severity=Severity.MEDIUM if narrowed else None)


@RULES.rule(
    "policy-lets-itself-grow", Severity.HIGH, "a policy lets its owner take more rights",
    rationale="Each of these actions on any resource is a way to administrator's rights: IAM user guide, \"Security "
              "best practices "
              "in IAM\", and \"Permissions boundaries for IAM entities\".",
    mend="name the resources, or ask for a permissions boundary in a condition",
    controls=("CKV_AWS_286", "CKV_AWS_287", "CKV_AWS_289"),
)
def _grows(context: Context) -> Iterator[Finding]:
    for statement in _own_rights(context):
        if not statement.everything or _narrowed(statement):
            continue
        ways = sorted(action for action in statement.actions if action.lower() in _LOWER_ESCALATION)
        if ways:
            yield Finding(statement.resource, f"{statement.named} allows {', '.join(ways[:4])} on `*`",
                          attribute=statement.argument)


@RULES.rule(
    "administrator-policy-attached", Severity.CRITICAL, "an identity has a policy that is made for administrators",
    rationale="AWS managed policy reference, \"AdministratorAccess\" and \"IAMFullAccess\": full rights, or the means "
              "to take them.",
    mend="attach a policy with what it needs", types=(*_ATTACHMENTS, "aws_iam_role"),
    controls=("CIS 1.16", "CKV_AWS_274", "CKV_AWS_275", "CKV2_AWS_56"),
)
def _administrator(context: Context, resource: Resource) -> Iterator[Finding]:
    argument = "managed_policy_arns" if resource.type == "aws_iam_role" else "policy_arn"
    for arn in as_blocks(context.view.get(resource, argument)):
        name = _managed_name(context, arn)
        if name in _ADMINISTRATION:
            yield Finding(resource, f"`{argument}` is {name}", attribute=argument, severity=_ADMINISTRATION[name])


def _managed_name(context: Context, arn: Any) -> str:
    if isinstance(arn, str):
        return arn.rpartition("/")[2]
    target = context.graph.target(arn) if hasattr(arn, "address") else None
    name = context.view.get(target, "name") if target is not None and target.data else None
    return name if isinstance(name, str) else ""


@RULES.rule(
    "policy-on-a-user", Severity.LOW, "rights hang on a user instead of a group or a role",
    rationale="They are forgotten one by one: IAM user guide, \"Security best practices in IAM\"; CIS 1.15.",
    mend="give them to a role that people take for a short time, or to a group",
    types=("aws_iam_user_policy", "aws_iam_user_policy_attachment"), controls=("FSBP IAM.2", "CIS 1.15", "CKV_AWS_40"),
)
def _on_user(context: Context, resource: Resource) -> Iterator[Finding]:
    yield Finding(resource, f"{shown(context.view.get(resource, 'user', default='a user'))} has it", attribute="user")


@RULES.rule(
    "user-with-a-standing-key", Severity.MEDIUM, "somebody holds a key that never ends",
    rationale="Keys are copied, committed and forgotten: IAM user guide, \"Security best practices in IAM\", require "
              "human users and "
              "workloads to use temporary credentials.",
    mend="use a role: IAM Identity Center for people, OpenID Connect for CI, the workload's own role",
    types=("aws_iam_user", "aws_iam_access_key"), controls=("FSBP IAM.3", "CIS 1.14", "CKV_AWS_273", "CKV2_AWS_22"),
)
def _standing_key(context: Context, resource: Resource) -> Iterator[Finding]:
    if resource.type == "aws_iam_user" and any(context.view.referring(resource, "aws_iam_access_key")):
        return  # the key says it
    what = "it is an access key" if resource.type == "aws_iam_access_key" else "it is an IAM user"
    yield Finding(resource, what, severity=None if resource.type == "aws_iam_access_key" else Severity.LOW)


@RULES.rule(
    "policy-resource-is-no-arn", Severity.HIGH, "a policy names something that is not an ARN, so it allows nothing there",
    rationale="IAM refuses the policy or never matches it: IAM user guide, \"IAM JSON policy elements: Resource\".",
    mend="use the resource's `arn`",
)
def _no_arn(context: Context) -> Iterator[Finding]:
    for statement in (*context.identity_statements, *context.resource_statements):
        for name in (*statement.statement.resources, *statement.statement.not_resources):
            followed = context.view.follow(name)
            if isinstance(followed, str) and is_known(followed) and not followed.startswith(("arn:", "*")):
                if statement.resource.type == "aws_api_gateway_rest_api" and followed.startswith("execute-api:"):
                    continue
                yield Finding(statement.resource, f"{statement.named} names {shown(followed)}", attribute=statement.argument)
