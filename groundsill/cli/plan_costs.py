"""What a plan changes in cost: the system as it is and as the plan makes it, priced with the same traffic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.graph.diagnostics import Diagnostics, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource

if TYPE_CHECKING:
    from groundsill.cost.compare import Difference
    from groundsill.cost.estimate import Estimate
    from groundsill.terraform.changes import PlanSummary

_FIRST_NAME = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """Cost before and after a plan.

    Arguments:
        before: the system as it is.
        after: the system as the definition says.
        by_component: differences by component, the greatest first.
    """

    before: Estimate
    after: Estimate
    by_component: Mapping[str, Difference]

    @property
    def change(self) -> float:
        """How much dearer the system becomes, in US dollars a month."""
        return self.after.total.expected - self.before.total.expected

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "currency": "USD", "period": "month", "before": self.before.total.to_dict(), "after": self.after.total.to_dict(),
            "change": self.change, "unknown": len(self.after.unknown),
            "components": [{"component": name, "before": item.before.to_dict(), "after": item.after.to_dict(),
                            "change": item.change} for name, item in self.by_component.items() if item.differs],
        }


def plan_costs(plan: PlanSummary, graph: Graph, folder: Path) -> tuple[PlanCosts | None, Diagnostics]:
    """Price what a plan changes.

    Arguments:
        plan: the plan.
        graph: the definition's graph.
        folder: of the system, with its ``traffic.toml`` and ``prices.json`` where there are any.

    Returns:
        The costs, or None where nothing changes or traffic or prices cannot be read; and why.
    """
    from groundsill.cli.pricing import beside
    from groundsill.cost.compare import compare
    from groundsill.cost.estimate import estimate

    if not plan.changes:
        return None, Diagnostics()
    try:
        file, book = beside(folder)
        after = estimate(graph, traffic_file=file, book=book)
        after.diagnostics.raise_if_errors()
        # What is said of a component that is not there yet is no mistake of the system as it is.
        before = estimate(before_plan(plan, graph), traffic_file=file, book=book)
    except GroundsillError as error:
        return None, Diagnostics(error.diagnostics)
    return PlanCosts(before, after, {item.name: item for item in compare(before, after)}), Diagnostics()


def before_plan(plan: PlanSummary, graph: Graph) -> Graph:
    """The system as it is: the definition's graph with everything taken back that the plan changes.

    What does not change is taken from the definition, where references are known, so that it costs the same in both.
    """
    from groundsill.sources.plan import read_plan

    prior = read_plan(plan.prior, graph.name, stage=graph.stage, production=graph.production)[0] if plan.prior else Graph()
    changes = {change.address: change for change in plan.changes if not change.deposed}
    found = Graph(graph.name, graph.stage, graph.region, tier=graph.tier, production=graph.production)
    for traffic in graph.traffic:
        found.add_traffic(traffic)
    for resource in graph:
        change = changes.pop(resource.address, None)
        if change is None or change.action not in ("create", "update", "replace"):
            found.add(resource)
        elif change.action != "create":
            old = prior.resources.get(change.moved_from or resource.address)
            found.add(_as_it_was(resource, old, [item.path for item in change.attributes]))
    for address, change in changes.items():
        gone = prior.resources.get(address)
        if gone is not None and change.action in ("destroy", "forget"):
            found.add(Resource(gone.type, gone.name, gone.arguments, component=change.component, module=gone.module,
                               key=gone.key, depends_on=gone.depends_on))
    return found


def _as_it_was(resource: Resource, old: Resource | None, paths: list[str]) -> Resource:
    """A resource with the arguments that a plan changes as they are now."""
    arguments = dict(resource.arguments)
    for path in paths:
        match = _FIRST_NAME.match(path)
        if old is not None and match:
            arguments[match[0]] = old.arguments.get(match[0])
    return Resource(resource.type, resource.name, arguments, provider=resource.provider, component=resource.component,
                    location=resource.location, subject=resource.subject, depends_on=resource.depends_on,
                    module=resource.module, key=resource.key)
