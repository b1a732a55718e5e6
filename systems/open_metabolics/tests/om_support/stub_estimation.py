"""A stand-in for the estimate, so that tests of the worker are exact and quick; the real one has its own
tests."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Profile:
    age: float
    weight: float
    height: float
    sex: str = "unspecified"


@dataclass(frozen=True)
class Samples:
    time: Any
    gyroscope: Any
    accelerometer: Any


@dataclass(frozen=True)
class Window:
    start: float
    end: float
    watts: float
    kilocalories: float
    activity: str
    gait_cycles: int


@dataclass(frozen=True)
class Estimate:
    windows: tuple[Window, ...]
    kilocalories: float
    mean_watts: float
    peak_watts: float
    active_minutes: float
    duration_seconds: float


def make(
    *, seconds: float = 0.0, steps: int = 20, error: Exception | None = None, marker: str | None = None
) -> Any:
    """A module with the interface of `services.energy.estimation`.

    Args:
        seconds: how long an estimate takes.
        error: raised in the middle.
        marker: a file that gets one line when an estimate begins.
    """

    def estimate(samples: Samples, profile: Profile, *, progress: Callable[[float], None]) -> Estimate:
        if marker is not None:
            with open(marker, "a", encoding="utf-8") as file:
                file.write("begun\n")
        for step in range(steps):
            progress(step / steps)
            time.sleep(seconds / steps)
            if error is not None and step >= steps // 2:
                raise error
        first, last = float(samples.time[0]), float(samples.time[-1])
        starts = [first + second for second in range(int(last - first) + 1)]
        # A watt a kilogram and metre, so that the profile's units are seen.
        watts = [profile.weight * profile.height + index for index in range(len(starts))]
        windows = tuple(
            Window(start, min(start + 1, last), watt, watt / 4184, "walking", 1)
            for start, watt in zip(starts, watts, strict=True)
        )
        total = sum(window.kilocalories for window in windows)
        return Estimate(windows, total, sum(watts) / len(watts), max(watts), len(windows) / 60, last - first)

    module = types.ModuleType("services.energy.estimation")
    module.Profile, module.Samples, module.estimate = Profile, Samples, estimate  # type: ignore[attr-defined]
    return module


if __name__ == "__main__":
    # A worker process with the stand-in: `stub_estimation.py <seconds> <marker file>`.
    import services.energy

    stub = make(seconds=float(sys.argv[1]), marker=sys.argv[2])
    sys.modules["services.energy.estimation"] = stub
    services.energy.estimation = stub  # type: ignore[attr-defined]
    from services.energy.__main__ import main

    sys.exit(main())
