"""Replacements whose new object is made first, killed before the state knew of both objects.

The state still has the old object at the address that the new one belongs to, and Terraform imports nothing to an address
that has one. So the old one is set aside under an address of its own, which Terraform would destroy with what is in no
definition; the new one is imported; and then the old one becomes what Terraform calls deposed: what a replacement has
left at its address. The state is as if it had been written in time, so Terraform destroys the old one once everything
that referred to it refers to the new one. Each step leaves a state in which both are known.

Source: ``internal/states/statefile/version4.go`` of Terraform (``deposed``); OpenTofu writes the same form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from groundsill.terraform.deployment import Deployment
from groundsill.terraform.invocation import private_file, scratch_folder

_SUFFIX = "__replaced"
_VERSION = 4
"""Of the state's form: that of Terraform since 0.12 and of every OpenTofu."""


def aside(address: str) -> str:
    """The address under which a replaced object waits.

    Example:
        >>> aside('aws_lb_target_group.web["a"]')
        'aws_lb_target_group.web__replaced["a"]'
    """
    base, bracket, key = address.partition("[")
    return f"{base}{_SUFFIX}{bracket}{key}"


def set_aside(about: Deployment, address: str) -> None:
    """Free an address for the new object.

    Raises:
        GroundsillError: where the state cannot be written.
    """
    about.locked(lambda: about.engine.state_mv(about.directory, address, aside(address)))


def put_back(about: Deployment, address: str) -> None:
    """Give a replaced object its address back: nothing has replaced it.

    Raises:
        GroundsillError: where the state cannot be written.
    """
    about.locked(lambda: about.engine.state_mv(about.directory, aside(address), address))


def depose(about: Deployment, address: str, *, new: bool = False) -> None:
    """Have one of two objects destroyed by the next apply, when nothing refers to it any more.

    Arguments:
        about: the stage.
        address: where the new object is; the old one is set aside.
        new: whether the new one has to go, because the definition means the old one again; default the old one.

    Raises:
        GroundsillError: where the state cannot be written.
    """
    state = about.engine.state_pull(about.directory)
    if state.get("version") == _VERSION and deposed(state, address, new=new):
        with scratch_folder() as scratch:
            file = private_file(scratch / "state", json.dumps(state))
            about.locked(lambda: about.engine.state_push(about.directory, file))


def deposed(state: dict[str, Any], address: str, *, new: bool = False) -> bool:
    """Change a state so that one of two objects is deposed; whether it had both.

    Arguments:
        state: as it is kept.
        address: where the new object is.
        new: whether the new one is deposed.
    """
    resources: list[dict[str, Any]] = state["resources"]
    here, there = _resource(resources, address), _resource(resources, aside(address))
    current, old = _instance(here, address), _instance(there, address)
    if here is None or there is None or current is None or old is None:
        return False
    loser = current if new else old
    taken = {item.get("deposed") for item in here["instances"]}
    loser["deposed"] = next(key for number in range(1, len(taken) + 2) if (key := f"{number:08x}") not in taken)
    there["instances"].remove(old)
    here["instances"].append(old)
    if not there["instances"]:
        resources.remove(there)
    state["serial"] += 1
    return True


def _resource(resources: list[dict[str, Any]], address: str) -> dict[str, Any] | None:
    base = address.partition("[")[0]
    return next((item for item in resources if item.get("mode") == "managed" and "module" not in item
                 and f"{item.get('type')}.{item.get('name')}" == base), None)


def _instance(resource: Mapping[str, Any] | None, address: str) -> dict[str, Any] | None:
    """The object at an address that is not deposed."""
    key = address.partition("[")[2].removesuffix("]")
    wanted = json.loads(key) if key else None
    instances: list[dict[str, Any]] = resource["instances"] if resource else []
    return next((item for item in instances if item.get("index_key") == wanted and not item.get("deposed")), None)
