"""How traffic goes through a system: from where it comes in, over what passes it on, to what stores and logs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from groundsill.cost.amount import Amount, exactly, total
from groundsill.cost.model import ALWAYS, Edge, Factor, Node, unknown
from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource

if TYPE_CHECKING:
    from groundsill.cost.context import Context

_MOST_ASSUMPTIONS = 12
_MOST_ROOTS = 20


class Flow:
    """The traffic at every node that some edge leads to.

    A node that the user states has that value, whatever edges bring: the user knows better. Where traffic goes in a circle
    (a function that writes into the queue that it reads), the edge that closes it is left out.

    Arguments:
        context: traffic and parameters.
        edges: in a steady order.
    """

    def __init__(self, context: Context, edges: Iterable[Edge]) -> None:
        self.incoming: dict[Node, list[Edge]] = {}
        for edge in edges:
            if edge.source != edge.target:
                self.incoming.setdefault(edge.target, []).append(edge)
        self._context = context
        self._values: dict[Node, Factor | None] = {}
        self._roots: dict[Node, tuple[Node, ...]] = {}  # what would have to be stated for a node to be known
        for node in _order(self.incoming):
            self._values[node] = self._value(node)

    def at(self, resource: Resource, name: str) -> Factor | None:
        """What edges bring to a parameter of a resource; None where none leads there."""
        return self._values.get((resource.address, name)) if (resource.address, name) in self.incoming else None

    def brought(self, resource: Resource, name: str, *types: str) -> Amount:
        """What comes to a parameter from resources of some types."""
        graph = self._context.graph
        edges = (edge for edge in self.incoming.get((resource.address, name), ())
                 if edge.source[0] in graph and graph[edge.source[0]].type in types)
        sources = ((edge, self._values.get(edge.source)) for edge in edges)
        return total(factor.amount * edge.times for edge, factor in sources if factor is not None and factor.amount is not None)

    def _value(self, node: Node) -> Factor | None:
        if node == ALWAYS:
            return Factor(exactly(1), "")
        address, name = node
        graph = self._context.graph
        resource = graph.resources.get(address)
        if resource is None or resource.data:
            return None
        stated = self._context.traffic.stated(resource, name)
        if stated is not None:
            return Factor(stated, "")
        edges = self.incoming.get(node)
        if not edges:
            parameter = next((item for item in self._context.parameters.get(resource.type, ()) if item.name == name), None)
            return None if parameter is None or parameter.default is None else Factor(parameter.default, "")
        known: list[Amount] = []
        assumptions: dict[str, None] = {}
        missing: dict[Node, None] = {}
        for edge in edges:
            source = self._values.get(edge.source)
            if source is None or source.amount is None:
                missing |= dict.fromkeys(self._roots.get(edge.source, (edge.source,))[:_MOST_ROOTS])
                continue
            known.append(source.amount * edge.times)
            if edge.assumption:
                assumptions[edge.assumption] = None
        names = list(dict.fromkeys(_what(graph, root) for root in missing))
        shown = " and ".join([*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])])
        if not known:
            self._roots[node] = tuple(missing)
            return unknown(f"{shown} {'is' if len(names) == 1 else 'are'} not stated")
        if missing:
            assumptions[f"nothing is counted of {shown}, which nobody stated"] = None
        return Factor(total(known), "", tuple(assumptions)[:_MOST_ASSUMPTIONS])


def _what(graph: Graph, node: Node) -> str:
    component = graph[node[0]].component if node[0] in graph else ""
    return f"`{node[1]}` of {component or node[0]}"


def _order(incoming: dict[Node, list[Edge]]) -> list[Node]:
    """Nodes so that each comes after those that lead to it; edges that close a circle are taken out of ``incoming``."""
    done: dict[Node, bool] = {}
    ordered: list[Node] = []
    for start in list(incoming):
        stack: list[tuple[Node, int]] = [(start, 0)]
        while stack:
            node, index = stack.pop()
            if index == 0:
                if node in done:
                    continue
                done[node] = False
            edges = incoming.get(node, [])
            while index < len(edges):
                source = edges[index].source
                if done.get(source) is False:
                    del edges[index]
                    continue
                index += 1
                if source not in done:
                    stack += [(node, index), (source, 0)]
                    break
            else:
                done[node] = True
                ordered.append(node)
    return ordered
