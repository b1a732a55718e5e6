"""Whether a Python value fits a Terraform type, and what it becomes.

Converts what Terraform converts and nothing more (Terraform language documentation, "Types and Values", "Type
Conversion"): a number or a bool to a string; a string that reads as a number or as ``true``/``false`` to
that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from groundsill.aws.json_arguments import takes_json
from groundsill.aws.problems import UNKNOWN_ARGUMENT, WRONG_TYPE, Problems, shown, text_of
from groundsill.aws.reference_types import fits, type_of_reference
from groundsill.aws.types import Type
from groundsill.graph.diagnostics import did_you_mean
from groundsill.graph.reference import Broken, JsonDocument, Reference, Unknown, split_template
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping, is_set

BAD: Final = object()
"""What a conversion gives where the value does not fit; the mistake has been kept."""

_NUMBER = r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?"
_LONGEST_NUMBER = 64
_BOOLS = {"true": True, "1": True, "false": False, "0": False}
_MARKS = ("\ue000", "\ue001", "\ue002")


def wrong(problems: Problems, expected: object, value: Any, mend: str = "") -> Any:
    """Keep the mistake that a value does not fit, and give :data:`BAD`."""
    detail = (
        f"it takes {_article(str(expected))}, not {type(value).__name__ if problems.hidden else shown(value)}"
    )
    if isinstance(value, Resource):
        detail = f"it takes {_article(str(expected))}, not the whole resource {value.address}"
        mend = "pass one of its attributes, for example `.arn` or `.id`"
    problems.add(WRONG_TYPE, f"wrong type for `{problems.path()}` of {problems.type}", detail, mend)
    return BAD


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def convert(value: Any, wanted: Type, problems: Problems) -> Any:
    """The value as the type wants it, or :data:`BAD`.

    Arguments:
        value: what the user gave, not None.
        wanted: the attribute's type.
        problems: receives mistakes; its path leads to the value.
    """
    if type(value) is str and wanted.kind == "string" and value.isascii():
        return value  # what most arguments are
    if isinstance(value, Reference):
        return _reference(value, wanted, problems)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, str) and not _plain(value) and any(mark in value for mark in _MARKS):
        return _template(value, wanted, problems)
    return _CONVERSIONS[wanted.kind](value, wanted, problems)


def _reference(value: Reference, wanted: Type, problems: Problems) -> Any:
    if isinstance(value, Broken):
        return value
    held = type_of_reference(value)
    if held is None or fits(held, wanted):
        return value
    mend = (
        f"wrap it in a list: [{value.expression}]"
        if wanted.kind in ("list", "set") and held.primitive
        else ""
    )
    problems.add(
        WRONG_TYPE,
        f"wrong type for `{problems.path()}` of {problems.type}",
        f"it takes {_article(str(wanted))}, and {value.expression} is {_article(str(held))}",
        mend,
    )
    return BAD


def _template(value: str, wanted: Type, problems: Problems) -> Any:
    parts = _parts(value)
    if parts is None:
        return wrong(
            problems, wanted, value, "the string holds characters that Groundsill keeps for references"
        )
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return value if _reference(parts[0], wanted, problems) is not BAD else BAD
    return value if wanted.primitive and _encodable(value) else wrong(problems, wanted, value)


def _parts(value: str) -> list[str | Reference] | None:
    """The parts of a string with references in it; None where it has marks of references and no whole one.

    Those characters are Groundsill's own: such a string is a mistake.
    """
    try:
        parts = split_template(value)
    except (ValueError, IndexError):
        return None
    return parts if "".join(map(str, parts)) == value and all(map(_whole, parts)) else None


def _whole(part: str | Reference) -> bool:
    if isinstance(part, Reference):
        return isinstance(part, Broken) or "." in part.address
    return not any(mark in part for mark in _MARKS)


def _encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _string(value: Any, wanted: Type, problems: Problems) -> Any:
    if isinstance(value, str):
        return (
            str(value)
            if _encodable(value)
            else wrong(problems, wanted, value, "it holds half of a character")
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _LARGEST_BITS else wrong(problems, _IN_RANGE, ...)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, JsonDocument):
        return value if json_fits(value.content, problems) else BAD
    if isinstance(value, Mapping | list | tuple) and takes_json(problems.type, _name(problems)):
        return JsonDocument(value) if json_fits(value, problems) else BAD
    return wrong(problems, wanted, value)


_IN_RANGE = "number within Terraform's range"
_LARGEST_BITS = 512
"""Terraform keeps numbers with 512 bits: "Expressions / Types and Values" and cty's ParseNumberVal."""


def _name(problems: Problems) -> str:
    return problems.path().rpartition(".")[2].partition("[")[0]


def _number(value: Any, wanted: Type, problems: Problems) -> Any:
    if isinstance(value, bool):
        return wrong(problems, wanted, value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _LARGEST_BITS else wrong(problems, _IN_RANGE, ...)
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, str) and re.fullmatch(_NUMBER, value) and len(value) <= _LONGEST_NUMBER:
        number = float(value) if any(letter in value for letter in ".eE") else int(value)
        return _number(number, wanted, problems)
    return wrong(problems, wanted, value)


