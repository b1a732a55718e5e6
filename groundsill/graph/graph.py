"""The graph itself: addresses, order, who refers to whom."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from groundsill.graph.artifact import Artifact
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, did_you_mean
from groundsill.graph.provider import Output, Provider, StatePlace, Variable
from groundsill.graph.reference import Broken, Reference, references_in
from groundsill.graph.resource import Resource
from groundsill.graph.source import SourceLocation
from groundsill.graph.suppression import Suppression

if TYPE_CHECKING:
    from graphlib import TopologicalSorter


class StatedTraffic(NamedTuple):
    """What a definition says about the traffic of one of its components.

    Arguments:
        subject: name of the component, or address of a resource.
        values: by parameter, for example ``{"requests": "1M/day"}``.
        location: line in the user's file.
    """

    subject: str
    values: Mapping[str, Any]
    location: SourceLocation | None = None


class Graph:
    """Every resource of one system in one stage, with variables, outputs, providers and artifacts.

    Readers (checks, cost, drawing, Terraform, the ground) take a finished graph and change nothing in it.

    Arguments:
        name: system name.
        stage: stage name.
        region: region of the default provider.
        tier: name of the stage's tier; empty where the graph comes from Terraform, which has none.
        production: whether the stage's data must survive mistakes; None where nobody said.

    Attributes:
        state: where a folder of Terraform says that its state is kept; None where the graph comes from elsewhere.

    Example:
        >>> graph = Graph("shop", "dev", "us-east-1")
        >>> queue = graph.add(Resource("aws_sqs_queue", "orders", {"name": "orders"}))
        >>> policy = graph.add(Resource("aws_sqs_queue_policy", "orders", {"queue_url": queue["url"]}))
        >>> [resource.address for resource in graph.order()]
        ['aws_sqs_queue.orders', 'aws_sqs_queue_policy.orders']
        >>> graph.referrers(queue.address)
        ('aws_sqs_queue_policy.orders',)
    """

    def __init__(
        self, name: str = "", stage: str = "", region: str = "us-east-1", *, tier: str = "", production: bool | None = None,
    ) -> None:
        self.name = name
        self.stage = stage
        self.region = region
        self.tier = tier
        self.production = production
        self.state: StatePlace | None = None
        self._resources: dict[str, Resource] = {}
        self._variables: dict[str, Variable] = {}
        self._outputs: dict[str, Output] = {}
        self._providers: dict[str | None, Provider] = {None: Provider(region)}
        self._artifacts: list[Artifact] = []
        self._suppressions: list[Suppression] = []
        self._traffic: list[StatedTraffic] = []
        self._references: dict[str, tuple[Reference, ...]] = {}
        self._referrers: dict[str, tuple[str, ...]] | None = None
        self._by_type: dict[str, list[Resource]] = {}
        self._by_component: dict[str, list[Resource]] = {}
        self.duplicates: list[Resource] = []

    # -- building ------------------------------------------------------------------------------------------------------

    def add(self, resource: Resource) -> Resource:
        """Add a resource. A second one with the same address is kept aside for :meth:`problems`."""
        if resource.address in self._resources:
            self.duplicates.append(resource)
        else:
            self._resources[resource.address] = resource
            self._by_type.setdefault(resource.type, []).append(resource)
            self._by_component.setdefault(resource.component, []).append(resource)
        self.changed()
        return resource

    def changed(self) -> None:
        """Forget who refers to whom: something was added, or arguments of a resource were changed after readers had asked."""
        self._references.clear()
        self._referrers = None

    def add_variable(self, variable: Variable) -> Reference:
        """Declare a variable, once a name, and return its value as a reference."""
        return self._variables.setdefault(variable.name, variable).reference

    def add_output(self, output: Output) -> None:
        """Declare an output; a later one of the same name replaces the earlier."""
        self._outputs[output.name] = output

    def add_provider(self, region: str) -> str | None:
        """The alias of the provider of a region, declared where it is not the default one's."""
        if region == self.region:
            return None
        alias = region.replace("-", "_")
        self._providers.setdefault(alias, Provider(region, alias))
        return alias

    def declare_provider(self, provider: Provider) -> None:
        """Declare a provider under the alias that the user's own Terraform gives it; the default one sets the region."""
        if provider.alias is None:
            self.region = provider.region
        self._providers[provider.alias] = provider

    def add_artifact(self, artifact: Artifact) -> None:
        """Declare something to build before deploying."""
        self._artifacts.append(artifact)

    def add_suppression(self, suppression: Suppression) -> None:
        """Note that the user lives with what a rule finds."""
        self._suppressions.append(suppression)

    def add_traffic(self, traffic: StatedTraffic) -> None:
        """Note what the definition says about traffic."""
        self._traffic.append(traffic)

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def resources(self) -> MappingProxyType[str, Resource]:
        """Every resource by address, in definition order."""
        return MappingProxyType(self._resources)

    @property
    def variables(self) -> MappingProxyType[str, Variable]:
        """Every variable by name."""
        return MappingProxyType(self._variables)

    @property
    def outputs(self) -> MappingProxyType[str, Output]:
        """Every output by name."""
        return MappingProxyType(self._outputs)

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The default provider, then one a further region."""
        return tuple(self._providers.values())

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What has to be built from the user's files."""
        return tuple(self._artifacts)

    @property
    def suppressions(self) -> tuple[Suppression, ...]:
        """The findings that the user lives with."""
        return tuple(self._suppressions)

    @property
    def traffic(self) -> tuple[StatedTraffic, ...]:
        """What the definition says about traffic."""
        return tuple(self._traffic)

    def __getitem__(self, address: str) -> Resource:
        return self._resources[address]

    def __contains__(self, address: object) -> bool:
        return address in self._resources

    def __len__(self) -> int:
        return len(self._resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def of_type(self, *types: str) -> list[Resource]:
        """Every resource of these Terraform types, in definition order."""
        if len(types) == 1:
            return list(self._by_type.get(types[0], ()))
        return [resource for resource in self if resource.type in types]

    def of_component(self, component: str) -> list[Resource]:
        """Every resource that one component was lowered to."""
        return list(self._by_component.get(component, ()))

    def target(self, reference: Reference) -> Resource | None:
        """The resource that a reference points at; None for a variable or a dangling one."""
        return self._resources.get(reference.address)

    def references(self, address: str) -> tuple[Reference, ...]:
        """Every reference in a resource's arguments and its ``depends_on``; gathered once for all readers."""
        found = self._references.get(address)
        if found is None:
            found = self._references[address] = tuple(self._resources[address].references())
        return found

    def dependencies(self, address: str) -> tuple[str, ...]:
        """Addresses that a resource refers to, each once, in the order of its arguments."""
        return tuple(dict.fromkeys([reference.address for reference in self.references(address)]))

    def needs(self, *addresses: str) -> list[str]:
        """These resources and everything that they refer to, however far; addresses of nothing in the graph are left out.

        Example:
            >>> graph = Graph()
            >>> queue = graph.add(Resource("aws_sqs_queue", "jobs"))
            >>> policy = graph.add(Resource("aws_sqs_queue_policy", "jobs", {"queue_url": queue["id"]}))
            >>> graph.needs(policy.address)
            ['aws_sqs_queue_policy.jobs', 'aws_sqs_queue.jobs']
        """
        return self._reached(addresses, self.dependencies)

    def needed_by(self, *addresses: str) -> list[str]:
        """These resources and everything that refers to them, however far."""
        return self._reached(addresses, self.referrers)

    def _reached(self, addresses: Iterable[str], further: Callable[[str], Iterable[str]]) -> list[str]:
        seen: dict[str, None] = {}
        waiting = list(addresses)
        while waiting:
            address = waiting.pop()
            if address not in seen and address in self._resources:
                seen[address] = None
                waiting += further(address)
        return list(seen)

    def referrers(self, address: str) -> tuple[str, ...]:
        """Addresses of the resources that refer to this one, in definition order."""
        if self._referrers is None:
            referrers: dict[str, list[str]] = {}
            for source in self._resources:
                for target in self.dependencies(source):
                    referrers.setdefault(target, []).append(source)
            self._referrers = {target: tuple(sources) for target, sources in referrers.items()}
        return self._referrers.get(address, ())

    def order(self) -> list[Resource]:
        """Resources so that each comes after everything it refers to; definition order otherwise.

        Raises:
            graphlib.CycleError: where the graph has a cycle; :meth:`problems` reports it as a diagnostic.
        """
        return [self._resources[address] for address in self._sorter().static_order()]

    def _sorter(self, without: Container[str] = ()) -> TopologicalSorter[str]:
        from graphlib import TopologicalSorter

        sorter: TopologicalSorter[str] = TopologicalSorter()
        for address in self._resources:
            if address not in without:
                sorter.add(address, *(name for name in self.dependencies(address)
                                      if name in self._resources and name not in without))
        return sorter

    # -- wholeness -----------------------------------------------------------------------------------------------------

    def problems(self) -> Diagnostics:
        """What is wrong with the graph as a graph: duplicates, dangling references, cycles."""
        found = Diagnostics()
        for resource in self.duplicates:
            found.add(self._duplicate(resource))
        self.changed()
        for address, resource in self._resources.items():
            for reference in self.references(address):
                if self._dangles(reference):
                    found.add(self._dangling(reference, resource))
        for output in self._outputs.values():
            for reference in references_in(output.value):
                if self._dangles(reference):
                    found.add(Diagnostic(
                        "GS1002", f"output `{output.name}` refers to `{reference.address}`, which does not exist",
                        output.location, mend=did_you_mean(reference.address, self._resources, what="Known resources"),
                    ))
        cycle = self._cycle()
        if cycle:
            found.add(cycle)
        return found

    def _dangles(self, reference: Reference) -> bool:
        if isinstance(reference, Broken):
            return False
        if reference.address.startswith("var."):
            return reference.address.removeprefix("var.") not in self._variables
        return reference.address not in self._resources

    def _duplicate(self, resource: Resource) -> Diagnostic:
        first = self._resources[resource.address]
        return Diagnostic(
            "GS1001", f"two resources are named `{resource.address}`", resource.location, resource.subject,
            f"the first one is at {first.location}" if first.location else "",
            "give one of them another name; the name is what Terraform remembers it by",
        )

    def _dangling(self, reference: Reference, resource: Resource) -> Diagnostic:
        return Diagnostic(
            "GS1002", f"{resource.address} refers to `{reference.address}`, which does not exist", resource.location,
            resource.subject, mend=did_you_mean(reference.address, self._resources, what="Known resources"),
        )

    def circle(self, without: Container[str] = ()) -> list[str]:
        """Addresses of resources that refer to each other in a circle, the first one again at the end; empty without one.

        Arguments:
            without: addresses that do not count, for example those of circles that are known.
        """
        if not self._has_circle(without):
            return []  # as nearly every graph; the way round one is worked out where there is one
        from graphlib import CycleError

        try:
            self._sorter(without).prepare()
        except CycleError as error:
            return list(error.args[1])
        return []

    def _has_circle(self, without: Container[str]) -> bool:
        """Whether a resource is reached again from what it refers to."""
        done: set[str] = set()
        for start in self._resources:
            if start in done or start in without:
                continue
            # The way to where we are, with what is left to look at.
            above: dict[str, Iterator[str]] = {start: iter(self.dependencies(start))}
            while above:
                here = next(reversed(above))
                for address in above[here]:
                    if address in above:
                        return True
                    if address not in done and address in self._resources and address not in without:
                        above[address] = iter(self.dependencies(address))
                        break
                else:
                    done.add(here)
                    del above[here]
        return False

    def _cycle(self) -> Diagnostic | None:
        addresses = self.circle()
        if addresses:
            last = self._resources[addresses[0]]
            return Diagnostic(
                "GS1003", "resources refer to each other in a circle", last.location, last.subject,
                " -> ".join(addresses), "break the circle: usually one of them needs a resource of its own "
                "(a security-group rule, a policy attachment) that refers to both",
            )
        return None
