"""`groundsill draw`: the system as a picture."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser
from groundsill.cli.inputs import add_input, read_input
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.diagram.model import Overlay
    from groundsill.graph.graph import Graph
    from groundsill.graph.view import View
    from groundsill.sources.reading import Source

FORMATS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".md": "mermaid"}


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_input(parser)
    parser.add_argument("--out", metavar="FILE", help="file to write; its ending says the form (.svg, .mmd, .md); - for standard "
                                                      "output; default: SYSTEM-STAGE.svg in the current folder")
    parser.add_argument("--format", choices=("svg", "mermaid"), help="default: by the ending of the file, else svg")
    parser.add_argument("--theme", choices=("auto", "light", "dark"), default="auto",
                        help="colours of the SVG; auto follows the reader's screen (default)")
    parser.add_argument("--costs", action="store_true", help="show what `groundsill cost` expects in a month, by component")
    parser.add_argument("--findings", action="store_true", help="show what `groundsill check` finds, by component")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Read the system, lay it out and write the picture."""
    from groundsill.diagram.bands import grid_of
    from groundsill.diagram.draw import picture_of
    from groundsill.diagram.layout import laid_out
    from groundsill.diagram.mermaid import mermaid
    from groundsill.diagram.svg import svg
    from groundsill.graph.view import View

    form = _form(given)
    source = read_input(given)
    source.diagnostics.raise_if_errors()
    graph = source.graph
    view = View(graph)
    picture, entries = picture_of(graph, view)
    overlay = _overlay(source, view, given)
    if form == "mermaid":
        text = mermaid(picture, entries, overlay)
        if given.out and given.out.endswith(".md"):
            text = f"```mermaid\n{text}```\n"
    else:
        text = svg(laid_out(grid_of(picture, entries, overlay)), theme=given.theme, costs=given.costs, findings=given.findings)
    if given.out == "-":
        screen.result(text.rstrip("\n"), {"format": form, "picture": text})
        return 0
    path = Path(given.out) if given.out else Path(f"{_name(graph)}.{'svg' if form == 'svg' else 'mmd'}")
    _write(path, text)
    screen.diagnostics(source.diagnostics.in_file_order())
    screen.result(
        f"{screen.style.green('Drew')} {screen.style.bold(str(path))}: {len(picture.nodes)} things, {len(picture.edges)} arrows",
        {"path": str(path.resolve()), "format": form, "system": graph.name, "stage": graph.stage,
         "nodes": [{"address": node.id, "service": node.service, "label": node.label} for node in picture.nodes.values()],
         "edges": [{"source": edge.source, "target": edge.target, "kind": str(edge.kind), "label": edge.label}
                   for edge in picture.edges]},
    )
    if not picture.nodes:
        screen.note("There is nothing to draw: none of the resources is one that a picture shows.")
    screen.next_actions({
        f"groundsill check {given.input}": "see whether it will deploy and run, and whether it is safe",
        f"groundsill cost {given.input}": "see what it costs",
    })
    return 0


def _form(given: argparse.Namespace) -> str:
    ending = Path(given.out).suffix if given.out and given.out != "-" else ""
    if given.format is None and ending and ending not in FORMATS:
        raise GroundsillError(Diagnostic(
            "GS4301", f"no picture has the ending {ending}", mend=f"use {', '.join(FORMATS)}, or say --format",
        ))
    return given.format or FORMATS.get(ending, "svg")


def _name(graph: Graph) -> str:
    return "-".join(filter(None, [graph.name, graph.stage])) or "architecture"


def _overlay(source: Source, view: View, given: argparse.Namespace) -> Overlay:
    from groundsill.diagram.model import Overlay

    return Overlay(_costs(source, view) if given.costs else {}, _findings(view) if given.findings else {})


def _costs(source: Source, view: View) -> dict[str, float]:
    from groundsill.cli.pricing import beside
    from groundsill.cost.estimate import estimate

    traffic, book = beside(source.path if source.path.is_dir() else source.path.parent)
    found = estimate(source.graph, traffic_file=traffic, book=book, view=view)
    found.diagnostics.raise_if_errors()
    costs: dict[str, float] = {}
    unknown: set[str] = set()
    for line in found.lines:
        if line.cost is None:
            unknown.add(line.resource.address)
        else:
            costs[line.resource.address] = costs.get(line.resource.address, 0) + line.cost.expected
    # What is known of it comes to nothing and the rest is not known: no sum rather than a zero.
    return {address: cost for address, cost in costs.items() if cost or address not in unknown}


def _findings(view: View) -> dict[str, tuple[str, ...]]:
    from groundsill.checks.run import check

    findings: dict[str, tuple[str, ...]] = {}
    for result in check(view.graph, view=view).results:
        if result.finding.resource is not None:
            address = result.finding.resource.address
            findings[address] = (*findings.get(address, ()), str(result.severity))
    return findings


def _write(path: Path, text: str) -> None:
    """Beside, then renamed: nobody sees half a picture."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS4302", f"the picture cannot be written to {path}", detail=str(error))) from error
    finally:
        beside.unlink(missing_ok=True)
