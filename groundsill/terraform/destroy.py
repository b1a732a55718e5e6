"""Taking a stage away: what stands in the way first, then everything, then what was left and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.terraform.failures import base_address
from groundsill.terraform.state import state_resources


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A setting that keeps a resource from being destroyed.

    Arguments:
        address: the resource.
        attribute: the setting.
        value: what it is now.
        wanted: what it must be.
        why: what it protects.
    """

    address: str
    attribute: str
    value: Any
    wanted: Any
    why: str


_PROTECTION = "it is protected from being deleted"
_CONTENT = "AWS does not delete it while something is in it"
_OBSTACLES: MappingProxyType[str, tuple[tuple[str, Any, Any, str], ...]] = MappingProxyType({
    "aws_dynamodb_table": (("deletion_protection_enabled", True, False, _PROTECTION),),
    "aws_db_instance": (("deletion_protection", True, False, _PROTECTION),),
    "aws_rds_cluster": (("deletion_protection", True, False, _PROTECTION),),
    "aws_docdb_cluster": (("deletion_protection", True, False, _PROTECTION),),
    "aws_neptune_cluster": (("deletion_protection", True, False, _PROTECTION),),
    "aws_lb": (("enable_deletion_protection", True, False, _PROTECTION),),
    "aws_cognito_user_pool": (("deletion_protection", "ACTIVE", "INACTIVE", _PROTECTION),),
    "aws_cloudwatch_log_group": (("skip_destroy", True, False, _PROTECTION),),
    "aws_instance": (("disable_api_termination", True, False, _PROTECTION),),
})
_CONTENTS: MappingProxyType[str, tuple[str, Any, Any, str]] = MappingProxyType({
    "aws_s3_bucket": ("force_destroy", False, True, _CONTENT),
    "aws_ecr_repository": ("force_delete", False, True, _CONTENT),
    "aws_backup_vault": ("force_destroy", False, True, _CONTENT),
    "aws_route53_zone": ("force_destroy", False, True, _CONTENT),
})
"""Settings by type: the value that is in the way and the one that is not. Source: the AWS provider's documentation."""


def obstacles(state: Mapping[str, Any], *, contents: bool = False) -> list[Obstacle]:
    """What would keep the resources of a state from being destroyed.

    Arguments:
        state: as ``terraform show -json`` gives it.
        contents: also resources that AWS only deletes when they are empty. Whether they are is not in the state.
    """
    found: list[Obstacle] = []
    for resource in state_resources(state):
        kind = str(resource.get("type"))
        values: Mapping[str, Any] = resource.get("values") or {}
        rules = list(_OBSTACLES.get(kind, ()))
        if contents and kind in _CONTENTS:
            rules.append(_CONTENTS[kind])
        found += [
            Obstacle(str(resource["address"]), attribute, values.get(attribute), wanted, why)
            for attribute, blocking, wanted, why in rules if values.get(attribute) == blocking
        ]
    return found


def lift(graph: Graph, found: list[Obstacle]) -> list[str]:
    """Change the graph so that nothing is in the way, and give the addresses that an apply must change first.

    A resource that is in the state and no longer in the definition cannot be changed through it.
    """
    changed: list[str] = []
    for obstacle in found:
        address = base_address(obstacle.address)
        if address in graph:
            graph[address].arguments[obstacle.attribute] = obstacle.wanted
            changed.append(obstacle.address)
    return list(dict.fromkeys(changed))
