"""Every rule, one module a subject. A module named here is read when a check runs, not before."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from groundsill.checks.rule import Rule

MODULES: tuple[str, ...] = ()
"""Modules beside this one, each with ``RULES``."""


def every_rule() -> Iterator[Rule]:
    """All rules, in a stable order."""
    for name in MODULES:
        yield from import_module(f"groundsill.checks.rules.{name}").RULES
