"""The two definitions of AI Nutritionist, the service's and the account's, as tests read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from groundsill.graph import Graph
from groundsill.testing import Definition

FOLDER = Path(__file__).resolve().parents[2]
STAGES = ("dev", "staging", "prod")
_DEFINITIONS = {folder: Definition(FOLDER / folder) for folder in ("", "account")}


def graph(stage: str, *, folder: str = "", tier: str | None = None, **settings: Any) -> Graph:
    """The graph of a stage, in another tier where one is named, with settings in place of those of `settings.toml`."""
    return _DEFINITIONS[folder].graph(stage, tier=tier, **settings)


def refused(stage: str = "dev", *, folder: str = "", **settings: Any) -> str:
    """What a stage with settings that do not fit is refused with."""
    return _DEFINITIONS[folder].refused(stage, **settings)


DEV, STAGING, PROD = (_DEFINITIONS[""].stage(stage) for stage in STAGES)
"""The three stages."""
