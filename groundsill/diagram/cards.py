"""Cards: nodes of one service in one place, a row each, stacked in the column of their layer."""

from __future__ import annotations

from typing import NamedTuple

from groundsill.diagram.catalog import Category, Layer
from groundsill.diagram.model import Edge, EdgeKind, Node, Overlay, Picture, Place
from groundsill.diagram.text import width

TITLE, LABEL, NOTE = 10.5, 12.5, 10.0
HEAD = 24
LEAST_ROW = 24
PORT_IN, PORT_OUT = 16, 8
MOST_WIDTH, LEAST_WIDTH = 320, 150
_SWEEPS = 4


class Port(NamedTuple):
    """A point at the side of a row where lines meet.

    Arguments:
        kind: what goes along them.
        label: beside their heads; None where they begin.
    """

    kind: EdgeKind
    label: str | None = None


class Row:
    """One node's line in a card.

    Arguments:
        node: what it is.
        cost: US dollars a month, None where nobody asked.
        findings: how many there are, and the worst severity; empty where there are none.

    Attributes:
        top: distance from the top of its band, once it is laid out.
        height: grows with the arrows that end and begin here.
        inward: what ends at the row's left side, from top to bottom: nets of one kind with one label share an arrow.
        outward: what begins or ends at its right side.
    """

    __slots__ = ("cost", "findings", "height", "inward", "node", "outward", "top")

    def __init__(self, node: Node, cost: float | None = None, findings: tuple[int, str] = (0, "")) -> None:
        self.node = node
        self.cost = cost
        self.findings = findings
        self.top: float = 0
        self.height: float = LEAST_ROW
        self.inward: list[Port] = []
        self.outward: list[Port] = []

    @property
    def out_spacing(self) -> float:
        """Between two ports at the right side: labels beside them need room."""
        return PORT_IN if any(port.label for port in self.outward) else PORT_OUT


class Card:
    """A box with a heading and rows.

    Arguments:
        title: AWS's name of the service.
        place: the boxes it is in.
        layer: its column.
        category: its colour.
        rows: from top to bottom; default none yet.

    Attributes:
        top: distance from the top of its band.
    """

    __slots__ = ("category", "layer", "place", "rows", "title", "top")

    def __init__(
        self, title: str, place: Place, layer: Layer, category: Category, rows: list[Row] | None = None,
    ) -> None:
        self.title = title
        self.place = place
        self.layer = layer
        self.category = category
        self.rows: list[Row] = [] if rows is None else rows
        self.top: float = 0

    @property
    def height(self) -> float:
        """Heading and rows."""
        return HEAD + sum(row.height for row in self.rows) + 4

    def stand(self, top: float) -> None:
        """Put the card, and with it its rows, at a distance from the top of its band."""
        self.top = top
        below = top + HEAD
        for row in self.rows:
            row.top = below
            below += row.height

    @property
    def wanted_width(self) -> float:
        """What its longest line needs."""
        lines = [width(self.title, TITLE, bold=True) + 34]
        for row in self.rows:
            extra = (46 if row.cost is not None else 0) + (26 if row.findings[0] else 0)
            note = width(row.node.note, NOTE) + 10 if row.node.note else 0
            zones = 22 * len(row.node.zones)
            lines.append(width(row.node.label, LABEL) + note + zones + extra + 24)
        return min(max(*lines, LEAST_WIDTH), MOST_WIDTH)


def cards_of(picture: Picture, overlay: Overlay) -> list[Card]:
    """One card for all nodes of a service that stand in one place and one column."""
    found: dict[tuple[Place, Layer, str], Card] = {}
    for node in picture.nodes.values():
        key = (node.place, node.layer, node.service)
        card = found.setdefault(key, Card(node.service, node.place, node.layer, node.category))
        card.rows.append(_row(node, overlay))
    return list(found.values())


def _row(node: Node, overlay: Overlay) -> Row:
    known = [overlay.costs[address] for address in node.addresses if address in overlay.costs]
    severities = [severity for address in node.addresses for severity in overlay.findings.get(address, ())]
    order = ("critical", "high", "medium", "low")
    worst = min(severities, key=order.index) if severities else ""
    return Row(node, sum(known) if known else None, (len(severities), worst))


def ordered(cells: dict[tuple[int, Layer], list[Card]], edges: list[Edge]) -> None:
    """Order cards and rows so that arrows cross little: each near the mean of what it is linked to, some sweeps long.

    Arguments:
        cells: cards by band and column; sorted in place.
        edges: between node ids.
    """
    near: dict[str, list[str]] = {}
    for edge in edges:
        near.setdefault(edge.source, []).append(edge.target)
        near.setdefault(edge.target, []).append(edge.source)
    position: dict[str, float] = {}

    def place() -> None:
        for (band, _), cards in cells.items():
            for index, card in enumerate(cards):
                for number, row in enumerate(card.rows):
                    position[row.node.id] = band * 1000 + index * 100 + number * 90 / max(len(card.rows), 1)

    def wanted(row: Row) -> float:
        linked = [position[other] for other in near.get(row.node.id, ()) if other in position]
        return sum(linked) / len(linked) if linked else position[row.node.id]

    place()
    for _ in range(_SWEEPS):
        for cards in cells.values():
            for card in cards:
                card.rows.sort(key=lambda row: (round(wanted(row), 6), row.node.label))
            if len(cards) > 1:
                cards.sort(key=lambda card: (round(sum(map(wanted, card.rows)) / len(card.rows), 6), card.title))
        place()
