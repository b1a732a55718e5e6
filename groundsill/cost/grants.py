"""What workloads call: read from the policies of their roles, since nothing else lets them call anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from groundsill.cost.amount import Amount
from groundsill.graph.reference import JsonDocument, Reference, references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import as_blocks

if TYPE_CHECKING:
    from groundsill.cost.context import Context


class Verb(NamedTuple):
    """A kind of call.

    Arguments:
        name: as a definition says it: ``orders.write``.
        type: Terraform type of what is called.
        measure: parameter of that type which counts these calls.
        actions: IAM actions; any of them is enough.
        times: how often one invocation is assumed to make the call.
    """

    name: str
    type: str
    measure: str
    actions: tuple[str, ...]
    times: Amount


_ONCE = Amount(0.2, 1, 3)
VERBS = (
    Verb("read", "aws_dynamodb_table", "reads", (
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:TransactGetItems"), _ONCE),
    Verb("scan", "aws_dynamodb_table", "scans", ("dynamodb:Scan",), Amount(0, 0.01, 1)),
    Verb("write", "aws_dynamodb_table", "writes", (
        "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
        "dynamodb:TransactWriteItems"), _ONCE),
    Verb("send", "aws_sqs_queue", "messages", ("sqs:SendMessage", "sqs:SendMessageBatch"), Amount(0, 1, 1)),
    Verb("publish", "aws_sns_topic", "messages", ("sns:Publish",), Amount(0, 0.1, 1)),
    Verb("publish", "aws_cloudwatch_event_bus", "events", ("events:PutEvents",), Amount(0, 0.5, 2)),
    Verb("read", "aws_s3_bucket", "gets", ("s3:GetObject",), Amount(0, 0.5, 2)),
    Verb("write", "aws_s3_bucket", "puts", ("s3:PutObject",), Amount(0, 0.5, 2)),
    # A value is read when an instance starts and kept, so most invocations read none.
    Verb("read", "aws_secretsmanager_secret", "reads", ("secretsmanager:GetSecretValue",), Amount(0, 0.01, 1)),
    Verb("read", "aws_ssm_parameter", "reads", ("ssm:GetParameter", "ssm:GetParameters"), Amount(0, 0.01, 1)),
    Verb("send", "aws_sesv2_email_identity", "emails", ("ses:SendEmail", "ses:SendRawEmail"), Amount(0, 0.1, 1)),
    Verb("send", "aws_pinpointsmsvoicev2_phone_number", "messages", ("sms-voice:SendTextMessage",), Amount(0, 1, 2)),
    Verb("push", "aws_apigatewayv2_api", "pushes", ("execute-api:ManageConnections",), Amount(0, 1, 10)),
    Verb("invoke", "aws_lambda_function", "invocations", ("lambda:InvokeFunction",), Amount(0, 1, 1)),
)
_CONSUME, _LOG, _PARAMETER = "sqs:ReceiveMessage", "logs:PutLogEvents", "ssm:GetParameter"
MODEL = "bedrock:InvokeModel"
_SIGNS = frozenset("*?[")  # of a pattern
_REACH = Verb("reach", "", "requests", (), _ONCE)
_REACHED = ("aws_lb", "aws_alb", "aws_instance")
_TOLD = ("aws_ecs_task_definition", "aws_launch_template", "aws_ssm_parameter")


class Use(NamedTuple):
    """Something that a workload may call.

    Arguments:
        workload: that calls.
        target: that is called.
        verb: the kind of call.
    """

    workload: Resource
    target: Resource
    verb: Verb

    @property
    def key(self) -> str:
        """How ``uses`` in ``traffic.toml`` names it: ``orders.write``."""
        return f"{self.target.component or self.target.address}.{self.verb.name}"


class Statement(NamedTuple):
    """What a policy allows.

    Arguments:
        actions: in lower case.
        patterns: of actions, in lower case, ``*`` standing for anything.
        targets: resources of the graph.
        texts: resources that are written out.
    """

    actions: frozenset[str]
    patterns: tuple[str, ...]
    targets: tuple[Resource, ...]
    texts: tuple[str, ...]

    def allows(self, *actions: str) -> bool:
        """Whether any of these actions is allowed."""
        lower = [action.lower() for action in actions]
        return not self.actions.isdisjoint(lower) or any(_matches(pattern, lower) for pattern in self.patterns)


def _matches(pattern: str, actions: list[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(action, pattern) for action in actions)


def reached(context: Context, workload: Resource) -> Iterator[Use]:
    """Load balancers and machines whose address a workload is told: it calls them over the network."""
    holders = [workload, *context.graph_targets(workload), *context.grants.allowed(workload, _PARAMETER, "aws_ssm_parameter")]
    seen: set[str] = set()
    for holder in holders:
        if holder is workload or holder.type in _TOLD:
            for target in context.graph_targets(holder):
                own = target is workload or (target.component == workload.component and target.component)
                if target.type in _REACHED and not own and target.address not in seen:
                    seen.add(target.address)
                    yield Use(workload, target, _REACH)


class Grants:
    """The grants of every workload of a graph.

    Arguments:
        context: of the graph.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.statements: dict[str, list[Statement]] = {}
        by_role: dict[str, list[Statement]] = {}
        for workload in context.workloads:
            found: list[Statement] = []
            for role in self._roles(workload):
                if role.address not in by_role:
                    by_role[role.address] = [item for policy in self._policies(role) for item in self._read(policy)]
                found += by_role[role.address]
            self.statements[workload.address] = found

    def uses(self, workload: Resource) -> Iterator[Use]:
        """What a workload may call, each kind of call of each target once."""
        seen: set[tuple[str, str]] = set()
        for statement in self.statements[workload.address]:
            for target in statement.targets:
                for verb in VERBS:
                    if verb.type == target.type and (target.address, verb.name) not in seen and statement.allows(*verb.actions):
                        seen.add((target.address, verb.name))
                        yield Use(workload, target, verb)

    def allowed(self, workload: Resource, action: str, type: str) -> list[Resource]:
        """Resources of a type that a workload may do something with."""
        found: dict[str, Resource] = {}
        for statement in self.statements[workload.address]:
            targets = [target for target in statement.targets if target.type == type]
            if targets and statement.allows(action):
                found |= {target.address: target for target in targets}
        return list(found.values())

    def consumed(self, workload: Resource) -> list[Resource]:
        """Queues that a workload takes messages from by itself."""
        return self.allowed(workload, _CONSUME, "aws_sqs_queue")

    def log_groups(self, workload: Resource) -> list[Resource]:
        """Log groups that a workload writes to."""
        return self.allowed(workload, _LOG, "aws_cloudwatch_log_group")

    def models(self, workload: Resource) -> list[str]:
        """Identifiers of the language models that a workload may call."""
        found: dict[str, None] = {}
        for statement in self.statements[workload.address]:
            if statement.allows(MODEL):
                for text in statement.texts:
                    kind, _, name = text.partition("/")
                    if kind.endswith(("foundation-model", "inference-profile")):
                        found[name] = None
        return list(found)

    def _roles(self, workload: Resource) -> Iterator[Resource]:
        view = self._context.view
        if workload.type == "aws_lambda_function":
            yield from (role for role in view.targets(workload, "role") if role.type == "aws_iam_role")
        elif workload.type == "aws_ecs_service":
            for task in view.targets(workload, "task_definition"):
                yield from (role for role in view.targets(task, "task_role_arn") if role.type == "aws_iam_role")
        else:
            holders = [workload]
            if workload.type == "aws_autoscaling_group":
                holders = [item for item in self._context.graph_targets(workload) if item.type == "aws_launch_template"]
            for holder in holders:
                for profile in self._context.graph_targets(holder):
                    if profile.type == "aws_iam_instance_profile":
                        yield from (role for role in view.targets(profile, "role") if role.type == "aws_iam_role")

    def _policies(self, role: Resource) -> Iterator[Any]:
        for source in self._context.referring(role, "aws_iam_role_policy", "aws_iam_role_policy_attachment"):
            if source.type == "aws_iam_role_policy":
                yield source.arguments.get("policy")
            else:
                yield from (policy.arguments.get("policy") for policy in self._context.view.targets(source, "policy_arn")
                            if policy.type == "aws_iam_policy")
        for block in as_blocks(role.arguments.get("inline_policy")):
            if is_mapping(block):
                yield block.get("policy")

    def _read(self, policy: Any) -> Iterator[Statement]:
        if isinstance(policy, Reference):
            document = self._context.graph.target(policy)
            if document is None or document.type != "aws_iam_policy_document":
                return
            for block in as_blocks(document.arguments.get("statement")):
                if is_mapping(block) and block.get("effect", "Allow") == "Allow":
                    yield self._statement(block.get("actions"), block.get("resources"))
            return
        content = policy.content if isinstance(policy, JsonDocument) else policy
        if isinstance(content, str):
            try:
                content = json.loads(content)
            except (ValueError, RecursionError):
                return
        if not is_mapping(content):
            return
        for statement in as_blocks(content.get("Statement")):
            if is_mapping(statement) and statement.get("Effect") == "Allow":
                yield self._statement(statement.get("Action"), statement.get("Resource"))

    def _statement(self, actions: Any, resources: Any) -> Statement:
        targets = [self._context.graph.target(reference) for reference in references_in(resources)]
        named = [action.lower() for action in _texts(actions)]
        patterns = tuple([action for action in named if not _SIGNS.isdisjoint(action)])
        return Statement(
            frozenset(named).difference(patterns), patterns,
            tuple(dict.fromkeys([target for target in targets if target is not None and not target.data])),
            tuple(_texts(resources)),
        )


def _texts(value: Any) -> list[str]:
    return [item for item in (value if is_list(value) else [value]) if isinstance(item, str)]
