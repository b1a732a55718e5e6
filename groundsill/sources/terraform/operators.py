"""Arithmetic and comparison, as Terraform does them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
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
    return _whole(float(Decimal(repr(left)) * Decimal(repr(right))))


def _exactly(function: Callable[[Any, Any], Any]) -> Callable[[float, float], int | float]:
    """As Terraform does it: fractions are decimal, so that 0.1 + 0.2 is 0.3."""

    def apply(left: float, right: float) -> int | float:
        if isinstance(left, int) and isinstance(right, int):
            return function(left, right)
        return _whole(float(function(Decimal(repr(left)), Decimal(repr(right)))))

    return apply


def _number(function: Callable[[float, float], float]) -> Callable[[float, float], int | float]:
    def apply(left: float, right: float) -> int | float:
        result = function(left, right)
        return _whole(result) if isinstance(result, float) else result

    return apply


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _exactly(operator.add),
    "-": _exactly(operator.sub),
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
