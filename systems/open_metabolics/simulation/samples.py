"""The samples type of the estimate, whichever folder is the root of imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np

    from ..services.energy.estimation import Samples


def make_samples(time: np.ndarray, gyroscope: np.ndarray, accelerometer: np.ndarray) -> Samples:
    """`Samples` of these arrays, from the package that stands beside this one."""
    above = (__package__ or "").rpartition(".")[0]
    module = import_module(f"{above}.services.energy.estimation" if above else "services.energy.estimation")
    return cast("Samples", module.Samples(time, gyroscope, accelerometer))
