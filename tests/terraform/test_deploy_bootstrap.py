"""The bucket for states, made and found again by real Terraform; and states that cannot be read or reached."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import Shop, client, running_api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
_PATH_STYLE = '{"provider":{"aws":[{"s3_use_path_style":true}]}}'


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        yield environment


@pytest.mark.requirement("OM-C17")
def test_bootstrap_makes_the_bucket_once_and_finds_it_from_anywhere(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api)
    (shop.folder / "state.toml").write_text(
        '[dev]\nbucket = "my-states"\nregion = "us-east-1"\nuse_path_style = true\n')
    folder = shop.folder / ".groundsill" / ".bootstrap-us-east-1" / "terraform"
    for place in (folder, folder / "account"):
        place.mkdir(parents=True)
        (place / "override.tf.json").write_text(_PATH_STYLE)
    refused = shop.json("bootstrap", "--stage", "dev", code=1)["diagnostics"][0]
    assert refused["code"] == "GS3031"
    made = shop.json("bootstrap", "--stage", "dev", "--yes")
    assert (made["bucket"], made["account"], made["changed"]) == ("my-states", "000000000000", True)
    buckets = client(api, "s3")
    assert buckets.get_bucket_versioning(Bucket="my-states")["Status"] == "Enabled"
    assert all(buckets.get_public_access_block(Bucket="my-states")["PublicAccessBlockConfiguration"].values())
    recorded = buckets.get_bucket_logging(Bucket="my-states")["LoggingEnabled"]
    assert (recorded["TargetBucket"], recorded["TargetPrefix"]) == ("my-states-logs", "state/")
    assert [item["Key"] for item in buckets.list_objects_v2(Bucket="my-states")["Contents"]] == ["groundsill/bootstrap.tfstate"]
    for place in (folder, folder / "account"):  # as on another machine
        shutil.rmtree(place / ".terraform")
    assert not list(folder.glob("terraform.tfstate*"))
    again = shop.json("bootstrap", "--stage", "dev", "--yes")
    assert (again["bucket"], again["changed"]) == ("my-states", False)


def test_a_corrupt_state_and_one_that_cannot_be_reached_are_one_clear_error_each(
    api: dict[str, str], tmp_path: Path,
) -> None:
    shop = Shop(tmp_path / "shop", api, "broken")
    (shop.folder / "state.toml").unlink()
    shop.run("plan", "--local-state", code=2)
    state = shop.terraform / "terraform.tfstate"
    state.write_text('{"version": 4, "resources": [')
    before = state.read_bytes()
    corrupt = shop.json("deploy", code=1)["diagnostics"]
    assert [item["code"] for item in corrupt] == ["GS3005"], corrupt
    assert state.read_bytes() == before
    state.unlink()
    (shop.terraform / "local-state").unlink()
    (shop.folder / "state.toml").write_text(
        '[default]\nbucket = "b"\nregion = "us-east-1"\nuse_path_style = true\nmax_retries = 0\n'
        'endpoints = { s3 = "http://127.0.0.1:1" }\n')
    unreachable = shop.json("plan", code=1)["diagnostics"]
    assert [item["code"] for item in unreachable] == ["GS3006"], unreachable
    (shop.folder / "state.toml").write_text(
        '[default]\nbucket = "never-made"\nregion = "us-east-1"\nuse_path_style = true\nmax_retries = 0\n')
    absent = shop.json("plan", code=1)["diagnostics"]
    assert [item["code"] for item in absent] == ["GS3018"], absent
