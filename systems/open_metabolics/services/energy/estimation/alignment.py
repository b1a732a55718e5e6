"""From the phone's axes to the thigh's: x anterior-posterior, y up the leg, z mediolateral (the axis of the swing)."""

from __future__ import annotations

import numpy as np

from .filters import RATE
from .gait import cycle_ranges, resample_cycles, swing_peaks

#: g. Below this mean length the accelerometer holds no gravity (a phone that reports user acceleration only).
LEAST_GRAVITY = 0.3
#: Seconds after which a bout is calibrated anew.
PIECE = 30.0


def align(gyroscope: np.ndarray, accelerometer: np.ndarray) -> np.ndarray:
    """Angular velocity of one bout in thigh axes, up to a turn by 180 degrees about y, shape (n, 3).

    The mean acceleration gives y: while a leg moves, its long axis points along gravity on average. Of the directions
    across y, the one that holds most of the angular velocity is the axis of the swing, z. Without gravity in the
    signal, z is the main axis of the angular velocity and y the second one. After OpenMetabolics' calibration of
    each bout, with the principal axis in closed form instead of a search over angles.

    A phone slips in its pocket, so a long bout is calibrated anew every 30 s; the axes of each piece keep the
    direction of the piece before.
    """
    pieces: list[np.ndarray] = []
    before: np.ndarray | None = None
    count = max(1, round(len(gyroscope) / (PIECE * RATE)))
    for moved, felt in zip(np.array_split(gyroscope, count), np.array_split(accelerometer, count), strict=True):
        axes = _axes(moved, felt)
        if before is not None and axes[:, 2] @ before[:, 2] < 0:
            axes = axes * np.array([-1.0, 1.0, -1.0])
        pieces.append(moved @ axes)
        before = axes
    return np.concatenate(pieces)


def _axes(gyroscope: np.ndarray, accelerometer: np.ndarray) -> np.ndarray:
    """Columns x, y, z of the thigh in the phone's coordinates."""
    gravity = accelerometer.mean(axis=0)
    length = float(np.linalg.norm(gravity))
    if length >= LEAST_GRAVITY:
        up = gravity / length
        swing = _main_axis(gyroscope - np.outer(gyroscope @ up, up))
        swing = swing - up * (swing @ up)
        swing /= max(float(np.linalg.norm(swing)), 1e-12)
    else:
        swing = _main_axis(gyroscope)
        up = _main_axis(gyroscope - np.outer(gyroscope @ swing, swing))
    return np.column_stack([np.cross(up, swing), up, swing])


def _main_axis(vectors: np.ndarray) -> np.ndarray:
    """Unit vector along which the mean square of the vectors is greatest."""
    return np.linalg.eigh(vectors.T @ vectors)[1][:, -1]


def forward(aligned: np.ndarray, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The aligned signal with the swing forward positive, and the index ranges (k, 2) of its cycles.

    Both ways round are segmented and each cycle is compared with the mean swing of walking, running, cycling and
    climbing; the way whose cycles fit better is the right one.

    Args:
        aligned: What `align` gives.
        templates: Mean swings with zero mean and unit norm, shape (kinds, 30).
    """
    turned = aligned * np.array([-1.0, 1.0, -1.0])
    fit, ranges = _fit(aligned, templates)
    turned_fit, turned_ranges = _fit(turned, templates)
    return (aligned, ranges) if fit >= turned_fit else (turned, turned_ranges)


def _fit(signal: np.ndarray, templates: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over the cycles of the best correlation with a template, and the cycles' ranges."""
    ranges = cycle_ranges(swing_peaks(signal[:, 2]))
    if not len(ranges):
        return -1.0, ranges
    swing = resample_cycles(signal, ranges)[:, 2]
    swing = swing - swing.mean(axis=1, keepdims=True)
    swing /= np.linalg.norm(swing, axis=1, keepdims=True) + 1e-9
    return float((swing @ templates.T).max(axis=1).mean()), ranges

