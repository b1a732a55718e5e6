"""An estimate as data for programs, and as Markdown for documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from groundsill.cost.amount import Amount
from groundsill.cost.compare import Difference, compare
from groundsill.cost.estimate import Estimate, Group
from groundsill.cost.model import Answer, Line


def money(value: float) -> str:
    """US dollars as a table shows them.

    Example:
        >>> [money(value) for value in (1234.5, 0.004, 0)]
        ['1,234.50', '<0.01', '0.00']
    """
    return "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"


def small_money(value: float) -> str:
    """US dollars for one unit, which may be much less than a cent."""
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4g}" if value >= 0.0001 else f"{value:.2e}"


def reasons(lines: Iterable[Line]) -> list[tuple[str, int]]:
    """Why lines are not known, and how many for each reason, the most frequent first."""
    return Counter(line.reason for line in lines).most_common()


def priced_on(estimate: Estimate) -> str:
    """The dates of the prices that were used."""
    dates = sorted({line.price.date for line in estimate.lines if line.price is not None and line.price.date})
    return f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0] if dates else estimate.book.compiled


def estimate_data(estimate: Estimate, by: str, against: Estimate | None = None) -> dict[str, Any]:
    """An estimate for ``--json``.

    Arguments:
        estimate: what was priced.
        by: ``component``, ``service`` or ``resource``.
        against: the estimate that it is compared with.
    """
    graph, book = estimate.graph, estimate.book
    data: dict[str, Any] = {
        "system": graph.name, "stage": graph.stage or None, "tier": graph.tier or None, "region": graph.region,
        "currency": "USD", "period": "month",
        "prices": {"region": book.region, "compiled": book.compiled, "kind": book.content["kind"], "wanted": estimate.wanted,
                   "confidence": estimate.confidence},
        "total": estimate.total.to_dict(),
        "per_unit": {name: amount.to_dict() for name, amount in estimate.per_unit.items()},
        "by": by, "groups": [_group_data(group) for group in estimate.by(by)],
        "unknown": [{"reason": reason, "lines": number} for reason, number in reasons(estimate.unknown)],
        "assumptions": estimate.assumptions,
        "free_allowances": [{"name": saving.name, "quantity": saving.quantity, "cost": saving.cost}
                            for saving in estimate.savings],
        "budgets": [{"resource": budget.resource.address, "limit": budget.limit,
                     "exceeded": estimate.total.expected > budget.limit} for budget in estimate.budgets],
        "diagnostics": [item.to_dict() for item in estimate.diagnostics],
    }
    if against is not None:
        data["against"] = {
            "system": against.graph.name, "stage": against.graph.stage or None, "tier": against.graph.tier or None,
            "total": against.total.to_dict(),
            "differences": [{"name": item.name, "before": item.before.to_dict(), "after": item.after.to_dict(),
                             "change": item.change} for item in compare(against, estimate, by)],
        }
    return data


def _group_data(group: Group) -> dict[str, Any]:
    return {"name": group.name, "cost": group.cost.to_dict(), "lines": [_line_data(line) for line in group.lines]}


def _line_data(line: Line) -> dict[str, Any]:
    price = line.price
    return {
        "resource": line.resource.address, "component": line.resource.component or None, "service": line.service or None,
        "what": line.what or None, "answer": str(line.answer), "cost": line.cost.to_dict() if line.cost else None,
        "quantity": line.quantity.to_dict() if line.quantity else None,
        "price": None if price is None else {
            "key": price.key, "amount": price.amount, "unit": price.unit, "date": price.date or None,
            "confidence": price.confidence, "source": price.source or None},
        "formula": line.formula or None, "reason": line.reason or None, "assumptions": list(line.assumptions),
    }


def markdown(estimate: Estimate, by: str, against: Estimate | None = None, *, lines: bool = False) -> str:
    """An estimate as Markdown, for a document or a pull request.

    Arguments:
        estimate: what was priced.
        by: ``component``, ``service`` or ``resource``.
        against: the estimate that it is compared with.
        lines: whether every line is listed, with its formula.
    """
    graph = estimate.graph
    name = " ".join(part for part in (graph.name, graph.stage, f"({graph.tier})" if graph.tier else "") if part)
    parts = [f"## Cost of {name or 'the system'}", "",
             f"US dollars a month; list prices of {estimate.book.region} from {priced_on(estimate)}.", ""]
    parts += _difference_table(against, estimate, by) if against is not None else _table(estimate, by)
    if lines:
        parts += ["", "### Lines", "", *_line_table(estimate)]
    if estimate.per_unit:
        parts += ["", *_rows(("for each", "low", "expected", "high"), (
            (unit, *(f"${small_money(value)}" for value in (amount.low, amount.expected, amount.high)))
            for unit, amount in estimate.per_unit.items()))]
    for budget in estimate.budgets:
        over = "is above" if estimate.total.expected > budget.limit else "is within"
        parts += ["", f"The expected cost {over} the budget of ${money(budget.limit)}."]
    if estimate.unknown:
        parts += ["", "Not known:", "", *(f"- {reason} ({number} {'line' if number == 1 else 'lines'})"
                                          for reason, number in reasons(estimate.unknown))]
    if estimate.assumptions:
        parts += ["", f"<details><summary>{len(estimate.assumptions)} assumptions</summary>", "",
                  *(f"- {item}" for item in estimate.assumptions), "", "</details>"]
    return "\n".join(parts) + "\n"


def _table(estimate: Estimate, by: str) -> list[str]:
    groups = [group for group in estimate.by(by) if not group.free]
    rows = [(_cell(group.name), *_three(group.cost), str(len(group.unknown)) if group.unknown else "") for group in groups]
    return _rows((by, "low", "expected", "high", "not known"), [
        *rows, ("**total**", *(f"**{text}**" for text in _three(estimate.total)), "")])


def _difference_table(before: Estimate, after: Estimate, by: str) -> list[str]:
    rows = [(_cell(item.name), money(item.before.expected), money(item.after.expected), _signed(item.change))
            for item in compare(before, after, by) if item.differs]
    whole = Difference("", before.total, after.total)
    return _rows((by, *labels(before, after), "change"), [
        *rows, ("**total**", f"**{money(whole.before.expected)}**", f"**{money(whole.after.expected)}**",
                f"**{_signed(whole.change)}**")])


def labels(before: Estimate, after: Estimate) -> tuple[str, str]:
    """What tells two estimates apart: their systems, stages or tiers; where those are the same, which is which."""
    one, other = before.graph, after.graph
    for first, second in ((one.name, other.name), (one.stage, other.stage), (one.tier, other.tier)):
        if first != second and first and second:
            return first, second
    return "before", "after"


def _line_table(estimate: Estimate) -> list[str]:
    return _rows(("resource", "what", "expected", "how"), (
        (f"`{line.resource.address}`", line.what, money(line.cost.expected) if line.cost else "not known",
         _cell(line.formula or line.reason))
        for group in estimate.by("component") for line in group.lines if line.answer is not Answer.FREE))


def _rows(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    marks = "|".join(" --- " if index == 0 or name == "how" else " ---: " for index, name in enumerate(header))
    return [f"| {' | '.join(header)} |", f"|{marks}|", *(f"| {' | '.join(row)} |" for row in rows)]


def _three(amount: Amount) -> tuple[str, str, str]:
    return money(amount.low), money(amount.expected), money(amount.high)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{money(abs(value))}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
