"""Where the state of a stage is kept: in a bucket that the whole team reaches, or, when asked for, on this machine."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.shapes import is_mapping
from groundsill.graph.source import SourceLocation

FILE_NAME = "state.toml"
LOCAL_MARK = "local-state"
LOCAL_STATE = "terraform.tfstate"
_HEAD = """\
# Where Terraform keeps the state of each stage: [default], or a table with the stage's name before it.
# Written by `groundsill bootstrap`. It holds no secret: commit it, so that everybody deploys to the same state.
# Keys are those of Terraform's S3 backend.
"""


@dataclass(frozen=True, slots=True)
class Backend:
    """A place for the state.

    Arguments:
        s3: arguments of Terraform's S3 backend; empty for a file beside the configuration.
    """

    s3: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def configuration(self) -> dict[str, Any] | None:
        """What ``synthesize`` takes."""
        return {"s3": dict(self.s3)} if self.s3 else None

    @property
    def words(self) -> str:
        """The place for people."""
        return f"s3://{self.s3['bucket']}/{self.s3['key']}" if self.s3 else "this machine alone"


def find_backend(folder: Path, system: str, stage: str, directory: Path, *, local: bool = False) -> Backend:
    """Where a stage's state is kept.

    Arguments:
        folder: the system's folder.
        system: system name.
        stage: stage name.
        directory: Terraform's folder of the stage.
        local: whether the user wants it on this machine; remembered in the folder.

    Raises:
        GroundsillError: GS3022 where no place is named, GS3023 where ``state.toml`` is not usable or names another place
            than where the state is.
    """
    arguments = read_state_file(folder, stage)
    mark = directory / LOCAL_MARK
    if local:
        if arguments and not mark.exists():
            raise GroundsillError(Diagnostic(
                "GS3023", f"{FILE_NAME} names a bucket, and --local-state another place", SourceLocation(
                    str(folder / FILE_NAME), 1), mend=f"leave --local-state away, or take the stage out of {FILE_NAME}",
            ))
        directory.mkdir(parents=True, exist_ok=True)
        mark.touch()
    if mark.exists():
        if arguments and has_resources(directory / LOCAL_STATE):
            raise GroundsillError(Diagnostic(
                "GS3023", f"the state of {stage} is on this machine, but {FILE_NAME} names a bucket", SourceLocation(
                    str(folder / FILE_NAME), 1), detail="a deploy to the empty bucket would make everything a second time",
                mend=f"move it there: `groundsill state move --stage {stage}`",
            ))
        if not arguments:
            return Backend()
        mark.unlink()
    if not arguments:
        raise GroundsillError(Diagnostic(
            "GS3022", f"no place is named for the state of {stage}",
            detail="the state is what Terraform knows of what it made: it must outlive this machine and be the team's",
            mend="make a bucket for it with `groundsill bootstrap`, or add --local-state to keep it on this machine alone",
        ))
    return Backend(with_defaults(arguments, system, stage))


def with_defaults(arguments: Mapping[str, Any], system: str, stage: str) -> dict[str, Any]:
    """The arguments of the S3 backend, with what every state has: a key of its own, encryption, a lock in the bucket."""
    return {"key": f"{system}/{stage}.tfstate", "encrypt": True, "use_lockfile": True, **arguments}


def read_state_file(folder: Path, stage: str) -> dict[str, Any]:
    """What ``state.toml`` says about a stage; empty where it says nothing.

    Raises:
        GroundsillError: GS3023 where it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    found = {**_table(content, "default", path), **_table(content, stage, path)}
    if found and not isinstance(found.get("bucket"), str):
        raise _unusable(path, "it names no bucket")
    if found and not isinstance(found.get("region"), str):
        raise _unusable(path, "it names no region")
    secret = [name for name in found if name in ("access_key", "secret_key", "token")]
    if secret:
        raise _unusable(path, f"`{secret[0]}` is a secret and has no place in a file: use AWS_PROFILE")
    return found


def _table(content: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = content.get(name, {})
    if not is_mapping(table):
        raise _unusable(path, f"`{name}` is not a table: write [{name}]")
    return dict(table)


def _unusable(path: Path, why: str) -> GroundsillError:
    return GroundsillError(Diagnostic(
        "GS3023", f"{FILE_NAME} cannot be used", SourceLocation(str(path), 1), detail=why,
        mend=f"for example:\n[default]\nbucket = \"groundsill-state-123456789012-us-east-1\"\nregion = \"us-east-1\"\n"
             f"`groundsill bootstrap` writes it: move {path.name} away first",
    ))


def write_state_file(folder: Path, table: str, arguments: Mapping[str, Any]) -> bool:
    """Add a table to ``state.toml``; what is there already stays as it is.

    Returns:
        Whether anything was written.
    """
    path = folder / FILE_NAME
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if table in tomllib.loads(before):
        return False
    lines = [f"{name} = {_toml(value)}" for name, value in arguments.items()]
    text = (before.rstrip("\n") + "\n" if before else _HEAD) + f"\n[{table}]\n" + "\n".join(lines) + "\n"
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def _toml(value: Any) -> str:
    if is_mapping(value):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    return json.dumps(value)


def has_resources(path: Path) -> bool:
    """Whether a local state file holds anything; one that cannot be read counts as if it did."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    try:
        return bool(json.loads(text).get("resources"))
    except (ValueError, AttributeError):
        return True
