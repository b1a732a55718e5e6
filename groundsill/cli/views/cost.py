"""An estimate as it is shown: dearest first, with what is not known and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from groundsill.cli.views.money import signed
from groundsill.cli.views.style import Style
from groundsill.cost.amount import Amount, total
from groundsill.cost.compare import compare
from groundsill.cost.estimate import Estimate, Group
from groundsill.cost.model import Answer
from groundsill.cost.report import labels, money, priced_on, reasons, small_money

_LITTLE, _FEW = 0.003, 6
_MOST_ASSUMPTIONS, _MOST_REASONS, _MOST_NAME = 8, 8, 56


def render(
    estimate: Estimate, by: str, style: Style, *, against: Estimate | None = None, lines: bool = False, everything: bool = False,
) -> str:
    """The whole report.

    Arguments:
        estimate: what was priced.
        by: ``component``, ``service`` or ``resource``.
        style: colours.
        against: the estimate that it is compared with.
        lines: whether every line is shown with its formula.
        everything: whether every assumption and every reason is shown, and not only the weightiest.
    """
    parts = [_head(estimate, style), ""]
    parts += _differences(against, estimate, by, style) if against is not None else _groups(
        estimate, by, style, lines=lines, everything=everything)
    parts += _units(estimate, style)
    parts += _budgets(estimate, style)
    parts += _unknown(estimate, style, everything=everything)
    parts += _assumptions(estimate, style, everything=everything)
    parts += _free(estimate, style)
    return "\n".join(parts)


def _head(estimate: Estimate, style: Style) -> str:
    graph = estimate.graph
    name = " ".join(part for part in (style.bold(graph.name or "the system"), graph.stage,
                                      f"({graph.tier})" if graph.tier else "") if part)
    return f"{name}  {style.dim(f'US dollars a month; list prices of {estimate.book.region} from {priced_on(estimate)}')}"


def _groups(estimate: Estimate, by: str, style: Style, *, lines: bool, everything: bool) -> Iterator[str]:
    groups, small = _told([group for group in estimate.by(by) if not group.free], everything=lines or everything)
    without = [group for group in estimate.by(by) if group.free]
    free = [group.name for group in without]
    width = _width([*(group.name for group in groups), by, "total"])
    yield style.dim(f"  {by:<{width}} {'low':>11} {'expected':>11} {'high':>11}")
    for group in groups:
        mark = style.yellow(f"  + {len(group.unknown)} not known") if group.unknown else ""
        yield f"  {_cut(group.name):<{width}} {_three(group.cost)}{mark}"
        if lines:
            yield from _lines(group, style)
    if small:
        name = f"{len(small)} more, --verbose shows them"
        yield style.dim(f"  {_cut(name):<{width}} {_three(total([group.cost for group in small]))}")
    yield style.bold(f"  {'total':<{width}} {_three(estimate.total)}")
    if lines:
        for group in without:
            yield style.dim(f"  {group.name}")
            yield from _lines(group, style)
    elif free:
        shown = ", ".join(free) if len(free) <= 6 else f"{', '.join(free[:6])} and {len(free) - 6} more"
        yield style.dim(f"  free: {shown}")


def _told(groups: list[Group], *, everything: bool) -> tuple[list[Group], list[Group]]:
    """Groups that are shown one by one, and those that make little of the sum and hold nothing unknown."""
    expected, high = (sum(getattr(group.cost, name) for group in groups) for name in ("expected", "high"))
    small = [group for group in groups if not group.unknown and group.cost.expected < _LITTLE * expected
             and group.cost.high < 2 * _LITTLE * high]
    if everything or len(small) < _FEW:
        return groups, []
    return [group for group in groups if group not in small], small


def _lines(group: Group, style: Style) -> Iterator[str]:
    free: dict[str, list[str]] = {}
    for line in group.lines:
        if line.answer is Answer.FREE:
            free.setdefault(line.reason, []).append(line.resource.address)
        elif line.cost is None:
            yield style.yellow(f"      {'?':>10}  {line.resource.address}  {line.what}: {line.reason}")
        else:
            date = f"  ({line.price.date or 'undated'}, {line.price.confidence})" if line.price else ""
            place = f"{line.resource.address}  {line.what}"
            yield f"      {money(line.cost.expected):>10}  {place}: {line.formula}{style.dim(date)}"
    for reason, addresses in free.items():
        named = addresses[0] if len(addresses) == 1 else f"{len(addresses)} resources"
        yield style.dim(f"      {'free':>10}  {named}: {reason}")


def _differences(before: Estimate, after: Estimate, by: str, style: Style) -> Iterator[str]:
    rows = [item for item in compare(before, after, by) if item.differs]
    names = labels(before, after)
    width = _width([*(item.name for item in rows), by])
    yield style.dim(f"  {by:<{width}} {names[0]:>11} {names[1]:>11} {'change':>11}")
    for item in rows:
        mark = style.yellow(f"  + {item.unknown} not known") if item.unknown else ""
        both = f"{money(item.before.expected):>11} {money(item.after.expected):>11}"
        yield f"  {_cut(item.name):<{width}} {both} {signed(item.change, style)}{mark}"
    if not rows:
        yield "  nothing differs"
    change = after.total.expected - before.total.expected
    yield style.bold(f"  {'total':<{width}} {money(before.total.expected):>11} {money(after.total.expected):>11} ") \
        + signed(change, style)


def _units(estimate: Estimate, style: Style) -> Iterator[str]:
    units = estimate.per_unit
    if units:
        yield ""
        width = max(map(len, units)) + 9
        for name, amount in units.items():
            shown = f"${small_money(amount.expected)}"
            bounds = "" if amount.exact else style.dim(f"  (${small_money(amount.low)} to ${small_money(amount.high)})")
            yield f"  {f'for each {name}' if not name[0].isdigit() else f'for {name}':<{width}}  {shown}{bounds}"


def _budgets(estimate: Estimate, style: Style) -> Iterator[str]:
    for budget in estimate.budgets:
        part = estimate.total.expected / budget.limit
        text = f"{part:.0%} of the budget of ${money(budget.limit)} ({budget.resource.address})"
        yield ""
        yield f"  {style.red(text) if part > 1 else style.green(text)}"
        if part <= 1 < estimate.total.high / budget.limit:
            yield style.dim(f"  the high estimate, ${money(estimate.total.high)}, is above it")


def _unknown(estimate: Estimate, style: Style, *, everything: bool) -> Iterator[str]:
    found = reasons(estimate.unknown)
    if not found:
        return
    yield ""
    number = len(estimate.unknown)
    yield style.yellow(f"Not known, so not in these sums ({number} {'line' if number == 1 else 'lines'})")
    yield from _listed([f"{reason}{f'  ({number} lines)' if number > 1 else ''}" for reason, number in found],
                       None if everything else _MOST_REASONS, "reasons", style)


def _assumptions(estimate: Estimate, style: Style, *, everything: bool) -> Iterator[str]:
    found = estimate.assumptions
    if not found:
        return
    yield ""
    yield style.bold("Assumed, the weightiest first") + style.dim("  (the word in backticks says it in traffic.toml)")
    yield from _listed(found, None if everything else _MOST_ASSUMPTIONS, "assumptions", style)


def _free(estimate: Estimate, style: Style) -> Iterator[str]:
    savings = estimate.savings
    doubtful = {name: share for name, share in estimate.confidence.items() if name != "high" and share >= 0.005}
    if doubtful:
        yield ""
        told = " and ".join(f"{share:.0%} at prices of {name} confidence" for name, share in doubtful.items())
        yield style.dim(f"Of the expected sum {told}: old or second-hand copies of the list, or Spot; --lines names them.")
    if savings:
        if not doubtful:
            yield ""
        together = sum(saving.cost for saving in savings)
        yield style.dim(f"An account's free allowances would take at most ${money(together)} off, where nothing else uses them.")


def _listed(items: Sequence[str], most: int | None, what: str, style: Style) -> Iterator[str]:
    for item in items[:most]:
        yield f"  {item}"
    if most is not None and len(items) > most:
        yield style.dim(f"  and {len(items) - most} more {what}; --verbose shows all")


def _width(names: Sequence[str]) -> int:
    return min(max((len(name) for name in names), default=9), _MOST_NAME)


def _cut(name: str) -> str:
    return name if len(name) <= _MOST_NAME else f"{name[:_MOST_NAME - 3]}..."


def _three(amount: Amount) -> str:
    return f"{money(amount.low):>11} {money(amount.expected):>11} {money(amount.high):>11}"
