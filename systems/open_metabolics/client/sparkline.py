"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """At most `width` characters whose heights follow the values; the lowest bar is the least value.

    More values than characters are averaged in groups of equal share. Values that are not finite are left
    out.

    Example:
        >>> sparkline([1, 2, 3, 8], 4)
        '▁▂▃█'
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return ""
    count = min(width, len(finite))
    edges = [index * len(finite) // count for index in range(count + 1)]
    means = [sum(finite[low:high]) / (high - low) for low, high in pairwise(edges)]
    least, most = min(means), max(means)
    if most <= least:
        return _BARS[0] * count
    return "".join(_BARS[round((mean - least) / (most - least) * (len(_BARS) - 1))] for mean in means)
