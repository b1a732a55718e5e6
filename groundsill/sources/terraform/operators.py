"""Arithmetic and comparison, as Terraform does them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from groundsill.sources.terraform.values import TooLargeError, fail


def _whole(value: float) -> int | float:
    if not math.isfinite(value):
        return fail("a number is too large")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _times(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > 2048:
            raise TooLargeError("a number is too large")
        return left * right
    return _whole(left * right)


def _number(function: Callable[[float, float], float]) -> Callable[[float, float], int | float]:
    def apply(left: float, right: float) -> int | float:
        result = function(left, right)
        return _whole(result) if isinstance(result, float) else result

    return apply


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _number(operator.add),
    "-": _number(operator.sub),
    "*": _times,
    "/": lambda left, right: left // right if isinstance(left, int) and isinstance(right, int) and left % right == 0
    else _whole(left / right),
    "%": _number(lambda left, right: math.fmod(left, right) if right else operator.mod(left, right)),
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
"""What each operator makes of two numbers."""
