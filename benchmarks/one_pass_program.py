"""One pass: read a definition, check it, price it and draw it. Run as a process of its own by `one_pass`.

    python -m benchmarks.one_pass_program FOLDER
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    """Do it all once, over one view of the graph, and print how long each part took."""
    from groundsill.graph.view import View
    from groundsill.sources.reading import read

    took: dict[str, float] = {}
    graph = _timed(took, "read", lambda: read(folder, stage="prod", tier="enterprise")).graph
    view = View(graph)
    report = _timed(took, "check", lambda: _check(view))
    total = _timed(took, "cost", lambda: _cost(view))
    picture = _timed(took, "draw", lambda: _draw(view))
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in took.items())
    print(f"{len(graph)} resources: {parts} s; {len(report.results)} findings, {total:.2f} USD, {len(picture)} characters")


def _timed(took: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    took[name] = time.perf_counter() - started
    return result


def _check(view: Any) -> Any:
    from groundsill.checks.run import check

    return check(view.graph, view=view)


def _cost(view: Any) -> float:
    from groundsill.cost.book_file import BOOK
    from groundsill.cost.estimate import estimate
    from groundsill.cost.prices import load_book

    return float(estimate(view.graph, traffic_file=None, given={}, book=load_book(BOOK), view=view).total.expected)


def _draw(view: Any) -> str:
    from groundsill.diagram.bands import grid_of
    from groundsill.diagram.draw import picture_of
    from groundsill.diagram.layout import laid_out
    from groundsill.diagram.model import Overlay
    from groundsill.diagram.svg import svg

    picture, entries = picture_of(view.graph, view)
    return svg(laid_out(grid_of(picture, entries, Overlay())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
