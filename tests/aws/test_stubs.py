"""The stubs: a type checker finds what is wrong in a definition, fast, and needs none of them to check Groundsill."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundsill.aws.schema import schema_file
from groundsill.aws.stubs import main, stub_files, write_stubs

ROOT = Path(__file__).parents[2]
TEN_RESOURCES = """
from groundsill import aws
from groundsill.graph import Reference

vpc = aws.vpc("main", cidr_block="10.0.0.0/16")
subnet = aws.subnet("a", vpc_id=vpc.id, cidr_block="10.0.1.0/24")
group = aws.security_group("api", vpc_id=vpc.id)
table = aws.dynamodb_table("raw", name="raw", hash_key="id",
                           attribute=[{"name": name, "type": "S"} for name in ("id", "x")])
queue = aws.sqs_queue("jobs", name="jobs", redrive_policy={"maxReceiveCount": 3}, tags={"a": "b"})
role = aws.iam_role("f", assume_role_policy={"Statement": []})
function = aws.lambda_function("f", function_name="f", role=role.arn,
                               environment={"variables": {"T": table.arn}})
bucket = aws.s3_bucket("b", bucket="b", lifecycle=aws.Lifecycle(prevent_destroy=True))
balancer = aws.lb("lb", subnets=[subnet.id], security_groups=[group.id], depends_on=[bucket])
rule = aws.iot_topic_rule("r", name="r", enabled=True, sql="x", sql_version="1",
                          lambda_={"function_arn": function.arn})
account: Reference = aws.data.caller_identity("me").account_id
"""
MISTAKES = """
from groundsill import aws

aws.sqs_queue("q", nam="raw")                                          # unknown argument
aws.sqs_queue("q", name=["x"])                                         # wrong type
aws.dynamodb_table("t", name="t", attribute={"name": "x", "typ": "S"}) # unknown argument of a block
aws.dynamodb_table("t", name="t", ttl={"enabled": "x"})                # wrong type in a block
aws.dynamodb_table("t")                                                # missing argument
aws.lb("x", subnets="subnet-1")                                        # not a list
aws.sqs_queu("x")                                                      # unknown type
print(aws.sqs_queue("q").arnn)                                         # unknown attribute
aws.data.caller_identit("x")                                           # unknown data source
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its stubs beside it."""
    folder = tmp_path_factory.mktemp("project")
    for package in ("graph", "aws", "definition"):
        shutil.copytree(
            ROOT / "groundsill" / package,
            folder / "groundsill" / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyi"),
        )
    shutil.copy(ROOT / "groundsill" / "__init__.py", folder / "groundsill")
    write_stubs(folder / "groundsill" / "aws")
    return folder


def check(project: Path, source: str) -> tuple[list[dict[str, Any]], float]:
    """A type checker's errors, and its megabytes."""
    (project / "example.py").write_text(source)
    (project / "pyrightconfig.json").write_text(
        json.dumps(
            {
                "include": ["example.py"],
                "typeCheckingMode": "strict",
                "pythonVersion": "3.11",
                "extraPaths": [str(project)],
            }
        )
    )
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    return json.loads(output)["generalDiagnostics"], usage.ru_maxrss / 1024


def test_a_file_of_ten_resources_is_checked_in_little_memory(project: Path) -> None:
    pytest.importorskip("basedpyright")
    found, megabytes = check(project, TEN_RESOURCES)
    assert found == []
    # Measured: 235 MB, and 1.2 s.
    assert megabytes < 1024


def test_a_type_checker_finds_what_construction_would(project: Path) -> None:
    pytest.importorskip("basedpyright")
    found, _ = check(project, MISTAKES)
    lines = {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}
    assert lines == set(range(4, 13))


def test_there_is_a_stub_for_every_type_and_each_is_python() -> None:
    files = stub_files()
    for path, source in files.items():
        ast.parse(source, path)
    for data, path in ((False, "__init__.pyi"), (True, "data.pyi")):
        exported = {line.rpartition(" ")[2] for line in files[path].splitlines() if "_stubs" in line}
        assert exported == set(schema_file().names(data=data))


def test_stubs_of_types_that_are_gone_are_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "_stubs").mkdir()
    (tmp_path / "_stubs" / "gone_.pyi").touch()
    assert main(["--out", str(tmp_path)]) == 0
    assert not (tmp_path / "_stubs" / "gone_.pyi").exists()
    assert "stub files written" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_said_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("error: the stubs cannot be written")
