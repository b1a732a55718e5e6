"""One resource's arguments from a plan: values, what is unknown, what is secret, and what each refers to, laid together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundsill.aws.json_arguments import takes_json
from groundsill.aws.schema import Attribute, Block, type_schema
from groundsill.graph.reference import JsonDocument, Reference, Unknown
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.plan_configuration import NOTHING, items, mapping
from groundsill.sources.plan_identities import Identities

_COMPOSED = re.compile(
    r"(.*_)?(description|name|name_prefix|identifier|family|user_data|user_data_base64|source_arn|target|image|expression"
    r"|pattern|comment|content|definition|dashboard_body|uri|origin_id|stickiness|input|body)")
"""Arguments whose text is commonly composed of a reference and more, as in ``"integrations/${...}"``. A plan does not say
which of both it is, so there a single reference proves nothing."""
_LEAST_TEXT = 3
_DEEPEST = 60

References = Callable[[Any], list[Reference]]
Exact = Callable[[str, Any], Any]


class Reading:
    """Reads the arguments of one resource.

    Arguments:
        type: Terraform type.
        data: whether it is a data source.
        own: its address, which its own values do not refer to.
        references: gives what an expression of the configuration refers to.
        exact: evaluates an argument's expression where the plan has its text; gives None where not.
        value_of: the planned value of a reference, or None where it is not known.
        identities: whose id or ARN a text is.
        configured: whether there is a configuration, so that an argument without expression was not written.
        elsewhere: arguments that resources of their own write, so that here they are only what AWS answered.
        hints: addresses that it depends on, where there is no configuration that says which argument refers to which.
    """

    def __init__(
        self, type: str, *, data: bool, own: str, references: References, exact: Exact,
        value_of: Callable[[Reference], Any], identities: Identities, configured: bool, hints: Sequence[str] = (),
        elsewhere: Sequence[str] = (),
    ) -> None:
        self.type = type
        self.data = data
        self.own = own
        self.references = references
        self.exact = exact
        self.value_of = value_of
        self.identities = identities
        self.configured = configured
        self.hints = hints
        self.elsewhere = elsewhere
        self._used: set[Reference] = set()

    def arguments(self, values: Any, unknown: Any, sensitive: Any, expressions: Any) -> dict[str, Any]:
        """The arguments that a reader of the graph sees."""
        schema = type_schema(self.type, data=self.data)
        found = self._block(schema, mapping(values), mapping(unknown), mapping(sensitive), mapping(expressions), 0)
        everything = found.pop("tags_all", None)
        if is_mapping(everything) and schema is not None and "tags" in schema.attributes:
            # With the provider's default tags, which AWS sees too.
            found["tags"] = {**everything, **found["tags"]} if is_mapping(found.get("tags")) else everything
        return found

    def output(self, value: Any, unknown: bool, sensitive: bool, expression: Any) -> Any:
        """The value of an output."""
        return self._value("", value, unknown or None, sensitive or None, expression)

    def _block(
        self, schema: Block | None, values: Mapping[Any, Any], unknown: Mapping[Any, Any], sensitive: Mapping[str, Any],
        expressions: Mapping[str, Any], depth: int,
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in dict.fromkeys((*values, *(name for name, is_unknown in unknown.items() if _holds_unknown(is_unknown)))):
            if not isinstance(name, str) or depth > _DEEPEST:
                continue
            expression = expressions.get(name)
            attribute = schema.attributes.get(name) if schema else None
            if not self.data and depth == 0 and name == "id" and expression is None:
                continue
            if not self.data and attribute is not None and not attribute.settable and name != "tags_all":
                continue
            value = values.get(name)
            if expression is not None and value is None and attribute is not None and attribute.write_only:
                # Terraform sends it and keeps it nowhere, not even in the plan.
                found[name] = Unknown("(sensitive)", tuple(self.references(expression)))
                continue
            if expression is None and (self._answered(attribute, name) or (depth == 0 and name in self.elsewhere)):
                continue
            if schema is not None and schema.has_block(name):
                if expression is None and not self.data and _switched_off(value):
                    continue
                blocks = self._blocks(schema, name, value, unknown.get(name), sensitive.get(name), expression, depth)
                if blocks:
                    found[name] = blocks
                continue
            if expression is None and self._unwritten(value, unknown.get(name), attribute, depth, bool(expressions)):
                continue
            merged = self._value(name, value, unknown.get(name), sensitive.get(name), expression)
            if merged is not None:
                found[name] = merged
        return found

    def _answered(self, attribute: Attribute | None, name: str) -> bool:
        """Whether it is what AWS answered. A collection of objects may be written with dynamic blocks: a plan does not say."""
        if attribute is None or not self.configured or name == "tags_all" or not attribute.computed:
            return False
        element = attribute.type.element
        return element is None or element.kind != "object"

    def _unwritten(self, value: Any, unknown: Any, attribute: Attribute | None, depth: int, written: bool) -> bool:
        """Whether nobody wrote it: AWS decides it, or it is what the provider puts where nothing is given.

        In a state every argument that nobody gave is there, as 0, false or empty text.
        """
        if unknown is True and self.configured:
            return True
        if self.data or _holds_unknown(unknown):
            return False
        if value is None or value in ("", [], {}):
            return True
        if self.configured:
            return value == 0 and (depth == 0 or written)
        return isinstance(value, int) and value is not False and value == 0 and depth == 0 and (
            attribute is not None and not attribute.required)

    def _blocks(
        self, schema: Block, name: str, value: Any, unknown: Any, sensitive: Any, expression: Any, depth: int,
    ) -> Any:
        nested = schema.nested(name)
        if unknown is True:
            return Unknown("", tuple(self._all_references(expression))) if expression is not None else None
        if is_mapping(value) or (nested.nesting in ("single", "map") and is_mapping(unknown)):
            if nested.nesting == "map":
                return {str(key): self._block(nested.block, mapping(item), mapping(mapping(unknown).get(key)), NOTHING,
                                              mapping(mapping(expression).get(key)), depth + 1)
                        for key, item in mapping(value).items()}
            return self._block(nested.block, mapping(value), mapping(unknown), mapping(sensitive),
                               mapping(expression), depth + 1)
        members = items(value)
        written = [mapping(item) for item in items(expression)] or ([mapping(expression)] if is_mapping(expression) else [])
        pairs = _paired(members, written)
        found: list[dict[str, Any]] = []
        for index, member in enumerate(members):
            hidden = sensitive if sensitive is True else _at(sensitive, index)
            if hidden is True:
                hidden = dict.fromkeys(mapping(member), True)
            found.append(self._block(nested.block, mapping(member), mapping(_at(unknown, index)), mapping(hidden),
                                     pairs[index], depth + 1))
        return found

    def _all_references(self, expression: Any, depth: int = 0) -> list[Reference]:
        """Everything that a block's expressions refer to."""
        if depth > _DEEPEST:
            return []
        if is_mapping(expression):
            if "references" in expression:
                return self.references(expression)
            found = [reference for item in expression.values() for reference in self._all_references(item, depth + 1)]
        else:
            found = [reference for item in items(expression) for reference in self._all_references(item, depth + 1)]
        return list(dict.fromkeys(found))

    # -- attributes ----------------------------------------------------------------------------------------------------

    def _value(self, name: str, value: Any, unknown: Any, sensitive: Any, expression: Any) -> Any:
        if expression is not None and sensitive is not True and not _any_true(sensitive):
            written = self.exact(name, expression)
            if written is not None:
                return written
        references = [item for item in self.references(expression) if item.address != self.own] if expression else []
        if sensitive is True:
            if value is None and unknown is not True:
                return None
            return references[0] if len(references) == 1 and references[0].path else Unknown("(sensitive)", tuple(references))
        targets = [(reference, self.value_of(reference)) for reference in references]
        if unknown is True:
            return self._unknown(name, references)
        count = _count_unknown(unknown)
        single: Any = None
        if count == 1 and is_list(unknown) and len(unknown) == 1:
            single = self._unknown(name, references)
        elif count:
            # Which of the references is which unknown part, the plan does not say; it cannot be one whose value is known.
            left = [reference for reference, known in targets if known is None]
            single = Unknown("", tuple(left or references))
        return self._merged(name, value, unknown, sensitive, single, targets, 0)

    def _unknown(self, name: str, references: Sequence[Reference]) -> Any:
        if len(references) == 1:
            reference = references[0]
            kind = reference.address.rpartition("module.")[2].split(".")
            if reference.path and any(part.startswith("aws_") for part in kind) and not self._composed(name, reference):
                return reference
        expression = references[0].expression if len(references) == 1 else ""
        return Unknown(expression, tuple(references))

    def _composed(self, name: str, reference: Reference) -> bool:
        if name == "uri" and reference.attribute == "invoke_arn":
            return False
        return _COMPOSED.fullmatch(name) is not None or takes_json(self.type, name)

    def _merged(
        self, name: str, value: Any, unknown: Any, sensitive: Any, single: Any,
        targets: Sequence[tuple[Reference, Any]], depth: int,
    ) -> Any:
        if depth > _DEEPEST:
            return Unknown()
        if unknown is True:
            return Unknown() if single is None else single
        if sensitive is True:
            return Unknown("(sensitive)")
        if is_mapping(value) or is_mapping(unknown):
            values, unknowns, hidden = mapping(value), mapping(unknown), mapping(sensitive)
            keys = dict.fromkeys((*values, *(key for key, item in unknowns.items() if _holds_unknown(item))))
            merged = {str(key): self._merged(name, values.get(key), unknowns.get(key), hidden.get(key), single, targets,
                                             depth + 1) for key in keys}
            return {key: item for key, item in merged.items() if item is not None}
        if is_list(value) or is_list(unknown):
            size = max(len(items(value)), len(items(unknown)))
            return [self._merged(name, _at(value, index), _at(unknown, index), _at(sensitive, index), single, targets,
                                 depth + 1) for index in range(size)]
        return self._linked(name, value, targets)

    def _linked(self, name: str, value: Any, targets: Sequence[tuple[Reference, Any]]) -> Any:
        """A known value, as a reference where it is what a reference of its expression gives."""
        document = self._document(name, value)
        if document is not None:
            return JsonDocument(self._inside(document, targets, 0))
        return self._text(name, value, targets)

    def _inside(self, content: Any, targets: Sequence[tuple[Reference, Any]], depth: int) -> Any:
        if depth > _DEEPEST:
            return content
        if is_mapping(content):
            return {key: self._inside(item, targets, depth + 1) for key, item in content.items()}
        if is_list(content):
            return [self._inside(item, targets, depth + 1) for item in content]
        return self._text("", content, targets)

    def _text(self, name: str, value: Any, targets: Sequence[tuple[Reference, Any]]) -> Any:
        for reference, known in sorted(targets, key=lambda target: target[0] in self._used):
            if known is not None and known == value and isinstance(value, bool) is isinstance(known, bool):
                self._used.add(reference)  # of two that give the same text, each is meant once
                return reference
            if known is None and not reference.path and isinstance(value, str) and value:
                found = self.identities.attribute_with(reference, value)
                if found is not None:
                    return found
        if not isinstance(value, str) or len(value) < _LEAST_TEXT:
            return value
        parts = sorted(((known, reference) for reference, known in targets
                        if isinstance(known, str) and len(known) >= _LEAST_TEXT and reference.path and known in value),
                       key=lambda part: -len(part[0]))
        for known, reference in parts[:1]:
            if value.count(known) == 1:
                return value.replace(known, str(reference))
        return self.identities.linked(self.type, name, value, self.own, self.hints)

    def _document(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or not takes_json(self.type, name) or value[:1] not in "{[" or not value:
            return None
        try:
            content = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return content if is_mapping(content) or is_list(content) else None


def _switched_off(blocks: Any) -> bool:
    """Whether a block that nobody wrote says no more than that something is off, as AWS answers where it is not there."""
    members = items(blocks)
    return bool(members) and all(mapping(member).get("enabled") is False for member in members)


def _at(value: Any, index: int) -> Any:
    return value[index] if is_list(value) and index < len(value) else None


def _holds_unknown(unknown: Any, depth: int = 0) -> bool:
    return _count_unknown(unknown, depth) > 0


def _count_unknown(unknown: Any, depth: int = 0) -> int:
    if unknown is True:
        return 1
    if depth > _DEEPEST:
        return 0
    inner = unknown.values() if is_mapping(unknown) else unknown if is_list(unknown) else ()
    return sum(_count_unknown(item, depth + 1) for item in inner)


def _any_true(sensitive: Any) -> bool:
    return _holds_unknown(sensitive)


def _paired(members: list[Any], written: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """For each block of the plan the one of the configuration that it was written as: a set of blocks has no order."""
    left = list(written)
    pairs: list[Mapping[str, Any]] = []
    for index, member in enumerate(members):
        at = next((place for place, block in enumerate(left) if _agrees(mapping(member), block)), None)
        if at is None:
            pairs.append(written[index] if len(written) == len(members) else _common(written))
        else:
            pairs.append(left.pop(at))
    return pairs


def _agrees(member: Mapping[str, Any], block: Mapping[str, Any]) -> bool:
    for name, expression in block.items():
        given = mapping(expression)
        if "references" in given or "constant_value" not in given:
            continue
        if member.get(name) != given["constant_value"]:
            return False
    return True


def _common(written: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return written[0] if len(written) == 1 else NOTHING
