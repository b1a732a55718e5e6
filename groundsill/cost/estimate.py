"""The estimate: every line of every resource, what it sums to, and what an account would not pay of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from groundsill.cost.amount import ZERO, Amount, exactly, total
from groundsill.cost.context import Context, plain_number
from groundsill.cost.flow import Flow
from groundsill.cost.meters import every_service
from groundsill.cost.model import Answer, Line, Meter, Parameter
from groundsill.cost.prices import PriceBook, load_book
from groundsill.cost.traffic import Traffic, read_traffic
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, Severity
from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource
from groundsill.graph.view import View

CONFIDENCES = ("high", "medium", "low")
GROUPS: Mapping[str, Callable[[Line], str]] = {
    "component": lambda line: line.resource.component or line.resource.address,
    "service": lambda line: line.service or line.resource.type,
    "resource": lambda line: line.resource.address,
}
"""What lines can be grouped by."""


class Group(NamedTuple):
    """Lines that belong together.

    Arguments:
        name: of the component, the service or the resource.
        cost: in US dollars a month, of everything that is known.
        lines: dearest first.
    """

    name: str
    cost: Amount
    lines: tuple[Line, ...]

    @property
    def unknown(self) -> list[Line]:
        """Lines whose cost is not known."""
        return [line for line in self.lines if line.answer is Answer.UNKNOWN]

    @property
    def free(self) -> bool:
        """Whether nothing of it costs anything."""
        return all(line.answer is Answer.FREE for line in self.lines)


class Saving(NamedTuple):
    """What an account would not pay, since AWS gives it an amount free of charge.

    Arguments:
        name: of the allowance.
        quantity: that is free, in the price's unit.
        cost: US dollars a month at most.
    """

    name: str
    quantity: float
    cost: float


class Budget(NamedTuple):
    """A limit that the graph holds.

    Arguments:
        resource: the budget.
        limit: US dollars a month.
    """

    resource: Resource
    limit: float


class Estimate(NamedTuple):
    """What a system costs in a month.

    Arguments:
        graph: that was priced.
        lines: in the graph's order.
        traffic: that was reckoned with.
        book: of prices.
        wanted: keys of prices that the book does not have.
        requests: requests that come in from outside in a month; None where nobody stated any.
        diagnostics: what is wrong with what was said about traffic.
    """

    graph: Graph
    lines: tuple[Line, ...]
    traffic: Traffic
    book: PriceBook
    wanted: tuple[str, ...]
    requests: Amount | None
    diagnostics: Diagnostics

    @property
    def total(self) -> Amount:
        """US dollars a month, of everything that is known."""
        return total(line.cost for line in self.lines if line.cost is not None)

    @property
    def unknown(self) -> list[Line]:
        """Lines whose cost is not known."""
        return [line for line in self.lines if line.answer is Answer.UNKNOWN]

    @property
    def confidence(self) -> dict[str, float]:
        """Which share of the expected cost is at prices of each confidence: ``high``, ``medium``, ``low``."""
        found: dict[str, float] = dict.fromkeys(CONFIDENCES, 0.0)
        for line in self.lines:
            if line.price is not None and line.cost is not None:
                found[line.price.confidence] += line.cost.expected
        whole = sum(found.values())
        return {name: part / whole if whole else 0.0 for name, part in found.items()}

    @property
    def assumptions(self) -> list[str]:
        """What nobody said and was assumed, each once, that of the dearest lines first."""
        lines = sorted(self.lines, key=lambda line: -(line.cost.high if line.cost else 0))
        return list(dict.fromkeys(item for line in lines for item in line.assumptions))

    def by(self, what: str) -> list[Group]:
        """Lines in groups, dearest first.

        Arguments:
            what: ``component``, ``service`` or ``resource``.
        """
        name = GROUPS[what]
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(name(line), []).append(line)
        groups = [Group(key, total(line.cost for line in lines if line.cost), tuple(sorted(lines, key=_dearest)))
                  for key, lines in found.items()]
        return sorted(groups, key=lambda group: (-group.cost.expected, -len(group.unknown), group.name))

    @property
    def per_unit(self) -> dict[str, Amount]:
        """US dollars for each unit that the user named, and for 1,000 requests.

        The estimates of one scenario belong together: the low cost is shared among the low number.
        """
        found: dict[str, Amount] = {}
        cost = self.total
        units = dict(self.traffic.units)
        if self.requests is not None and self.requests.expected:
            units["1,000 requests"] = self.requests * (1 / 1000)
        for name, number in units.items():
            shared = [part / among if among else 0.0 for part, among in (
                (cost.low, number.low), (cost.expected, number.expected), (cost.high, number.high))]
            found[name] = Amount(min(shared), shared[1], max(shared))
        return found

    @property
    def savings(self) -> list[Saving]:
        """What the account's free allowances would take off at most, where nothing else uses them."""
        used: dict[str, float] = {}
        for line in self.lines:
            if line.price is not None and line.quantity is not None and line.answer is Answer.PRICED:
                used[line.price.key] = used.get(line.price.key, 0.0) + line.quantity.expected
        found: list[Saving] = []
        for allowance in self.book.allowances:
            left, cost = allowance.quantity, 0.0
            for key in allowance.prices:
                price = self.book.get(key)
                part = min(left, used.get(key, 0.0))
                cost += part * price.amount if price else 0.0
                left -= part
            if cost >= 0.005:
                found.append(Saving(allowance.name, allowance.quantity - left, cost))
        return sorted(found, key=lambda saving: -saving.cost)

    @property
    def budgets(self) -> list[Budget]:
        """Monthly limits that the graph holds."""
        found: list[Budget] = []
        for resource in self.graph.of_type("aws_budgets_budget"):
            limit = plain_number(resource.arguments.get("limit_amount"))
            if resource.arguments.get("time_unit") == "MONTHLY" and limit and resource.arguments.get("budget_type") == "COST":
                found.append(Budget(resource, limit))
        return found


