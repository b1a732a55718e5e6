"""The whole estimate: filter, bouts, alignment, gait cycles, features, model; basal rate outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .alignment import align, forward
from .basal import JOULES_PER_KILOCALORIE, basal_watts
from .bouts import active_bouts
from .features import features
from .filters import GAP, RATE, Stretch, stretches
from .gait import LONGEST, resample_cycles
from .model import Model, shipped
from .values import Estimate, Profile, Samples, Window

#: Seconds a window of the curve. A last part shorter than half of it joins the window before.
WINDOW = 10.0


@dataclass(frozen=True)
class _Cycles:
    """Gait cycles of a session in time order: start and end in seconds, watts."""

    start: np.ndarray
    end: np.ndarray
    watts: np.ndarray


def estimate(samples: Samples, profile: Profile, *, progress: Callable[[float], None] | None = None) -> Estimate:
    """Energy expenditure over a session, as a curve of windows and in total.

    Windows last 10 s. Where samples are missing for more than 2 s, one window spans the gap and counts as
    rest, since nothing is known there; shorter gaps are interpolated. Uneven sampling is put on an even grid,
    rates from 12 to 400 Hz are accepted (25 to 200 Hz are tested). Time outside gait cycles has the basal
    rate. A session too short to hold a gait cycle is all rest.

    Args:
        samples: Gyroscope in rad/s and accelerometer in g with their times in seconds. Signals without
            gravity are accepted (the orientation then comes from the gyroscope alone).
        profile: Body data of the person.
        progress: Called with rising shares from 0 to 1 as the work advances; the last call is with 1.

    Raises:
        ValueError: Arrays of other shapes, values that are not finite, or times that do not increase; the
            text names the field and the first row.

    Example:
        >>> import numpy as np
        >>> still = Samples(np.arange(1500) / 50, np.zeros((1500, 3)), np.tile([0.0, 0.0, 1.0], (1500, 1)))
        >>> round(estimate(still, Profile(age=34, weight=77, height=1.78, sex="male")).mean_watts, 1)
        83.2
    """
    samples = _checked(samples)
    report = progress or _silent
    report(0.0)
    basal = basal_watts(profile)
    parts = stretches(samples)
    report(0.2)
    cycles = _all_cycles(parts, profile, shipped(), basal, lambda share: report(0.2 + 0.7 * share))
    result = _totals(_windows(_edges(samples.time), cycles, basal), cycles)
    report(1.0)
    return result


def _silent(share: float) -> None:
    pass


def _checked(samples: Samples) -> Samples:
    """The samples as float arrays, or a ValueError that names the field."""
    time, gyroscope, accelerometer = (
        _numbers(name, getattr(samples, name)) for name in ("time", "gyroscope", "accelerometer")
    )
    if time.ndim != 1:
        raise ValueError(f"time must have one dimension, got shape {time.shape}")
    if len(time) == 0:
        raise ValueError("time is empty: a session needs at least one sample")
    for name, array in (("gyroscope", gyroscope), ("accelerometer", accelerometer)):
        if array.shape != (len(time), 3):
            raise ValueError(f"{name} must have shape ({len(time)}, 3) to match time, got {array.shape}")
    for name, array in (("time", time), ("gyroscope", gyroscope), ("accelerometer", accelerometer)):
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            raise ValueError(f"{name} is not finite at row {int(wrong[0][0])}")
        # Squares of larger values overflow; no sensor reaches a millionth of this.
        large = np.argwhere(np.abs(array) > 1e12)
        if len(large):
            raise ValueError(f"{name} is beyond any sensor's range at row {int(large[0][0])}")
    back = np.flatnonzero(np.diff(time) <= 0)
    if len(back):
        raise ValueError(f"time must strictly increase, row {int(back[0]) + 1} does not")
    return Samples(time, gyroscope, accelerometer)


def _numbers(name: str, values: object) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers") from None


def _all_cycles(
    parts: list[Stretch], profile: Profile, model: Model, basal: float, report: Callable[[float], None]
) -> _Cycles:
    """Gait cycles of all stretches with their metabolic rate."""
    found = [(part, first, last) for part in parts for first, last in active_bouts(part.gyroscope)]
    aligned = [align(part.gyroscope[first:last], part.accelerometer[first:last]) for part, first, last in found]
    report(0.2)
    turned = forward(aligned, model.templates)
    report(0.6)
    pieces = [np.zeros((3, 0))]
    for number, ((part, first, _), (signal, ranges)) in enumerate(zip(found, turned, strict=True)):
        if len(ranges):
            duration = (ranges[:, 1] - ranges[:, 0]) / RATE
            body = np.ones(len(ranges))
            cycles = resample_cycles(signal, ranges)
            # Moving never costs less than lying still.
            watts = model.watts(features(cycles, duration, profile.weight * body, profile.height * body))
            times = (first + ranges) / RATE + part.start
            pieces.append(np.array([*_filled(times[:, 0], times[:, 1]), np.maximum(watts, basal)]))
        report(0.6 + 0.4 * (number + 1) / len(found))
    return _Cycles(*np.concatenate(pieces, axis=1))


def _filled(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of a bout's cycles, with the short holes between them given to their neighbours.

    Within a bout, a swing that is too weak to be seen (a turn, a step aside) leaves a hole of at most one
    long cycle; the person is still moving, so each half of the hole has the rate of the cycle beside it.
    """
    hole = start[1:] - end[:-1]
    middle = np.where(hole <= LONGEST, (start[1:] + end[:-1]) / 2, np.nan)
    start, end = start.copy(), end.copy()
    start[1:] = np.where(np.isnan(middle), start[1:], middle)
    end[:-1] = np.where(np.isnan(middle), end[:-1], middle)
    return start, end


