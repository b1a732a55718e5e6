"""Help of this system's tests, importable by name, and Terraform for those that ask it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.terraform.conftest import terraform, terraform_plugins, terraform_validate

if str(Path(__file__).resolve().parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).resolve().parent))

__all__ = ["terraform", "terraform_plugins", "terraform_validate"]
