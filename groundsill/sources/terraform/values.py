"""Values while an expression is worked out, and what can be asked of them.

Beside what a graph holds there are sets, lists made of a set that only AWS knows, and text of which a part is not known.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from groundsill.graph.diagnostics import did_you_mean
from groundsill.graph.reference import JsonDocument, Reference, Unknown, references_in, split_template
from groundsill.graph.shapes import is_list, is_mapping

_OPEN, _HOLE, _HOLE_END = "\ue000", "\ue003", "\ue004"
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?")
LONGEST_TEXT = 4_000_000
MOST_MEMBERS = 100_000
_DEEPEST = 120
_MOST_REFERENCES = 1_000
MOST_PARTS = 500
"""Of a text that is not known as a whole."""


class EvaluationError(Exception):
    """Terraform would refuse the expression.

    Arguments:
        detail: why.
    """


class NotKnownError(Exception):
    """A value is known only after apply."""


class TooLargeError(Exception):
    """More work or a larger value than any configuration has."""


class SetOf(list[Any]):
    """A set: each member once, text in order."""


@dataclass(frozen=True, slots=True)
class AsList:
    """``tolist(...)`` of something that only AWS knows."""

    reference: Reference


@dataclass(frozen=True, slots=True)
class PartialText:
    """Text of which a part is not known."""

    parts: tuple[str | Unknown, ...]


def fail(detail: str) -> NoReturn:
    """Say that Terraform would refuse it.

    Raises:
        EvaluationError: always.
    """
    raise EvaluationError(detail)


def missing(name: object, known: Any, what: str) -> NoReturn:
    """Say that there is no such name.

    Raises:
        EvaluationError: always.
    """
    names = [str(key) for key in known]
    raise EvaluationError(f"there is no {what} `{name}`; {did_you_mean(str(name), names, what='known')}".rstrip("; "))


def make_set(members: list[Any]) -> SetOf:
    """The set of some members."""
    found = SetOf()
    seen: set[str] = set()
    for member in members:
        mark = _mark(member)
        if mark not in seen:
            seen.add(mark)
            found.append(member)
    if all(isinstance(member, str) for member in found):
        found.sort()
    return found


def _mark(value: Any) -> str:
    if isinstance(value, str):
        return f"s{value}"
    for _ in parts_of(value):
        pass  # a value that has no end has no text either
    return repr(value)


# -- known or not ------------------------------------------------------------------------------------------------------


def is_open(value: Any) -> bool:
    """Whether the value itself (not only a part of it) is not known."""
    return isinstance(value, Reference | Unknown | PartialText | AsList)


def is_settled(value: Any) -> bool:
    """Whether every part of a value is known.

    Raises:
        TooLargeError: where it has more parts than any value has: a list of a list twice, again and again, is soon endless.
    """
    return all(not is_open(part) and not (isinstance(part, str) and _OPEN in part) for part in parts_of(value))


def parts_of(value: Any) -> Iterator[Any]:
    """Everything inside a value that is no collection, itself where it is none.

    Raises:
        TooLargeError: where there is too much of it.
    """
    pending = [value]
    count = 0
    while pending:
        part = pending.pop()
        count += 1
        if count > MOST_MEMBERS:
            raise TooLargeError("a value is too large")
        if is_mapping(part):
            pending.extend(part.values())
        elif is_list(part):
            pending.extend(part)
        elif isinstance(part, JsonDocument):
            pending.append(part.content)
        else:
            yield part


def references_of(*values: Any) -> tuple[Reference, ...]:
    """Everything that some values refer to, each once."""
    found: dict[Reference, None] = {}
    try:
        for part in parts_of(list(values)):
            if isinstance(part, PartialText):
                found.update(dict.fromkeys(reference for piece in part.parts for reference in references_in(piece)))
            elif isinstance(part, AsList):
                found[part.reference] = None
            elif isinstance(part, str | Reference | Unknown):
                found.update(dict.fromkeys(references_in(part)))
            if len(found) > _MOST_REFERENCES:
                break
    except TooLargeError:
        pass  # what is found so far
    return tuple(reversed(found)) if len(found) > 1 else tuple(found)


# -- as text, as a number, as yes or no --------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """A known value as text.

    Raises:
        NotKnownError: where it or a part of it is not known.
        EvaluationError: where it cannot be text.
    """
    if isinstance(value, str):
        if _OPEN in value:
            raise NotKnownError
        return value
    if is_open(value):
        raise NotKnownError
    return plain_text(value)


def plain_text(value: Any) -> str:
    """As :func:`as_text`, where references may stay in it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Reference):
        return str(value)
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        if value.bit_length() > 2048:
            raise TooLargeError("a number is too large")
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, JsonDocument):
        text = json_text(value.content)
        if not isinstance(text, str):
            raise NotKnownError
        return text
    if is_open(value):
        raise NotKnownError
    return fail("null cannot be text" if value is None else "a collection cannot be text")


def as_number(value: Any) -> int | float:
    """A known value as a number.

    Raises:
        NotKnownError: where it is not known.
        EvaluationError: where it is none.
    """
    if isinstance(value, bool):
        return fail("true or false is no number")
    if isinstance(value, int | float):
        return value
    if is_open(value) or (isinstance(value, str) and _OPEN in value):
        raise NotKnownError
    if isinstance(value, str) and len(value) < 64 and _NUMBER.fullmatch(value):
        number = float(value) if any(letter in value for letter in ".eE") else int(value)
        return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else number
    return fail("null is no number" if value is None else "it is no number")


