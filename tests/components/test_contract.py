"""What every component keeps, in every stage, tier and region: the rules of `tests.contract` over one of everything."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.components.deployers import unmanaged_types
from groundsill.definition.component import Component
from tests.component_examples import EXAMPLES, every_component
from tests.component_support import build
from tests.contract import RULES, TIERS, Subject

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = [(stage, tier, "us-east-1") for stage in ("dev", "prod") for tier in TIERS]
VARIANTS.append(("prod", "enterprise", "eu-central-1"))


@cache
def subject(stage: str, tier: str, region: str) -> Subject:
    graph = build(every_component, stage, region=region, tier=tier)
    return Subject(graph, "shop", tier, stage == "prod", ("component_examples.py",))


def test_examples_are_complete() -> None:
    """A component that is added without an entry in the contract's examples fails here."""
    assert set(EXAMPLES) == set(c.__all__)
    made = {type(component) for component in _made()}
    public = {getattr(c, name) for name in c.__all__ if inspect.isclass(getattr(c, name))}
    assert {kind for kind in public if issubclass(kind, Component)} <= made


def _made() -> list[Component]:
    found: list[Component] = []

    def define(stage: Stage) -> None:
        parts = every_component(stage)
        found.extend(parts.save.building.components.values())

    build(define)
    return found


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.requirement("OM-S03", "OM-S05", "OM-C15", "OM-C22", "OM-C25")
def test_every_component_keeps(rule: str, variant: tuple[str, str, str]) -> None:
    found = list(RULES[rule](subject(*variant)))
    assert not found, "\n".join(found)


_BYTES = """
import hashlib, sys
from groundsill.terraform.synth import text
from tests.component_examples import every_component
from tests.component_support import build
print(hashlib.sha256(text(build(every_component, "prod", tier="enterprise")).encode()).hexdigest())
"""


def test_the_same_definition_gives_the_same_bytes_in_every_process() -> None:
    digests = set()
    for seed in ("0", "1", "4711"):
        done = subprocess.run([sys.executable, "-c", _BYTES], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
                              capture_output=True, text=True, check=True, timeout=60)
        digests.add(done.stdout.strip())
    assert len(digests) == 1


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_deployer_can_manage_every_type(stage: str) -> None:
    # What would let it change its own rights is an administrator's.
    graph = subject(stage, "enterprise", "us-east-1").graph
    assert unmanaged_types(graph) == {"aws_iam_policy", "aws_iam_openid_connect_provider"}
    policies = graph.of_type("aws_iam_policy")
    assert len(policies) <= 10  # IAM and AWS STS quotas: managed policies attached to a role
