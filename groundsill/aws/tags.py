"""The tags that a definition and a component give to every resource that can carry them."""

from __future__ import annotations

from typing import Any

from groundsill.aws.schema import Block
from groundsill.graph.scope import Scope
from groundsill.graph.shapes import is_mapping


def _given(scope: Scope) -> dict[str, str]:
    tags = dict(scope.tags)
    for frame in scope.frames:
        tags.update(frame.tags)
    return tags


def with_tags(schema: Block, arguments: dict[str, Any], scope: Scope, own: Any = None) -> None:
    """Add the tags of the scope and of its components to checked arguments; what the user wrote wins.

    Arguments:
        schema: the type's schema.
        arguments: checked arguments; changed in place.
        scope: the definition that is running.
        own: ``tags`` as the user wrote them: a key whose value is None keeps that tag off.
    """
    tags = _given(scope)
    if not tags:
        return
    attribute = schema.attributes.get("tags")
    if attribute is not None and attribute.settable and attribute.type.kind == "map":
        held: Any = arguments.get("tags") or {}
        if not is_mapping(held):
            return  # a reference: its keys are known only after apply
        removed = {key for key, value in own.items() if value is None} if is_mapping(own) else set[str]()
        merged = {key: value for key, value in {**tags, **held}.items() if key not in removed}
        if merged:
            arguments["tags"] = merged
    elif schema.has_block("tag") and "propagate_at_launch" in schema.nested("tag").block.attributes:
        # aws_autoscaling_group: one block a tag.
        blocks = arguments.get("tag", [])
        keys = {block.get("key") for block in blocks}
        missing = {key: value for key, value in tags.items() if key not in keys}
        added = [{"key": key, "value": value, "propagate_at_launch": True} for key, value in missing.items()]
        arguments["tag"] = [*blocks, *added]
