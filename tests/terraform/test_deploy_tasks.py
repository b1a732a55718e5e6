"""Migrations that are a task: run in their place in a deploy, once, shown while they run, judged by their exit code, followed.

The AWS API of this machine starts no container. What it would do is answered before it (`ecs_tasks`): these tests show what a
deploy asks of ECS and makes of its answers, not that an image runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundsill.terraform.running import earlier_run

from .deploy_support import BUCKET, Shop, client, running_api, wait_until
from .ecs_tasks import Tasks, tasks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Cluster, Container, Migration, Network, Service, Table, Task

system = System("{name}", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    store = Table("store", key="Id")
    network = Network("main", nat=0, endpoints=[])
    cluster = Cluster("cluster")
    image = Container("image", command=("python", "-m", "app"))
    api = Service("api", image, network.public, cluster=cluster, port=8080, uses=[store.read])
    migrate = Task("migrate", image, network.public, cluster=cluster, command=("python", "-m", "app.migrate"),
                   uses=[store.read_write])
    Migration("schema", migrate, before=[api])
    {more}
'''


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


@pytest.fixture
def ecs(api: dict[str, str]) -> Iterator[tuple[Tasks, dict[str, str]]]:
    with tasks(api) as found:
        yield found


class Web(Shop):
    """A service that waits for a migration, and images that are pushed already."""

    def __init__(self, folder: Path, api: dict[str, str], name: str, more: str = "") -> None:
        self.more = more
        super().__init__(folder, api, name)

    def define(self, table: str = "", more: str = "") -> None:
        (self.folder / "system.py").write_text(SYSTEM.format(name=self.name, more=self.more))

    def image(self, digest: str) -> tuple[str, str]:
        return "--image", f"image=000000000000.dkr.ecr.us-east-1.amazonaws.com/{self.name}@sha256:{digest * 16}"


def _running(api: dict[str, str], name: str) -> str:
    """End of the digest of the image that the service has; empty where there is no service."""
    ecs = client(api, "ecs")
    found = ecs.describe_services(cluster=f"{name}-dev-cluster", services=[f"{name}-dev-api"])["services"]
    if not found or found[0]["status"] == "INACTIVE":
        return ""
    definition = ecs.describe_task_definition(taskDefinition=found[0]["taskDefinition"])["taskDefinition"]
    return definition["containerDefinitions"][0]["image"][-4:]


def _error(answer: dict[str, Any]) -> dict[str, Any]:
    return next(item for item in answer["diagnostics"] if item["code"].startswith("GS304"))


@pytest.mark.requirement("PA-B15")
def test_a_task_runs_before_the_service_once_for_an_image_and_stops_what_waits_where_it_fails(
    ecs: tuple[Tasks, dict[str, str]], tmp_path: Path,
) -> None:
    at, environment = ecs
    shop = Web(tmp_path / "shop", environment, "pages")
    plan = shop.json("plan", *shop.image("000a"), code=2)
    assert [group["component"] for group in plan["migrations"]] == ["schema"]
    assert "1 migration to run" in shop.run("plan", *shop.image("000a"), code=2).stdout

    # The first deploy: there is no service yet when it runs, and what it logs is shown while it runs.
    said = shop.run("deploy", *shop.image("000a")).stderr
    assert [run.image[-4:] for run in at.runs] == ["000a"] and at.runs[0].service_was == []
    assert "schema | migrating with 000a" in said and "schema | done" in said and "Executing" not in said
    assert _running(at.api, shop.name) == "000a"
    asked = at.runs[0].asked["networkConfiguration"]["awsvpcConfiguration"]
    assert asked["assignPublicIp"] == "ENABLED" and len(asked["subnets"]) == 2 and len(asked["securityGroups"]) == 1

    # Nothing has changed, so nothing runs; a new image runs again, while the service has its old one.
    assert not shop.json("deploy", *shop.image("000a"))["changed"]
    assert len(at.runs) == 1
    shop.run("deploy", *shop.image("000b"))
    assert [run.image[-4:] for run in at.runs] == ["000a", "000b"] and _running(at.api, shop.name) == "000b"

    # Exit code 1: the log is in the error, and the service stays as it was; the next deploy runs it again.
    at.exit_codes = {"000c": 1}
    failed = _error(shop.json("deploy", *shop.image("000c"), code=1))
    assert failed["code"] == "GS3040" and "exit code 1" in failed["detail"] and "no such column: price" in failed["detail"]
    assert "mend it" in failed["mend"] and failed["subject"] == 'Migration("schema")'
    assert _running(at.api, shop.name) == "000b"
    at.exit_codes = {}
    shop.run("deploy", *shop.image("000c"))
    assert [run.image[-4:] for run in at.runs] == ["000a", "000b", "000c", "000c"] and _running(at.api, shop.name) == "000c"
    assert not shop.json("deploy", *shop.image("000c"))["changed"]


def test_a_deploy_killed_during_a_run_follows_the_task_and_starts_no_other(
    ecs: tuple[Tasks, dict[str, str]], tmp_path: Path,
) -> None:
    at, environment = ecs
    # A table that is made meanwhile has Terraform write its state, with the run in it as if it were done.
    shop = Web(tmp_path / "shop", environment, "cellar", 'Table("other", key="Id")')
    at.slow_call = "cellar-dev-other"  # named first when it is created
    at.held.set()
    process = shop.start("deploy", *shop.image("000a"))
    s3 = client(at.api, "s3")

    def kept() -> list[dict[str, Any]]:
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(s3.exceptions.NoSuchKey):
            state = json.load(s3.get_object(Bucket=BUCKET, Key="cellar/dev.tfstate")["Body"])
            return [item for run in state["resources"] if run["type"] == "terraform_data" for item in run["instances"]]
        return []

    (run,) = wait_until(kept, 180)
    assert "status" not in run, "it is not tainted: by the state alone nothing would be left to do"
    terraform = earlier_run(shop.terraform)
    assert terraform is not None
    process.send_signal(signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(terraform, signal.SIGKILL)
    process.communicate(timeout=60)
    assert len(at.going) == 1 and not _running(at.api, shop.name)

    # By the state alone a plan leaves the run out: one that was saved then would roll the service out without it.
    saved = str(tmp_path / "saved")
    shop.run("plan", *shop.image("000a"), "--save", saved, code=2)
    refused = shop.run("deploy", "--plan", saved, code=1)
    assert "GS3015" in refused.stderr and "the plan leaves it out" in refused.stderr and not _running(at.api, shop.name)

    again = shop.start("deploy", *shop.image("000a"))
    looks = at.runs[0].looks
    wait_until(lambda: at.runs[0].looks > looks + 2 or again.poll() is not None, 180)
    assert again.poll() is None and not _running(at.api, shop.name)
    at.held.clear()
    out, errors = again.communicate(timeout=180)
    assert again.returncode == 0, out + errors
    assert len(at.runs) == 1 and "an earlier deploy has started: it is followed" in errors
    assert "schema | done" in errors and _running(at.api, shop.name) == "000a"
    assert not shop.json("deploy", *shop.image("000a"))["changed"] and len(at.runs) == 1


def test_terraform_alone_fails_with_a_clear_message_where_groundsill_is_not_on_the_path(
    ecs: tuple[Tasks, dict[str, str]], tmp_path: Path,
) -> None:
    at, environment = ecs
    shop = Web(tmp_path / "shop", environment, "alone")
    shop.run("plan", *shop.image("000a"), code=2)
    terraform = shutil.which("terraform")
    assert terraform is not None
    bare = tmp_path / "bin"
    bare.mkdir()
    alone = {**shop.environment, "PATH": str(bare), "TF_VAR_image_image": shop.image("000a")[1].removeprefix("image="),
             "TF_CLI_CONFIG_FILE": str(shop.terraform / "cli.tfrc")}
    done = subprocess.run([terraform, "apply", "-auto-approve", "-input=false", "-no-color"], cwd=shop.terraform, env=alone,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1 and '"groundsill": executable file not found' in done.stderr
    assert not at.runs and not _running(at.api, shop.name)
    # The next deploy, which brings the command along, goes on where that stopped.
    shop.run("deploy", *shop.image("000a"))
    assert len(at.runs) == 1 and _running(at.api, shop.name) == "000a"
