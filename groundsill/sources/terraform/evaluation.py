"""Working out expressions: to what they hold, to a reference to what only AWS decides, or to what is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, Diagnostics, Severity
from groundsill.graph.reference import JsonDocument, Reference, Unknown, split_template
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.hcl import syntax
from groundsill.sources.hcl.syntax import Expression
from groundsill.sources.terraform.functions import UNKNOWABLE, all_functions
from groundsill.sources.terraform.names import (
    ABSENT,
    Handle,
    Namespace,
    OutOfWorkError,
    Scope,
    UndeclaredError,
    World,
    pairs,
)
from groundsill.sources.terraform.operators import ARITHMETIC
from groundsill.sources.terraform.values import (
    LONGEST_TEXT,
    MOST_MEMBERS,
    MOST_PARTS,
    AsList,
    EvaluationError,
    NotKnownError,
    PartialText,
    SetOf,
    TooLargeError,
    as_bool,
    as_int,
    as_number,
    as_text,
    document_of,
    equal,
    fail,
    is_open,
    is_settled,
    json_text,
    missing,
    parts_of,
    plain_text,
    references_of,
)

MOST_WORK = 2_000_000
"""Steps of evaluation: a configuration of 5,000 resources takes about 400,000."""
_OPEN = "\ue000"
_MOST_STEPS = 32
_ITEM = "*"


class Evaluation:
    """Works out expressions.

    Arguments:
        world: the configuration.
        diagnostics: receives what Terraform would refuse.
    """

    def __init__(self, world: World, diagnostics: Diagnostics) -> None:
        self.world = world
        self.diagnostics = diagnostics
        self.left = MOST_WORK
        self._functions = all_functions()
        self._handlers: dict[type[Expression], Callable[[Any, Scope], Any]] = {
            syntax.Literal: lambda expression, _: expression.value,
            syntax.Template: self._template,
            syntax.TemplateIf: self._template_if,
            syntax.TemplateFor: self._template_for,
            syntax.Name: self._name,
            syntax.Attribute: self._attribute,
            syntax.Index: self._index,
            syntax.Splat: self._splat,
            syntax.SplatItem: lambda _, scope: scope.names[_ITEM],
            syntax.Unary: self._unary,
            syntax.Binary: self._binary,
            syntax.Conditional: self._conditional,
            syntax.Call: self._call,
            syntax.Tuple: lambda expression, scope: [self.evaluate(item, scope) for item in expression.items],
            syntax.Object: self._object,
            syntax.For: self._for,
        }

    def spend(self, amount: int) -> None:
        """Count work.

        Raises:
            OutOfWorkError: where there has been too much.
        """
        self.left -= amount
        if self.left < 0:
            raise OutOfWorkError("working it out takes too many steps")

    def evaluate(self, expression: Expression, scope: Scope) -> Any:
        """The value of an expression.

        Raises:
            EvaluationError: where Terraform would refuse it.
            TooLargeError: where it is more than any configuration holds.
        """
        self.left -= 1
        if self.left < 0:
            raise OutOfWorkError("working it out takes too many steps")
        return self._handlers[type(expression)](expression, scope)

    def value(self, expression: Expression, scope: Scope) -> Any:
        """As :meth:`evaluate`; what Terraform would refuse is reported and then not known."""
        try:
            return self.evaluate(expression, scope)
        except OutOfWorkError:
            raise
        except EvaluationError as error:
            self.refuse(expression, error)
        except NotKnownError:
            pass
        except TooLargeError as error:
            self._report("GS4020", "a value is too large", expression, detail=str(error), severity=Severity.ERROR)
        except RecursionError:
            self._report("GS4020", "an expression goes too deep", expression, detail=expression.text,
                         severity=Severity.ERROR)
        return Unknown(expression.text)

    def refuse(self, expression: Expression, error: EvaluationError) -> None:
        """Report what Terraform would refuse."""
        if isinstance(error, UndeclaredError):
            self._report("GS4016", error.summary, expression, error.mend, severity=Severity.ERROR)
        else:
            self._report("GS4017", "an expression cannot be worked out", expression, detail=f"{expression.text}: {error}")

    def _report(
        self, code: str, summary: str, expression: Expression, mend: str = "", detail: str = "",
        severity: Severity = Severity.WARNING,
    ) -> None:
        self.diagnostics.add(Diagnostic(code, summary, expression.location, "", detail, mend, severity))

    # -- references ----------------------------------------------------------------------------------------------------

    def settle(self, value: Any) -> Any:
        """A value, followed where it is a reference to something that the configuration says."""
        for _ in range(_MOST_STEPS):
            if not isinstance(value, Reference):
                break
            found = self.world.lookup(value)
            if found is ABSENT:
                return value
            value = found
        if isinstance(value, str) and _OPEN in value:
            parts = [self.settle(part) if isinstance(part, Reference) else part for part in split_template(value)]
            if len(parts) == 1:
                return parts[0]
            if all(is_settled(part) and not is_mapping(part) and not is_list(part) and part is not None for part in parts):
                return "".join(plain_text(part) for part in parts)
        return value

    def finish(self, value: Any, *, json: bool = False) -> Any:
        """A value as the graph holds it; unknown, with a diagnostic, where it is larger than any value is.

        Arguments:
            value: as evaluated.
            json: whether it stands where JSON text is taken, which the graph keeps as a structure.
        """
        try:
            if is_mapping(value) or is_list(value) or isinstance(value, JsonDocument):
                self.spend(sum(1 for _ in parts_of(value)))
            return self._finished(value, json, 0)
        except OutOfWorkError:
            raise
        except TooLargeError as error:
            self.diagnostics.add(Diagnostic("GS4020", "a value is too large", detail=str(error)))
            return Unknown()

    def _finished(self, value: Any, json: bool, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float | Reference | Unknown):
            return value
        if isinstance(value, str):
            if json and (document := document_of(value)) is not None:
                return JsonDocument(document)
            if _OPEN in value:
                parts = split_template(value)
                if len(parts) == 1:
                    return parts[0]
            return value
        if isinstance(value, JsonDocument):
            content = self._finished(value.content, False, depth + 1)
            if json or not is_settled(content):
                return JsonDocument(content)
            return json_text(content)
        if isinstance(value, PartialText):
            document = document_of(value) if json else None
            return Unknown(_shown(value), references_of(value)) if document is None else JsonDocument(document)
        if isinstance(value, AsList):
            return value.reference
        if depth > _MOST_STEPS * 2:
            raise TooLargeError("a value is nested too deeply")
        if is_mapping(value):
            return {key: self._finished(item, json, depth + 1) for key, item in value.items()}
        if is_list(value):
            return [self._finished(item, json, depth + 1) for item in value]
        if isinstance(value, Namespace):
            raise UndeclaredError(f"`{'.'.join(value.path)}` is no value")
        return Unknown(value.module.address if isinstance(value, Handle) else "")

    def _unknown(self, expression: Expression, *values: Any) -> Unknown:
        return Unknown(expression.text, references_of(*values))

    # -- names and steps -----------------------------------------------------------------------------------------------

    def _name(self, expression: syntax.Name, scope: Scope) -> Any:
        if expression.name in scope.names:
            return scope.names[expression.name]
        return Namespace((expression.name,))

    def _attribute(self, expression: syntax.Attribute, scope: Scope) -> Any:
        return self._step(self.evaluate(expression.of, scope), expression.name, expression, scope)

    def _index(self, expression: syntax.Index, scope: Scope) -> Any:
        base = self.evaluate(expression.of, scope)
        key = self.settle(self.evaluate(expression.key, scope))
        if is_open(key) or not isinstance(key, str | int | float) or (isinstance(key, str) and _OPEN in key):
            if key is None or is_mapping(key) or is_list(key):
                fail("an index is a number or text")
            return self._unknown(expression, base, key)
        return self._step(base, key if isinstance(key, str) else as_int(key), expression, scope)

    def _step(self, base: Any, key: str | int, expression: Expression, scope: Scope) -> Any:
        if isinstance(base, Namespace):
            return scope.module.named(base.path, str(key))
        if isinstance(base, Handle):
            return base.module.output(str(key))
        if isinstance(base, Reference):
            return self._of_reference(base, key, expression)
        if isinstance(base, JsonDocument):
            base = base.content
        if is_mapping(base):
            return base[str(key)] if str(key) in base else missing(key, base, "attribute")
        if isinstance(base, SetOf):
            return fail("a set has no places")
        if is_list(base):
            if isinstance(key, str):
                return self._place(base, key, expression)
            return base[key] if 0 <= key < len(base) else fail(f"the list has {len(base)} members and no place {key}")
        if isinstance(base, AsList) and isinstance(key, int):
            return base.reference.element(key)
        if isinstance(base, Unknown | PartialText | AsList):
            return self._unknown(expression, base)
        return fail("null has no attributes" if base is None else f"it has no attribute `{key}`")

    def _place(self, base: Any, key: str, expression: Expression) -> Any:
        if key.isdecimal() and int(key) < len(base):
            return base[int(key)]
        return fail(f"a list has no attribute `{key}`")

    def _of_reference(self, base: Reference, key: str | int, expression: Expression) -> Any:
        if base.path or base.address.startswith("var."):
            return base.at(key)
        if self.world.unexpanded(base.address) and isinstance(expression, syntax.Index):
            return base  # one stands for however many there will be
        return self.world.attribute(base, str(key))

    def _splat(self, expression: syntax.Splat, scope: Scope) -> Any:
        base = self.evaluate(expression.of, scope)
        if isinstance(base, Reference):
            if not base.path and not base.address.startswith("var."):
                if self.world.unexpanded(base.address):
                    return self._unknown(expression, base)
                base = [base]
            else:
                base = self.settle(base)
        if is_open(base):
            return self._unknown(expression, base)
        if base is None:
            return []
        members = list(base) if is_list(base) else [base]
        self.spend(len(members))
        return [self.evaluate(expression.each, scope.having(**{_ITEM: member})) for member in members]

    # -- operators -----------------------------------------------------------------------------------------------------

    def _unary(self, expression: syntax.Unary, scope: Scope) -> Any:
        value = self.evaluate(expression.operand, scope)
        try:
            settled = self.settle(value)
            return not as_bool(settled) if expression.operator == "!" else -as_number(settled)
        except NotKnownError:
            return self._unknown(expression, value)

    def _binary(self, expression: syntax.Binary, scope: Scope) -> Any:
        left, right = self.evaluate(expression.left, scope), self.evaluate(expression.right, scope)
        settled = self.settle(left), self.settle(right)
        try:
            match expression.operator:
                case "&&" | "||":
                    return self._logical(expression.operator, *settled)
                case "==":
                    return equal(*settled)
                case "!=":
                    return not equal(*settled)
                case _:
                    return ARITHMETIC[expression.operator](as_number(settled[0]), as_number(settled[1]))
        except NotKnownError:
            return self._unknown(expression, left, right)
        except ZeroDivisionError:
            return fail("it divides by zero")
        except OverflowError:
            return fail("a number is too large")

    def _logical(self, mark: str, left: Any, right: Any) -> bool:
        decides = mark == "||"
        known: list[bool] = []
        for side in (left, right):
            try:
                known.append(as_bool(side))
            except NotKnownError:
                continue
        if decides in known:
            return decides
        if len(known) < 2:
            raise NotKnownError
        return not decides

    def _conditional(self, expression: syntax.Conditional, scope: Scope) -> Any:
        condition = self.evaluate(expression.condition, scope)
        try:
            chosen = expression.then if as_bool(self.settle(condition)) else expression.otherwise
        except NotKnownError:
            sides = [self._quietly(side, scope) for side in (expression.then, expression.otherwise)]
            if is_settled(sides) and sides[0] == sides[1] and isinstance(sides[0], bool) is isinstance(sides[1], bool):
                return sides[0]
            return self._unknown(expression, condition, *sides)
        return self.evaluate(chosen, scope)

    def _quietly(self, expression: Expression, scope: Scope) -> Any:
        try:
            return self.evaluate(expression, scope)
        except (EvaluationError, NotKnownError):
            return Unknown(expression.text)

    # -- collections ---------------------------------------------------------------------------------------------------

    def _object(self, expression: syntax.Object, scope: Scope) -> Any:
        found: dict[str, Any] = {}
        unknown: list[Any] = []
        for key, value in expression.items:
            name = self.settle(self.evaluate(key, scope))
            held = self.evaluate(value, scope)
            try:
                found[as_text(name)] = held
            except NotKnownError:
                unknown += [name, held]
        return self._unknown(expression, found, *unknown) if unknown else found

    def _for(self, expression: syntax.For, scope: Scope) -> Any:
        collection = self.settle(self.evaluate(expression.collection, scope))
        if is_open(collection):
            return self._unknown(expression, collection)
        if not is_list(collection) and not is_mapping(collection):
            return fail("only a collection can be gone through")
        try:
            return self._gone_through(expression, collection, scope)
        except NotKnownError:
            return self._unknown(expression, collection)

    def _gone_through(self, expression: syntax.For, collection: Any, scope: Scope) -> Any:
        members: list[Any] = []
        keyed: dict[str, Any] = {}
        for key, member in pairs(collection):
            names = {expression.value_name: member}
            if expression.key_name:
                names[expression.key_name] = key
            inner = scope.having(**names)
            if expression.condition is not None and not as_bool(self.settle(self.evaluate(expression.condition, inner))):
                continue
            value = self.evaluate(expression.value, inner)
            if expression.key is None:
                members.append(value)
                continue
            name = as_text(self.settle(self.evaluate(expression.key, inner)))
            if expression.grouped:
                keyed.setdefault(name, []).append(value)
            elif name in keyed:
                fail(f"two members have the key {name[:60]!r}")
            else:
                keyed[name] = value
        return members if expression.key is None else keyed

    # -- functions -----------------------------------------------------------------------------------------------------

    def _call(self, expression: syntax.Call, scope: Scope) -> Any:
        name = expression.name.removeprefix("core::")
        if name == "try":
            return self._try(expression, scope)
        if name == "can":
            return self._can(expression, scope)
        arguments = [self.evaluate(argument, scope) for argument in expression.arguments]
        if expression.spread and arguments:
            spread = self.settle(arguments.pop())
            if is_open(spread):
                return self._unknown(expression, *arguments, spread)
            arguments.extend(spread if is_list(spread) else fail("only a list can be spread"))
        if name == "nonsensitive":
            return arguments[0] if arguments else fail("an argument is missing")
        if name == "sensitive" or name in UNKNOWABLE or name.startswith("provider::"):
            return self._unknown(expression, *arguments)
        function = self._functions.get(name)
        if function is None:
            raise UndeclaredError.of("function", name, self._functions)
        try:
            result = function(self, *[self.settle(argument) for argument in arguments])
        except NotKnownError:
            return self._unknown(expression, *arguments)
        except TypeError as error:
            if "positional argument" not in str(error):
                raise
            return fail(f"{name} takes another number of arguments")
        if (isinstance(result, str) and len(result) > LONGEST_TEXT) or (is_list(result) and len(result) > MOST_MEMBERS):
            raise TooLargeError("a value is too large")
        return result

    def _try(self, expression: syntax.Call, scope: Scope) -> Any:
        for argument in expression.arguments:
            try:
                return self.evaluate(argument, scope)
            except (EvaluationError, NotKnownError):
                continue
        return fail("nothing that `try` was given can be worked out")

    def _can(self, expression: syntax.Call, scope: Scope) -> Any:
        try:
            value = self.evaluate(expression.arguments[0], scope) if expression.arguments else None
        except (EvaluationError, NotKnownError):
            return False
        return self._unknown(expression, value) if is_open(self.settle(value)) else True

    def readable(self, path: str) -> Path:
        """A file that may be read."""
        return self.world.readable(path)

    def render(self, path: Path, variables: Mapping[str, Any]) -> Any:
        """A template's file with values for its names."""
        return self.evaluate(self.world.template(path), Scope(_NoNames(), dict(variables)))

    # -- templates -----------------------------------------------------------------------------------------------------

    def _template(self, expression: syntax.Template, scope: Scope) -> Any:
        parts: list[str | Unknown] = []
        for part in expression.parts:
            if isinstance(part, str):
                parts.append(part)
            else:
                self._add_part(parts, self.evaluate(part, scope), part)
        return _joined(parts)

    def _add_part(self, parts: list[str | Unknown], value: Any, expression: Expression) -> None:
        if isinstance(value, JsonDocument):
            value = json_text(value.content)
        if isinstance(value, PartialText):
            parts.extend(value.parts)
        elif isinstance(value, Unknown):
            parts.append(value)
        elif isinstance(value, Reference):
            parts.append(str(value))
        elif isinstance(value, AsList):
            parts.append(self._unknown(expression, value))
        elif isinstance(value, Namespace):
            raise UndeclaredError(f"`{'.'.join(value.path)}` is no value")
        else:
            parts.append(plain_text(value))

    def _template_if(self, expression: syntax.TemplateIf, scope: Scope) -> Any:
        condition = self.evaluate(expression.condition, scope)
        try:
            chosen = expression.then if as_bool(self.settle(condition)) else expression.otherwise
        except NotKnownError:
            return Unknown("%{ if ... }", references_of(condition, self._quietly(expression.then, scope),
                                                        self._quietly(expression.otherwise, scope)))
        return self.evaluate(chosen, scope)

    def _template_for(self, expression: syntax.TemplateFor, scope: Scope) -> Any:
        collection = self.settle(self.evaluate(expression.collection, scope))
        if is_open(collection):
            return Unknown("%{ for ... }", references_of(collection))
        if not is_list(collection) and not is_mapping(collection):
            return fail("only a collection can be gone through")
        parts: list[str | Unknown] = []
        for key, member in pairs(collection):
            names = {expression.value: member} | ({expression.key: key} if expression.key else {})
            self._add_part(parts, self.evaluate(expression.body, scope.having(**names)), expression)
        return _joined(parts)


class _NoNames:
    """A template's file sees what it is given and nothing else."""

    address = ""

    def named(self, path: tuple[str, ...], name: str) -> Any:
        raise UndeclaredError(f"a template's file has no `{'.'.join((*path, name))}`", "pass it to templatefile")

    def output(self, name: str) -> Any:
        raise UndeclaredError(f"a template's file has no `{name}`")


def _joined(parts: list[str | Unknown]) -> Any:
    if sum(len(part) for part in parts if isinstance(part, str)) > LONGEST_TEXT:
        raise TooLargeError("a text is too long")
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    if len(parts) > MOST_PARTS:
        return Unknown("", references_of(PartialText(tuple(parts))))
    return PartialText(tuple(parts))


def _shown(value: PartialText) -> str:
    shown: list[str] = []
    for part in value.parts:
        if isinstance(part, Unknown):
            shown.append(f"${{{part.expression}}}")
        else:
            shown.extend(f"${{{piece.expression}}}" if isinstance(piece, Reference) else piece
                         for piece in split_template(part))
    return "".join(shown)[:200]
