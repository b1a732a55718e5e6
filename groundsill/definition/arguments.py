"""Arguments as a user wrote them, checked against the signature they are meant for before anything is built from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CodeType, MappingProxyType
from typing import Any, NamedTuple, cast, get_args

from groundsill.definition.building import Building
from groundsill.graph.diagnostics import did_you_mean
from groundsill.graph.reference import Broken, Reference, holds_reference, references_in
from groundsill.graph.value import Value

_LONGEST_SHOWN = 60
_DEEPEST = 5
Kind = tuple[Callable[[Any], bool], str]  # what fits an annotation, and how a message says it
_TAKES_MORE = 0x04  # flag of a code object with `*arguments`: Python's reference, "Data model"


def shown(value: object) -> str:
    """A value as a message shows it, cut short; never fails, whatever the value is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  a user's object may do anything
        text = f"<{type(value).__name__}>"
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return short.encode("utf-8", "backslashreplace").decode()


def holds_broken(value: object, depth: int = 0) -> bool:
    """Whether a value is, or has inside, something whose mistake has been reported already."""
    if isinstance(value, Broken) or depth > _DEEPEST:
        return isinstance(value, Broken)
    if isinstance(value, str):
        return holds_reference(value) and any(isinstance(reference, Broken) for reference in references_in(value))
    if isinstance(value, Mapping):
        return any(holds_broken(item, depth + 1) for item in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, list | tuple):
        return any(holds_broken(item, depth + 1) for item in cast("Sequence[Any]", value))
    if isinstance(value, Reference | type):
        return False
    # A dataclass may be the user's own; asking for its fields in this way spares every command the reading of that module.
    names = value.__slots__ if isinstance(value, Value) else getattr(value, "__dataclass_fields__", ())
    return any(holds_broken(getattr(value, name, None), depth + 1) for name in names)


def usable_arguments(
    function: Callable[..., Any], owner: str, arguments: tuple[Any, ...], named: dict[str, Any], building: Building,
) -> dict[str, Any] | None:
    """The named arguments without the unknown ones, each of which is reported.

    Arguments:
        function: what they are for; its first parameter is the object itself.
        owner: its name in messages, for example ``Table`` or ``HttpApi.route``.
        arguments: positional arguments.
        named: named arguments.
        building: where mistakes are collected.

    Returns:
        None where an argument is missing, superfluous or of the wrong type; that too is reported.
    """
    form = _form(function)
    usable = dict(named)
    for argument in [argument for argument in named if argument not in form.known]:
        building.report(
            "GS1201", f"unknown argument `{argument}` for {owner}",
            mend=did_you_mean(argument, form.known, what="Known arguments"),
        )
        del usable[argument]
    given = form.bound(arguments, usable)
    if given is None:
        building.report(
            "GS1202", f"the arguments of {owner} do not fit", _misfit(function, arguments, usable),
            f"in order: {', '.join(form.positional) or 'none'}; by name: {', '.join(form.known) or 'none'}",
        )
        return None
    wrong = False
    for name, kinds in form.kinds.items():
        if name in given and not _fits(given[name], kinds):
            wrong = True
            building.report(
                "GS1206", f"wrong type of `{name}` for {owner}", f"it takes {_described(kinds)}, not {shown(given[name])}",
                "what is known only after apply cannot decide this" if isinstance(given[name], Reference) else "",
            )
    return None if wrong else usable


class _Form(NamedTuple):
    """The parameters of a function, without its first one: what `inspect.signature` says, without reading that module.

    Arguments:
        positional: those that can be given in order.
        known: those that can be named, and what stands for further ones.
        more: the one that takes what is given beyond them in order; empty without one.
        required: those that must be given.
        kinds: what fits each, in the order in which they are written.
    """

    positional: tuple[str, ...]
    known: tuple[str, ...]
    more: str
    required: frozenset[str]
    kinds: Mapping[str, tuple[Kind, ...]]

    def bound(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any] | None:
        """Every argument by its parameter's name; None where they do not fit."""
        given = dict(zip(self.positional, arguments, strict=False))
        if len(arguments) > len(self.positional):
            if not self.more:
                return None
            given[self.more] = arguments[len(self.positional):]
        if self.more in named or not given.keys().isdisjoint(named):
            return None
        given.update(named)
        return given if given.keys() >= self.required else None


