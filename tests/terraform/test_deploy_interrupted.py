"""Deploys that are killed, stopped or two at once: the next one continues, nothing is made twice and no lock stays."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from groundsill.terraform.running import earlier_run
from groundsill.terraform.workspace import Workspace

from .deploy_support import BUCKET, Shop, client, running_api, wait_until
from .recovery_support import Quick, addresses, inventory, state_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = int(os.environ.get("GROUNDSILL_KILLS", "2"))
"""How many deploys are killed; 100 where there is time."""


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


def _tables(api: dict[str, str], shop: Shop) -> list[str]:
    names = client(api, "dynamodb").list_tables()["TableNames"]
    return sorted(name for name in names if name.startswith(f"{shop.name}-"))


def _locks(api: dict[str, str], shop: Shop) -> list[str]:
    found = client(api, "s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [item["Key"] for item in found if item["Key"] == f"{shop.name}/dev.tfstate.tflock"]


@dataclass(frozen=True)
class Whole:
    """A deploy that nobody disturbs: how long it takes and what there is afterwards."""

    seconds: float
    events: int
    addresses: list[str]
    inventory: Counter[str]


@pytest.fixture(scope="module")
def whole(api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Whole:
    shop = Quick(tmp_path_factory.mktemp("whole"), api, "whole")
    started = time.monotonic()
    shop.run("deploy", "--events", str(shop.folder / "events"))
    seconds, said = time.monotonic() - started, (shop.folder / "events").read_text()
    return Whole(seconds, said.count('"apply_start"') + said.count('"apply_complete"'),
                 addresses(state_of(api, shop.name)), inventory(api, shop.name))


@pytest.mark.parametrize("number", range(KILLS))
def test_a_deploy_killed_anywhere_is_continued_by_the_next(
    api: dict[str, str], whole: Whole, tmp_path: Path, number: int,
) -> None:
    """The command alone is killed, or its Terraform with it; then the same command is run again.

    One in three is killed after a random time, the others when a random number of resources is begun or made: so much the
    greater part of a deploy is its start.
    """
    shop = Quick(tmp_path / "shop", api, f"killed{number}")
    process = shop.start("deploy")
    dice = random.Random(number)
    wait = dice.uniform(0.2, whole.seconds) if number % 3 == 0 else 280.0
    progress = -1 if number % 3 == 0 else dice.randrange(whole.events)
    ended = _ends_within(process, wait, shop.terraform / "events.jsonl", progress)
    terraform = earlier_run(shop.terraform) if number % 2 else None
    process.send_signal(signal.SIGKILL)
    if terraform is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(terraform, signal.SIGKILL)
    process.communicate(timeout=60)
    step = "end" if ended else Workspace(shop.terraform, shop.folder, "dev").journal().get("step", "begin")
    again = shop.run("deploy", code=None)
    if again.returncode != 0:  # there may be no state to compare
        _report(number=number, step=step, with_terraform=terraform is not None, converged=False, said=again.stderr)
    assert again.returncode == 0, again.stderr
    found, there = addresses(state_of(api, shop.name)), inventory(api, shop.name)
    _report(number=number, after=progress if progress >= 0 else f"{wait:.1f} s", step=step, with_terraform=terraform is not None,
            taken_over=again.stderr.count("Taking over "), lock_freed="Took away the lock" in again.stderr,
            converged=(found, there) == (whole.addresses, whole.inventory))
    assert found == whole.addresses
    assert there == whole.inventory
    assert not _locks(api, shop)
    assert not (shop.terraform / "journal.json").exists() and not (shop.terraform / "events.jsonl").exists()
    if number % 10 == 0:
        assert shop.json("plan")["changes"] is False


def _ends_within(process: subprocess.Popen[str], seconds: float, events: Path, progress: int) -> bool:
    """Whether a deploy comes to its end before the time is over and before so many resources are begun or made."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return True
        said = events.read_text() if progress >= 0 and events.is_file() else ""
        if said and said.count('"apply_start"') + said.count('"apply_complete"') >= progress:
            return False
        time.sleep(0.01)
    return False


