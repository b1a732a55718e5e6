"""Log lines for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from groundsill.cli.views.style import PALETTE, Style

# A program's own colours and cursor movements (ECMA-48), and other control characters: on this terminal they would
# spoil, or forge, the lines of others.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LogView:
    """Gives every component a colour and lines their names up.

    Arguments:
        style: of the terminal.
    """

    def __init__(self, style: Style) -> None:
        self._style = style
        self._colours: dict[str, str] = {}
        self._width = 0

    def line(self, line: Mapping[str, Any]) -> str:
        """A log line: local time, component, message; further lines of a message are indented."""
        style, component = self._style, str(line.get("component", ""))
        colour = self._colours.setdefault(component, PALETTE[len(self._colours) % len(PALETTE)])
        self._width = max(self._width, len(component))
        time = _local(str(line["time"]))
        head = f"{style.dim(time)} {style.paint(colour, f'{component:<{self._width}}')} "
        level = str(line.get("level", "")).lower()
        first, *further = clean(str(line["message"])).rstrip("\n").split("\n")
        paint = {"error": style.red, "critical": style.red, "warning": style.yellow}.get(level)
        if paint:
            # Without colours the word says it.
            first = paint(first) if style.enabled else f"{level}: {first}"
        indent = " " * (len(time) + self._width + 2)
        return "\n".join([f"{head}{first}", *(f"{indent}{text}" for text in further)])


def clean(text: str) -> str:
    """The text without control characters other than tab and end of line."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def _local(time: str) -> str:
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except ValueError:
        return clean(time)
