"""How often a schedule comes in a month: ``rate(1 day)``, ``cron(0 6 ? * SUN *)``.

The forms are those of "Schedule types in EventBridge Scheduler" (docs.aws.amazon.com/scheduler).
"""

from __future__ import annotations

import re

from groundsill.cost.quantities import DAYS_PER_MONTH, HOURS_PER_MONTH

_RATES = {"minute": HOURS_PER_MONTH * 60, "hour": HOURS_PER_MONTH, "day": DAYS_PER_MONTH}
_RATE = r"rate\((\d{1,9}) (minute|hour|day)s?\)"
_NAMES = {name: index for names in (
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
) for index, name in enumerate(names, 1)}


def times_a_month(expression: str) -> float | None:
    """How often a schedule comes in a month on average; None where that cannot be told.

    Example:
        >>> [round(times_a_month(text), 2) for text in ("rate(12 hours)", "cron(0 6 ? * SUN *)", "cron(0/15 * * * ? *)")]
        [60.83, 4.35, 2920.0]
    """
    expression = expression.strip()
    if match := re.fullmatch(_RATE, expression):
        return _RATES[match[2]] / int(match[1]) if int(match[1]) else None
    if expression.startswith("at("):
        return 0.0
    if not expression.startswith("cron(") or not expression.endswith(")"):
        return None
    fields = expression[5:-1].split()
    if len(fields) not in (5, 6):
        return None
    minutes, hours, days, months, weekdays = fields[:5]
    counts = [_count(field, first, last) for field, first, last in (
        (minutes, 0, 59), (hours, 0, 23), (months, 1, 12))]
    a_month = _days(days, weekdays)
    if any(count is None for count in counts) or a_month is None:
        return None
    minute, hour, month = (count or 0 for count in counts)
    return minute * hour * a_month * month / 12


def _days(days: str, weekdays: str) -> float | None:
    """Days of a month that match."""
    if weekdays not in ("?", "*"):
        if "#" in weekdays or "L" in weekdays:
            return 1.0
        count = _count(weekdays, 1, 7)
        return None if count is None else DAYS_PER_MONTH * count / 7
    if days in ("?", "*"):
        return DAYS_PER_MONTH
    if "L" in days or "W" in days:
        return 1.0
    count = _count(days, 1, 31)
    return None if count is None else min(float(count), DAYS_PER_MONTH)


def _count(field: str, first: int, last: int) -> int | None:
    """How many values a field of a cron expression stands for; None where it cannot be read."""
    found: set[int] = set()
    for part in field.split(","):
        base, _, step = part.partition("/")
        start, dash, end = base.partition("-")
        low = first if base in ("*", "?", "") else _value(start)
        high = last if base in ("*", "?", "") or (step and not dash) else _value(end) if dash else low
        by = _value(step) if step else 1
        if low is None or high is None or not by or not first <= low <= last or not first <= high <= last:
            return None
        found |= set(range(low, high + 1, by)) if low <= high else {*range(low, last + 1, by), *range(first, high + 1, by)}
    return len(found)


def _value(text: str) -> int | None:
    if text.upper() in _NAMES:
        return _NAMES[text.upper()]
    return int(text) if text.isdecimal() and len(text) < 5 else None
