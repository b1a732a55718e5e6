"""What every meter is given: the graph, values of its resources as factors, traffic, prices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.model import Answer, Factor, Line, Parameter, counted, unknown
from groundsill.cost.prices import Price, PriceBook
from groundsill.cost.quantities import HOURS_PER_MONTH, Dimension, amount_text, count_text, quantity_text, size_text
from groundsill.graph.graph import Graph
from groundsill.graph.reference import Reference, Unknown
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import View, as_blocks, is_known

if TYPE_CHECKING:
    from groundsill.cost.flow import Flow
    from groundsill.cost.grants import Grants
    from groundsill.cost.traffic import Traffic

GB = 1 / 2**30
_LARGEST = 1e15


class Context:
    """One graph being priced.

    Arguments:
        graph: a finished graph.
        book: prices.
        traffic: what the user says about traffic.
        parameters: of every type.
        services: name of the AWS service of every type.
        view: of the graph, where other readers share it; default its own.
    """

    def __init__(
        self, graph: Graph, book: PriceBook, traffic: Traffic, parameters: dict[str, tuple[Parameter, ...]],
        services: dict[str, str], view: View | None = None,
    ) -> None:
        self.graph = graph
        self.view = view or View(graph)
        self.book = book
        self.traffic = traffic
        self.parameters = parameters
        self._named = {type: {item.name: item for item in declared} for type, declared in parameters.items()}
        self.services = services
        self._usual_ones: dict[tuple[str, str, str | None], tuple[Factor, str]] = {}
        self.wanted: set[str] = set()
        self.flow: Flow

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.graph:
            if not resource.data:
                found.setdefault(resource.type, []).append(resource)
        return found

    def of_type(self, *types: str) -> list[Resource]:
        """Resources (no data sources) of these Terraform types."""
        return [resource for type in types for resource in self._by_type.get(type, ())]

    def referring(self, resource: Resource, *types: str) -> list[Resource]:
        """Resources of these types that refer to a resource."""
        return [source for source in self.view.referring(resource, *types) if not source.data]

    def graph_targets(self, resource: Resource) -> list[Resource]:
        """Every resource that a resource refers to."""
        found = (self.graph.target(reference) for reference in self.graph.references(resource.address))
        return list(dict.fromkeys(target for target in found if target is not None))

    @cached_property
    def grants(self) -> Grants:
        """What workloads may call."""
        from groundsill.cost.grants import Grants

        return Grants(self)

    @cached_property
    def pollers(self) -> dict[str, int]:
        """How many workloads take messages from a queue by themselves, by its address."""
        return Counter(queue.address for workload in self.workloads if workload.type != "aws_lambda_function"
                       for queue in self.grants.consumed(workload))

    @cached_property
    def _regions(self) -> dict[str, str]:
        """Regions of providers by alias, where prices are not those of the book."""
        return {provider.alias: provider.region for provider in self.graph.providers
                if provider.alias and provider.region != self.book.region}

    @cached_property
    def log_groups(self) -> dict[str, Resource]:
        """Log groups by name, where it is known."""
        return {name: group for group in self.of_type("aws_cloudwatch_log_group") if (name := self.text(group, "name"))}

    @cached_property
    def workloads(self) -> list[Resource]:
        """Everything that runs the user's code."""
        return self.of_type("aws_lambda_function", "aws_ecs_service", "aws_instance", "aws_autoscaling_group")

    # -- values of resources -------------------------------------------------------------------------------------------

    def number(
        self, resource: Resource, *path: str | int, words: str = "", default: float | None = None,
    ) -> Factor:
        """A number that a resource's argument holds.

        Arguments:
            resource: whose argument.
            path: from the argument inwards.
            words: what it counts, for the formula.
            default: where the argument is absent; None where that makes it unknown.
        """
        value = self.view.get(resource, *path)
        name = ".".join(map(str, path))
        if value is None:
            return unknown(f"`{name}` is not given") if default is None else counted(default, words)
        found = plain_number(value)
        return unknown(f"`{name}` {_why_not(value)}") if found is None else counted(found, words)

    def text(self, resource: Resource, *path: str | int, default: str = "") -> str | None:
        """A text that a resource's argument holds; None where it is not known."""
        value = self.view.get(resource, *path, default=default)
        return value if isinstance(value, str) and is_known(value) else None

    def flag(self, resource: Resource, *path: str | int) -> bool:
        """Whether an argument says yes; one that is not known does not."""
        value = self.view.get(resource, *path)
        return value is True or (isinstance(value, str) and value.lower() in ("true", "enabled"))

    def length(self, resource: Resource, *path: str | int, words: str, default: float | None = None) -> Factor:
        """How many things a list holds."""
        value = self.view.get(resource, *path)
        if isinstance(value, list | tuple | set | frozenset):
            return counted(len(value), words)  # pyright: ignore[reportUnknownArgumentType]
        if value is None and default is not None:
            return counted(default, words)
        return unknown(f"`{'.'.join(map(str, path))}` {_why_not(value)}")

    # -- traffic -------------------------------------------------------------------------------------------------------

    def parameter(self, resource: Resource, name: str) -> Parameter:
        """The declaration of one of a type's parameters."""
        return self._named[resource.type][name]

    def measure(self, resource: Resource, name: str, words: str | None = None) -> Factor:
        """What is known of a parameter of a resource: what the user says, what traffic brings, or what is assumed.

        Arguments:
            resource: whose.
            name: of the parameter.
            words: what it counts, for the formula; default its name.
        """
        parameter = self.parameter(resource, name)
        stated = self.traffic.stated(resource, name)
        if stated is not None:
            return _factor(stated, parameter, words)
        found = self.flow.at(resource, name)
        if found is not None:
            return found if found.amount is None else Factor(
                found.amount, _factor(found.amount, parameter, words).text, found.assumptions)
        if parameter.default is not None:
            usual, shown = self._usual(resource.type, parameter, parameter.default, words)
            return usual.because(f"{title(resource)}: {parameter.what} {shown} (`{name}`)")
        return unknown(f"`{name}` of {title(resource)} is not stated")

    def _usual(self, type: str, parameter: Parameter, default: Amount, words: str | None = None) -> tuple[Factor, str]:
        """What is assumed of a parameter where nobody says, and how that is written: the same for all resources of a type."""
        key = (type, parameter.name, words)
        if key not in self._usual_ones:
            self._usual_ones[key] = _factor(default, parameter, words), amount_text(default, parameter.dimension)
        return self._usual_ones[key]

    def assumed(self, resource: Resource, name: str, default: Amount, why: str, words: str | None = None) -> Factor:
        """As :meth:`measure`, with a default that depends on the resource.

        Arguments:
            resource: whose.
            name: of the parameter.
            default: what is assumed where nobody says.
            why: how it was arrived at, as half a sentence.
            words: what it counts.
        """
        parameter = self.parameter(resource, name)
        stated = self.traffic.stated(resource, name)
        if stated is not None:
            return _factor(stated, parameter, words)
        shown = amount_text(default, parameter.dimension)
        return _factor(default, parameter, words).because(f"{title(resource)}: {parameter.what} {shown}, {why} (`{name}`)")

    def each(self, resource: Resource, name: str) -> tuple[Amount, str]:
        """What one of a resource's calls brings with it: the amount, and what was assumed where nobody says."""
        parameter = self.parameter(resource, name)
        stated = self.traffic.stated(resource, name)
        if stated is not None:
            return stated, ""
        default = parameter.default or exactly(0)
        _, shown = self._usual(resource.type, parameter, default)
        return default, f"{title(resource)}: {parameter.what} {shown} (`{name}`)"

    def stored(
        self, resource: Resource, added: Factor, *, months: float | None = None, words: str = "stored",
    ) -> Factor:
        """Bytes that a resource holds: as stated, else by its stated growth, else by what is written to it.

        Arguments:
            resource: with the parameters ``stored`` and ``growth``.
            added: bytes that its traffic adds in a month.
            months: how many months of it are kept, where the graph says; default the traffic's own.
            words: what it is called.
        """
        stored, growth = self.traffic.stated(resource, "stored"), self.traffic.stated(resource, "growth")
        if stored is not None and growth is None:
            return Factor(stored, f"{size_text(stored.expected)} {words}")
        kept = self.traffic.months if months is None else min(months, self.traffic.months)
        adds = added if growth is None else Factor(growth, f"{size_text(growth.expected)} a month")
        if adds.amount is None:
            return unknown(f"neither `stored` nor `growth` of {title(resource)} is stated, and {adds.unknown}")
        total = (stored or exactly(0)) + adds.amount * kept
        return Factor(total, f"{size_text(total.expected)} {words}", adds.assumptions).because(
            f"{title(resource)}: holds the data of {count_text(kept)} months (`months`)")

    @property
    def month(self) -> Factor:
        """The hours of a month."""
        return counted(HOURS_PER_MONTH, "h")

    # -- lines ---------------------------------------------------------------------------------------------------------

    def line(self, resource: Resource, what: str, key: str, *factors: Factor) -> Line:
        """A line whose quantity is the product of factors, in the unit of the price.

        Arguments:
            resource: what costs it.
            what: what is paid for.
            key: of the price.
            factors: that multiply.
        """
        service = self.services.get(resource.type, "")
        price = self.price(key)
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        elsewhere = self._regions.get(resource.provider or "")
        if elsewhere:
            product = product.because(f"what is in {elsewhere} costs what it does in {self.book.region}")
        if product.amount is None:
            return Line(resource, service, what, Answer.UNKNOWN, reason=product.unknown, price=price,
                        assumptions=product.assumptions)
        if price is None:
            return Line(resource, service, what, Answer.UNKNOWN, reason=f"the price book has no `{key}`",
                        quantity=product.amount, assumptions=product.assumptions)
        return Line(resource, service, what, Answer.PRICED, quantity=product.amount, price=price,
                    formula=f"{product.text} x {price.text}", assumptions=product.assumptions)

    def price(self, key: str) -> Price | None:
        """A price: the user's own where there is one, else the book's. One that neither has is noted as wanted."""
        own = self.traffic.prices.get(key)
        book = self.book.get(key)
        if own is not None:
            return Price(key, own, book.unit if book else "unit", confidence="high", source="own")
        if book is None:
            self.wanted.add(key)
        return book

    def free(self, resource: Resource, reason: str, what: str = "") -> Line:
        """A line that costs nothing."""
        return Line(resource, self.services.get(resource.type, ""), what, Answer.FREE, Amount(0, 0, 0), reason=reason)

    def not_known(self, resource: Resource, what: str, reason: str) -> Line:
        """A line whose cost is not known."""
        return Line(resource, self.services.get(resource.type, ""), what, Answer.UNKNOWN, reason=reason)


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Nested blocks of a value that was looked up already; what is no block is left out."""
    return [item for item in as_blocks(value) if is_mapping(item)]


def title(resource: Resource) -> str:
    """How a report names a resource: by its component, or by its address where it has none or shares it."""
    return resource.component or resource.address


def plain_number(value: Any) -> float | None:
    """A number that is not negative, from whatever an argument holds; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and 0 <= found <= _LARGEST else None


def numbers(values: Iterable[Any]) -> list[float]:
    """The numbers among values."""
    return [found for value in values if (found := plain_number(value)) is not None]


def _factor(amount: Amount, parameter: Parameter, words: str | None) -> Factor:
    if parameter.dimension in (Dimension.COUNT, Dimension.RATE):
        return counted(amount, parameter.name.replace("_", " ") if words is None else words)
    low, expected, high = (quantity_text(value, parameter.dimension).removesuffix("/month")
                           for value in (amount.low, amount.expected, amount.high))
    text = expected if amount.exact else f"{expected} ({low} to {high})"
    return Factor(amount, f"{text} {words}" if words else text)


def _why_not(value: Any) -> str:
    if isinstance(value, Reference | Unknown):
        return "is known only after apply"
    return "is not a number"


__all__ = ["GB", "Context", "counted", "exactly", "mappings", "numbers", "plain_number", "title", "unknown"]
