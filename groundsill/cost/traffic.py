"""What the user says about traffic: in ``traffic.toml``, in the definition, on the command line.

.. code-block:: toml

    [units]                        # what cost is also told for
    user = 1000
    session = "30k/month"

    [assume]
    months = 12                    # stored data is that of so many months

    [traffic.api]                  # a component's name, or a Terraform address
    requests = "1M/day"
    request_size = "20 KB"
    routes = { "POST /save-raw-sensor-data" = "70%" }

    [traffic.raw-sensor-data]
    growth = "30 GB/month"

    [stage.dev.traffic.api]        # in place of the above in one stage, or in one tier
    requests = "1k/day"

    [prices]                       # what you pay in place of the list price
    "ec2.g5.xlarge" = 0.61
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from groundsill.cost.amount import Amount
from groundsill.cost.model import Parameter
from groundsill.cost.prices import PriceBook
from groundsill.cost.quantities import Dimension, read_quantity
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, Severity, did_you_mean
from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.source import SourceLocation

TRAFFIC_FILE = "traffic.toml"
_TABLES = ("traffic", "units", "assume", "prices")
_FILTERS = ("stage", "tier")
_ASSUMED = {"months": 12.0}
_TABLE_KINDS = {Dimension.SHARES: Dimension.SHARE, Dimension.COUNTS: Dimension.COUNT}
_MOST_MONTHS = 1200


class Traffic:
    """Traffic that is stated, for one graph: nothing at first.

    Attributes:
        values: amount by address and parameter.
        tables: amounts by key, by address and parameter.
        units: what cost is told for beside the month: number in a month by name.
        prices: the user's own, by key.
        months: how many months of data are stored.
        diagnostics: what is wrong with what was said.
        said: whether anything was said at all.
        places: where a table was written, by address and parameter.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Amount] = {}
        self.tables: dict[tuple[str, str], dict[str, Amount]] = {}
        self.units: dict[str, Amount] = {}
        self.prices: dict[str, float] = {}
        self.months = _ASSUMED["months"]
        self.diagnostics = Diagnostics()
        self.said = False
        self.places: dict[tuple[str, str], SourceLocation | None] = {}

    def stated(self, resource: Resource, name: str) -> Amount | None:
        """What the user says of a parameter of a resource."""
        return self.values.get((resource.address, name))

    def table(self, resource: Resource, name: str, known: Iterable[str]) -> dict[str, Amount]:
        """What the user says of a parameter that is a table; keys that nothing is known by are reported.

        Arguments:
            resource: whose.
            name: of the parameter, for example ``routes``.
            known: keys that exist.
        """
        found = self.tables.get((resource.address, name), {})
        keys = set(known)
        for key in found:
            if key not in keys:
                self.diagnostics.add(Diagnostic(
                    "GS4207", f"`{name}` of {resource.component or resource.address} has the unknown key {key!r}",
                    self.places.get((resource.address, name)), mend=did_you_mean(key, keys, what="Known keys"),
                ))
        return {key: amount for key, amount in found.items() if key in keys}


class _Statement(NamedTuple):
    """One value as it was written."""

    subject: str
    name: str
    value: Any
    place: SourceLocation | None
    strict: bool = True


def read_traffic(
    graph: Graph, parameters: Mapping[str, tuple[Parameter, ...]], book: PriceBook, *, file: Path | None = None,
    given: Mapping[str, str] | None = None,
) -> Traffic:
    """What the user says about the traffic of a graph.

    What is said on the command line goes before the file, a file's table of a stage or tier before its general one, and
    the file before the definition.

    Arguments:
        graph: a finished graph.
        parameters: what can be said of each type.
        book: prices, whose keys the user's own must have.
        file: a ``traffic.toml``; None for none.
        given: values from the command line, for example ``{"api.requests": "2M/day"}``.

    Raises:
        GroundsillError: where the file cannot be read.
    """
    traffic = Traffic()
    statements = list(_of_definition(graph))
    if file is not None:
        content, text = _content(file)
        for table, strict in _layers(content, graph, file, traffic.diagnostics):
            _general(table, traffic, book, SourceLocation(str(file), 1))
            statements += _of_table(table.get("traffic", {}), file, text, traffic.diagnostics, strict=strict)
        traffic.said = True
    for key, value in (given or {}).items():
        subject, _, name = key.rpartition(".")
        statements.append(_Statement(subject, name, value, None))
    if statements:
        traffic.said = True
        index = _Index(graph, parameters)
        for statement in statements:
            index.state(statement, traffic)
    return traffic


