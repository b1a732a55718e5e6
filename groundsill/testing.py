"""For the tests of your own system: its definition as Terraform sees it, read by what AWS calls things.

```python
from pathlib import Path

from groundsill.testing import Definition

SHOP = Definition(Path(__file__).parents[1])


def test_orders_survive_a_mistake_in_production() -> None:
    table = SHOP.stage("prod").one("aws_dynamodb_table", name="shop-prod-orders")
    assert table["deletion_protection_enabled"]
```
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.definition.running import load_system
from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.graph import Graph
from groundsill.graph.reference import resolve

_OWN_POLICY = "aws_iam_role_policy"


def plain(value: Any) -> Any:
    """A value with references as ``${...}`` and JSON documents as structures."""
    return resolve(value, lambda reference: f"${{{reference.expression}}}", json_text=False)


class Defined:
    """A graph, read by what AWS calls things: arguments are plain values, references are text such as ``${...}``.

    Arguments:
        graph: the built graph of one stage.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stage = graph.stage
        self.outputs: dict[str, Any] = {name: plain(output.value) for name, output in graph.outputs.items()}
        self._plain: dict[str, dict[str, dict[str, Any]]] = {}

    def all(self, type: str) -> dict[str, dict[str, Any]]:
        """Arguments of every resource of a type, by Terraform name; data sources are left out."""
        if type not in self._plain:
            self._plain[type] = {
                resource.name: plain(resource.arguments) for resource in self.graph.of_type(type) if not resource.data}
        return self._plain[type]

    def one(self, type: str, /, **arguments: Any) -> dict[str, Any]:
        """Arguments of the only resource of a type with these arguments.

        Raises:
            AssertionError: where there is none, or more than one.
        """
        found = [item for item in self.all(type).values()
                 if all(item.get(name) == value for name, value in arguments.items())]
        assert len(found) == 1, f"{len(found)} resources of {type} with {arguments}, of {list(self.all(type))}"
        return found[0]

    def types(self) -> set[str]:
        """Every type that the stage has resources of."""
        return {resource.type for resource in self.graph if not resource.data}

    def components(self, type: str) -> set[str]:
        """Components that made resources of a type."""
        return {resource.component for resource in self.graph.of_type(type)}

    def statements(self, role: str) -> dict[str, tuple[set[str], set[str]]]:
        """Actions and resources of each statement of a role's own policies, by statement id.

        Arguments:
            role: Terraform name of the role.
        """
        return {
            statement["Sid"]: (set(statement["Action"]), set(statement["Resource"]))
            for policy in self.all(_OWN_POLICY).values() if policy["role"] == f"${{aws_iam_role.{role}.id}}"
            for statement in policy["policy"]["Statement"]
        }

    def rights(self, role: str) -> dict[str, set[str]]:
        """What a role's own policies let it do: resources by action.

        Arguments:
            role: Terraform name of the role.
        """
        found: dict[str, set[str]] = {}
        for actions, resources in self.statements(role).values():
            for action in actions:
                found.setdefault(action, set()).update(resources)
        return found

    def environment(self, name: str) -> dict[str, Any]:
        """Environment variables of a function, or of a service's container.

        Arguments:
            name: Terraform name of the function or of the service.
        """
        functions = self.all("aws_lambda_function")
        if name in functions:
            return functions[name]["environment"][0]["variables"]
        (container,) = self.all("aws_ecs_task_definition")[name]["container_definitions"]
        return {item["name"]: item["value"] for item in container["environment"]}

    def ingress(self, group: str) -> set[tuple[str, int]]:
        """Where from and on which port a security group lets traffic in.

        Arguments:
            group: Terraform name of the security group.
        """
        return {
            (rule.get("cidr_ipv4") or rule["referenced_security_group_id"], rule["from_port"])
            for rule in self.all("aws_vpc_security_group_ingress_rule").values()
            if rule["security_group_id"] == f"${{aws_security_group.{group}.id}}" and rule["from_port"] == rule["to_port"]
        }

    def tags_of(self, address: str) -> dict[str, str]:
        """Tags of a resource, by its Terraform address."""
        return plain(self.graph[address].arguments["tags"])

    def provider(self, address: str) -> str | None:
        """The alias of the provider of a resource; None for that of the system's own region."""
        return self.graph[address].provider


class Definition:
    """The definition of a system, built stage by stage. Each combination that is asked for is built once.

    Arguments:
        folder: the folder with the `system.py`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._built: dict[str, Defined] = {}

    def stage(self, stage: str | None = None, /, *, tier: str | None = None, **settings: Any) -> Defined:
        """One stage.

        Arguments:
            stage: stage name; default the system's first stage.
            tier: tier in place of the stage's own, default none.
            settings: values in place of those of `settings.toml`.

        Raises:
            GroundsillError: with every mistake of the definition.
        """
        key = repr((stage, tier, sorted(settings.items())))
        if key not in self._built:
            self._built[key] = Defined(self._build(stage, tier, settings))
        return self._built[key]

    def graph(self, stage: str | None = None, /, *, tier: str | None = None, **settings: Any) -> Graph:
        """The graph of one stage; arguments as for :meth:`stage`."""
        return self.stage(stage, tier=tier, **settings).graph

    def refused(self, stage: str | None = None, /, *, tier: str | None = None, **settings: Any) -> str:
        """What the definition is refused with; arguments as for :meth:`stage`.

        Raises:
            AssertionError: where it is not refused.
        """
        try:
            self._build(stage, tier, settings)
        except GroundsillError as error:
            return str(error)
        raise AssertionError(f"{settings} were taken")

    def _build(self, stage: str | None, tier: str | None, settings: Mapping[str, Any]) -> Graph:
        return load_system(self.folder).build(stage, settings, tier=tier)
