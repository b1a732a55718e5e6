"""What a user gets in ``main.tf.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundsill import aws
from groundsill.graph import Graph, JsonDocument, Output, Reference, Resource, Scope, Variable
from groundsill.graph.reference import Element
from groundsill.terraform.synth import synthesize, text, write


def built(define: Any, **scope: Any) -> Graph:
    graph = Graph("shop", "dev", "us-east-1")
    found = Scope(graph, **scope)
    with found.active():
        define(graph)
    assert not list(found.diagnostics)
    return graph


def test_a_resource_is_written_with_its_references_and_without_what_is_none() -> None:
    def define(_: Graph) -> None:
        table = aws.dynamodb_table(
            "raw", name="raw", hash_key="id", range_key=None, attribute={"name": "id", "type": "S"}
        )
        aws.ssm_parameter("table", name="/table", type="String", value=f"{table.arn}/index/*")

    resources = synthesize(built(define))["resource"]
    assert resources["aws_dynamodb_table"]["raw"] == {
        "name": "raw",
        "hash_key": "id",
        "attribute": [{"name": "id", "type": "S"}],
    }
    assert resources["aws_ssm_parameter"]["table"]["value"] == "${aws_dynamodb_table.raw.arn}/index/*"


def test_the_order_in_which_resources_were_written_does_not_change_the_bytes() -> None:
    names = ["b", "a", "c"]

    def define(order: list[str]) -> Graph:
        return built(lambda _: [aws.sqs_queue(name, name=name) for name in order])

    assert text(define(names)) == text(define(sorted(names)))


def test_the_text_is_what_json_itself_would_write() -> None:
    graph = built(lambda _: aws.sqs_queue("u", name='é\n"x', tags={}))
    assert text(graph) == json.dumps(synthesize(graph), indent=2, ensure_ascii=False) + "\n"


def test_another_region_has_a_provider_of_its_own() -> None:
    def define(_: Graph) -> None:
        aws.acm_certificate("cdn", domain_name="example.com", region="eu-west-1")
        aws.acm_certificate("api", domain_name="example.com", region="us-east-1")

    configuration = synthesize(built(define))
    assert configuration["provider"]["aws"] == [
        {"region": "us-east-1"},
        {"alias": "eu_west_1", "region": "eu-west-1"},
    ]
    certificates = configuration["resource"]["aws_acm_certificate"]
    assert certificates["cdn"]["provider"] == "aws.eu_west_1"
    assert "provider" not in certificates["api"]


def test_meta_arguments_become_terraforms_own() -> None:
    def define(_: Graph) -> None:
        bucket = aws.s3_bucket("logs", bucket="logs")
        aws.sqs_queue(
            "jobs",
            name="jobs",
            depends_on=[bucket],
            moved_from=["work", "aws_sqs_queue.older"],
            lifecycle=aws.Lifecycle(prevent_destroy=True, ignore_changes=("tags",)),
        )
        aws.sqs_queue("all", name="all", lifecycle=aws.Lifecycle(ignore_changes=("all",)))

    configuration = synthesize(built(define))
    queues = configuration["resource"]["aws_sqs_queue"]
    assert queues["jobs"]["depends_on"] == ["aws_s3_bucket.logs"]
    assert queues["jobs"]["lifecycle"] == {"prevent_destroy": True, "ignore_changes": ["tags"]}
    assert queues["all"]["lifecycle"] == {"ignore_changes": "all"}
    assert configuration["moved"] == [
        {"from": "aws_sqs_queue.older", "to": "aws_sqs_queue.jobs"},
        {"from": "aws_sqs_queue.work", "to": "aws_sqs_queue.jobs"},
    ]


def test_a_secret_is_a_sensitive_variable_and_never_a_value() -> None:
    def define(graph: Graph) -> None:
        password = graph.add_variable(Variable("password", "The database's password", sensitive=True))
        aws.ssm_parameter("password", name="/password", type="SecureString", value=password)
        graph.add_output(Output("password", password, sensitive=True))

    configuration = synthesize(built(define))
    assert configuration["variable"]["password"] == {
        "type": "string",
        "description": "The database's password",
        "sensitive": True,
    }
    assert configuration["resource"]["aws_ssm_parameter"]["password"]["value"] == "${var.password}"
    assert configuration["output"]["password"] == {"value": "${var.password}", "sensitive": True}


def test_a_json_document_keeps_text_quoted_and_numbers_bare() -> None:
    queue = Resource("aws_sqs_queue", "jobs", {})
    graph = Graph()
    graph.add(queue)
    graph.add(
        Resource(
            "aws_iam_role_policy",
            "p",
            {
                "policy": JsonDocument(
                    {
                        "arn": queue["arn"],
                        "prefix": f"{queue['arn']}/*",
                        "delay": queue["delay_seconds"],
                        "literal": "${aws:username}",
                        "free": queue["policy"],
                        "mixed": f'"{queue["policy"]}',
                        f"{queue['url']}:sub": [True, None, 1.5],
                    }
                )
            },
        )
    )
    policy = synthesize(graph)["resource"]["aws_iam_role_policy"]["p"]["policy"]
    assert policy == (
        '{"arn":"${aws_sqs_queue.jobs.arn}","prefix":"${aws_sqs_queue.jobs.arn}/*",'
        '"delay":${jsonencode(aws_sqs_queue.jobs.delay_seconds)},"literal":"$${aws:username}",'
        '"free":${jsonencode(aws_sqs_queue.jobs.policy)},"mixed":${jsonencode("\\"${aws_sqs_queue.jobs.policy}")},'
        '"${aws_sqs_queue.jobs.url}:sub":[true,null,1.5]}'
    )


def test_objects_of_an_attribute_have_every_field_because_terraforms_json_wants_them() -> None:
    graph = built(
        lambda _: aws.security_group("api", ingress={"from_port": 80, "to_port": 80, "protocol": "tcp"})
    )
    [rule] = synthesize(graph)["resource"]["aws_security_group"]["api"]["ingress"]
    assert rule == {
        "cidr_blocks": None,
        "description": None,
        "from_port": 80,
        "ipv6_cidr_blocks": None,
        "prefix_list_ids": None,
        "protocol": "tcp",
        "security_groups": None,
        "self": None,
        "to_port": 80,
    }


def test_a_member_of_a_set_is_reached_through_a_list() -> None:
    def define(_: Graph) -> None:
        certificate = aws.acm_certificate("site", domain_name="example.com")
        record = certificate.domain_validation_options.element(0)
        aws.route53_record(
            "site",
            zone_id="Z1",
            name=record.at("resource_record_name"),
            type="CNAME",
            ttl=60,
            records=[record.at("resource_record_value")],
        )

    record = synthesize(built(define))["resource"]["aws_route53_record"]["site"]
    assert (
        record["name"]
        == "${tolist(aws_acm_certificate.site.domain_validation_options)[0].resource_record_name}"
    )


def test_the_file_is_written_whole_and_left_alone_where_nothing_changed(tmp_path: Path) -> None:
    graph = built(lambda _: aws.sqs_queue("jobs", name="jobs"))
    path = write(graph, tmp_path / "out")
    before = path.stat()
    assert json.loads(path.read_text()) == synthesize(graph)
    assert write(graph, tmp_path / "out").stat().st_mtime_ns == before.st_mtime_ns
    assert [entry.name for entry in path.parent.iterdir()] == ["main.tf.json"]
    changed = write(built(lambda _: aws.sqs_queue("jobs", name="work")), tmp_path / "out")
    assert "work" in changed.read_text()


def test_a_backend_says_where_the_state_is_kept() -> None:
    backend = {"s3": {"bucket": "state", "key": "shop/${x}"}}
    configuration = synthesize(Graph(), backend=backend)
    assert configuration["terraform"]["backend"] == {"s3": {"bucket": "state", "key": "shop/$${x}"}}


@pytest.mark.parametrize("name", ["x-y", "0"])
def test_a_map_key_is_a_step_of_a_reference(name: str) -> None:
    graph = Graph()
    graph.add_output(Output("o", Reference("aws_a.b", ("tags", name, 1, Element(2)))))
    assert synthesize(graph)["output"]["o"]["value"] == f'${{tolist(aws_a.b.tags["{name}"][1])[2]}}'
