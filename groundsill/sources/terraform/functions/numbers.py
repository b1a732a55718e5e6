"""Functions of numbers, and conversions of single values."""

from __future__ import annotations

import math
from typing import Any

from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.values import TooLargeError, as_bool, as_int, as_number, as_text, fail


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _abs(_: Calling, value: Any) -> int | float:
    return abs(as_number(value))


def _ceil(_: Calling, value: Any) -> int:
    return math.ceil(as_number(value))


def _floor(_: Calling, value: Any) -> int:
    return math.floor(as_number(value))


def _max(calling: Calling, *values: Any) -> int | float:
    return max(as_number(calling.settle(value)) for value in values) if values else fail("there are no numbers")


def _min(calling: Calling, *values: Any) -> int | float:
    return min(as_number(calling.settle(value)) for value in values) if values else fail("there are no numbers")


def _pow(_: Calling, base: Any, exponent: Any) -> int | float:
    number, power = as_number(base), as_number(exponent)
    if abs(power) > 1000 or abs(number) > 1e6:
        raise TooLargeError("a number is too large")
    try:
        result = number**power
    except (ZeroDivisionError, OverflowError):
        return fail("there is no such power")
    if isinstance(result, complex):
        return fail("there is no such power")
    return _whole(result) if isinstance(result, float) else result


def _log(_: Calling, value: Any, base: Any) -> int | float:
    try:
        return _whole(math.log(as_number(value), as_number(base)))
    except (ValueError, ZeroDivisionError):
        return fail("there is no such logarithm")


def _signum(_: Calling, value: Any) -> int:
    number = as_number(value)
    return (number > 0) - (number < 0)


def _parseint(_: Calling, value: Any, base: Any) -> int:
    text, radix = as_text(value), as_int(base)
    if not 2 <= radix <= 36 or len(text) > 64:
        fail("there is no such base")
    try:
        return int(text, radix)
    except ValueError:
        return fail("it is no number of this base")


def _tonumber(_: Calling, value: Any) -> int | float | None:
    return None if value is None else as_number(value)


def _tostring(_: Calling, value: Any) -> str | None:
    return None if value is None else as_text(value)


def _tobool(_: Calling, value: Any) -> bool | None:
    return None if value is None else as_bool(value)


FUNCTIONS: dict[str, Function] = {
    "abs": _abs,
    "ceil": _ceil,
    "floor": _floor,
    "log": _log,
    "max": _max,
    "min": _min,
    "parseint": _parseint,
    "pow": _pow,
    "signum": _signum,
    "tobool": _tobool,
    "tonumber": _tonumber,
    "tostring": _tostring,
}
