"""The same findings, whether a system is read from its definition or from Terraform files."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundsill.checks.rule import Family
from groundsill.checks.rules import every_rule
from groundsill.checks.run import check
from groundsill.graph import Graph
from groundsill.sources.reading import read
from groundsill.terraform.synth import text

from .support import STAGES, TODAY, system

SAFE = [rule for rule in every_rule() if rule.family is Family.SAFE]

SHOP = '''
variable "office" { default = ["0.0.0.0/0"] }
locals { name = "shop-prod" }

resource "aws_vpc" "main" { cidr_block = "10.10.0.0/24" }

resource "aws_security_group" "db" {
  name   = "${local.name}-db"
  vpc_id = aws_vpc.main.id
  ingress {
    description = "From everywhere inside"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.10.0.0/16"]
  }
  ingress {
    description = "Office"
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = var.office
  }
}

resource "random_password" "db" { length = 24 }

resource "aws_db_instance" "db" {
  engine                 = "postgres"
  engine_version         = "14.9"
  username               = "postgres"
  password               = random_password.db.result
  vpc_security_group_ids = [aws_security_group.db.id]
}

resource "aws_s3_bucket" "logs" {
  # groundsill:ignore bucket-without-lifecycle kept for the auditors
  bucket = "${local.name}-logs"
}

data "aws_iam_policy_document" "storage" {
  statement {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "storage" { policy = data.aws_iam_policy_document.storage.json }

resource "aws_iam_policy" "everything" {
  policy = <<EOF
{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }
EOF
}

resource "aws_lambda_function" "orders" {
  function_name = "orders"
  environment {
    variables = { DB_URL = "postgres://postgres:${random_password.db.result}@${aws_db_instance.db.address}/shop" }
  }
}

resource "aws_ecs_task_definition" "app" {
  family                = "app"
  container_definitions = jsonencode([{ name = "app", image = "app:latest", privileged = true }])
}
'''


def findings(graph: Graph) -> set[tuple[str, str]]:
    report = check(graph, SAFE, today=TODAY)
    assert not report.faults
    return {(result.rule.id, result.finding.resource.address if result.finding.resource else "")
            for result in (*report.results, *report.suppressed)}


@pytest.mark.parametrize("name", STAGES)
def test_terraform_made_of_a_definition_has_its_findings(name: str, tmp_path: Path) -> None:
    defined = system(name, "prod", "enterprise")
    (tmp_path / "main.tf.json").write_text(text(defined))
    assert findings(read(tmp_path, stage="prod").graph) == findings(defined)


def test_terraform_written_by_hand_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(SHOP)
    source = read(tmp_path, stage="prod")
    found = findings(source.graph)
    assert {
        ("security-group-open-to-the-world", "aws_security_group.db"),
        ("security-group-wider-than-network", "aws_security_group.db"),
        ("database-password-in-state", "aws_db_instance.db"), ("database-takes-clear-text", "aws_db_instance.db"),
        ("policy-allows-whole-service", "aws_iam_policy.storage"), ("policy-allows-everything", "aws_iam_policy.everything"),
        ("secret-in-environment", "aws_lambda_function.orders"), ("container-image-moves", "aws_ecs_task_definition.app"),
        ("container-privileged", "aws_ecs_task_definition.app"), ("bucket-public-block-missing", "aws_s3_bucket.logs"),
    } <= found
    accepted = check(source.graph, SAFE, today=TODAY).suppressed
    assert [(result.rule.id, result.suppression.reason) for result in accepted if result.suppression] == [
        ("bucket-without-lifecycle", "kept for the auditors")]
