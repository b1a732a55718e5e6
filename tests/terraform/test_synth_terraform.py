"""Terraform itself reads what is synthesized: values come back to the letter, configurations are valid."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundsill import aws
from groundsill.graph import Graph, JsonDocument, Output, Reference, Scope, Variable
from groundsill.terraform.synth import write

AWKWARD = [
    "${a}",
    "$${a}",
    "$$${a}",
    "$$$${a}",
    "%{if}",
    "%%{if}",
    "%%%{a}",
    "$%{a}",
    "%${a}",
    "$%${a}",
    "%$%{a}",
    "$",
    "%",
    "$$",
    "$%",
    "%$",
    "%%",
    "$$$",
    "x$%",
    "a$",
    "{",
    "}",
    "$ {",
    "\\${a}",
    '"${"',
    "$\n{",
    "${",
    "%{",
    "x$${",
    "é${",
    "~}",
    "${~",
    "\\n",
    "${{{",
    "\x01\x7f\u2028",
    "\ud7ff𝒳",
    "a$\n",
    "",
    "${jsonencode(1)}",
    "//",
    "\t\r",
    "\r${a}",
    "\r\n%{a}",
    "$\r{",
    "\r\r",
    *(f"{chr(code)}${{a}}{chr(code)}" for code in [*range(1, 33), 127, 133, 160, 0x2028]),
]


def test_terraform_reads_awkward_text_back_to_the_letter(terraform: None, tmp_path: Path) -> None:
    graph = Graph()
    secret = 'X"\n${\\'
    given = {"x": secret, "n": 5, "l": [1, "a"]}
    graph.add_variable(Variable("x", "", default=secret))
    graph.add_variable(Variable("n", "", type="number", default=5))
    graph.add_variable(Variable("l", "", type="any", default=[1, "a"]))
    variable = Reference("var.x")
    expected: dict[str, Any] = {}
    for index, literal in enumerate(AWKWARD):
        values = {
            "plain": literal,
            "before": f"{literal}{variable}",
            "between": f"{variable}{literal}{variable}",
        }
        for name, value in values.items():
            graph.add_output(Output(f"{name}{index}", value))
            expected[f"{name}{index}"] = value.replace(str(variable), secret)
        document = {
            f"k{literal}": [
                literal,
                f"{literal}{variable}",
                variable,
                Reference("var.n"),
                Reference("var.l"),
                1.5,
                None,
                True,
                {},
            ],
            f"{literal}{variable}": {"": []},
        }
        graph.add_output(Output(f"json{index}", JsonDocument(document)))
        expected[f"json{index}"] = {
            f"k{literal}": [
                literal,
                literal + secret,
                given["x"],
                given["n"],
                given["l"],
                1.5,
                None,
                True,
                {},
            ],
            literal + secret: {"": []},
        }
    path = write(graph, tmp_path)
    configuration = json.loads(path.read_text())
    del (
        configuration["terraform"]["required_providers"],
        configuration["provider"],
    )  # outputs need no provider
    path.write_text(json.dumps(configuration))
    for command in (["init"], ["apply", "-auto-approve"]):
        done = subprocess.run(
            ["terraform", *command, "-no-color"], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["terraform", "output", "-json"], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    for name, output in json.loads(shown.stdout).items():
        value = json.loads(output["value"]) if name.startswith("json") else output["value"]
        assert value == expected[name], name


def _every_form(graph: Graph) -> None:
    me = aws.data.caller_identity("me")
    vpc = aws.vpc("main", cidr_block="10.0.0.0/16")
    subnet = aws.subnet("a", vpc_id=vpc.id, cidr_block="10.0.1.0/24")
    group = aws.security_group(
        "api",
        vpc_id=vpc.id,
        name="api",
        ingress=[{"from_port": 80, "to_port": 80, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}],
        egress=[{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}],
    )
    table = aws.dynamodb_table(
        "raw",
        name="raw",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        timeouts={"create": "10m"},
        attribute=[{"name": "id", "type": "S"}, {"name": "email", "type": "S"}],
        global_secondary_index={"name": "by-email", "hash_key": "email", "projection_type": "ALL"},
    )
    dead = aws.sqs_queue("dead", name="dead")
    queue = aws.sqs_queue(
        "jobs", name="jobs", redrive_policy={"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}
    )
    role = aws.iam_role(
        "f",
        name="f",
        assume_role_policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                }
            ],
        },
    )
    aws.iam_role_policy(
        "f",
        role=role.id,
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["dynamodb:Query"],
                    "Resource": [table.arn, f"{table.arn}/index/*"],
                    "Condition": {
                        "StringEquals": {
                            "aws:PrincipalTag/user": "${aws:username}",
                            "aws:SourceAccount": me.account_id,
                        }
                    },
                }
            ],
        },
    )
    function = aws.lambda_function(
        "f",
        function_name="f",
        role=role.arn,
        runtime="python3.13",
        handler="a.b",
        filename="f.zip",
        architectures=["arm64"],
        environment={"variables": {"TABLE": table["name"], "QUEUE": queue.url, "LITERAL": "50%{x} ${y}"}},
        depends_on=[group],
        lifecycle=aws.Lifecycle(ignore_changes=("filename",)),
    )
    aws.lambda_permission(
        "f",
        function_name=function.function_name,
        action="lambda:InvokeFunction",
        principal="apigateway.amazonaws.com",
        source_account=me.account_id,
    )
    aws.lb("front", name="front", subnets=[subnet.id], security_groups={group.id})
    aws.autoscaling_group(
        "workers",
        max_size=1,
        min_size=0,
        vpc_zone_identifier=[subnet.id],
        launch_template={"id": "lt-1", "version": "$Latest"},
    )
    certificate = aws.acm_certificate(
        "cdn", domain_name="example.com", validation_method="DNS", region="eu-west-1", moved_from="old"
    )
    option = certificate.domain_validation_options.element(0)
    aws.route53_record(
        "cdn",
        zone_id="Z1",
        name=option.at("resource_record_name"),
        ttl=60,
        type="CNAME",
        records=[option.at("resource_record_value")],
    )
    aws.wafv2_web_acl(
        "w",
        scope="REGIONAL",
        name="w",
        default_action={"allow": {}},
        visibility_config={
            "cloudwatch_metrics_enabled": True,
            "metric_name": "w",
            "sampled_requests_enabled": True,
        },
    )
    graph.add_output(Output("table", table["name"], "The table"))
    graph.add_output(
        Output(
            "password",
            graph.add_variable(Variable("password", "a secret ${x}", sensitive=True)),
            sensitive=True,
        )
    )


def test_terraform_accepts_every_form_that_synthesis_writes(
    terraform_validate: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    scope = Scope(Graph("shop", "dev", "us-east-1"), tags={"Project": "shop"})
    with scope.active():
        _every_form(scope.graph)
    assert not scope.diagnostics.errors and not scope.graph.problems().errors
    write(scope.graph, tmp_path)
    assert terraform_validate(tmp_path) == []


def test_terraform_still_finds_what_is_wrong(
    terraform_validate: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    (tmp_path / "main.tf.json").write_text(json.dumps({"resource": {"aws_sqs_queue": {"x": {"naem": "x"}}}}))
    assert "naem" in json.dumps(terraform_validate(tmp_path))
