"""Resources with every reference replaced by the value it has on this machine.

Every part of the ground (the edge, the function runner, the services) reads these and nothing else, so what it does is
what the lowered resources say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from groundsill.graph.shapes import is_list


@dataclass(frozen=True, slots=True)
class ResolvedResource:
    """One resource as the ground runs it.

    Arguments:
        address: Terraform address, for example ``aws_lambda_function.save``.
        type: Terraform type, for example ``aws_lambda_function``.
        name: Terraform name, for example ``save``.
        arguments: the resource's Terraform arguments, references resolved. Nested blocks are lists of mappings.
        attributes: what Terraform would know after apply (``arn``, ``id``, ``url``, ...), as known on this machine.
        component: the name that the user gave in the definition, for logs and reports.
    """

    address: str
    type: str
    name: str
    arguments: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    component: str = ""

    def block(self, name: str) -> Mapping[str, Any]:
        """The first nested block of this name, or an empty mapping."""
        value: Any = self.arguments.get(name) or {}
        return value[0] if is_list(value) else value


class ResolvedGraph:
    """The resources of one system on this machine, by address and by type.

    Example:
        >>> graph = ResolvedGraph([ResolvedResource("aws_sqs_queue.jobs", "aws_sqs_queue", "jobs", {"name": "jobs"})])
        >>> [queue.arguments["name"] for queue in graph.of_type("aws_sqs_queue")]
        ['jobs']
    """

    def __init__(self, resources: Iterable[ResolvedResource]) -> None:
        self._by_address = {resource.address: resource for resource in resources}

    def __iter__(self) -> Iterator[ResolvedResource]:
        return iter(self._by_address.values())

    def __getitem__(self, address: str) -> ResolvedResource:
        return self._by_address[address]

    def of_type(self, *types: str) -> list[ResolvedResource]:
        """Every resource of these Terraform types, in definition order."""
        return [resource for resource in self if resource.type in types]

    def find(self, type: str, attribute: str, value: object) -> ResolvedResource | None:
        """The resource of this type whose attribute has this value, e.g. the function with an ARN."""
        for resource in self.of_type(type):
            if resource.attributes.get(attribute) == value:
                return resource
        return None
