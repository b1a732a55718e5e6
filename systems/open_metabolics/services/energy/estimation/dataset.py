"""Labelled gait cycles: reading the file and checking its form."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .features import features

#: age, sex, mass, height, duration, then 3 axes x 30 points.
COLUMNS = 95
FIRST_POINT = 5


class DatasetError(Exception):
    """The file is not of the form of `training.npz`; the text says what is wrong and what was expected."""


@dataclass(frozen=True)
class Dataset:
    """Gait cycles with their measured metabolic rate.

    Args:
        x: (n, 95): age, sex, mass (kg), height (m), duration (s), angular velocity x, y, z at 30 points each
            (rad/s).
        y: (n,) watts.
        subject: (n,) who.
        condition: (n,) what, such as `C02`.
    """

    x: np.ndarray
    y: np.ndarray
    subject: np.ndarray
    condition: np.ndarray

    @property
    def cycles(self) -> np.ndarray:
        """Angular velocity, shape (n, 3, 30)."""
        return self.x[:, FIRST_POINT:].reshape(len(self.x), 3, -1)

    @cached_property
    def features(self) -> np.ndarray:
        """Feature matrix of all rows."""
        return features(self.cycles, self.x[:, 4], self.x[:, 2], self.x[:, 3])

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """All (subject, condition) pairs, sorted."""
        return sorted({(str(s), str(c)) for s, c in zip(self.subject, self.condition, strict=True)})

    @cached_property
    def pair(self) -> np.ndarray:
        """For every row, the index of its pair."""
        number = {pair: index for index, pair in enumerate(self.pairs)}
        keys = zip(self.subject, self.condition, strict=True)
        return np.array([number[str(s), str(c)] for s, c in keys], dtype=np.intp)

    @cached_property
    def subjects(self) -> list[str]:
        """All people, sorted."""
        return sorted({subject for subject, _ in self.pairs})

    def rows(self, subjects: list[str]) -> Dataset:
        """Only the rows of these people."""
        keep = np.isin(self.subject, subjects)
        return Dataset(self.x[keep], self.y[keep], self.subject[keep], self.condition[keep])

    def fingerprints(self) -> list[str]:
        """One short hash a pair, of mass, height and measured rate: knows it again, whatever its names."""
        found: set[str] = set()
        for index in range(len(self.pairs)):
            row = int(np.flatnonzero(self.pair == index)[0])
            key = np.array([self.x[row, 2], self.x[row, 3], self.y[row]], dtype="<f4").tobytes()
            found.add(hashlib.sha256(key).hexdigest()[:16])
        return sorted(found)


def load_dataset(path: Path) -> Dataset:
    """Read and check a file of the form of `training.npz`.

    Raises:
        DatasetError: No such file, not an npz archive, an array is missing, of a wrong shape or type, or
            holds values that are not finite or not possible.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in ("x", "y", "subject", "condition") if name not in archive]
            if missing:
                raise DatasetError(
                    f"{path}: array {', '.join(missing)} is missing; found {', '.join(archive) or 'none'}"
                )
            x, y, subject, condition = (archive[name] for name in ("x", "y", "subject", "condition"))
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as problem:
        raise DatasetError(f"{path}: cannot be read as an npz archive without pickled objects: {problem}") from None
    problem = _problem(x, y, subject, condition)
    if problem:
        raise DatasetError(f"{path}: {problem}")
    return Dataset(x.astype(np.float64), y.astype(np.float64), subject.astype(str), condition.astype(str))


def _problem(x: np.ndarray, y: np.ndarray, subject: np.ndarray, condition: np.ndarray) -> str | None:
    """What is wrong with the arrays, or None."""
    if x.ndim != 2 or x.shape[1] != COLUMNS:
        return f"x has shape {x.shape}; expected (rows, {COLUMNS})"
    if not len(x):
        return "x has no rows"
    for name, array in (("y", y), ("subject", subject), ("condition", condition)):
        if array.shape != (len(x),):
            return f"{name} has shape {array.shape}; expected ({len(x)},) as x has {len(x)} rows"
    for name, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "fiu":
            return f"{name} has type {array.dtype}; expected numbers"
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            return f"{name} is not finite at row {int(wrong[0][0])}"
    for name, values in (
        ("mass (x column 2)", x[:, 2]),
        ("height (x column 3)", x[:, 3]),
        ("duration (x column 4)", x[:, 4]),
        ("y", y),
    ):
        wrong = np.flatnonzero(values <= 0)
        if len(wrong):
            return f"{name} must be positive, row {int(wrong[0])} has {values[wrong[0]]:g}"
    return None
