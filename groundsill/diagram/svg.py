"""The picture as SVG: one file, light and dark, no script and no font of its own."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from groundsill.diagram.cards import LABEL, NOTE, TITLE, Row
from groundsill.diagram.layout import CHIP_TEXT, Box, Layout, Line, PlacedCard
from groundsill.diagram.text import fitted, width
from groundsill.diagram.theme import style

_ROUND = 5
_FONT = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_GLYPHS = {
    # A small sign for each category, in a field of 12 by 12.
    "people": '<circle cx="6" cy="3.6" r="2.4"/><path d="M1.6 11c0-3 2-4.4 4.4-4.4S10.4 8 10.4 11z"/>',
    "network": '<path d="M1 6h10M8 3l3 3-3 3M4 3 1 6l3 3" fill="none" stroke-width="1.6" stroke="currentColor"/>',
    "compute": '<path d="M3 1h6v2h2v6H9v2H3V9H1V3h2z"/>',
    "messages": '<path d="M1 2.500h10v7H1z"/><path d="m1.5 3 4.5 3.600L10.5 3" fill="none" stroke="var(--card)"/>',
    "data": '<path d="M1.5 3v6c0 1.2 2 2.2 4.5 2.2s4.5-1 4.5-2.200V3z"/><ellipse cx="6" cy="3" rx="4.5" ry="2"/>',
    "security": '<path d="M6 .8 10.8 2.6v3.200c0 2.700-2 4.700-4.800 5.600C3.200 10.5 1.200 8.5 1.200 5.800V2.600z"/>',
    "operations": '<circle cx="6" cy="6" r="4.5"/>',
}
_LEGEND = (("invoke", "calls, events"), ("data", "data"), ("network", "network"))


def svg(layout: Layout, *, theme: str = "auto", costs: bool = False, findings: bool = False) -> str:
    """A layout as the text of an SVG file; the same layout gives the same bytes.

    Arguments:
        layout: everything with its coordinates.
        theme: ``light``, ``dark``, or ``auto`` (default) for what the reader's screen has.
        costs: whether the picture shows costs, for the legend.
        findings: whether it shows findings.
    """
    wide, high = _n(layout.width), _n(layout.height)
    opening = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
               f'font-family="{escape(_FONT)}" role="img" aria-label="{escape(layout.title)}">')
    parts = [
        opening,
        f"<title>{escape(layout.title)}</title>",
        f"<style>{style(theme)}</style>",
        f'<rect class="page" width="{wide}" height="{high}"/>',
        _text("heading", 24, 40, 18, layout.title),
        *(_box(box) for box in layout.boxes if box.kind != "chip"),
        '<g class="lines">', *_paths(layout.lines), "</g>",
        *_labels(layout.lines),
        # Heads and chips are read more than the lines that pass below them.
        *(_chip(box) if box.kind == "chip" else _title(box) for box in layout.boxes),
        *(_card(card) for card in layout.cards),
        _legend(layout, costs=costs, findings=findings),
        "</svg>\n",
    ]
    return "\n".join(part for part in parts if part)


def _n(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.1f}".removesuffix(".0")


def _text(kind: str, x: float, y: float, size: float, content: str, anchor: str = "") -> str:
    """A line of text; where it is anchored (``end``, ``middle``) if not at its beginning."""
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{anchored}>{escape(content)}</text>'


def _place(box: Box) -> str:
    return f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'


def _box(box: Box) -> str:
    return f'<rect class="box {box.kind}" {_place(box)} rx="8"/>'


def _chip(box: Box) -> str:
    return f'<rect class="chip" {_place(box)} rx="4"/>' + _text("quiet", box.x + 9, box.y + 14, CHIP_TEXT, box.title)


def _title(box: Box) -> str:
    room = box.width - 24
    title = fitted(box.title, 12, room, bold=True)
    note = fitted(box.note, 11, room - width(title, 12, bold=True) - 8) if box.note else ""
    quiet = f' <tspan class="quiet" font-weight="400" font-size="11">{escape(note)}</tspan>' if note.strip("…") else ""
    return (f'<text class="title {box.kind}-title" x="{_n(box.x + 12)}" y="{_n(box.y + 18)}" font-size="12">'
            f"{escape(title)}{quiet}</text>")


def _paths(lines: Iterable[Line]) -> list[str]:
    """A line for each arrow, and a head for each place where some end."""
    parts: list[str] = []
    heads: dict[tuple[tuple[float, float], str], str] = {}
    for line in lines:
        parts.append(f'<path class="{line.kind}" d="{_rounded(line.points)}"/>')
        x, y = line.points[-1]
        side = -1 if line.side == "left" else 1
        heads[(x, y), str(line.kind)] = (
            f'<path class="head {line.kind}-head" d="M{_n(x)} {_n(y)}l{7 * side} -4v8z"/>')
    return [*parts, *heads.values()]


def _rounded(points: tuple[tuple[float, float], ...]) -> str:
    """A path through the corners, each rounded."""
    corners = [points[0]]
    for point in points[1:]:
        if point != corners[-1]:
            corners.append(point)
    text = [f"M{_n(corners[0][0])} {_n(corners[0][1])}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        (ax, ay), (bx, by), (cx, cy) = before, corner, after
        if (ax == bx == cx) or (ay == by == cy):
            continue
        reach = min(_ROUND, (abs(bx - ax) + abs(by - ay)) / 2, (abs(cx - bx) + abs(cy - by)) / 2)
        sx, sy = bx - _sign(bx - ax) * reach, by - _sign(by - ay) * reach
        ex, ey = bx + _sign(cx - bx) * reach, by + _sign(cy - by) * reach
        text.append(f"L{_n(sx)} {_n(sy)}Q{_n(bx)} {_n(by)} {_n(ex)} {_n(ey)}")
    text.append(f"L{_n(corners[-1][0])} {_n(corners[-1][1])}")
    return "".join(text)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _labels(lines: Iterable[Line]) -> list[str]:
    found: dict[tuple[float, float, str], str] = {}
    for line in lines:
        if not line.label:
            continue
        x, y = line.points[-1]
        at, anchor = (x - 9, "end") if line.side == "left" else (x + 9, "start")
        found[x, y, line.label] = _text("label", at, y - 2.5, 10, line.label, anchor)
    return list(found.values())


def _card(placed: PlacedCard) -> str:
    card, x, y = placed.card, placed.x, placed.y
    right = x + placed.width
    box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(placed.width)}" height="{_n(card.height)}" rx="6"'
    parts = [
        f'<g class="{card.category}"><rect class="card" {box}/>',
        f'<g class="sign" transform="translate({_n(x + 8)} {_n(y + 6)})">{_GLYPHS[card.category]}</g>',
        _text("service", x + 26, y + 16, TITLE, card.title),
    ]
    for number, row in enumerate(card.rows):
        top = y + row.top - card.top
        if number:
            parts.append(f'<path class="rule" d="M{_n(x + 6)} {_n(top)}H{_n(right - 6)}"/>')
        parts.append(_row(row, x, top, placed.width))
    parts.append("</g>")
    return "".join(parts)


def _row(row: Row, x: float, top: float, wide: float) -> str:
    baseline = top + row.height / 2 + 4.5
    right = x + wide - 10
    parts = [f"<g><title>{escape(_hover(row))}</title>"]
    count, worst = row.findings
    if count:
        box = f'x="{_n(right - 18)}" y="{_n(baseline - 12)}" width="20" height="15" rx="7.5"'
        parts.append(f'<rect class="finding {worst}" {box}/>')
        parts.append(_text("finding-text", right - 8, baseline - 1, 9.5, str(count), "middle"))
        right -= 26
    if row.cost is not None:
        text = money(row.cost)
        parts.append(_text("cost", right, baseline, NOTE, text, "end"))
        right -= width(text, NOTE) + 8
    for zone in reversed(row.node.zones):
        parts.append(_text("quiet", right, baseline, 9, zone[-2:], "end"))
        right -= 22
    label = fitted(row.node.label, LABEL, right - x - 12)
    parts.append(_text("name", x + 12, baseline, LABEL, label))
    used = x + 12 + width(label, LABEL) + 10
    note = fitted(row.node.note, NOTE, right - used) if row.node.note and right - used > 20 else ""
    if note.strip("…"):
        parts.append(_text("quiet", right, baseline, NOTE, note, "end"))
    return "".join(parts) + "</g>"


def _hover(row: Row) -> str:
    node = row.node
    lines = [f"{node.service}: {node.label}", node.id, node.note]
    if row.cost is not None:
        lines.append(f"{money(row.cost)} a month")
    if row.findings[0]:
        lines.append(f"{row.findings[0]} findings, the worst {row.findings[1]}")
    return "\n".join(filter(None, lines))


def money(amount: float) -> str:
    """A monthly sum in US dollars, as long as it needs to be."""
    if amount and abs(amount) < 0.1:
        return "<$0.10"
    return f"${amount:,.2f}" if abs(amount) < 10 else f"${amount:,.0f}"


def _legend(layout: Layout, *, costs: bool, findings: bool) -> str:
    y = layout.height - 22
    x = 24.0
    parts: list[str] = []
    for kind, text in _LEGEND:
        if any(line.kind == kind for line in layout.lines):
            parts.append(f'<path class="{kind}" d="M{_n(x)} {_n(y)}h26"/>'
                         f'<path class="head {kind}-head" d="M{_n(x + 30)} {_n(y)}l-7 -4v8z"/>')
            parts.append(_text("quiet", x + 38, y + 4, 11, text))
            x += 38 + width(text, 11) + 22
    extra = [text for shown, text in (
        (costs, "$: US dollars a month, expected"), (findings, "number in a circle: findings of `groundsill check`")) if shown]
    for text in extra:
        parts.append(_text("quiet", x, y + 4, 11, text))
        x += width(text, 11) + 22
    return f'<g class="lines">{"".join(parts)}</g>' if parts else ""
