"""Functions of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.values import (
    LONGEST_TEXT,
    NotKnownError,
    TooLargeError,
    as_int,
    as_members,
    as_number,
    as_text,
    fail,
    is_open,
    is_settled,
    json_text,
    plain_text,
)

_VERB = re.compile(r"%(?:(%)|(?:\[(\d{1,4})\])?([-+ #0]*)(\d{1,4})?(?:\.(\d{1,3}))?([a-zA-Z]))")
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]|\([^()]*\([^()]*\)[^()]*\)[+*{]")
_LONGEST_PATTERN = 400
_LONGEST_MATCHED = 20_000


def _join(calling: Calling, separator: Any, *lists: Any) -> str:
    members = [calling.settle(member) for given in lists for member in as_members(given)]
    calling.spend(len(members))
    # What is known only after apply stays a reference in the text.
    return as_text(separator).join(plain_text(member) for member in members)


def _split(_: Calling, separator: Any, value: Any) -> list[str]:
    mark, text = as_text(separator), as_text(value)
    return text.split(mark) if mark else list(text)


def _format(calling: Calling, form: Any, *values: Any) -> str:
    used = 0

    def filled(match: re.Match[str]) -> str:
        nonlocal used
        percent, index, flags, width, precision, verb = match.groups()
        if percent:
            return "%"
        at = int(index) - 1 if index else used
        used = at + 1
        if not 0 <= at < len(values):
            fail("there are fewer values than the format has places")
        return _verb(calling.settle(values[at]), flags, width, precision, verb)

    text = as_text(form)
    if len(values) * 10 + len(text) > LONGEST_TEXT:
        raise TooLargeError("a text is too long")
    return _VERB.sub(filled, text)


def _verb(value: Any, flags: str, width: str | None, precision: str | None, verb: str) -> str:
    if verb in "sv" and not is_list(value) and not is_mapping(value):
        text = "null" if value is None else plain_text(value)
        if precision is not None or width is not None:
            text = as_text(text)
        text = text[: int(precision)] if precision is not None else text
    elif verb == "v":
        if not is_settled(value):
            raise NotKnownError
        text = as_text(json_text(value))
    elif verb == "q":
        text = as_text(json_text(as_text(value)))
    elif verb == "d":
        text = f"{int(as_number(value)):{'+' if '+' in flags else ''}d}"
    elif verb in "feg":
        text = f"{float(as_number(value)):.{precision or 6}{verb}}"
    elif verb in "xXob":
        text = f"{as_int(value):{verb}}"
    elif verb == "t":
        text = as_text(value)
    else:
        return fail(f"%{verb} is no verb of a format")
    if width is None:
        return text
    if "-" in flags:
        return text.ljust(int(width))
    return text.zfill(int(width)) if "0" in flags and verb != "s" else text.rjust(int(width))


def _formatlist(calling: Calling, form: Any, *values: Any) -> list[str]:
    lists = [as_members(value) if is_list(value) else None for value in values]
    if any(is_open(value) for value in values):
        raise NotKnownError
    sizes = {len(members) for members in lists if members is not None}
    if len(sizes) > 1:
        fail("the lists have different lengths")
    size = sizes.pop() if sizes else 1
    calling.spend(size)
    return [_format(calling, form, *(value if members is None else members[index]
                                     for value, members in zip(values, lists, strict=True))) for index in range(size)]


def pattern_of(text: str) -> re.Pattern[str]:
    """A regular expression of Terraform's as one of Python's.

    Raises:
        NotKnownError: where it might take forever here, which it cannot in Terraform (RE2).
        EvaluationError: where it is none.
    """
    if len(text) > _LONGEST_PATTERN or _NESTED_REPEAT.search(text):
        raise NotKnownError
    try:
        return re.compile(text.replace("[[:alnum:]]", "[0-9A-Za-z]").replace("[[:alpha:]]", "[A-Za-z]")
                          .replace("[[:digit:]]", "[0-9]").replace("[[:space:]]", r"\s"), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return fail("it is no regular expression")


def _matched(pattern: Any, text: Any) -> tuple[re.Pattern[str], str]:
    value = as_text(text)
    if len(value) > _LONGEST_MATCHED:
        raise NotKnownError
    return pattern_of(as_text(pattern)), value


def _captured(match: re.Match[str]) -> Any:
    if match.re.groupindex:
        return {name: match[name] for name in match.re.groupindex}
    return list(match.groups()) if match.re.groups else match[0]


def _regex(_: Calling, pattern: Any, text: Any) -> Any:
    compiled, value = _matched(pattern, text)
    match = compiled.search(value)
    return fail("the pattern does not match") if match is None else _captured(match)


def _regexall(_: Calling, pattern: Any, text: Any) -> list[Any]:
    compiled, value = _matched(pattern, text)
    return [_captured(match) for match in compiled.finditer(value)]


def _replace(_: Calling, text: Any, old: Any, new: Any) -> str:
    value, searched, put = as_text(text), as_text(old), as_text(new)
    if len(searched) > 1 and searched.startswith("/") and searched.endswith("/"):
        compiled, value = _matched(searched[1:-1], value)
        replacement = re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", put.replace("\\", "\\\\"))
        try:
            return compiled.sub(replacement, value)
        except (re.error, IndexError):
            return fail("the replacement names a group that the pattern does not have")
    if value.count(searched) * max(len(put), 1) > LONGEST_TEXT:
        raise TooLargeError("a text is too long")
    return value.replace(searched, put)


def _substr(_: Calling, text: Any, offset: Any, length: Any) -> str:
    value, start, size = as_text(text), as_int(offset), as_int(length)
    start = max(start + len(value), 0) if start < 0 else start
    return value[start:] if size < 0 else value[start : start + size]


def _indent(_: Calling, spaces: Any, text: Any) -> str:
    count = as_int(spaces)
    if count > 1000:
        raise TooLargeError("a text is too long")
    return as_text(text).replace("\n", "\n" + " " * max(count, 0))


def _trim(_: Calling, text: Any, cut: Any) -> str:
    return as_text(text).strip(as_text(cut))


def _trimprefix(_: Calling, text: Any, prefix: Any) -> str:
    return as_text(text).removeprefix(as_text(prefix))


def _trimsuffix(_: Calling, text: Any, suffix: Any) -> str:
    return as_text(text).removesuffix(as_text(suffix))


def _startswith(_: Calling, text: Any, prefix: Any) -> bool:
    return as_text(text).startswith(as_text(prefix))


def _endswith(_: Calling, text: Any, suffix: Any) -> bool:
    return as_text(text).endswith(as_text(suffix))


def _strcontains(_: Calling, text: Any, part: Any) -> bool:
    return as_text(part) in as_text(text)


def _title(text: str) -> str:
    return re.sub(r"(^|\s)(\S)", lambda match: match[1] + match[2].upper(), text)


def _of_one(change: Callable[[str], str]) -> Function:
    def function(_: Calling, text: Any) -> str:
        return change(as_text(text))

    return function


FUNCTIONS: dict[str, Function] = {
    "chomp": _of_one(lambda text: text.rstrip("\r\n")),
    "endswith": _endswith,
    "format": _format,
    "formatlist": _formatlist,
    "indent": _indent,
    "join": _join,
    "lower": _of_one(str.lower),
    "regex": _regex,
    "regexall": _regexall,
    "replace": _replace,
    "split": _split,
    "startswith": _startswith,
    "strcontains": _strcontains,
    "strrev": _of_one(lambda text: text[::-1]),
    "substr": _substr,
    "title": _of_one(_title),
    "trim": _trim,
    "trimprefix": _trimprefix,
    "trimspace": _of_one(str.strip),
    "trimsuffix": _trimsuffix,
    "upper": _of_one(str.upper),
}
