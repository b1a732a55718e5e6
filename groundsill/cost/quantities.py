"""Quantities as people write them: ``1M/day``, ``20 KB``, ``30 GB/month``, ``70%``, ``200 ms``, ``10..20..60``."""

from __future__ import annotations

import enum
import math
import re
from typing import Any

from groundsill.cost.amount import Amount, exactly

HOURS_PER_MONTH = 730
"""Hours of the month that AWS's own calculator counts: 365 days by 24 hours by a twelfth (AWS Pricing Calculator)."""
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
_PERIODS = {
    "s": HOURS_PER_MONTH * 3600, "second": HOURS_PER_MONTH * 3600, "min": HOURS_PER_MONTH * 60,
    "minute": HOURS_PER_MONTH * 60, "h": HOURS_PER_MONTH, "hour": HOURS_PER_MONTH, "d": DAYS_PER_MONTH,
    "day": DAYS_PER_MONTH, "week": DAYS_PER_MONTH / 7, "month": 1, "mo": 1, "year": 1 / 12,
}
_COUNTS = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "B": 1e9}
# AWS bills a gigabyte of 2^30 bytes, so that is what a GB is here ("Amazon EC2 pricing": GB of data transfer).
_SIZES = {"B": 1.0, "KB": 2.0**10, "MB": 2.0**20, "GB": 2.0**30, "TB": 2.0**40,
          "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_SIZE_NAMES = ("KB", "MB", "GB", "TB")
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)\s*([A-Za-z%]*)\s*(?:(?:/|per )\s*([A-Za-z]+))?\s*"
_MOST = 1e18


class Dimension(enum.Enum):
    """What a quantity counts, and how it is written."""

    COUNT = "a number, for example 1000 or \"10k\""
    RATE = "a number in a time, for example \"1M/day\" or \"30k/month\""
    SIZE = "a size, for example \"20 KB\" or \"1.5 MB\""
    STORED = "a size, for example \"100 GB\""
    GROWTH = "a size in a time, for example \"30 GB/month\""
    TIME = "a duration, for example \"200 ms\" or \"15 min\""
    SHARE = "a share, for example \"70%\" or 0.7"
    HOURS = "hours in a time, for example \"12 h/day\" or \"176 h/month\""
    SHARES = "a table of shares, for example { \"POST /orders\" = \"70%\" }"
    COUNTS = "a table of numbers, for example { \"orders.write\" = 2 }"


def read_quantity(value: Any, dimension: Dimension) -> Amount:
    """The amount that a user wrote, in a month, in bytes, in seconds, as a share of one or in hours a month.

    Arguments:
        value: a number, or text; ``low..expected..high`` for one that is not known exactly.
        dimension: what it must be.

    Raises:
        ValueError: where it is something else.

    Example:
        >>> read_quantity("1M/day", Dimension.RATE).expected
        30416666.666666668
        >>> read_quantity("10 ms..20 ms..1 s", Dimension.TIME)
        Amount(low=0.01, expected=0.02, high=1.0)
    """
    if isinstance(value, str) and ".." in value:
        parts = [read_quantity(part, dimension).expected for part in value.split("..")]
        if len(parts) != 3:
            raise ValueError(f"{value!r} has {len(parts)} estimates; write low..expected..high")
        if parts != sorted(parts):
            raise ValueError(f"{value!r} does not rise from low to high")
        return Amount(*parts)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not {dimension.value}")
    number, unit, period = _parts(value, dimension)
    found = _in_units(number, unit, period, dimension, value)
    if not math.isfinite(found) or found > _MOST:
        raise ValueError(f"{value!r} is too large to be meant")
    if dimension is Dimension.SHARE and found > 1:
        raise ValueError(f"{value!r} is more than all of it")
    if dimension is Dimension.HOURS and found > HOURS_PER_MONTH + 14:
        raise ValueError(f"{value!r} is more than a month has")
    return exactly(min(found, HOURS_PER_MONTH) if dimension is Dimension.HOURS else found)


def _parts(value: float | str, dimension: Dimension) -> tuple[float, str, str]:
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            raise ValueError("the number is too large to be meant") from None
        if number < 0 or not math.isfinite(number):
            raise ValueError(f"{value!r} is not {dimension.value}")
        return number, "", ""
    match = re.fullmatch(_FORM, value[:100])
    if not match:
        raise ValueError(f"{value[:100]!r} is not {dimension.value}")
    return float(match[1].replace(",", "").replace("_", "")), match[2], match[3] or ""


def _in_units(number: float, unit: str, period: str, dimension: Dimension, value: Any) -> float:
    def wrong() -> ValueError:
        return ValueError(f"{value!r} is not {dimension.value}")

    if period and period not in _PERIODS:
        raise ValueError(f"{value!r}: `{period}` is no time; known are {', '.join(_PERIODS)}")
    if bool(period) != (dimension in (Dimension.RATE, Dimension.GROWTH, Dimension.HOURS)) and number:
        raise wrong()
    per_month = _PERIODS.get(period, 1)
    match dimension:
        case Dimension.COUNT | Dimension.RATE if unit in _COUNTS:
            return number * _COUNTS[unit] * per_month
        case Dimension.SIZE | Dimension.STORED | Dimension.GROWTH if unit in _SIZES or not number:
            return number * _SIZES.get(unit, 1) * per_month
        case Dimension.TIME if unit in _TIMES or not number:
            return number * _TIMES.get(unit, 1)
        case Dimension.SHARE if unit in ("", "%"):
            return number / 100 if unit else number
        case Dimension.HOURS if unit in ("h", "hours", "hour", ""):
            return number * per_month
        case _:
            raise wrong()


def count_text(value: float) -> str:
    """A number as it is shown: ``30.4M``, ``2``, ``0.25``.

    Example:
        >>> [count_text(number) for number in (30416666.67, 1500, 730, 0.25, 0)]
        ['30.4M', '1,500', '730', '0.25', '0']
    """
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    if value >= 10_000:
        return f"{value / 1e3:.3g}k" if value < 999_500 else "1M"
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.2g}"


def size_text(value: float) -> str:
    """A number of bytes as it is shown: ``20 KB``."""
    name, size = "B", 1.0
    for greater in _SIZE_NAMES:
        if value < size * 1024:
            break
        name, size = greater, size * 1024
    return f"{value / size:,.0f} {name}" if value / size >= 100 else f"{value / size:.3g} {name}"


def time_text(value: float) -> str:
    """A number of seconds as it is shown: ``200 ms``."""
    if value >= 3600:
        return f"{value / 3600:.3g} h"
    if value >= 120:
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def quantity_text(value: float, dimension: Dimension) -> str:
    """A value of a dimension as a user would write it."""
    match dimension:
        case Dimension.SIZE | Dimension.STORED:
            return size_text(value)
        case Dimension.GROWTH:
            return f"{size_text(value)}/month"
        case Dimension.RATE:
            return f"{count_text(value)}/month"
        case Dimension.TIME:
            return time_text(value)
        case Dimension.SHARE:
            return f"{value * 100:.3g}%"
        case Dimension.HOURS:
            return f"{count_text(value)} h/month"
        case _:
            return count_text(value)


def amount_text(amount: Amount, dimension: Dimension) -> str:
    """An amount as a user would write it, with its bounds where it has any."""
    if amount.exact:
        return quantity_text(amount.expected, dimension)
    return (f"{quantity_text(amount.expected, dimension)} ({quantity_text(amount.low, dimension)} to "
            f"{quantity_text(amount.high, dimension)})")
