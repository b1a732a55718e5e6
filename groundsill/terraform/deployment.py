"""One stage of one system, ready to be compared with what is there and changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from groundsill.graph.artifact import ContainerImage, FunctionPackage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.backend import Backend
from groundsill.terraform.changes import PlanSummary
from groundsill.terraform.denials import decoded
from groundsill.terraform.engine import ApplySummary, Engine, EngineError
from groundsill.terraform.events import Event, OnEvent
from groundsill.terraform.packages import package_path
from groundsill.terraform.running import forget_dead
from groundsill.terraform.synth import synthesize
from groundsill.terraform.traces import NAME as TRACES_NAME
from groundsill.terraform.workspace import Workspace

Result = TypeVar("Result")
ADOPTION_NAME = "adopted.tf.json"
"""What is taken over by the next plan: see `groundsill.terraform.recovery`."""
_ABOUT = "groundsill.json"
_LEAST_ROOM = 32_000_000
"""Bytes: ours. The state of a system of 400 resources is 1 MB, its backup and its copy in memory as much again."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that a plan, an apply or a destroy needs.

    Arguments:
        graph: a finished graph without problems.
        workspace: Terraform's folder of the stage.
        engine: Terraform.
        backend: where the state is kept.
        on_event: called with each event of Terraform.
    """

    graph: Graph
    workspace: Workspace
    engine: Engine
    backend: Backend
    on_event: OnEvent | None = None

    @property
    def directory(self) -> Path:
        """Terraform's folder."""
        return self.workspace.directory

    @property
    def images(self) -> list[ContainerImage]:
        """Images of the system."""
        return [part for part in self.graph.artifacts if isinstance(part, ContainerImage)]

    def prepare(self, *, upgrade: bool = False) -> None:
        """Write the configuration, fetch the provider, connect to the state.

        Raises:
            GroundsillError: with the cause.
        """
        self.workspace.prepare(self.engine, self.graph, self.backend, upgrade=upgrade, on_event=self.on_event)

    def check_variables(self, values: Mapping[str, Any]) -> None:
        """Refuse to begin where a variable would have no value.

        Raises:
            GroundsillError: GS3019 for each, at the component that declared it.
        """
        missing = [
            variable for name, variable in self.graph.variables.items()
            if variable.default is None and name not in values and f"TF_VAR_{name}" not in self.engine.environment
        ]
        if missing:
            raise GroundsillError([
                Diagnostic("GS3019", f"variable `{variable.name}` has no value", variable.location, variable.component,
                           variable.description,
                           f"set {variable.given_by or f'TF_VAR_{variable.name}'} in the environment; it appears in no file")
                for variable in missing
            ])

    def plan(
        self, out: Path, values: Mapping[str, Any], *, destroy: bool = False, targets: Sequence[str] = (),
    ) -> PlanSummary:
        """Compare the definition with what is there.

        Arguments:
            out: the plan file, which holds values of variables: keep it out of the project.
            values: of variables, by name.
            destroy: plan to destroy everything.
            targets: addresses; everything else stays as it is.

        Raises:
            GroundsillError: with the cause, at the component.
        """
        def run() -> PlanSummary:
            return self.engine.plan(self.directory, out=out, variables=values, destroy=destroy, targets=targets,
                                    on_event=self.on_event, graph=self.graph)

        return self.locked(run)

    def apply(self, plan: Path) -> ApplySummary:
        """Do what a plan says.

        Raises:
            EngineError: with the cause, at the component, and what had been done by then.
        """
        self._check_room()
        return self.locked(lambda: self.engine.apply(self.directory, plan, on_event=self.on_event, graph=self.graph,
                                                     kept=self.traces))

    def _check_room(self) -> None:
        """Refuse to make what could not be written down: a state, its copy, and the events meanwhile."""
        for folder in (self.directory, Path(tempfile.gettempdir())):
            free = shutil.disk_usage(folder).free
            if free < _LEAST_ROOM:
                raise GroundsillError(Diagnostic(
                    "GS3010", "the disk is full", detail=f"{folder}: {free // 1_000_000} MB are free, and an apply needs "
                    f"{_LEAST_ROOM // 1_000_000} MB for its state",
                    mend="nothing was changed; free some space and run the same command again",
                ))

    def locked(self, run: Callable[[], Result]) -> Result:
        """Do something that takes the state's lock; once more where the lock in the way was left by a killed command.

        Arguments:
            run: what to do.

        Raises:
            GroundsillError: with the cause; GS3011 where somebody else holds the lock.
        """
        try:
            result = run()
        except EngineError as error:
            lock = self.workspace.frees_own_lock(self.engine, error)
            if lock is None:
                told = decoded(error, self.graph.region)
                if told is error:
                    raise
                raise told from error
            if self.on_event:
                self.on_event(Event("note", "Took away the lock that a killed command of this machine had left: "
                                    f"{lock.words}."))
            result = run()
        forget_dead(self.directory)
        return result

    # -- what a killed apply left --------------------------------------------------------------------------------------

    @property
    def traces(self) -> Path:
        """Terraform's events of the applies since the last one that came to its end."""
        return self.directory / TRACES_NAME

    @property
    def has_traces(self) -> bool:
        """Whether an apply did not come to its end."""
        return self.traces.exists()

    def forget_traces(self) -> None:
        """Everything that was made is in the state."""
        for name in (TRACES_NAME, ADOPTION_NAME):
            (self.directory / name).unlink(missing_ok=True)

    def outputs(self) -> dict[str, Any]:
        """Values of outputs by name; secret ones are left out.

        Raises:
            GroundsillError: where the state cannot be read.
        """
        found = self.engine.output(self.directory)
        return {name: item["value"] for name, item in found.items() if not item.get("sensitive")}

    # -- saved plans ---------------------------------------------------------------------------------------------------

    def save(self, plan: PlanSummary, file: Path) -> None:
        """Keep a plan for a later deploy: with the system and the stage that it is for.

        Raises:
            GroundsillError: where it cannot be written.
        """
        about = {
            "system": self.graph.name, "stage": self.graph.stage, "state": self.backend.words,
            "configuration": self.configuration_digest,
            "packages": [str(path.relative_to(self.directory)) for path in self._packages()],
        }
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            shutil.copyfile(plan.path, beside)
            with zipfile.ZipFile(beside, "a") as archive:
                archive.writestr(_ABOUT, json.dumps(about))
            beside.replace(file)
        except OSError as error:
            raise GroundsillError(Diagnostic("GS2108", f"cannot write to {file}", detail=str(error))) from error
        finally:
            beside.unlink(missing_ok=True)

    def check_saved(self, file: Path) -> None:
        """Refuse a plan that is for another system, stage or state, or whose packages are gone.

        Raises:
            GroundsillError: GS3015 with why.
        """
        try:
            with zipfile.ZipFile(file) as archive:
                about: dict[str, Any] = json.loads(archive.read(_ABOUT))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise unusable(file, f"it was not made by `groundsill plan --save` ({error})") from error
        mine = {"system": self.graph.name, "stage": self.graph.stage, "state": self.backend.words}
        wrong = [f"it is for {name} {about.get(name)}, not {value}" for name, value in mine.items()
                 if about.get(name) != value]
        gone = [name for name in about.get("packages") or () if not (self.directory / name).is_file()]
        if gone:
            wrong.append(f"the function package {gone[0]} is not on this machine")
        if wrong:
            raise unusable(file, "\n".join(wrong))

    @property
    def configuration_digest(self) -> str:
        """What tells one definition's Terraform from another's."""
        return hashlib.sha256(json.dumps(synthesize(self.graph), sort_keys=True).encode()).hexdigest()

    def _packages(self) -> list[Path]:
        return [package_path(part, self.directory) for part in self.graph.artifacts if isinstance(part, FunctionPackage)]


def unusable(file: Path, why: str) -> GroundsillError:
    """The error where a saved plan may not be applied (GS3015).

    Arguments:
        file: the plan.
        why: for people.
    """
    return GroundsillError(Diagnostic("GS3015", f"the plan {file.name} cannot be applied", detail=why,
                                      mend="make a new one: `groundsill plan --save FILE`"))


@contextlib.contextmanager
def plan_file() -> Generator[Path]:
    """A place for a plan outside the project, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="groundsill-plan-") as folder:
        yield Path(folder) / "plan"
