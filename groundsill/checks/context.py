"""What every rule is given: the graph, a view of its values, and what is worked out once for all rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from groundsill.checks.code import Program
from groundsill.checks.policies import IDENTITY, RESOURCE, TRUST, PolicyStatement, policy_statements
from groundsill.checks.values import texts_in, texts_of
from groundsill.checks.workloads import Workload, workloads
from groundsill.graph.artifact import Artifact
from groundsill.graph.graph import Graph
from groundsill.graph.iam_policies import Policies
from groundsill.graph.iam_reach import Access
from groundsill.graph.network_reach import NetworkReach
from groundsill.graph.resource import Resource
from groundsill.graph.view import View


class Written(NamedTuple):
    """A text that is written in the graph.

    Arguments:
        resource: in which.
        argument: of the resource.
        name: the innermost one that it stands under.
        text: itself.
    """

    resource: Resource
    argument: str
    name: str
    text: str


class Context:
    """One graph being checked.

    Arguments:
        graph: a finished graph.
        today: the day that ends of support are compared with; default the day it is.
        cost: gives what a graph costs in a month at least, in US dollars; default nobody knows.
        view: of the graph, where other readers share it; default its own.
    """

    def __init__(
        self, graph: Graph, *, today: date | None = None, cost: Callable[[Graph], float] | None = None,
        view: View | None = None,
    ) -> None:
        self.graph = graph
        self._cost = cost
        self.view = view or View(graph)
        self._who_may: dict[str, list[Resource]] = {}
        self.today = today or date.today()  # noqa: DTZ011  ends of support are days, wherever one is

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.graph:
            if not resource.data:
                found.setdefault(resource.type, []).append(resource)
        return found

    def of_type(self, *types: str) -> list[Resource]:
        """Resources (no data sources) of these Terraform types."""
        return [resource for type in types for resource in self._by_type.get(type, ())]

    @property
    def production(self) -> bool:
        """Whether the stage's data must survive mistakes. Where nobody said, it must."""
        return self.graph.production is not False

    @cached_property
    def least_cost(self) -> float | None:
        """What the system costs in a month at least, in US dollars; None where nobody reckoned."""
        return self._cost(self.graph) if self._cost else None

    @cached_property
    def network(self) -> NetworkReach:
        """Who reaches whom."""
        return NetworkReach(self.view)

    @cached_property
    def identity_statements(self) -> list[PolicyStatement]:
        """Every statement of what an identity may do."""
        return self._statements(IDENTITY)

    @cached_property
    def trust_statements(self) -> list[PolicyStatement]:
        """Every statement of who may take a role."""
        return self._statements(TRUST)

    @cached_property
    def resource_statements(self) -> list[PolicyStatement]:
        """Every statement of who may use a resource."""
        return self._statements(RESOURCE)

    def _statements(self, arguments: Mapping[str, str]) -> list[PolicyStatement]:
        return [statement for resource in self.of_type(*arguments)
                for statement in policy_statements(self.policies, resource, arguments[resource.type])]

    @cached_property
    def policies(self) -> Policies:
        """Every policy as its statements."""
        return Policies(self.view)

    @cached_property
    def access(self) -> Access:
        """Which role may do what."""
        return Access(self.view, self.policies)

    def who_may(self, action: str) -> list[Resource]:
        """Roles and users whose policies could allow something, on whatever; asked once for all that it could be done to."""
        if action not in self._who_may:
            self._who_may[action] = [item for item in self.of_type("aws_iam_role", "aws_iam_user")
                                     if self.access.may_name(item, action)]
        return self._who_may[action]

    @cached_property
    def roles_of_workloads(self) -> frozenset[str]:
        """Addresses of the roles that functions and services have."""
        return frozenset(work.role.address for work in self.workloads if work.role is not None)

    @cached_property
    def _texts(self) -> set[str]:
        found: set[str] = set()
        for resource in self.graph:
            texts_of(resource.arguments, found)
        return found

    def texts_where(self, holds: Callable[[str], object]) -> list[Written]:
        """The texts of which something holds, in the graph's order. Each is asked about once, however often it is written.

        Arguments:
            holds: whether a text is meant.
        """
        meant = {text for text in self._texts if holds(text)}
        if not meant:
            return []
        return [Written(resource, argument, name, text) for resource in self.graph
                for argument, value in resource.arguments.items() for name, text in texts_in(argument, value) if text in meant]

    @cached_property
    def workloads(self) -> list[Workload]:
        """Every function and every service."""
        return list(workloads(self.view, self.network))

    @cached_property
    def _by_resource(self) -> dict[str, Workload]:
        return {work.resource.address: work for work in self.workloads}

    def workload(self, resource: Resource) -> Workload | None:
        """The workload that a function or service is."""
        return self._by_resource.get(resource.address)

    def faces(self, function: Resource) -> list[Resource]:
        """What callers name a function by: itself and its aliases."""
        return [function, *self.view.referring(function, "aws_lambda_alias")]

    def function(self, resource: Resource, *path: str) -> Resource | None:
        """The function that an argument names, itself or by an alias."""
        for target in self.view.targets(resource, *path):
            if target.type == "aws_lambda_function":
                return target
            if target.type == "aws_lambda_alias":
                return self.view.target(target, "function_name")
        return None

    def referring_to_function(self, function: Resource, *types: str) -> Iterator[Resource]:
        """Resources that name a function, or one of its aliases."""
        for face in self.faces(function):
            yield from self.view.referring(face, *types)

    @cached_property
    def artifacts(self) -> dict[str, Artifact]:
        """What is built of the user's files: by address of the function or machine, or by the variable of an image."""
        found: dict[str, Artifact] = {}
        for item in self.graph.artifacts:
            found[f"var.{item.variable}" if hasattr(item, "variable") else item.address] = item  # type: ignore[union-attr]
        return found

    @cached_property
    def _programs(self) -> dict[tuple[Path, tuple[str, ...]], Program]:
        return {}

    def program(self, source: Path, include: tuple[str, ...] = ()) -> Program:
        """The Python files of a package, each read once for all rules."""
        return self._programs.setdefault((source, include), Program(source, include))

    @cached_property
    def indexed_tables(self) -> list[tuple[Resource, list[str]]]:
        """DynamoDB tables that have indexes, with the names of these that are known."""
        found: list[tuple[Resource, list[str]]] = []
        for table in self.of_type("aws_dynamodb_table"):
            blocks = [*self.view.blocks(table, "global_secondary_index"), *self.view.blocks(table, "local_secondary_index")]
            names = [name for block in blocks if isinstance(name := block.get("name"), str) and name]
            if names:
                found.append((table, names))
        return found
