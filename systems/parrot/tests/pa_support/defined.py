"""The definition of Parrot, as tests read it."""

from __future__ import annotations

from pathlib import Path

from groundsill.testing import Definition

FOLDER = Path(__file__).resolve().parents[2]
DEFINITION = Definition(FOLDER)
graph = DEFINITION.graph
