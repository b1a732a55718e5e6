"""Coordinates: columns and bands get their places, nets their lines, containers their boxes. Nothing overlaps.

Lines run in gaps (between two columns) and in corridors (above a band), where no card is; each has a line of its own there
(left-edge algorithm: Hashimoto and Stevens, "Wire routing by optimizing channel assignment", 1971).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from groundsill.diagram.bands import Band, Grid
from groundsill.diagram.cards import Card
from groundsill.diagram.catalog import Layer
from groundsill.diagram.model import EdgeKind, Place
from groundsill.diagram.nets import Net
from groundsill.diagram.text import fitted, width

LABEL = 10.0
MOST_LABEL = 150
LANE = 8
MARGIN = 24
PAD = 12
TITLE_HEIGHT = 26
CHIP_HEIGHT = 20
CHIP_GAP = 6
CHIP_TEXT = 10.5
_ARROW = 22
_BAND_GAP = 20
_BORDERS = 4  # paddings of a gap between two columns
# How far a container's border is from the labels of what it holds, in paddings: outer ones farther, none on another.
_OUTWARD = {"tier": 0.8, "vpc": 1.5, "region": 2.4, "account": 3.4}


class Box(NamedTuple):
    """A container.

    Arguments:
        kind: ``account``, ``region``, ``vpc``, ``public``, ``private``, ``isolated``, ``operations`` or ``chip``.
        title: shown in its head.
        note: said more quietly after the title.
        x: left.
        y: top.
        width: in pixels.
        height: in pixels.
    """

    kind: str
    title: str
    note: str
    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """An arrow's way.

    Arguments:
        kind: what goes along it.
        points: corners, from its beginning to its head.
        source: id of the node that it begins at.
        target: id of the node that it ends at.
        label: shown at its head; the text is cut to fit.
        side: ``left`` where the label ends before the head, ``right`` where it begins after it.
    """

    kind: EdgeKind
    points: tuple[tuple[float, float], ...]
    source: str
    target: str
    label: str
    side: str


class PlacedCard(NamedTuple):
    """A card in the picture."""

    card: Card
    x: float
    y: float
    width: float


class Layout:
    """The whole picture with coordinates.

    Arguments:
        title: shown at its top.

    Attributes:
        width: in pixels.
        height: in pixels.
        boxes: containers, outermost first.
        cards: every card.
        lines: every arrow, those of one net after another.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.width: float = 0
        self.height: float = 0
        self.boxes: list[Box] = []
        self.cards: list[PlacedCard] = []
        self.lines: list[Line] = []


def laid_out(grid: Grid) -> Layout:
    """Give everything in a grid its coordinates."""
    return _Placer(grid).place()


