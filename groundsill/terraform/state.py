"""What a state holds, as Terraform shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def state_resources(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every resource of ``terraform show -json``: data sources are left out, and what a replacement has left at an address."""
    values: Mapping[str, Any] = state.get("values") or {}
    root: Mapping[str, Any] = values.get("root_module") or {}
    found: list[dict[str, Any]] = root.get("resources") or []
    return [resource for resource in found if resource.get("mode") != "data" and not resource.get("deposed_key")]


def kept_objects(state: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Attributes of every resource of a state in the form in which it is kept (``terraform state pull``), by address.

    As in `state_resources`, data sources are left out, and what a replacement has left at an address.
    """
    found: dict[str, Mapping[str, Any]] = {}
    resources: list[dict[str, Any]] = state.get("resources") or []
    for resource in resources:
        if resource.get("mode") == "data" or resource.get("module"):
            continue
        for instance in resource.get("instances") or ():
            if not instance.get("deposed"):
                key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
                found[f"{resource['type']}.{resource['name']}{key}"] = instance.get("attributes") or {}
    return found


def state_dependencies(state: Mapping[str, Any]) -> dict[str, set[str]]:
    """Everything that each resource of a state needs, however far, by address without the key of one instance."""
    found: dict[str, set[str]] = {}
    resources: list[dict[str, Any]] = state.get("resources") or []
    for resource in resources:
        needed = found.setdefault(f"{resource.get('type')}.{resource.get('name')}", set())
        for instance in resource.get("instances") or ():
            needed.update(instance.get("dependencies") or ())
    return found