def _content(file: Path) -> tuple[dict[str, Any], str]:
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise GroundsillError(Diagnostic(
            "GS4202", f"{file.name} cannot be read", SourceLocation(str(file), 1), detail=str(error),
            mend="write for example [traffic.api] with requests = \"1M/day\"; "
                 "`groundsill cost --write-traffic FILE` writes what can be said",
        )) from error


def _layers(
    content: dict[str, Any], graph: Graph, file: Path, diagnostics: Diagnostics,
) -> Iterator[tuple[dict[str, Any], bool]]:
    """The general tables, then those of the tier, then those of the stage; and whether a subject must exist."""
    here = SourceLocation(str(file), 1)
    for name in content:
        if name not in _TABLES + _FILTERS:
            diagnostics.add(Diagnostic("GS4203", f"{file.name} has the unknown table `{name}`", here,
                                       mend=did_you_mean(name, _TABLES + _FILTERS, what="Known tables")))
    layers: list[tuple[Any, bool]] = [({name: content[name] for name in _TABLES if name in content}, False)]
    for kind, chosen in (("tier", graph.tier), ("stage", graph.stage)):
        by_name = content.get(kind, {})
        if is_mapping(by_name) and chosen in by_name:
            layers.append((by_name[chosen], True))
    for layer, strict in layers:
        if not is_mapping(layer):
            diagnostics.add(Diagnostic("GS4203", f"{file.name} has a value where a table is meant", here,
                                       mend="write for example [stage.dev.traffic.api]"))
            continue
        tables: dict[str, Any] = {}
        for name, table in layer.items():
            if name not in _TABLES or not is_mapping(table):
                diagnostics.add(Diagnostic("GS4203", f"{file.name} has the unknown table `{name}`", here,
                                           mend=did_you_mean(str(name), _TABLES, what="Known tables")))
            else:
                tables[name] = table
        yield tables, strict


def _general(tables: Mapping[str, Any], traffic: Traffic, book: PriceBook, here: SourceLocation) -> None:
    def wrong(name: str, why: str, mend: str = "") -> None:
        traffic.diagnostics.add(Diagnostic("GS4206", f"`{name}` has a value that cannot be used", here, detail=why, mend=mend))

    for name, value in tables.get("units", {}).items():
        try:
            found = read_quantity(value, Dimension.RATE if isinstance(value, str) and "/" in value else Dimension.COUNT)
            if found.expected > 0:
                traffic.units[str(name)] = found
            else:
                wrong(name, "nothing can be shared among none")
        except ValueError as error:
            wrong(name, str(error))
    for name, value in tables.get("assume", {}).items():
        if name not in _ASSUMED:
            wrong(name, "there is no such assumption", did_you_mean(name, _ASSUMED, what="Known"))
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_MONTHS:
            wrong(name, f"{value!r} is not a number of months")
        else:
            traffic.months = float(value)
    for key, value in tables.get("prices", {}).items():
        if book.get(key) is None and not any(_fits(key, form) for form in book.content["templates"]):
            wrong(key, "the price book has no such price", did_you_mean(key, book.prices, what="Known prices"))
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            wrong(key, f"{value!r} is not a price in US dollars")
        else:
            traffic.prices[key] = float(value)


def _fits(key: str, form: str) -> bool:
    start, _, end = form.partition("{}")
    return key.startswith(start) and key.endswith(end) and len(key) > len(start) + len(end)


