"""Plan, deploy and destroy as commands: what they ask, what they refuse, their exit codes. A program stands in for Terraform."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shop

_TERRAFORM = '''#!{python}
import json, pathlib, sys
here = pathlib.Path({folder!r})
with (here / "calls").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
word = sys.argv[1]
if word == "version":
    print("Terraform v1.11.4")
elif word == "init":
    pathlib.Path(".terraform/providers").mkdir(parents=True, exist_ok=True)
    pathlib.Path(".terraform.lock.hcl").write_text("")
elif word == "plan":
    out = next(item for item in sys.argv if item.startswith("-out=")).removeprefix("-out=")
    pathlib.Path(out).write_text("plan")
elif word == "show":
    print((here / ("plan.json" if len(sys.argv) > 3 else "state.json")).read_text())
elif word == "apply":
    hook = {{"resource": {{"addr": "aws_sqs_queue.jobs"}}, "action": "create", "elapsed_seconds": 1}}
    print(json.dumps({{"type": "apply_complete", "hook": hook}}))
elif word == "output":
    print("{{}}")
elif sys.argv[1:3] == ["state", "list"]:
    pass
'''


class Deployable(Shop):
    """A shop with a program in the place of Terraform, whose plan a test writes."""

    def prepare(self, folder: Path) -> Deployable:
        self.fake = folder / "fake"
        self.fake.mkdir()
        program = self.fake / "terraform"
        program.write_text(_TERRAFORM.format(python=sys.executable, folder=str(self.fake)))
        program.chmod(0o755)
        self.environment["GROUNDSILL_TERRAFORM"] = str(program)
        # Nobody answers there, so whose credentials these are is not known, and the command goes on.
        self.environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "test",
                             "AWS_SECRET_ACCESS_KEY": "test"}
        (self.fake / "state.json").write_text("{}")
        self.plans()
        return self

    def plans(self, *changes: tuple[str, str, list[str]]) -> None:
        content = [{"address": f"{kind}.{name}", "type": kind, "change": {"actions": actions}} for kind, name, actions in changes]
        (self.fake / "plan.json").write_text(json.dumps({"resource_changes": content}))

    @property
    def applied(self) -> int:
        calls: list[list[Any]] = [json.loads(line) for line in (self.fake / "calls").read_text().splitlines()]
        return sum(call[0] == "apply" for call in calls)


@pytest.fixture
def deployable(shop: Shop, tmp_path: Path) -> Deployable:
    return Deployable(shop.folder).prepare(tmp_path)


_MADE = ("aws_sqs_queue", "jobs", ["create"])
_LOST = ("aws_dynamodb_table", "orders", ["delete", "create"])


def test_a_plan_says_by_its_exit_code_whether_anything_changes(deployable: Deployable) -> None:
    assert deployable.run("plan", "--local-state").returncode == 0
    deployable.plans(_MADE)
    done = deployable.run("plan")
    assert done.returncode == 2 and 'Queue("jobs")  system.py:11' in done.stdout
    assert deployable.json("plan", code=2)["counts"]["create"] == 1


def test_a_deploy_of_production_is_confirmed_or_refused(deployable: Deployable) -> None:
    deployable.plans(_MADE)
    refused = deployable.json("deploy", "--stage", "prod", "--local-state", code=1)["diagnostics"][0]
    assert refused["code"] == "GS3031" and "--yes" in refused["mend"] and deployable.applied == 0
    assert deployable.json("deploy", "--stage", "prod", "--yes")["actions"] == {"create": 1}
    assert deployable.applied == 1
    assert deployable.run("deploy", "--local-state").returncode == 0  # dev does not ask


def test_a_deploy_says_what_the_change_costs_before_it_asks(deployable: Deployable) -> None:
    deployable.plans(_MADE)
    refused = deployable.run("deploy", "--stage", "prod", "--local-state")
    assert refused.returncode == 1 and refused.stderr.index("Cost:") < refused.stderr.index("GS3031")
    planned = deployable.json("plan", "--local-state", code=2)["cost"]
    assert planned and deployable.json("deploy")["cost"] == planned
    (deployable.folder / "traffic.toml").write_text("[nothing.such]\nrequests = 'many'\n")
    deployable.plans(_MADE)
    done = deployable.run("deploy", "--local-state")
    assert done.returncode == 0 and "What the deploy costs is not shown:" in done.stderr and "Cost:" not in done.stderr


def test_yes_is_no_leave_to_lose_data(deployable: Deployable) -> None:
    deployable.plans(_LOST, _MADE)
    for wrong in ((), ("--allow-data-loss", "aws_dynamodb_table.other")):
        found = deployable.json("deploy", "--local-state", "--yes", *wrong, code=1)["diagnostics"][0]
        assert found["code"] == "GS3030" and found["subject"] == 'Table("orders")' and found["line"] == 10
    assert deployable.applied == 0
    deployable.json("deploy", "--allow-data-loss", "aws_dynamodb_table.orders")
    assert deployable.applied == 1


def test_a_destroy_is_confirmed_by_the_name_of_system_and_stage(deployable: Deployable) -> None:
    deployable.plans(("aws_sqs_queue", "jobs", ["delete"]))
    for options in ((), ("--confirm", "shop/prod")):
        assert deployable.json("destroy", "--local-state", *options, code=1)["diagnostics"][0]["code"] == "GS3031"
    assert deployable.applied == 0
    assert deployable.json("destroy", "--confirm", "shop/dev")["left"] == []


def test_a_plan_of_another_stage_is_not_applied(deployable: Deployable, tmp_path: Path) -> None:
    import zipfile

    plan = tmp_path / "saved"
    with zipfile.ZipFile(plan, "w") as archive:
        archive.writestr("groundsill.json", json.dumps({"system": "shop", "stage": "prod", "state": "this machine alone"}))
    found = deployable.json("deploy", "--local-state", "--plan", str(plan), code=1)["diagnostics"][0]
    assert found["code"] == "GS3015" and "stage prod, not dev" in found["detail"] and deployable.applied == 0


@pytest.mark.parametrize("command", [("plan",), ("deploy",), ("destroy",), ("state", "list")])
def test_without_terraform_or_a_place_for_the_state_each_command_says_so(shop: Shop, command: tuple[str, ...]) -> None:
    shop.environment["GROUNDSILL_TERRAFORM"] = "no-such-program"
    found = shop.json(*command, "--local-state", code=1)["diagnostics"][0]
    assert found["code"] == "GS3003" and "opentofu" in found["mend"]
    shop.environment.pop("GROUNDSILL_TERRAFORM")
    shop.environment["PATH"] = str(shop.folder)
    assert shop.json(*command, "--local-state", code=1)["diagnostics"][0]["code"] == "GS3001"


def test_no_place_for_the_state_is_told_with_both_ways_out(deployable: Deployable) -> None:
    found = deployable.json("plan", code=1)["diagnostics"][0]
    assert found["code"] == "GS3022" and "bootstrap" in found["mend"] and "--local-state" in found["mend"]
