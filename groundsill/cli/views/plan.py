"""A plan as it is shown: what is lost first and loudly, then replacements, then the rest, each under its component."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.views.money import signed
from groundsill.cli.views.style import Style
from groundsill.terraform.changes import UNKNOWN, AttributeChange, Change, value_text
from groundsill.terraform.migrations import RUN_TYPES
from groundsill.terraform.review import ComponentChanges, Review

if TYPE_CHECKING:
    from groundsill.cli.plan_costs import PlanCosts

_SIGNS = {"create": "+", "update": "~", "replace": "-/+", "destroy": "-", "forget": "x", "none": " ", "read": "<"}
_VERBS = (("create", "to make"), ("update", "to change"), ("replace", "to replace"), ("destroy", "to destroy"),
          ("move", "to move"), ("import", "to take over"), ("forget", "to forget"))
_MOST_ATTRIBUTES = 12


def render(
    review: Review, folder: Path, style: Style, *, drift: bool = False, costs: PlanCosts | None = None,
) -> str:
    """The whole plan.

    Arguments:
        review: the plan by component.
        folder: the folder that file names are shown from.
        style: colours.
        drift: whether only what was changed outside is wanted, and what the plan would do about it.
        costs: what the plan changes in cost, where that is known.
    """
    lines: list[str] = []
    for title, groups, paint in (
        ("DATA IS LOST", review.losses, style.red),
        ("Replaced", review.replacements, style.yellow),
        ("Changed", review.others, style.bold),
        ("Migrations that run, before what waits for them", review.migrations, style.bold),
    ):
        if groups and not drift:
            lines += ["", paint(title), *_groups(groups, folder, style, review, costs)]
    if review.outside and (drift or review.undone):
        lines += ["", style.yellow("Changed outside, not by this definition"),
                  *_groups(review.outside, folder, style, review)]
    if review.undone:
        lines += ["", style.bold("This plan takes that back"), *_groups(review.undone, folder, style, review)]
    if review.plan.outputs and not drift:
        lines += ["", f"Outputs that change: {', '.join(review.plan.outputs)}"]
    if costs:
        lines += ["", cost_line(costs, style)]
    return "\n".join([*lines, "", summary_line(review, style, drift=drift)]).strip("\n")


def cost_line(costs: PlanCosts, style: Style) -> str:
    """What the plan changes in cost, in one line."""
    before, after = (item.total.expected for item in (costs.before, costs.after))
    unknown = len(costs.after.unknown)
    more = style.dim(f"  ({unknown} {'line is' if unknown == 1 else 'lines are'} not known; `groundsill cost` says why)") \
        if unknown else ""
    change = signed(costs.change, style, 0)
    return f"{style.bold('Cost:')} {change} US dollars a month, from {before:,.2f} to {after:,.2f}.{more}"


def summary_line(review: Review, style: Style, *, drift: bool = False) -> str:
    """The plan in one line."""
    if drift:
        number = len(review.plan.drift)
        return f"{number} {'resource was' if number == 1 else 'resources were'} changed outside." if number \
            else style.green("Nothing was changed outside.")
    if not review.plan.has_changes:
        return style.green("Nothing changes: what is there is what the definition says.")
    counts = dict(review.plan.counts)
    runs = [change for group in review.migrations for change in group.changes]
    for change in runs:
        counts[change.action] -= 1
    parts = [f"{counts[name]} {words}" for name, words in _VERBS if counts[name]]
    parts += [f"{len(runs)} {'migration' if len(runs) == 1 else 'migrations'} to run"] if runs else []
    lost = len(review.plan.losses)
    loud = style.red(f" {lost} of them {'loses' if lost == 1 else 'lose'} data.") if lost else ""
    return f"{style.bold('Plan:')} {', '.join(parts) or 'outputs only'}.{loud}"


def _groups(
    groups: Sequence[ComponentChanges], folder: Path, style: Style, review: Review, costs: PlanCosts | None = None,
) -> Iterator[str]:
    for group in groups:
        place = group.location.relative_to(folder) if group.location else ""
        cost = costs.by_component.get(group.name) if costs else None
        change = f"  {signed(cost.change, style, 0)} a month" if cost and cost.differs else ""
        title = style.bold(group.subject or group.name or "resources without a component")
        yield f"  {title}  {style.dim(place)}{change}".rstrip()
        for change in group.changes:
            yield from _change(change, style, review)


def _change(change: Change, style: Style, review: Review) -> Iterator[str]:
    sign = "run" if change.type in RUN_TYPES and change.action in ("create", "replace") else _SIGNS.get(change.action, "?")
    words: list[str] = []
    if change.moved_from:
        sign = sign if change.action not in ("none", "read") else "->"
        words.append(f"moved from {change.moved_from}")
    if change.imported:
        words.append(f"taken over: {change.imported}")
    if change.deposed:
        words.append("what an earlier replacement has left")
    if change.loses and not change.outside:
        how = "replaced" if change.action == "replace" else "destroyed"
        words.append(style.red(f"{how}: {change.loses} lost") if change.loses_data else f"{how}: {change.loses} lost")
    elif change.outside and change.action == "destroy":
        words.append("is gone")
    yield f"    {sign:<3} {change.address}  {', '.join(words)}".rstrip()
    for line in review.risks.get(change.address, ()) if not change.outside else ():
        yield style.yellow(f"          ! {line}")
    same = review.renames.get(change.address)
    if same:
        yield style.yellow(f"          if {same} is the same under another name, write formerly=\"...\" at its component")
    # Of a new resource everything that AWS gives is new: only what the definition says tells something.
    told = (item for item in change.attributes
            if change.action != "replace" or item.forces_replacement or not _given_by_aws(item))
    shown = sorted(told, key=lambda item: not item.forces_replacement)
    for item in shown[:_MOST_ATTRIBUTES]:
        yield _attribute(item, style)
    if len(shown) > _MOST_ATTRIBUTES:
        yield style.dim(f"          and {len(shown) - _MOST_ATTRIBUTES} more attributes")


def _given_by_aws(item: AttributeChange) -> bool:
    return item.after == UNKNOWN or item.after is None


def _attribute(item: AttributeChange, style: Style) -> str:
    text = f"          {item.path}: {value_text(item.before)} -> {value_text(item.after)}"
    return f"{text}  {style.red('forces the replacement')}" if item.forces_replacement else style.dim(text)
