"""What a picture shows, before it has a layout: nodes in their places and edges between them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
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
        addresses: Terraform addresses of everything that belongs to it: its cost and findings are theirs.
    """

    id: str
    label: str
    service: str
    layer: Layer
    category: Category
    place: Place
    component: str = ""
    note: str = ""
    zones: tuple[str, ...] = ()
    addresses: list[str] = field(default_factory=list[str])


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


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is laid over the picture, by Terraform address.

    Arguments:
        costs: US dollars a month.
        findings: severity of each finding (``critical``, ``high``, ``medium`` or ``low``).
    """

    costs: Mapping[str, float] = field(default_factory=dict[str, float])
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(slots=True)
class Picture:
    """Everything that is drawn.

    Arguments:
        title: system and stage.
        region: of most of it.
        nodes: by id, in definition order.
        edges: each once.
        networks: by Terraform address.
        operations: service and what there is of it, for example ``("CloudWatch", "40 alarms, 1 dashboard")``, by region.
        owner: id of the node that a resource belongs to, by the resource's address.
    """

    title: str
    region: str
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    edges: list[Edge] = field(default_factory=list[Edge])
    networks: dict[str, Network] = field(default_factory=dict[str, Network])
    operations: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    owner: dict[str, str] = field(default_factory=dict[str, str])
