"""From the phone's axes to the thigh's: x anterior-posterior, y up the leg, z mediolateral (the axis of the swing)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .gait import cycle_ranges, resample_cycles, swing_peaks

#: g. Below this mean length the accelerometer holds no gravity (a phone that reports user acceleration only).
LEAST_GRAVITY = 0.3


def align(gyroscope: np.ndarray, accelerometer: np.ndarray) -> np.ndarray:
    """Angular velocity of one bout in thigh axes, up to a turn by 180 degrees about y, shape (n, 3).

    The mean acceleration gives y: while a leg moves, its long axis points along gravity on average. Of the directions
    across y, the one that holds most of the angular velocity is the axis of the swing, z. Without gravity in the
    signal, z is the main axis of the angular velocity and y the second one. After OpenMetabolics' calibration of
    each bout, with the principal axis in closed form instead of a search over angles.
    """
    gravity = accelerometer.mean(axis=0)
    length = float(np.linalg.norm(gravity))
    if length >= LEAST_GRAVITY:
        up = gravity / length
        across = gyroscope - np.outer(gyroscope @ up, up)
        swing = _main_axis(across)
        swing = swing - up * (swing @ up)
        swing /= max(float(np.linalg.norm(swing)), 1e-12)
    else:
        swing = _main_axis(gyroscope)
        up = _main_axis(gyroscope - np.outer(gyroscope @ swing, swing))
    return gyroscope @ np.column_stack([np.cross(up, swing), up, swing])


def _main_axis(vectors: np.ndarray) -> np.ndarray:
    """Unit vector along which the mean square of the vectors is greatest."""
    return np.linalg.eigh(vectors.T @ vectors)[1][:, -1]


def forward(aligned: np.ndarray, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Which way round the swing is: the aligned signal with swing forward positive, its cycles and how clear it is.

    Both ways are segmented and each cycle is compared with the mean swing of walking, running, cycling and climbing;
    the way whose cycles fit better is the right one.

    Args:
        aligned: What `align` gives.
        templates: Mean swings with zero mean and unit norm, shape (kinds, 30).

    Returns:
        The signal, index ranges of its cycles (k, 2), and the difference of the fits times the number of cycles.
    """
    turned = aligned * np.array([-1.0, 1.0, -1.0])
    sides = [(_fit(side, templates), side) for side in (aligned, turned)]
    (one, ranges_one), (two, ranges_two) = sides[0][0], sides[1][0]
    lead = one - two
    count = max(len(ranges_one), len(ranges_two))
    return (aligned, ranges_one, lead * count) if lead >= 0 else (turned, ranges_two, lead * count)


def _fit(signal: np.ndarray, templates: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over the cycles of the best correlation with a template, and the cycles' ranges."""
    ranges = cycle_ranges(swing_peaks(signal[:, 2]))
    if not len(ranges):
        return -1.0, ranges
    swing = resample_cycles(signal, ranges)[:, 2]
    swing = swing - swing.mean(axis=1, keepdims=True)
    swing /= np.linalg.norm(swing, axis=1, keepdims=True) + 1e-9
    return float((swing @ templates.T).max(axis=1).mean()), ranges


Progress = Callable[[float], None]
