"""The five systems keep the contract of components in every stage and every tier: the rules of `tests.contract`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from groundsill.definition.running import load_system
from groundsill.testing import Definition
from tests.contract import RULES, TIERS, Subject

SYSTEMS = Path(__file__).resolve().parents[1] / "systems"
FOLDERS = sorted(str(path.parent.relative_to(SYSTEMS)) for path in SYSTEMS.rglob("system.py")
                 if not {"packages", ".groundsill", "tests"} & set(path.parts))
# Breaches that a system means, each with its reason.
MEANT = {
    "survival: aws_dynamodb_table.answers can be lost by a mistake": "a cache: its rows expire, and are computed again",
}


def built() -> Iterator[tuple[str, str, str]]:
    """Every system, stage and tier."""
    for folder in FOLDERS:
        for stage in load_system(SYSTEMS / folder).stages:
            for tier in TIERS:
                yield folder, stage, tier


@cache
def subject(folder: str, stage: str, tier: str) -> Subject:
    graph = Definition(SYSTEMS / folder).graph(stage, tier=tier)
    return Subject(graph, graph.name, tier, stage == "prod", ("system.py",))


def test_all_five_systems_are_looked_at() -> None:
    assert {folder.partition("/")[0] for folder in FOLDERS} == {
        "ai_nutritionist", "image_understander", "multitask", "open_metabolics", "parrot"}
    assert len(list(built())) >= 42


@pytest.mark.parametrize(("folder", "stage", "tier"), list(built()))
def test_a_system_keeps_every_rule_in_every_stage_and_tier(folder: str, stage: str, tier: str) -> None:
    found = [f"{name}: {breach}" for name, rule in RULES.items() for breach in rule(subject(folder, stage, tier))
             if f"{name}: {breach}" not in MEANT]
    assert not found, "\n".join(found)
