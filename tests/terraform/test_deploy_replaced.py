"""A replacement that is killed halfway: the next deploy finishes it, and neither the old nor the new one stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from groundsill.terraform.running import earlier_run

from .deploy_support import BUCKET, Shop, client, running_api, wait_until
from .gate import Gate, gate
from .recovery_support import addresses, state_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
DEFINITION = '''
from groundsill import Stage, System, aws
from groundsill.components import Table
from groundsill.definition.component import Component

system = System("{name}", region="us-east-1")


class Door(Component):
    """A group that AWS cannot change, so that another description makes another one first; and what refers to it."""

    def __init__(self, component: str, words: str) -> None:
        super().__init__(component)
        group = aws.security_group(self.terraform_name(), name_prefix="{name}-", description=words,
                                   lifecycle=aws.Lifecycle(create_before_destroy=True))
        aws.vpc_security_group_ingress_rule(self.terraform_name("office"), security_group_id=group["id"],
                                            ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8")


@system.define
def define(stage: Stage) -> None:
    Door("door", "{words}")
    Table("orders", key="{key}")
'''
GROUP = "aws_security_group.door"


class Door(Shop):
    """A security group whose replacement is made first, a rule in it, and a table whose replacement is made last."""

    def define(self, table: str = "Id", more: str = "door one") -> None:
        (self.folder / "system.py").write_text(DEFINITION.format(name=self.name, key=table, words=more))


@dataclass
class Halfway:
    """A deployed system, and deploys of it that are killed at a certain call."""

    shop: Door
    api: dict[str, str]
    gate: Gate

    def killed_at(self, words: str, *, answered: bool = False) -> None:
        """Deploy, and kill the command and its Terraform when they make a call, with no state written since they began."""
        self.gate.hold(words, answered=answered)
        process = self.shop.start("deploy", "--allow-data-loss", "aws_dynamodb_table.orders",
                                  TF_STATE_PERSIST_INTERVAL="3600")
        wait_until(lambda: self.gate.reached.is_set() or process.poll() is not None)
        terraform = earlier_run(self.shop.terraform)
        process.send_signal(signal.SIGKILL)
        assert terraform is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(terraform, signal.SIGKILL)
        out, errors = process.communicate(timeout=60)
        assert self.gate.reached.is_set(), out + errors

    def groups(self) -> dict[str, str]:
        """Description of each group that there is of the system, by identifier."""
        ours = [{"Name": "tag:System", "Values": [self.shop.name]}]
        found = client(self.api, "ec2").describe_security_groups(Filters=ours)["SecurityGroups"]
        return {item["GroupId"]: item["Description"] for item in found}

    def rules(self) -> set[str]:
        """The groups that have a rule."""
        found = client(self.api, "ec2").describe_security_group_rules()["SecurityGroupRules"]
        return {item["GroupId"] for item in found if item.get("FromPort") == 443}

    def table_key(self) -> str:
        """The key of the table that there is."""
        found: Any = client(self.api, "dynamodb").describe_table(TableName=f"{self.shop.name}-dev-orders")
        return found["Table"]["KeySchema"][0]["AttributeName"]


@pytest.fixture(scope="module")
def deployed(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halfway]:
    with running_api(tmp_path_factory.mktemp("aws")) as api, gate(api) as (held, through):
        client(api, "s3").create_bucket(Bucket=BUCKET)
        shop = Door(tmp_path_factory.mktemp("shop"), through, "door")
        shop.run("deploy")
        yield Halfway(shop, api, held)


@pytest.fixture
def halfway(deployed: Halfway) -> Iterator[Halfway]:
    yield deployed
    # One test's failure is not the next one's.
    (deployed.shop.terraform / "events.jsonl").unlink(missing_ok=True)


def _is_whole(halfway: Halfway, words: str) -> None:
    (group,) = halfway.groups().items()
    assert group[1] == words and halfway.rules() == {group[0]}
    state = state_of(halfway.api, halfway.shop.name)
    assert addresses(state) == ["aws_dynamodb_table.orders", GROUP, "aws_vpc_security_group_ingress_rule.door_office"]
    (instance,) = next(item for item in state["resources"] if item["type"] == "aws_security_group")["instances"]
    assert instance["attributes"]["id"] == group[0] and "deposed" not in instance
    assert not (halfway.shop.terraform / "events.jsonl").exists()


def test_the_new_one_is_taken_over_and_the_old_one_goes_where_only_the_new_one_was_made(halfway: Halfway) -> None:
    (old,) = halfway.groups()
    halfway.shop.define(more="door two")
    halfway.killed_at("Action=DeleteSecurityGroup")
    (new,) = halfway.groups().keys() - {old}
    done = halfway.shop.run("deploy")
    assert f"Taking over {GROUP}, which the interrupted deploy has made: {new}" in done.stderr
    assert list(halfway.groups()) == [new]
    _is_whole(halfway, "door two")


def test_the_new_one_is_found_by_its_tags_where_nobody_saw_it_made(halfway: Halfway) -> None:
    (old,) = halfway.groups()
    halfway.shop.define(more="door three")
    halfway.killed_at("Action=CreateSecurityGroup", answered=True)
    (new,) = halfway.groups().keys() - {old}
    halfway.shop.run("deploy")
    assert list(halfway.groups()) == [new]
    _is_whole(halfway, "door three")


def test_the_new_one_is_taken_over_where_the_old_one_is_gone_already(halfway: Halfway) -> None:
    halfway.shop.define(more="door four")
    halfway.killed_at("Action=DeleteSecurityGroup", answered=True)
    (new,) = halfway.groups()
    halfway.shop.run("deploy")
    assert list(halfway.groups()) == [new]
    _is_whole(halfway, "door four")


def test_the_old_one_stays_and_the_new_one_goes_where_the_change_was_taken_back_meanwhile(halfway: Halfway) -> None:
    (old,) = halfway.groups().items()
    halfway.shop.define(more="door five")
    halfway.killed_at("Action=DeleteSecurityGroup")
    halfway.shop.define(more=old[1])
    halfway.shop.run("deploy")
    assert list(halfway.groups()) == [old[0]]
    _is_whole(halfway, old[1])


@pytest.mark.parametrize(("key", "answered"), [("Other", False), ("Third", True)], ids=["before the new one", "after it"])
def test_a_replacement_that_destroys_first_is_finished(halfway: Halfway, key: str, answered: bool) -> None:
    (group,) = halfway.groups().values()
    halfway.shop.define(key, group)
    halfway.killed_at("CreateTable", answered=answered)
    halfway.shop.run("deploy")
    assert halfway.table_key() == key
    _is_whole(halfway, group)
