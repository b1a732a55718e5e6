"""What type a reference's value has, as far as the provider's schema says."""

from __future__ import annotations

from functools import cache

from groundsill.aws.schema import Block, type_schema
from groundsill.aws.types import Type
from groundsill.graph.reference import Reference, Step

_OBJECT = Type("object")
_SEQUENCES = ("list", "set")


@cache
def _walk(address_type: str, data: bool, path: tuple[Step, ...]) -> Type | None:
    block = type_schema(address_type, data=data)
    held: Block | Type | None = block
    position = 0
    while position < len(path):
        step = path[position]
        position += 1
        if isinstance(held, Block):
            if not isinstance(step, str):
                return None
            if held.has_block(step):
                nested = held.nested(step)
                if nested.nesting in _SEQUENCES:
                    if position == len(path):
                        return Type(nested.nesting, _OBJECT)
                    position += 1  # the index into the list of blocks
                held = nested.block
            else:
                attribute = held.attributes.get(step)
                held = attribute.type if attribute else None
        elif held is None:
            return None
        elif held.kind == "object":
            held = held.fields.get(step) if isinstance(step, str) else None
        else:
            held = held.element
    return _OBJECT if isinstance(held, Block) else held


def type_of_reference(reference: Reference) -> Type | None:
    """The type of the value that a reference stands for.

    Returns:
        The type, or None where nobody can know it before apply: a variable, or a type outside the AWS
        provider.

    Example:
        >>> str(type_of_reference(Reference("aws_sqs_queue.jobs", ("arn",))))
        'string'
    """
    parts = reference.address.split(".")
    data = parts[0] == "data"
    return _walk(parts[1] if data and len(parts) > 1 else parts[0], data, reference.path)


def fits(held: Type, wanted: Type) -> bool:
    """Whether Terraform would convert one type to another; True where only the value decides."""
    if held.kind == "string" == wanted.kind or "dynamic" in (held.kind, wanted.kind):
        return True
    if held.primitive and wanted.primitive:
        return {held.kind, wanted.kind} != {"number", "bool"}
    if held.kind in _SEQUENCES and wanted.kind in _SEQUENCES:
        return held.element is None or wanted.element is None or fits(held.element, wanted.element)
    return held.kind in ("map", "object") and wanted.kind in ("map", "object")
