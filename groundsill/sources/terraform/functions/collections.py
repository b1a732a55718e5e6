"""Functions of lists, sets and maps."""

from __future__ import annotations

import itertools
import math
from typing import Any

from groundsill.graph.reference import Reference, Unknown
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.values import (
    MOST_MEMBERS,
    AsList,
    NotKnownError,
    SetOf,
    TooLargeError,
    as_bool,
    as_int,
    as_map,
    as_members,
    as_number,
    as_text,
    equal,
    fail,
    is_open,
    is_settled,
    make_set,
    missing,
    plain_text,
)

_MOST_RANGE = 1024  # "range Function": "not more than 1024 values"
_ZONES = "data.aws_availability_zones."
_LEAST_ZONES = 3  # "AWS Regions and Availability Zones": every region has at least three; an account sees two or more


def _length(_: Calling, value: Any) -> int:
    if is_open(value):
        raise NotKnownError
    if isinstance(value, str):
        return len(as_text(value))
    return len(value) if is_list(value) or is_mapping(value) else fail("only text and collections have a length")


def _merge(calling: Calling, *maps: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for given in maps:
        if given is not None:
            merged.update(as_map(given))
            calling.spend(len(merged) // 8)
    return merged


def _concat(calling: Calling, *lists: Any) -> list[Any]:
    found: list[Any] = []
    for given in lists:
        found.extend(as_members(given))
        calling.spend(len(found) // 8)
        if len(found) > MOST_MEMBERS:
            raise TooLargeError("a list is too long")
    return found


def _lookup(calling: Calling, given: Any, key: Any, *default: Any) -> Any:
    held = as_map(given)
    name = as_text(calling.settle(key))
    if name in held:
        return held[name]
    return default[0] if default else missing(name, held, "key")


def _element(calling: Calling, given: Any, index: Any) -> Any:
    at = as_int(calling.settle(index))
    if isinstance(given, Reference) and given.address.startswith(_ZONES) and 0 <= at < _LEAST_ZONES:
        return given.at(at)
    members = as_members(given)
    return members[at % len(members)] if members else fail("the list is empty")


def _index(calling: Calling, given: Any, value: Any) -> int:
    for at, member in enumerate(as_members(given)):
        if equal(calling.settle(member), value):
            return at
    return fail("the list does not hold it")


def _contains(calling: Calling, given: Any, value: Any) -> bool:
    unknown = False
    for member in as_members(given):
        try:
            if equal(calling.settle(member), value):
                return True
        except NotKnownError:
            unknown = True
    if unknown:
        raise NotKnownError
    return False


def _keys(_: Calling, given: Any) -> list[str]:
    return sorted(as_map(given))


def _values(_: Calling, given: Any) -> list[Any]:
    held = as_map(given)
    return [held[key] for key in sorted(held)]


def _zipmap(calling: Calling, keys: Any, values: Any) -> dict[str, Any]:
    names = [as_text(calling.settle(key)) for key in as_members(keys)]
    members = as_members(values)
    if len(names) != len(members):
        fail("there are not as many values as keys")
    return dict(zip(names, members, strict=True))


def _flatten(calling: Calling, given: Any) -> list[Any]:
    found: list[Any] = []
    pending = [as_members(given)[::-1]]
    while pending:
        if not pending[-1]:
            pending.pop()
            continue
        member = pending[-1].pop()
        calling.spend(1)
        if is_list(member):
            pending.append(list(member)[::-1])
            continue
        followed = calling.settle(member)
        if is_list(followed):
            pending.append(list(followed)[::-1])
        elif isinstance(followed, Unknown):
            raise NotKnownError  # it may be a list of any length
        else:
            found.append(member)
            if len(found) > MOST_MEMBERS:
                raise TooLargeError("a list is too long")
    return found


def _distinct(_: Calling, given: Any) -> list[Any]:
    members = as_members(given)
    if not all(is_settled(member) or isinstance(member, Reference) for member in members):
        raise NotKnownError
    return list(dict.fromkeys(members)) if all(isinstance(member, str | int) for member in members) else _unique(members)


def _unique(members: list[Any]) -> list[Any]:
    if len(members) > 2000:
        raise TooLargeError("a list is too long")
    found: list[Any] = []
    for member in members:
        if member not in found:
            found.append(member)
    return found


def _compact(calling: Calling, given: Any) -> list[Any]:
    found: list[Any] = []
    for member in as_members(given):
        followed = calling.settle(member)
        if is_open(followed) and not isinstance(followed, Reference):
            raise NotKnownError
        if followed not in (None, ""):
            found.append(member)
    return found


def _coalesce(calling: Calling, *values: Any) -> Any:
    for value in values:
        followed = calling.settle(value)
        if followed is None or followed == "":
            continue
        if is_open(followed) and not isinstance(followed, Reference):
            raise NotKnownError
        return value
    return fail("every value is null or empty")


def _coalescelist(_: Calling, *lists: Any) -> Any:
    for given in lists:
        if given is not None and as_members(given):
            return given
    return fail("every list is empty")


def _reverse(_: Calling, given: Any) -> list[Any]:
    return as_members(given)[::-1]


def _slice(_: Calling, given: Any, start: Any, end: Any) -> list[Any]:
    first, last = as_int(start), as_int(end)
    if isinstance(given, Reference) and given.path and 0 <= first <= last <= 64:
        return [given.at(index) for index in range(first, last)]  # Terraform refuses a slice behind the end
    members = as_members(given)
    if not 0 <= first <= last <= len(members):
        fail("the slice goes beyond the list")
    return members[first:last]


def _sort(calling: Calling, given: Any) -> list[str]:
    return sorted(as_text(calling.settle(member)) for member in as_members(given))


def _range(_: Calling, *limits: Any) -> list[int | float]:
    numbers = [as_number(limit) for limit in limits]
    start, end = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1]) if len(numbers) > 1 else (0, 0)
    step = numbers[2] if len(numbers) > 2 else (1 if end >= start else -1)
    if step == 0 or (end - start) / step > _MOST_RANGE:
        return fail(f"a range has at most {_MOST_RANGE} values")
    count = max(math.ceil((end - start) / step), 0)
    return [start + index * step for index in range(count)]


def _toset(calling: Calling, given: Any) -> SetOf:
    if isinstance(given, SetOf):
        return given
    followed = [(member, calling.settle(member)) for member in as_members(given)]
    return make_set([plain_text(known) if isinstance(known, str) and not is_open(known) else member
                     for member, known in followed])


def _tolist(_: Calling, given: Any) -> Any:
    if isinstance(given, Reference):
        return AsList(given)
    return given if isinstance(given, AsList) else as_members(given)


def _tomap(_: Calling, given: Any) -> dict[str, Any]:
    return as_map(given)


def _setunion(_: Calling, *sets: Any) -> SetOf:
    return make_set([member for given in sets for member in as_members(given)])


def _setintersection(_: Calling, *sets: Any) -> SetOf:
    first, *others = [_settled_members(given) for given in sets]
    return make_set([member for member in first if all(member in other for other in others)])


def _setsubtract(_: Calling, given: Any, taken: Any) -> SetOf:
    gone = _settled_members(taken)
    return make_set([member for member in _settled_members(given) if member not in gone])


def _settled_members(given: Any) -> list[Any]:
    members = as_members(given)
    if not is_settled(members):
        raise NotKnownError
    if len(members) > 5000:
        raise TooLargeError("a set is too large")
    return members


def _setproduct(calling: Calling, *sets: Any) -> list[list[Any]]:
    lists = [as_members(given) for given in sets]
    size = math.prod(len(members) for members in lists)
    if size > MOST_MEMBERS:
        raise TooLargeError("a product of sets is too large")
    calling.spend(size)
    product = [list(members) for members in itertools.product(*lists)]
    return make_set(product) if any(isinstance(given, SetOf) for given in sets) and size < 5000 else product


def _matchkeys(calling: Calling, values: Any, keys: Any, wanted: Any) -> list[Any]:
    names = [calling.settle(key) for key in as_members(keys)]
    searched = _settled_members(wanted)
    if not is_settled(names):
        raise NotKnownError
    return [value for value, name in zip(as_members(values), names, strict=False) if name in searched]


def _transpose(_: Calling, given: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, members in as_map(given).items():
        for member in as_members(members):
            found.setdefault(as_text(member), []).append(key)
    return {key: sorted(found[key]) for key in sorted(found)}


def _chunklist(_: Calling, given: Any, size: Any) -> list[list[Any]]:
    members, count = as_members(given), as_int(size)
    if count < 0:
        fail("the size of a chunk is negative")
    return [members[start : start + count] for start in range(0, len(members), count)] if count else [members]


def _one(_: Calling, given: Any) -> Any:
    if isinstance(given, AsList):
        return given.reference.element(0)
    members = as_members(given)
    if len(members) > 1:
        fail("there is more than one member")
    return members[0] if members else None


def _sum(calling: Calling, given: Any) -> int | float:
    members = as_members(given)
    return sum(as_number(calling.settle(member)) for member in members) if members else fail("the list is empty")


def _alltrue(calling: Calling, given: Any) -> bool:
    return all(as_bool(calling.settle(member)) for member in as_members(given))


def _anytrue(calling: Calling, given: Any) -> bool:
    return any(as_bool(calling.settle(member)) for member in as_members(given))


FUNCTIONS: dict[str, Function] = {
    "alltrue": _alltrue,
    "anytrue": _anytrue,
    "chunklist": _chunklist,
    "coalesce": _coalesce,
    "coalescelist": _coalescelist,
    "compact": _compact,
    "concat": _concat,
    "contains": _contains,
    "distinct": _distinct,
    "element": _element,
    "flatten": _flatten,
    "index": _index,
    "keys": _keys,
    "length": _length,
    "lookup": _lookup,
    "matchkeys": _matchkeys,
    "merge": _merge,
    "one": _one,
    "range": _range,
    "reverse": _reverse,
    "setintersection": _setintersection,
    "setproduct": _setproduct,
    "setsubtract": _setsubtract,
    "setunion": _setunion,
    "slice": _slice,
    "sort": _sort,
    "sum": _sum,
    "tolist": _tolist,
    "tomap": _tomap,
    "toset": _toset,
    "transpose": _transpose,
    "values": _values,
    "zipmap": _zipmap,
}
