"""Check the arguments of one resource against the provider's schema and bring them into one form."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import Any

from groundsill.aws.problems import (
    BLOCK_COUNT,
    COMPUTED_ONLY,
    DEPRECATED,
    MISSING_ARGUMENT,
    UNKNOWN_ARGUMENT,
    Problem,
    Problems,
    text_of,
)
from groundsill.aws.schema import Attribute, Block, NestedBlock
from groundsill.aws.values import BAD, convert, wrong
from groundsill.graph.diagnostics import Severity, did_you_mean
from groundsill.graph.reference import Broken, Reference, Unknown
from groundsill.graph.shapes import is_list, is_mapping

_LARGE = 2**63  # numbers below it are within every range


def checked_arguments(
    type: str, schema: Block, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The arguments in the form that every reader expects, and every mistake in them.

    The form: nested blocks are lists of mappings (a mapping where Terraform allows one block only, such as
    ``timeouts``), values have the type that the schema names, JSON is a JSON document, arguments that are
    None are absent. What does not fit is left out. Checking the result again gives the same result.

    Arguments:
        type: Terraform type, for the messages.
        schema: the type's schema.
        arguments: what the user wrote.

    Example:
        >>> from groundsill.aws.schema import type_schema
        >>> schema = type_schema("aws_sqs_queue")
        >>> written = {"name": "jobs", "delay_second": 1}
        >>> arguments, problems = checked_arguments("aws_sqs_queue", schema, written)
        >>> arguments, problems[0].summary
        ({'name': 'jobs'}, 'unknown argument `delay_second` for aws_sqs_queue')
    """
    problems = Problems(type)
    try:
        return _block(schema, arguments, problems), problems.found
    except RecursionError:
        # Only a structure that contains itself is that deep: the deepest schema has 14 levels.
        problems.add(
            "GS1102", f"an argument of {type} contains itself", mend="pass a structure without a circle"
        )
        return {}, problems.found


def _block(schema: Block, arguments: Mapping[Any, Any], problems: Problems) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, value in arguments.items():
        name, attribute = key, schema.attributes.get(key)
        if attribute is None and isinstance(key, str) and key.endswith("_") and keyword.iskeyword(key[:-1]):
            # `lambda` and the like cannot be written as keywords in Python: `lambda_` stands for them.
            name, attribute = key[:-1], schema.attributes.get(key[:-1])
        if attribute is not None:
            if value is None:
                continue
            kind = type(value)  # pyright: ignore[reportUnknownVariableType]
            if kind is attribute.plain and (value.isascii() if kind is str else kind is bool or -_LARGE < value < _LARGE):
                checked[name] = value  # most arguments: nothing can be wrong with them
            else:
                problems.push(name)
                value = _attribute(attribute, name, value, problems)
                problems.pop()
                if value is not BAD:
                    checked[name] = value
        elif isinstance(name, str) and schema.has_block(name):
            if value is not None:
                problems.push(name)
                value = _blocks(schema.nested(name), value, problems)
                problems.pop()
                if value is not BAD and value != []:
                    checked[name] = value
        else:
            problems.add(
                UNKNOWN_ARGUMENT,
                f"unknown argument `{problems.path(text_of(name))}` for {problems.type}",
                mend=did_you_mean(text_of(name), schema.arguments, what="Known arguments"),
                argument=text_of(name),
            )
    _require(schema, arguments, problems)
    return checked


def _attribute(attribute: Attribute, name: str, value: Any, problems: Problems) -> Any:
    if not attribute.settable:
        problems.add(
            COMPUTED_ONLY,
            f"`{problems.path()}` of {problems.type} cannot be set",
            "AWS decides it; a definition can only read it",
            f"leave `{name}` out",
        )
        return BAD
    if attribute.deprecated:
        _warn(problems)
    problems.hidden = attribute.sensitive or attribute.write_only
    converted = convert(value, attribute.type, problems)
    problems.hidden = False
    return converted


def _warn(problems: Problems) -> None:
    problems.add(
        DEPRECATED,
        f"`{problems.path()}` of {problems.type} is deprecated",
        "a later version of the AWS provider will drop it",
        "see the type's page in the provider's documentation",
        severity=Severity.WARNING,
    )


def _require(schema: Block, arguments: Mapping[Any, Any], problems: Problems) -> None:
    for name in schema.required:
        if arguments.get(name) is None:
            _missing(name, f"it takes a {schema.attributes[name].type}", arguments, problems)
    for name in schema.required_blocks:
        if arguments.get(name) is None:
            _missing(name, "it takes at least one block", arguments, problems)


def _missing(name: str, detail: str, arguments: Mapping[Any, Any], problems: Problems) -> None:
    if keyword.iskeyword(name) and arguments.get(f"{name}_") is not None:
        return
    problems.add(
        MISSING_ARGUMENT,
        f"missing required argument `{problems.path(name)}` of {problems.type}",
        detail,
        f"add `{name}=...`",
        argument=name,
    )


def _blocks(nested: NestedBlock, value: Any, problems: Problems) -> Any:
    if isinstance(value, Broken):
        return BAD
    if isinstance(value, Unknown):
        return value
    if nested.block.deprecated:
        _warn(problems)
    if nested.nesting == "map":
        return _named_blocks(nested, value, problems)
    if is_mapping(value):
        members: list[Any] = [value]
    elif is_list(value) and not any(isinstance(item, Broken) for item in value):
        members = [item for item in value if item is not None]
    elif is_list(value):
        return BAD
    else:
        mend = "a block cannot be a reference: write its arguments" if isinstance(value, Reference) else ""
        return wrong(problems, "mapping, or list of mappings", value, mend)
    unknown = any(isinstance(member, Unknown) for member in members)
    if not unknown:
        _count(nested, len(members), problems)
    checked: list[Any] = []
    for index, member in enumerate(members):
        steps = (index,) if len(members) > 1 else ()
        for step in steps:
            problems.push(step)
        if is_mapping(member):
            checked.append(_block(nested.block, member, problems))
        elif isinstance(member, Unknown):
            checked.append(member)
        else:
            wrong(problems, "mapping", member)
        for _ in steps:
            problems.pop()
    if nested.nesting == "single":
        return checked[0] if checked else BAD
    return checked


def _named_blocks(nested: NestedBlock, value: Any, problems: Problems) -> Any:
    if not is_mapping(value):
        return wrong(problems, "mapping of names to blocks", value)
    checked: dict[str, Any] = {}
    for name, member in value.items():
        with problems.inside(text_of(name)):
            if is_mapping(member):
                checked[text_of(name)] = _block(nested.block, member, problems)
            else:
                wrong(problems, "mapping", member)
    return checked


def _count(nested: NestedBlock, given: int, problems: Problems) -> None:
    least, most = nested.min_items, 1 if nested.nesting == "single" else nested.max_items
    if given < least:
        problems.add(
            BLOCK_COUNT,
            f"too few `{problems.path()}` blocks for {problems.type}",
            f"{given} given, at least {least} needed",
            "add the missing ones",
        )
    elif most is not None and given > most:
        problems.add(
            BLOCK_COUNT,
            f"too many `{problems.path()}` blocks for {problems.type}",
            f"{given} given, at most {most} allowed",
            "remove some, or make another resource for the rest",
        )
