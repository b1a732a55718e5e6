"""Laws of the surface over the provider's whole schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill import aws
from groundsill.aws.arguments import checked_arguments
from groundsill.aws.problems import Problems
from groundsill.aws.schema import Block, schema_file, type_schema
from groundsill.aws.types import Type
from groundsill.aws.values import _fits_json, _fits_json_said
from groundsill.graph import Graph, GroundsillError, JsonDocument, Reference, Scope
from groundsill.terraform.synth import synthesize, text

DEEPEST = 3
words = st.text('abcé ${}%"\n-/', max_size=8)
anything_known_later = st.just(Reference("var.later")) | st.just(str(Reference("var.later")))
types = st.sampled_from([(name, data) for data in (False, True) for name in schema_file().names(data=data)])

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=3)
    | words
    | st.sampled_from(
        [
            object(),
            Reference("aws_x.y", ("z",)),
            Reference(""),
            str(Reference("aws_a.b")),
            "\ue000#x\ue001",
            "\ud800",
            "\ue000a.b\ue002*\ue001",
            "\ue000a.b\ue002#9x\ue001",
            JsonDocument({"a": object()}),
            10**400,
            int,
            b"x",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
        | st.tuples(inner)
        | st.frozensets(st.integers() | st.text(max_size=3), max_size=3)
    ),
    max_leaves=6,
)


def values_of(type: Type) -> st.SearchStrategy[Any]:
    """Values that Terraform would take for a type."""
    if type.kind == "string":
        return words | anything_known_later | st.integers(0, 99)
    if type.kind == "number":
        return st.integers(-5, 10**6) | st.floats(-10, 10) | anything_known_later | st.just("12")
    if type.kind == "bool":
        return st.booleans() | anything_known_later | st.sampled_from(["true", "false"])
    if type.kind == "dynamic":
        return words | st.lists(words, max_size=2)
    if type.kind == "object":
        return st.fixed_dictionaries(
            {}, optional={name: values_of(field) for name, field in type.fields.items()}
        )
    element = type.element
    assert element is not None
    if type.kind == "map":
        return st.dictionaries(words, values_of(element) | st.none(), max_size=2)
    return st.lists(values_of(element), max_size=2) | anything_known_later


@st.composite
def arguments_of(draw: st.DrawFn, block: Block, depth: int = 0) -> dict[str, Any]:
    """Arguments that the schema allows, few of them, and always the required ones."""
    arguments: dict[str, Any] = {}
    extra = (
        draw(st.sets(st.sampled_from(block.arguments), max_size=3 if depth < DEEPEST else 0))
        if block.arguments
        else set()
    )
    for name, attribute in block.attributes.items():
        if attribute.required or (name in extra and attribute.settable):
            arguments[name] = draw(values_of(attribute.type))
    for name in block.block_names:
        least = block.least(name)
        if least or (name in extra and depth < DEEPEST):
            nested = block.nested(name)
            members = [draw(arguments_of(nested.block, depth + 1)) for _ in range(max(1, least))]
            arguments[name] = members[0] if len(members) == 1 and draw(st.booleans()) else members
    return arguments


@st.composite
def valid(draw: st.DrawFn) -> tuple[str, bool, dict[str, Any]]:
    name, data = draw(types)
    block = type_schema(f"aws_{name}", data=data)
    assert block is not None
    return name, data, draw(arguments_of(block))


slow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@slow
@given(valid())
def test_arguments_that_the_schema_allows_are_never_an_error(drawn: tuple[str, bool, dict[str, Any]]) -> None:
    name, data, arguments = drawn
    scope = Scope(Graph("shop", "dev"))
    with scope.active():
        made = getattr(aws.data if data else aws, name)("x", **arguments)
    assert scope.diagnostics.errors == []
    # Checking what has been checked changes nothing, so that an override may check it again.
    block = type_schema(made.type, data=data)
    assert block is not None
    assert checked_arguments(made.type, block, made.arguments)[0] == made.arguments
    assert text(scope.graph) == text(scope.graph) and synthesize(scope.graph)


@slow
@given(types, st.data())
def test_nothing_that_a_user_passes_raises_anything_but_our_own_error(
    chosen: tuple[str, bool], data: st.DataObject
) -> None:
    name, is_data = chosen
    block = type_schema(f"aws_{name}", data=is_data)
    assert block is not None
    known = st.sampled_from(
        [*block.attributes, *block.block_names, "depends_on", "lifecycle", "region", "provider", "moved_from"]
    )
    arguments = data.draw(st.dictionaries(known | st.text(max_size=4), junk, max_size=4))
    place = aws.data if is_data else aws
    try:
        made = getattr(place, name)(data.draw(st.just("x") | junk), **arguments)
    except GroundsillError as error:
        assert all(diagnostic.code.startswith("GS11") for diagnostic in error.diagnostics)
    else:
        assert isinstance(made.arguments, Mapping)
    scope = Scope(Graph("shop", "dev"))
    with scope.active():
        made = getattr(place, name)("x", **arguments)
        made.override(**{key: value for key, value in arguments.items() if key in block.attributes})
    assert text(scope.graph)  # what is kept of it can always be written


@given(st.text(max_size=12))
def test_any_word_is_a_type_or_an_error_that_says_so(word: str) -> None:
    try:
        found = getattr(aws, word)
    except GroundsillError as error:
        assert [diagnostic.code for diagnostic in error.diagnostics] == ["GS1107"]
    except AttributeError:
        assert word.startswith("_")
    else:
        assert found is not None


@given(junk)
def test_what_the_quick_look_takes_for_json_is_taken_by_the_careful_one_too(value: Any) -> None:
    problems = Problems("aws_iam_policy")
    if _fits_json(value):
        assert _fits_json_said(value, problems) and not problems.found
