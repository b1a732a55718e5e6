"""One run of Terraform: its command line, its private files, what it says, and how it ended.

Nothing secret is ever on a command line, where every user of the machine can read it: values of variables go through
a file that only its owner can read and that is gone afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.events import OnEvent, problems_in_text
from groundsill.terraform.failures import failures
from groundsill.terraform.mirror import cli_config, find_mirror
from groundsill.terraform.outcome import EngineError, Gathered, Interrupted
from groundsill.terraform.process import Ended, run
from groundsill.terraform.running import RECORDING, collect_dead, record_path, wait_for_earlier

CLI_CONFIG_NAME = "cli.tfrc"


class Invocations:
    """Runs of one program; what each of them is for is said by the classes above.

    Arguments:
        binary: the program.
        product: ``Terraform`` or ``OpenTofu``.
        version: its version, three numbers.
        environment: the whole environment of every run.
    """

    def __init__(self, binary: Path, product: str, version: tuple[int, ...], environment: Mapping[str, str]) -> None:
        self.binary = binary
        self.product = product
        self.version = version
        self.environment = dict(environment)

    def stream(
        self, command: list[str], directory: Path, scratch: Path, on_event: OnEvent | None, graph: Graph | None = None,
        kept: Path | None = None,
    ) -> Gathered:
        """Run a command that tells what it does in lines of JSON.

        Arguments:
            command: its words.
            directory: Terraform's folder.
            scratch: private folder of the run.
            on_event: called with each event.
            graph: tells which component an address belongs to.
            kept: file that Terraform itself adds its events to.

        Raises:
            EngineError: with the cause, and for an apply with what had been done by then.
            Interrupted: after Ctrl-C.
        """
        done = Gathered(on_event)
        ended = self.run(command, directory, scratch, on_line=done.line, on_wait=done.note, kept=kept,
                          on_interrupt=lambda: done.note("Stopping: Terraform finishes what is under way ..."))
        done.ended()
        if ended.interrupted:
            raise Interrupted(done.summary() if command[0] == "apply" else None, killed=ended.killed)
        if ended.code != 0:
            problems = done.placed([*done.problems, *problems_in_text(ended.errors)])
            errors = "\n".join([*done.words, ended.errors])
            raise EngineError(failures(problems, errors, ended.code, command[0], graph), problems,
                              done.summary() if command[0] == "apply" else None)
        return done

    def text(self, command: list[str], directory: Path, *, graph: Graph | None = None) -> str:
        """Run a command, and give what it writes.

        Raises:
            EngineError: with the cause.
            Interrupted: after Ctrl-C.
        """
        with scratch_folder() as scratch:
            ended = self.run(command, directory, scratch)
        if ended.interrupted:
            raise Interrupted(killed=ended.killed)
        if ended.code != 0:
            problems = list(problems_in_text(ended.errors))
            raise EngineError(failures(problems, ended.errors, ended.code, " ".join(command[:2]), graph), problems)
        return ended.output

    def show_json(self, directory: Path, scratch: Path, plan: Path | None) -> dict[str, Any]:
        """A plan, or else the state, as Terraform's JSON.

        Raises:
            EngineError: with the cause.
            Interrupted: after Ctrl-C.
        """
        inner = scratch / "show"
        inner.mkdir(mode=0o700, exist_ok=True)
        ended = self.run(["show", "-json", *([str(plan.absolute())] if plan else [])], directory, inner)
        if ended.interrupted:
            raise Interrupted(killed=ended.killed)
        if ended.code != 0:
            problems = list(problems_in_text(ended.errors))
            raise EngineError(failures(problems, ended.errors, ended.code, "show"), problems)
        return json.loads(ended.output)

    def run(
        self, arguments: Sequence[str], directory: Path, scratch: Path, *,
        on_line: Callable[[str], None] | None = None, on_interrupt: Callable[[], None] | None = None,
        on_wait: Callable[[str], None] | None = None, kept: Path | None = None,
    ) -> Ended:
        """Run a command however it ends, after whatever an earlier one has left running in the same folder.

        Raises:
            GroundsillError: where it cannot be run.
        """
        wait_for_earlier(directory, on_wait)
        collect_dead(directory)
        record = record_path(directory)
        try:
            ended = run(
                [*RECORDING, str(record), str(self.binary), *arguments], directory, self.environment_in(directory), scratch,
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

    def environment_in(self, directory: Path) -> dict[str, str]:
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


@contextlib.contextmanager
def scratch_folder() -> Generator[Path]:
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


def private_file(path: Path, text: str) -> Path:
    """Write a new file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def variable_flags(variables: Mapping[str, Any] | None, scratch: Path) -> list[str]:
    """The words of a command line that give variables their values, through a private file in a scratch folder."""
    if not variables:
        return []
    return [f"-var-file={private_file(scratch / 'variables.tfvars.json', json.dumps(dict(variables)))}"]


def move_whole(file: Path, out: Path) -> None:
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
