"""The words that meters speak: factors that multiply, edges that carry traffic, and the lines of an estimate."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.prices import Price
from groundsill.cost.quantities import Dimension, count_text
from groundsill.graph.resource import Resource
from groundsill.graph.value import Value

if TYPE_CHECKING:
    from groundsill.cost.context import Context


class Parameter(NamedTuple):
    """Something that can be said about a kind of resource in ``traffic.toml``.

    Arguments:
        name: for example ``requests``.
        dimension: what it counts.
        what: what it means, as half a sentence.
        default: what is assumed where nobody says anything and nothing in the graph tells; None where it is unknown then.
        entry: whether this is where traffic comes into a system, so that a user is asked for it.
    """

    name: str
    dimension: Dimension
    what: str
    default: Amount | None = None
    entry: bool = False


class Factor(Value):
    """A quantity in a formula, with how it is written there and what was assumed to know it.

    Arguments:
        amount: the quantity; None where it is not known.
        text: how a formula shows it, for example ``2 tasks``.
        assumptions: what nobody said, and was assumed.
        unknown: why it is not known.

    Example:
        >>> (counted(2, "tasks") * hours(730)).text
        '2 tasks x 730 h'
    """

    __slots__ = ("amount", "text", "assumptions", "unknown")  # noqa: RUF023  in the constructor's order

    def __init__(self, amount: Amount | None, text: str, assumptions: tuple[str, ...] = (), unknown: str = "") -> None:
        self.amount: Final = amount
        self.text: Final = text
        self.assumptions: Final = assumptions
        self.unknown: Final = unknown

    def __mul__(self, other: Factor) -> Factor:
        amount = None if self.amount is None or other.amount is None else self.amount * other.amount
        return Factor(amount, " x ".join(text for text in (self.text, other.text) if text),
                      _once(self.assumptions, other.assumptions), self.unknown or other.unknown)

    def __add__(self, other: Factor) -> Factor:
        amount = None if self.amount is None or other.amount is None else self.amount + other.amount
        return Factor(amount, f"({self.text} + {other.text})", _once(self.assumptions, other.assumptions),
                      self.unknown or other.unknown)

    def scaled(self, by: float) -> Factor:
        """The same in a unit that is shown already: bytes as gigabytes, for example."""
        return Factor(None if self.amount is None else self.amount * by, self.text, self.assumptions, self.unknown)

    def each(self, function: Callable[[float], float], text: str | None = None) -> Factor:
        """A function of it that does not fall where it rises, shown as the given text."""
        return Factor(None if self.amount is None else self.amount.each(function), self.text if text is None else text,
                      self.assumptions, self.unknown)

    def because(self, *assumptions: str) -> Factor:
        """The same with more that was assumed."""
        return Factor(self.amount, self.text, _once(self.assumptions, assumptions), self.unknown)


def _once(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    if not some or not more:
        return more or some
    return tuple(dict.fromkeys((*some, *more)))


_ONE = {"sses": "ss", "ies": "y", "s": ""}
_SINGULAR = re.compile(r"(?<=[a-z])(?:sses|ies|(?<!s)s)$")


def counted(amount: Amount | float, words: str, *assumptions: str) -> Factor:
    """A factor that is a number of something."""
    found = amount if isinstance(amount, Amount) else exactly(float(amount))
    shown = count_text(found.expected)
    if shown == "1" and found.exact:
        words = _SINGULAR.sub(lambda match: _ONE[match[0]], words)
    if not found.exact:
        shown = f"{shown} ({count_text(found.low)} to {count_text(found.high)})"
    return Factor(found, f"{shown} {words}".rstrip(), assumptions)


def hours(amount: Amount | float) -> Factor:
    """A factor that is hours of a month."""
    return counted(amount, "h")


def unknown(why: str) -> Factor:
    """A factor that nobody knows."""
    return Factor(None, "?", (), why)


Node = tuple[str, str]
"""Address of a resource, and the name of one of its parameters."""
ALWAYS: Node = ("", "always")
"""Where traffic comes from that a clock makes."""


class Edge(NamedTuple):
    """Traffic of one resource that makes traffic at another.

    Arguments:
        source: where it comes from.
        target: where it goes to.
        times: how much of the target one of the source makes.
        assumption: what was assumed for that; empty where the graph or the user says it.
    """

    source: Node
    target: Node
    times: Amount
    assumption: str = ""


class Answer(enum.StrEnum):
    """What is known of a resource's cost."""

    PRICED = "priced"
    FREE = "free"
    UNKNOWN = "unknown"


class Line(NamedTuple):
    """One line of an estimate.

    Arguments:
        resource: what costs it.
        service: AWS's name of the service.
        what: what is paid for, for example ``requests``.
        answer: whether it has a price, is free, or is not known.
        cost: US dollars in a month; zero where free; None where not known.
        quantity: in the price's unit.
        price: that was taken.
        formula: how the cost comes about, with its quantities.
        reason: why it is free or not known.
        assumptions: what nobody said, and was assumed.
    """

    resource: Resource
    service: str
    what: str
    answer: Answer
    cost: Amount | None = None
    quantity: Amount | None = None
    price: Price | None = None
    formula: str = ""
    reason: str = ""
    assumptions: tuple[str, ...] = ()


Lines = Iterable[Line]
Meter = Callable[["Context", Resource], Lines]
Edges = Callable[["Context"], Iterable[Edge]]
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Service:
    """The meters of one AWS service: what its resources cost, what can be said of them, and where their traffic goes.

    Arguments:
        name: as AWS writes it, for example ``AWS Lambda``.
        free: why a type costs nothing itself, by Terraform type.
        unpriced: why what a type costs is not known, by Terraform type.

    Attributes:
        meters: by Terraform type.
        parameters: by Terraform type.
        edges: functions that say where traffic goes.

    Example:
        >>> queues = Service("Amazon SQS")
        >>> @queues.meter("aws_sqs_queue", Parameter("messages", Dimension.RATE, "messages sent to it", entry=True))
        ... def queue(context, queue):
        ...     yield context.line(queue, "requests", "sqs.standard_request", context.measure(queue, "messages"))
    """

    def __init__(self, name: str, free: Mapping[str, str] = _NOTHING, unpriced: Mapping[str, str] = _NOTHING) -> None:
        self.name = name
        self.free = free
        self.unpriced = unpriced
        self.meters: dict[str, Meter] = {}
        self.parameters: dict[str, tuple[Parameter, ...]] = {}
        self.edges: list[Edges] = []

    def meter(self, type: str, *parameters: Parameter) -> Callable[[Meter], Meter]:
        """Decorator of the meter of a type."""

        def register(meter: Meter) -> Meter:
            self.meters[type] = meter
            self.parameters[type] = parameters
            return meter

        return register

    def flow(self, function: Edges) -> Edges:
        """Decorator of a function that gives edges."""
        self.edges.append(function)
        return function

    def every_meter(self) -> dict[str, Meter]:
        """The meter of every type, those that are free among them."""
        without = {type: _unpriced(reason) for type, reason in self.unpriced.items()}
        return {**{type: _free(reason) for type, reason in self.free.items()}, **without, **self.meters}


def _free(reason: str) -> Meter:
    def meter(context: Context, resource: Resource) -> Lines:
        yield context.free(resource, reason)

    return meter


def _unpriced(reason: str) -> Meter:
    def meter(context: Context, resource: Resource) -> Lines:
        yield context.not_known(resource, "", reason)

    return meter
