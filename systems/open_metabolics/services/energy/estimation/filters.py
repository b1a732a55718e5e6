"""Even sampling and the low-pass filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .values import Samples

#: Hz. Everything after the filter works on this grid: the rate the phone app records at.
RATE = 50.0
#: Hz and order of the zero-phase Butterworth filter. Source: Slade et al. 2021, Methods (6 Hz, 4th order).
CUTOFF = 6.0
ORDER = 4
#: Seconds. A longer pause between two samples is a gap: nothing is known there and it counts as rest.
GAP = 2.0
#: Seconds. A stretch shorter than this cannot hold a gait cycle and is not filtered at all.
SHORTEST = 2.0
#: Hz. Sampling above this is averaged down first; below the lower figure, swings of running are not resolved.
FASTEST = 400.0
SLOWEST = 12.0


@dataclass(frozen=True)
class Stretch:
    """Filtered samples on an even grid of `RATE` Hz without a gap; start in seconds, arrays (n, 3)."""

    start: float
    gyroscope: np.ndarray
    accelerometer: np.ndarray

    @property
    def end(self) -> float:
        """Seconds; one past the last grid point."""
        return self.start + len(self.gyroscope) / RATE


def low_pass(signal: np.ndarray, rate: float) -> np.ndarray:
    """Zero-phase low-pass of every column of `signal` (n, k), sampled at `rate` Hz.

    The gain is that of a Butterworth filter run forwards and backwards, 1 / (1 + (f / cutoff)^(2 x order)),
    applied to the spectrum of the signal continued by odd reflection, so no edge transient appears.
    """
    count = len(signal)
    if count < 3:
        return signal.copy()
    pad = min(count - 1, int(rate))
    head = 2 * signal[0] - signal[pad:0:-1]
    tail = 2 * signal[-1] - signal[-2 : -pad - 2 : -1]
    padded = np.concatenate([head, signal, tail])
    size = _even_size(len(padded))
    frequency = np.fft.rfftfreq(size, 1.0 / rate)
    gain = 1.0 / (1.0 + (frequency / CUTOFF) ** (2 * ORDER))
    # The filler up to the transform's size runs evenly from the last value to the first: no step at the seam.
    filler = np.linspace(padded[-1], padded[0], size - len(padded) + 2)[1:-1]
    spectrum = np.fft.rfft(np.concatenate([padded, filler]), axis=0) * gain[:, None]
    return np.fft.irfft(spectrum, size, axis=0)[pad : pad + count]


def _even_size(count: int) -> int:
    """The next size whose transform is fast: 2^a, 3 x 2^a or 5 x 2^a."""
    sizes = [factor << max(0, int(np.ceil(np.log2(max(1.0, count / factor))))) for factor in (1, 3, 5)]
    return max(2, min(size + size % 2 for size in sizes))


def stretches(samples: Samples) -> list[Stretch]:
    """Cut the samples at gaps, put each part on an even grid, filter it and bring it to `RATE` Hz.

    Uneven sampling and rates from 12 to 400 Hz are accepted; a part that is shorter than two seconds or
    sampled more slowly is left out, and so counts as rest.
    """
    time = samples.time
    cuts = np.flatnonzero(np.diff(time) > GAP) + 1
    found: list[Stretch] = []
    for first, last in zip(np.r_[0, cuts], np.r_[cuts, len(time)], strict=True):
        length = time[last - 1] - time[first]
        if last - first < 3 or length < SHORTEST or (last - first) / length < SLOWEST:
            continue
        both = np.concatenate([samples.gyroscope[first:last], samples.accelerometer[first:last]], axis=1)
        found.append(_even(time[first:last], both))
    return found


def _even(time: np.ndarray, values: np.ndarray) -> Stretch:
    # The mean rate, not the median interval: phones write several samples with nearly the same time.
    length = time[-1] - time[0]
    rate = min(FASTEST, max(RATE, (len(time) - 1) / length))
    grid = time[0] + np.arange(int(length * rate) + 1) / rate
    filtered = low_pass(_interpolate(grid, time, values), rate)
    if rate != RATE:
        target = time[0] + np.arange(int(length * RATE) + 1) / RATE
        filtered = _interpolate(target, grid, filtered)
    return Stretch(float(time[0]), filtered[:, :3], filtered[:, 3:])


def _interpolate(at: np.ndarray, time: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.column_stack([np.interp(at, time, values[:, axis]) for axis in range(values.shape[1])])