class _Placer:
    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.picture = grid.picture
        self.columns = len(grid.layers)
        self.column_width = [
            max((card.wanted_width for (_, layer), cards in grid.cells.items() if layer is own for card in cards), default=0)
            for own in grid.layers
        ]
        self.left = [0.0] * self.columns
        self.corridor_top: list[float] = []
        self.layout = Layout(self.picture.title)
        # Gap number 0 is left of the first column, number n behind the n-th.
        self.lanes = [0] * (self.columns + 1)
        self.before = [0.0] * (self.columns + 1)
        self.after = [0.0] * (self.columns + 1)

    def place(self) -> Layout:
        self._corridor_lanes()
        bottom = self._rows_down()
        self._gap_lanes()
        self._columns_across()
        self._cards()
        self._boxes(bottom)
        self._lines()
        return self.layout

    # -- from top to bottom --------------------------------------------------------------------------------------------

    def _index(self, layer: Layer) -> int:
        return self.grid.layers.index(layer)

    def _corridor_lanes(self) -> None:
        self.corridor_lanes = [0] * (len(self.grid.bands) + 1)
        for number in range(len(self.corridor_lanes)):
            nets = [net for net in self.grid.nets if net.way == "corridor" and net.corridor == number]
            spans = [sorted((self._index(net.source_layer) + 1.0, float(self._index(net.target_layer)))) for net in nets]
            lanes, self.corridor_lanes[number] = assigned([(span[0], span[1]) for span in spans])
            for net, lane in zip(nets, lanes, strict=True):
                net.lane = lane

    def _corridor_height(self, number: int) -> float:
        lanes = self.corridor_lanes[number]
        return lanes * LANE + (12 if lanes else 0)

    def _rows_down(self) -> float:
        """Places bands and corridors; gives the bottom of everything. Multiples of 4, as ports expect."""
        y: float = MARGIN + 40
        before: Place | None = None
        self.head_top: dict[tuple[str, ...], float] = {}
        self.foot: dict[tuple[str, ...], float] = {}
        y += TITLE_HEIGHT + PAD if self.grid.bands else 0
        for number, band in enumerate(self.grid.bands):
            y = self._open(before, band.place, y)
            self.corridor_top.append(y)
            y += self._corridor_height(number)
            y = _snapped(y)
            band.top = y
            y += band.height
            before = band.place
            if number + 1 == len(self.grid.bands):
                self.corridor_top.append(y + 8)
                extra = self._corridor_height(number + 1)
                y += extra + 8 if extra else 0
            y += PAD
            y = self._close(band, number, y)
        return _snapped(y + PAD)

    def _open(self, before: Place | None, place: Place, y: float) -> float:
        y += _BAND_GAP if before is not None else 0
        if place.region and (before is None or before.region != place.region):
            self.head_top["region", place.region] = y
            y += TITLE_HEIGHT + PAD
        if place.vpc and (before is None or before.vpc != place.vpc):
            self.head_top["vpc", place.region, place.vpc] = y
            y += TITLE_HEIGHT + PAD
        if place.tier:
            self.head_top["tier", place.region, place.vpc, place.tier] = y
            y += TITLE_HEIGHT + self._chips_height(place) + PAD
        return _snapped(y)

    def _close(self, band: Band, number: int, y: float) -> float:
        place = band.place
        later = self.grid.bands[number + 1:]
        if place.tier:
            self.foot["tier", place.region, place.vpc, place.tier] = y
            y += PAD
        if place.vpc and not any((other.place.region, other.place.vpc) == (place.region, place.vpc) for other in later):
            self.foot["vpc", place.region, place.vpc] = y
            y += PAD
        if place.region and not any(other.place.region == place.region for other in later):
            y = self._operations(place.region, y)
            self.foot["region", place.region] = y
            y += PAD
        return y

    def _chips(self, place: Place) -> list[str]:
        network = self.picture.networks[place.vpc]
        cells = next((subnets.cells for subnets in network.tiers if subnets.kind == place.tier), ())
        return [" · ".join(filter(None, cell)) for cell in cells if any(cell)]

    def _chip_room(self, vpc: str | None = None) -> float:
        """The least width that a network, or the region, will have for chips: gaps only grow with lines and labels."""
        first, last = self._span(vpc=vpc)
        return sum(self.column_width[first:last + 1]) + _BORDERS * PAD * (last - first)

    def _chips_height(self, place: Place) -> float:
        lines = wrapped([chip_width(text) for text in self._chips(place)], self._chip_room(place.vpc))
        return len(lines) * (CHIP_HEIGHT + CHIP_GAP)

    def _operations(self, region: str, y: float) -> float:
        listed = self.picture.operations.get(region)
        if not listed:
            return y
        y += _BAND_GAP / 2
        self.head_top["operations", region] = y
        lines = wrapped([chip_width(f"{service}  {what}") for service, what in listed], self._chip_room())
        y += TITLE_HEIGHT + len(lines) * (CHIP_HEIGHT + CHIP_GAP) + PAD
        self.foot["operations", region] = y
        return y + PAD

    # -- from left to right --------------------------------------------------------------------------------------------

    def _corridor_y(self, net: Net) -> float:
        return self.corridor_top[net.corridor] + 4 + net.lane * LANE

    def _ends(self, net: Net) -> tuple[list[float], list[float]]:
        end = self.grid.port_beside if net.way == "beside" else self.grid.port_in
        return [self.grid.port_out(net, source) for source in net.sources], [end(net, target) for target in net.targets]

    def _gap_lanes(self) -> None:
        wanted: list[list[tuple[float, float, Net, bool]]] = [[] for _ in range(self.columns + 1)]
        for net in self.grid.nets:
            sources, targets = self._ends(net)
            behind, ahead = self._index(net.source_layer) + 1, self._index(net.target_layer)
            if net.way == "corridor":
                middle = self._corridor_y(net)
                wanted[behind].append((min(*sources, middle), max(*sources, middle), net, True))
                wanted[ahead].append((min(*targets, middle), max(*targets, middle), net, False))
            else:
                wanted[behind].append((min(*sources, *targets), max(*sources, *targets), net, True))
            for label in net.targets.values():
                room = min(width(label, LABEL), MOST_LABEL) + 6 if label else 0
                if net.way == "beside":
                    self.after[behind] = max(self.after[behind], room + _ARROW)
                else:
                    self.before[ahead] = max(self.before[ahead], room + _ARROW)
        for gap, spans in enumerate(wanted):
            lanes, self.lanes[gap] = assigned([(top, bottom) for top, bottom, _, _ in spans])
            for (_, _, net, is_first), lane in zip(spans, lanes, strict=True):
                if is_first:
                    net.first = lane
                else:
                    net.second = lane

    def _columns_across(self) -> None:
        x = float(MARGIN)
        for column in range(self.columns):
            lanes = self.lanes[column] * LANE
            # Room for the borders of containers that end and begin in this gap, besides lines and labels.
            borders = (_BORDERS + 2 if column == self._span()[0] else _BORDERS) * PAD if column else 0
            x += self.after[column] + lanes + self.before[column] + borders
            self.left[column] = x
            x += self.column_width[column]
        self.right = x + self.after[self.columns] + self.lanes[self.columns] * LANE + MARGIN + 6 * PAD

    def _lane_x(self, gap: int, lane: int) -> float:
        # Lines run behind the labels and borders of the column before and before those of the column after.
        behind = self.left[gap - 1] + self.column_width[gap - 1] if gap else MARGIN
        return behind + self.after[gap] + (2 * PAD if gap else 0) + lane * LANE + 4

    # -- shapes --------------------------------------------------------------------------------------------------------

    def _cards(self) -> None:
        for (band, layer), cards in self.grid.cells.items():
            column = self._index(layer)
            top = self.grid.bands[band].top
            self.layout.cards += [
                PlacedCard(card, self.left[column], top + card.top, self.column_width[column]) for card in cards]

    def _span(self, *, vpc: str | None = None) -> tuple[int, int]:
        """First and last column that a network, or the whole account, takes."""
        taken = [self._index(layer) for (band, layer) in self.grid.cells
                 if layer is not Layer.USERS and (vpc is None or self.grid.bands[band].place.vpc == vpc)]
        first = 1 if self.columns > 1 and self.grid.layers[0] is Layer.USERS else 0
        return (min(taken), max(taken)) if taken else (first, min(first + 1, self.columns - 1))

    def _across(self, kind: str, first: int, last: int) -> tuple[float, float]:
        """Left and right of a container: outside what it holds, and the account and its region outside the last lines."""
        outward = _OUTWARD[kind] * PAD
        beyond = 0.0
        if kind in ("account", "region") and last + 1 == self.columns and self.lanes[self.columns]:
            beyond = self.lanes[self.columns] * LANE + PAD / 2
        left = self.left[first] - self.before[first] - outward
        return left, self.left[last] + self.column_width[last] + self.after[last + 1] + outward + beyond

    def _boxes(self, bottom: float) -> None:
        if not self.grid.bands:
            self.layout.width, self.layout.height = 320, 120
            return
        first, last = self._span()
        account = self._across("account", first, last)
        region_span = self._across("region", first, last)
        top = MARGIN + 40
        self._box("account", "AWS account", "", account[0], top, account[1], bottom)
        for key, y in self.head_top.items():
            if key[0] == "region":
                self._box("region", f"Region {key[1]}", "", region_span[0], y, region_span[1], self.foot[key])
            elif key[0] == "vpc":
                label, _, cidr = self.picture.networks[key[2]].label.partition(" · ")
                left, right = self._across("vpc", *self._span(vpc=key[2]))
                self._box("vpc", f"VPC {label}", cidr, left, y, right, self.foot[key])
            elif key[0] == "tier":
                left, right = self._across("tier", *self._span(vpc=key[2]))
                place = Place(*key[1:])
                self._box(key[3], f"{key[3].capitalize()} subnets", "", left, y, right, self.foot[key])
                self._chip_row(self._chips(place), left + PAD, y + TITLE_HEIGHT, self._chip_room(place.vpc))
            else:
                left, right = region_span[0] + PAD, region_span[1] - PAD
                self._box("operations", "Operations", "", left, y, right, self.foot[key])
                texts = [f"{service}  {what}" for service, what in self.picture.operations[key[1]]]
                self._chip_row(texts, left + PAD, y + TITLE_HEIGHT, self._chip_room())
        self.layout.width = max(self.right, account[1] + MARGIN)
        self.layout.height = bottom + MARGIN + 28

    def _box(self, kind: str, title: str, note: str, left: float, top: float, right: float, bottom: float) -> None:
        self.layout.boxes.append(Box(kind, title, note, left, top, right - left, bottom - top))

    def _chip_row(self, texts: list[str], left: float, top: float, room: float) -> None:
        widths = [chip_width(text) for text in texts]
        for number, line in enumerate(wrapped(widths, room)):
            x = left
            for index in line:
                y = top + number * (CHIP_HEIGHT + CHIP_GAP)
                self.layout.boxes.append(Box("chip", texts[index], "", x, y, widths[index], CHIP_HEIGHT))
                x += widths[index] + CHIP_GAP

    def _lines(self) -> None:
        for net in self.grid.nets:
            behind, ahead = self._index(net.source_layer) + 1, self._index(net.target_layer)
            start = self.left[behind - 1] + self.column_width[behind - 1]
            first = self._lane_x(behind, net.first)
            for edge in net.edges:
                here = self.grid.port_out(net, edge.source)
                if net.way == "beside":
                    there, end = self.grid.port_beside(net, edge.target), start
                else:
                    there, end = self.grid.port_in(net, edge.target), self.left[ahead]
                points = [(start, here), (first, here)]
                if net.way == "corridor":
                    middle, second = self._corridor_y(net), self._lane_x(ahead, net.second)
                    points += [(first, middle), (second, middle), (second, there)]
                else:
                    points.append((first, there))
                points.append((end, there))
                self.layout.lines.append(Line(
                    net.kind, tuple(points), edge.source, edge.target, fitted(edge.label, LABEL, MOST_LABEL),
                    "right" if net.way == "beside" else "left"))


