"""Durations as people write them."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FORM = r"(\d+)\s*([smhdw])"


def seconds(duration: int | str) -> int:
    """A duration in seconds.

    Arguments:
        duration: whole seconds, or text such as ``"90s"``, ``"15m"``, ``"2h"``, ``"14d"``, ``"1h 30m"``.

    Raises:
        ValueError: where the text is not a duration.
        TypeError: where it is neither a number nor text.

    Example:
        >>> seconds("2h"), seconds("1h 30m"), seconds(45)
        (7200, 5400, 45)
    """
    if isinstance(duration, bool) or not isinstance(duration, int | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{duration!r} is not a duration: write seconds as a number, or text such as \"15m\" or \"2h\"")
    if isinstance(duration, int):
        if duration < 0:
            raise ValueError(f"a duration of {duration} s is negative")
        return duration
    if not re.fullmatch(rf"\s*(?:{_FORM}\s*)+", duration):
        raise ValueError(f"{duration!r} is not a duration: write for example \"90s\", \"15m\", \"2h\" or \"14d\"")
    return sum(int(amount) * _SECONDS[unit] for amount, unit in re.findall(_FORM, duration))
