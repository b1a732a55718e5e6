"""What every rule is given: the graph, a view of its values, and what is worked out once for all rules."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource
from groundsill.graph.view import View


class Context:
    """One graph being checked.

    Arguments:
        graph: a finished graph.
        today: the day that ends of support are compared with; default the day it is.
    """

    def __init__(self, graph: Graph, *, today: date | None = None) -> None:
        self.graph = graph
        self.view = View(graph)
        self.today = today or date.today()  # noqa: DTZ011  ends of support are days, wherever one is

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.graph:
            if not resource.data:
                found.setdefault(resource.type, []).append(resource)
        return found

    def of_type(self, *types: str) -> list[Resource]:
        """Resources (no data sources) of these Terraform types."""
        return [resource for type in types for resource in self._by_type.get(type, ())]

    @property
    def production(self) -> bool:
        """Whether the stage's data must survive mistakes. Where nobody said, it must."""
        return self.graph.production is not False