def _of_definition(graph: Graph) -> Iterator[_Statement]:
    for item in graph.traffic:
        for name, value in item.values.items():
            yield _Statement(item.subject, name, value, item.location)


def _of_table(
    table: Mapping[str, Any], file: Path, text: str, diagnostics: Diagnostics, *, strict: bool,
) -> Iterator[_Statement]:
    lines = text.splitlines()
    for subject, values in table.items():
        if not is_mapping(values):
            diagnostics.add(Diagnostic(
                "GS4206", f"`{subject}` has a value that cannot be used", SourceLocation(str(file), _line(lines, subject)),
                detail="traffic is said of a component or an address",
                mend=f"write [traffic.{subject}] and a line for each value",
            ))
            continue
        for name, value in values.items():
            yield _Statement(subject, name, value, SourceLocation(str(file), _line(lines, subject, name)), strict)


def _line(lines: list[str], subject: str, name: str = "") -> int:
    """Where something was written: the first line that names it, below the first that names its subject."""
    start = next((number for number, line in enumerate(lines) if subject in line), 0)
    if not name:
        return start + 1
    return next((number + 1 for number in range(start, len(lines)) if lines[number].lstrip().startswith((name, f'"{name}'))),
                start + 1)


class _Index:
    """Finds what a subject means: the resources of a component, or one resource by its address."""

    def __init__(self, graph: Graph, parameters: Mapping[str, tuple[Parameter, ...]]) -> None:
        self._parameters = parameters
        self._subjects: dict[str, list[Resource]] = {}
        for resource in graph:
            if not resource.data:
                for subject in {resource.component, resource.address} - {""}:
                    self._subjects.setdefault(subject, []).append(resource)

    def state(self, statement: _Statement, traffic: Traffic) -> None:
        """Note a statement for every resource that it is about."""
        resources = self._subjects.get(statement.subject)
        if resources is None:
            traffic.diagnostics.add(Diagnostic(
                "GS4204", f"traffic is said of `{statement.subject}`, which does not exist here", statement.place,
                mend=did_you_mean(statement.subject, self._said_of(), what="It can be said of"),
                severity=Severity.ERROR if statement.strict else Severity.WARNING,
            ))
            return
        known = {parameter.name: parameter for resource in resources for parameter in self._parameters.get(resource.type, ())}
        parameter = known.get(statement.name)
        if parameter is None:
            mend = did_you_mean(statement.name, known, what="It has") if known else "nothing can be said of it"
            traffic.diagnostics.add(Diagnostic(
                "GS4205", f"`{statement.subject}` has no `{statement.name}`", statement.place, mend=mend))
            return
        try:
            self._note(statement, parameter, resources, traffic)
        except ValueError as error:
            traffic.diagnostics.add(Diagnostic(
                "GS4206", f"`{statement.name}` has a value that cannot be used", statement.place, statement.subject,
                detail=str(error), mend=f"write {parameter.dimension.value}",
            ))

    def _note(self, statement: _Statement, parameter: Parameter, resources: list[Resource], traffic: Traffic) -> None:
        kind = _TABLE_KINDS.get(parameter.dimension)
        meant = [resource for resource in resources
                 if any(item.name == parameter.name for item in self._parameters.get(resource.type, ()))]
        if kind is None:
            amount = read_quantity(statement.value, parameter.dimension)
            for resource in meant:
                traffic.values[resource.address, parameter.name] = amount
            return
        if not is_mapping(statement.value):
            raise ValueError(f"{statement.value!r} is not {parameter.dimension.value}")
        table = {str(key): read_quantity(value, kind) for key, value in statement.value.items()}
        if kind is Dimension.SHARE and sum(amount.expected for amount in table.values()) > 1 + 1e-9:
            raise ValueError("the shares are more than all of it")
        for resource in meant:
            traffic.tables[resource.address, parameter.name] = table
            traffic.places[resource.address, parameter.name] = statement.place

    def _said_of(self) -> list[str]:
        return [subject for subject, resources in self._subjects.items()
                if any(self._parameters.get(resource.type) for resource in resources)]