def assigned(spans: list[tuple[float, float]]) -> tuple[list[int], int]:
    """The lane of each span, so that no two in a lane overlap, and how many lanes there are.

    Example:
        >>> assigned([(0, 10), (5, 20), (12, 30)])
        ([0, 1, 0], 2)
    """
    ends: list[float] = []
    lanes = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda index: (spans[index], index)):
        start, end = spans[index]
        lane = next((number for number, free in enumerate(ends) if free < start), len(ends))
        if lane == len(ends):
            ends.append(end)
        else:
            ends[lane] = end
        lanes[index] = lane
    return lanes, len(ends)


def wrapped(widths: Iterable[float], room: float) -> list[list[int]]:
    """Which items stand in which line, none wider than the room but a line of one.

    Example:
        >>> wrapped([50, 60, 70], 130)
        [[0, 1], [2]]
    """
    lines: list[list[int]] = []
    used = 0.0
    for index, item in enumerate(widths):
        if not lines or used + CHIP_GAP + item > room:
            lines.append([index])
            used = item
        else:
            lines[-1].append(index)
            used += CHIP_GAP + item
    return lines


def chip_width(text: str) -> float:
    """Width of a chip with a text."""
    return width(text, CHIP_TEXT) + 18


def _snapped(y: float) -> float:
    return -(-y // 4) * 4
