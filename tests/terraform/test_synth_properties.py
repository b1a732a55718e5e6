"""Laws of synthesis: literal stays literal, references stay references, equal graphs give equal bytes."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from groundsill.graph import Graph, JsonDocument, Reference, Resource, references_in, split_template
from groundsill.terraform.synth import synthesize, text
from groundsill.terraform.template import json_template, render_json, template, text_template

words = st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=12) | st.text(
    '${%}\\"a\n\r', max_size=10
)
references = st.builds(
    Reference,
    st.sampled_from(["aws_sqs_queue.jobs", "data.aws_region.here", "var.x"]),
    st.lists(st.sampled_from(["arn", "name", "url", 0, 3]), max_size=2).map(tuple),
)
texts = st.lists(words | references, max_size=4).map(lambda parts: "".join(map(str, parts)))
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts | references
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)

_PIECE = re.compile(r"\$\{\"([$%]+|\\r)\"\}|\$\{([^}\"]*)\}|\$\$\{|%%\{|%\{|.", re.DOTALL)


def read_template(rendered: str) -> list[str]:
    """A small reader of Terraform's templates: the literal text and the expressions of a string, in order."""
    parts: list[str] = []
    for match in _PIECE.finditer(rendered):
        if match[2] is not None:
            parts.append(f"\0{match[2]}\0")
        elif match[0] in ("$${", "%%{"):
            parts.append(match[0][1:])
        else:
            assert match[0] != "%{", f"a directive came out of literal text: {rendered!r}"
            parts.append(match[1].replace("\\r", "\r") if match[1] else match[0])
    return "".join(parts).split("\0")


def expected(value: str) -> list[str]:
    joined = "".join(
        f"\0{part.expression}\0" if isinstance(part, Reference) else part for part in split_template(value)
    )
    return joined.split("\0")


@given(st.lists(words.filter(lambda word: "\0" not in word) | references, max_size=5))
def test_a_string_reads_back_as_the_same_text_and_the_same_references(parts: list[Any]) -> None:
    value = "".join(map(str, parts))
    assert read_template(text_template(value)) == expected(value)


@given(documents)
def test_every_reference_of_a_value_is_in_its_template(value: Any) -> None:
    rendered = json.dumps(template(value), ensure_ascii=False)
    for reference in references_in(value):
        assert reference.expression in rendered


@given(documents)
def test_a_json_document_without_its_references_is_json(value: Any) -> None:
    rendered = json_template(value)
    for reference in references_in(value):
        assert reference.expression in rendered
    if next(references_in(value), None) is None:
        assert json.loads(rendered.replace("$${", "${").replace("%%{", "%{")) == value


@given(st.dictionaries(words, documents, max_size=4))
def test_equal_graphs_give_equal_bytes(arguments: dict[str, Any]) -> None:
    def graph() -> Graph:
        made = Graph("a", "dev")
        made.add(Resource("aws_x", "a", dict(arguments)))
        made.add(Resource("aws_x", "b", {"policy": JsonDocument(arguments)}))
        return made

    first = text(graph())
    assert first == text(graph())
    assert json.loads(first) == synthesize(graph())


@given(documents)
def test_the_readable_text_is_exactly_what_json_writes(value: Any) -> None:
    rendered = template(value)
    assert render_json(rendered) == json.dumps(rendered, indent=2, ensure_ascii=False) + "\n"
