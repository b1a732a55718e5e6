"""Where in the user's files something was written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

_PACKAGE = str(Path(__file__).resolve().parent.parent) + "/"
_DEEPEST_SEARCH = 64


class SourceLocation(NamedTuple):
    """A line of a file, for an error message or an editor link.

    Arguments:
        file: path as Python knows it, absolute.
        line: line number, counted from 1.

    Example:
        >>> str(SourceLocation("/home/me/shop/system.py", 41))
        '/home/me/shop/system.py:41'
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def relative_to(self, folder: Path) -> str:
        """The location as seen from a folder: shorter where the file is below it."""
        try:
            return f"{Path(self.file).relative_to(folder)}:{self.line}"
        except ValueError:
            return str(self)


def caller_location(depth: int = 1) -> SourceLocation | None:
    """The nearest line on the call stack that is not Groundsill's own: the user's line.

    Arguments:
        depth: frames of the caller to skip before looking, default 1.

    Returns:
        The location, or None where every frame is Groundsill's (a test of Groundsill itself that calls from inside).
    """
    try:
        frame = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  inspect.stack() reads every source file
    except ValueError:
        return None
    for _ in range(_DEEPEST_SEARCH):
        if frame is None:
            return None
        file = frame.f_code.co_filename
        # "<string>" and the like are generated __init__ methods of dataclasses, never a user's file.
        if not file.startswith(_PACKAGE) and not file.startswith("<"):
            return SourceLocation(file, frame.f_lineno)
        frame = frame.f_back
    return None
