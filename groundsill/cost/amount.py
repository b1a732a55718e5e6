"""A quantity that is not known exactly: what it is at least, what it is expected to be, and what it is at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

from groundsill.graph.value import Value


class Amount(Value):
    """Three estimates of one quantity, none of them negative, each at least as much as the one before.

    Arguments:
        low: where everything goes well.
        expected: the one that is shown where only one is.
        high: where everything goes badly.

    Example:
        >>> calls, seconds = exactly(1000), Amount(0.1, 0.2, 1)
        >>> calls * seconds
        Amount(low=100.0, expected=200.0, high=1000)
    """

    __slots__ = ("low", "expected", "high")  # noqa: RUF023  in the constructor's order

    def __init__(self, low: float, expected: float, high: float) -> None:
        self.low: Final = low
        self.expected: Final = expected
        self.high: Final = high

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Amount | float) -> Amount:
        if isinstance(other, Amount):
            return Amount(self.low * other.low, self.expected * other.expected, self.high * other.high)
        return Amount(self.low * other, self.expected * other, self.high * other)

    __rmul__ = __mul__

    @property
    def exact(self) -> bool:
        """Whether the three are one."""
        return self.low == self.high

    def each(self, function: Callable[[float], float]) -> Amount:
        """A function of each, which must not fall where its argument rises."""
        return Amount(function(self.low), function(self.expected), function(self.high))

    def at_most(self, limit: float) -> Amount:
        """No estimate above a limit."""
        return self.each(lambda value: min(value, limit))

    def at_least(self, limit: float) -> Amount:
        """No estimate below a limit."""
        return self.each(lambda value: max(value, limit))

    def less(self, other: Amount) -> Amount:
        """What remains without another quantity, never below zero."""
        return spread(*(max(mine - its, 0.0) for mine, its in (
            (self.low, other.high), (self.expected, other.expected), (self.high, other.low))))

    def to_dict(self) -> dict[str, float]:
        """For ``--json``."""
        return {"low": self.low, "expected": self.expected, "high": self.high}


ZERO = Amount(0.0, 0.0, 0.0)


def exactly(value: float) -> Amount:
    """A quantity that is known."""
    return Amount(value, value, value)


def spread(low: float, expected: float, high: float) -> Amount:
    """Three estimates put in order around the expected one."""
    return Amount(min(low, expected), expected, max(high, expected))


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of quantities, exact to the last bit whatever their order."""
    listed = list(amounts)
    return Amount(*(math.fsum(getattr(amount, name) for amount in listed) for name in ("low", "expected", "high")))
