"""Whose id or ARN a text of a deployed system is, so that resources stay linked where only values are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundsill.graph.reference import Reference

_OWN_ID = re.compile(r"[a-z]{1,10}-[0-9a-f]{8,17}")
"""Ids that EC2 and others give: "Amazon EC2 User Guide", Resource IDs. No two resources share one."""
_NAMED: dict[str, tuple[str, str]] = {
    # What argument holds the name or id of which type, where the text itself does not tell.
    "bucket": ("aws_s3_bucket", "id"),
    "cluster": ("aws_ecs_cluster", "name"),
    "db_subnet_group_name": ("aws_db_subnet_group", "name"),
    "function_name": ("aws_lambda_function", "function_name"),
    "group": ("aws_iam_group", "name"),
    "log_group_name": ("aws_cloudwatch_log_group", "name"),
    "repository": ("aws_ecr_repository", "name"),
    "role": ("aws_iam_role", "name"),
    "rule": ("aws_cloudwatch_event_rule", "name"),
    "subnet_group_name": ("aws_elasticache_subnet_group", "name"),
    "table_name": ("aws_dynamodb_table", "name"),
    "user": ("aws_iam_user", "name"),
}
_LEAST_ID = 8
_TELLING = re.compile(r"(.*_)?(arn|id|name|url|bucket|endpoint|issuer|account_id|dns_name|domain)")
"""Attributes that tell one resource from another; equal values of others, such as a region, tell nothing."""


class Identities:
    """Every resource's ids and ARNs.

    Arguments:
        values: attributes of each managed resource by address.
        types: type of each by address.
    """

    def __init__(self, values: Mapping[str, Mapping[str, Any]], types: Mapping[str, str]) -> None:
        self._values = values
        self._unique: dict[str, Reference | None] = {}
        self._named: dict[tuple[str, str, str], Reference | None] = {}
        self._ids: dict[str, Reference | None] = {}
        wanted = set(_NAMED.values())
        named_types = {type for type, _ in wanted}
        for address, attributes in values.items():
            _add(self._unique, attributes.get("arn"), Reference(address, ("arn",)), _is_arn)
            _add(self._unique, attributes.get("id"), Reference(address, ("id",)), _is_telling)
            _add(self._ids, attributes.get("id"), Reference(address, ("id",)), _is_long)
            type = types.get(address, "")
            for attribute in (name for kind, name in wanted if kind == type) if type in named_types else ():
                held = attributes.get(attribute)
                if isinstance(held, str) and held:
                    key = (type, attribute, held)
                    self._named[key] = None if key in self._named else Reference(address, (attribute,))

    def attribute_with(self, reference: Reference, value: Any) -> Reference | None:
        """The attribute of a whole resource that holds a value: ids and ARNs first."""
        attributes = self._values.get(reference.address)
        if attributes is None or reference.path:
            return None
        for name in ("id", "arn", *attributes):
            held = attributes.get(name)
            if isinstance(held, str) and held == value:
                return reference.at(name)
        return None

    def linked(self, type: str, argument: str, value: str, own: str, hints: Sequence[str] = ()) -> Any:
        """The value, as a reference (or text with one) where it is another resource's id or ARN.

        Arguments:
            type: of the resource whose argument it is.
            argument: name of the argument; empty inside a document.
            value: its text.
            own: address of that resource.
        hints: addresses that it is known to depend on.
        """
        found = self._unique.get(value)
        if found is None and (argument.endswith(("_id", "_ids")) or argument in ("subnets", "security_groups")):
            found = self._ids.get(value)
        if found is None and argument in _NAMED and type != _NAMED[argument][0]:
            found = self._named.get((*_NAMED[argument], value))
        if found is not None:
            return value if found.address == own else found
        within = self._within_arn(value, own) if value.startswith("arn:") else value
        return self._of_hints(value, hints) if within == value and hints else within

    def _of_hints(self, value: str, hints: Sequence[str]) -> Any:
        """The value as an attribute of something that the resource depends on, or as text around one."""
        if len(value) < _LEAST_ID:
            return value
        for address in hints:
            attributes = self._values.get(address, {})
            for name, held in attributes.items():
                if held == value and _TELLING.fullmatch(name):
                    return Reference(address, (name,))
        for address in hints:
            attributes = self._values.get(address, {})
            for name in ("execution_arn", "arn", "id", "endpoint"):
                held = attributes.get(name)
                if isinstance(held, str) and len(held) >= _LEAST_ID and value.count(held) == 1:
                    return value.replace(held, str(Reference(address, (name,))))
        return value

    def _within_arn(self, value: str, own: str) -> str:
        """An ARN with more behind it, such as ``.../index/*`` or ``:*``."""
        for end in range(len(value) - 1, 0, -1):
            if value[end] in ":/":
                found = self._unique.get(value[:end])
                if found is not None and found.address != own:
                    return f"{found}{value[end:]}"
        return value


def _add(index: dict[str, Reference | None], held: Any, reference: Reference, fits: Callable[[str], bool]) -> None:
    if isinstance(held, str) and fits(held):
        known = index.get(held, reference)
        # `id` of a thing is often its ARN: the same resource. Two resources with one text: nobody's.
        index[held] = known if known is not None and known.address == reference.address else None


def _is_arn(text: str) -> bool:
    return text.startswith("arn:")


def _is_telling(text: str) -> bool:
    return _OWN_ID.fullmatch(text) is not None or text.startswith("https://")


def _is_long(text: str) -> bool:
    return len(text) >= _LEAST_ID
