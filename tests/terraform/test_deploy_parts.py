"""What a deploy is made of: packages, images, the place of the state, renames, front doors."""

from __future__ import annotations

import http.server
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage, System
from groundsill.components import Queue, Table
from groundsill.graph.artifact import ContainerImage, FunctionPackage
from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.backend import Backend, find_backend, write_state_file
from groundsill.terraform.bootstrap import Wish, check, configuration
from groundsill.terraform.destroy import lift, obstacles
from groundsill.terraform.health import check as check_doors
from groundsill.terraform.images import content_tag, given_images
from groundsill.terraform.packages import build_package, build_packages, package_path
from groundsill.terraform.workspace import Workspace


def _package(folder: Path, **changes: Any) -> FunctionPackage:
    (folder / "functions" / "__pycache__").mkdir(parents=True, exist_ok=True)
    (folder / "functions" / "a.py").write_text("def save(event, context): return 1\n")
    (folder / "functions" / "__pycache__" / "a.pyc").write_bytes(b"no")
    given = {"name": "save", "source": folder, "include": ("functions",), "requirements": None, "runtime": "python3.13",
             "architecture": "arm64", "address": "aws_lambda_function.save"}
    return FunctionPackage(**{**given, **changes})


@pytest.mark.requirement("OM-O10")
def test_a_package_has_the_same_bytes_wherever_it_is_built(tmp_path: Path) -> None:
    found: list[bytes] = []
    for name in ("one", "two"):
        package = _package(tmp_path / name)
        path = package_path(package, tmp_path / f"{name}-out")
        build_package(package, path)
        found.append(path.read_bytes())
        assert zipfile.ZipFile(path).namelist() == ["functions/a.py"]
    assert found[0] == found[1]


@pytest.mark.requirement("OM-O10")
def test_a_package_is_built_again_only_when_its_content_has_changed(tmp_path: Path) -> None:
    graph = Graph("shop", "dev")
    graph.add_artifact(_package(tmp_path))
    built: list[bool] = []
    for text in ("1", "1", "2"):
        (tmp_path / "functions" / "a.py").write_text(text)
        build_packages(graph, tmp_path / "out", on_package=lambda _, there: built.append(not there))
    assert built == [True, False, True]


def test_requirements_that_do_not_exist_are_an_error_and_leave_no_half_package(tmp_path: Path) -> None:
    package = _package(tmp_path, requirements=tmp_path / "absent.txt")
    with pytest.raises(GroundsillError, match="GS3024"):
        build_package(package, tmp_path / "out" / "x.zip")
    assert not list((tmp_path / "out").iterdir())


def _image(folder: Path) -> ContainerImage:
    return ContainerImage("energy", folder, "Dockerfile", ("run",), "linux/arm64", "aws_ecr_repository.energy", "energy_image")


