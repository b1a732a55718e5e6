"""Bands: the rows of a picture. Columns are layers, bands are places: global services, the region's, each kind of subnet."""

from __future__ import annotations

from groundsill.diagram.cards import PORT_IN, Card, Port, Row, cards_of, ordered
from groundsill.diagram.catalog import Category, Layer
from groundsill.diagram.model import Edge, EdgeKind, Node, Overlay, Picture, Place
from groundsill.diagram.nets import Net, nets_of

USERS = "users"
_CARD_GAP = 16
_TIERS = ("public", "private", "isolated")


class Band:
    """One row of the picture.

    Arguments:
        place: what is in it.

    Attributes:
        height: of its content, once it is laid out.
        top: of its content in the picture.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.height: float = 0
        self.top: float = 0


class Grid:
    """Cards in bands and columns, and the nets between them.

    Arguments:
        picture: what is drawn.
        bands: from top to bottom.
        layers: used columns, from left to right.
        cells: cards by number of the band and layer, from top to bottom.
        nets: every arrow is in one.

    Attributes:
        rows: by node id, with the number of their band.
        columns: number of the column of each node.
    """

    def __init__(
        self, picture: Picture, bands: list[Band], layers: list[Layer], cells: dict[tuple[int, Layer], list[Card]],
        nets: list[Net],
    ) -> None:
        self.picture = picture
        self.bands = bands
        self.layers = layers
        self.cells = cells
        self.nets = nets
        self.rows: dict[str, tuple[int, Row]] = {}
        self.columns: dict[str, int] = {}

    def y(self, node: str) -> float:
        """Top of a node's row in the picture."""
        band, row = self.rows[node]
        return self.bands[band].top + row.top

    def port_in(self, net: Net, node: str) -> float:
        """Where a net ends at a node's left side."""
        row = self.rows[node][1]
        return self.y(node) + _port(row, row.inward.index(Port(net.kind, net.targets[node])), len(row.inward), PORT_IN) + 2

    def port_out(self, net: Net, node: str) -> float:
        """Where a net begins at a node's right side."""
        return self._right(node, Port(net.kind))

    def port_beside(self, net: Net, node: str) -> float:
        """Where a net within one column ends: at a node's right side."""
        return self._right(node, Port(net.kind, net.targets[node]))

    def _right(self, node: str, port: Port) -> float:
        row = self.rows[node][1]
        return self.y(node) + _port(row, row.outward.index(port), len(row.outward), row.out_spacing)


def _port(row: Row, index: int, count: int, spacing: float) -> float:
    # Multiples of 4 at the right side and 2 more at the left keep lines that meet in a gap apart.
    return round((row.height / 2 + (index - (count - 1) / 2) * spacing) / 4) * 4


def grid_of(picture: Picture, entries: list[str], overlay: Overlay) -> Grid:
    """Put the nodes of a picture into cards, bands and columns.

    Arguments:
        picture: with nodes and edges.
        entries: ids of the nodes that people's requests reach first.
        overlay: costs and findings.
    """
    edges = list(picture.edges)
    cards = cards_of(picture, overlay)
    bands = [Band(place) for place in _places(picture)]
    numbers = {band.place: number for number, band in enumerate(bands)}
    if entries:
        node = Node(USERS, "Users", "People", Layer.USERS, Category.PEOPLE, _middle(picture, entries, bands))
        cards.append(Card(node.service, node.place, node.layer, node.category, [Row(node)]))
        edges += [Edge(USERS, entry, EdgeKind.NETWORK) for entry in entries]
    cells: dict[tuple[int, Layer], list[Card]] = {}
    for card in cards:
        cells.setdefault((numbers[card.place], card.layer), []).append(card)
    ordered(cells, edges)
    layers = sorted({card.layer for card in cards})
    layer_of = {row.node.id: card.layer for card in cards for row in card.rows}
    grid = Grid(picture, bands, layers, cells, nets_of(edges, layer_of))
    for (band, layer), held in cells.items():
        for card in held:
            for row in card.rows:
                grid.rows[row.node.id] = (band, row)
                grid.columns[row.node.id] = layers.index(layer)
    _choose_ways(grid)
    _add_ports(grid)
    _stack(grid)
    _choose_straight(grid)
    return grid


