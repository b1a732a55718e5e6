"""The definition as tests read it: every argument as Terraform would see it, references as ``${...}``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from groundsill import GroundsillError
from groundsill.definition.running import load_system
from groundsill.graph import Graph, resolve

FOLDER = Path(__file__).resolve().parents[2]
STAGES = ("dev", "staging", "prod")


@cache
def graph(stage: str, *, folder: str = "", tier: str | None = None, **settings: Any) -> Graph:
    """The graph of a stage, in another tier where one is named, with settings in place of those of `settings.toml`."""
    system = load_system(FOLDER / folder)
    if tier:
        system.stages = {**system.stages, stage: tier}
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    return system.build(stage, values)


def refused(stage: str = "dev", *, folder: str = "", **settings: Any) -> str:
    """What a stage with settings that do not fit is refused with."""
    try:
        load_system(FOLDER / folder).build(stage, settings)
    except GroundsillError as error:
        return str(error)
    raise AssertionError(f"{settings} were taken")


def plain(value: Any) -> Any:
    """A value with references as text and JSON documents as structures."""
    return resolve(value, lambda reference: f"${{{reference.expression}}}", json_text=False)


class Defined:
    """One stage, read by what AWS calls things.

    Arguments:
        graph: the built graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stage = graph.stage
        self.outputs = {name: plain(output.value) for name, output in graph.outputs.items()}

    def all(self, type: str) -> dict[str, dict[str, Any]]:
        """Arguments of every resource of a type, by Terraform name."""
        return {resource.name: plain(resource.arguments) for resource in self.graph.of_type(type) if not resource.data}

    def one(self, type: str, /, **arguments: Any) -> dict[str, Any]:
        """Arguments of the only resource of a type with these arguments."""
        found = [item for item in self.all(type).values()
                 if all(item.get(name) == value for name, value in arguments.items())]
        assert len(found) == 1, f"{len(found)} resources of {type} with {arguments}"
        return found[0]

    def types(self) -> set[str]:
        """Every type that the stage has resources of."""
        return {resource.type for resource in self.graph if not resource.data}

    def rights(self, role: str) -> dict[str, set[str]]:
        """What a role's own policy lets it do: resources by action."""
        found: dict[str, set[str]] = {}
        for item in self.all("aws_iam_role_policy").values():
            if item["role"] == f"${{aws_iam_role.{role}.id}}":
                for statement in item["policy"]["Statement"]:
                    for action in statement["Action"]:
                        found.setdefault(action, set()).update(statement["Resource"])
        return found

    def environment(self, function: str) -> dict[str, str]:
        """Environment variables of a function, by Terraform name."""
        return self.all("aws_lambda_function")[function]["environment"][0]["variables"]

    def provider(self, address: str) -> str | None:
        """The alias of the provider of a resource; None for the system's own region."""
        return self.graph[address].provider


DEV, STAGING, PROD = (Defined(graph(stage)) for stage in STAGES)
"""The three stages."""
