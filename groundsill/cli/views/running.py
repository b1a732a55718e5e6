"""A running system: where it answers and what does not run here."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.cli.screen import table
from groundsill.cli.views.style import Style

_WIDTH = 110


def headline(facts: Mapping[str, Any], seconds: float, style: Style) -> str:
    """That the system is ready, and how long it took."""
    name = style.bold(f"{facts['system']} {facts['stage']}")
    return f"\n{style.green('Ready:')} {name} answers after {seconds:.1f} s\n"


def urls(facts: Mapping[str, Any], style: Style) -> str:
    """Every front door, one a line."""
    doors: dict[str, str] = facts.get("urls") or {}
    return table(((name, style.cyan(str(url))) for name, url in doors.items()), style)


def remarks(facts: Mapping[str, Any], style: Style, *, notes: bool) -> Iterator[str]:
    """What the user should know besides: notes of the start where asked for, and what is not run here and why."""
    noted: list[str] = facts.get("notes") or []
    if noted and notes:
        yield "\n".join(["", style.bold("Notes:"), *(f"  {note}" for note in noted)])
    recorded: list[dict[str, str]] = facts.get("recorded_only") or []
    if recorded:
        by_reason: dict[str, Counter[str]] = {}
        for item in recorded:
            by_reason.setdefault(item.get("reason", ""), Counter())[item.get("type", "")] += 1
        lines = [line for reason, types in by_reason.items() for line in (f"  {reason}:", *_wrapped(_types(types)))]
        yield "\n".join(["", style.bold(f"Recorded only, not run here ({len(recorded)} resources):"),
                         *map(style.dim, lines)])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _types(types: Counter[str]) -> str:
    return ", ".join(name if number == 1 else f"{number} {name}" for name, number in types.items())
