"""Whether a domain is delegated to the zone that was made for it.

A certificate is validated through DNS, so it never is while the registrar names other name servers: Terraform would wait
for 75 minutes and fail (``aws_acm_certificate_validation``, Timeouts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.terraform.resolver import ask_resolver


@dataclass(frozen=True, slots=True)
class NewZone:
    """A hosted zone that certificates of the system are validated through.

    Arguments:
        address: Terraform address.
        domain: its domain.
        validations: addresses of the validations that wait for it.
    """

    address: str
    domain: str
    validations: tuple[str, ...]


def zones_to_delegate(graph: Graph) -> list[NewZone]:
    """Public zones that the system makes and that its certificates depend on."""
    found: list[NewZone] = []
    validations = [resource for resource in graph if resource.type == "aws_acm_certificate_validation"]
    for zone in graph:
        if zone.type != "aws_route53_zone" or zone.arguments.get("vpc"):
            continue
        waiting = tuple(item.address for item in validations if zone.address in graph.needs(item.address))
        if waiting:
            found.append(NewZone(zone.address, str(zone.arguments.get("name")), waiting))
    return found


def name_servers(resources: Sequence[Mapping[str, Any]], address: str) -> list[str]:
    """Name servers that AWS gave a zone, from the resources of a state; empty where it is not there."""
    for item in resources:
        if item.get("address") == address:
            values: Mapping[str, Any] = item.get("values") or {}
            return sorted(str(name).rstrip(".").lower() for name in values.get("name_servers") or ())
    return []


def is_delegated(domain: str, wanted: Sequence[str]) -> bool | None:
    """Whether the world finds a domain at these name servers; None where there is nobody to ask.

    Arguments:
        domain: for example ``shop.example``.
        wanted: name servers of the zone.
    """
    found = ask_resolver(domain, "NS")
    return None if found is None else bool(set(found) & set(wanted))
