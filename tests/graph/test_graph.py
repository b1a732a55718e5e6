"""The graph: references survive every nesting, addresses and order are stable, what is broken is said."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.graph import (
    Broken,
    Diagnostic,
    Graph,
    GroundsillError,
    JsonDocument,
    Output,
    Reference,
    Resource,
    SourceLocation,
    Variable,
    did_you_mean,
    references_in,
    resolve,
    split_template,
)

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True)
# Every text that a user can write but the three marks that a reference is written with inside a string.
LITERALS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ue000\ue001\ue002"), max_size=20)
STEPS = st.lists(NAMES | st.integers(0, 99), max_size=3).map(tuple)
REFERENCES = st.builds(Reference, st.builds("aws_{}.{}".format, NAMES, NAMES), STEPS)
NESTED = st.recursive(
    REFERENCES | LITERALS | st.integers() | st.none() | REFERENCES.map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3) | st.builds(JsonDocument, inner),
    max_leaves=8,
)


@given(st.lists(LITERALS | REFERENCES, max_size=6))
def test_a_reference_in_a_string_comes_out_as_it_went_in(parts: list[str | Reference]) -> None:
    found = split_template("".join(str(part) for part in parts))
    assert [part for part in found if isinstance(part, Reference)] == [part for part in parts if isinstance(part, Reference)]
    assert "".join(map(str, found)) == "".join(map(str, parts))


@given(LITERALS)
def test_nothing_a_user_writes_can_pass_for_a_reference(text: str) -> None:
    assert list(references_in(text + "${aws_iam_role.admin.arn}")) == []


@given(NESTED)
def test_every_reference_is_found_wherever_it_is_and_resolved_exactly_once(value: Any) -> None:
    looked_up: list[Reference] = []

    def lookup(reference: Reference) -> str:
        looked_up.append(reference)
        return "value"

    resolved = resolve(value, lookup)
    assert looked_up == list(references_in(value))
    assert not list(references_in(resolved))


@given(NESTED)
def test_a_json_document_becomes_the_text_that_aws_receives(value: Any) -> None:
    document = JsonDocument(value)
    structure = resolve(document, lambda reference: reference.expression, json_text=False)
    assert json.loads(resolve(document, lambda reference: reference.expression)) == structure


EDGES = st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3))


def graph_of(edges: dict[int, list[int]]) -> Graph:
    graph = Graph("shop", "dev")
    for source, targets in edges.items():
        links = [Reference(f"aws_sqs_queue.q{target}", ("arn",)) for target in targets]
        graph.add(Resource("aws_sqs_queue", f"q{source}", {"links": links}))
    return graph


@given(EDGES)
def test_everything_comes_after_what_it_refers_to(edges: dict[int, list[int]]) -> None:
    forward = {source: [target for target in targets if target < source] for source, targets in edges.items()}
    graph = graph_of(forward)
    order = [resource.address for resource in graph.order()]
    assert sorted(order) == sorted(graph.resources)
    assert order == [resource.address for resource in graph_of(forward).order()]
    for resource in graph:
        for address in graph.dependencies(resource.address):
            if address in graph:
                assert order.index(address) < order.index(resource.address)
                assert resource.address in graph.referrers(address)


@given(EDGES)
def test_dangling_references_and_circles_are_reported_and_nothing_else(edges: dict[int, list[int]]) -> None:
    graph = graph_of(edges)
    found = [item.code for item in graph.problems()]
    dangling = {(source, target) for source, targets in edges.items() for target in targets if target not in edges}
    assert found.count("GS1002") == len(dangling)

    def reaches(start: int) -> set[int]:
        seen: set[int] = set()
        waiting = list(edges[start])
        while waiting:
            node = waiting.pop()
            if node in edges and node not in seen:
                seen.add(node)
                waiting += edges[node]
        return seen

    assert ("GS1003" in found) == any(node in reaches(node) for node in edges)
    assert set(found) <= {"GS1002", "GS1003"}


def test_each_circle_is_found_once_by_leaving_out_those_that_are_known() -> None:
    graph = graph_of({0: [1], 1: [0], 2: [0, 3], 3: [2], 4: [4], 5: [4]})
    known: set[str] = set()
    found: list[list[str]] = []
    while addresses := graph.circle(without=known):
        assert addresses[0] == addresses[-1]
        assert all(later in graph.dependencies(earlier) or earlier in graph.dependencies(later)
                   for earlier, later in pairwise(addresses))
        found.append(sorted(set(addresses)))
        known.update(addresses)
    assert sorted(len(circle) for circle in found) == [1, 2, 2]
    assert graph_of({0: [1], 1: [2], 2: [], 3: [0, 1, 2]}).circle() == []


def test_a_second_resource_of_the_same_name_is_reported_with_the_place_of_the_first() -> None:
    graph = Graph()
    for line in (3, 7):
        graph.add(Resource("aws_sqs_queue", "jobs", location=SourceLocation("system.py", line)))
    (problem,) = graph.problems()
    assert (problem.code, problem.location, problem.detail) == (
        "GS1001", SourceLocation("system.py", 7), "the first one is at system.py:3")


def test_a_broken_thing_fits_everywhere_and_is_never_a_second_mistake() -> None:
    broken = Broken()
    graph = Graph()
    graph.add(Resource("aws_sqs_queue", "jobs", {"name": broken, "tags": {"a": f"{broken.read.anything()['x']}/y"}}))
    graph.add_output(Output("name", broken))
    assert not list(graph.problems())
    assert not broken
    assert list(broken) == []


def test_a_variable_is_declared_once_and_refers_to_itself() -> None:
    graph = Graph()
    first = graph.add_variable(Variable("image", "the first"))
    assert graph.add_variable(Variable("image", "the second")) == first
    assert first.expression == "var.image"
    assert graph.variables["image"].description == "the first"
    graph.add(Resource("aws_ecs_task_definition", "web", {"image": f"{first}", "other": Reference("var.nothing")}))
    assert [item.code for item in graph.problems()] == ["GS1002"]


def test_another_region_has_a_provider_of_its_own_and_the_systems_region_has_none() -> None:
    graph = Graph(region="eu-central-1")
    assert graph.add_provider("eu-central-1") is None
    assert graph.add_provider("us-east-1") == graph.add_provider("us-east-1") == "us_east_1"
    assert [(item.alias, item.region) for item in graph.providers] == [(None, "eu-central-1"), ("us_east_1", "us-east-1")]


def test_an_error_shows_the_place_what_was_written_why_and_the_mend() -> None:
    error = GroundsillError(Diagnostic(
        "GS1101", "unknown argument `hash_keys` for aws_dynamodb_table", SourceLocation("/home/me/shop/system.py", 41),
        'Table("orders")', mend=did_you_mean("hash_keys", ["hash_key", "name"], what="Known arguments")))
    assert str(error) == (
        "error[GS1101]: unknown argument `hash_keys` for aws_dynamodb_table\n"
        '  --> /home/me/shop/system.py:41  Table("orders")\n'
        "  did you mean `hash_key`? Known arguments: hash_key, name")


@pytest.mark.parametrize(("steps", "expression"), [
    (("arn",), "aws_x.y.arn"), (("a", 0, "b"), "aws_x.y.a[0].b"), (("tags", "a b"), 'aws_x.y.tags["a b"]'), ((), "aws_x.y"),
])
def test_a_reference_is_written_as_terraform_reads_it(steps: tuple[str | int, ...], expression: str) -> None:
    assert Reference("aws_x.y", steps).expression == expression
    assert Reference("aws_x.y").at("set").element(1).at("name").expression == "tolist(aws_x.y.set)[1].name"
