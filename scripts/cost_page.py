"""What `docs/costs.md` is made of: figures of documents, and the lines of our estimates that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.cost.amount import Amount, total
from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.model import Line
from groundsill.cost.report import money
from groundsill.definition.running import load_system
from groundsill.definition.system import System

SYSTEMS = Path(__file__).resolve().parents[1] / "systems"
Chosen = Callable[[Line], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a document, and ours.

    Arguments:
        ids: requirement rows that state it.
        label: what it is the cost of.
        document: the figure as the document has it.
        why: why ours differs, or that it does not.
        chosen: which lines of an estimate it is about; None for all of them.
        figure: ours where it is no sum of lines of the page's estimate, but worked out from several.
    """

    ids: str
    label: str
    document: str
    why: str
    chosen: Chosen | None = None
    figure: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One system in one stage.

    Arguments:
        folder: of the system, below ``systems``.
        stage: that fits the document.
        text: what is to be known before the table.
        rows: of the table.
        options: tier and settings in place of the stage's own.
    """

    folder: str
    stage: str
    text: str
    rows: tuple[Row, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def service(*names: str, what: str = "", types: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Chosen:
    """Lines of services, or of types; of which only those whose wording holds a text."""

    def chosen(line: Line) -> bool:
        fits = line.service in names if names else line.resource.type in types
        return fits and what in line.what and not any(text in line.what for text in without)

    return chosen


def component(*names: str) -> Chosen:
    """Lines of components."""
    return lambda line: line.resource.component in names


class Prices:
    """Estimates of the systems, each worked out once."""

    def __init__(self) -> None:
        self._systems: dict[str, System] = {}
        self._found: dict[str, Estimate] = {}

    def of(
        self,
        folder: str,
        stage: str,
        *,
        tier: str | None = None,
        given: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Estimate:
        """The estimate of a stage with its own traffic."""
        key = repr((folder, stage, tier, sorted((given or {}).items()), sorted(settings.items())))
        if key not in self._found:
            if folder not in self._systems:
                self._systems[folder] = load_system(SYSTEMS / folder)
            graph = self._systems[folder].build(stage, settings, tier=tier)
            file = SYSTEMS / folder / "traffic.toml"
            found = estimate(graph, traffic_file=file if file.is_file() else None, given=given)
            self._found[key] = found
        return self._found[key]


PRICES = Prices()


def sum_of(found: Estimate, chosen: Chosen | None) -> Amount:
    """The cost of some lines."""
    return total(line.cost for line in found.lines if line.cost is not None and (chosen is None or chosen(line)))


def dollars(amount: Amount) -> str:
    """An amount as the page shows it."""
    return (
        money(amount.expected)
        if amount.high - amount.low < 0.01
        else (f"{money(amount.expected)} ({money(amount.low)} to {money(amount.high)})")
    )


def saves(
    folder: str, stage: str, first: Mapping[str, Any], second: Mapping[str, Any] | None = None
) -> Callable[[], str]:
    """How much dearer a system is with some settings than with others."""

    def figure() -> str:
        dearer, cheaper = PRICES.of(folder, stage, **first), PRICES.of(folder, stage, **(second or {}))
        return money(dearer.total.expected - cheaper.total.expected)

    return figure


def one(folder: str, stage: str, chosen: Chosen | None = None, **options: Any) -> Callable[[], str]:
    """The cost of some lines of another estimate than the section's."""
    return lambda: dollars(sum_of(PRICES.of(folder, stage, **options), chosen))


def parrot_load(users: int, **settings: Any) -> Callable[[], str]:
    """Parrot with a number of users, each of whom sends 100 requests a day."""
    return one("parrot", "dev", given={"front.requests": f"{users * 100}/day"}, **settings)
