"""Where a folder of Terraform keeps its state, and what an apply does beside AWS: what the documents did is caught."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundsill.checks.run import check
from groundsill.graph import Graph
from groundsill.sources.plan import read_plan
from groundsill.sources.reading import read
from groundsill.terraform.backend import with_defaults
from groundsill.terraform.synth import synthesize

from .support import TODAY, finds, found, rule, system

PROVIDER = 'provider "aws" {\n  region = "us-east-1"\n}\n'
QUEUE = 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n'
WHOLE = 'bucket = "states-of-shop", key = "shop/dev.tfstate", region = "us-east-1", encrypt = true, use_lockfile = true'
STATE_RULES = ("state-on-one-machine", "backend-above-its-root", "state-without-lock", "state-lock-in-a-table",
               "state-not-encrypted", "state-shared-by-stages")


def backend(arguments: str) -> str:
    lines = "\n".join(f"    {item}" for item in arguments.split(", ") if item)
    return f'terraform {{\n  backend "s3" {{\n{lines}\n  }}\n}}\n'


def folder(at: Path, text: str, **more: str) -> Graph:
    at.mkdir(parents=True, exist_ok=True)
    (at / "main.tf").write_text(text)
    for name, content in more.items():
        (at / name.replace("_tfvars", ".tfvars")).write_text(content)
    return read(at).graph


def test_a_state_in_a_bucket_with_a_lock_and_encryption_is_right(tmp_path: Path) -> None:
    given = folder(tmp_path, backend(WHOLE) + PROVIDER + QUEUE)
    assert given.state is not None and given.state.kind == "s3"
    assert not [name for name in STATE_RULES if found(name, given)]


@pytest.mark.requirement("OM-C17", "AN-C18", "PA-C26")
def test_a_state_on_one_machine_is_found(tmp_path: Path) -> None:
    assert finds("state-on-one-machine", folder(tmp_path / "a", PROVIDER + QUEUE), "no file has a backend")
    local = 'terraform {\n  backend "local" {}\n}\n' + PROVIDER + QUEUE
    assert finds("state-on-one-machine", folder(tmp_path / "b", local), "`local`")
    assert not found("state-on-one-machine", folder(tmp_path / "module", QUEUE)), "a module has the backend of its caller"
    cloud = 'terraform {\n  cloud {\n    organization = "shop"\n  }\n}\n' + PROVIDER + QUEUE
    assert not found("state-on-one-machine", folder(tmp_path / "c", cloud))


@pytest.mark.requirement("AN-C18", "MT-C30")
def test_a_state_without_lock_or_encryption_is_found_at_its_line(tmp_path: Path) -> None:
    bare = folder(tmp_path, PROVIDER + backend(WHOLE.partition(", encrypt")[0]) + QUEUE)
    for name in ("state-without-lock", "state-not-encrypted"):
        (finding,) = found(name, bare)
        assert finding.location == (str(tmp_path / "main.tf"), 5), name


def test_what_init_is_given_later_is_not_guessed(tmp_path: Path) -> None:
    assert not [name for name in STATE_RULES if found(name, folder(tmp_path, backend("") + PROVIDER + QUEUE))]


@pytest.mark.requirement("IU-C07", "PA-C25")
def test_a_lock_in_a_table_is_found(tmp_path: Path) -> None:
    old = WHOLE.replace("use_lockfile = true", 'dynamodb_table = "terraform-state-lock"')
    table = 'resource "aws_dynamodb_table" "lock" {\n  name = "terraform-state-lock"\n  hash_key = "LockID"\n}\n'
    given = folder(tmp_path, backend(old) + PROVIDER + table)
    assert finds("state-lock-in-a-table", given, "terraform-state-lock") and finds("state-lock-in-a-table", given, "LockID")
    assert not found("state-without-lock", given)
    for name in ("image_understander", "parrot"):
        assert not found("state-lock-in-a-table", system(name, "prod"))


@pytest.mark.requirement("MT-C29", "MT-T14")
def test_a_state_that_stages_share_is_found(tmp_path: Path) -> None:
    shared = backend(WHOLE.replace("shop/dev.tfstate", "terraform.tfstate")) + PROVIDER + QUEUE
    given = folder(tmp_path / "a", shared, dev_tfvars="", prod_tfvars="")
    assert finds("state-shared-by-stages", given, "dev.tfvars and prod.tfvars are applied to the one key 'terraform.tfstate'")
    named = shared.replace('"jobs"\n}', '"jobs-${terraform.workspace}"\n}')
    assert not found("state-shared-by-stages", folder(tmp_path / "b", named, dev_tfvars="", prod_tfvars=""))
    assert not found("state-shared-by-stages", folder(tmp_path / "c", shared, terraform_tfvars=""))


@pytest.mark.requirement("IU-C28", "PA-C26")
def test_a_backend_above_the_folder_that_terraform_runs_in_is_found(tmp_path: Path) -> None:
    (tmp_path / "versions.tf").write_text(backend(WHOLE))
    given = folder(tmp_path / "dev", PROVIDER + QUEUE)
    (finding,) = found("backend-above-its-root", given)
    assert finding.location == (str(tmp_path / "versions.tf"), 2)
    assert not found("state-on-one-machine", given), "said once"
    (tmp_path / "main.tf").write_text('module "dev" {\n  source = "./dev"\n}\n')
    assert not found("backend-above-its-root", folder(tmp_path / "dev", QUEUE)), "it is a module of that root"


@pytest.mark.requirement("IU-C28", "PA-C26", "OM-C17", "AN-C18", "IU-C07", "PA-C25", "MT-C29", "MT-C30")
@pytest.mark.parametrize("name", ["open_metabolics", "ai_nutritionist", "image_understander", "multitask", "parrot"])
def test_what_a_system_writes_has_none_of_these_faults(name: str, tmp_path: Path) -> None:
    place = with_defaults({"bucket": "states-of-ours", "region": "us-east-1"}, name, "prod")
    (tmp_path / "main.tf.json").write_text(json.dumps(synthesize(system(name, "prod"), backend={"s3": place})))
    given = read(tmp_path).graph
    assert given.state is not None and given.state.arguments["use_lockfile"] is True
    report = check(given, [rule(item) for item in (*STATE_RULES, "apply-runs-commands")], today=TODAY)
    assert not report.results and not report.faults


@pytest.mark.requirement("OM-C18")
def test_an_image_that_is_built_during_the_apply_is_found(tmp_path: Path) -> None:
    text = 'resource "null_resource" "image" {\n  provisioner "local-exec" {\n    command = "docker build ."\n  }\n}\n'
    assert finds("apply-runs-commands", folder(tmp_path / "a", text), "local-exec")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "main.tf.json").write_text(json.dumps({"resource": {"null_resource": {"image": {
        "provisioner": [{"local-exec": {"command": "docker build ."}}]}}}}))
    assert finds("apply-runs-commands", read(tmp_path / "b").graph, "local-exec")
    address = {"address": "null_resource.image", "mode": "managed", "type": "null_resource", "name": "image"}
    plan, _ = read_plan({
        "format_version": "1.2", "terraform_version": "1.11.4",
        "resource_changes": [{**address, "change": {"actions": ["create"], "before": None, "after": {}, "after_unknown": {}}}],
        "planned_values": {"root_module": {"resources": [{**address, "values": {}}]}},
        "configuration": {"root_module": {"resources": [{**address, "provisioners": [{"type": "local-exec"}]}]}},
    }, "plan")
    assert finds("apply-runs-commands", plan, "local-exec")
    assert not found("apply-runs-commands", system("open_metabolics", "prod"))


def test_the_command_of_a_migration_is_known_and_another_one_beside_it_is_not(tmp_path: Path) -> None:
    ours = '  provisioner "local-exec" {\n    interpreter = ["groundsill", "run-task"]\n    command = jsonencode(self)\n  }\n'
    shell = '  provisioner "local-exec" {\n    command = "python migrate.py"\n  }\n'
    named = 'resource "terraform_data" "schema" {\n  input = { cluster = "c" }\n'
    assert not finds("apply-runs-commands", folder(tmp_path / "a", f"{named}{ours}}}\n"))
    assert finds("apply-runs-commands", folder(tmp_path / "b", f"{named}{ours}{shell}}}\n"), "local-exec")
    assert finds("apply-runs-commands", folder(tmp_path / "c", f"{named}{shell}}}\n"), "local-exec")
    plan, _ = read_plan({
        "format_version": "1.2", "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": [
            {"address": "terraform_data.schema", "mode": "managed", "type": "terraform_data", "name": "schema", "values": {}}]}},
        "configuration": {"root_module": {"resources": [
            {"address": "terraform_data.schema", "mode": "managed", "type": "terraform_data", "name": "schema", "provisioners": [
                {"type": "local-exec", "expressions": {"interpreter": {"constant_value": ["groundsill", "run-task"]}}}]}]}},
    }, "plan")
    assert plan["terraform_data.schema"].provisioners and not finds("apply-runs-commands", plan)
