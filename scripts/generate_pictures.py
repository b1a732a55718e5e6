"""Draws the five systems in production, for the documents: `docs/pictures/SYSTEM.svg`."""

from __future__ import annotations

from pathlib import Path

from groundsill.definition.running import load_system
from groundsill.diagram.draw import layout_of
from groundsill.diagram.svg import svg

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SYSTEMS = ("open_metabolics", "ai_nutritionist", "image_understander", "multitask", "parrot")


def picture(system: str) -> str:
    """The picture of a system's production stage."""
    return svg(layout_of(load_system(ROOT / "systems" / system).build("prod")))


def main() -> None:
    """Write every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for system in SYSTEMS:
        (PICTURES / f"{system.replace('_', '-')}.svg").write_text(picture(system), encoding="utf-8")


if __name__ == "__main__":
    main()
