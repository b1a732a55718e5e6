"""Describe an AWS system once in Python; check it, run it for real on one machine, deploy it with Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.definition.stage import Stage
from groundsill.definition.system import System
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.definition.setting_types import DomainName as DomainName
    from groundsill.definition.setting_types import EmailAddress as EmailAddress
    from groundsill.definition.setting_types import Region as Region

__all__ = ["Diagnostic", "DomainName", "EmailAddress", "GroundsillError", "Region", "Stage", "System", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Their library is loaded only by a system that has settings.
    if name in ("DomainName", "EmailAddress", "Region"):
        from groundsill.definition import setting_types

        return getattr(setting_types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
