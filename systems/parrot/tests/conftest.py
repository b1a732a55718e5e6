"""The tests' own help is importable, and so is real Terraform."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.terraform.conftest import terraform, terraform_plugins, terraform_validate

folder = str(Path(__file__).resolve().parent)
if folder not in sys.path:
    sys.path.insert(0, folder)

__all__ = ["terraform", "terraform_plugins", "terraform_validate"]
