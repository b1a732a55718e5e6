"""The parts of an expression, and of a body with attributes and blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from groundsill.graph.source import SourceLocation
from groundsill.sources.hcl.source import SourceText


@dataclass(slots=True, eq=False)
class Expression:
    """Any expression.

    Arguments:
        source: the text that it is in.
        start: offset of its first character.
        end: offset behind its last one.
    """

    source: SourceText
    start: int
    end: int

    @property
    def text(self) -> str:
        """As the user wrote it, on one line and cut short where it is long."""
        written = " ".join(self.source.text[self.start : min(self.end, self.start + 400)].split())
        return written if len(written) <= 200 else f"{written[:200]}..."

    @property
    def location(self) -> SourceLocation:
        """Its line."""
        return self.source.location(self.start)


@dataclass(slots=True, eq=False)
class Literal(Expression):
    """A value as it stands: text, a number, true, false or null."""

    value: Any


@dataclass(slots=True, eq=False)
class Template(Expression):
    """Text with parts that are evaluated: literal text and expressions, in order."""

    parts: list[str | Expression]


@dataclass(slots=True, eq=False)
class TemplateIf(Expression):
    """``%{ if condition } ... %{ else } ... %{ endif }``."""

    condition: Expression
    then: Template
    otherwise: Template


@dataclass(slots=True, eq=False)
class TemplateFor(Expression):
    """``%{ for key, value in collection } ... %{ endfor }``."""

    key: str
    value: str
    collection: Expression
    body: Template


@dataclass(slots=True, eq=False)
class Name(Expression):
    """A name that a scope gives a meaning: ``var``, ``local``, ``each``, a resource type, a variable of a loop."""

    name: str


@dataclass(slots=True, eq=False)
class Attribute(Expression):
    """``of.name``; also ``of.0``."""

    of: Expression
    name: str


@dataclass(slots=True, eq=False)
class Index(Expression):
    """``of[key]``."""

    of: Expression
    key: Expression


@dataclass(slots=True, eq=False)
class Splat(Expression):
    """``of[*].a.b``: what follows is read from every member. ``each`` is that, with :class:`SplatItem` at its root."""

    of: Expression
    each: Expression


@dataclass(slots=True, eq=False)
class SplatItem(Expression):
    """The member of a splat that is looked at."""


@dataclass(slots=True, eq=False)
class Unary(Expression):
    """``-x`` or ``!x``."""

    operator: str
    operand: Expression


@dataclass(slots=True, eq=False)
class Binary(Expression):
    """``x + y`` and the like."""

    operator: str
    left: Expression
    right: Expression


@dataclass(slots=True, eq=False)
class Conditional(Expression):
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(slots=True, eq=False)
class Call(Expression):
    """``name(arguments)``; ``spread`` where the last one is followed by ``...``."""

    name: str
    arguments: list[Expression]
    spread: bool


@dataclass(slots=True, eq=False)
class Tuple(Expression):
    """``[a, b]``."""

    items: list[Expression]


@dataclass(slots=True, eq=False)
class Object(Expression):
    """``{ key = value }``. A key that is a plain name is a literal."""

    items: list[tuple[Expression, Expression]]


@dataclass(slots=True, eq=False)
class For(Expression):
    """``[for v in c : e if t]``, or ``{for k, v in c : ke => ve...}``.

    Arguments:
        key_name: name of the key or index, empty where there is none.
        value_name: name of the member.
        collection: what is gone through.
        key: expression of the key, None for a list.
        value: expression of the value.
        condition: what has to hold, or None.
        grouped: whether values of equal keys are gathered into lists.
    """

    key_name: str
    value_name: str
    collection: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    grouped: bool


@dataclass(slots=True)
class Block:
    """``type "label" { ... }``.

    Arguments:
        type: for example ``resource`` or ``ingress``.
        labels: for example ``["aws_vpc", "main"]``.
        body: what is between the braces.
        location: line that it begins on.
        last_line: line that it ends on.
    """

    type: str
    labels: list[str]
    body: Body
    location: SourceLocation
    last_line: int = 0


@dataclass(slots=True)
class Body:
    """Attributes by name, and blocks in the order they were written."""

    attributes: dict[str, Expression] = field(default_factory=dict[str, Expression])
    blocks: list[Block] = field(default_factory=list[Block])

    def of_type(self, type: str) -> list[Block]:
        """Blocks of one type."""
        return [block for block in self.blocks if block.type == type]
