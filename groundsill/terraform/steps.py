"""The steps of a deploy: who is told of them and asked, how they are noted, and what is made before the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from groundsill.terraform.certificates import Proof
from groundsill.terraform.changes import PlanSummary
from groundsill.terraform.deployment import Deployment, plan_file
from groundsill.terraform.engine import ApplySummary
from groundsill.terraform.permissions import Judgement
from groundsill.terraform.preflight import Caller
from groundsill.terraform.recovery import Recovered
from groundsill.terraform.review import Review, review
from groundsill.terraform.state import state_resources

Result = TypeVar("Result")


class Talk(Protocol):
    """Whoever started the deploy: is told of the steps and asked before something is changed."""

    def step(self, name: str, state: str, seconds: float = 0.0, detail: str = "") -> None:
        """A step has ``started`` or is ``done``."""
        ...

    def say(self, text: str) -> None:
        """Something to read meanwhile."""
        ...

    def prove(self, found: Proof) -> None:
        """Somebody has to enter the records of a certificate where its domain's DNS is."""
        ...

    def agrees(self, found: Review, what: str) -> bool:
        """Whether the plan may be applied.

        Arguments:
            found: the plan by component.
            what: ``DNS zone`` for the step before its delegation, ``certificate`` for the one before it is proven,
                ``registry`` for the one before images are pushed, ``system`` for the whole.
        """
        ...


class Steps:
    """Tells of steps, and notes them.

    Arguments:
        about: the stage.
        talk: is told of the steps and asked.
    """

    def __init__(self, about: Deployment, talk: Talk) -> None:
        self.about = about
        self.talk = talk
        self._resources: list[dict[str, Any]] | None = None

    def resources(self) -> list[dict[str, Any]]:
        """What the state has. Terraform takes seconds to tell, so it is asked again only after a change."""
        if self._resources is None:
            self._resources = state_resources(self.about.engine.show(self.about.directory))
        return self._resources

    def changed(self) -> None:
        """Something was made, or taken over: the state is another one."""
        self._resources = None

    def run(self, name: str, step: Callable[[], Result]) -> Result:
        """Do a step."""
        self.about.workspace.note(step=name)
        started = time.perf_counter()
        self.talk.step(name, "started")
        try:
            result = step()
        except BaseException:
            self.talk.step(name, "failed", time.perf_counter() - started)
            raise
        self.talk.step(name, "done", time.perf_counter() - started, _detail(result))
        return result

    def make_first(
        self, what: str, targets: Sequence[str], values: Mapping[str, str],
    ) -> list[ApplySummary] | None:
        """Make what everything else waits for.

        Arguments:
            what: for people, for example ``registry``.
            targets: addresses; where there are none, nothing is done.
            values: of variables.

        Returns:
            What was done; None where that was refused.
        """
        if not targets:
            return []
        about = self.about
        with plan_file() as file:
            plan = self.run(f"{what} plan", lambda: about.plan(file, values, targets=targets))
            if not plan.has_changes:
                return []
            if not self.talk.agrees(review(plan, about.graph), what):
                return None
            self.changed()
            return [self.run(what, lambda: about.apply(file))]


def _detail(result: Any) -> str:
    if isinstance(result, str):
        return result
    if isinstance(result, Caller | Judgement):
        return result.words
    if isinstance(result, PlanSummary):
        counts = {name: number for name, number in result.counts.items() if number}
        return ", ".join(f"{number} {name}" for name, number in counts.items()) or "no changes"
    if isinstance(result, ApplySummary):
        return f"{len(result.resources)} resources"
    if isinstance(result, Recovered):
        return f"{len(result.taken_over)} resources that the interrupted deploy had made"
    return ""
