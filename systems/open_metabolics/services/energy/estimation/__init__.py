"""Energy expenditure from a phone in the trouser pocket.

`estimate(samples, profile)` gives the curve of one session; see `MODEL.md` beside this package for the
method, its validation and its limits. The names are loaded on first use, so that importing this package does
not load numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .basal import basal_watts
    from .pipeline import estimate
    from .values import Estimate, Profile, Samples, Window

__all__ = ["Estimate", "Profile", "Samples", "Window", "basal_watts", "estimate"]

_HOMES = {
    "Estimate": ".values",
    "Profile": ".values",
    "Samples": ".values",
    "Window": ".values",
    "basal_watts": ".basal",
    "estimate": ".pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
