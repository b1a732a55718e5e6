"""Describe an AWS system once in Python; check it, run it for real on one machine, deploy it with Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundsill.definition.setting_types import DomainName as DomainName
    from groundsill.definition.setting_types import EmailAddress as EmailAddress
    from groundsill.definition.setting_types import Region as Region
    from groundsill.definition.stage import Stage as Stage
    from groundsill.definition.system import System as System
    from groundsill.graph.diagnostics import Diagnostic as Diagnostic
    from groundsill.graph.diagnostics import GroundsillError as GroundsillError

# Loaded when first asked for, so that commands which read no definition start at once.
_HOMES = {
    "Diagnostic": "graph.diagnostics",
    "DomainName": "definition.setting_types",
    "EmailAddress": "definition.setting_types",
    "GroundsillError": "graph.diagnostics",
    "Region": "definition.setting_types",
    "Stage": "definition.stage",
    "System": "definition.system",
}

__all__ = ["Diagnostic", "DomainName", "EmailAddress", "GroundsillError", "Region", "Stage", "System", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
