"""What a state holds, as Terraform shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def state_resources(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every resource of ``terraform show -json``, data sources left out."""
    values: Mapping[str, Any] = state.get("values") or {}
    root: Mapping[str, Any] = values.get("root_module") or {}
    found: list[dict[str, Any]] = root.get("resources") or []
    return [resource for resource in found if resource.get("mode") != "data"]
