"""The picture as Mermaid text, for pages that draw it themselves (GitHub, GitLab, Notion)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundsill.diagram.bands import USERS
from groundsill.diagram.model import EdgeKind, Node, Overlay, Picture
from groundsill.diagram.svg import money

_ARROWS = {EdgeKind.INVOKE: "-->", EdgeKind.DATA: "-->", EdgeKind.NETWORK: "-.->"}
_CLASSES = {
    "people": "#4a5568", "network": "#6d3fc4", "compute": "#c05a10", "messages": "#b3256e", "data": "#2558b0",
    "security": "#b02a30", "operations": "#4a5568",
}


def mermaid(picture: Picture, entries: list[str], overlay: Overlay | None = None) -> str:
    """A picture as a Mermaid flowchart; the same picture gives the same text.

    Arguments:
        picture: nodes and edges.
        entries: ids of the nodes that people's requests reach first.
        overlay: costs and findings.
    """
    return "\n".join(_lines(picture, entries, overlay or Overlay())) + "\n"


def _lines(picture: Picture, entries: list[str], overlay: Overlay) -> Iterator[str]:
    names = {id: f"n{number}" for number, id in enumerate(picture.nodes)}
    yield "---"
    yield f"title: {_quoted(picture.title)}"
    yield "---"
    yield "flowchart LR"
    if entries:
        yield f"  {USERS}([Users])"
    yield '  subgraph account["AWS account"]'
    yield from _inside(picture, names, overlay, "")
    for number, region in enumerate(dict.fromkeys(node.place.region for node in picture.nodes.values() if node.place.region)):
        yield f'    subgraph region{number}["Region {region}"]'
        yield from _inside(picture, names, overlay, region, indent="      ")
        yield from _networks(picture, names, overlay, region)
        yield "    end"
    yield "  end"
    for entry in entries:
        yield f"  {USERS} -.-> {names[entry]}"
    for edge in picture.edges:
        label = f"|{_quoted(edge.label)}|" if edge.label else ""
        yield f"  {names[edge.source]} {_ARROWS[edge.kind]}{label} {names[edge.target]}"
    for category, colour in _CLASSES.items():
        members = [names[node.id] for node in picture.nodes.values() if node.category == category]
        if members:
            yield f"  classDef {category} stroke:{colour},stroke-width:2px"
            yield f"  class {','.join(members)} {category}"


def _networks(picture: Picture, names: dict[str, str], overlay: Overlay, region: str) -> Iterator[str]:
    for number, network in enumerate(picture.networks.values()):
        tiers = [subnets for subnets in network.tiers if any(
            (node.place.region, node.place.vpc, node.place.tier) == (region, network.id, subnets.kind)
            for node in picture.nodes.values())]
        if not tiers:
            continue
        yield f"      subgraph vpc{number}[{_quoted(f'VPC {network.label}')}]"
        for subnets in tiers:
            cells = ", ".join(" ".join(filter(None, cell)) for cell in subnets.cells)
            yield f"        subgraph vpc{number}{subnets.kind}[{_quoted(f'{subnets.kind.capitalize()} subnets: {cells}')}]"
            yield from _inside(picture, names, overlay, region, network.id, subnets.kind, indent="          ")
            yield "        end"
        yield "      end"


def _inside(
    picture: Picture, names: dict[str, str], overlay: Overlay, region: str, vpc: str = "", tier: str = "", *,
    indent: str = "    ",
) -> Iterator[str]:
    for node in picture.nodes.values():
        if (node.place.region, node.place.vpc, node.place.tier) == (region, vpc, tier):
            yield f"{indent}{names[node.id]}[{_quoted(_text(node, overlay))}]"


def _text(node: Node, overlay: Overlay) -> str:
    costs = [overlay.costs[address] for address in node.addresses if address in overlay.costs]
    findings = sum(len(overlay.findings.get(address, ())) for address in node.addresses)
    parts = [node.service, node.label, node.note, f"{money(sum(costs))} a month" if costs else "",
             f"{findings} finding{'s' * (findings != 1)}" if findings else ""]
    return "<br>".join(part for part in parts if part)


def _quoted(text: str) -> str:
    """Text that Mermaid takes literally, but for line breaks."""
    escaped = re.sub(r"[&\"#`\\]", lambda found: f"#{ord(found.group())};", text)
    kept = re.sub(r"<(?!br>)", "#60;", escaped)
    return f'"{" ".join(kept.split())}"'