def _dearest(line: Line) -> tuple[float, str, str]:
    return -(line.cost.expected if line.cost else -1e-9), line.resource.address, line.what


def estimate(
    graph: Graph, *, traffic_file: Path | None = None, given: Mapping[str, str] | None = None, book: PriceBook | None = None,
    view: View | None = None,
) -> Estimate:
    """Price a graph.

    Arguments:
        graph: a finished graph.
        traffic_file: a ``traffic.toml``; None for none.
        given: traffic from the command line.
        book: prices; default the package's own.
        view: of the graph, where other readers share it; default its own.

    Raises:
        GroundsillError: where the file or the book cannot be read.

    Example:
        >>> gateway = Resource("aws_nat_gateway", "main", {"subnet_id": "subnet-1"})
        >>> graph = Graph()
        >>> _ = graph.add(gateway)
        >>> [(line.what, line.formula) for line in estimate(graph).lines][0]
        ('hours', '1 NAT gateway x 730 h x $0.045')
    """
    meters: dict[str, Meter] = {}
    parameters: dict[str, tuple[Parameter, ...]] = {}
    services: dict[str, str] = {}
    edges: list[Callable[[Context], Iterable[object]]] = []
    for service in every_service():
        own = service.every_meter()
        meters |= own
        parameters |= service.parameters
        services |= dict.fromkeys(own, service.name)
        edges += service.edges
    book = book or load_book()
    traffic = read_traffic(graph, parameters, book, file=traffic_file, given=given)
    context = Context(graph, book, traffic, parameters, services, view)
    context.flow = Flow(context, (edge for function in edges for edge in function(context)))  # pyright: ignore[reportArgumentType]
    if graph.region != book.region:
        traffic.diagnostics.add(Diagnostic(
            "GS4208", f"prices are those of {book.region}, and the system is in {graph.region}",
            detail="most other regions are dearer, by up to a third", mend="take the sums for an orientation",
            severity=Severity.WARNING))
    lines = [line for resource in graph if not resource.data for line in _lines(context, resource, meters)]
    return Estimate(graph, tuple(_priced(lines)), traffic, book, tuple(sorted(context.wanted)), _requests(context),
                    traffic.diagnostics)


def _lines(context: Context, resource: Resource, meters: Mapping[str, Meter]) -> Iterable[Line]:
    meter = meters.get(resource.type)
    if meter is None:
        yield context.not_known(resource, "", f"there is no meter for {resource.type} yet")
        return
    yield from meter(context, resource)


def _priced(lines: Iterable[Line]) -> Iterable[Line]:
    """Costs of lines. Bands of a price are filled by the whole system together, so lines share the blended price."""
    listed = list(lines)
    pooled: dict[str, float] = {}
    for line in listed:
        if line.answer is Answer.PRICED and line.price and line.price.bands and line.quantity:
            pooled[line.price.key] = pooled.get(line.price.key, 0.0) + line.quantity.expected
    for line in listed:
        if line.answer is not Answer.PRICED or line.price is None or line.quantity is None:
            yield line
            continue
        together = pooled.get(line.price.key, 0.0)
        rate = line.price.cost(together) / together if together else line.price.amount
        if together and rate < line.price.amount * 0.9999:
            yield line._replace(cost=line.quantity * rate, formula=f"{line.formula}, blended with its cheaper bands to "
                          f"{rate / line.price.amount:.0%} of it")
        else:
            yield line._replace(cost=line.quantity * line.price.amount)


def _requests(context: Context) -> Amount | None:
    """Requests that come in from outside: those that are stated at an entry."""
    found: list[Amount] = []
    for resource in context.graph:
        if not resource.data and resource.type in context.parameters:
            for parameter in context.parameters[resource.type]:
                if parameter.entry and parameter.name == "requests":
                    stated = context.traffic.stated(resource, "requests")
                    if stated is not None and (resource.address, "requests") not in context.flow.incoming:
                        found.append(stated)
    return total(found) if found else None


__all__ = ["ZERO", "Budget", "Estimate", "Group", "Saving", "estimate", "exactly"]
