"""A plan in the user's own terms: by component, with what is lost first, and what somebody else changed apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.source import SourceLocation
from groundsill.terraform.changes import AttributeChange, Change, PlanSummary
from groundsill.terraform.failures import base_address
from groundsill.terraform.migrations import RUN_TYPES
from groundsill.terraform.risks import risks


@dataclass(frozen=True, slots=True)
class ComponentChanges:
    """What happens to one component.

    Arguments:
        name: component name; empty for resources that belong to none.
        subject: what the user wrote, for example ``Table("orders")``.
        location: line in the user's file; None for a component that is not in the definition any more.
        changes: of its resources.
    """

    name: str
    subject: str
    location: SourceLocation | None
    changes: tuple[Change, ...]

    def to_dict(self, folder: Path) -> dict[str, Any]:
        """The component for ``--json``."""
        return {
            "component": self.name or None, "subject": self.subject or None,
            "file": self.location.relative_to(folder).rpartition(":")[0] if self.location else None,
            "line": self.location.line if self.location else None,
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True)
class Review:
    """A plan, read for people.

    Arguments:
        losses: changes that lose data that nothing makes again, by component.
        replacements: the other replacements, by component.
        others: everything else, by component.
        migrations: those that will run, by component.
        undone: changes that only take back what somebody else did outside, by component.
        outside: what somebody else did outside, by component.
        risks: what somebody should know before it is applied, by address.
        renames: for a lost resource the new one that may be the same under another name: address by address.
        plan: the plan itself.
    """

    losses: tuple[ComponentChanges, ...]
    replacements: tuple[ComponentChanges, ...]
    others: tuple[ComponentChanges, ...]
    migrations: tuple[ComponentChanges, ...]
    undone: tuple[ComponentChanges, ...]
    outside: tuple[ComponentChanges, ...]
    risks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    renames: dict[str, str] = field(default_factory=dict[str, str])
    plan: PlanSummary = field(default_factory=lambda: PlanSummary(Path()))

    def to_dict(self, folder: Path) -> dict[str, Any]:
        """The review for ``--json``."""
        def listed(groups: Iterable[ComponentChanges]) -> list[dict[str, Any]]:
            return [group.to_dict(folder) for group in groups]

        return {
            "changes": self.plan.has_changes, "counts": self.plan.counts,
            "data_loss": listed(self.losses), "replacements": listed(self.replacements), "others": listed(self.others),
            "migrations": listed(self.migrations),
            "undoes_outside_changes": listed(self.undone), "changed_outside": listed(self.outside),
            "risks": self.risks, "renamed_perhaps": self.renames, "outputs": dict(self.plan.outputs),
        }


def review(plan: PlanSummary, graph: Graph) -> Review:
    """Sort a plan.

    Arguments:
        plan: the plan.
        graph: the definition's graph, which knows the components.
    """
    undoing, own = _split(plan)
    # Terraform replaces a run to make it again: nothing of what is there is.
    migrations = [change for change in own if change.type in RUN_TYPES and change.action in ("create", "replace")]
    own = [change for change in own if change not in migrations]
    losses = [change for change in own if change.loses_data]
    replacements = [change for change in own if change.action == "replace" and not change.loses_data]
    others = [change for change in own if change not in losses and change not in replacements]
    return Review(
        *(tuple(by_component(part, graph)) for part in (losses, replacements, others, migrations, undoing, plan.drift)),
        risks={change.address: found for change in plan.changes if (found := risks(change, graph))},
        renames=_renames(plan, graph), plan=plan,
    )


def by_component(changes: Iterable[Change], graph: Graph) -> list[ComponentChanges]:
    """Changes under the component that they belong to, in the order of the definition; what is gone from it comes last."""
    order = {address: index for index, address in enumerate(graph.resources)}
    groups: dict[tuple[str, str], list[Change]] = {}
    places: dict[tuple[str, str], SourceLocation | None] = {}
    last = len(order)
    for change in sorted(changes, key=lambda item: (order.get(base_address(item.address), last), item.address)):
        name, subject, location = _component(change, graph)
        key = (name, subject)
        groups.setdefault(key, []).append(change)
        places.setdefault(key, location)
    return [ComponentChanges(*key, places[key], tuple(found)) for key, found in groups.items()]


def _component(change: Change, graph: Graph) -> tuple[str, str, SourceLocation | None]:
    address = base_address(change.address)
    if address in graph:
        resource = graph[address]
        # Methods attribute a resource to its component at another line: the first resource's line is the component's.
        first = next(iter(graph.of_component(resource.component)), resource) if resource.component else resource
        return resource.component, first.subject or resource.subject, first.location
    return change.component, f"{change.component}, no longer in the definition" if change.component else "", None


def _split(plan: PlanSummary) -> tuple[list[Change], list[Change]]:
    """Changes that only take back an outside change, and the others; one resource may be in both."""
    drift = {change.address: change for change in plan.drift if not change.deposed}
    undoing: list[Change] = []
    own: list[Change] = []
    for change in plan.changes:
        outside = drift.get(change.address)
        if outside is not None and outside.action == "destroy" and change.action == "create":
            undoing.append(change)
            continue
        if outside is None or change.action != "update" or change.moved_from or change.imported:
            own.append(change)
            continue
        before = {item.path: item.before for item in outside.attributes}
        back = tuple(item for item in change.attributes if _takes_back(item, before))
        rest = tuple(item for item in change.attributes if item not in back)
        if back:
            undoing.append(replace(change, attributes=back))
        if rest or not back:
            own.append(replace(change, attributes=rest))
    return undoing, own


def _takes_back(item: AttributeChange, before: dict[str, Any]) -> bool:
    return item.path in before and before[item.path] == item.after


def _renames(plan: PlanSummary, graph: Graph) -> dict[str, str]:
    """For each lost resource that is gone from the definition, a new one of the same type."""
    made = [change for change in plan.changes if change.action == "create"]
    found: dict[str, str] = {}
    for change in plan.changes:
        if change.action == "destroy" and change.loses_data and base_address(change.address) not in graph:
            same = [other for other in made if other.type == change.type]
            if len(same) == 1:
                found[change.address] = same[0].address
    return found
