"""`groundsill synth`: the system as a Terraform configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from groundsill.cli.arguments import Parser, add_settings, add_system, add_tier
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, load, system_folder, words, words_aside
from groundsill.graph.artifact import ContainerImage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    add_tier(parser)
    add_settings(parser)
    parser.add_argument("--out", metavar="DIR", type=Path,
                        help="folder for main.tf.json; default: .groundsill/STAGE/terraform in the system's folder")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Build the graph of the stage and write it."""
    folder = system_folder(given.system)
    system = load(folder)
    stage: str = given.stage or system.default_stage
    with words_aside():
        graph, diagnostics = system.examine(stage, dict(item.split("=", 1) for item in given.settings), tier=given.tier)
    diagnostics.raise_if_errors()
    target = Target(folder, stage, words(given))

    from groundsill.terraform.synth import write

    # What another tier would give is never written over what the stage is deployed from.
    usual = target.state.terraform
    directory: Path = given.out or (usual.with_name(f"{usual.name}-{given.tier}") if given.tier else usual)
    try:
        path = write(graph, directory)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS2108", f"cannot write to {directory}", detail=str(error))) from error
    warnings = diagnostics.in_file_order()
    screen.diagnostics(warnings)
    shown = _short(path)
    screen.result(
        f"{screen.style.green('Wrote')} {screen.style.bold(str(shown))}: {system.name} {stage}, {len(graph)} resources",
        {
            "path": str(path.resolve()), "system": system.name, "stage": stage, "tier": given.tier or system.stages[stage],
            "region": graph.region,
            "resources": len(graph), "to_build": _to_build(graph), "warnings": [item.to_dict() for item in warnings],
        },
    )
    if graph.artifacts:
        screen.note(f"Before an apply {_count(graph)} must be built: `groundsill deploy` does both.")
    screen.next_actions({
        f"terraform -chdir={shown.parent} init": "fetch the AWS provider",
        f"terraform -chdir={shown.parent} plan": "see what would be made",
        target.command("up"): "run the system on this machine",
    })
    return 0


def _short(path: Path) -> Path:
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


def _to_build(graph: Graph) -> dict[str, list[str]]:
    images = [part for part in graph.artifacts if isinstance(part, ContainerImage)]
    packages = [part for part in graph.artifacts if not isinstance(part, ContainerImage)]
    return {"packages": [part.name for part in packages], "images": [part.name for part in images]}


def _count(graph: Graph) -> str:
    parts = _to_build(graph)
    words = {"packages": "function package", "images": "container image"}
    return " and ".join(
        f"{len(names)} {words[kind]}{'s' * (len(names) != 1)}" for kind, names in parts.items() if names
    )
