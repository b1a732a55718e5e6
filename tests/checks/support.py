"""Small graphs, the five systems changed at one place, and what one rule finds in them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from groundsill.checks.rule import Finding, Rule
from groundsill.checks.rules import rules_named
from groundsill.checks.run import check
from groundsill.graph import Graph, JsonDocument, Reference, Resource
from groundsill.testing import Definition

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"
TODAY = date(2026, 11, 26)
STAGES = {
    "open_metabolics": ("dev", "prod"),
    "ai_nutritionist": ("dev", "staging", "prod"),
    "image_understander": ("dev", "staging", "prod"),
    "multitask": ("dev", "staging", "prod"),
    "parrot": ("dev", "stage", "prod"),
}
TIERS = ("basic", "standard", "enterprise")
_REFERENCE = re.compile(r"\$\{([^}]+)\}")


def ref(expression: str) -> Reference:
    """``aws_sqs_queue.jobs.arn`` as a reference."""
    parts = expression.split(".")
    size = 3 if parts[0] == "data" else 2
    return Reference(".".join(parts[:size]), tuple(int(part) if part.isdecimal() else part for part in parts[size:]))


def value(written: Any) -> Any:
    """``${aws_sqs_queue.jobs.arn}`` inside of texts as references."""
    if isinstance(written, str):
        whole = _REFERENCE.fullmatch(written)
        return ref(whole[1]) if whole else _REFERENCE.sub(lambda found: str(ref(found[1])), written)
    if isinstance(written, dict):
        return {key: value(item) for key, item in written.items()}
    if isinstance(written, list):
        return [value(item) for item in written]
    if isinstance(written, JsonDocument):
        return JsonDocument(value(written.content))
    return written


def json(content: Any) -> JsonDocument:
    """A document that an argument takes as JSON."""
    return JsonDocument(value(content))


def graph(
    resources: dict[str, dict[str, Any]], *, production: bool | None = None, stage: str = "", **more: Any
) -> Graph:
    """A graph of resources by address: ``{"aws_sqs_queue.jobs": {"name": "jobs"}}``."""
    made = Graph("shop", stage, production=production, **more)
    for address, arguments in resources.items():
        made.add(resource(address, arguments))
    return made


def resource(address: str, arguments: dict[str, Any], **more: Any) -> Resource:
    data = address.startswith("data.")
    type, name = address.removeprefix("data.").split(".")
    return Resource(type, name, value(arguments), data=data, **more)


@cache
def _definition(system: str) -> Definition:
    return Definition(SYSTEMS / system)


@cache
def system(name: str, stage: str, tier: str | None = None, settings: tuple[tuple[str, Any], ...] = ()) -> Graph:
    """The graph of one of the five systems; never changed, since tests share it."""
    return _definition(name).graph(stage, tier=tier, **dict(settings))


def changed(
    name: str,
    stage: str,
    changes: dict[str, Any] | None = None,
    *,
    without: Iterable[str] = (),
    add: Iterable[Resource] = (),
    tier: str | None = None,
    **settings: Any,
) -> Graph:
    """A system's graph with one fault in it.

    Arguments:
        name: of the system.
        stage: of the system.
        changes: new values by address and argument: ``{"aws_sqs_queue.jobs.message_retention_seconds": 60}``; None takes the
            argument away; a function is given the value and returns the new one.
        without: addresses that are taken away.
        add: resources that are put in.
        tier: in place of the stage's own.
        settings: values of the system's settings.
    """
    given = system(name, stage, tier, tuple(sorted(settings.items())))
    made = Graph(given.name, given.stage, given.region, tier=given.tier, production=given.production)
    replaced: dict[str, dict[str, Any]] = {}
    for path, new in (changes or {}).items():
        type, title, argument = path.split(".")
        replaced.setdefault(f"{type}.{title}", {})[argument] = new
    left = set(without)
    for item in given:
        if item.address in left:
            left.remove(item.address)
            continue
        made.add(_replaced(item, replaced.pop(item.address, {})))
    assert not replaced and not left, f"not in {name} {stage}: {[*replaced, *left]}"
    for item in add:
        made.add(item)
    for variable in given.variables.values():
        made.add_variable(variable)
    for output in given.outputs.values():
        made.add_output(output)
    for artifact in given.artifacts:
        made.add_artifact(artifact)
    return made


def _replaced(item: Resource, changes: dict[str, Any]) -> Resource:
    if not changes:
        return item
    copied = copy.copy(item)
    copied.arguments = dict(item.arguments)
    for argument, new in changes.items():
        if callable(new):
            new = new(copy.deepcopy(item.arguments.get(argument)))
        copied.arguments[argument] = value(new)
        if new is None:
            del copied.arguments[argument]
    return copied


def rule(name: str) -> Rule:
    return rules_named([name])[0]


def found(name: str, given: Graph, *, today: date = TODAY) -> list[Finding]:
    """What a rule finds in a graph; what it cannot judge is left out."""
    report = check(given, [rule(name)], today=today)
    assert not report.faults, report.faults
    return [result.finding for result in report.results]


def unknown(name: str, given: Graph) -> list[Finding]:
    """What a rule cannot judge."""
    return [result.finding for result in check(given, [rule(name)], today=TODAY).unknown]


def finds(name: str, given: Graph, words: str = "", *, today: date = TODAY) -> bool:
    """Whether a rule finds something, with these words in what it says."""
    return any(words in finding.detail for finding in found(name, given, today=today))


Case = tuple[str, dict[str, Any], dict[str, Any], str]
"""A rule, resources where it has to find something, the same ones put right, and words of what it says."""


def tells_apart(case: Case, **of: Any) -> None:
    """Whether a rule finds its fault and says so, and finds nothing where that is put right."""
    rule, faulty, right, words = case
    wrong = graph(faulty, **of)
    assert finds(rule, wrong, words), [item.detail for item in found(rule, wrong)]
    assert not found(rule, graph(right, **of))


# -- changes -----------------------------------------------------------------------------------------------------------


def without_action(*actions: str) -> Any:
    """Takes actions out of a policy."""

    def narrowed(policy: Any) -> Any:
        kept = []
        for item in policy.content["Statement"]:
            left = [action for action in item["Action"] if action not in actions]
            if left:
                kept.append({**item, "Action": left})
        return json({**policy.content, "Statement": kept})

    return narrowed


def on_container(**changes: Any) -> Any:
    """Changes the first container of a task definition."""
    return lambda found: json([{**found.content[0], **changes}, *found.content[1:]])


def variables(**changes: Any) -> Any:
    """Changes variables of a function; None takes one away."""

    def changed_variables(environment: Any) -> Any:
        merged = {**environment[0]["variables"], **changes}
        return [{"variables": {name: item for name, item in merged.items() if item is not None}}]

    return changed_variables
