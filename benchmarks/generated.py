"""One system of any size, written for Groundsill and for each peer: functions that each write to a table of their own.

Five resources a function in all of them: the function, its role, the role's policy, its log group and its table.
"""

from __future__ import annotations

from pathlib import Path

PER_GROUP = 5
# CloudFormation quotas: 500 resources a stack; the AWS CDK refuses to synthesize more.
_GROUPS_A_STACK = 90

_HANDLER = "def handle(event, context):\n    return {}\n"

_GROUNDSILL = '''\
from groundsill import Stage, System
from groundsill.components import Function, Table

system = System("generated", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    for number in range({groups}):
        table = Table(f"table-{{number}}", key=("Id", "Time"))
        Function(f"function-{{number}}", "app.handler:handle", uses=[table.read_write])
'''

_CDK = '''\
from aws_cdk import App, Stack, aws_dynamodb as dynamodb, aws_iam as iam, aws_lambda as lambda_, aws_logs as logs

app = App(outdir="{out}")
stack = None
for number in range({groups}):
    if number % {groups_a_stack} == 0:
        stack = Stack(app, f"generated-{{number // {groups_a_stack}}}")
    table = dynamodb.Table(
        stack, f"table-{{number}}", billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        partition_key=dynamodb.Attribute(name="Id", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="Time", type=dynamodb.AttributeType.STRING))
    group = logs.LogGroup(stack, f"log-{{number}}", retention=logs.RetentionDays.ONE_MONTH)
    function = lambda_.Function(
        stack, f"function-{{number}}", runtime=lambda_.Runtime.PYTHON_3_13, handler="app.handler.handle", memory_size=256,
        code=lambda_.Code.from_asset("{code}"), log_group=group, environment={{"TABLE": table.table_name}})
    table.grant_read_write_data(function)
app.synth()
'''

_CDKTF = '''\
import json
from cdktf import App, TerraformStack
from constructs import Construct
from cdktf_cdktf_provider_aws.provider import AwsProvider
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.dynamodb_table import DynamodbTable, DynamodbTableAttribute
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction, LambdaFunctionEnvironment

TRUST = json.dumps({{"Version": "2012-10-17", "Statement": [
    {{"Effect": "Allow", "Principal": {{"Service": "lambda.amazonaws.com"}}, "Action": "sts:AssumeRole"}}]}})
app = App(outdir="{out}")
stack = TerraformStack(app, "generated")
AwsProvider(stack, "aws", region="us-east-1")
for number in range({groups}):
    table = DynamodbTable(
        stack, f"table-{{number}}", name=f"generated-table-{{number}}", billing_mode="PAY_PER_REQUEST", hash_key="Id",
        range_key="Time", attribute=[DynamodbTableAttribute(name="Id", type="S"), DynamodbTableAttribute(name="Time", type="S")])
    role = IamRole(stack, f"role-{{number}}", name=f"generated-role-{{number}}", assume_role_policy=TRUST)
    group = CloudwatchLogGroup(stack, f"log-{{number}}", name=f"/aws/lambda/generated-function-{{number}}", retention_in_days=30)
    IamRolePolicy(stack, f"policy-{{number}}", role=role.id, policy=json.dumps({{
        "Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": [
            "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
            "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], "Resource": [table.arn]}},
            {{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [group.arn + ":*"]}}]}}))
    LambdaFunction(
        stack, f"function-{{number}}", function_name=f"generated-function-{{number}}", role=role.arn, runtime="python3.13",
        handler="app.handler.handle", filename="package.zip", memory_size=256,
        environment=LambdaFunctionEnvironment(variables={{"TABLE": table.name}}))
app.synth()
'''


def write_system(folder: Path, resources: int) -> dict[str, Path]:
    """Write the system for Groundsill and the peers.

    Arguments:
        folder: where to write.
        resources: how many resources, rounded to whole functions.

    Returns:
        The folder of Groundsill's system, and the program of each peer, by name.
    """
    groups = resources // PER_GROUP
    ours = folder / "groundsill"
    (ours / "app").mkdir(parents=True, exist_ok=True)
    (ours / "app" / "handler.py").write_text(_HANDLER)
    (ours / "system.py").write_text(_GROUNDSILL.format(groups=groups))
    programs = {"groundsill": ours}
    for name, text in (("aws-cdk-lib", _CDK), ("cdktf", _CDKTF)):
        program = folder / f"generated_by_{name.replace('-', '_')}.py"
        program.write_text(text.format(groups=groups, out=folder / f"{name}-out", code=ours / "app",
                                       groups_a_stack=_GROUPS_A_STACK))
        programs[name] = program
    return programs
