"""The program that is driven: which one it is, whether it runs, its version, and what it may read of the environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from groundsill.graph.diagnostics import Diagnostic, GroundsillError

BINARIES = ("terraform", "tofu")
BINARY_VARIABLE = "GROUNDSILL_TERRAFORM"
LEAST_VERSION = (1, 10, 0)
"""The S3 backend keeps its lock in the bucket itself (``use_lockfile``) since Terraform 1.10 and OpenTofu 1.10."""
INSTALL = (
    "install it: `brew install terraform` or `brew install opentofu` (macOS), "
    "https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install (others); "
    f"or name the program: {BINARY_VARIABLE}=/path/to/terraform"
)
_PERSIST_VARIABLE, _PERSIST_SECONDS = "TF_STATE_PERSIST_INTERVAL", "5"
"""How often an apply writes a state that is kept elsewhere, in seconds. Terraform's own is 20
(``internal/backend/local/backend_apply.go``): so much of what was made would be unknown after a power cut."""
_VERSION_SECONDS = 30
_VERSION_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# They would change what a command does behind its back: Terraform documentation, "Environment Variables".
_TAKEN_AWAY = re.compile(r"TF_CLI_ARGS(_.*)?|TF_INPUT|TF_WORKSPACE|TF_IN_AUTOMATION")


@dataclass(frozen=True, slots=True)
class Program:
    """Terraform or OpenTofu as it is on this machine.

    Arguments:
        path: where it is.
        product: ``Terraform`` or ``OpenTofu``.
        version: three numbers.
        environment: the whole environment of every run.
    """

    path: Path
    product: str
    version: tuple[int, ...]
    environment: Mapping[str, str]


def find_program(binary: str | None = None, *, environment: Mapping[str, str] | None = None) -> Program:
    """The program of this machine.

    Arguments:
        binary: program or name of one; default what ``GROUNDSILL_TERRAFORM`` names, else ``terraform``, else ``tofu`` on
            the ``PATH``.
        environment: environment of every run, default this process's.

    Raises:
        GroundsillError: GS3001 where there is none, GS3003 where the named one does not run, GS3002 where it is older
            than `LEAST_VERSION`.
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
    clean["PATH"] = _path_with_ourselves(clean.get("PATH", ""))
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
    return Program(path.absolute(), product, version, clean)


def _path_with_ourselves(path: str) -> str:
    """Where an apply finds ``groundsill``, which it runs for a migration in a container, whichever way this one was started."""
    beside = Path(sys.executable).parent
    if shutil.which("groundsill", path=path) or not shutil.which("groundsill", path=str(beside)):
        return path
    return os.pathsep.join(part for part in (path, str(beside)) if part)


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
