"""What a system finds in an account and does not make, so that a rehearsal must put it there.

A hosted zone whose id is a setting, and machine images that are looked up by name. Both are nobody's mistake and nobody
else is in the rehearsal's account to have them; the report says that they stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource

_ANY_PART = "rehearsal"
"""Takes the place of ``*`` in the pattern of a name."""


@dataclass(frozen=True, slots=True)
class Presupposed:
    """One thing that must be there.

    Arguments:
        name: what the report calls it.
        what: what stands in.
        asked: what the AWS API is told, see ``groundsill.ground.aws_api.outside``.
    """

    name: str
    what: str
    asked: dict[str, Any]


def presupposed(graph: Graph) -> list[Presupposed]:
    """Everything that a definition takes from its account.

    Arguments:
        graph: a finished graph.
    """
    zones: dict[str, list[str]] = {}
    found: list[Presupposed] = []
    for resource in graph:
        if resource.type == "aws_route53_record":
            zone, name = resource.arguments.get("zone_id"), resource.arguments.get("name")
            if isinstance(zone, str):
                zones.setdefault(zone, []).extend([name] if isinstance(name, str) else [])
        elif resource.type == "aws_ami" and resource.data:
            found.extend(_images(resource))
    for zone, names in zones.items():
        name = _common_domain(names)
        found.append(Presupposed(zone, "a hosted zone that the settings name",
                                 {"kind": "hosted_zone", "id": zone, "name": name}))
    return found


def _images(resource: Resource) -> Iterator[Presupposed]:
    filters: dict[str, list[str]] = {item["name"]: item["values"] for item in resource.arguments.get("filter") or ()}
    owners: list[str] = resource.arguments.get("owners") or ["self"]
    name = filters.get("name", [_ANY_PART])[0].replace("*", _ANY_PART).replace("?", "0")
    yield Presupposed(resource.address, "a machine image of the name that it is looked up by", {
        "kind": "image", "name": name, "owner": owners[0],
        "architecture": filters.get("architecture", ["x86_64"])[0]})


def _common_domain(names: list[str]) -> str:
    """The longest domain that all records are in.

    Example:
        >>> _common_domain(["api.dev.shop.example", "www.shop.example"])
        'shop.example'
    """
    labels = [name.rstrip(".").removeprefix("*.").split(".")[::-1] for name in names] or [["example"]]
    common: list[str] = []
    for parts in zip(*labels, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(reversed(common)) or "example"
