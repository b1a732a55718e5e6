"""The report of a rehearsal for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from groundsill.cli.views.style import Style
from groundsill.operate.rehearsal.report import Outcome, Report, ResourceReport

_MARKS = {Outcome.CLEAN: "✓", Outcome.GAP: "~", Outcome.LEFT_OUT: "-", Outcome.FAILED: "✗"}


def text(report: Report, style: Style) -> str:
    """One line a resource, what needs an eye last, and the verdict."""
    return "\n".join([*_resources(report, style), *_remarks(report, style), "", _verdict(report, style)])


def relative(place: str, folder: Path) -> str:
    """``file:line`` as the user would write it."""
    return place.removeprefix(f"{folder}/")


def _resources(report: Report, style: Style) -> Iterator[str]:
    width = max((len(item.address) for item in report.resources), default=0)
    for item in sorted(report.resources, key=lambda item: item.outcome is not Outcome.CLEAN):
        mark = _painted(item.outcome, f"{_MARKS[item.outcome]} {item.address:<{width}}", style)
        yield f"{mark}  {style.dim(_times(item))}".rstrip()
        if item.remark:
            where = f"{item.place}: " if item.place else ""
            yield f"    {where}{item.remark}"


def _times(item: ResourceReport) -> str:
    if item.left_out:
        return ""
    if item.data:
        return "read"
    parts = [
        f"applied {item.apply_seconds:.0f} s" if item.applied else "not applied",
        *(["second plan empty"] if item.applied and not item.changed and not item.gaps else []),
        f"destroyed {item.destroy_seconds:.0f} s" if item.destroyed else "not destroyed",
    ]
    return ", ".join(parts)


def _painted(outcome: Outcome, line: str, style: Style) -> str:
    paint = {Outcome.CLEAN: style.green, Outcome.FAILED: style.red, Outcome.GAP: style.yellow,
             Outcome.LEFT_OUT: style.yellow}
    return paint[outcome](line)


def _remarks(report: Report, style: Style) -> Iterator[str]:
    stand_ins: dict[str, list[str]] = {}
    for name, what in report.stand_ins.items():
        stand_ins.setdefault(what, []).append(name)
    for what, names in stand_ins.items():
        yield style.dim(f"\nStands in: {what}, for {', '.join(names)}")
    if report.lifted:
        yield style.dim(f"\nLifted before the destroy: {', '.join(report.lifted)}")
    if report.gaps:
        yield style.yellow("\nGaps of the AWS API, of which this rehearsal says nothing:")
        yield from (style.yellow(f"  {gap.text}") for gap in report.gaps)
    for gap in report.unneeded_gaps:
        yield style.yellow(f"\nThe gap {gap.type} {gap.attribute or gap.step} did not show: it may have been mended.")
    for problem in report.problems:
        yield f"\n{style.red('problem:')} {problem}"


def _verdict(report: Report, style: Style) -> str:
    counted = ", ".join(f"{number} {name}" for name, number in report.counts.items() if number)
    word = style.green("Rehearsal passed") if report.passed else style.red("Rehearsal failed")
    return (f"{word}: {style.bold(f'{report.system} {report.stage}')}, {counted}, {report.seconds:.0f} s "
            f"({report.engine}, provider {report.provider}, {report.emulator})")
