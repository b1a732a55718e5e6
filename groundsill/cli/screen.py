"""Where a command's words go: results to standard output, all else to standard error, colours only to a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from groundsill.cli.views.diagnostics import count_line, headline, render
from groundsill.cli.views.style import Style
from groundsill.graph.diagnostics import Diagnostic


class Screen:
    """What a command may write to.

    Arguments:
        json: whether standard output carries one JSON object and nothing else.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.style = Style(not json and shows_colour(sys.stdout))
        self.error_style = Style(shows_colour(sys.stderr))

    def result(self, text: str, data: Mapping[str, Any] | None = None) -> None:
        """The command's result: the text, or with ``--json`` the data.

        Arguments:
            text: for people; where there is no text, nothing is printed.
            data: the same for programs; default ``{"text": text}``.
        """
        if self.json:
            content = {"text": text} if data is None else data
            print(json.dumps(content, indent=2, ensure_ascii=False, default=str), flush=True)
        elif text:
            print(text, flush=True)

    def note(self, text: str = "") -> None:
        """A line beside the result; not with ``--json``."""
        if not self.json:
            print(text, file=sys.stderr, flush=True)

    def next_actions(self, actions: Mapping[str, str]) -> None:
        """What to do next: commands and what each is for. Every command ends with them; not with ``--json``."""
        if self.json or not actions:
            return
        width = max(map(len, actions))
        style = self.error_style
        lines = [f"  {style.cyan(f'{command:<{width}}')}  {style.dim(what)}" for command, what in actions.items()]
        self.note("\n".join(["", style.bold("Next:"), *lines]))

    def diagnostics(
        self, found: Sequence[Diagnostic], *, failed: bool = False, more: Mapping[str, Any] | None = None,
    ) -> None:
        """Errors and warnings, in the one form that every command has.

        Arguments:
            found: at least one, else nothing happens.
            failed: whether they are why the command ends; then ``--json`` has them as its object.
            more: what that object says besides; default nothing.
        """
        if failed and self.json:
            self.result("", {"error": headline(found), "diagnostics": [item.to_dict() for item in found], **(more or {})})
            return
        if not found:
            return
        texts = [render(item, Path.cwd(), self.error_style) for item in found]
        if len(found) > 1:
            texts.append(self.error_style.bold(count_line(found)))
        self._error_text("\n\n".join(texts))

    def usage_error(self, message: str, usage: str) -> None:
        """The command was written wrongly."""
        if self.json:
            self.result("", {"error": message, "diagnostics": []})
            return
        mend = f"\n{usage}" if usage else "\n`groundsill --help` lists the commands"
        self._error_text(f"{self.error_style.red('error:')} {message}{mend}")

    def interrupted(self) -> None:
        """Ctrl-C."""
        if self.json:
            self.result("", {"error": "interrupted", "diagnostics": []})
        else:
            self._error_text("interrupted")

    def _error_text(self, text: str) -> None:
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)


def shows_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours and the user wants them (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody sits at the other end."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def table(rows: Iterable[tuple[str, str]], style: Style, *, indent: str = "  ") -> str:
    """Two columns: names in bold and their values."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"{indent}{style.bold(f'{name:<{width}}')}  {value}" for name, value in listed)
