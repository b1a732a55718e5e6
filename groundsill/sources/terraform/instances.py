"""Instances of resources: how many there are, what each one's arguments are, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundsill.aws.schema import type_schema
from groundsill.graph.reference import Reference, Unknown
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.hcl.syntax import Block, Body, Expression
from groundsill.sources.terraform.names import ABSENT, OutOfWorkError, Scope, pairs
from groundsill.sources.terraform.values import (
    EvaluationError,
    NotKnownError,
    SetOf,
    TooLargeError,
    as_int,
    as_text,
    fail,
    is_open,
    references_of,
)

if TYPE_CHECKING:
    from groundsill.sources.terraform.modules import ModuleInstance

META_ARGUMENTS = frozenset({"count", "for_each", "provider", "depends_on"})
META_BLOCKS = frozenset({"lifecycle", "provisioner", "connection"})
MOST_INSTANCES = 2_000
"""Of one block. AWS allows a few hundred of most things in a region; a larger number is a mistake."""
Keys = list[int] | Mapping[str, Any] | None
"""Numbers of ``count``; keys and values of ``for_each``; None for a single one."""


class UnknownNumberError(Exception):
    """How many instances there are is known only after apply."""


def keys_of(body: Body, module: ModuleInstance) -> Keys:
    """Which instances a block has.

    Raises:
        UnknownNumberError: where that is known only after apply.
        EvaluationError: where Terraform would refuse it.
    """
    evaluation = module.world.evaluation
    count, for_each = body.attributes.get("count"), body.attributes.get("for_each")
    try:
        if count is not None:
            number = as_int(evaluation.settle(evaluation.evaluate(count, module.scope)))
            if number < 0:
                fail(f"count is {number}")
            if number > MOST_INSTANCES:
                fail(f"count is {number:,}, and at most {MOST_INSTANCES:,} instances of a block are read")
            evaluation.spend(number)
            return list(range(number))
        if for_each is not None:
            return _each(evaluation.settle(evaluation.evaluate(for_each, module.scope)), evaluation.settle)
    except NotKnownError as error:
        raise UnknownNumberError from error
    except OutOfWorkError:
        raise
    except (TooLargeError, RecursionError) as error:
        raise EvaluationError("it is too large, or goes too deep") from error
    return None


def _each(value: Any, settle: Any) -> dict[str, Any]:
    if is_open(value):
        raise NotKnownError
    if is_mapping(value):
        found = {str(key): item for key, item in value.items()}
    elif isinstance(value, SetOf):
        found = {name: name for name in (as_text(settle(member)) for member in value)}
    else:
        fail("for_each takes a map or a set of text" + (": write toset(...)" if is_list(value) else ""))
    if len(found) > MOST_INSTANCES:
        fail(f"for_each has {len(found):,} members, and at most {MOST_INSTANCES:,} instances of a block are read")
    return {key: found[key] for key in sorted(found)}


def names_of(keys: Keys, key: int | str) -> dict[str, Any]:
    """What ``count`` or ``each`` is in one instance."""
    if is_mapping(keys):
        return {"each": {"key": key, "value": keys[key]}}
    return {"count": {"index": key}}


UNKNOWN_NAMES = {"each": {"key": Unknown("each.key"), "value": Unknown("each.value")}, "count": {"index": Unknown("count.index")}}


class Instance:
    """One instance of a resource or data source.

    Arguments:
        block: as declared.
        module: the module instance that it is in.
        key: which instance; None where there is one.
        names: what ``each`` or ``count`` is.
    """

    def __init__(self, block: Block, module: ModuleInstance, key: int | str | None, names: Mapping[str, Any]) -> None:
        self.block = block
        self.module = module
        self.key = key
        self.type = block.labels[0]
        self.name = block.labels[1]
        self.data = block.type != "resource"
        self.ephemeral = block.type == "ephemeral"
        inside = f"{module.address}." if module.address else ""
        kind = "" if block.type == "resource" else f"{block.type}."
        suffix = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
        self.address = f"{inside}{kind}{self.type}.{self.name}{suffix}"
        self.scope = Scope(module, {**names, "self": Reference(self.address)})
        self._raw: dict[str, Any] = {}
        self._busy: set[str] = set()

    def raw(self, name: str) -> Any:
        """One argument as evaluated; ``ABSENT`` where the block does not give it, or where it needs itself."""
        if name in self._raw:
            return self._raw[name]
        if name in self._busy or name in META_ARGUMENTS:
            return ABSENT
        self._busy.add(name)
        try:
            body = self.block.body
            expression = body.attributes.get(name)
            value = self._value(expression) if expression is not None else self._blocks(body, name, self.scope)
            self._raw[name] = value
            return value
        finally:
            self._busy.discard(name)

    def _value(self, expression: Expression) -> Any:
        value = self.module.world.evaluation.value(expression, self.scope)
        return ABSENT if value is None else value

    def arguments(self, takes_json: Any) -> dict[str, Any]:
        """Every argument as the graph holds it."""
        evaluation = self.module.world.evaluation
        found: dict[str, Any] = {}
        body = self.block.body
        names = dict.fromkeys((*body.attributes, *(_kind(block) for block in body.blocks)))
        for name in names:
            if name in META_ARGUMENTS or name in META_BLOCKS or not name:
                continue
            value = self.raw(name)
            if value is ABSENT:
                continue
            try:
                found[name] = self._finished(name, value, takes_json)
            except EvaluationError as error:
                expression = body.attributes.get(name)
                if expression is not None:
                    evaluation.refuse(expression, error)
                found[name] = Unknown(expression.text if expression is not None else "")
        return found

    def _finished(self, name: str, value: Any, takes_json: Any) -> Any:
        evaluation = self.module.world.evaluation
        schema = type_schema(self.type, data=self.data)
        nested = schema is not None and schema.has_block(name)
        if nested or not takes_json(self.type, name):
            return self._inner(value, takes_json) if nested else evaluation.finish(value)
        return evaluation.finish(value, json=True)

    def _inner(self, value: Any, takes_json: Any, depth: int = 0) -> Any:
        """A block's arguments: those that take JSON text may be inside too."""
        evaluation = self.module.world.evaluation
        if is_list(value):
            return [self._inner(item, takes_json, depth) for item in value]
        if is_mapping(value) and depth < 40:
            return {key: self._inner(item, takes_json, depth + 1) if is_list(item) or is_mapping(item)
                    else evaluation.finish(item, json=takes_json(self.type, str(key))) for key, item in value.items()
                    if item is not None}
        return evaluation.finish(value)

    # -- nested blocks -------------------------------------------------------------------------------------------------

    def _blocks(self, body: Body, kind: str, scope: Scope) -> Any:
        """Every nested block of a kind; one of which the number is not known stands as unknown among them."""
        found: list[Any] = []
        for block in body.blocks:
            if _kind(block) == kind:
                if block.type == "dynamic":
                    found.extend(self._dynamic(block, scope))
                else:
                    found.append(self._block(block.body, scope))
        return found or ABSENT

    def _block(self, body: Body, scope: Scope) -> dict[str, Any]:
        evaluation = self.module.world.evaluation
        found: dict[str, Any] = {}
        for name, expression in body.attributes.items():
            value = evaluation.value(expression, scope)
            if value is not None:
                found[name] = value
        for kind in dict.fromkeys(_kind(block) for block in body.blocks):
            blocks = self._blocks(body, kind, scope)
            if blocks is not ABSENT and kind:
                found[kind] = blocks
        return found

    def _dynamic(self, block: Block, scope: Scope) -> list[Any]:
        evaluation = self.module.world.evaluation
        content = next((inner for inner in block.body.blocks if inner.type == "content"), None)
        expression = block.body.attributes.get("for_each")
        if content is None or expression is None:
            return []
        given = block.body.attributes.get("iterator")
        iterator = _iterator(given) or block.labels[0]
        collection = evaluation.settle(evaluation.value(expression, scope))
        if is_open(collection):
            inner = scope.having(**{iterator: {"key": Unknown(f"{iterator}.key"), "value": Unknown(f"{iterator}.value")}})
            made = self._block(content.body, inner)
            return [Unknown(expression.text, references_of(collection, made))]
        if not is_list(collection) and not is_mapping(collection):
            return []
        if len(collection) > MOST_INSTANCES:
            fail(f"a dynamic block has {len(collection):,} members, and at most {MOST_INSTANCES:,} are read")
        return [self._block(content.body, scope.having(**{iterator: {"key": key, "value": value}}))
                for key, value in pairs(collection)]


def _kind(block: Block) -> str:
    """The kind of nested block that a block makes: a dynamic one makes what it is named for."""
    if block.type == "dynamic":
        return block.labels[0] if block.labels else ""
    return block.type


def _iterator(expression: Expression | None) -> str:
    from groundsill.sources.terraform.configuration import static_path

    path = static_path(expression)
    return str(path[0]) if path else ""
