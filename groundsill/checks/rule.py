"""What a rule is and what it finds."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from groundsill.graph.resource import Resource
from groundsill.graph.source import SourceLocation

if TYPE_CHECKING:
    from groundsill.checks.context import Context


class Family(enum.StrEnum):
    """The question that a rule answers."""

    DEPLOYS = "deploys"
    RUNS = "runs"
    SAFE = "safe"


class Severity(enum.StrEnum):
    """How bad a finding is, worst first.

    ``critical``: data or an account is open to anybody, or the apply must fail. ``high``: it will not work, or loses data.
    ``medium``: it will hurt sooner or later. ``low``: better otherwise.
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Finding(NamedTuple):
    """One thing that a rule found in one resource.

    Arguments:
        resource: that it is about; None where it is about the graph as a whole.
        detail: what exactly, with the values that were found: ``visibility is 30 s, the function runs up to 60 s``.
        mend: what to do here; empty where the rule's own mend says it all.
        attribute: argument that is wrong or missing, for example ``visibility_timeout_seconds``.
        severity: where it differs from the rule's own, for example less in a stage that is not production.
        related: other resources that play a part.
        place: line in the user's file where it is about no resource, such as a backend's.
        unknown: True where the rule could not judge, since a value is known only after apply: reported as unknown, and
            never as a finding.
    """

    resource: Resource | None
    detail: str
    mend: str = ""
    attribute: str = ""
    severity: Severity | None = None
    related: tuple[Resource, ...] = ()
    place: SourceLocation | None = None
    unknown: bool = False

    @property
    def location(self) -> SourceLocation | None:
        """The line in the user's file."""
        return self.resource.location if self.resource else self.place


Found = Iterable[Finding]


class Rule(NamedTuple):
    """One question asked of a graph.

    Arguments:
        id: its stable name, in words: ``queue-visibility-below-function-timeout``.
        family: the question it answers.
        severity: how bad a finding is where nothing makes it better or worse.
        title: what is wrong, as one sentence without a full stop; the same for every finding.
        rationale: why it matters: what happens in AWS, with the page or limit that says so.
        mend: what to do about it.
        look: gives the findings.
        types: Terraform types whose resources are looked at one by one; none for a rule that looks at the whole graph.
        controls: ids of controls elsewhere whose failure it finds, for example ``("FSBP SQS.1", "CIS 3.6", "CKV_AWS_27")``.
            ``FSBP`` is a control of AWS Security Hub that is in AWS Foundational Security Best Practices; ``NIST`` and ``PCI``
            are Security Hub's too, for those standards alone; ``CIS`` is CIS AWS Foundations Benchmark 3.0.0; ``CKV`` is
            Checkov's. Each id of the first four is in ``tests/checks/controls.toml``, with where it was read.
        production_only: whether stages that are not production may do otherwise.
        tiers: names of the tiers that ask for it; empty for all. A graph without a tier (from Terraform) asks for all.
        example: what is wrong, in one line of Terraform's terms: ``visibility_timeout_seconds = 30, function timeout = 60``.
    """

    id: str
    family: Family
    severity: Severity
    title: str
    rationale: str
    mend: str
    look: Callable[..., Found]
    types: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    production_only: bool = False
    tiers: tuple[str, ...] = ()
    example: str = ""

    def findings(self, context: Context) -> Found:
        """What it finds in a graph."""
        for subject in self.subjects(context):
            yield from self.look(context, *subject)

    def subjects(self, context: Context) -> Iterator[tuple[Resource, ...]]:
        """What it is asked about, one by one: a resource each, or once the graph as a whole (an empty tuple)."""
        if not self.types:
            yield ()
        for type in self.types:
            for resource in context.of_type(type):
                yield (resource,)

    def applies(self, context: Context) -> bool:
        """Whether it is asked of a graph's stage and tier. Where nobody said which, everything is asked."""
        if self.production_only and context.graph.production is False:
            return False
        return not self.tiers or not context.graph.tier or context.graph.tier in self.tiers


class Ruleset:
    """The rules of one module, gathered by the decorator as the module is read.

    Arguments:
        family: the question that they answer, where a rule does not say otherwise.
        items: rules that are written as data; default none.

    Example:
        >>> rules = Ruleset(Family.RUNS)
        >>> @rules.rule("topic-without-subscribers", Severity.LOW, "nobody listens to the topic", types=("aws_sns_topic",),
        ...             rationale="What is published is thrown away.", mend="subscribe something, or remove the topic")
        ... def no_subscribers(context, topic):
        ...     if not any(context.view.referring(topic, "aws_sns_topic_subscription")):
        ...         yield Finding(topic, "no subscription refers to it")
        >>> [rule.id for rule in rules]
        ['topic-without-subscribers']
    """

    def __init__(self, family: Family, items: Iterable[Rule] = ()) -> None:
        self.family = family
        self.items = list(items)

    def rule(
        self, id: str, severity: Severity, title: str, *, rationale: str, mend: str, types: tuple[str, ...] = (),
        controls: tuple[str, ...] = (), production_only: bool = False, tiers: tuple[str, ...] = (), example: str = "",
        family: Family | None = None,
    ) -> Callable[[Callable[..., Found]], Callable[..., Found]]:
        """Decorator of the function that looks: arguments as of `Rule`; the family where it is not the module's."""

        def register(look: Callable[..., Found]) -> Callable[..., Found]:
            self.items.append(Rule(id, family or self.family, severity, title, rationale, mend, look, types, controls,
                                   production_only, tiers, example))
            return look

        return register

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.items)
