"""The engine: Terraform or OpenTofu, driven by its machine-readable interface.

Nothing secret is ever on a command line, where every user of the machine can read it: values of variables go through
a file that only its owner can read and that is gone afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.changes import PlanSummary, read_plan
from groundsill.terraform.events import Event, OnEvent, problems_in_text, read_problem
from groundsill.terraform.failures import Lock, diagnose, failures, read_lock
from groundsill.terraform.mirror import cli_config, find_mirror
from groundsill.terraform.outcome import ApplySummary, Done, EngineError, Gathered, Interrupted
from groundsill.terraform.process import Ended, run
from groundsill.terraform.running import RECORDING, collect_dead, record_path, wait_for_earlier

__all__ = ["ApplySummary", "Done", "Engine", "EngineError", "Interrupted"]
BINARIES = ("terraform", "tofu")
BINARY_VARIABLE = "GROUNDSILL_TERRAFORM"
LEAST_VERSION = (1, 10, 0)
"""The S3 backend keeps its lock in the bucket itself (``use_lockfile``) since Terraform 1.10 and OpenTofu 1.10."""
INSTALL = (
    "install it: `brew install terraform` or `brew install opentofu` (macOS), "
    "https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install (others); "
    f"or name the program: {BINARY_VARIABLE}=/path/to/terraform"
)
CLI_CONFIG_NAME = "cli.tfrc"
_PERSIST_VARIABLE, _PERSIST_SECONDS = "TF_STATE_PERSIST_INTERVAL", "5"
"""How often an apply writes a state that is kept elsewhere, in seconds. Terraform's own is 20
(``internal/backend/local/backend_apply.go``): so much of what was made would be unknown after a power cut."""
_VERSION_SECONDS = 30
_VERSION_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# They would change what a command does behind its back: Terraform documentation, "Environment Variables".
_TAKEN_AWAY = re.compile(r"TF_CLI_ARGS(_.*)?|TF_INPUT|TF_WORKSPACE|TF_IN_AUTOMATION")


class Engine:
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

    def __init__(self, binary: Path, product: str, version: tuple[int, ...], environment: Mapping[str, str]) -> None:
        self.binary = binary
        self.product = product
        self.version = version
        self.environment = dict(environment)

    @classmethod
    def find(cls, binary: str | None = None, *, environment: Mapping[str, str] | None = None) -> Engine:
        """The engine of this machine.

        Arguments:
            binary: program or name of one; default what ``GROUNDSILL_TERRAFORM`` names, else ``terraform``, else
                ``tofu`` on the ``PATH``.
            environment: environment of every run, default this process's.

        Raises:
            GroundsillError: GS3001 where there is none, GS3003 where the named one does not run, GS3002 where it is
                older than `LEAST_VERSION`.
        """
        given = dict(os.environ if environment is None else environment)
        named = binary or given.get(BINARY_VARIABLE)
        candidates = (named,) if named else BINARIES
        paths = (shutil.which(name, path=given.get("PATH")) for name in candidates)
        path = next((Path(found) for found in paths if found), None)
        if path is None:
            raise GroundsillError(
                Diagnostic("GS3003", f"{named} is not a program that can be run",
                           detail=f"{'the setting' if binary else BINARY_VARIABLE} names it", mend=INSTALL) if named
                else Diagnostic("GS3001", "neither Terraform nor OpenTofu is on this machine", mend=INSTALL))
        clean = {name: value for name, value in given.items() if not _TAKEN_AWAY.fullmatch(name)}
        clean |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": given.get("CHECKPOINT_DISABLE", "1"),
                  _PERSIST_VARIABLE: given.get(_PERSIST_VARIABLE, _PERSIST_SECONDS)}
        config = clean.get("TF_CLI_CONFIG_FILE")
        if config and not Path(config).is_file():
            # Terraform only warns of it, on every run.
            del clean["TF_CLI_CONFIG_FILE"]
        product, version = _version(path.absolute(), clean)
        if version < LEAST_VERSION:
            raise GroundsillError(Diagnostic(
                "GS3002", f"{product} {_dotted(version)} is too old",
                detail=f"{path}; at least {_dotted(LEAST_VERSION)} is needed: it keeps the state's lock in S3 itself",
                mend=INSTALL,
            ))
        return cls(path.absolute(), product, version, clean)

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
        with _scratch() as scratch:
            if backend_config:
                path = _private_file(scratch / "backend.tfbackend", "".join(
                    f"{name} = {json.dumps(value)}\n" for name, value in backend_config.items()))
                flags.append(f"-backend-config={path}")
            if migrate:  # Terraform refuses -json here
                self._text(["init", "-input=false", "-no-color", *flags], directory)
                return
            self._stream(["init", "-json", "-input=false", *flags], directory, scratch, on_event)

    def validate(self, directory: Path, *, graph: Graph | None = None) -> list[Diagnostic]:
        """What Terraform finds wrong with the configuration; the folder must be initialised.

        Raises:
            GroundsillError: where Terraform cannot say.
        """
        with _scratch() as scratch:
            ended = self._run(["validate", "-json"], directory, scratch)
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
        with _scratch() as scratch:
            file = scratch / "plan"
            flags += _variable_flags(variables, scratch)
            done = self._stream(["plan", "-json", "-input=false", f"-out={file}", *flags], directory, scratch,
                                on_event, graph)
            content = self._show(directory, scratch, file)
            file.chmod(0o600)
            _move(file, out)
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
        with _scratch() as scratch:
            done = self._stream(["apply", "-json", "-input=false", "-auto-approve", str(plan.absolute())], directory,
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
        with _scratch() as scratch:
            flags = [*(["-destroy"] if destroy else []), *_variable_flags(variables, scratch)]
            done = self._stream(["apply", "-json", "-input=false", "-auto-approve", *flags], directory, scratch, on_event,
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

        with _scratch() as scratch:
            flags = [*(["-refresh-only"] if refresh_only else []), *_variable_flags(variables, scratch)]
            self._stream(["plan", "-json", "-input=false", *flags], directory, scratch, follow, graph)
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
        with _scratch() as scratch:
            return self._show(directory, scratch, plan)

    def output(self, directory: Path) -> dict[str, Any]:
        """Every output by name: ``{"value": ..., "type": ..., "sensitive": ...}``.

        Raises:
            GroundsillError: where the state cannot be read.
        """
        return json.loads(self._text(["output", "-json"], directory))

    def state_list(self, directory: Path) -> list[str]:
        """Addresses of everything in the state; empty where there is none yet.

        Raises:
            GroundsillError: where the state cannot be read.
        """
        try:
            return self._text(["state", "list"], directory).split("\n")[:-1]
        except EngineError as error:
            if any("No state file was found" in problem.text for problem in error.problems):
                return []
            raise

    def state_rm(self, directory: Path, address: str) -> None:
        """Forget a resource: it stays in AWS and is no longer looked after.

        Raises:
            GroundsillError: where there is none at that address.
        """
        self._text(["state", "rm", address], directory)

    def state_push(self, directory: Path, file: Path) -> None:
        """Write a state that could not be written when it was made.

        Raises:
            GroundsillError: where the state is another one or has changed since.
        """
        self._text(["state", "push", str(file.absolute())], directory)

    def import_(
        self, directory: Path, address: str, resource_id: str, *, variables: Mapping[str, Any] | None = None,
        graph: Graph | None = None,
    ) -> None:
        """Take over a resource that exists in AWS.

        Arguments:
            directory: an initialised folder whose configuration has the address.
            address: where it belongs.
            resource_id: the provider's identifier of it, for example a table's name.
            variables: values of variables by name.
            graph: tells which component an address belongs to.

        Raises:
            GroundsillError: where there is no such resource or the address is taken.
        """
        with _scratch() as scratch:
            flags = _variable_flags(variables, scratch)
            self._text(["import", "-input=false", "-no-color", *flags, address, resource_id], directory, graph=graph)

    def lock(self, directory: Path) -> Lock | None:
        """Who holds the state's lock; None where nobody does.

        Raises:
            GroundsillError: where the state cannot be reached.
        """
        try:
            # Nothing has this address, so nothing is changed; but the lock is asked for before that is found out.
            self._text(["untaint", "-lock-timeout=0s", "terraform_data.groundsill_asks_for_the_lock"], directory)
        except EngineError as error:
            for problem in error.problems:
                found = read_lock(problem.text)
                if found is not None:
                    return found
            if any("No such resource instance" in problem.text or "no state" in problem.text.lower()
                   for problem in error.problems):
                return None
            raise
        return None

    def force_unlock(self, directory: Path, lock_id: str) -> None:
        """Take away the lock of somebody who is gone.

        Raises:
            GroundsillError: where the state has no such lock.
        """
        self._text(["force-unlock", "-force", lock_id], directory)

    # -- running -------------------------------------------------------------------------------------------------------

    def _stream(
        self, command: list[str], directory: Path, scratch: Path, on_event: OnEvent | None, graph: Graph | None = None,
        kept: Path | None = None,
    ) -> Gathered:
        done = Gathered(on_event)
        ended = self._run([command[0], *command[1:]], directory, scratch, on_line=done.line, on_wait=done.note, kept=kept,
                          on_interrupt=lambda: done.note("Stopping: Terraform finishes what is under way ..."))
        done.ended()
        if ended.interrupted:
            raise Interrupted(done.summary() if command[0] == "apply" else None, killed=ended.killed)
        if ended.code != 0:
            problems = [*done.problems, *problems_in_text(ended.errors)]
            errors = "\n".join([*done.words, ended.errors])
            raise EngineError(failures(problems, errors, ended.code, command[0], graph), problems,
                              done.summary() if command[0] == "apply" else None)
        return done

    def _text(self, command: list[str], directory: Path, *, graph: Graph | None = None) -> str:
        with _scratch() as scratch:
            ended = self._run(command, directory, scratch)
        if ended.interrupted:
            raise Interrupted(killed=ended.killed)
        if ended.code != 0:
            problems = list(problems_in_text(ended.errors))
            raise EngineError(failures(problems, ended.errors, ended.code, " ".join(command[:2]), graph), problems)
        return ended.output

    def _show(self, directory: Path, scratch: Path, plan: Path | None) -> dict[str, Any]:
        inner = scratch / "show"
        inner.mkdir(mode=0o700, exist_ok=True)
        ended = self._run(["show", "-json", *([str(plan.absolute())] if plan else [])], directory, inner)
        if ended.interrupted:
            raise Interrupted(killed=ended.killed)
        if ended.code != 0:
            problems = list(problems_in_text(ended.errors))
            raise EngineError(failures(problems, ended.errors, ended.code, "show"), problems)
        return json.loads(ended.output)

    def _run(
        self, arguments: Sequence[str], directory: Path, scratch: Path, *,
        on_line: Callable[[str], None] | None = None, on_interrupt: Callable[[], None] | None = None,
        on_wait: Callable[[str], None] | None = None, kept: Path | None = None,
    ) -> Ended:
        wait_for_earlier(directory, on_wait)
        collect_dead(directory)
        record = record_path(directory)
        try:
            ended = run(
                [*RECORDING, str(record), str(self.binary), *arguments], directory, self._environment(directory), scratch,
                on_line=on_line, on_interrupt=on_interrupt, kept=kept,
            )
            if ended.code < 0:
                collect_dead(directory, killed=True)
            return ended
        except OSError as error:
            raise GroundsillError(Diagnostic(
                "GS3010" if error.errno == errno.ENOSPC else "GS3014",
                "the disk is full" if error.errno == errno.ENOSPC else f"{self.product} cannot be run in {directory}",
                detail=str(error),
            )) from error
        finally:
            record.unlink(missing_ok=True)

    def _environment(self, directory: Path) -> dict[str, str]:
        """The environment of a run: with a CLI configuration of ours only where there is a mirror and none is named."""
        if "TF_CLI_CONFIG_FILE" in self.environment:
            return self.environment
        mirror = find_mirror(self.environment)
        if mirror is None:
            return self.environment
        path = directory / CLI_CONFIG_NAME
        text = cli_config(mirror)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        return {**self.environment, "TF_CLI_CONFIG_FILE": str(path.absolute())}


def _version(path: Path, environment: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    try:
        done = subprocess.run([str(path), "version"], env=dict(environment), capture_output=True, text=True,
                              timeout=_VERSION_SECONDS, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GroundsillError(Diagnostic("GS3003", f"{path} is not a program that can be run", detail=str(error),
                                         mend=INSTALL)) from error
    match = _VERSION_FORM.search(done.stdout)
    if done.returncode != 0 or match is None:
        raise GroundsillError(Diagnostic("GS3003", f"{path} does not say which version it is",
                                         detail=(done.stderr or done.stdout).strip()[:500], mend=INSTALL))
    return ("OpenTofu" if done.stdout.startswith("OpenTofu") else "Terraform"), tuple(map(int, match.groups()))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@contextlib.contextmanager
def _scratch() -> Generator[Path]:
    """A private folder outside the project, gone afterwards: output, variables and plans of one run."""
    try:
        path = Path(tempfile.mkdtemp(prefix="groundsill-terraform-"))
    except OSError as error:
        raise GroundsillError(Diagnostic("GS3010", "there is no room for temporary files", detail=str(error),
                                         mend="free some space, or name another folder with TMPDIR")) from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _private_file(path: Path, text: str) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _variable_flags(variables: Mapping[str, Any] | None, scratch: Path) -> list[str]:
    if not variables:
        return []
    return [f"-var-file={_private_file(scratch / 'variables.tfvars.json', json.dumps(dict(variables)))}"]


def _move(file: Path, out: Path) -> None:
    """Whole or not at all, also to another file system."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        shutil.copyfile(file, _private_target(beside))
        beside.replace(out)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS2108", f"cannot write to {out}", detail=str(error))) from error
    finally:
        beside.unlink(missing_ok=True)


def _private_target(path: Path) -> Path:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    return path
