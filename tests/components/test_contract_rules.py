"""Each rule of the contract finds its breach: a rule that finds nothing anywhere says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from groundsill import Stage, aws
from groundsill import components as c
from tests.component_support import build
from tests.contract import RULES, Subject


def _listener() -> None:
    balancer = c.LoadBalancer("front", c.Network("main").public, domain="shop.example")
    balancer.listener.override(protocol="HTTP", ssl_policy=None)


def _open_group() -> None:
    network = c.Network("main")
    group = aws.security_group("open", name="open", vpc_id=network.id)
    aws.vpc_security_group_ingress_rule("open", security_group_id=group["id"], cidr_ipv4="0.0.0.0/0", ip_protocol="tcp",
                                        from_port=22, to_port=22)


def _role(*actions: str, on: Any = "*") -> None:
    role = aws.iam_role("r", name="r", assume_role_policy={"Version": "2012-10-17", "Statement": []})
    aws.iam_role_policy("r", role=role.id, name="p", policy={"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": list(actions), "Resource": on}]})


def _shared_role() -> None:
    first, second = c.Function("first", "a.b:c"), c.Function("second", "a.b:c")
    second.resource.override(role=first.role["arn"])


BREACHES: dict[str, list[Callable[[], Any]]] = {
    "tags": [lambda: aws.sqs_queue("q", name="q", tags={"System": None})],
    "origin": [],  # nothing that a definition can do: see below
    "names": [
        lambda: aws.lb("l", name="a" * 33, load_balancer_type="application", internal=True),
        lambda: aws.lb("l", name="a--b", load_balancer_type="application", internal=True),
        lambda: aws.sqs_queue("q", name="a b"),
        lambda: (aws.sqs_queue("q", name="a"), aws.sqs_queue("p", name="a")),
        lambda: aws.glue_catalog_database("d", name="d"),  # no rule says what AWS takes
    ],
    "rights": [
        lambda: _role("dynamodb:GetItem"), lambda: _role("dynamodb:*", on="arn:aws:dynamodb:::table/a"),
        lambda: _role("dynamodb:GetItems"), lambda: _role("xray:PutTraceSegments", on="arn:aws:xray:::group/a"),
    ],
    "own_roles": [_shared_role],
    "at_rest": [
        lambda: aws.ebs_volume("v", availability_zone="us-east-1a", size=1),
        lambda: aws.s3_bucket("b", bucket="b", force_destroy=False),
        lambda: c.Queue("q").resource.override(sqs_managed_sse_enabled=False),
        lambda: aws.efs_file_system("f", encrypted=True),  # no table says how it is encrypted
    ],
    "in_transit": [
        _listener,
        lambda: aws.s3_bucket("b", bucket="b", force_destroy=False),
        lambda: aws.transfer_server("t"),  # no table says how it is reached over TLS
    ],
    "doors": [
        _open_group, lambda: c.Bucket("b") and aws.s3_bucket("open", bucket="open", force_destroy=False),
        lambda: aws.sqs_queue_policy("p", queue_url="u", policy={"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}),
    ],
    "logs": [
        lambda: aws.cloudwatch_log_group("g", name="g"),
        lambda: c.Function("f", "a.b:c").resource.override(logging_config=[{"log_format": "JSON", "log_group": "elsewhere"}]),
        lambda: c.RestApi("r").route("GET /", c.Function("f", "a.b:c")).api_stage.override(stage_name="other"),
    ],
    "survival": [
        lambda: c.Table("t", key="Id").resource.override(deletion_protection_enabled=False),
        lambda: c.Bucket("b").resource.override(force_destroy=True),
        lambda: aws.neptune_cluster("n"),  # no table says how it is kept
    ],
}


def test_every_rule_is_tried() -> None:
    assert set(BREACHES) == set(RULES)


@pytest.mark.parametrize(("rule", "number"), [
    (rule, number) for rule, breaches in BREACHES.items() for number in range(len(breaches))])
def test_a_rule_finds_what_breaks_it(rule: str, number: int) -> None:
    def define(_: Stage) -> None:
        BREACHES[rule][number]()

    graph = build(define, "prod")
    assert list(RULES[rule](Subject(graph, "shop", "standard", True, ("test_contract_rules.py",))))


def test_a_resource_that_was_written_elsewhere_is_found() -> None:
    graph = build(lambda _: c.Queue("q"))
    assert list(RULES["origin"](Subject(graph, "shop", "basic", False, ("system.py",))))