def _bool(value: Any, wanted: Type, problems: Problems) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLS:
        return _BOOLS[value]
    return wrong(problems, wanted, value, "write True or False")


def _any(value: Any, _: Type, problems: Problems) -> Any:
    return value if json_fits(value, problems) else BAD


def _members(value: Any, wanted: Type, problems: Problems) -> Any:
    element = wanted.element
    assert element is not None
    if is_mapping(value) and element.kind == "object":
        value = [value]  # one block stands for a list of one, as in Terraform's own syntax
    if is_set(value):
        value = sorted(value, key=lambda member: (type(member).__name__, text_of(member)))
    if not is_list(value):
        return wrong(
            problems, wanted, value, "put it into a list" if element.primitive and value is not None else ""
        )
    members: list[Any] = []
    good = True
    for index, member in enumerate(value):
        problems.push(index)
        converted = wrong(problems, element, member) if member is None else convert(member, element, problems)
        problems.pop()
        good = good and converted is not BAD
        members.append(converted)
    return members if good else BAD


def _map(value: Any, wanted: Type, problems: Problems) -> Any:
    element = wanted.element
    assert element is not None
    if not is_mapping(value):
        return wrong(problems, wanted, value)
    members: dict[str, Any] = {}
    good = True
    for key, member in value.items():
        if not isinstance(key, str) or not _encodable(key):
            wrong(problems, "string as each key", key)
            good = False
            continue
        if member is None:
            continue
        problems.push(key)
        converted = convert(member, element, problems)
        problems.pop()
        good = good and converted is not BAD
        members[str(key)] = converted
    return members if good else BAD


def _object(value: Any, wanted: Type, problems: Problems) -> Any:
    if not is_mapping(value):
        return wrong(problems, wanted, value)
    members: dict[str, Any] = {}
    good = True
    for key, member in value.items():
        field = wanted.fields.get(key) if isinstance(key, str) else None
        if field is None:
            good = False
            problems.add(
                UNKNOWN_ARGUMENT,
                f"unknown argument `{problems.path(text_of(key))}` for {problems.type}",
                mend=did_you_mean(text_of(key), wanted.fields, what="Known arguments"),
            )
        elif member is not None:
            problems.push(key)
            converted = convert(member, field, problems)
            problems.pop()
            good = good and converted is not BAD
            members[key] = converted
    return members if good else BAD


def _plain(value: Any) -> bool:
    """Whether it is text that is what it looks like: every mark of a reference is outside of ASCII."""
    return type(value) is str and value.isascii()


def _text_fits(value: str) -> bool:
    if not any(mark in value for mark in _MARKS):
        return _encodable(value)
    parts = _parts(value)
    return parts is not None and (len(parts) == 1 or _encodable(value))


def _fits_json(value: Any) -> bool:
    """Whether a structure is of exactly the types that JSON has: nearly every one is, and needs no place for a message."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        return value.isascii() or _text_fits(value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if not (type(item) is str and item.isascii()) and type(item) is not Reference and not _fits_json(item):
                return False
        return True
    if kind is list or kind is tuple:
        for item in value:
            if not (type(item) is str and item.isascii()) and type(item) is not Reference and not _fits_json(item):
                return False
        return True
    return kind is Reference or kind is bool or value is None or (kind is int and value.bit_length() <= _LARGEST_BITS)


def json_fits(value: Any, problems: Problems) -> bool:
    """Whether a structure can be written as JSON; a mistake is kept where it cannot."""
    return _fits_json(value) or _fits_json_said(value, problems)


def _fits_json_said(value: Any, problems: Problems) -> bool:
    """As :func:`_fits_json`, for every type that is as good, keeping each mistake with its place."""
    if isinstance(value, str):
        if any(mark in value for mark in _MARKS):
            return _template(value, _ANY, problems) is not BAD
        return _encodable(value) or wrong(problems, _JSON, value) is not BAD
    if isinstance(value, int):
        return value.bit_length() <= _LARGEST_BITS or wrong(problems, _IN_RANGE, ...) is not BAD
    if value is None or isinstance(value, Reference | Unknown):
        return True
    if isinstance(value, float):
        return math.isfinite(value) or wrong(problems, _JSON, value) is not BAD
    good = True
    if is_mapping(value):
        for key, member in value.items():
            problems.push(text_of(key))
            fine = isinstance(key, str) or wrong(problems, "string as each key", key) is not BAD
            good = fine and _fits_json_said(key, problems) and _fits_json_said(member, problems) and good
            problems.pop()
        return good
    if is_list(value):
        for index, member in enumerate(value):
            problems.push(index)
            good = _fits_json_said(member, problems) and good
            problems.pop()
        return good
    return wrong(problems, _JSON, value) is not BAD


_JSON = "value that JSON can hold (text, number, True, False, None, list, mapping or reference)"
_ANY = Type("dynamic")
_CONVERSIONS: Final[dict[str, Callable[[Any, Type, Problems], Any]]] = {
    "string": _string,
    "number": _number,
    "bool": _bool,
    "dynamic": _any,
    "list": _members,
    "set": _members,
    "map": _map,
    "object": _object,
}
