"""Lambda functions: who may call them, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import expected, none_of, one_of
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
_SOURCES = ("source_arn", "source_account", "principal_org_id", "event_source_token")


@RULES.rule(
    "function-callable-by-anybody", Severity.CRITICAL, "every AWS account may call the function",
    rationale="A permission for `*` without a condition is for the world: AWS Lambda developer guide, \"Viewing "
              "resource-based IAM policies in Lambda\".",
    mend="name the service or the account, and the source_arn", types=("aws_lambda_permission",),
    controls=("FSBP Lambda.1", "CKV_AWS_301"),
)
def _anybody(context: Context, permission: Resource) -> Iterator[Finding]:
    if context.view.get(permission, "principal") == "*" and not any(permission.arguments.get(name) for name in _SOURCES):
        yield Finding(permission, "`principal` is *, and nothing narrows it", attribute="principal")


@RULES.rule(
    "function-permission-without-source", Severity.MEDIUM, "a service may call the function on behalf of any account",
    rationale="Somebody else's bucket, topic or rule can then call it, a confused deputy: AWS Lambda developer guide, \"Granting "
              "Lambda function access to AWS services\".",
    mend="give the source_arn of what calls it, or at least source_account", types=("aws_lambda_permission",),
    controls=("FSBP Lambda.1", "CKV_AWS_364"),
)
def _no_source(context: Context, permission: Resource) -> Iterator[Finding]:
    principal = context.view.get(permission, "principal")
    if isinstance(principal, str) and is_known(principal) and principal.endswith(".amazonaws.com") and not any(
        permission.arguments.get(name) for name in _SOURCES
    ):
        yield Finding(permission, f"{principal} may call it for anybody", attribute="source_arn")


@RULES.rule(
    "role-shared-by-workloads", Severity.MEDIUM, "workloads share a role, so each may do what any of them needs",
    rationale="A flaw in one of them has the rights of all: IAM user guide, \"Security best practices in IAM\", apply "
              "least-privilege permissions.",
    mend="give each workload a role of its own, with what it uses", types=("aws_iam_role",),
)
def _shared_role(context: Context, role: Resource) -> Iterator[Finding]:
    users = [resource for resource in context.view.referring(role, "aws_lambda_function", "aws_ecs_task_definition")
             if context.view.target(resource, "role" if resource.type == "aws_lambda_function" else "task_role_arn") is role]
    if len(users) > 1:
        names = ", ".join(user.name for user in users[:4]) + (", ..." if len(users) > 4 else "")
        yield Finding(role, f"{len(users)} workloads take it: {names}", related=tuple(users))


@RULES.rule(
    "function-url-open-to-any-page", Severity.LOW, "any web page may call the function from a visitor's browser",
    rationale="CORS tells a browser which pages may use an answer: AWS Lambda developer guide, \"Creating and managing Lambda "
              "function URLs\".",
    mend="name the origins of your own pages", types=("aws_lambda_function_url",), production_only=True,
)
def _any_page(context: Context, address: Resource) -> Iterator[Finding]:
    if "*" in as_blocks(context.view.get(address, "cors", "allow_origins")):
        yield Finding(address, "`allow_origins` is *", attribute="cors")


@RULES.rule(
    "function-in-one-zone", Severity.MEDIUM, "the function stops with one data centre",
    rationale="In a network a function runs in the zones of its subnets alone: AWS Lambda developer guide, \"Giving "
              "Lambda functions "
              "access to resources in an Amazon VPC\".",
    mend="give it subnets in two zones or more", types=("aws_lambda_function",), production_only=True,
    controls=("FSBP Lambda.5",),
)
def _one_zone(context: Context, function: Resource) -> Iterator[Finding]:
    subnets = as_blocks(context.view.get(function, "vpc_config", "subnet_ids"))
    if len(subnets) == 1 and (is_known(subnets) or context.view.target(function, "vpc_config", "subnet_ids") is not None):
        yield Finding(function, "`subnet_ids` holds one", attribute="vpc_config")


RULES.items += [
    expected(
        "function-without-tracing", Severity.LOW, "where a slow or failed call lost its time cannot be seen",
        "aws_lambda_function", at="tracing_config.mode", wanted=one_of("Active"), absent=False, tiers=("standard", "enterprise"),
        production_only=True,
        why="A trace shows each service that a call went through: AWS Lambda developer guide, \"Visualize Lambda function "
            "invocations using AWS X-Ray\".",
        mend="set tracing_config with mode Active", controls=("NIST Lambda.7", "CKV_AWS_50"),
    ),
    expected(
        "function-url-open", Severity.HIGH, "anybody on the internet can call the function",
        "aws_lambda_function_url", at="authorization_type", wanted=none_of("NONE"), absent=False,
        why="A function URL without authorization takes every request: AWS Lambda developer guide, \"Control access to Lambda "
            "function URLs\".",
        mend="set authorization_type = \"AWS_IAM\", or put an API with an authorizer in front",
        controls=("FSBP Lambda.1", "CKV_AWS_258"),
    ),
]
