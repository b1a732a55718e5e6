"""Read the samples of a session from the raw table into arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared import raw, timestamps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED = (*raw.GYROSCOPE, *raw.ACCELEROMETER)


class UnusableSession(Exception):
    """The samples of a session cannot give an estimate; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples in time order, no time twice: `time` (n,) in s, `gyroscope` (n, 3) in rad/s, `accelerometer`
    (n, 3) in g."""

    time: NDArray[np.float64]
    gyroscope: NDArray[np.float64]
    accelerometer: NDArray[np.float64]


def read(
    table: str, session_id: str, on_page: Callable[[int], None], *, max_samples: int = 1_000_000
) -> Recording:
    """All samples of a session.

    Batches may overlap, as after an upload that was repeated with other limits: of two samples with the same
    microsecond the one that stands first in the table counts.

    Args:
        on_page: called after each page with the number of samples so far.
        max_samples: more are refused: a worker that runs out of memory would take the job with
            it, three times.

    Raises:
        UnusableSession: no samples, a sensor is missing, or there are too many.
    """
    import numpy as np

    times: array[int] = array("q")
    values: tuple[array[float], ...] = tuple(array("f") for _ in NEEDED)
    for page in raw.pages(table, session_id):
        for item in page:
            if "Samples" in item:
                _add_chunk(item, times, values)
            else:
                _add_row(item, times, values)
        if len(times) > max_samples:
            raise UnusableSession(f"the session has more than {max_samples} samples: record shorter ones")
        on_page(len(times))
    if not times:
        raise UnusableSession("the session has no samples")
    moments, order = np.unique(np.frombuffer(times, dtype=np.int64), return_index=True)
    columns = [np.frombuffer(column, dtype=np.float32)[order].astype(np.float64) for column in values]
    return Recording(moments / 1e6, np.column_stack(columns[:3]), np.column_stack(columns[3:]))


def _add_row(item: dict[str, Any], times: array[int], values: tuple[array[float], ...]) -> None:
    try:
        numbers = [float(item[name]["N"]) for name in NEEDED]
    except KeyError:
        raise _incomplete(name for name in NEEDED if name not in item) from None
    times.append(timestamps.parse_key(item["Timestamp"]["S"]))
    for column, number in zip(values, numbers, strict=True):
        column.append(number)


def _add_chunk(item: dict[str, Any], times: array[int], values: tuple[array[float], ...]) -> None:
    samples = raw.decode(item)
    by_name = dict(zip(samples.columns, samples.values, strict=True))
    if any(name not in by_name for name in NEEDED):
        raise _incomplete(name for name in NEEDED if name not in by_name)
    times.extend(samples.times)
    for column, name in zip(values, NEEDED, strict=True):
        column.extend(by_name[name])


def _incomplete(absent: Iterable[str]) -> UnusableSession:
    return UnusableSession(f"samples without {', '.join(absent)}: all of {', '.join(NEEDED)} are needed")
