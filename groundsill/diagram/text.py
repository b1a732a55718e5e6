"""How wide a text is, so that boxes fit without asking a browser."""

from __future__ import annotations

# Advance widths of Helvetica for the printable ASCII characters from the space on, in thousandths of the font size:
# Adobe Font Metrics, Helvetica.
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)
_UNITS = {chr(code): units for code, units in enumerate(_WIDTHS, start=32)}
_OTHER = 720
_MARGIN = 1.06  # a reader's font may be a little wider than Helvetica
_BOLD = 1.07


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text in pixels.

    Arguments:
        text: one line.
        size: font size in pixels.
        bold: whether it is bold.
    """
    try:
        units = sum(map(_UNITS.__getitem__, text))
    except KeyError:  # a letter that is not in the table
        units = sum([_UNITS.get(letter, _OTHER) for letter in text])
    return units * size / 1000 * _MARGIN * (_BOLD if bold else 1)


def fitted(text: str, size: float, most: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it would be wider than ``most`` pixels."""
    if width(text, size, bold=bold) <= most:
        return text
    while text and width(text + "…", size, bold=bold) > most:
        text = text[:-1]
    return text.rstrip() + "…"
