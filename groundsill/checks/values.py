"""Values of a graph as plain Python, or None where they are not known: Terraform takes ``"30"`` where a number is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.graph.reference import JsonDocument, Reference, Unknown, holds_reference, references_in, split_template
from groundsill.graph.shapes import is_list, is_mapping, is_set


def number(value: Any) -> float | int | None:
    """A number, also written as text; None for anything else.

    Example:
        >>> number("30"), number(2.5), number(True), number("soon")
        (30, 2.5, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            found = float(value)
        except ValueError:
            return None
        return int(found) if found.is_integer() and "." not in value else found
    return None


def whole(value: Any) -> int | None:
    """A whole number, also written as text; None for anything else."""
    found = number(value)
    return found if isinstance(found, int) else None


def text(value: Any) -> str | None:
    """Text without a reference in it; None for anything else."""
    return value if isinstance(value, str) and not holds_reference(value) else None


def truth(value: Any, default: bool | None = None) -> bool | None:
    """True or false, also written as text; the default where there is nothing, None where it is not known."""
    if value is None:
        return default
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def each(value: Any) -> list[Any]:
    """The members of a list or a set, a single value as a list of one, nothing as an empty one."""
    if value is None:
        return []
    if is_list(value) or is_set(value):
        return list(value)
    return [value]


def unknown(value: Any) -> bool:
    """Whether a value is known only after apply, wholly or in part of its text."""
    return isinstance(value, Reference | Unknown) or (isinstance(value, str) and text(value) is None)


def document(value: Any) -> Any:
    """What a JSON argument holds, as a structure; None where it is not known or no JSON."""
    if isinstance(value, JsonDocument):
        return value.content
    if isinstance(value, str) and text(value) is not None:
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value if is_mapping(value) or is_list(value) else None


def texts_of(value: Any, found: set[str]) -> set[str]:
    """Every text in a value, as :func:`texts_in` gives them, without where they stand: quick, since nearly none matters.

    Arguments:
        value: to look through.
        found: what the texts are added to, and what is given back.

    Example:
        >>> sorted(texts_of({"Owner": ["ana", 3], "/home/ana": "x"}, set()))
        ['/home/ana', 'ana', 'x']
    """
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        found.add(value)
    elif kind is dict:
        for key, item in value.items():
            if type(item) is str:
                found.add(item)
            else:
                texts_of(item, found)
            inner = str(key)
            if "/" in inner or not inner.isascii():
                found.add(inner)
    elif kind is list:
        for item in value:
            texts_of(item, found)
    elif kind is JsonDocument:
        texts_of(value.content, found)
    return found


def texts_in(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value with the name that it stands under.

    A key of a mapping is a text where it is more than a name of plain letters.

    Example:
        >>> list(texts_in("tags", {"Owner": ["ana", 3], "/home/ana": "x"}))
        [('tags', '/home/ana'), ('/home/ana', 'x'), ('Owner', 'ana')]
    """
    stack: list[tuple[str, Any]] = [(name, value)]
    while stack:
        name, value = stack.pop()
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is str:
            yield name, value
        elif kind is dict:
            for key, item in value.items():
                inner = str(key)
                if "/" in inner or not inner.isascii():
                    yield name, inner
                stack.append((inner, item))
        elif kind is list:
            stack.extend((name, item) for item in value)
        elif kind is JsonDocument:
            stack.append((name, value.content))


def literal_parts(value: Any) -> list[str]:
    """The literal parts of a text, between its references."""
    return [part for part in split_template(value) if isinstance(part, str)] if isinstance(value, str) else []


def refers(value: Any, *types: str) -> bool:
    """Whether a value refers to a resource of one of these types, data sources included."""
    return any(reference.address.removeprefix("data.").rpartition(".")[0].rpartition(".")[2] in types
               or any(f"{type}." in f"{reference.address}." for type in types) for reference in references_in(value))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one."""
    return value if is_mapping(value) else {}


def seconds(value: float) -> str:
    """Seconds as people read them.

    Example:
        >>> seconds(79200), seconds(90)
        ('22 h', '90 s')
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= size and value % size == 0:
            return f"{int(value // size)} {unit}"
    return f"{value:g} s"
