"""From a graph to a picture: what `groundsill draw` does."""

from __future__ import annotations

from groundsill.diagram.bands import grid_of
from groundsill.diagram.edges import doors, edges_of
from groundsill.diagram.layout import Layout, laid_out
from groundsill.diagram.model import Overlay, Picture
from groundsill.diagram.nodes import add_nodes, move_workers, set_aside_alerts
from groundsill.graph.graph import Graph
from groundsill.graph.view import View


def picture_of(graph: Graph, view: View | None = None) -> tuple[Picture, list[str]]:
    """What a graph's picture shows, and the nodes that people's requests reach first.

    Arguments:
        graph: a finished graph.
        view: of the graph, where other readers share it; default its own.

    Example:
        >>> from groundsill.graph import Resource
        >>> graph = Graph("shop", "dev")
        >>> _ = graph.add(Resource("aws_sqs_queue", "orders", {"name": "orders"}))
        >>> [node.label for node in picture_of(graph)[0].nodes.values()]
        ['orders']
    """
    view = view or View(graph)
    picture = Picture(" ".join(filter(None, [graph.name, graph.stage])) or "AWS", graph.region)
    add_nodes(picture, view)
    picture.edges = edges_of(picture, view)
    set_aside_alerts(picture)
    move_workers(picture)
    return picture, doors(picture, view)


def layout_of(graph: Graph, overlay: Overlay | None = None) -> Layout:
    """A graph's picture with coordinates.

    Arguments:
        graph: a finished graph.
        overlay: costs and findings to lay over it.
    """
    picture, entries = picture_of(graph)
    return laid_out(grid_of(picture, entries, overlay or Overlay()))
