"""Where in a stretch the person moves."""

from __future__ import annotations

import numpy as np

from .filters import RATE

#: Seconds of the moving mean and rad/s of its threshold. Source: the OpenMetabolics release (4 s, 0.5 rad/s).
SPAN = 4.0
THRESHOLD = 0.5


def active_bouts(gyroscope: np.ndarray) -> list[tuple[int, int]]:
    """Half-open index ranges in which the mean norm of the angular velocity over 4 s is above 0.5 rad/s.

    Args:
        gyroscope: Filtered angular velocity at `RATE` Hz, rad/s, shape (n, 3).
    """
    norm = np.linalg.norm(gyroscope, axis=1)
    half = int(SPAN * RATE / 2)
    total = np.r_[0.0, np.cumsum(norm)]
    index = np.arange(len(norm))
    low, high = np.maximum(index - half, 0), np.minimum(index + half, len(norm))
    active = (total[high] - total[low]) / (high - low) > THRESHOLD
    edges = np.flatnonzero(np.diff(np.r_[False, active, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
