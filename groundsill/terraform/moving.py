"""Moving a state from this machine to the bucket, without ever writing over one that is there."""

from __future__ import annotations

from pathlib import Path

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.backend import (
    FILE_NAME,
    LOCAL_MARK,
    LOCAL_STATE,
    has_resources,
    read_state_file,
    with_defaults,
)
from groundsill.terraform.engine import Engine
from groundsill.terraform.synth import write


def move_state(engine: Engine, graph: Graph, folder: Path, directory: Path) -> str:
    """Move the state of a stage to the bucket that ``state.toml`` names.

    Arguments:
        engine: Terraform.
        graph: the stage's graph.
        folder: the system's folder.
        directory: Terraform's folder of the stage.

    Returns:
        Where it is now.

    Raises:
        GroundsillError: GS3033 where there is nothing to move or something is there already.
    """
    arguments = read_state_file(folder, graph.stage)
    if not arguments:
        raise _refused(f"{FILE_NAME} names no bucket for {graph.stage}", "make one with `groundsill bootstrap`")
    if not has_resources(directory / LOCAL_STATE):
        raise _refused(f"there is no state of {graph.stage} on this machine", "there is nothing to move")
    backend = with_defaults(arguments, graph.name, graph.stage)
    place = f"s3://{backend['bucket']}/{backend['key']}"
    trial = directory / "move"
    write(graph, trial, backend={"s3": backend})
    engine.init(trial, reconfigure=True)
    if engine.state_list(trial):
        raise _refused(f"{place} holds a state already", "two states of one stage cannot be made one; remove the wrong one")
    write(graph, directory)
    engine.init(directory, reconfigure=True)
    write(graph, directory, backend={"s3": backend})
    engine.init(directory, migrate=True)
    (directory / LOCAL_STATE).replace(directory / f"{LOCAL_STATE}.moved")
    (directory / LOCAL_MARK).unlink(missing_ok=True)
    return place


def _refused(summary: str, mend: str) -> GroundsillError:
    return GroundsillError(Diagnostic("GS3033", summary, mend=mend))
