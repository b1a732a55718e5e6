"""Features of gait cycles, the same for training and for use.

Everything is blind to the sign of the x and y axes: a left leg is the mirror image of a right one, and phones
differ in the sign of gravity, so a model that knew these signs would know something that a pocket cannot tell
it.
"""

from __future__ import annotations

import numpy as np

from .gait import POINTS

AXES = ("x", "y", "z")
HARMONICS = 4

#: Feature names in the order of the columns.
NAMES: tuple[str, ...] = (
    "log_mass",
    "log_height",
    "log_duration",
    *(f"log_rms_{axis}" for axis in AXES),
    *(f"log_rate_rms_{axis}" for axis in AXES),
    "range_x",
    "range_y",
    "max_z",
    "min_z",
    "skew_z",
    "swing_angle",
    "positive_share_z",
    *(f"log_amplitude_{axis}{k}" for axis in AXES for k in range(1, HARMONICS + 1)),
    *(f"cosine_z{k}" for k in range(1, HARMONICS + 1)),
    *(f"sine_z{k}" for k in range(1, HARMONICS + 1)),
)


def features(cycles: np.ndarray, duration: np.ndarray, mass: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Feature matrix (n, len(NAMES)).

    Args:
        cycles: Angular velocity of the thigh, rad/s, shape (n, 3, 30), axes x (anterior-posterior), y (up), z
            (mediolateral, swing forward positive), each cycle starting at the peak of the forward swing.
        duration: Seconds a cycle, shape (n,).
        mass: kg, shape (n,).
        height: m, shape (n,).
    """
    spread = cycles.std(axis=2)
    # Change from point to point in rad/s2, around the cycle.
    rate = (np.roll(cycles, -1, axis=2) - cycles) * (POINTS / duration)[:, None, None]
    spectrum = np.fft.rfft(cycles, axis=2)[:, :, 1 : HARMONICS + 1] / POINTS
    swing = cycles[:, 2]
    centred = swing - swing.mean(axis=1, keepdims=True)
    angle = np.cumsum(centred, axis=1) * (duration / POINTS)[:, None]
    return np.column_stack(
        [
            np.log(mass),
            np.log(height),
            np.log(duration),
            # The small constants keep the logarithm of a still axis finite; they are near the sensor's noise.
            np.log(spread + 0.05),
            np.log(rate.std(axis=2) + 0.5),
            np.ptp(cycles[:, 0], axis=1),
            np.ptp(cycles[:, 1], axis=1),
            swing.max(axis=1),
            swing.min(axis=1),
            (centred**3).mean(axis=1) / (spread[:, 2] + 0.05) ** 3,
            np.ptp(angle, axis=1),
            (swing > 0).mean(axis=1),
            np.log(np.abs(spectrum) + 0.02).reshape(len(cycles), -1),
            spectrum[:, 2].real,
            spectrum[:, 2].imag,
        ]
    )