def _middle(picture: Picture, entries: list[str], bands: list[Band]) -> Place:
    places = sorted((number for number, band in enumerate(bands) for entry in entries
                     if picture.nodes[entry].place == band.place))
    return bands[places[len(places) // 2]].place


def _places(picture: Picture) -> list[Place]:
    used = {node.place for node in picture.nodes.values()}
    regions = sorted({place.region for place in used if place.region} | set(picture.operations),
                     key=lambda region: (region != picture.region, region))
    found: list[Place] = [Place()] if Place() in used else []
    for region in regions:
        if Place(region) in used:
            found.append(Place(region))
        for network in picture.networks.values():
            own = {place for place in used if place.region == region and place.vpc == network.id}
            if own or (region == picture.region and not any(place.vpc == network.id for place in used)):
                tiers = {subnets.kind for subnets in network.tiers} | {place.tier for place in own}
                found += [Place(region, network.id, tier) for tier in _TIERS if tier in tiers]
    return found


def _choose_ways(grid: Grid) -> None:
    index = {layer: number for number, layer in enumerate(grid.layers)}
    for net in grid.nets:
        here, there = index[net.source_layer], index[net.target_layer]
        net.way = "gap" if there == here + 1 else "beside" if there == here else "corridor"


def _add_ports(grid: Grid) -> None:
    order = {node: index for index, node in enumerate(grid.rows)}
    inward: dict[str, dict[Port, int]] = {}
    outward: dict[str, dict[Port, int]] = {}
    for net in grid.nets:
        first, last = min(order[source] for source in net.sources), min(order[target] for target in net.targets)
        for source in net.sources:
            outward.setdefault(source, {}).setdefault(Port(net.kind), last)
        for target, label in net.targets.items():
            side = outward if net.way == "beside" else inward
            side.setdefault(target, {}).setdefault(Port(net.kind, label), first)
    for node, (_, row) in grid.rows.items():
        row.inward = sorted(inward.get(node, {}), key=lambda port: (inward[node][port], port.kind, port.label or ""))
        row.outward = sorted(outward.get(node, {}), key=lambda port: (outward[node][port], port.kind, port.label or ""))
        needed = max(PORT_IN * len(row.inward), row.out_spacing * len(row.outward)) + 8
        row.height = max(row.height, -(-needed // 4) * 4)


def _stack(grid: Grid) -> None:
    for (number, _), cards in grid.cells.items():
        band = grid.bands[number]
        band.height = max(band.height, sum(card.height for card in cards) + _CARD_GAP * (len(cards) - 1))
    for (number, _), cards in grid.cells.items():
        height = sum(card.height for card in cards) + _CARD_GAP * (len(cards) - 1)
        top = round((grid.bands[number].height - height) / 8) * 4
        for card in cards:
            card.stand(top)
            top += card.height + _CARD_GAP


def _choose_straight(grid: Grid) -> None:
    """A long net with one end goes straight where no card is in its way; the others go through a corridor."""
    for net in grid.nets:
        if net.way != "corridor":
            continue
        target, label = next(iter(net.targets.items()))
        band, row = grid.rows[target]
        here, there = grid.columns[net.sources[0]], grid.columns[target]
        y = row.top + _port(row, row.inward.index(Port(net.kind, label)), len(row.inward), PORT_IN) + 2
        between = [card for layer in grid.layers[here + 1:there] for card in grid.cells.get((band, layer), ())]
        free = not any(card.top - 6 <= y <= card.top + card.height + 6 for card in between)
        if there > here and len(net.targets) == 1 and free:
            net.way = "straight"
        else:
            net.corridor = _corridor(grid, net, band, y)


def _corridor(grid: Grid, net: Net, band: int, y: float) -> int:
    """The corridor above the ends where it comes from above, below them where from below, else the nearer one."""
    sources = [grid.rows[source][0] for source in net.sources]
    mean = sum(sources) / len(sources)
    if mean != band:
        return band if mean < band else band + 1
    return band if y <= grid.bands[band].height / 2 else band + 1
