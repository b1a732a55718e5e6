"""From source to a running digest: the registry is made first, images are pushed only when their content has changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import BUCKET, Shop, client, running_api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Container, output

system = System("imaged", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    energy = Container("energy", context="app", command=("python", "-m", "app"))
    output("image", energy.image, "What runs")
'''
# In the place of Docker: what is pushed goes to the registry of the AWS API, as a real push would.
DOCKER = '''#!{python}
import json, os, sys
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "login":
    assert sys.stdin.read()
if sys.argv[1] == "push":
    import boto3
    uri, tag = sys.argv[2].rsplit(":", 1)
    manifest = json.dumps({{"schemaVersion": 2, "tag": tag}})
    boto3.client("ecr", region_name="us-east-1").put_image(
        repositoryName=uri.partition("/")[2], imageTag=tag, imageManifest=manifest)
'''


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        client(environment, "s3").create_bucket(Bucket=BUCKET)
        yield environment


@pytest.mark.requirement("OM-O05")
@pytest.mark.requirement("OM-O11")
@pytest.mark.requirement("OM-C18")
@pytest.mark.requirement("OM-C19")
def test_the_registry_is_made_first_and_an_image_is_pushed_only_when_it_has_changed(
    api: dict[str, str], tmp_path: Path,
) -> None:
    shop = Shop(tmp_path / "shop", api)
    (shop.folder / "system.py").write_text(SYSTEM)
    (shop.folder / "app").mkdir()
    (shop.folder / "app" / "Dockerfile").write_text("FROM scratch\n")
    programs, record = tmp_path / "programs", tmp_path / "calls"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER.format(python=sys.executable, record=str(record)))
    (programs / "docker").chmod(0o755)
    shop.environment["PATH"] = f"{programs}:{shop.environment['PATH']}"

    def pushed() -> list[str]:
        calls = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        return [call[1] for call in calls if call[0] == "push"]

    assert shop.json("plan", code=2)["images_to_build"] == ["energy"]
    refused = shop.json("plan", "--save", str(tmp_path / "plan"), code=1)["diagnostics"][0]
    assert refused["code"] == "GS3028" and not pushed()
    first = shop.json("deploy")
    assert len(first["applied"]) == 2 and len(pushed()) == 1
    assert [item["address"] for item in first["applied"][0]["resources"]] == ["aws_ecr_repository.energy"]
    assert first["outputs"]["image"].partition("@")[0] == pushed()[0].rpartition(":")[0]
    again = shop.json("deploy")
    assert not again["changed"] and len(pushed()) == 1
    (shop.folder / "app" / "main.py").write_text("print(1)\n")
    third = shop.json("deploy")
    assert len(pushed()) == 2 and third["outputs"]["image"] != first["outputs"]["image"]
    assert "login" in record.read_text() and "AWS:" not in record.read_text()