def _edges(time: np.ndarray) -> np.ndarray:
    """Borders of the windows, from the first sample to the last."""
    cuts = np.flatnonzero(np.diff(time) > GAP) + 1
    borders: list[np.ndarray] = []
    for first, last in zip(np.r_[0, cuts], np.r_[cuts, len(time)], strict=True):
        begin, stop = time[first], time[last - 1]
        count = max(1, int((stop - begin) / WINDOW + 0.5))
        borders.append(np.r_[begin + WINDOW * np.arange(count), stop])
    return np.unique(np.concatenate(borders))


def _windows(edges: np.ndarray, cycles: _Cycles, basal: float) -> tuple[Window, ...]:
    """Mean rate of every window: cycles for the time they fill, basal rate for the rest of it."""
    if len(edges) < 2:
        return ()
    extra = _accumulated(edges, cycles, cycles.watts - basal)
    filled = _accumulated(edges, cycles, np.ones(len(cycles.watts)))
    length = np.diff(edges)
    watts = basal + np.diff(extra) / length
    share = np.diff(filled) / length
    count = np.histogram((cycles.start + cycles.end) / 2, bins=edges)[0]
    return tuple(
        Window(
            start=float(edges[i]),
            end=float(edges[i + 1]),
            watts=float(watts[i]),
            kilocalories=float(watts[i] * length[i] / JOULES_PER_KILOCALORIE),
            activity="active" if share[i] >= 0.5 else "rest",
            gait_cycles=int(count[i]),
        )
        for i in range(len(length))
    )


def _accumulated(at: np.ndarray, cycles: _Cycles, height: np.ndarray) -> np.ndarray:
    """Integral up to each time in `at` of a curve that has `height` inside each cycle and zero between."""
    if not len(height):
        return np.zeros(len(at))
    knots = np.column_stack([cycles.start, cycles.end]).ravel()
    area = np.column_stack([np.zeros(len(height)), height * (cycles.end - cycles.start)]).ravel()
    return np.interp(at, knots, np.cumsum(area))


def _totals(windows: tuple[Window, ...], cycles: _Cycles) -> Estimate:
    """The curve with its totals."""
    duration = windows[-1].end - windows[0].start if windows else 0.0
    kilocalories = sum(window.kilocalories for window in windows)
    return Estimate(
        windows=windows,
        kilocalories=kilocalories,
        mean_watts=kilocalories * JOULES_PER_KILOCALORIE / duration if duration else 0.0,
        peak_watts=max((window.watts for window in windows), default=0.0),
        active_minutes=float((cycles.end - cycles.start).sum()) / 60.0,
        duration_seconds=duration,
    )
