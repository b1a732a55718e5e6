"""The recorded walk, where it is at hand. It is research data and no part of the repository."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .samples import make_samples

if TYPE_CHECKING:
    from ..services.energy.estimation import Samples

FILE_NAME = "pocket_session.csv.gz"
FOLDER = Path("shared/data/open-metabolics")
ENVIRONMENT = "OPEN_METABOLICS_DATA"


class RecordingError(Exception):
    """The file is no recording; the text says what is wrong with it."""


def find_recording(start: Path) -> Path | None:
    """Path of the recorded walk, or None.

    Looked for in the folder that `OPEN_METABOLICS_DATA` names (then nowhere else), or as
    `shared/data/open-metabolics/pocket_session.csv.gz` beside `start` or any folder above it.

    Args:
        start: A folder, usually the repository's root.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        candidates = [Path(named) / FILE_NAME, Path(named)]
    else:
        start = start.resolve()
        candidates = [folder / FOLDER / FILE_NAME for folder in (start, *start.parents)]
    return next((path for path in candidates if path.is_file()), None)


def load_recording(path: Path) -> Samples:
    """Read a recording: no header; time (s), gyroscope x, y, z (rad/s), accelerometer x, y, z (g); gzip or plain.

    Raises:
        RecordingError: The file cannot be read, or a row does not hold seven finite numbers.
    """
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        lines = text.decode("ascii").split("\n")
        table = np.loadtxt(lines, delimiter=",", ndmin=2) if any(map(str.strip, lines)) else np.zeros((0, 7))
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        raise RecordingError(f"{path}: {problem}") from None
    if table.ndim != 2 or table.shape[1] != 7 or not len(table):
        raise RecordingError(f"{path}: expected rows of 7 columns, found shape {table.shape}")
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        raise RecordingError(f"{path}: row {int(wrong[0][0]) + 1} holds a value that is not finite")
    return make_samples(table[:, 0], table[:, 1:4], table[:, 4:])
