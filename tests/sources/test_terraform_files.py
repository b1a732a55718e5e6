"""A folder of Terraform files becomes a graph; what is wrong with it is said with its line, and what is not known is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import Graph, JsonDocument, Reference, Unknown, View
from groundsill.sources.reading import Source, read
from groundsill.sources.terraform_files import read_terraform

PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


def reading(tmp_path: Path, text: str, *, files: dict[str, str] | None = None, **named: Any) -> Source:
    for name, content in {"main.tf": PROVIDER + text, **(files or {})}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return read(tmp_path, **named)


def codes(source: Source) -> list[str]:
    return [item.code for item in source.diagnostics]


def graph_of(tmp_path: Path, text: str, **named: Any) -> Graph:
    source = reading(tmp_path, text, **named)
    assert [item.render() for item in source.diagnostics] == []
    return source.graph


def test_a_resource_has_the_line_of_the_users_file(tmp_path: Path) -> None:
    source = reading(tmp_path, 'resource "aws_vpc" "main" {\n  cidr_block = "10.0.0.0/16"\n}\n')
    location = source.graph["aws_vpc.main"].location
    assert location is not None
    assert (Path(location.file).name, location.line) == ("main.tf", 4)
    assert source.graph["aws_vpc.main"].subject == 'resource "aws_vpc" "main"'


def test_one_file_stands_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text('resource "aws_sqs_queue" "a" {}\n')
    (tmp_path / "b.tf.json").write_text('{"resource": {"aws_sqs_queue": {"b": {"name": "${aws_sqs_queue.a.name}-b"}}}}')
    assert list(read(tmp_path / "a.tf").graph.resources) == ["aws_sqs_queue.a", "aws_sqs_queue.b"]


def test_values_go_through_locals_variables_and_references(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, '''
        variable "name" { default = "shop" }
        locals { range = "10.0.0.0/16" }
        resource "aws_vpc" "main" { cidr_block = local.range }
        resource "aws_subnet" "a" {
          vpc_id     = aws_vpc.main.id
          cidr_block = cidrsubnet(aws_vpc.main.cidr_block, 8, 3)
          tags       = { Name = "${var.name}-${upper("a")}" }
        }
    ''')
    subnet = graph["aws_subnet.a"]
    assert subnet.arguments == {
        "vpc_id": Reference("aws_vpc.main", ("id",)), "cidr_block": "10.0.3.0/24", "tags": {"Name": "shop-A"}}
    assert View(graph).target(subnet, "vpc_id") is graph["aws_vpc.main"]


def test_variables_come_from_the_environment_files_and_the_command_line_in_terraforms_order(tmp_path: Path) -> None:
    text = "".join(f'variable "{name}" {{ default = "default" }}\n' for name in "abcde") + \
        'variable "ports" { type = list(number) }\noutput "all" { value = [var.a, var.b, var.c, var.d, var.e, var.ports] }'
    for name, content in {"main.tf": text, "terraform.tfvars": 'b = "file"\nc = "file"\nd = "file"\ne = "file"',
                          "x.auto.tfvars": 'c = "auto"\nd = "auto"\ne = "auto"',
                          "prod.tfvars": 'd = "stage"\ne = "stage"'}.items():
        (tmp_path / name).write_text(content)
    graph, _ = read_terraform(tmp_path, stage="prod", settings={"e": "set"},
                              environment={"TF_VAR_a": "environment", "TF_VAR_ports": "[80, 443]"})
    assert graph.outputs["all"].value == ["environment", "file", "auto", "stage", "set", [80, 443]]


def test_a_variable_without_a_value_stays_a_reference_and_is_declared(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 'variable "image" {}\nresource "aws_sqs_queue" "a" { name = var.image }\n')
    assert graph["aws_sqs_queue.a"].arguments == {"name": Reference("var.image")}
    assert "image" in graph.variables


def test_a_sensitive_variables_value_is_not_kept(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, '''
        variable "password" {
          sensitive = true
          default   = "pl4nted-s3cret"
        }
        resource "aws_ssm_parameter" "a" {
          name  = "a"
          type  = "SecureString"
          value = "x${var.password}"
        }
        output "p" {
          value     = var.password
          sensitive = true
        }
    ''')
    assert "pl4nted" not in f"{graph['aws_ssm_parameter.a'].arguments} {dict(graph.variables)} {dict(graph.outputs)}"
    assert graph.dependencies("aws_ssm_parameter.a") == ("var.password",)


def test_what_is_not_known_is_unknown_and_keeps_its_references(tmp_path: Path) -> None:
    source = reading(tmp_path, '''
        data "aws_vpc" "main" { default = true }
        resource "aws_subnet" "a" {
          vpc_id     = data.aws_vpc.main.id
          cidr_block = cidrsubnet(data.aws_vpc.main.cidr_block, 8, 1)
        }
        resource "aws_sqs_queue" "many" {
          count = length(data.aws_vpc.main.cidr_block_associations)
          name  = "q${count.index}"
        }
    ''')
    block = source.graph["aws_subnet.a"].arguments["cidr_block"]
    assert block == Unknown("cidrsubnet(data.aws_vpc.main.cidr_block, 8, 1)", (Reference("data.aws_vpc.main", ("cidr_block",)),))
    assert codes(source) == ["GS4018"]
    assert isinstance(source.graph["aws_sqs_queue.many"].arguments["name"], Unknown)


def test_a_policy_in_which_something_is_not_known_can_still_be_looked_into(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, '''
        variable "account" {}
        data "aws_vpc" "main" { default = true }
        resource "aws_iam_policy" "a" {
          policy = <<-EOT
            {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${lower(data.aws_vpc.main.id)}/*"},
                           {"Effect": "Deny", "Action": "*", "Resource": "${aws_sqs_queue.a.arn}"}]}
          EOT
        }
        resource "aws_sqs_queue" "a" {}
    ''')
    policy = graph["aws_iam_policy.a"].arguments["policy"]
    assert isinstance(policy, JsonDocument)
    allow, deny = policy.content["Statement"]
    assert isinstance(allow["Resource"], Unknown)
    assert (allow["Action"], deny["Resource"]) == ("s3:*", Reference("aws_sqs_queue.a", ("arn",)))


def test_zones_of_a_region_are_told_apart_without_knowing_their_names(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, '''
        data "aws_availability_zones" "all" {}
        resource "aws_subnet" "a" {
          count             = 2
          vpc_id            = "vpc-1"
          availability_zone = element(data.aws_availability_zones.all.names, count.index)
        }
        output "zones" { value = slice(data.aws_availability_zones.all.names, 0, 2) }
    ''')
    zones = [Reference("data.aws_availability_zones.all", ("names", index)) for index in (0, 1)]
    assert [graph[f"aws_subnet.a[{index}]"].arguments["availability_zone"] for index in (0, 1)] == zones
    assert graph.outputs["zones"].value == zones


def test_an_ignoring_comment_becomes_a_suppression_of_its_resource(tmp_path: Path) -> None:
    source = reading(tmp_path, '''
# groundsill:ignore queue-without-dead-letters losing one is fine
resource "aws_sqs_queue" "a" {
  name = "a" // groundsill:ignore queue-not-encrypted nothing secret in it
}

# groundsill:ignore queue-not-encrypted

# groundsill:ignore queue-not-encrypted
resource "aws_sqs_queue" "b" {}
''')
    assert [(item.rule, item.subject, item.reason) for item in source.graph.suppressions] == [
        ("queue-without-dead-letters", "aws_sqs_queue.a", "losing one is fine"),
        ("queue-not-encrypted", "aws_sqs_queue.a", "nothing secret in it")]
    assert codes(source) == ["GS4028", "GS4028"]


def test_what_the_provider_does_not_take_is_reported_with_what_was_meant(tmp_path: Path) -> None:
    source = reading(tmp_path, '''
        resource "aws_sqs_queues" "a" {}
        resource "aws_sqs_queue" "b" { nam = "b" }
        resource "aws_subnet" "c" { cidr_block = "10.0.0.0/24" }
        resource "aws_sns_topic" "d" { name = aws_sqs_queue.b.arnn }
    ''')
    found = {item.code: f"{item.summary} {item.mend}" for item in source.diagnostics}
    assert "did you mean `aws_sqs_queue`?" in found["GS1107"]
    assert "did you mean `name`?" in found["GS1101"]
    assert "vpc_id" in found["GS1103"]
    assert "did you mean `arn`?" in found["GS4016"]
    assert all(item.location and item.location.line > 3 for item in source.diagnostics)


def test_a_schema_of_another_provider_version_makes_warnings(tmp_path: Path) -> None:
    source = reading(tmp_path, '''
        terraform {
          required_providers {
            aws = {
              source  = "hashicorp/aws"
              version = "~> 6.0"
            }
          }
        }
        resource "aws_sqs_queue" "a" { region = "x" }
    ''')
    assert codes(source) == ["GS1101"]
    assert not source.diagnostics.errors


@pytest.mark.parametrize(("text", "code", "words"), [
    ('resource "aws_sqs_queue" "a" {\n  name = "x\n}\n', "GS4010", "not closed"),
    ('resource "aws_sqs_queue" "a" {\n  name = = 3\n}\n', "GS4010", "begin a value"),
    ('resource "aws_sqs_queue" {}\n', "GS4026", "2 names"),
    ('locals {\n  a = local.b\n  b = local.a\n}\noutput "x" { value = local.a }\n', "GS4015", "local.a -> local.b"),
    ('module "m" { source = "./nothing" }\n', "GS4012", "no Terraform file"),
    ('module "m" { source = "./" }\n', "GS4013", "leads back"),
    ('module "m" { source = "terraform-aws-modules/vpc/aws" }\n', "GS4014", "unknown"),
    ('output "x" { value = var.nothing }\n', "GS4016", "no variable `nothing`"),
    ('output "x" { value = aws_vpc.nothing.id }\n', "GS4016", "no resource `aws_vpc.nothing`"),
    ('output "x" { value = lenght([]) }\n', "GS4016", "did you mean `length`?"),
    ('output "x" { value = [1][3] }\n', "GS4017", "no place 3"),
    ('resource "aws_sqs_queue" "a" { count = 1000000000 }\n', "GS4019", "at most"),
    ('resource "aws_sqs_queue" "a" { for_each = ["a"] }\n', "GS4019", "toset"),
    ('output "x" { value = file("/etc/passwd") }\n', "GS4017", "outside"),
    ('output "x" { value = file("../../../etc/passwd") }\n', "GS4017", "outside"),
    ('variable "a" {\n  default = 3\n  validation {\n    condition = var.a > 5\n    error_message = "few"\n  }\n}\n', "GS4027",
     "few"),
    ('variable "a" {\n  type = number\n  default = "x"\n}\noutput "x" { value = var.a }\n', "GS4027", "no number"),
])
def test_each_mistake_has_a_code_and_says_what_is_wrong(tmp_path: Path, text: str, code: str, words: str) -> None:
    source = reading(tmp_path, text)
    (found,) = [item for item in source.diagnostics if item.code == code]
    assert words in found.render()
    assert found.location is not None


def test_behind_a_mistake_the_file_is_read_on(tmp_path: Path) -> None:
    source = reading(tmp_path, 'resource "aws_sqs_queue" "a" {\n  name = "a"\n\nresource "aws_sqs_queue" "b" {}\n'
                               'resource "aws_sqs_queue" "c" {\n  x = ]\n}\nresource "aws_sqs_queue" "d" {}\n')
    assert "aws_sqs_queue.d" in source.graph.resources
    assert codes(source).count("GS4010") >= 2


def test_a_stage_is_the_workspace_and_says_whether_it_is_production(tmp_path: Path) -> None:
    source = reading(tmp_path, 'output "x" { value = terraform.workspace }\n', stage="prod")
    assert (source.graph.outputs["x"].value, source.graph.stage, source.graph.production) == ("prod", "prod", True)


def test_override_files_replace_what_they_name(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 'resource "aws_sqs_queue" "a" {\n  name = "a"\n  delay_seconds = 3\n}\n',
                     files={"dev_override.tf": 'resource "aws_sqs_queue" "a" { name = "b" }\n'})
    assert graph["aws_sqs_queue.a"].arguments == {"name": "b", "delay_seconds": 3}
