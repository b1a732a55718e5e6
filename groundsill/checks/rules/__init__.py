"""Every rule, one module a subject. A module named here is read when a check runs, not before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module

from groundsill.checks.rule import Rule
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean

MODULES: tuple[str, ...] = (
    "limits",
    "names",
    "texts",
    "addresses",
    "zones",
    "wholeness",
    "state",
    "functions",
    "variables",
    "databases",
    "certificates",
    "load_balancers",
    "tables",
    "storage",
    "machines",
    "apis",
    "events",
    "invocations",
    "containers",
    "services",
    "reach",
    "rights",
    "alarms",
    "budgets",
    "queues",
    "unused",
    "safe.apis",
    "safe.buckets",
    "safe.cdn",
    "safe.containers",
    "safe.databases",
    "safe.exposure",
    "safe.firewalls",
    "safe.functions",
    "safe.identity",
    "safe.keys",
    "safe.load_balancers",
    "safe.machines",
    "safe.messaging",
    "safe.network",
    "safe.records",
    "safe.rights",
    "safe.secrets",
    "safe.stores",
    "safe.trust",
)
"""Modules beside this one, each with ``RULES``."""


def every_rule() -> Iterator[Rule]:
    """All rules, in a stable order."""
    for name in MODULES:
        yield from import_module(f"groundsill.checks.rules.{name}").RULES


def rules_named(ids: Iterable[str]) -> list[Rule]:
    """The rules of these ids.

    Raises:
        GroundsillError: for an id that no rule has.
    """
    known = {rule.id: rule for rule in every_rule()}
    wrong = [id for id in ids if id not in known]
    if wrong:
        raise GroundsillError([
            Diagnostic("GS4101", f"there is no rule `{id}`", mend=f"{did_you_mean(id, known, what='Rules', limit=6)}\n"
                       "`groundsill check --list` shows every rule")
            for id in wrong
        ])
    return [known[id] for id in dict.fromkeys(ids)]
