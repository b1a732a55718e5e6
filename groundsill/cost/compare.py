"""Two estimates side by side: what a change, another stage or another tier costs."""

from __future__ import annotations

from typing import NamedTuple

from groundsill.cost.amount import ZERO, Amount
from groundsill.cost.estimate import Estimate


class Difference(NamedTuple):
    """One component, service or resource in two estimates.

    Arguments:
        name: of the group.
        before: US dollars a month in the estimate that is compared with.
        after: US dollars a month in this one.
        unknown: lines of either whose cost is not known.
    """

    name: str
    before: Amount
    after: Amount
    unknown: int = 0

    @property
    def change(self) -> float:
        """How much dearer the expected cost is; negative where it is cheaper."""
        return self.after.expected - self.before.expected

    @property
    def differs(self) -> bool:
        """Whether any of the three estimates is another one, by half a cent at least."""
        return any(abs(getattr(self.after, name) - getattr(self.before, name)) >= 0.005 for name in ("low", "expected", "high"))


def compare(before: Estimate, after: Estimate, by: str = "component") -> list[Difference]:
    """The groups of two estimates, the greatest change first.

    Arguments:
        before: what is compared with.
        after: what is asked about.
        by: ``component``, ``service`` or ``resource``.
    """
    old, new = ({group.name: group for group in item.by(by)} for item in (before, after))
    found = [
        Difference(name, old[name].cost if name in old else ZERO, new[name].cost if name in new else ZERO,
                   sum(len(groups[name].unknown) for groups in (old, new) if name in groups))
        for name in dict.fromkeys([*new, *old])
    ]
    return sorted(found, key=lambda item: (-abs(item.change), item.name))
