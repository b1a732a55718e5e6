"""Sample times as sort keys.

The raw table sorts by a string, where "10.0" comes before "9.0". So every time is normalised to seconds with
ten whole and six decimal digits, `0000000001.000000`: string order is time order, and microseconds are exact.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

MICROSECONDS = 1_000_000
# Ten whole digits: until the year 2286, if the seconds count from 1970.
LIMIT = 10**10 * MICROSECONDS
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A first sample at or after 2000-01-01 is read as wall-clock time, an earlier one as a phone's own counter.
WALL_CLOCK = 946_684_800 * MICROSECONDS


def parse(text: str) -> int:
    """Microseconds of a time written as seconds (`1.0`) or as ISO-8601 with an offset.

    Raises:
        ValueError: with a sentence that says what is wrong, without repeating the input.

    Example:
        >>> parse("1.5"), parse("1970-01-01T00:00:02Z")
        (1500000, 2000000)
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        try:
            exact = Decimal(text)
        except InvalidOperation:
            raise ValueError("is not a number that can be used") from None
        if exact.adjusted() > 9:
            raise ValueError("is too large: send seconds, not milliseconds")
        microseconds = int((exact * MICROSECONDS).to_integral_value())
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("is neither a finite number of seconds nor an ISO-8601 time") from None
        if moment.tzinfo is None:
            raise ValueError("has no offset from UTC: end it with Z or +00:00")
        microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    if not 0 <= microseconds < LIMIT:
        raise ValueError("is out of range: it must be from 0 to 9999999999 seconds")
    return microseconds


def format_key(microseconds: int) -> str:
    """The sort key of a time.

    Example:
        >>> format_key(1_500_000)
        '0000000001.500000'
    """
    whole, rest = divmod(microseconds, MICROSECONDS)
    return f"{whole:010d}.{rest:06d}"


def parse_key(key: str) -> int:
    """The microseconds of a sort key; raises ValueError for a string `format_key` does not write."""
    whole, dot, rest = key.partition(".")
    if len(whole) != 10 or dot != "." or len(rest) != 6:
        raise ValueError(f"not a sample time: {key!r}")
    return int(whole) * MICROSECONDS + int(rest)


def iso(milliseconds: int) -> str:
    """ISO-8601 UTC of milliseconds since 1970, the form of every time in an answer.

    Example:
        >>> iso(1_500)
        '1970-01-01T00:00:01.500Z'
    """
    return (
        (_EPOCH + timedelta(milliseconds=milliseconds))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
