"""What a change does to whoever uses the thing meanwhile, which no plan of Terraform's says.

Sources: Amazon EC2 User Guide, "Change the instance type for your Amazon EC2 instance" and "Stop, start, or terminate a Spot
Instance"; Amazon RDS User Guide, "Increasing DB instance storage capacity" and "Settings for DB instances".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.certificates import awaited_certificates
from groundsill.terraform.changes import AttributeChange, Change
from groundsill.terraform.failures import base_address


def risks(change: Change, graph: Graph) -> list[str]:
    """What somebody should know before a change is applied; empty where it does nothing but what it says.

    Arguments:
        change: of one resource.
        graph: the definition's graph, which says what does not change too.
    """
    if change.type == "aws_acm_certificate_validation" and change.action in ("create", "replace"):
        waiting = any(base_address(change.address) in item.validations for item in awaited_certificates(graph))
        return ["it waits for records that nothing here makes: a deploy shows them, to be entered where the DNS is kept"
                ] if waiting else []
    look = _RISKS.get(change.type)
    if look is None or change.action not in ("update", "replace"):
        return []
    return list(look(change, graph.resources.get(base_address(change.address))))


def _changed(change: Change) -> Mapping[str, AttributeChange]:
    return {item.path: item for item in change.attributes}


def _machine(change: Change, resource: Resource | None) -> Iterator[str]:
    changed = _changed(change)
    if change.action == "replace":
        why = f", since {' and '.join(change.forced_by)} cannot be changed" if change.forced_by else ""
        yield f"the machine is made anew{why}: it is away for minutes, and what is on its root disk is gone"
    elif "instance_type" in changed:
        if _one_time_spot(resource):
            yield "it fails: a one-time spot machine cannot be stopped, which another type takes; replace it on purpose"
        else:
            yield "the machine is stopped and started: away for minutes, with its disks and without its public address"


def _one_time_spot(resource: Resource | None) -> bool:
    options = _block(resource.arguments.get("instance_market_options") if resource is not None else None)
    return options.get("market_type") == "spot" and \
        _block(options.get("spot_options")).get("spot_instance_type", "one-time") == "one-time"


def _database(change: Change, resource: Resource | None) -> Iterator[str]:
    if change.action == "replace":
        return
    changed = _changed(change)
    grown = changed.get("allocated_storage")
    if grown is not None and isinstance(grown.before, int) and isinstance(grown.after, int):
        if grown.after < grown.before:
            yield "it fails: the storage of a database grows and never shrinks"
        else:
            yield "storage grows while the database answers; for six hours after, it cannot be changed again"
    several = resource is not None and resource.arguments.get("multi_az") is True
    if "instance_class" in changed:
        yield "a failover of a minute or two" if several else "the database is away for minutes"
    if "engine_version" in changed:
        yield "the database is away while its engine is upgraded, also with a standby; there is no way back but a snapshot"
    now = resource is not None and resource.arguments.get("apply_immediately") is True
    if not now and changed.keys() & {"instance_class", "engine_version", "allocated_storage"}:
        yield "it waits for the maintenance window, since apply_immediately is not set"


def _block(value: Any) -> Mapping[str, Any]:
    first = next(iter(value), None) if is_list(value) else value
    return first if is_mapping(first) else {}


_RISKS: MappingProxyType[str, Callable[[Change, Resource | None], Iterator[str]]] = MappingProxyType({
    "aws_instance": _machine,
    "aws_db_instance": _database,
})
