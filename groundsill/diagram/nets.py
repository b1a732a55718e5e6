"""Nets: arrows that share a line. Many readers of one table come in by one arrow; one gateway fans out along one line."""

from __future__ import annotations

from collections import Counter

from groundsill.diagram.catalog import Layer
from groundsill.diagram.model import Edge, EdgeKind


class Net:
    """Arrows drawn as one line with several beginnings or several ends.

    Arguments:
        kind: what goes along it.
        source_layer: column of all its beginnings.
        target_layer: column of all its ends.

    Attributes:
        edges: what it stands for; either all sources or all targets are one.
        way: how it goes: ``gap`` (to the next column), ``straight`` (across empty columns), ``beside`` (within one column) or
            ``corridor`` (between two bands).
        corridor: number of the corridor, from the top.
        lane: its line in the corridor.
        first: its line in the gap behind the sources.
        second: its line in the gap before the targets, where it goes through a corridor.
    """

    def __init__(self, kind: EdgeKind, source_layer: Layer, target_layer: Layer) -> None:
        self.kind = kind
        self.source_layer = source_layer
        self.target_layer = target_layer
        self.edges: list[Edge] = []
        self.way = "gap"
        self.corridor = 0
        self.lane = 0
        self.first = 0
        self.second = 0

    @property
    def sources(self) -> list[str]:
        """Ids of the nodes it begins at."""
        return list(dict.fromkeys(edge.source for edge in self.edges))

    @property
    def targets(self) -> dict[str, str]:
        """Ids of the nodes it ends at, with the label of each arrow."""
        return {edge.target: edge.label for edge in self.edges}


def nets_of(edges: list[Edge], layers: dict[str, Layer]) -> list[Net]:
    """Gather arrows into nets: by what more arrows have in common, their end with its label or their beginning.

    Arguments:
        edges: every arrow.
        layers: column of every node.
    """
    into: Counter[tuple[str, ...]] = Counter()
    out: Counter[tuple[str, ...]] = Counter()
    keys: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for edge in edges:
        here, there = str(int(layers[edge.source])), str(int(layers[edge.target]))
        inward = ("in", edge.target, edge.kind, edge.label, here, there)
        outward = ("out", edge.source, edge.kind, here, there)
        keys.append((inward, outward))
        into[inward] += 1
        out[outward] += 1
    found: dict[tuple[str, ...], Net] = {}
    for edge, (inward, outward) in zip(edges, keys, strict=True):
        # Data is read from many sides: whose it is matters more than who reads. A call is the caller's.
        share = inward if into[inward] >= out[outward] or (edge.kind is EdgeKind.DATA and into[inward] > 1) else outward
        net = found.get(share)
        if net is None:
            net = found[share] = Net(edge.kind, layers[edge.source], layers[edge.target])
        net.edges.append(edge)
    return list(found.values())
