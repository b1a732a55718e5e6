"""Gait segmentation: from the swing of the thigh to single cycles."""

from __future__ import annotations

import numpy as np

from .filters import RATE

#: rad/s (70 degrees a second) and seconds between two swings. Source: the OpenMetabolics release.
PEAK_HEIGHT = float(np.deg2rad(70.0))
PEAK_DISTANCE = 0.6
#: Seconds. Shorter or longer cycles are no gait (training holds 0.61 to 2.93 s).
SHORTEST = 0.55
LONGEST = 3.5
#: Points a cycle is resampled to, as in the training data.
POINTS = 30


def swing_peaks(swing: np.ndarray) -> np.ndarray:
    """Indices of the forward swings: maxima above 70 degrees/s, 0.6 s apart, the higher one winning."""
    middle = swing[1:-1]
    candidates = np.flatnonzero((middle > swing[:-2]) & (middle >= swing[2:]) & (middle >= PEAK_HEIGHT)) + 1
    distance = int(PEAK_DISTANCE * RATE)
    low = np.searchsorted(candidates, candidates - distance, side="right")
    high = np.searchsorted(candidates, candidates + distance, side="left")
    keep = np.ones(len(candidates), dtype=bool)
    for position in np.argsort(-swing[candidates], kind="stable"):
        if keep[position]:
            keep[low[position] : high[position]] = False
            keep[position] = True
    return candidates[keep]


def cycle_ranges(peaks: np.ndarray) -> np.ndarray:
    """Half-open index ranges (k, 2) from swing to swing, those of a possible duration only."""
    if len(peaks) < 2:
        return np.zeros((0, 2), dtype=np.intp)
    pairs = np.column_stack([peaks[:-1], peaks[1:]])
    duration = (pairs[:, 1] - pairs[:, 0]) / RATE
    return pairs[(duration >= SHORTEST) & (duration <= LONGEST)]


def resample_cycles(gyroscope: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Each cycle at 30 points an axis, shape (k, 3, 30), by its Fourier series (a cycle is periodic)."""
    cycles = np.zeros((len(ranges), 3, POINTS))
    for number, (start, end) in enumerate(ranges):
        spectrum = np.fft.rfft(gyroscope[start:end], axis=0)[: POINTS // 2]
        cycles[number] = np.fft.irfft(spectrum, POINTS, axis=0).T * (POINTS / (end - start))
    return cycles
