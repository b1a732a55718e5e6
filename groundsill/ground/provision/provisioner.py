"""From a graph to a resolved graph: everything that can exist here exists, and every reference has its value."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from groundsill.graph import Graph, Reference, Resource, resolve
from groundsill.graph.reference import Element
from groundsill.graph.shapes import is_mapping
from groundsill.ground.provision.attributes import Attributes, Place, computed, stand_in_id
from groundsill.ground.provision.handlers import HANDLERS, Clients, Handler, ProvisionError, code_of
from groundsill.ground.provision.names import name_given
from groundsill.ground.provision.user_pools import user_pool, user_pool_client
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

_AT_ONCE = 8
_HANDLERS: Mapping[str, Handler] = {
    **HANDLERS, "aws_cognito_user_pool": user_pool, "aws_cognito_user_pool_client": user_pool_client,
}


class Provisioner:
    """Makes the resources of a graph exist, in the order of their references, several at once.

    What AWS chose for a resource (the id of a user pool, say) is remembered in a file, so that the next start finds it.

    Arguments:
        graph: the system's graph.
        place: region and account.
        clients: AWS clients of the ground's own key.
        memory: file that remembers attributes between starts.
        variables: values of the graph's variables, by name.
        overrides: attributes that differ on this machine, by address, for example an API's address.
    """

    def __init__(
        self, graph: Graph, place: Place, clients: Clients, memory: Path, *, variables: Mapping[str, Any],
        overrides: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._graph, self._place, self._clients, self._memory = graph, place, clients, memory
        self._variables, self._overrides = variables, overrides
        self._attributes: dict[str, Attributes] = {}
        self._arguments: dict[str, dict[str, Any]] = {}
        self._before: dict[str, Attributes] = read_memory(memory)

    def run(self, progress: Callable[[int, int], None] | None = None) -> ResolvedGraph:
        """Make everything exist.

        Arguments:
            progress: told how many resources are done, of how many.

        Raises:
            ProvisionError: where a resource cannot be made as described.
        """
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for resource in self._graph:
            known = [name for name in self._graph.dependencies(resource.address) if name in self._graph]
            sorter.add(resource.address, *known)
        sorter.prepare()
        done = 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while sorter.is_active():
                ready = sorter.get_ready()
                for address, attributes in zip(ready, pool.map(self._make, ready), strict=True):
                    self._attributes[address] = attributes
                    sorter.done(address)
                done += len(ready)
                if progress:
                    progress(done, len(self._graph))
        self._remember()
        return ResolvedGraph([
            ResolvedResource(resource.address, resource.type, resource.name, self._arguments[resource.address],
                             self._attributes[resource.address], resource.component)
            for resource in self._graph
        ])

    def value(self, value: Any) -> Any:
        """A value of the graph with its references resolved, for example an output's."""
        return resolve(value, self._look_up)

    def _make(self, address: str) -> Attributes:
        resource = self._graph[address]
        arguments = {name: value for name, value in resolve(resource.arguments, self._look_up).items() if value is not None}
        if not resource.data and (name := name_given(resource.type, address, arguments)):
            arguments["name"] = name
        self._arguments[address] = arguments
        attributes = self._data(resource) if resource.data else self._managed(resource, arguments)
        return {**arguments, **attributes, **self._overrides.get(address, {})}

    def _managed(self, resource: Resource, arguments: dict[str, Any]) -> Attributes:
        handler = _HANDLERS.get(resource.type)
        if handler is None:
            return computed(self._place, resource.address, resource.type, arguments)
        before = self._before.get(resource.address, {})
        try:
            made = handler(self._clients, self._place, arguments, before)
        except ProvisionError as error:
            raise ProvisionError(f"{resource.address}: {error}") from error
        except Exception as error:
            raise ProvisionError(f"{resource.address}: {code_of(error) or type(error).__name__}: {error}") from error
        self._before[resource.address] = made
        return made

    def _data(self, resource: Resource) -> Attributes:
        place = self._place
        known: dict[str, Attributes] = {
            "aws_caller_identity": {"account_id": place.account_id, "id": place.account_id,
                                    "arn": place.arn("iam", "root", regional=False)},
            "aws_partition": {"partition": "aws", "dns_suffix": "amazonaws.com", "id": "aws"},
            "aws_region": {"name": place.region, "id": place.region},
            # A network of somebody else's: what is known of it here is the id that the definition gives.
            "aws_vpc": {"id": resource.arguments.get("id", "")},
            "aws_subnet": {"id": resource.arguments.get("id", "")},
            "aws_ami": {"id": stand_in_id("ami-", resource.address), "root_device_name": "/dev/xvda"},
            # A random text of this run alone, as on AWS.
            "aws_secretsmanager_random_password": {"random_password": secrets.token_urlsafe(48)},
        }
        if resource.type not in known:
            raise ProvisionError(f"{resource.address}: the ground cannot look this up")
        return known[resource.type]

    def _look_up(self, reference: Reference) -> Any:
        if reference.address.startswith("var."):
            return self._variables.get(reference.address.removeprefix("var."), "")
        value: Any = self._attributes[reference.address]
        for step in reference.path:
            if isinstance(step, Element):
                value = list(value)[step.index]
            elif isinstance(step, str) and is_mapping(value) and step not in value:
                # Known to AWS only; nothing that runs here depends on it, or it would have an entry of its own.
                return f"{reference.expression} is known on AWS only"
            else:
                value = value[step]
        return value

    def _remember(self) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        beside = self._memory.with_suffix(".new")
        beside.write_text(json.dumps(self._before, indent=1, sort_keys=True))
        beside.rename(self._memory)


def read_memory(memory: Path) -> dict[str, Attributes]:
    """What AWS chose for each resource at earlier starts, by address; empty at the first start.

    Raises:
        ProvisionError: where the file cannot be read. Starting without it would make a second, empty user pool.
    """
    try:
        known: Any = json.loads(memory.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(memory, str(error)) from error
    if not isinstance(known, dict):
        raise _unreadable(memory, "it holds no object")
    for address, attributes in known.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(attributes, dict):
            raise _unreadable(memory, f"{address} has no attributes")
    return known  # pyright: ignore[reportUnknownVariableType]


def _unreadable(memory: Path, problem: str) -> ProvisionError:
    return ProvisionError(
        f"{memory} cannot be read: {problem}. It says which user pools and keys belong to this system: restore it, or "
        "start afresh with `groundsill down --wipe`")
