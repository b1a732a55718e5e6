"""A resource whose definition leaves its name to Terraform has one on this machine too, and the same at every start."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage, System, aws
from groundsill.graph import Graph
from groundsill.ground.provision.names import name_given
from groundsill.ground.provision.places import Place
from groundsill.ground.provision.provisioner import Provisioner
from tests.terraform.deploy_support import client, running_api

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}


def graph() -> Graph:
    system = System("shop", region="us-east-1")

    @system.define
    def define(stage: Stage) -> None:
        role = aws.iam_role("worker", name_prefix="worker-", assume_role_policy=TRUST)
        aws.iam_role_policy("worker", role=role["name"], policy=RIGHTS)
        aws.sqs_queue("jobs")
        aws.sqs_queue("orders", name_prefix="orders-", fifo_queue=True)
        aws.sns_topic("news")
        aws.cloudwatch_log_group("log", name_prefix="/shop/")

    return system.build("dev", {})


def test_everything_without_a_name_is_made_once_however_often_the_system_starts(tmp_path: Path) -> None:
    with running_api(tmp_path / "aws") as api:
        clients = cache(lambda service: client(api, service))
        place = Place("us-east-1", "000000000000")

        def started() -> Any:
            return Provisioner(graph(), place, clients, tmp_path / "memory.json", variables={}, overrides={}).run()

        first, second = started(), started()
        assert {item.address: item.attributes["name"] for item in first} == \
            {item.address: item.attributes["name"] for item in second}
        role = first["aws_iam_role.worker"].attributes["name"]
        assert role.startswith("worker-")
        assert client(api, "iam").list_role_policies(RoleName=role)["PolicyNames"] == \
            [first["aws_iam_role_policy.worker"].attributes["name"]]
        queues = {url.rpartition("/")[2] for url in client(api, "sqs").list_queues()["QueueUrls"]}
        assert queues == {first[f"aws_sqs_queue.{name}"].attributes["name"] for name in ("jobs", "orders")}
        assert any(name.startswith("orders-") and name.endswith(".fifo") for name in queues)
        assert len(client(api, "sns").list_topics()["Topics"]) == 1


@pytest.mark.parametrize(("type", "arguments", "begins"), [
    ("aws_lb", {}, "tf-lb-"), ("aws_lb_target_group", {"name_prefix": "web"}, "web"), ("aws_security_group", {}, "terraform-"),
])
def test_the_name_begins_as_the_provider_begins_it_and_is_short_enough_for_elb(
    type: str, arguments: dict[str, Any], begins: str,
) -> None:
    name = name_given(type, f"{type}.main", arguments)
    assert name is not None and name.startswith(begins)
    assert len(name) <= 32 or not type.startswith("aws_lb")


def test_a_name_that_is_given_or_that_the_type_has_not_is_left_alone() -> None:
    assert name_given("aws_sqs_queue", "aws_sqs_queue.jobs", {"name": "jobs"}) is None
    assert name_given("aws_vpc", "aws_vpc.main", {}) is None
    assert name_given("aws_dynamodb_table", "aws_dynamodb_table.main", {}) is None
