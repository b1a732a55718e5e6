"""Read the samples of a session from the raw table into arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import raw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED = (*raw.GYROSCOPE, *raw.ACCELEROMETER)
# 24 hours at 100 Hz take some 300 MB: beyond it the worker would die of memory and take the job with it, three times.
MAX_SAMPLES = 8_640_000


class UnusableSession(Exception):
    """The samples of a session cannot give an estimate; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples in time order, no time twice: `time` (n,) in s, `gyroscope` (n, 3) in rad/s, `accelerometer` (n, 3) in g."""

    time: NDArray[np.float64]
    gyroscope: NDArray[np.float64]
    accelerometer: NDArray[np.float64]


def read(table: str, session_id: str, on_page: Callable[[int], None]) -> Recording:
    """All samples of a session.

    Batches may overlap, as after an upload that was repeated with other limits: of two samples with the same
    microsecond the one that stands first in the table counts.

    Args:
        on_page: called after each page with the number of samples so far.

    Raises:
        UnusableSession: no samples, a sensor is missing, or there are too many.
    """
    import numpy as np

    times: array[int] = array("q")
    values: tuple[array[float], ...] = tuple(array("f") for _ in NEEDED)
    for page in raw.pages(table, session_id):
        for item in page:
            samples = raw.decode(item)
            by_name = dict(zip(samples.columns, samples.values, strict=True))
            absent = [name for name in NEEDED if name not in by_name]
            if absent:
                raise UnusableSession(
                    f"samples without {', '.join(absent)}: all of {', '.join(NEEDED)} are needed"
                )
            times.extend(samples.times)
            for column, name in zip(values, NEEDED, strict=True):
                column.extend(array("f", by_name[name]))
        if len(times) > MAX_SAMPLES:
            raise UnusableSession(f"the session has more than {MAX_SAMPLES} samples: split it")
        on_page(len(times))
    if not times:
        raise UnusableSession("the session has no samples")
    moments, order = np.unique(np.frombuffer(times, dtype=np.int64), return_index=True)
    columns = [np.frombuffer(column, dtype=np.float32)[order].astype(np.float64) for column in values]
    return Recording(moments / 1e6, np.column_stack(columns[:3]), np.column_stack(columns[3:]))
