"""Describe an AWS system once in Python; check it, run it for real on one machine, deploy it with Terraform."""

from __future__ import annotations

from groundsill.definition.stage import Stage
from groundsill.definition.system import System
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

__all__ = ["Diagnostic", "GroundsillError", "Stage", "System", "__version__"]
__version__ = "0.1.0"
