"""Colours of a terminal, or none."""

from __future__ import annotations

from dataclasses import dataclass

_RESET = "\x1b[0m"
# ECMA-48, Select Graphic Rendition. Blue is left out: on a black ground it cannot be read.
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
PALETTE = ("36", "33", "35", "32", "96", "93", "95", "92")
"""Colours that tell components apart, in the order in which they are given out."""


@dataclass(frozen=True, slots=True)
class Style:
    """Puts text in colours where there are some.

    Arguments:
        enabled: whether the text goes to a terminal that shows them.
    """

    enabled: bool = False

    def paint(self, code: str, text: str) -> str:
        """The text in the colour of an SGR code."""
        return f"\x1b[{code}m{text}{_RESET}" if self.enabled and text else text

    def bold(self, text: str) -> str:
        """Names and headings."""
        return self.paint(_CODES["bold"], text)

    def dim(self, text: str) -> str:
        """What is beside the point."""
        return self.paint(_CODES["dim"], text)

    def red(self, text: str) -> str:
        """Errors."""
        return self.paint("1;" + _CODES["red"], text)

    def yellow(self, text: str) -> str:
        """Warnings."""
        return self.paint("1;" + _CODES["yellow"], text)

    def green(self, text: str) -> str:
        """What went well."""
        return self.paint(_CODES["green"], text)

    def cyan(self, text: str) -> str:
        """Commands and addresses."""
        return self.paint(_CODES["cyan"], text)
