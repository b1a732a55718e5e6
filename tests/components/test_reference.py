"""The reference of components is whole, true and current: every section is there, and says what the code does."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.definition.component import Component
from tests.component_examples import EXAMPLES, Parts
from tests.component_reference import FOLDER, created, doc_of, graph, methods, pages, verb_rows
from tests.component_support import examine

COMPONENTS = [name for name in c.__all__ if inspect.isclass(getattr(c, name)) and issubclass(getattr(c, name), Component)]


def takes(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("name", c.__all__)
def test_every_section_is_there_and_every_argument_is_described(name: str) -> None:
    thing = getattr(c, name)
    doc = doc_of(thing)
    assert len(doc.about) > 20
    assert "Example" in doc.sections
    assert list(doc.arguments) == takes(thing.__init__ if inspect.isclass(thing) else thing)
    if name in COMPONENTS:
        assert doc.sections["Resources created"].strip()
        assert doc.sections["Costs"].strip()
        for method, member in methods(name):
            inner = doc_of(member)
            assert inner.about, method
            assert set(inner.arguments) == set(takes(member)), method


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_resources_that_it_says_are_the_resources_that_it_makes(name: str) -> None:
    said = set(re.findall(r"aws_\w+|terraform_data", doc_of(getattr(c, name)).sections["Resources created"]))
    made = created(name) - {"aws_cloudwatch_metric_alarm"}  # `Alerts` makes those of every component
    assert made <= said, f"not said: {sorted(made - said)}"
    anywhere = {resource.type for resource in graph("enterprise", "prod")[0]}
    assert said <= anywhere, f"never made: {sorted(said - anywhere)}"


def test_every_verb_is_shown_with_its_rights_and_variables() -> None:
    for name in COMPONENTS:
        verbs = [item for item, member in vars(getattr(c, name)).items() if isinstance(member, property)
                 and member.fget is not None and member.fget.__annotations__.get("return") == "Grant"]
        assert len(verb_rows(name)) == (len(verbs) + 2 if verbs else 0), name


# What stands in examples beside components: parts that are there, or the usual names of others.
NAMES = {"subnets": "network", "releases": "files", "audit": "files", "customers": "orders", "handler": "save",
         "planner": "save", "chat": "save", "api": "rest", "results": "orders", "backups": "plan", "events": "bus",
         "container": "image", "raw": "orders", "acl": "rules"}


class Known(dict[str, Any]):
    """The names that an example may use."""

    def __init__(self, stage: Stage) -> None:
        super().__init__({name: getattr(c, name) for name in c.__all__}, stage=stage)
        self.parts = Parts()

    def __missing__(self, name: str) -> Any:
        return getattr(self.parts, NAMES.get(name, name))


class Anything:
    """A stage whose settings are addresses and domains."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def setting(self, name: str) -> Any:
        if name == "subnet_ids":
            return ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
        return {"vpc_id": "vpc-0123456789abcdef0"}.get(name, "a@shop.example" if "email" in name else "shop.example")

    def pick(self, **values: Any) -> Any:
        return values.get("dev", next(iter(values.values())))


@pytest.mark.parametrize("name", c.__all__)
def test_its_example_runs(name: str) -> None:
    example = inspect.cleandoc("\n" + doc_of(getattr(c, name)).sections["Example"]).strip("`").replace("\n", " ")

    def define(stage: Stage) -> None:
        exec(compile(example, name, "exec"), Known(Anything(stage)))  # type: ignore[arg-type]

    _, diagnostics = examine(define)
    assert not list(diagnostics), "\n".join(item.render() for item in diagnostics)


def test_the_pages_are_current() -> None:
    assert set(EXAMPLES) == set(c.__all__)
    made = pages()
    assert {path.name for path in FOLDER.glob("*.md")} == set(made)
    for file, text in made.items():
        assert (FOLDER / file).read_text(encoding="utf-8") == text, f"run python -m tests.component_reference: {file}"