def as_int(value: Any) -> int:
    """A known value as a whole number."""
    number = as_number(value)
    if isinstance(number, float):
        return int(number) if math.isfinite(number) and number.is_integer() else fail("it is no whole number")
    return number


def as_bool(value: Any) -> bool:
    """A known value as true or false."""
    if isinstance(value, bool):
        return value
    if is_open(value) or (isinstance(value, str) and _OPEN in value):
        raise NotKnownError
    if value in ("true", "1"):
        return True
    if value in ("false", "0"):
        return False
    return fail("it is neither true nor false")


def as_members(value: Any) -> list[Any]:
    """A known list or set."""
    if is_open(value):
        raise NotKnownError
    if is_list(value):
        return list(value)
    return fail("it is no list")


def as_map(value: Any) -> dict[str, Any]:
    """A known map or object."""
    if is_open(value):
        raise NotKnownError
    if is_mapping(value):
        return dict(value)
    return fail("it is no map")


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same to Terraform.

    Raises:
        NotKnownError: where that is known only after apply.
    """
    if (left is None or right is None) and not is_open(left) and not is_open(right):
        return left is right
    if is_list(left) and is_list(right) and len(left) != len(right):
        return False
    if not is_settled(left) or not is_settled(right):
        raise NotKnownError
    if isinstance(left, JsonDocument) or isinstance(right, JsonDocument):
        left, right = (as_text(item) if isinstance(item, JsonDocument) else item for item in (left, right))
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


# -- JSON --------------------------------------------------------------------------------------------------------------


def json_text(content: Any) -> str | PartialText:
    """A structure as JSON text, as ``jsonencode`` writes it: keys in order, references and holes as text."""
    holes: list[Unknown] = []
    for _ in parts_of(content):
        pass  # not more than can be written
    dumped = json.dumps(_dumpable(content, holes, 0), separators=(",", ":"), ensure_ascii=False)
    # Terraform's JSON escapes what HTML takes for marks: "jsonencode Function".
    dumped = dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    if len(dumped) > LONGEST_TEXT:
        raise TooLargeError("a text is too long")
    if not holes:
        return dumped
    parts: list[str | Unknown] = []
    for index, piece in enumerate(dumped.split(_HOLE)):
        if index:
            number, _, piece = piece.partition(_HOLE_END)
            parts.append(holes[int(number)])
        parts.append(piece)
    return PartialText(tuple(parts))


def _dumpable(value: Any, holes: list[Unknown], depth: int) -> Any:
    if depth > _DEEPEST:
        raise TooLargeError("a value is nested too deeply")
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, AsList):
        return str(value.reference)
    if isinstance(value, Unknown | PartialText):
        holes.append(value if isinstance(value, Unknown) else Unknown("", references_of(value)))
        return f"{_HOLE}{len(holes) - 1}{_HOLE_END}"
    if is_mapping(value):
        return {str(key): _dumpable(value[key], holes, depth + 1) for key in sorted(value, key=str)}
    if is_list(value):
        return [_dumpable(item, holes, depth + 1) for item in value]
    if isinstance(value, JsonDocument):
        text = json_text(value.content)
        return text if isinstance(text, str) else _dumpable(Unknown("", references_of(value)), holes, depth)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if value is None or isinstance(value, str | int):
        return value
    raise EvaluationError("it cannot be written as JSON")


def document_of(value: str | PartialText) -> Any:
    """The structure that a JSON text holds, with references and unknown parts in their places; None where it is no JSON."""
    holes: list[Unknown] = []
    if isinstance(value, str):
        text = value
    else:
        pieces: list[str] = []
        for part in value.parts:
            if isinstance(part, str):
                pieces.append(part)
            else:
                pieces.append(f"{_HOLE}{len(holes)}{_HOLE_END}")
                holes.append(part)
        text = "".join(pieces)
    if text.lstrip()[:1] not in ("{", "["):
        return None
    content = _loaded(text)
    if content is None and holes:
        content = _loaded(re.sub(rf'(?<!["\w/:.*-]){_HOLE}\d+{_HOLE_END}', lambda match: f'"{match[0]}"', text))
    if not is_mapping(content) and not is_list(content):
        return None
    return _filled(content, holes, 0)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _filled(value: Any, holes: list[Unknown], depth: int) -> Any:
    if isinstance(value, str):
        if _HOLE in value:
            return _with_holes(value, holes)
        if _OPEN in value:
            parts = split_template(value)
            if len(parts) == 1 and isinstance(parts[0], Reference):
                return parts[0]
        return value
    if depth > _DEEPEST:
        raise TooLargeError("a value is nested too deeply")
    if is_mapping(value):
        return {key: _filled(item, holes, depth + 1) for key, item in value.items()}
    if is_list(value):
        return [_filled(item, holes, depth + 1) for item in value]
    return value


def _with_holes(text: str, holes: list[Unknown]) -> Unknown:
    found: list[Reference] = []
    shown: list[str] = []
    for index, piece in enumerate(text.split(_HOLE)):
        if index:
            number, _, piece = piece.partition(_HOLE_END)
            hole = holes[int(number)] if number.isdecimal() and int(number) < len(holes) else Unknown()
            if text == f"{_HOLE}{number}{_HOLE_END}":
                return hole
            shown.append(f"${{{hole.expression}}}")
            found.extend(hole.references)
        for part in split_template(piece):
            if isinstance(part, Reference):
                found.append(part)
                shown.append(f"${{{part.expression}}}")
            else:
                shown.append(part)
    return Unknown("".join(shown)[:200], tuple(dict.fromkeys(found)))
