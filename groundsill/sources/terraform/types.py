"""Type constraints of variables, and values brought into them.

Source: Terraform documentation, "Type Constraints", and "Types and Values", Type Conversion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.hcl.syntax import Call, Expression, Literal, Name, Object, Tuple
from groundsill.sources.terraform.values import (
    EvaluationError,
    NotKnownError,
    as_bool,
    as_number,
    fail,
    is_open,
    make_set,
    plain_text,
)

_PRIMITIVES = ("string", "number", "bool", "any")


@dataclass(frozen=True, slots=True)
class TypeConstraint:
    """What a variable takes.

    Arguments:
        kind: ``string``, ``number``, ``bool``, ``any``, ``list``, ``set``, ``map``, ``tuple`` or ``object``.
        element: type of each member of a list, set or map.
        fields: type of each field of an object, or of each place of a tuple by its number.
        optional: fields that may be left out, with their default expressions.
    """

    kind: str = "any"
    element: TypeConstraint | None = None
    fields: dict[str, TypeConstraint] = field(default_factory=dict[str, "TypeConstraint"])
    optional: dict[str, Expression | None] = field(default_factory=dict[str, "Expression | None"])


ANY = TypeConstraint()


def constraint_of(expression: Expression | None) -> TypeConstraint:
    """The type that an expression names; any where it names none."""
    if isinstance(expression, Name) and expression.name in _PRIMITIVES:
        return TypeConstraint(expression.name)
    if isinstance(expression, Name) and expression.name in ("list", "set", "map"):
        return TypeConstraint(expression.name, ANY)
    if isinstance(expression, Literal) and isinstance(expression.value, str):
        return _of_text(expression)
    if not isinstance(expression, Call) or not expression.arguments:
        return ANY
    inner = expression.arguments[0]
    if expression.name in ("list", "set", "map"):
        return TypeConstraint(expression.name, constraint_of(inner))
    if expression.name == "tuple" and isinstance(inner, Tuple):
        return TypeConstraint("tuple", None, {str(index): constraint_of(item) for index, item in enumerate(inner.items)})
    if expression.name == "object" and isinstance(inner, Object):
        fields: dict[str, TypeConstraint] = {}
        optional: dict[str, Expression | None] = {}
        for key, item in inner.items:
            if not isinstance(key, Literal):
                continue
            name = str(key.value)
            if isinstance(item, Call) and item.name == "optional" and item.arguments:
                fields[name] = constraint_of(item.arguments[0])
                optional[name] = item.arguments[1] if len(item.arguments) > 1 else None
            else:
                fields[name] = constraint_of(item)
        return TypeConstraint("object", None, fields, optional)
    return ANY


def _of_text(expression: Literal) -> TypeConstraint:
    """A type in quotes, as the JSON form and very old files write it."""
    from groundsill.sources.hcl.parser import parse_expression
    from groundsill.sources.hcl.source import HclError, SourceText

    try:
        return constraint_of(parse_expression(SourceText(expression.source.file, expression.value)))
    except HclError:
        return ANY


class Converter:
    """Brings values into type constraints.

    Arguments:
        default: evaluates the default expression of an optional field.
    """

    def __init__(self, default: Any) -> None:
        self._default = default

    def convert(self, value: Any, wanted: TypeConstraint) -> Any:
        """The value as the type wants it; what is not known stays as it is.

        Raises:
            EvaluationError: where it does not fit.
        """
        if value is None or wanted.kind == "any" or is_open(value):
            return value
        try:
            if wanted.kind == "string":
                return plain_text(value)
            if wanted.kind == "number":
                return as_number(value)
            if wanted.kind == "bool":
                return as_bool(value)
        except NotKnownError:
            return value
        if wanted.kind in ("list", "set"):
            return self._members(value, wanted)
        if wanted.kind == "tuple":
            if not is_list(value) or len(value) != len(wanted.fields):
                return fail(f"a list of {len(wanted.fields)} is needed")
            return [self._at(str(index), item, wanted.fields[str(index)]) for index, item in enumerate(value)]
        if not is_mapping(value):
            return fail(f"{'an object' if wanted.kind == 'object' else 'a map'} is needed")
        if wanted.kind == "map":
            element = wanted.element or ANY
            return {key: self._at(key, item, element) for key, item in value.items()}
        return self._object(value, wanted)

    def _members(self, value: Any, wanted: TypeConstraint) -> Any:
        if not is_list(value):
            return fail(f"a {wanted.kind} is needed")
        members = [self._at(index, item, wanted.element or ANY) for index, item in enumerate(value)]
        return make_set(members) if wanted.kind == "set" else members

    def _object(self, value: Any, wanted: TypeConstraint) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, kind in wanted.fields.items():
            item = value.get(name)
            if item is None and name in wanted.optional:
                default = wanted.optional[name]
                item = None if default is None else self._default(default)
            elif name not in value:
                fail(f"`{name}` is missing")
            found[name] = self._at(name, item, kind)
        return found

    def _at(self, step: object, value: Any, wanted: TypeConstraint) -> Any:
        try:
            return self.convert(value, wanted)
        except EvaluationError as error:
            raise EvaluationError(f"at {step}: {error}") from error
