"""Writes docs/tiers.md: what each tier sets, and what that changes in what every component makes, read from the graphs.

    python -m tests.tiers_reference
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from groundsill import Stage
from groundsill.definition.tier import TIERS, Tier
from groundsill.graph import Graph
from tests.component_examples import every_component
from tests.component_support import arguments, build

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tiers.md"
FIELDS = [name for name in Tier._fields if name != "name"]
Changes = frozenset[tuple[str, str]]  # Terraform type and argument; an empty argument where the resource is there or not


def meaning(field: str) -> str:
    """What a field says, from the docstring of `Tier`."""
    match = re.search(rf"^\s+{field}: (.*?)(?=^\s+\w+:|\Z)", inspect.getdoc(Tier) or "", re.MULTILINE | re.DOTALL)
    assert match is not None, field
    return " ".join(match[1].split())


@cache
def graph(tier: str = "basic", stage: str = "dev", **adjusted: Any) -> Graph:
    """One of every component, in a tier, with what the stage has in place of what the tier sets."""

    def define(described: Stage) -> None:
        if adjusted:
            described.adjust(**adjusted)
        every_component(described)

    return build(define, stage, tier=tier, stages=dict.fromkeys(("dev", "prod", "prox", "proy"), "basic"))


def changes(before: Graph, after: Graph) -> Changes:
    """What differs: resources that only one of them has, and arguments that are not the same."""
    found: set[tuple[str, str]] = set()
    for address in {*before.resources, *after.resources}:
        if address not in before or address not in after:
            found.add(((before if address in before else after)[address].type, ""))
            continue
        one, other = before[address], after[address]
        # A stage's name is in names and tags; `prox` and `proy` have as many letters as `prod`.
        first, second = (same_stage(arguments(item)) for item in (one, other))
        found |= {(one.type, name) for name in {*first, *second} if first.get(name) != second.get(name)}
        if set(one.depends_on) != set(other.depends_on):
            found.add((one.type, "depends_on"))
    return frozenset(found)


def same_stage(value: Any) -> Any:
    """A value with the name of the stage that is not production in the form of the one that is."""
    if isinstance(value, dict):
        return {same_stage(key): same_stage(item) for key, item in value.items()}
    if isinstance(value, list):
        return [same_stage(item) for item in value]
    return re.sub("pro[xy]", "prod", value) if isinstance(value, str) else value


def of_field(field: str) -> Changes:
    """What changes where a stage of the tier `basic` has of one field what `enterprise` sets."""
    return changes(graph(), graph(**{field: getattr(TIERS["enterprise"], field)}))


def of_tier(lower: str, higher: str) -> Changes:
    """What changes between two tiers."""
    return changes(graph(lower), graph(higher))


def of_production() -> Changes:
    """What changes where the same stage is production."""
    # What differs between two stages that are not production comes from their names: digests, encoded texts.
    return changes(graph(stage="prox"), graph(stage="prod")) - changes(graph(stage="prox"), graph(stage="proy"))


def _shown(found: Iterable[tuple[str, str]]) -> str:
    by_type: dict[str, list[str]] = {}
    for type, argument in sorted(found):
        by_type.setdefault(type, []).append(argument)
    parts = [f"`{type}`" + (f" ({', '.join(f'`{name}`' for name in names if name)})" if any(names) else "")
             for type, names in by_type.items()]
    return ", ".join(parts) or "nothing by itself: definitions read `stage.tier` and decide"


def _cell(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def page() -> str:
    """The whole page."""
    lines = [
        "# Tiers", "",
        "A stage has a tier: `basic`, `standard` or `enterprise`. It sets at once how much protection the stage buys. What a",
        "component is told says more than its tier, and `stage.adjust(...)` changes single lines of the table for a stage.",
        "`groundsill synth --tier NAME` shows what another tier would make of a stage.", "",
        "## What each tier sets", "", "| | basic | standard | enterprise | |", "|---|---|---|---|---|",
    ]
    for field in FIELDS:
        cells = [_cell(getattr(tier, field)) for tier in TIERS.values()]
        lines.append(f"| `{field}` | {' | '.join(cells)} | {meaning(field)} |")
    lines += ["", "## What each line changes", "",
              "From one of every component, in a stage that is not production: arguments that differ, and resources that are",
              "there or not (a type without arguments).", "", "| | changes |", "|---|---|"]
    lines += [f"| `{field}` | {_shown(of_field(field))} |" for field in FIELDS]
    lines += ["", "## What production changes", "",
              "A stage whose name begins with `prod` keeps its data through a mistake, in every tier:", ""]
    by_type: dict[str, list[str]] = {}
    for type, argument in sorted(of_production()):
        by_type.setdefault(type, []).append(argument)
    for type, names in by_type.items():
        lines.append(f"- `{type}`: {', '.join(f'`{name}`' for name in names)}" if any(names) else f"- `{type}`")
    lines += ["", "The page is written by `python -m tests.tiers_reference`, and a test keeps it current."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
