"""Records that are equal where what they hold is, and that nobody takes for a list."""

from __future__ import annotations

from typing import Any, Self


class Value:
    """A record that equals another one of its class with the same content.

    A plain record is a ``NamedTuple``. One that a user may pass where a list is meant, or whose arithmetic is not that of a
    tuple, is a class below this one: it names its fields in ``__slots__``, in their order, and sets each in its own
    ``__init__``, declared ``Final``. That is what a frozen dataclass gives, without the millisecond that making the class adds
    to every command's start.

    Example:
        >>> class Span(Value):
        ...     __slots__ = ("first", "last")
        ...     def __init__(self, first: int, last: int = 9) -> None:
        ...         self.first = first
        ...         self.last = last
        >>> Span(1), Span(1) == Span(1, 9), Span(1).changed(last=3)
        (Span(first=1, last=9), True, Span(first=1, last=3))
    """

    __slots__: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """What it holds, by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def changed(self, **fields: Any) -> Self:
        """The same with other values of some fields."""
        return type(self)(**{**self.fields(), **fields})

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, name) for name in self.__slots__]))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields().items())})"
