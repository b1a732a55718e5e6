"""What a picture shows, before it has a layout: nodes in their places and edges between them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from groundsill.diagram.catalog import Category, Layer


class EdgeKind(enum.StrEnum):
    """What goes along an edge."""

    INVOKE = "invoke"
    DATA = "data"
    NETWORK = "network"


class Place(NamedTuple):
    """The boxes that a node is in, outermost first.

    Arguments:
        region: AWS region; empty for services that belong to none.
        vpc: Terraform address of the network; empty outside one.
        tier: kind of its subnets: ``public``, ``private`` or ``isolated``; empty outside a network.
    """

    region: str = ""
    vpc: str = ""
    tier: str = ""


class Node:
    """One thing in the picture.

    Arguments:
        id: Terraform address of its resource.
        label: the name people know it by.
        service: AWS's name of the service.
        layer: its column.
        category: its colour.
        place: the boxes that it is in.
        component: name of the component, empty where there is none.
        note: what else is worth saying, for example ``2 tasks``.
        zones: availability zones that it is in, where it is not in all of its network's.

    Attributes:
        addresses: Terraform addresses of everything that belongs to it: its cost and findings are theirs.
    """

    __slots__ = ("addresses", "category", "component", "id", "label", "layer", "note", "place", "service", "zones")

    def __init__(
        self, id: str, label: str, service: str, layer: Layer, category: Category, place: Place, component: str = "",
        note: str = "", zones: tuple[str, ...] = (),
    ) -> None:
        self.id = id
        self.label = label
        self.service = service
        self.layer = layer
        self.category = category
        self.place = place
        self.component = component
        self.note = note
        self.zones = zones
        self.addresses: list[str] = []


class Edge(NamedTuple):
    """An arrow.

    Arguments:
        source: id of a node.
        target: id of a node.
        kind: what goes along it.
        label: verb, route or port, for example ``read``, ``POST /orders`` or ``5432``.
    """

    source: str
    target: str
    kind: EdgeKind
    label: str = ""


class Subnets(NamedTuple):
    """The subnets of one kind in one network.

    Arguments:
        kind: ``public``, ``private`` or ``isolated``.
        cells: availability zone and CIDR of each, empty where it is not known.
    """

    kind: str
    cells: tuple[tuple[str, str], ...]


class Network(NamedTuple):
    """A VPC.

    Arguments:
        id: Terraform address.
        label: name and CIDR.
        tiers: its subnets, public ones first.
    """

    id: str
    label: str
    tiers: tuple[Subnets, ...]


class Overlay(NamedTuple):
    """What is laid over the picture, by Terraform address.

    Arguments:
        costs: US dollars a month.
        findings: severity of each finding (``critical``, ``high``, ``medium`` or ``low``).
    """

    costs: Mapping[str, float] = MappingProxyType({})
    findings: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Picture:
    """Everything that is drawn.

    Arguments:
        title: system and stage.
        region: of most of it.

    Attributes:
        nodes: by id, in definition order.
        edges: each once.
        networks: by Terraform address.
        operations: service and what there is of it, for example ``("CloudWatch", "40 alarms, 1 dashboard")``, by region.
        owner: id of the node that a resource belongs to, by the resource's address.
    """

    def __init__(self, title: str, region: str) -> None:
        self.title = title
        self.region = region
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.networks: dict[str, Network] = {}
        self.operations: dict[str, list[tuple[str, str]]] = {}
        self.owner: dict[str, str] = {}
