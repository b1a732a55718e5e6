"""A file's text, and where in it something is wrong."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from groundsill.graph.source import SourceLocation


class SourceText:
    """The text of a file, or of one string in a JSON file.

    Arguments:
        file: absolute path.
        text: the text.
        first_line: line of the file that the text begins on, counted from 1.
    """

    __slots__ = ("__dict__", "comments", "file", "first_line", "text")

    def __init__(self, file: str, text: str, first_line: int = 1) -> None:
        self.file = file
        self.text = text
        self.first_line = first_line
        self.comments: list[tuple[int, str]] = []
        """Comments that speak to Groundsill: line and text."""

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def line(self, offset: int) -> int:
        """The line of an offset."""
        return self.first_line + bisect_right(self._starts, offset) - 1

    def location(self, offset: int) -> SourceLocation:
        """The place of an offset in the user's file."""
        return SourceLocation(self.file, self.line(offset))


class HclError(Exception):
    """The text is not in Terraform's language.

    Arguments:
        detail: what is wrong there.
        offset: where.
    """

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.offset = offset
