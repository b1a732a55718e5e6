"""What a rehearsal found, one line a resource."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundsill.operate.rehearsal.gaps import Gap


class Outcome(enum.StrEnum):
    """How a resource came through."""

    CLEAN = "clean"
    GAP = "gap"
    LEFT_OUT = "not rehearsed"
    FAILED = "failed"


@dataclass(slots=True)
class ResourceReport:
    """One resource in the rehearsal; it is filled in step by step.

    Arguments:
        address: Terraform address.
        type: Terraform type.
        component: the component it was lowered from, empty where there is none.
        place: file and line of the definition, relative to the system's folder, empty where there is none.
        left_out: why it was not part of the rehearsal, empty where it was.
        data: whether it is a data source, which is read and neither applied nor destroyed.
    """

    address: str
    type: str
    component: str = ""
    place: str = ""
    left_out: str = ""
    data: bool = False
    applied: bool = False
    apply_seconds: float = 0.0
    changed: list[str] = field(default_factory=list[str])
    destroyed: bool = False
    destroy_seconds: float = 0.0
    left: bool = False
    errors: list[str] = field(default_factory=list[str])
    gaps: list[Gap] = field(default_factory=list[Gap])
    notes: list[str] = field(default_factory=list[str])

    @property
    def outcome(self) -> Outcome:
        """How it came through as a whole."""
        if self.left_out:
            return Outcome.LEFT_OUT
        gone = (self.destroyed and not self.left) or any(gap.step == "destroy" for gap in self.gaps)
        whole = self.data or (self.applied and gone)
        if self.errors or self.changed or not whole:
            return Outcome.FAILED
        return Outcome.GAP if self.gaps else Outcome.CLEAN

    @property
    def remark(self) -> str:
        """What is to say about it beyond its times; empty where all went well."""
        parts = [self.left_out, *self.errors]
        if self.changed:
            parts.append(f"the second plan changes {', '.join(self.changed)}")
        parts.extend(f"gap: {gap.attribute or gap.step}: {gap.reason} ({gap.emulator})" for gap in self.gaps)
        if self.left:
            parts.append("it is still there after the destroy")
        parts.extend(self.notes)
        return "; ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """The line for ``--json``."""
        return {
            "address": self.address, "type": self.type, "component": self.component or None,
            "place": self.place or None, "outcome": str(self.outcome), "applied": self.applied,
            "apply_seconds": self.apply_seconds, "second_plan_changes": self.changed, "destroyed": self.destroyed,
            "destroy_seconds": self.destroy_seconds, "left": self.left, "errors": self.errors,
            "gaps": [gap.to_dict() for gap in self.gaps], "left_out": self.left_out or None,
            "notes": self.notes,
        }


@dataclass(slots=True)
class Report:
    """A whole rehearsal.

    Arguments:
        system: name of the system.
        stage: name of the stage.
        engine: product and version, for example ``Terraform 1.11.4``.
        provider: version of the AWS provider.
        emulator: what answered as AWS.
        stand_ins: what took the place of something that is only built for a deployment, by name.
        resources: in the order of the definition.
        steps: seconds of each step, in order.
        problems: what went wrong with the whole and belongs to no resource.
        unneeded_gaps: known gaps of types that were rehearsed and that did not show.
        lifted: protections that were lifted between the second plan and the destroy, as ``address: attribute``.
        gaps: every known gap of a type that the system has, whether it showed or not.
    """

    system: str
    stage: str
    engine: str
    provider: str
    emulator: str
    stand_ins: Mapping[str, str] = field(default_factory=dict[str, str])
    resources: list[ResourceReport] = field(default_factory=list[ResourceReport])
    steps: dict[str, float] = field(default_factory=dict[str, float])
    problems: list[str] = field(default_factory=list[str])
    unneeded_gaps: list[Gap] = field(default_factory=list[Gap])
    lifted: list[str] = field(default_factory=list[str])
    gaps: list[Gap] = field(default_factory=list[Gap])

    @property
    def passed(self) -> bool:
        """Whether every resource that has no known gap came through wholly clean, and nothing else went wrong."""
        return not self.problems and all(item.outcome is not Outcome.FAILED for item in self.resources)

    @property
    def seconds(self) -> float:
        """Wall time of all steps."""
        return sum(self.steps.values())

    @property
    def counts(self) -> dict[str, int]:
        """Resources by outcome."""
        found = Counter(item.outcome for item in self.resources)
        return {str(outcome): found[outcome] for outcome in Outcome}

    def of_outcome(self, *outcomes: Outcome) -> list[ResourceReport]:
        """The resources that came through so."""
        return [item for item in self.resources if item.outcome in outcomes]

    def to_dict(self) -> dict[str, Any]:
        """The report for ``--json``."""
        return {
            "system": self.system, "stage": self.stage, "passed": self.passed, "engine": self.engine,
            "provider": self.provider, "emulator": self.emulator, "counts": self.counts,
            "seconds": round(self.seconds, 1), "steps": {name: round(value, 1) for name, value in self.steps.items()},
            "stand_ins": dict(self.stand_ins), "protections_lifted": self.lifted, "problems": self.problems,
            "gaps": [gap.to_dict() for gap in self.gaps],
            "unneeded_gaps": [gap.to_dict() for gap in self.unneeded_gaps],
            "resources": [item.to_dict() for item in self.resources],
        }

    def to_markdown(self) -> str:
        """The report for a pull request or a wiki."""
        verdict = "passed" if self.passed else "failed"
        counted = ", ".join(f"{number} {name}" for name, number in self.counts.items() if number)
        lines = [
            f"# Rehearsal of {self.system} {self.stage}: {verdict}", "",
            f"{counted}. {self.engine}, provider {self.provider}, against {self.emulator}, {self.seconds:.0f} s.", "",
            *_rows(("Step", "Seconds"), ((name, f"{value:.1f}") for name, value in self.steps.items())),
        ]
        if self.problems:
            lines += ["", "## Problems", "", *(f"- {problem}" for problem in self.problems)]
        if self.stand_ins or self.lifted:
            lines += ["", "## What differs from a deployment", ""]
            lines += [f"- `{name}`: {what}" for name, what in self.stand_ins.items()]
            lines += [f"- lifted before the destroy: `{what}`" for what in self.lifted]
        if self.gaps:
            lines += ["", "## Gaps of the AWS API", "", *(f"- {gap.text}" for gap in self.gaps)]
        lines += ["", "## Resources", "", *_rows(
            ("Resource", "Component", "Applied", "Second plan", "Destroyed", "Result"),
            (_markdown_row(item) for item in self.resources),
        )]
        return "\n".join(lines) + "\n"


def _markdown_row(item: ResourceReport) -> Sequence[str]:
    address = f"`{item.address}`"
    result = f"**{item.outcome}**: {item.remark}" if item.remark else str(item.outcome)
    if item.left_out or item.data:
        return address, item.component, "", "", "", "read" if item.data and not item.remark else result
    return (
        address, item.component, f"{item.apply_seconds:.0f} s" if item.applied else "no",
        "changes" if item.changed or any(gap.step == "plan" for gap in item.gaps) else "empty" if item.applied else "",
        f"{item.destroy_seconds:.0f} s" if item.destroyed else "no", result,
    )


def _rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(headings), line(["---"] * len(headings)), *map(line, rows)]
