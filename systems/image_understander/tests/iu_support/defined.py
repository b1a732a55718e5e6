"""The definition as tests read it: every argument as Terraform would see it, references as ``${...}``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from groundsill.definition.running import load_system
from groundsill.graph import Graph, resolve

FOLDER = Path(__file__).resolve().parents[2]


@cache
def graph(stage: str, **settings: Any) -> Graph:
    """The graph of a stage, with settings in place of those of `settings.toml`."""
    return load_system(FOLDER).build(stage, settings)


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
        self.outputs = {name: plain(output.value) for name, output in graph.outputs.items()}

    def all(self, type: str) -> dict[str, dict[str, Any]]:
        """Arguments of every resource of a type, by Terraform name."""
        return {resource.name: plain(resource.arguments) for resource in self.graph.of_type(type) if not resource.data}

    def one(self, type: str, /, **arguments: Any) -> dict[str, Any]:
        """Arguments of the only resource of a type with these arguments."""
        found = [
            item for item in self.all(type).values() if all(item.get(name) == value for name, value in arguments.items())
        ]
        assert len(found) == 1, f"{len(found)} resources of {type} with {arguments}"
        return found[0]

    def statements(self, role: str) -> dict[str, tuple[set[str], set[str]]]:
        """Actions and resources of each statement that a role's own policy has, by statement id."""
        policies = [
            item for item in self.all("aws_iam_role_policy").values() if item["role"] == f"${{aws_iam_role.{role}.id}}"
        ]
        return {
            statement["Sid"]: (set(statement["Action"]), set(statement["Resource"]))
            for policy in policies
            for statement in policy["policy"]["Statement"]
        }

    def environment(self, name: str) -> dict[str, str]:
        """Environment variables of a function or of a service's container, by Terraform name."""
        functions = self.all("aws_lambda_function")
        if name in functions:
            return functions[name]["environment"][0]["variables"]
        (container,) = self.all("aws_ecs_task_definition")[name]["container_definitions"]
        return {item["name"]: item["value"] for item in container["environment"]}

    def ingress(self, group: str) -> set[tuple[str, int]]:
        """Where from and on which port a security group lets traffic in, by the group's Terraform name."""
        return {
            (rule.get("cidr_ipv4") or rule["referenced_security_group_id"], rule["from_port"])
            for rule in self.all("aws_vpc_security_group_ingress_rule").values()
            if rule["security_group_id"] == f"${{aws_security_group.{group}.id}}" and rule["from_port"] == rule["to_port"]
        }

    def statement_for(self, role: str, action: str) -> set[str]:
        """Resources on which a role may do an action."""
        return {
            resource for actions, resources in self.statements(role).values() if action in actions for resource in resources
        }

    def tags_of(self, address: str) -> dict[str, str]:
        """Tags of a resource, by address."""
        return plain(self.graph[address].arguments["tags"])
