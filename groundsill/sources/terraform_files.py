"""Reading a folder of Terraform files, without Terraform.

What follows from the files is worked out as Terraform would; what only AWS decides stays a reference; what is not known is
unknown, with what it refers to. Modules in folders are read too; modules of a registry are not here, which a warning says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.sources.terraform.configuration import SUFFIXES
from groundsill.sources.terraform.state_place import state_place
from groundsill.sources.terraform.variables import given_values
from groundsill.sources.terraform.world import Configuration


def has_terraform(folder: Path) -> bool:
    """Whether a folder holds Terraform files."""
    try:
        return any(path.name.endswith(SUFFIXES) for path in folder.iterdir())
    except OSError:
        return False


def read_terraform(
    folder: Path, *, stage: str = "", production: bool | None = None, settings: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Graph, Diagnostics]:
    """The graph that a folder of ``.tf`` and ``.tf.json`` files describes.

    Arguments:
        folder: the root module.
        stage: name of the stage, which ``terraform.workspace`` is too; its ``<stage>.tfvars`` is read where it is there.
        production: whether its data must survive mistakes; None where nobody said.
        settings: values of variables.
        environment: where ``TF_VAR_...`` is looked for; default the process's own.

    Raises:
        GroundsillError: where the folder holds no Terraform file.
    """
    root = folder.resolve()
    diagnostics = Diagnostics()
    graph = Graph(root.name, stage, production=production)
    given: dict[str, Any] = {}
    configuration = Configuration(root, graph, diagnostics, stage, given)
    module = configuration.loader.load(root)
    if module is None:
        raise GroundsillError(Diagnostic("GS4001", f"there is nothing to read in {folder}",
                                         mend="name a folder with .tf or .tf.json files"))
    given.update(given_values(configuration.loader, module, stage, settings or {}, diagnostics.add, environment))
    configuration.read(module)
    graph.state = state_place(module)
    for problem in graph.problems():
        diagnostics.add(problem)
    return graph, diagnostics
