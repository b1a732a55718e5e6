"""A stage: one deployment of a system, with its tier and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from groundsill.definition.tier import Tier
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, did_you_mean
from groundsill.graph.reference import Broken
from groundsill.graph.scope import current_scope
from groundsill.graph.source import caller_location

Value = TypeVar("Value")


class Stage:
    """What a definition is told about the deployment it describes.

    Arguments:
        name: for example ``dev`` or ``prod``.
        tier: how much protection the stage buys.
        production: whether its data must survive mistakes: deletion protection, continuous backups, final snapshots.
        settings: validated values by name.
        problems: what was wrong with a setting, by name; reported when the definition asks for it.
        diagnostics: where mistakes are collected.
    """

    def __init__(
        self, name: str, tier: Tier, *, production: bool, settings: Mapping[str, Any],
        problems: Mapping[str, Diagnostic], diagnostics: Diagnostics,
    ) -> None:
        self.name = name
        self.tier = tier
        self.production = production
        self._settings = settings
        self._problems = problems
        self.asked: set[str] = set()
        self._diagnostics = diagnostics

    def setting(self, name: str) -> Any:
        """The value of a setting in this stage.

        Arguments:
            name: a field of the system's settings class.

        Returns:
            The validated value. Where it is missing or unknown the mistake is collected and a stand-in is returned, so
            that the rest of the definition is read too.
        """
        self.asked.add(name)
        if name in self._settings:
            return self._settings[name]
        problem = self._problems.get(name)
        if problem is None:
            known = [*self._settings, *self._problems]
            problem = Diagnostic(
                "GS1302", f"unknown setting `{name}`", mend=did_you_mean(name, known, what="Known settings")
                or "declare it in the system's settings class",
            )
        self._diagnostics.add(Diagnostic(
            problem.code, problem.summary, caller_location(2), f'stage.setting("{name}")', problem.detail, problem.mend,
        ))
        return Broken()

    def pick(self, **values: Value) -> Value:
        """The value for this stage.

        Arguments:
            values: one for each stage name; ``others`` for every stage that is not named.

        Example:
            ``Network("main", nat=stage.pick(dev=1, prod=2))``
        """
        if self.name in values:
            return values[self.name]
        if "others" in values:
            return values["others"]
        self._diagnostics.add(Diagnostic(
            "GS1303", f"stage.pick() has no value for stage `{self.name}`", caller_location(2), "stage.pick(...)",
            mend=f"add {self.name}=..., or others=... for every stage that is not named",
        ))
        return Broken()  # pyright: ignore[reportReturnType]

    def adjust(self, **changes: Any) -> None:
        """Change what the stage's tier sets, for the components that are declared after this line.

        Arguments:
            changes: fields of `Tier` with the values that this stage has instead.

        Example:
            ``stage.adjust(log_retention_days=stage.pick(dev=7, staging=30, prod=365), tracing=True)``
        """
        known = [name for name in self.tier._fields if name != "name"]
        for name in [name for name in changes if name not in known]:
            self._diagnostics.add(Diagnostic(
                "GS1315", f"a tier sets no `{name}`", caller_location(2), "stage.adjust(...)",
                mend=did_you_mean(name, known, what="It sets"),
            ))
            del changes[name]
        usable = {name: value for name, value in changes.items() if not isinstance(value, Broken)}
        self.tier = self.tier._replace(**usable)

    def suppress(self, rule: str, *, because: str) -> None:
        """Live with what a rule of `groundsill check` finds anywhere in this stage; every report shows it with the reason.

        Arguments:
            rule: id of the rule, for example ``production-without-budget``.
            because: why this is right here.

        Example:
            ``stage.suppress("production-without-budget", because="the account's own budget covers it")``
        """
        scope = current_scope()
        if scope is not None:
            scope.suppress(rule, "", because, caller_location(2), "stage.suppress(...)")

    def __repr__(self) -> str:
        return f"Stage({self.name!r}, tier={self.tier.name!r})"
