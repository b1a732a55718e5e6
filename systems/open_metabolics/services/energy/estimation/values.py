"""What goes into an estimate (body data, samples) and what comes out (windows, totals)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SEXES = ("female", "male", "unspecified")

#: Accepted body data: field -> (least, greatest, unit). Wider than the people the model was trained on (20-59
#: years, 52-98 kg, 1.63-1.86 m); what is outside is a typing error or a wrong unit, such as a height in cm.
LIMITS: dict[str, tuple[float, float, str]] = {
    "age": (5.0, 120.0, "years"),
    "weight": (20.0, 350.0, "kg"),
    "height": (0.9, 2.5, "m"),
}


@dataclass(frozen=True)
class Profile:
    """Body data of the person who moved.

    Args:
        age: Years, 5 to 120.
        weight: Body mass in kg, 20 to 350.
        height: Metres, 0.9 to 2.5.
        sex: `female`, `male` or `unspecified` (then the basal rate is the mean of both).

    Raises:
        ValueError: A field is not a finite number, out of range or not one of the words; the text names it.

    Example:
        >>> Profile(age=34, weight=77, height=1.78, sex="male").weight
        77
    """

    age: float
    weight: float
    height: float
    sex: str

    def __post_init__(self) -> None:
        for field, (least, greatest, unit) in LIMITS.items():
            value: object = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"{field} must be a finite number in {unit}, got {value!r}")
            if not least <= value <= greatest:
                raise ValueError(f"{field} must lie between {least:g} and {greatest:g} {unit}, got {value:g}")
        if self.sex not in SEXES:
            raise ValueError(f"sex must be one of {', '.join(SEXES)}, got {self.sex!r}")


@dataclass(frozen=True)
class Samples:
    """Raw samples of one session, as the phone recorded them.

    Args:
        time: Seconds on any clock, strictly increasing, shape (n,).
        gyroscope: Angular velocity in rad/s, shape (n, 3), in the phone's own axes.
        accelerometer: Acceleration in g (9.80665 m/s2), shape (n, 3), same axes.
    """

    time: np.ndarray
    gyroscope: np.ndarray
    accelerometer: np.ndarray


@dataclass(frozen=True)
class Window:
    """One row of the energy curve.

    Args:
        start: Seconds on the samples' clock.
        end: Seconds on the samples' clock; the next window starts here.
        watts: Mean metabolic rate over the window.
        kilocalories: Energy spent in the window.
        activity: `active` when gait cycles fill at least half of the window, else `rest`.
        gait_cycles: How many gait cycles have their middle in the window.
    """

    start: float
    end: float
    watts: float
    kilocalories: float
    activity: str
    gait_cycles: int


@dataclass(frozen=True)
class Estimate:
    """The energy curve of a session and its totals.

    Args:
        windows: Contiguous, in time order, covering the session from the first sample to the last.
        kilocalories: Sum over the windows, basal metabolism included.
        mean_watts: Time-weighted mean of the curve.
        peak_watts: Highest window.
        active_minutes: Time inside gait cycles.
        duration_seconds: From the first sample to the last.
    """

    windows: tuple[Window, ...]
    kilocalories: float
    mean_watts: float
    peak_watts: float
    active_minutes: float
    duration_seconds: float
