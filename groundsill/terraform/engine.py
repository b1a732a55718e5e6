"""The engine: Terraform or OpenTofu, driven by its machine-readable interface."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.graph import Graph
from groundsill.terraform.changes import PlanSummary, read_plan
from groundsill.terraform.events import Event, OnEvent, problems_in_text, read_problem
from groundsill.terraform.failures import diagnose, failures
from groundsill.terraform.invocation import move_whole, private_file, scratch_folder, variable_flags
from groundsill.terraform.outcome import ApplySummary, Done, EngineError, Interrupted
from groundsill.terraform.program import BINARIES, BINARY_VARIABLE, LEAST_VERSION, find_program
from groundsill.terraform.state_commands import StateCommands

__all__ = ["BINARIES", "BINARY_VARIABLE", "LEAST_VERSION", "ApplySummary", "Done", "Engine", "EngineError", "Interrupted"]


class Engine(StateCommands):
    """Terraform or OpenTofu on this machine.

    Arguments:
        binary: the program.
        product: ``Terraform`` or ``OpenTofu``.
        version: its version, three numbers.
        environment: the whole environment of every run.

    Example:
        .. code-block:: python

            engine = Engine.find()
            engine.init(folder)
            plan = engine.plan(folder, out=folder / "plan.bin")
            if plan.has_changes:
                engine.apply(folder, plan.path, on_event=print)
    """

    @classmethod
    def find(cls, binary: str | None = None, *, environment: Mapping[str, str] | None = None) -> Self:
        """The engine of this machine.

        Arguments:
            binary: program or name of one; default what ``GROUNDSILL_TERRAFORM`` names, else ``terraform``, else
                ``tofu`` on the ``PATH``.
            environment: environment of every run, default this process's.

        Raises:
            GroundsillError: GS3001 where there is none, GS3003 where the named one does not run, GS3002 where it is
                older than `LEAST_VERSION`.
        """
        found = find_program(binary, environment=environment)
        return cls(found.path, found.product, found.version, found.environment)

    # -- commands ------------------------------------------------------------------------------------------------------

    def init(
        self, directory: Path, *, backend_config: Mapping[str, str] | None = None, reconfigure: bool = False,
        upgrade: bool = False, migrate: bool = False, on_event: OnEvent | None = None,
    ) -> None:
        """Fetch the provider and connect to the state.

        Arguments:
            directory: folder with ``main.tf.json``.
            backend_config: what the configuration's backend leaves open.
            reconfigure: take the backend as it is written now, without moving the state.
            upgrade: take the newest provider that fits instead of the lock file's.
            migrate: move the state from the earlier backend to the one that is written now.
            on_event: called with each event.

        Raises:
            GroundsillError: with the cause.
        """
        flags = [word for word, wanted in (
            ("-reconfigure", reconfigure), ("-upgrade", upgrade), ("-migrate-state", migrate), ("-force-copy", migrate),
        ) if wanted]
        with scratch_folder() as scratch:
            if backend_config:
                path = private_file(scratch / "backend.tfbackend", "".join(
                    f"{name} = {json.dumps(value)}\n" for name, value in backend_config.items()))
                flags.append(f"-backend-config={path}")
            if migrate:  # Terraform refuses -json here
                self.text(["init", "-input=false", "-no-color", *flags], directory)
                return
            self.stream(["init", "-json", "-input=false", *flags], directory, scratch, on_event)

    def validate(self, directory: Path, *, graph: Graph | None = None) -> list[Diagnostic]:
        """What Terraform finds wrong with the configuration; the folder must be initialised.

        Raises:
            GroundsillError: where Terraform cannot say.
        """
        with scratch_folder() as scratch:
            ended = self.run(["validate", "-json"], directory, scratch)
        try:
            found = json.loads(ended.output)["diagnostics"]
        except (ValueError, KeyError, TypeError):
            raise EngineError(failures(problems_in_text(ended.errors), ended.errors, ended.code, "validate")) from None
        return [diagnose(read_problem(item), graph) for item in found]

    def plan(
        self, directory: Path, *, out: Path, variables: Mapping[str, Any] | None = None, destroy: bool = False,
        refresh_only: bool = False, refresh: bool = True, targets: Sequence[str] = (), on_event: OnEvent | None = None,
        graph: Graph | None = None, lock: bool = True,
    ) -> PlanSummary:
        """Compare the configuration with what is there.

        Arguments:
            directory: an initialised folder.
            out: the plan file that is written, readable by its owner alone: it holds values of variables.
            variables: values of variables by name.
            destroy: plan to destroy everything.
            refresh_only: plan to take what was changed outside into the state, and nothing else.
            refresh: whether to look at what is there, default True; else the state is believed.
            targets: addresses; everything else stays as it is.
            on_event: called with each event.
            graph: tells which component an address belongs to.
            lock: whether to hold the state's lock meanwhile, default True.

        Raises:
            GroundsillError: with the cause.
            Interrupted: after Ctrl-C.
        """
        started = time.perf_counter()
        flags = [word for word, wanted in (
            ("-destroy", destroy), ("-refresh-only", refresh_only), ("-refresh=false", not refresh),
            ("-lock=false", not lock)) if wanted]
        flags += [f"-target={address}" for address in targets]
        with scratch_folder() as scratch:
            file = scratch / "plan"
            flags += variable_flags(variables, scratch)
            done = self.stream(["plan", "-json", "-input=false", f"-out={file}", *flags], directory, scratch,
                                on_event, graph)
            content = self.show_json(directory, scratch, file)
            file.chmod(0o600)
            move_whole(file, out)
        return read_plan(content, out, warnings=tuple(item for item in done.problems if not item.error),
                         seconds=time.perf_counter() - started)

    def apply(
        self, directory: Path, plan: Path, *, on_event: OnEvent | None = None, graph: Graph | None = None,
        kept: Path | None = None,
    ) -> ApplySummary:
        """Do what a plan says, and nothing else.

        Arguments:
            directory: the folder that the plan was made in.
            plan: plan file.
            on_event: called with each event.
            graph: tells which component an address belongs to.
            kept: file that Terraform itself adds its events to: it tells what was made even where nobody is left to
                write it into the state.

        Raises:
            EngineError: with the cause, at the component, and with what had been done by then.
            Interrupted: after Ctrl-C, with what had been done by then.
        """
        with scratch_folder() as scratch:
            done = self.stream(["apply", "-json", "-input=false", "-auto-approve", str(plan.absolute())], directory,
                                scratch, on_event, graph, kept)
        return done.summary()

    def apply_unreviewed(
        self, directory: Path, *, variables: Mapping[str, Any] | None = None, destroy: bool = False,
        on_event: OnEvent | None = None, graph: Graph | None = None,
    ) -> ApplySummary:
        """Plan and apply in one run, for what is nobody's to lose: Terraform reads the provider's schema once, not thrice.

        Arguments:
            directory: an initialised folder.
            variables: values of variables by name.
            destroy: destroy everything.
            on_event: called with each event.
            graph: tells which component an address belongs to.

        Raises:
            EngineError: with the cause, at the component, and with what had been done by then.
            Interrupted: after Ctrl-C, with what had been done by then.
        """
        with scratch_folder() as scratch:
            flags = [*(["-destroy"] if destroy else []), *variable_flags(variables, scratch)]
            done = self.stream(["apply", "-json", "-input=false", "-auto-approve", *flags], directory, scratch, on_event,
                                graph)
        return done.summary()

    def glance(
        self, directory: Path, *, variables: Mapping[str, Any] | None = None, refresh_only: bool = False,
        on_event: OnEvent | None = None, graph: Graph | None = None,
    ) -> tuple[Event, ...]:
        """What a plan says while it is made: which resources it would change, found changed or gone, and which outputs.

        Cheaper than `plan`, which asks Terraform once more for every attribute.

        Arguments:
            directory: an initialised folder.
            variables: values of variables by name.
            refresh_only: look only for what was changed outside.
            on_event: called with each event.
            graph: tells which component an address belongs to.

        Returns:
            The events of kinds ``change``, ``drift`` and ``outputs``.

        Raises:
            GroundsillError: with the cause.
            Interrupted: after Ctrl-C.
        """
        found: list[Event] = []

        def follow(event: Event) -> None:
            if event.kind in ("change", "drift", "outputs"):
                found.append(event)
            if on_event:
                on_event(event)

        with scratch_folder() as scratch:
            flags = [*(["-refresh-only"] if refresh_only else []), *variable_flags(variables, scratch)]
            self.stream(["plan", "-json", "-input=false", *flags], directory, scratch, follow, graph)
        return tuple(found)

    def read(self, plan: Path, directory: Path) -> PlanSummary:
        """The summary of a plan file that was made before.

        Raises:
            GroundsillError: GS3015 where it is none or no longer fits.
        """
        return read_plan(self.show(directory, plan), plan)

    def show(self, directory: Path, plan: Path | None = None) -> dict[str, Any]:
        """A plan, or else the state, as Terraform's JSON.

        Raises:
            GroundsillError: where it cannot be read.
        """
        with scratch_folder() as scratch:
            return self.show_json(directory, scratch, plan)
