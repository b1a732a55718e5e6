"""Everything that rights can do wrong, beside what is right. Never deploy it."""

from __future__ import annotations

from typing import Any

from groundsill import Stage, System, aws
from groundsill.graph import JsonDocument

system = System("faulty-identity", region="us-east-1", stages={"prod": "enterprise"})


def document(*statements: dict[str, Any]) -> JsonDocument:
    return JsonDocument({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], resources: Any = "*") -> JsonDocument:
    return document({"Effect": "Allow", "Action": actions, "Resource": resources})


GITHUB = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}


@system.define
def define(stage: Stage) -> None:
    for name, actions in {
        "everything": ["*"], "storage": ["s3:*"], "writes": ["s3:PutObject", "dynamodb:PutItem"], "passes": ["iam:PassRole"],
        "grows": ["iam:CreatePolicyVersion", "iam:AttachRolePolicy"], "reads": ["s3:GetObject", "ssm:GetParameter"],
        "keys": ["iam:CreateAccessKey", "ecr:GetAuthorizationToken"], "measures": ["xray:PutTraceSegments"],
    }.items():
        aws.iam_policy(name, name=name, policy=allow(actions))
    aws.iam_policy("right", name="right", policy=allow(["s3:GetObject"], ["arn:aws:s3:::shop/*"]))

    trusts: dict[str, dict[str, Any]] = {
        "anybody": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        "other": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"},
        "github": {"Effect": "Allow", "Principal": GITHUB, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {
            "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}},
        "repository": {"Effect": "Allow", "Principal": GITHUB, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {
            "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                             "token.actions.githubusercontent.com:sub": "repo:shop/shop:ref:refs/heads/main"}}},
        "function": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
    for name, statement in trusts.items():
        aws.iam_role(name, name=name, assume_role_policy=document(statement))
    aws.iam_role_policy_attachment("admin", role="function", policy_arn="arn:aws:iam::aws:policy/AdministratorAccess")
    aws.iam_role_policy_attachment("logs", role="function",
                                   policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    user = aws.iam_user("deployer", name="deployer")
    aws.iam_access_key("deployer", user=user["name"])
    aws.iam_user_policy_attachment("deployer", user=user["name"], policy_arn="arn:aws:iam::aws:policy/PowerUserAccess")

    aws.lambda_function("plain", function_name="plain", role="arn:aws:iam::123456789012:role/a", runtime="python3.13",
                        handler="a.b", filename="a.zip", environment={"variables": {"KEY": "AKIAQZXCVBNMASDFGH23"}})
    aws.lambda_permission("anybody", function_name="plain", action="lambda:InvokeFunction", principal="*")
    aws.lambda_permission("topic", function_name="plain", action="lambda:InvokeFunction", principal="sns.amazonaws.com")
    aws.lambda_function_url("plain", function_name="plain", authorization_type="NONE")
    aws.cognito_user_pool("plain", name="plain", password_policy={"minimum_length": 6})
    aws.cognito_user_pool_client("plain", name="plain", user_pool_id="us-east-1_a",
                                 explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"])
