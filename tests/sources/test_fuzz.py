"""Whatever is read: a graph and diagnostics, or a clear refusal. Never a traceback, never longer than 5 seconds.

``GROUNDSILL_FUZZ_CASES=10000`` asks for more cases than the suite has, ``GROUNDSILL_FUZZ_FIRST`` for others.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundsill.checks.run import check
from groundsill.cost.estimate import estimate
from groundsill.diagram.bands import grid_of
from groundsill.diagram.draw import picture_of
from groundsill.diagram.layout import laid_out
from groundsill.diagram.mermaid import mermaid
from groundsill.diagram.model import Overlay
from groundsill.diagram.svg import svg
from groundsill.graph import GroundsillError
from groundsill.sources.reading import read
from tests.sources.fuzzing import case

CASES = int(os.environ.get("GROUNDSILL_FUZZ_CASES", "300"))
FIRST = int(os.environ.get("GROUNDSILL_FUZZ_FIRST", "0"))
PARTS = 10
MOST_SECONDS = 5


class TooLong(BaseException):
    """Not an `Exception`: nothing on the way may take it for an ordinary error."""


@contextmanager
def limited(seconds: float) -> Generator[None]:
    """Processor time, so that other work on the machine does not count."""

    def end(*_: object) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def try_one(number: int) -> str:
    """What is wrong with a case; empty where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        path = case(number, Path(folder))
        try:
            with limited(MOST_SECONDS):
                try:
                    source = read(path, stage=("", "dev", "prod")[number % 3] or None)
                except GroundsillError as error:
                    assert error.diagnostics and str(error)
                    return ""
                for item in source.diagnostics:
                    item.render()
                check(source.graph)
                estimate(source.graph)
                picture, entries = picture_of(source.graph)
                svg(laid_out(grid_of(picture, entries, Overlay())))
                mermaid(picture, entries)
        except (Exception, TooLong) as error:
            import traceback

            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"case {number}: {type(error).__name__}: {str(error)[:200]} at {last.filename}:{last.lineno}"
    return ""


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_read_ends_in_a_graph_or_in_a_clear_refusal(part: int) -> None:
    found = [wrong for number in range(FIRST + part, FIRST + CASES, PARTS) if (wrong := try_one(number))]
    assert not found, "\n".join(found)