def _report(**facts: Any) -> None:
    """A line for each killed deploy, where a file was named for it."""
    name = os.environ.get("GROUNDSILL_KILLS_REPORT")
    if name:
        with Path(name).open("a") as file:
            file.write(json.dumps(facts) + "\n")


def test_the_lock_that_a_killed_deploy_left_with_its_terraform_is_freed(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "powerless")
    process = shop.start("deploy")
    wait_until(lambda: _locks(api, shop) or process.poll() is not None)
    terraform = wait_until(lambda: earlier_run(shop.terraform))
    process.send_signal(signal.SIGKILL)
    os.killpg(terraform, signal.SIGKILL)
    process.communicate(timeout=60)
    assert _locks(api, shop)
    locked = shop.json("state", "unlock", code=1)["lock"]
    assert locked["who"] and locked["since"]
    again = shop.run("deploy")
    assert "Took away the lock that a killed command of this machine had left: held by " in again.stderr
    assert len(_tables(api, shop)) == 1 and not _locks(api, shop)


def test_of_two_deploys_at_once_the_second_says_who_holds_the_lock(api: dict[str, str], tmp_path: Path) -> None:
    first, second = Shop(tmp_path / "one", api, "twice"), Shop(tmp_path / "two", api, "twice")
    going = first.start("deploy")
    wait_until(lambda: _locks(api, first) or going.poll() is not None)
    terraform = wait_until(lambda: earlier_run(first.terraform))
    os.kill(terraform, signal.SIGSTOP)  # it holds the lock for as long as is wanted
    try:
        held = json.loads(client(api, "s3").get_object(Bucket=BUCKET, Key="twice/dev.tfstate.tflock")["Body"].read())
        error = second.json("deploy", code=1)["diagnostics"][0]
        assert error["code"] == "GS3011"
        assert f"held by {held['Who']}" in error["detail"] and held["Created"][:10] in error["detail"]
        assert f"state unlock --lock {held['ID']}" in error["mend"]
        same = first.json("deploy", code=1)["diagnostics"][0]
        assert same["code"] == "GS3011" and f"(process {going.pid}) for deploy, since" in same["detail"]
        assert _locks(api, first)
    finally:
        os.kill(terraform, signal.SIGCONT)
    out, errors = going.communicate(timeout=280)
    assert going.returncode == 0, out + errors
    assert len(_tables(api, first)) == 1 and not _locks(api, first)


@pytest.mark.requirement("IU-T01")
def test_the_lock_of_somebody_elsewhere_is_never_taken_away(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "elsewhere")
    lock = {"ID": "0f0e0d0c-0000-4000-8000-000000000001", "Operation": "OperationTypeApply", "Info": "", "Who": "ana@laptop",
            "Version": "1.11.4", "Created": "2026-01-02T03:04:05.678Z", "Path": f"{BUCKET}/elsewhere/dev.tfstate"}
    client(api, "s3").put_object(Bucket=BUCKET, Key="elsewhere/dev.tfstate.tflock", Body=json.dumps(lock).encode())
    shop.terraform.mkdir(parents=True)
    (shop.terraform / "died").write_text(f"{datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()}\n")
    error = shop.json("deploy", code=1)["diagnostics"][0]
    assert error["code"] == "GS3011" and "ana@laptop" in error["detail"] and "2026-01-02 03:04:05" in error["detail"]
    assert _locks(api, shop)
    shop.run("state", "unlock", "--lock", lock["ID"])
    assert not _locks(api, shop)


def test_ctrl_c_stops_in_good_order_and_says_how_to_continue(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api, "stopped")
    process = shop.start("deploy")
    wait_until(lambda: earlier_run(shop.terraform))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 130 and "`groundsill deploy` continues" in errors
    assert not _locks(api, shop) and earlier_run(shop.terraform) is None
    shop.run("deploy")
    assert len(_tables(api, shop)) == 1
