"""Expressions of schedules, as EventBridge, EventBridge Scheduler and AWS Backup read them.

Source: Amazon EventBridge User Guide, "Setting a schedule pattern for scheduled rules (legacy) in Amazon EventBridge".
"""

from __future__ import annotations

import re

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Name, lowest, highest, words, further signs.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], str], ...] = (
    ("minutes", 0, 59, (), ""),
    ("hours", 0, 23, (), ""),
    ("day of the month", 1, 31, (), "?LW"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of the week", 1, 7, _DAYS, "?L#"),
    ("year", 1970, 2199, (), ""),
)


def schedule_fault(expression: str, *, at: bool = False) -> str:
    """What is wrong with an expression; empty where nothing is.

    Arguments:
        expression: for example ``rate(1 day)`` or ``cron(0 5 * * ? *)``.
        at: whether ``at(2026-01-31T08:00:00)`` is taken too.

    Example:
        >>> schedule_fault("rate(1 days)"), schedule_fault("cron(0 5 * * ? *)"), schedule_fault("cron(0 5 * * * *)")
        ('1 goes with day, not days', '', 'one of the two days must be ?')
    """
    match = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression.strip())
    if match is None or (match[1] == "at" and not at):
        return "it is neither rate(...) nor cron(...)"
    if match[1] == "at":
        return "" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", match[2]) else "at(...) takes yyyy-mm-ddThh:mm:ss"
    return _rate(match[2]) if match[1] == "rate" else _cron(match[2])


def _rate(inner: str) -> str:
    match = re.fullmatch(r"(\d+)\s+(minute|hour|day)(s?)", inner.strip())
    if match is None:
        return "rate(...) takes a whole number and minute(s), hour(s) or day(s)"
    count = int(match[1])
    if count < 1:
        return "the number must be at least 1"
    if (count == 1) == bool(match[3]):
        return f"{count} goes with {match[2]}{'' if count == 1 else 's'}, not {match[2]}{match[3]}"
    return ""


def _cron(inner: str) -> str:
    fields = inner.split()
    if len(fields) != len(_FIELDS):
        return f"cron(...) takes six fields, not {len(fields)}"
    for value, (name, low, high, words, signs) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            if not _field(part, low, high, words, signs):
                return f"{value!r} is no {name}"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "one of the two days must be ?"
    return ""


def _field(part: str, low: int, high: int, words: tuple[str, ...], signs: str) -> bool:
    if part == "*" or (part and part in signs) or ("L" in signs and re.fullmatch(r"(\d|L-\d+|LW|\d+L)", part) is not None):
        return True
    if "W" in signs and re.fullmatch(r"\d+W", part):
        return True
    if "#" in signs and re.fullmatch(r"[1-7]#[1-5]", part):
        return True
    start, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) >= 1):
        return False
    first, dash, last = start.partition("-")
    ends = [first, last] if dash else [first]
    return all(
        (end == "*" and bool(slash)) or end.upper() in words or (end.isdecimal() and low <= int(end) <= high) for end in ends
    )
