"""A simulated walk with a phone in the trouser pocket, for where no recording is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .samples import make_samples

if TYPE_CHECKING:
    from ..services.energy.estimation import Samples


@dataclass(frozen=True)
class Gait:
    """One way of moving: duration of a cycle in s, and Fourier series of the thigh's angular velocity in rad/s.

    Each axis holds (cosine, sine) of the first harmonics of a cycle that starts at the forward swing. They
    are drawn by hand after the usual shape of the thigh's motion, not copied from a person. `bounce` is the
    vertical acceleration of the body in g, twice a cycle.
    """

    duration: float
    x: tuple[tuple[float, float], ...]
    y: tuple[tuple[float, float], ...]
    z: tuple[tuple[float, float], ...]
    bounce: float


STILL = Gait(1.0, (), (), (), 0.0)
SLOW = Gait(
    1.25,
    ((0.2, -0.2), (0.2, -0.1)),
    ((0.1, -0.3), (0.2, -0.2), (0.2, -0.3)),
    ((1.3, 0.4), (0.7, 0.15), (0.4, 0.2)),
    0.08,
)
FAST = Gait(
    0.98,
    ((0.2, -0.3), (0.1, -0.2)),
    ((-0.1, -0.7), (0.1, -0.3), (0.2, -0.1)),
    ((2.1, 1.0), (0.95, -0.1), (0.4, 0.4)),
    0.22,
)
STAIRS = Gait(1.7, ((-0.1, -0.15),), ((-0.4, 0.1), (-0.1, 0.0)), ((1.5, -0.25), (0.5, 0.2), (0.1, 0.05)), 0.1)

#: One round of the walk: a way of moving and its share of the round.
ROUND = (
    (STILL, 0.04), (SLOW, 0.26), (FAST, 0.28), (STILL, 0.05), (STAIRS, 0.12), (SLOW, 0.08), (FAST, 0.14),
    (STILL, 0.03),
)  # fmt: skip
ROUND_SECONDS = 300.0

#: Noise of a phone's sensors: rad/s and g.
GYROSCOPE_NOISE = 0.02
ACCELEROMETER_NOISE = 0.015
#: Seconds in which one way of moving fades into the next.
FADE = 1.5


def simulate_walk(minutes: float = 20, rate: float = 50, seed: int = 7) -> Samples:
    """A walk with rest, slow and fast walking, stairs and pauses.

    The phone lies askew in the pocket and slips a little; every cycle differs in duration and strength;
    gravity and sensor noise are in the signals. The same arguments give the same samples.

    Args:
        minutes: Length, at least 0.1.
        rate: Samples a second, 10 to 400.
        seed: Which walk.

    Raises:
        ValueError: An argument is out of range; the text names it.

    Example:
        >>> len(simulate_walk(minutes=1).time)
        3000
    """
    if not minutes >= 0.1:
        raise ValueError(f"minutes must be at least 0.1, got {minutes}")
    if not 10 <= rate <= 400:
        raise ValueError(f"rate must lie between 10 and 400 samples a second, got {rate}")
    generator = np.random.default_rng(seed)
    count = round(minutes * 60 * rate)
    time = np.arange(count) / rate
    thigh = np.zeros((count, 3))
    bounce = np.zeros(count)
    for gait, part in _plan(time):
        own = time[part] - time[part.start]
        envelope = np.clip(np.minimum(own, own[-1] - own) / FADE, 0.0, 1.0)
        phase, strength = _phase(own, gait.duration, generator)
        for axis, series in enumerate((gait.x, gait.y, gait.z)):
            for number, (cosine, sine) in enumerate(series, start=1):
                wave = cosine * np.cos(number * phase) + sine * np.sin(number * phase)
                thigh[part, axis] += envelope * strength * wave
        bounce[part] += envelope * gait.bounce * np.cos(2 * phase - 0.6)
    # The angle of the thigh tilts gravity in its frame; slow leakage keeps the integral from wandering off.
    angle = _leaky_integral(thigh[:, 2], rate)
    felt = np.column_stack([np.sin(angle), np.cos(angle) + bounce, np.zeros(count)])
    pocket = _pocket(time, generator)
    gyroscope = np.einsum("ni,nij->nj", thigh, pocket) + GYROSCOPE_NOISE * generator.standard_normal((count, 3))
    accelerometer = np.einsum("ni,nij->nj", felt, pocket) + ACCELEROMETER_NOISE * generator.standard_normal((count, 3))
    return make_samples(time, gyroscope, accelerometer)


def _plan(time: np.ndarray) -> Iterator[tuple[Gait, slice]]:
    """The ways of moving one after the other, each with its part of the samples."""
    length = float(time[-1])
    rounds = max(1, round(length / ROUND_SECONDS))
    borders = np.cumsum([0.0] + [share for _, share in ROUND * rounds]) * (length / rounds)
    starts = np.searchsorted(time, borders)
    for number, (gait, _) in enumerate(ROUND * rounds):
        first, last = int(starts[number]), int(starts[number + 1])
        if gait is not STILL and last > first:
            yield gait, slice(first, last)


def _phase(time: np.ndarray, duration: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Phase in radians and strength around 1, both varying slowly from cycle to cycle."""
    cycles = int(time[-1] / duration * 1.3) + 3
    own = duration * np.clip(1 + 0.025 * generator.standard_normal(cycles), 0.85, 1.15)
    ends = np.r_[0.0, np.cumsum(own)]
    phase = 2 * np.pi * np.interp(time, ends, np.arange(cycles + 1))
    strength = np.interp(time, ends[:-1], 1 + 0.06 * generator.standard_normal(cycles))
    return phase, strength


def _leaky_integral(velocity: np.ndarray, rate: float) -> np.ndarray:
    """Integral without its slow part (below 0.3 Hz)."""
    frequency = np.fft.rfftfreq(len(velocity), 1 / rate)
    spectrum = np.fft.rfft(velocity)
    keep = frequency > 0.3
    spectrum[keep] /= 2j * np.pi * frequency[keep]
    spectrum[~keep] = 0
    return np.fft.irfft(spectrum, len(velocity))


def _pocket(time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Rotation from thigh to phone at each time, shape (n, 3, 3): askew, and slipping by some degrees."""
    slip = 0.1 * np.sin(2 * np.pi * time / 190.0 + generator.uniform(0, 6)) + 0.05 * np.sin(2 * np.pi * time / 41.0)
    yaw = 0.9 + slip + generator.uniform(-0.4, 0.4)
    tilt = 0.15 + 0.3 * slip
    zero, one = np.zeros_like(time), np.ones_like(time)
    about_y = np.array([[np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)]])
    about_x = np.array([[one, zero, zero], [zero, np.cos(tilt), -np.sin(tilt)], [zero, np.sin(tilt), np.cos(tilt)]])
    return np.einsum("ijn,jkn->nik", about_y, about_x)