@pytest.mark.requirement("OM-O11")
def test_the_tag_of_an_image_follows_from_what_the_build_sees(tmp_path: Path) -> None:
    for name, text in {"Dockerfile": "FROM x", ".dockerignore": "*.log\n!keep.log\ndata/**\n", "app.py": "1"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    first = content_tag(_image(tmp_path))
    for unseen in ("debug.log", "data/deep/x", "__pycache__/a.pyc"):
        (tmp_path / unseen).parent.mkdir(exist_ok=True)
        (tmp_path / unseen).write_text("other")
        assert content_tag(_image(tmp_path)) == first, unseen
    for seen in ("keep.log", "sub.py", "Dockerfile"):
        before = content_tag(_image(tmp_path))
        (tmp_path / seen).write_text("other")
        assert content_tag(_image(tmp_path)) != before, seen


def test_an_image_is_named_by_its_digest_or_refused(tmp_path: Path) -> None:
    graph = Graph("shop", "dev")
    graph.add_artifact(_image(tmp_path))
    uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/energy@sha256:" + "a" * 64
    assert given_images([f"energy={uri}"], graph) == {"energy_image": uri}
    for wrong in ("energy=repo:latest", f"other={uri}", "energy"):
        with pytest.raises(GroundsillError, match="GS3028"):
            given_images([wrong], graph)


@pytest.mark.requirement("OM-C17")
def test_a_state_has_no_place_until_one_is_named(tmp_path: Path) -> None:
    directory = tmp_path / ".groundsill" / "dev" / "terraform"
    with pytest.raises(GroundsillError, match="groundsill bootstrap"):
        find_backend(tmp_path, "shop", "dev", directory)
    assert find_backend(tmp_path, "shop", "dev", directory, local=True) == Backend()
    assert find_backend(tmp_path, "shop", "dev", directory) == Backend()  # remembered
    (directory / "terraform.tfstate").write_text('{"resources": [{}]}')
    write_state_file(tmp_path, "default", {"bucket": "states", "region": "us-east-1"})
    with pytest.raises(GroundsillError, match="state move"):
        find_backend(tmp_path, "shop", "dev", directory)
    (directory / "terraform.tfstate").unlink()
    found = find_backend(tmp_path, "shop", "dev", directory).s3
    assert found == {"bucket": "states", "region": "us-east-1", "key": "shop/dev.tfstate", "encrypt": True,
                     "use_lockfile": True}


@pytest.mark.parametrize("text", ["[default", "default = 1", "[default]\nregion = 'x'", "[default]\nbucket = 'b'",
                                  "[default]\nbucket='b'\nregion='r'\nsecret_key='s'"])
def test_a_state_file_that_does_not_fit_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.toml").write_text(text)
    with pytest.raises(GroundsillError, match="GS3023"):
        find_backend(tmp_path, "shop", "dev", tmp_path / "w")


def test_two_commands_cannot_work_on_one_stage_at_once(tmp_path: Path) -> None:
    space = Workspace(tmp_path / ".groundsill" / "dev" / "terraform", tmp_path, "dev")
    with space.held("deploy"), pytest.raises(GroundsillError, match=r"for deploy, since .* \(0 s ago\)"), space.held("plan"):
        pass
    with space.held("plan"):
        pass


def _system(define: Any) -> System:
    system = System("shop")
    system.define(define)
    return system


def test_a_renamed_component_keeps_its_aws_name_and_moves() -> None:
    def before(stage: Stage) -> None:
        Queue("jobs", dead_letter=Queue("dead"))

    def after(stage: Stage) -> None:
        Queue("work", dead_letter=Queue("dead"), formerly="jobs")

    old, new = _system(before).build(), _system(after).build()
    assert new["aws_sqs_queue.work"].arguments == old["aws_sqs_queue.jobs"].arguments
    assert new["aws_sqs_queue.work"].moved_from == ("aws_sqs_queue.jobs",)
    assert new["aws_sqs_queue.dead"].moved_from == ()


@pytest.mark.parametrize("formerly", ["orders", "", 3, "there"])
def test_a_rename_that_cannot_be_is_an_error(formerly: Any) -> None:
    def define(stage: Stage) -> None:
        Table("there", key="Id")
        Table("orders", key="Id", formerly=formerly)

    _, diagnostics = _system(define).examine()
    assert [item.code for item in diagnostics.errors] == ["GS1209"]


@pytest.mark.requirement("OM-O13")
def test_what_stands_in_the_way_of_a_destroy_is_found_and_lifted() -> None:
    def define(stage: Stage) -> None:
        Table("orders", key="Id")

    graph = _system(define).build("prod")
    values = {"deletion_protection_enabled": True}
    state = {"values": {"root_module": {"resources": [
        {"address": "aws_dynamodb_table.orders", "type": "aws_dynamodb_table", "mode": "managed", "values": values},
        {"address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "mode": "managed", "values": {"force_destroy": False}},
    ]}}}
    found = obstacles(state)
    assert [item.attribute for item in found] == ["deletion_protection_enabled"]
    assert [item.address for item in obstacles(state, contents=True)] == ["aws_dynamodb_table.orders", "aws_s3_bucket.b"]
    assert lift(graph, found) == ["aws_dynamodb_table.orders"]
    assert graph["aws_dynamodb_table.orders"].arguments["deletion_protection_enabled"] is False


@pytest.mark.requirement("OM-C17")
def test_the_bucket_for_states_is_versioned_encrypted_and_private() -> None:
    wish = Wish("eu-central-1", repository="ana/shop")
    made = configuration(wish, "states")["resource"]
    assert made["aws_s3_bucket_versioning"]["state"]["versioning_configuration"] == {"status": "Enabled"}
    assert all(value is True for name, value in made["aws_s3_bucket_public_access_block"]["state"].items() if name != "bucket")
    assert "aws_s3_bucket_server_side_encryption_configuration" in made
    assert "repo:ana/shop:*" in made["aws_iam_role"]["deploy"]["assume_role_policy"]
    for wrong in (Wish("r", bucket="No_Bucket"), Wish("r", repository="shop")):
        with pytest.raises(GroundsillError, match="GS3032"):
            check(wrong)


def test_a_front_door_that_refuses_is_healthy_and_one_that_fails_is_not() -> None:
    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, format: str, *words: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        found = check_doors({"api": f"{url}/401", "front": f"{url}/503", "gone": "http://127.0.0.1:1/"}, seconds=0)
        server.shutdown()
    assert [item.healthy for item in found] == [True, False, False]
