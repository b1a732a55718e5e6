"""Where policies are written, and what rules ask of their statements."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from groundsill.graph.iam_policies import Policies, Statement, statements
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks

IDENTITY: MappingProxyType[str, str] = MappingProxyType({
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_iam_group_policy": "policy",
    "aws_iam_role": "inline_policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
})
"""What says what an identity may do."""

TRUST: MappingProxyType[str, str] = MappingProxyType({"aws_iam_role": "assume_role_policy"})
"""What says who may take a role."""

RESOURCE: MappingProxyType[str, str] = MappingProxyType({
    "aws_api_gateway_rest_api": "policy",
    "aws_api_gateway_rest_api_policy": "policy",
    "aws_backup_vault_policy": "policy",
    "aws_cloudwatch_event_bus_policy": "policy",
    "aws_cloudwatch_log_resource_policy": "policy_document",
    "aws_dynamodb_resource_policy": "policy",
    "aws_ecr_repository_policy": "policy",
    "aws_efs_file_system_policy": "policy",
    "aws_kms_key": "policy",
    "aws_kms_key_policy": "policy",
    "aws_opensearch_domain": "access_policies",
    "aws_s3_bucket": "policy",
    "aws_s3_bucket_policy": "policy",
    "aws_secretsmanager_secret": "policy",
    "aws_secretsmanager_secret_policy": "policy",
    "aws_sesv2_email_identity_policy": "policy",
    "aws_sns_topic": "policy",
    "aws_sns_topic_policy": "policy",
    "aws_sqs_queue": "policy",
    "aws_sqs_queue_policy": "policy",
    "aws_vpc_endpoint": "policy",
})
"""What says who may use a resource."""


class PolicyStatement(NamedTuple):
    """One statement with the resource that it is written in.

    Arguments:
        resource: the resource that the policy is an argument of.
        argument: that argument.
        statement: the statement.
    """

    resource: Resource
    argument: str
    statement: Statement

    @property
    def allows(self) -> bool:
        """Whether it gives a right; one of which the effect is not known gives none."""
        return self.statement.allows is True

    @property
    def named(self) -> str:
        """How a report names it."""
        return f"statement `{self.statement.sid}`" if self.statement.sid else "a statement"

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that it names and that are known."""
        return tuple(action for action in self.statement.actions or () if isinstance(action, str))

    @property
    def everything(self) -> bool:
        """Whether it is about every resource."""
        return bool(self.statement.not_resources) or "*" in self.statement.resources

    @property
    def principals(self) -> tuple[tuple[str, Any], ...]:
        """Kind and value of each principal, for example ``("AWS", "*")``."""
        return tuple((kind, who) for kind, several in (self.statement.principals or {}).items() for who in several)

    @property
    def anybody(self) -> bool:
        """Whether its principal is everybody."""
        return any(who == "*" and kind in ("*", "AWS") for kind, who in self.principals)

    @property
    def conditions(self) -> Iterator[tuple[str, str, list[Any]]]:
        """Operator, key in lower case and values of each condition."""
        for operator, pairs in (self.statement.conditions or {}).items():
            for key, values in pairs.items() if is_mapping(pairs) else ():
                yield str(operator), str(key).lower(), as_blocks(values)

    @property
    def condition_keys(self) -> set[str]:
        """Keys that its conditions ask for, in lower case."""
        return {key for _, key, _ in self.conditions}


def policy_statements(policies: Policies, resource: Resource, argument: str) -> Iterator[PolicyStatement]:
    """The statements of a resource's policies; those of a policy that is not known are left out.

    Arguments:
        policies: of the graph.
        resource: whose argument.
        argument: that holds the policy, or blocks of which each holds one in its ``policy``.
    """
    written = resource.arguments.get(argument)
    blocks = [block for block in as_blocks(written) if is_mapping(block) and "policy" in block]
    view = policies.view
    found = [statements(view, view.follow(block["policy"])) for block in blocks] if blocks else [policies.of(resource, argument)]
    for inner in found:
        for statement in inner or ():
            yield PolicyStatement(resource, argument, statement)
