"""The data file: small, current, and read one type at a time."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from groundsill.aws.packing import pack
from groundsill.aws.schema import DATA_FILE, SchemaFile, schema_file, type_schema
from groundsill.aws.types import code_of_type, type_of_code
from groundsill.terraform.mirror import find_mirror

ROOT = Path(__file__).parents[2]


def _generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "generate_aws_schema", ROOT / "scripts/generate_aws_schema.py"
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_file_is_at_most_one_megabyte_and_holds_every_type() -> None:
    assert DATA_FILE.stat().st_size <= 1_000_000
    assert len(list(schema_file().names())) == 1526
    assert len(list(schema_file().names(data=True))) == 608
    assert schema_file().provider_version == "5.100.0"


def test_every_type_decodes_to_its_last_block() -> None:
    def walk(block: object, depth: int = 0) -> int:
        from groundsill.aws.schema import Block

        assert isinstance(block, Block)
        return 1 + max((walk(block.nested(name).block, depth + 1) for name in block.block_names), default=0)

    for data in (False, True):
        for name in schema_file().names(data=data):
            if not name.startswith("quicksight"):  # millions of paths through 425 distinct blocks
                assert walk(schema_file().block(name, data=data)) >= 1


def test_the_file_is_current_with_the_provider() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    if find_mirror() is None:
        pytest.skip("no folder of this machine holds the AWS provider (GROUNDSILL_PROVIDER_MIRROR names one)")
    generator = _generator()
    schemas = generator.provider_schemas(probe=False)
    assert generator.is_current(schemas, probed=False)
    assert pack(schemas, "5.100.0") == pack(schemas, "5.100.0")


def test_what_the_provider_says_about_an_argument_is_kept() -> None:
    table = type_schema("aws_dynamodb_table")
    assert table is not None
    assert (
        table.attributes["name"].required
        and table.attributes["arn"].computed
        and not table.attributes["arn"].settable
    )
    assert (table.nested("attribute").nesting, table.nested("attribute").min_items) == ("set", 0)
    assert table.nested("ttl").max_items == 1
    database = type_schema("aws_db_instance")
    assert database is not None
    assert database.attributes["password"].sensitive and database.attributes["password_wo"].write_only
    bucket = type_schema("aws_s3_bucket")
    assert bucket is not None and bucket.attributes["acl"].deprecated


def test_types_with_nested_objects_survive() -> None:
    for kind in (
        "string",
        ["list", "number"],
        ["map", ["set", "bool"]],
        ["list", ["object", {"b": ["list", ["object", {"x": "number"}]], "a": "string"}, ["a"]]],
    ):
        code = code_of_type(kind)
        assert type_of_code(code) is type_of_code(code)
    kept = type_of_code("l{a:?s,b:l{x:n}}")
    assert kept.element is not None and kept.element.optional == {"a"}
    assert str(kept) == "list of object(a, b)"


@pytest.mark.parametrize("name", ["", "nothing", "sqs_queue\nr sqs", "sqs_", "*", "r sqs_queue", "sqs queue"])
def test_a_type_that_does_not_exist_is_none(name: str) -> None:
    assert schema_file().block(name) is None
    assert type_schema(f"aws_{name}") is None
    assert type_schema(name) is None


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"something else\n")
    with pytest.raises(ValueError, match="not a schema file"):
        SchemaFile(tmp_path / "x").block("sqs_queue")


MEASURE = """
import groundsill.graph
from groundsill import aws
graph = groundsill.graph.Graph(); scope = groundsill.graph.Scope(graph, tags={"a": "b"})
types = ["sqs_queue", "sns_topic", "vpc", "s3_bucket", "cloudwatch_log_group", "iam_user", "kms_key", "eip",
"ecr_repository",
         "ecs_cluster", "iam_group", "security_group", "internet_gateway", "lb", "ebs_encryption_by_default",
         "ses_template"]
arguments = {"ecr_repository": {"name": "x"}, "iam_user": {"name": "x"}, "iam_group": {"name": "x"},
"ses_template": {"name": "x"},
             "ecs_cluster": {"name": "x", "setting": {"name": "containerInsights", "value": "enabled"}},
             "security_group": {"ingress": [{"from_port": 1, "to_port": 2, "protocol": "tcp", "cidr_blocks":
             ["10.0.0.0/8"]}]}}
with scope.active():
    for number in range(5000):
        type = types[number % len(types)]
        getattr(aws, type)(f"r{number}", **arguments.get(type, {}))
assert not list(scope.diagnostics), list(scope.diagnostics)[:3]
status = open("/proc/self/status").read()
print(len(graph), int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def test_thousands_of_resources_are_made_in_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    made, megabytes = done.stdout.split()
    assert made == "5000"
    # Measured: 33 MB; the whole schema would take several hundred. `python -m benchmarks synth` tells the seconds.
    assert float(megabytes) < 60


def test_an_id_can_be_given_only_where_the_provider_takes_one() -> None:
    def takes_id(name: str, *, data: bool) -> bool:
        block = schema_file().block(name, data=data)
        assert block is not None
        return "id" in block.attributes and block.attributes["id"].settable

    assert takes_id("vpc", data=True)
    assert takes_id("subnet", data=True)
    assert not takes_id("sqs_queue", data=True)
    assert not any(takes_id(name, data=False) for name in schema_file().names())
