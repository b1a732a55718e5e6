"""One way in for every reader: whatever the user has, a graph comes out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError
from groundsill.graph.graph import Graph

Kind = Literal["definition", "plan", "terraform"]
STANDARD_INPUT = Path("-")
_PRODUCTION = ("prod", "production")
_TERRAFORM = (".tf", ".tf.json", ".tofu", ".tofu.json")


class Source(NamedTuple):
    """A graph and where it came from.

    Arguments:
        kind: ``definition`` (a folder with a ``system.py``), ``plan`` (``terraform show -json``) or ``terraform`` (a folder
            of ``.tf`` files).
        path: the folder or file that was read.
        graph: what it describes.
        diagnostics: errors and warnings of reading it; with an error the graph goes only as far as it could be read.
    """

    kind: Kind
    path: Path
    graph: Graph
    diagnostics: Diagnostics


def read(
    path: Path, *, stage: str | None = None, tier: str | None = None, settings: Mapping[str, Any] | None = None,
) -> Source:
    """Read a graph from whatever a path holds.

    Arguments:
        path: a folder with a ``system.py``; a plan or a state as JSON, ``-`` for one on standard input; a folder of ``.tf``
            and ``.tf.json`` files, or one such file, which stands for its folder.
        stage: of a definition; default its first one. For Terraform it names the stage, says whether it is production
            (its name begins with ``prod``), and takes the values of ``<stage>.tfvars`` where that file is there.
        tier: of a definition; default the stage's own. Terraform has none.
        settings: values of a definition's settings, or of Terraform's variables.

    Raises:
        GroundsillError: where the path holds none of the three, or it cannot be read at all.
    """
    if path == STANDARD_INPUT:
        return _plan(sys.stdin.buffer.read(), path, "plan", stage)
    if (path.is_dir() and (path / "system.py").is_file()) or path.name == "system.py":
        return _definition(path.parent if path.name == "system.py" else path, stage, tier, settings)
    if path.is_file() and path.name.endswith(".json") and not path.name.endswith(_TERRAFORM):
        return _plan(_content(path), path, path.stem, stage)
    folder = path.parent if path.is_file() and path.name.endswith(_TERRAFORM) else path
    if folder.is_dir() and (terraform := _terraform(folder, stage, settings)) is not None:
        return terraform
    raise GroundsillError(Diagnostic(
        "GS4001", f"there is nothing to read in {path}",
        mend="name a folder with a system.py, a plan written by `terraform show -json PLAN`, or a folder of .tf files",
    ))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GroundsillError(Diagnostic("GS4008", f"{path} cannot be read", detail=str(error))) from error


def _production(stage: str | None) -> bool | None:
    return stage.startswith(_PRODUCTION) if stage else None


def _plan(content: bytes, path: Path, name: str, stage: str | None) -> Source:
    from groundsill.sources.plan import load, read_plan

    document = load(content, "standard input" if path == STANDARD_INPUT else path.name)
    graph, diagnostics = read_plan(document, name, stage=stage or "", production=_production(stage))
    return Source("plan", path, graph, diagnostics)


def _terraform(folder: Path, stage: str | None, settings: Mapping[str, Any] | None) -> Source | None:
    from groundsill.sources.terraform_files import has_terraform, read_terraform

    if not has_terraform(folder):
        return None
    graph, diagnostics = read_terraform(folder, stage=stage or "", production=_production(stage), settings=settings)
    return Source("terraform", folder, graph, diagnostics)


def _definition(folder: Path, stage: str | None, tier: str | None, settings: Mapping[str, Any] | None) -> Source:
    from groundsill.definition.running import load_system

    graph, diagnostics = load_system(folder).examine(stage, settings, tier=tier)
    return Source("definition", folder, graph, diagnostics)
