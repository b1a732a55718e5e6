"""Roles: who may take them, and whether they allow what the code and AWS do with them."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.code import Behaviour
from groundsill.checks.context import Context
from groundsill.checks.facts.calls import action_of
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import text
from groundsill.checks.workloads import Workload
from groundsill.graph.artifact import FunctionPackage
from groundsill.graph.iam_reach import role_of, trusted
from groundsill.graph.judgement import every
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)
_LAMBDA, _TASKS = "lambda.amazonaws.com", "ecs-tasks.amazonaws.com"
# Type: arguments with a role, and the service that takes it.
_TRUST: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "aws_lambda_function": ((("role",), _LAMBDA),),
    "aws_ecs_task_definition": ((("execution_role_arn",), _TASKS), (("task_role_arn",), _TASKS)),
    "aws_flow_log": ((("iam_role_arn",), "vpc-flow-logs.amazonaws.com"),),
    "aws_backup_selection": ((("iam_role_arn",), "backup.amazonaws.com"),),
    "aws_sfn_state_machine": ((("role_arn",), "states.amazonaws.com"),),
    "aws_codedeploy_deployment_group": ((("service_role_arn",), "codedeploy.amazonaws.com"),),
    "aws_iam_instance_profile": ((("role",), "ec2.amazonaws.com"),),
    "aws_config_configuration_recorder": ((("role_arn",), "config.amazonaws.com"),),
}
# What Lambda does with the function's role, by the source: AWS Lambda Developer Guide, "Using Lambda with ...".
_CONSUME = {
    "aws_sqs_queue": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "aws_dynamodb_table": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
    "aws_kinesis_stream": ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"),
}
_INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")
_BUILT_IN = (
    "AWS_",
    "LAMBDA_",
    "_",
    "TZ",
    "PATH",
    "LANG",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "NODE_PATH",
    "HOME",
    "PORT",
    "ECS_",
)


@RULES.rule(
    "role-not-trusted",
    Severity.CRITICAL,
    "a role does not let the service that it is given to take it",
    types=tuple(_TRUST),
    family=Family.DEPLOYS,
    rationale='"The role defined for the function cannot be assumed by Lambda", and the like: the trust policy must name '
    'the service (IAM User Guide, "Create a role to delegate permissions to an AWS service").',
    mend="name the service as principal of the role's assume_role_policy",
    example="aws_lambda_function with a role that trusts ecs-tasks.amazonaws.com",
)
def trust(context: Context, resource: Resource) -> Found:
    for path, service in _TRUST[resource.type]:
        role = role_of(context.view, resource, *path)
        if role is not None and not role.data and trusted(context.policies, role, service).is_no:
            yield Finding(resource, f"{role.address} does not trust {service}", attribute=path[0], related=(role,))


@RULES.rule(
    "function-cannot-consume",
    Severity.CRITICAL,
    "a function may not take from its event source",
    types=("aws_lambda_event_source_mapping",),
    family=Family.DEPLOYS,
    rationale="Lambda polls with the function's role and refuses the mapping without it (\"The provided execution role does "
    'not have permissions to call ReceiveMessage on SQS").',
    mend="grant the actions on the queue or stream to the function's role",
    example="role without sqs:ReceiveMessage on the queue of the mapping",
)
def consume(context: Context, source: Resource) -> Found:
    given, function = context.view.target(source, "event_source_arn"), context.function(source, "function_name")
    role = role_of(context.view, function, "role") if function is not None else None
    if given is None or role is None or given.type not in _CONSUME:
        return
    # A stream's ARN is below its table's, and roles name it by the stream's own attribute.
    about = given["stream_arn"] if given.type == "aws_dynamodb_table" else given
    judged = every(context.access.allows(role, action, about) for action in _CONSUME[given.type])
    if judged.is_no:
        loose = every(context.access.allows(role, action) for action in _CONSUME[given.type])
        unsure = given.type == "aws_dynamodb_table" and loose.is_yes
        yield Finding(source, judged.reasons[0], attribute="function_name", related=(role, given), unknown=unsure)
    elif judged.is_unknown:
        yield Finding(source, judged.reasons[0], unknown=True)


@RULES.rule(
    "function-cannot-join-network",
    Severity.CRITICAL,
    "a function may not make its network interface",
    types=("aws_lambda_function",),
    family=Family.DEPLOYS,
    rationale="In a VPC Lambda makes interfaces with the function's role: \"The provided execution role does not have "
    'permissions to call CreateNetworkInterface on EC2" (AWS Lambda Developer Guide, "Giving Lambda functions '
    'access to resources in an Amazon VPC").',
    mend="attach AWSLambdaVPCAccessExecutionRole",
    example="vpc_config, role without ec2:CreateNetworkInterface",
)
def join(context: Context, function: Resource) -> Found:
    role = role_of(context.view, function, "role")
    if role is None or not context.view.blocks(function, "vpc_config"):
        return
    judged = every(context.access.allows(role, action) for action in _INTERFACES)
    if judged.is_no:
        yield Finding(function, judged.reasons[0], attribute="vpc_config", related=(role,))


@RULES.rule(
    "function-cannot-keep-what-fails",
    Severity.CRITICAL,
    "a function may not send to its own dead letters",
    types=("aws_lambda_function", "aws_lambda_function_event_invoke_config"),
    family=Family.DEPLOYS,
    rationale="Lambda sends with the function's role, and refuses the setting without the right (\"The provided execution "
    'role does not have permissions to call SendMessage on SQS").',
    mend="grant sqs:SendMessage or sns:Publish on the destination to the function's role",
    example="dead_letter_config of a queue, role without sqs:SendMessage",
)
def keep(context: Context, resource: Resource) -> Found:
    invoked = resource.type != "aws_lambda_function"
    function = context.function(resource, "function_name") if invoked else resource
    role = role_of(context.view, function, "role") if function is not None else None
    path = ("destination_config",) if invoked else ("dead_letter_config",)
    for target in context.view.targets(resource, *path):
        action = {"aws_sqs_queue": "sqs:SendMessage", "aws_sns_topic": "sns:Publish"}.get(target.type)
        if role is not None and action is not None:
            judged = context.access.allows(role, action, target)
            if judged.is_no:
                yield Finding(resource, judged.reasons[0], attribute=path[0], related=(role, target))


def _behaviours(context: Context) -> Iterator[tuple[Workload, Behaviour]]:
    """Functions with what their Python does for certain."""
    for work in context.workloads:
        package = context.artifacts.get(work.resource.address)
        handler = text(context.view.get(work.resource, "handler"))
        if work.is_function and isinstance(package, FunctionPackage) and package.runtime.startswith("python") and handler:
            yield work, context.program(package.source, package.include).handler(handler)


@RULES.rule(
    "function-may-not-do-what-it-does",
    Severity.HIGH,
    "a function's code calls something that its role does not allow",
    rationale="The call fails with AccessDenied the first time that the line is reached. Only calls are looked at that the "
    "code makes through clients that can be followed from the handler.",
    mend="grant the action to the function's role: uses=[...] of the component does it",
    example="code: sqs.send_message(...), role without sqs:SendMessage",
)
def calls(context: Context) -> Found:
    for work, behaviour in _behaviours(context):
        if work.role is None:
            continue
        for call in behaviour.calls:
            action = action_of(call.service, call.method)
            if action is None:
                continue
            judged = context.access.allows(work.role, action)
            where = f"{call.file.name}:{call.line} calls {call.service}.{call.method}"
            if judged.is_no:
                yield Finding(
                    work.resource,
                    f"{where}, and no policy of {work.role.address} allows {action}",
                    attribute="role",
                    related=(work.role,),
                )
            elif judged.is_unknown:
                yield Finding(work.resource, f"{where}: whether its role allows {action} is not known", unknown=True)


@RULES.rule(
    "function-misses-variable",
    Severity.HIGH,
    "a function's code reads a variable that nobody sets",
    rationale='os.environ["NAME"] raises KeyError: at import every call fails, later the requests that come to the line.',
    mend='set the variable: environment={...}, or .env("NAME") of the verb in uses',
    example='code: os.environ["QUEUE_URL"], environment without QUEUE_URL',
)
def variables(context: Context) -> Found:
    for work, behaviour in _behaviours(context):
        if work.environment is None:
            continue
        missing = [
            item for item in behaviour.reads if item.name not in work.environment and not item.name.startswith(_BUILT_IN)
        ]
        for item in missing:
            yield Finding(work.resource, f"{item.file.name}:{item.line} reads {item.name}", attribute="environment")


def _tables(context: Context, role: Resource) -> Iterator[Resource]:
    """Tables that a role's policies name; all of them where a policy names tables by a pattern."""
    found: dict[str, Resource] = {}
    for statement, _ in context.access.rights(role).statements:
        for item in statement.resources:
            if isinstance(item, str) and ":table/" in item:
                yield from context.of_type("aws_dynamodb_table")
                return
            for reference in references_in(item):
                target = context.graph.target(reference)
                if target is not None and target.type == "aws_dynamodb_table" and not target.data:
                    found[target.address] = target
    yield from found.values()


@RULES.rule(
    "index-not-allowed",
    Severity.MEDIUM,
    "a role may query a table and none of its indexes",
    types=("aws_iam_role",),
    rationale="An index has an ARN of its own, below the table's: a query of it fails with AccessDenied where the policy "
    'names the table alone (Amazon DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access '
    'control").',
    mend="allow the action on the index's ARN too: TABLE_ARN/index/NAME",
    example="dynamodb:Query on aws_dynamodb_table.orders.arn, and the table has global_secondary_index",
)
def index(context: Context, role: Resource) -> Found:
    if not context.indexed_tables:
        return
    named = {table.address for table in _tables(context, role)}
    for table, names in context.indexed_tables:
        if table.address not in named or not context.access.allows(role, "dynamodb:Query", table).is_yes:
            continue
        judged = [context.access.allows(role, "dynamodb:Query", f"{table['arn']}/index/{name}") for name in names]
        if all(item.is_no for item in judged):
            yield Finding(role, f"it may query {table.address}, and not {', '.join(names)}", related=(table,))