@cache
def _form(function: Callable[..., Any]) -> _Form:
    code: CodeType = function.__code__
    names: Mapping[str, Any] = getattr(function, "__globals__", {})
    count = code.co_argcount
    positional = code.co_varnames[1:count]
    named = code.co_varnames[count:count + code.co_kwonlyargcount]
    more = code.co_varnames[count + code.co_kwonlyargcount] if code.co_flags & _TAKES_MORE else ""
    written = (*positional, *([more] if more else ()), *named)
    optional = {*positional[len(positional) - len(function.__defaults__ or ()):], *(function.__kwdefaults__ or ()), more}
    return _Form(
        positional, written[max(code.co_posonlyargcount - 1, 0):], more, frozenset(written) - optional,
        {name: _kinds(str(function.__annotations__.get(name, "Any")), names) for name in written},
    )


def _misfit(function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """Why arguments do not fit a function, as Python says it."""
    import inspect

    try:
        inspect.signature(function).bind(None, *arguments, **named)
    except TypeError as error:
        return str(error)
    return ""


def _parts(annotation: str, separator: str) -> list[str]:
    """An annotation cut at a separator, but not inside brackets."""
    parts, depth = [""], 0
    for piece in annotation.split(separator):
        parts[-1] += (separator if parts[-1] else "") + piece
        depth = parts[-1].count("[") - parts[-1].count("]")
        if depth == 0:
            parts.append("")
    return parts[:-1] if depth == 0 else [annotation]


def _kinds(annotation: str, names: Mapping[str, Any]) -> tuple[Kind, ...]:
    return tuple(_kind(part, names) for part in _parts(annotation, " | "))


def _plain_kinds(annotation: str, names: Mapping[str, Any]) -> tuple[Kind, ...]:
    """What fits as an item: plain values alone. What takes grants, components or choices has errors that say more."""
    kinds = _kinds(annotation, names)
    return kinds if all(part in _KINDS for part in _parts(annotation, " | ")) else ((lambda _: True, kinds[0][1]),)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | Reference)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


# Annotations are text here: nothing is imported to check them.
_KINDS: MappingProxyType[str, Kind] = MappingProxyType({
    "str": (_is_text, "text"),
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "float": (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "None": (lambda value: value is None, "None"),
})
_PLURAL = {"text": "texts", "a whole number": "whole numbers", "a number": "numbers", "True or False": "True and False"}


def _kind(annotation: str, names: Mapping[str, Any]) -> Kind:
    if annotation in _KINDS:
        return _KINDS[annotation]
    outer, _, rest = annotation.partition("[")
    inner = _parts(rest.removesuffix("]"), ", ") if rest else []
    if outer == "Mapping":
        values = _plain_kinds(inner[-1], names)
        return (lambda value: isinstance(value, Mapping) and all(
            isinstance(key, str) and _fits(item, values) for key, item in cast("Mapping[Any, Any]", value).items()),
            f"a mapping of names to {_plural(values)}")
    if outer == "Sequence" or (outer == "tuple" and inner[-1] == "..."):
        items, named = _plain_kinds(inner[0], names), _kinds(inner[0], names)
        return (lambda value: _is_list(value) and all(_fits(item, items) for item in value)), f"a list of {_plural(named)}"
    if outer == "tuple":
        each = [_kinds(part, names) for part in inner]
        return (lambda value: _is_list(value) and len(value) == len(each) and all(map(_fits, value, each)),
                " and ".join(_described(kinds) for kinds in each))
    choices = get_args(names.get(annotation))
    if choices:
        return lambda value: type(value) is str and value in choices, " or ".join(map(repr, choices))
    if annotation.isidentifier() and annotation != "Any" and annotation[0].isupper():
        return lambda value: any(base.__name__ == annotation for base in type(value).__mro__), f"a {annotation}"
    return lambda _: True, "anything"


def _fits(value: Any, kinds: tuple[Kind, ...]) -> bool:
    return isinstance(value, Broken) or any(fits(value) for fits, _ in kinds)


def _plural(kinds: tuple[Kind, ...]) -> str:
    """What fits, as the items of a list are named."""
    return " or ".join(_PLURAL.get(words, words.removeprefix("a ")) for words in dict.fromkeys(words for _, words in kinds))


def _described(kinds: tuple[Kind, ...]) -> str:
    return " or ".join(dict.fromkeys(words for _, words in kinds if words != "None"))
