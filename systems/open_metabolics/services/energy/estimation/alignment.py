"""From the phone's axes to the thigh's: x anterior-posterior, y up the leg, z the axis of the swing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .filters import RATE
from .gait import cycle_ranges, resample_cycles, swing_peaks

#: g. Below this mean length the accelerometer holds no gravity (a phone that reports user acceleration only).
LEAST_GRAVITY = 0.3
HALF_TURN = np.array([-1.0, 1.0, -1.0])
#: Cycles. A bout with at least so many is sure of its own direction; a shorter one listens to the whole
#: session.
SURE = 10
#: Seconds after which a bout is calibrated anew.
PIECE = 30.0


@dataclass(frozen=True)
class Aligned:
    """One bout in thigh axes.

    Args:
        signal: Angular velocity, rad/s, shape (n, 3).
        axis: Unit vector of the swing's axis in the phone's coordinates.
    """

    signal: np.ndarray
    axis: np.ndarray

    def turned(self) -> Aligned:
        """The same after half a turn about y."""
        return Aligned(self.signal * HALF_TURN, -self.axis)


def align(gyroscope: np.ndarray, accelerometer: np.ndarray) -> Aligned:
    """One bout in thigh axes, up to half a turn about y.

    The mean acceleration gives y: while a leg moves, its long axis points along gravity on average. Of the
    directions across y, the one that holds most of the angular velocity is the axis of the swing, z. Without
    gravity in the signal, z is the main axis of the angular velocity and y the second one. After
    OpenMetabolics' calibration of each bout, with the principal axis in closed form instead of a search over
    angles.

    A phone slips in its pocket, so a long bout is calibrated anew every 30 s; the axes of each piece keep the
    direction of the piece before.
    """
    pieces: list[np.ndarray] = []
    axis = np.zeros(3)
    before: np.ndarray | None = None
    count = max(1, round(len(gyroscope) / (PIECE * RATE)))
    for moved, felt in zip(np.array_split(gyroscope, count), np.array_split(accelerometer, count), strict=True):
        axes = _axes(moved, felt)
        if before is not None and axes[:, 2] @ before[:, 2] < 0:
            axes = axes * HALF_TURN
        pieces.append(moved @ axes)
        axis = axis + len(moved) * axes[:, 2]
        before = axes
    return Aligned(np.concatenate(pieces), axis / max(float(np.linalg.norm(axis)), 1e-12))


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


def forward(bouts: list[Aligned], templates: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each bout, its signal with the swing forward positive and index ranges (k, 2) of its gait cycles.

    Both ways round are segmented and each cycle is compared with the mean swing of walking, running, cycling
    and climbing; the way whose cycles fit better is the right one. A bout of few cycles is decided by all
    bouts of the session together, each with the weight of its cycles and as far as the phone lay the same
    way.

    Args:
        bouts: What `align` gives for each bout of a session.
        templates: Mean swings with zero mean and unit norm, shape (kinds, 30).
    """
    if not bouts:
        return []
    fits = [(_fit(bout.signal, templates), _fit(bout.turned().signal, templates)) for bout in bouts]
    count = np.array([max(len(one[1]), len(two[1])) for one, two in fits])
    votes = np.array([one[0] - two[0] for one, two in fits]) * count
    axes = np.array([bout.axis for bout in bouts])
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for number, bout in enumerate(bouts):
        vote = votes[number] if count[number] >= SURE else float((axes @ bout.axis) @ votes)
        side = 0 if vote >= 0 else 1
        found.append(((bout if side == 0 else bout.turned()).signal, fits[number][side][1]))
    return found


def _fit(signal: np.ndarray, templates: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over the cycles of the best correlation with a template, and the cycles' ranges."""
    ranges = cycle_ranges(swing_peaks(signal[:, 2]))
    if not len(ranges):
        return -1.0, ranges
    swing = resample_cycles(signal, ranges)[:, 2]
    swing = swing - swing.mean(axis=1, keepdims=True)
    swing /= np.linalg.norm(swing, axis=1, keepdims=True) + 1e-9
    return float((swing @ templates.T).max(axis=1).mean()), ranges
