"""Real Terraform for tests: one initialised plugin folder for the whole run and all its workers."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundsill.terraform.mirror import cli_config, find_mirror

VERSION = "5.100.0"


def terraform_environment(folder: Path) -> dict[str, str]:
    """This process's environment for Terraform: the mirror where there is one, and no setting of the machine's own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    mirror = find_mirror()
    if mirror:
        (folder / "terraformrc").write_text(cli_config(mirror))
        environment["TF_CLI_CONFIG_FILE"] = str(folder / "terraformrc")
    return environment


@pytest.fixture(scope="session")
def terraform() -> None:
    """Skip where Terraform or the provider is not on this machine."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    if find_mirror() is None:
        pytest.skip("no folder of this machine holds the AWS provider (GROUNDSILL_PROVIDER_MIRROR names one)")


@pytest.fixture(scope="session")
def terraform_plugins(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``terraform init`` has been run for the AWS provider, shared by every worker of the run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "terraform-plugins"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            required = {"aws": {"source": "hashicorp/aws", "version": VERSION}}
            (folder / "main.tf.json").write_text(json.dumps({"terraform": {"required_providers": required}}))
            subprocess.run(
                ["terraform", "init", "-backend=false", "-input=false", "-no-color"],
                cwd=folder,
                check=True,
                env=terraform_environment(folder),
                capture_output=True,
                timeout=120,
            )
            (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def terraform_validate(terraform_plugins: Path) -> Callable[[Path], list[dict[str, Any]]]:
    """``terraform validate`` of a folder with a ``main.tf.json``: gives its diagnostics, none where it is valid."""

    def validate(directory: Path) -> list[dict[str, Any]]:
        shutil.copy(terraform_plugins / ".terraform.lock.hcl", directory)
        environment = terraform_environment(terraform_plugins) | {
            "TF_DATA_DIR": str(terraform_plugins / ".terraform")
        }
        done = subprocess.run(
            ["terraform", "validate", "-json"],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return json.loads(done.stdout)["diagnostics"]

    return validate
