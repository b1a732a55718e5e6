"""What a destroy could not take away is reported with its reason: to people, and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import Graph, Resource
from groundsill.terraform.events import Problem
from groundsill.terraform.leftovers import leftovers, retained

from .deploy_support import BUCKET, Shop, client, running_api

DEFINITION = '''
from groundsill import Stage, System, aws
from groundsill.components import Key, Table

system = System("{name}", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    news = aws.sns_topic("news", name="{name}-news")
    aws.s3_bucket("files", bucket="{name}-files", depends_on=[news])
    Table("orders", key="Id")
    Key("secrets", deletion_window=7)
'''


class Full(Shop):
    """A bucket that needs a topic, a table and a key."""

    def define(self, table: str = "", more: str = "") -> None:
        (self.folder / "system.py").write_text(DEFINITION.format(name=self.name))


def _state(*resources: tuple[str, dict[str, Any], list[str]]) -> dict[str, Any]:
    return {"resources": [
        {"mode": "managed", "type": address.partition(".")[0], "name": address.partition(".")[2],
         "instances": [{"attributes": values, "dependencies": needs}]} for address, values, needs in resources]}


def test_what_was_refused_comes_first_then_what_waits_for_it_then_what_was_never_tried() -> None:
    graph = Graph("shop", "dev")
    graph.add(Resource("aws_vpc", "main", {}, subject='Network("main")'))
    state = _state(("aws_sns_topic.news", {"id": "arn"}, []), ("aws_vpc.main", {"id": "vpc-1"}, []),
                   ("aws_subnet.a", {"id": "subnet-1"}, ["aws_vpc.main"]))
    answer = Problem("deleting EC2 Subnet (subnet-1)", "DependencyViolation: has dependencies", address="aws_subnet.a")
    found = leftovers(state, graph, [answer])
    assert [(item.address, item.resource_id, item.blocked_by) for item in found] == [
        ("aws_subnet.a", "subnet-1", ""), ("aws_sns_topic.news", "arn", ""), ("aws_vpc.main", "vpc-1", "aws_subnet.a")]
    assert "something else uses it" in found[0].why and "DependencyViolation" in found[0].answer and found[0].mend
    assert found[1].why == "its turn did not come" and found[2].subject == 'Network("main")'


@pytest.mark.parametrize(("address", "values", "words"), [
    ("aws_kms_key.a", {"deletion_window_in_days": 7}, "7 days"),
    ("aws_secretsmanager_secret.a", {"recovery_window_in_days": 30}, "its name is taken"),
    ("aws_secretsmanager_secret.a", {"recovery_window_in_days": 0}, None),
    ("aws_db_instance.a", {"skip_final_snapshot": False, "final_snapshot_identifier": "shop-final"}, "shop-final"),
    ("aws_db_instance.a", {"skip_final_snapshot": True}, None),
    ("aws_cloudwatch_log_group.a", {"name": "/shop", "skip_destroy": True}, "/shop"),
])
def test_what_aws_keeps_of_a_destroyed_resource_is_told(address: str, values: dict[str, Any], words: str | None) -> None:
    found = retained(_state((address, values, [])), [address, "aws_vpc.other"])
    assert words in found[0].what if words else not found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.requirement("OM-O13")
def test_a_destroy_tells_what_is_left_and_why_and_comes_to_its_end_once_that_is_mended(
    terraform: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_api(tmp_path_factory.mktemp("aws")) as api:
        objects = client(api, "s3")
        objects.create_bucket(Bucket=BUCKET)
        shop = Full(tmp_path / "shop", api, "full")
        shop.run("deploy")
        objects.put_object(Bucket="full-files", Key="photo", Body=b"1")
        # Somebody protects the table after the last deploy, so the state does not say so.
        client(api, "dynamodb").update_table(TableName="full-dev-orders", DeletionProtectionEnabled=True)

        stopped = shop.json("destroy", "--confirm", "full/dev", code=1)
        assert {item["code"]: item["subject"] for item in stopped["diagnostics"]} == {
            "GS3021": 'Table("orders")', "GS3036": 'aws.s3_bucket("files")'}
        assert "aws_kms_key.secrets" in stopped["destroyed"]
        assert [item["address"] for item in stopped["retained"]] == ["aws_kms_key.secrets"]
        left = {item["address"]: item for item in stopped["left"]}
        assert list(left) == ["aws_dynamodb_table.orders", "aws_s3_bucket.files", "aws_sns_topic.news"]
        assert left["aws_s3_bucket.files"]["id"] == "full-files" and "--empty" in left["aws_s3_bucket.files"]["mend"]
        assert "BucketNotEmpty" in left["aws_s3_bucket.files"]["answer"]
        assert "protected" in left["aws_dynamodb_table.orders"]["why"]
        assert left["aws_dynamodb_table.orders"]["file"] == "system.py" and left["aws_dynamodb_table.orders"]["line"]
        assert left["aws_sns_topic.news"]["blocked_by"] == "aws_s3_bucket.files"

        told = shop.run("destroy", "--unprotect", "--confirm", "full/dev", code=1).stderr
        assert "error[GS3036]" in told and "Still there (2):" in told
        assert "aws_s3_bucket.files needs it and is still there" in told and "`groundsill destroy` continues" in told

        done = shop.json("destroy", "--empty", "--confirm", "full/dev")
        assert sorted(done["destroyed"]) == ["aws_s3_bucket.files", "aws_sns_topic.news"] and done["left"] == []
        assert [item["Name"] for item in objects.list_buckets()["Buckets"]] == [BUCKET]
