"""What can be known of a graph's values before apply: references followed to what the definition says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.reference import (
    MARK,
    UNKNOWN,
    Element,
    JsonDocument,
    Reference,
    Unknown,
    holds_reference,
    references_in,
    split_template,
)
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

_MOST_STEPS = 32
_PLAIN = frozenset((bool, int, float, type(None)))


class View:
    """Reads values of a finished graph, and follows references to where a value is written.

    A value that only AWS decides (``id``, ``arn``, an address) stays a `Reference`; one that could not be worked out is an
    `Unknown`. A reader must take both for "not known", and never for absent.

    Arguments:
        graph: a finished graph.

    Example:
        >>> graph = Graph()
        >>> vpc = graph.add(Resource("aws_vpc", "main", {"cidr_block": "10.0.0.0/16"}))
        >>> subnet = graph.add(Resource("aws_subnet", "a", {"vpc_id": vpc["id"], "tags": {"Range": vpc["cidr_block"]}}))
        >>> view = View(graph)
        >>> view.get(subnet, "tags", "Range")
        '10.0.0.0/16'
        >>> view.get(subnet, "vpc_id")
        Reference(address='aws_vpc.main', path=('id',))
        >>> view.target(subnet, "vpc_id")
        <aws_vpc.main>
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._followed: dict[tuple[Resource, str | int], Any] = {}

    def get(self, resource: Resource, *path: str | int, default: Any = None) -> Any:
        """A resource's argument with every reference in it followed as far as it goes.

        Arguments:
            resource: whose argument.
            path: names and indexes from the argument inwards. A name takes the first block of a list of blocks.
            default: given where the argument is absent or null.

        Returns:
            The value, which belongs to the view: it is not to be changed. It may hold a `Reference` or an `Unknown`. Where an
            outer value is not known, neither is the inner: then an `Unknown` is given.
        """
        value = resource.arguments.get(path[0])  # pyright: ignore[reportArgumentType]  an index finds nothing
        if value is None:
            return default  # what rules and meters ask for is left out most of the time
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind not in _PLAIN and not (kind is str and MARK not in value):
            # Many rules and meters ask for parts of the same block or document: it is followed once for all of them.
            key = (resource, path[0])
            if key not in self._followed:
                self._followed[key] = self.follow(value)
            value = self._followed[key]
        if len(path) > 1:
            value = _inside(value, path[1:])
            if isinstance(value, Reference):
                value = self._reference(value, 0)
        return default if value is None else value

    def known(self, resource: Resource, *path: str | int, default: Any = None) -> Any:
        """As :meth:`get`, but `UNKNOWN` where any part of the value is not known."""
        value = self.get(resource, *path, default=default)
        return value if is_known(value) else UNKNOWN

    def blocks(self, resource: Resource, *path: str | int) -> list[Mapping[str, Any]]:
        """Every nested block of a name, also where there is one and it is written as a mapping; unknown ones left out."""
        return [block for block in as_blocks(self.get(resource, *path)) if is_mapping(block)]

    def targets(self, resource: Resource, *path: str | int) -> list[Resource]:
        """The resources that an argument refers to, each once; unknown and foreign ones are left out."""
        value = _inside(resource.arguments, path)
        if value is None:
            return []
        found = [self.graph.target(reference) for reference in references_in(value)]
        return list(dict.fromkeys([target for target in found if target is not None]))

    def target(self, resource: Resource, *path: str | int) -> Resource | None:
        """The first resource that an argument refers to."""
        return next(iter(self.targets(resource, *path)), None)

    def referring(self, resource: Resource, *types: str) -> Iterator[Resource]:
        """Resources that refer to this one, of the given types where any are given."""
        for address in self.graph.referrers(resource.address):
            source = self.graph[address]
            if not types or source.type in types:
                yield source

    def follow(self, value: Any, depth: int = 0) -> Any:
        """A value with its references replaced by what the definition says they will be, where it does."""
        # Every rule and meter comes through here, mostly for plain values: exact types are tried first.
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is str:
            return self._text(value, depth) if MARK in value else value
        if kind in _PLAIN:
            return value
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list:
            return [item if type(item) is str and MARK not in item else self.follow(item, depth) for item in value]
        if kind is Reference:
            return self._reference(value, depth)
        return self._other(value, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        followed: dict[Any, Any] = {}
        for key, item in value.items():
            if isinstance(key, str) and MARK in key:
                key = self._key(key, depth)
            # Most of what a mapping holds is plain text: it is seen here, without a call for each.
            followed[key] = item if type(item) is str and MARK not in item else self.follow(item, depth)
        return followed

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, Reference):
            return self._reference(value, depth)
        if isinstance(value, JsonDocument):
            return JsonDocument(self.follow(value.content, depth))
        if isinstance(value, str):
            return self._text(value, depth)
        if is_mapping(value):
            return self._mapping(value, depth)
        if is_list(value) or isinstance(value, set | frozenset):
            return [self.follow(item, depth) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return value

    def _text(self, value: str, depth: int) -> Any:
        parts = split_template(value)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return self._reference(parts[0], depth)
        if all(isinstance(part, str) for part in parts):
            return value
        return _joined([part if isinstance(part, str) else self._reference(part, depth) for part in parts])

    def _key(self, key: str, depth: int) -> Any:
        followed = self.follow(key, depth)
        return key if isinstance(followed, Reference | Unknown) else followed

    def _reference(self, reference: Reference, depth: int) -> Any:
        if depth > _MOST_STEPS:
            return UNKNOWN
        if reference.address.startswith("var."):
            variable = self.graph.variables.get(reference.address.removeprefix("var."))
            known = variable is not None and variable.default is not None and not variable.sensitive
            value = _inside(variable.default, reference.path) if variable is not None and known else None
            return reference if value is None else self.follow(value, depth + 1)
        target = self.graph.target(reference)
        if target is None or not reference.path:
            return reference
        value = _inside(target.arguments, reference.path)
        if value is None or any(isinstance(step, Element) for step in reference.path):
            return reference
        return self.follow(value, depth + 1)


def is_known(value: Any) -> bool:
    """Whether every part of a value is known before apply."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        return not holds_reference(value)
    if kind in _PLAIN:
        return True
    if isinstance(value, Reference | Unknown):
        return False
    if isinstance(value, str):
        return not holds_reference(value)
    if is_mapping(value):
        return all(is_known(key) and is_known(item) for key, item in value.items())
    if is_list(value):
        return all(is_known(item) for item in value)
    if isinstance(value, JsonDocument):
        return is_known(value.content)
    return True


def as_blocks(value: Any) -> list[Any]:
    """Nested blocks as a list: Terraform lets a single one be written as a mapping."""
    if value is None:
        return []
    if is_list(value):
        return list(value)
    return [value]


def _inside(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is dict or is_mapping(value):  # what it nearly always is
            value = value.get(step) if isinstance(step, str) else None
        elif isinstance(value, Unknown):
            return value
        elif isinstance(value, Reference):
            value = value.at(step)
        elif value is None:
            return None
        else:
            value = _step(value.content if isinstance(value, JsonDocument) else value, step)
    return value


def _step(value: Any, step: Any) -> Any:
    if isinstance(step, str):
        if is_list(value):
            value = value[0] if value else None
        return value.get(step) if is_mapping(value) else None
    if isinstance(step, int) and is_list(value):
        return value[step] if -len(value) <= step < len(value) else None
    return None


def _joined(parts: list[Any]) -> Any:
    """A string of literal parts and looked-up values; a value that is not known leaves its reference in the string."""
    if any(isinstance(part, Unknown) for part in parts):
        found = tuple(reference for part in parts for reference in references_in(part))
        return Unknown("".join(part if isinstance(part, str) else f"${{{_expression(part)}}}" for part in parts), found)
    return "".join(str(part) for part in parts)


def _expression(part: Any) -> str:
    return part.expression if isinstance(part, Reference | Unknown) else str(part)
