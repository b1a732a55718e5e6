"""Changes of cost as they are shown."""

from __future__ import annotations

from groundsill.cli.views.style import Style

_CENT = 0.005


def signed(change: float, style: Style, width: int = 11) -> str:
    """A change of cost in US dollars: dearer in red, cheaper in green."""
    if abs(change) < _CENT:
        return f"{'0.00':>{width}}"
    text = f"{'+' if change > 0 else '-'}{abs(change):,.2f}"
    return (style.red if change > 0 else style.green)(f"{text:>{width}}")
