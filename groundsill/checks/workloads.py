"""Functions and tasks as rules see them: role, environment, containers and place in the network together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from groundsill.checks.values import document, each, mapping
from groundsill.graph.iam_reach import role_of
from groundsill.graph.network_reach import NetworkReach
from groundsill.graph.network_topology import Placement
from groundsill.graph.provisioner import runs_task
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View


class Workload(NamedTuple):
    """Something that runs the user's code.

    Arguments:
        resource: the function, or the service; of a task that an apply runs, its task definition.
        definition: the function itself, or the task definition.
        role: that its code has, where the graph has it.
        environment: variables by name; None where they are not known.
        containers: of a task; None where they are not known.
        placement: in the network; None outside of one.
    """

    resource: Resource
    definition: Resource
    role: Resource | None
    environment: Mapping[str, Any] | None
    containers: tuple[Mapping[str, Any], ...] | None = ()
    placement: Placement | None = None

    @property
    def is_function(self) -> bool:
        """Whether it is a Lambda function."""
        return self.resource.type == "aws_lambda_function"

    @property
    def execution_role_argument(self) -> str:
        """Argument with the role that starts it."""
        return "role" if self.is_function else "execution_role_arn"


def workloads(view: View, reach: NetworkReach) -> Iterator[Workload]:
    """Every function and every service of a graph, and every task that an apply runs."""
    for resource in view.graph:
        if resource.data:
            continue
        if resource.type == "aws_lambda_function":
            value = view.get(resource, "environment", "variables")
            environment: Mapping[str, Any] | None = mapping(value) if value is None or is_mapping(value) else None
            yield Workload(resource, resource, role_of(view, resource, "role"), environment,
                           placement=reach.topology.placement(resource))
        elif resource.type == "aws_ecs_service":
            task = next((item for item in view.targets(resource, "task_definition")
                         if item.type == "aws_ecs_task_definition" and not item.data), None)
            if task is not None:
                found = containers(view, task)
                yield Workload(resource, task, role_of(view, task, "task_role_arn"), _environment(found), found,
                               reach.topology.placement(resource))


        elif runs_task(resource):
            task = next((item for item in view.targets(resource, "input") if item.type == "aws_ecs_task_definition"), None)
            if task is not None:
                found = containers(view, task)
                yield Workload(task, task, role_of(view, task, "task_role_arn"), _environment(found), found,
                               reach.topology.placement(resource))


def containers(view: View, task: Resource) -> tuple[Mapping[str, Any], ...] | None:
    """The containers of a task definition; None where they are not known."""
    content = document(view.get(task, "container_definitions"))
    return tuple(item for item in content if is_mapping(item)) if is_list(content) else None


def _environment(found: tuple[Mapping[str, Any], ...] | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    names: dict[str, Any] = {}
    for container in found:
        for key, value in (("environment", "value"), ("secrets", "valueFrom")):
            items = container.get(key)
            if items is not None and not is_list(items):
                return None
            for item in each(items):
                if is_mapping(item) and isinstance(item.get("name"), str):
                    names[item["name"]] = mapping(item).get(value)
        if container.get("environmentFiles"):
            return None
    return names
