"""A system: its name, its stages and the function that describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.definition.building import Building
from groundsill.definition.secret_settings import leaks, secret_fields, secret_variable
from groundsill.definition.settings import ENVIRONMENT_PREFIX, validate
from groundsill.definition.stage import Stage
from groundsill.definition.tier import TIERS
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, did_you_mean
from groundsill.graph.graph import Graph
from groundsill.graph.source import SourceLocation, caller_location

if TYPE_CHECKING:
    from pydantic import BaseModel

Define = Callable[[Stage], None]
_PRODUCTION = ("prod", "production")
# Fits into every AWS name that it becomes a part of: RDS, ElastiCache and load balancers take no two hyphens in a row.
_NAME_FORM = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_LONGEST_NAME, _LONGEST_STAGE = 40, 20
# Elastic Load Balancing API: CreateLoadBalancer; Amazon S3: bucket naming rules; Systems Manager API: PutParameter;
# EventBridge API: CreateEventBus; Amazon EC2 API: CreateSecurityGroup.
_RESERVED = ("amzn-", "aws", "internal-", "sg-", "ssm", "sthree-")
_REGION_FORM = r"[a-z]{2}(-[a-z]+)+-\d"


class System:
    """Everything a team runs together, described once.

    Arguments:
        name: lower-case letters, digits and hyphens, for example ``open-metabolics``; part of names and tags, at most 40
            characters.
        region: AWS region of everything that is not told otherwise, for example ``us-east-1``. A setting named
            ``region`` takes its place, so that a stage can live in another one.
        stages: tier of each stage by name, which is of the same form and has at most 20 characters. The first is the
            default stage, whose physical names carry no suffix. Default: ``{"dev": "basic", "prod": "standard"}``.
        settings: a pydantic model with one field a setting; a field without default must be given for every stage.
        names: form of physical names that the definition does not give, from ``{system}``, ``{stage}`` and
            ``{component}``. Default ``"{system}-{stage}-{component}"``.
        tags: on everything that can carry tags, beside ``System``, ``Stage``, ``Component`` and ``ManagedBy``; in values
            ``{system}`` and ``{stage}`` stand for the names, for example ``{"Environment": "{stage}"}``.

    Example:
        .. code-block:: python

            system = System("shop", region="eu-central-1")

            @system.define
            def define(stage: Stage) -> None:
                Queue("orders")
    """

    def __init__(
        self, name: str, region: str = "us-east-1", *, stages: Mapping[str, str] | None = None,
        settings: type[BaseModel] | None = None, names: str = "{system}-{stage}-{component}",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.region = region
        self.stages = dict(stages or {"dev": "basic", "prod": "standard"})
        self.settings = settings
        self.names = names
        self.tags = dict(tags or {})
        self.location = caller_location(2)
        self.folder = Path(self.location.file).parent if self.location else Path.cwd()
        self._define: Define | None = None

    def define(self, function: Define) -> Define:
        """Decorator: the function that describes the system. It is run once for each stage that is asked for."""
        self._define = function
        return function

    @property
    def default_stage(self) -> str:
        """The first stage: the one that commands use where no stage is named."""
        return next(iter(self.stages))

    def problems(self, stage: str, tier: str | None = None) -> Diagnostics:
        """What is wrong with the system's own arguments, before its definition is run.

        Arguments:
            stage: the stage that is asked for.
            tier: the tier that is asked for in place of the stage's own, or None.
        """
        import re

        found = Diagnostics()

        def report(code: str, summary: str, mend: str) -> None:
            found.add(Diagnostic(code, summary, self.location, f'System("{self.name}")', mend=mend))

        def usable(name: object, longest: int) -> bool:
            return isinstance(name, str) and len(name) <= longest and bool(re.fullmatch(_NAME_FORM, name))

        if not usable(self.name, _LONGEST_NAME):
            report("GS1306", f"{self.name!r} cannot be the name of a system",
                   f"use lower-case letters, digits and single hyphens between them, at most {_LONGEST_NAME} characters, "
                   "beginning with a letter")
        elif self.name.startswith(_RESERVED):
            report("GS1306", f"{self.name!r} cannot be the name of a system",
                   f"AWS keeps names for itself that begin with {' or '.join(_RESERVED)}: choose another one")
        if not isinstance(self.region, str) or not re.fullmatch(_REGION_FORM, self.region):  # pyright: ignore[reportUnnecessaryIsInstance]
            report("GS1307", f"{self.region!r} is not the name of an AWS region", "write for example us-east-1")
        for name in [name for name in self.stages if not usable(name, _LONGEST_STAGE)]:
            report("GS1317", f"{name!r} cannot be the name of a stage",
                   f"use lower-case letters, digits and single hyphens between them, at most {_LONGEST_STAGE} characters, "
                   "beginning with a letter")
        for name, own in self.stages.items():
            if own not in TIERS:
                report("GS1308", f"stage `{name}` has the unknown tier {own!r}",
                       did_you_mean(str(own), TIERS, what="Known tiers"))
        if tier is not None and tier not in TIERS:
            report("GS1316", f"unknown tier {tier!r}", did_you_mean(tier, TIERS, what="Known tiers"))
        if stage not in self.stages:
            report("GS1309", f"unknown stage `{stage}`", did_you_mean(stage, self.stages, what="Known stages"))
        if self._define is None:
            report("GS1310", "the system has no definition", "decorate a function with @system.define")
        return found

    def _tags(self, stage: str) -> dict[str, str]:
        own = {key: value.replace("{system}", self.name).replace("{stage}", stage) for key, value in self.tags.items()}
        return {"System": self.name, "Stage": stage, "ManagedBy": "groundsill", **own}

    def build(
        self, stage: str | None = None, settings: Mapping[str, Any] | None = None, *, tier: str | None = None,
    ) -> Graph:
        """Run the definition for one stage.

        Arguments:
            stage: stage name; the default stage where None.
            settings: values that take precedence over `settings.toml` and the environment.
            tier: tier in place of the stage's own, to see what another one would make of the definition; None for its own.

        Returns:
            The graph that every reader shares.

        Raises:
            GroundsillError: with every mistake of the definition, not only the first.
        """
        graph, diagnostics = self.examine(stage, settings, tier=tier)
        diagnostics.raise_if_errors()
        return graph

    def examine(
        self, stage: str | None = None, settings: Mapping[str, Any] | None = None, *, tier: str | None = None,
    ) -> tuple[Graph, Diagnostics]:
        """As :meth:`build`, but returns what was found instead of raising: the graph as far as it goes, and mistakes."""
        from groundsill.definition.running import run_definition

        stage_name = stage or self.default_stage
        self.problems(stage_name, tier).raise_if_errors()
        assert self._define is not None
        diagnostics = Diagnostics()
        values, problems = validate(self.settings, self.folder, stage_name, settings or {})
        production = stage_name.startswith(_PRODUCTION)
        protection = TIERS[tier or self.stages[stage_name]]
        graph = Graph(
            self.name, stage_name, values.get("region") or self.region, tier=protection.name, production=production,
        )
        described = Stage(
            stage_name, protection, production=production, settings=values, problems=problems, diagnostics=diagnostics,
        )
        building = Building(
            graph, diagnostics, tags=self._tags(stage_name),
            stage=described, system=self.name, folder=self.folder, name_pattern=self.names,
            name_suffix="" if stage_name == self.default_stage else f"-{stage_name}",
        )
        run_definition(self._define, building)
        for name in sorted(secret_fields(self.settings) & described.asked):
            graph.add_variable(secret_variable(name, ENVIRONMENT_PREFIX + name.upper()))
        for problem in leaks(graph):
            diagnostics.add(problem)
        # A mistake in a setting that the definition asked for is shown where it did.
        for name, problem in problems.items():
            if name not in described.asked:
                diagnostics.add(problem)
        for problem in graph.problems():
            diagnostics.add(problem)
        return graph, diagnostics


def one_system(found: list[System], path: Path) -> System:
    """The only system of a file.

    Raises:
        GroundsillError: where the file has none, or more than one.
    """
    if len(found) == 1:
        return found[0]
    summary = "the file defines no system" if not found else "the file defines more than one system"
    raise GroundsillError(Diagnostic(
        "GS1311", summary, SourceLocation(str(path), 1), mend='write one: system = System("my-system")',
    ))
