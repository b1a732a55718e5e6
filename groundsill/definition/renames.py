"""A component that got another name: what AWS and Terraform have of it stays the same thing.

``formerly`` is an argument of every component: ``Table("purchases", key="Id", formerly="orders")``. What AWS shows (names
from the pattern, the ``Component`` tag) stays as it was, because most AWS names cannot be changed and another one would be
another, empty resource. Terraform is told of the new address by ``moved`` blocks. The argument stays in the definition as
long as the component lives; only one whose names are all given (``name=``) can do without it after every stage is deployed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.definition.naming import terraform_name

if TYPE_CHECKING:
    from groundsill.definition.building import Building


def take_formerly(name: str, named: dict[str, Any], building: Building) -> dict[str, Any]:
    """The named arguments without ``formerly``, which is kept aside."""
    earlier = named.get("formerly")
    rest = {key: value for key, value in named.items() if key != "formerly"}
    if earlier is None:
        return rest
    if not isinstance(earlier, str) or not terraform_name(earlier).strip("_"):
        building.report("GS1209", "`formerly` is not the name that a component had", f"it is {earlier!r}",
                        'write for example formerly="orders"')
    elif terraform_name(earlier) == terraform_name(name):
        building.report("GS1209", f"`formerly` names the component's name of now: {earlier}",
                        mend="leave it away, or write the name before the rename")
    elif earlier in building.formerly.values():
        building.report("GS1209", f"two components say that they were `{earlier}`", mend="only one of them can be")
    else:
        building.formerly[name] = earlier
    return rest


def add_moves(building: Building) -> None:
    """Tell every resource of a renamed component where it was. Run when the definition is whole."""
    for name, earlier in building.formerly.items():
        if earlier in building.components or earlier in building.unbuilt:
            first = building.components.get(earlier) or building.unbuilt[earlier]
            component = building.components.get(name)
            building.report(
                "GS1209", f"`{name}` says that it was `{earlier}`, but there still is one of that name",
                f"it is at {first.location}", "give the other one a name that was not used before, or leave `formerly` away",
                location=component.location if component else None, subject=component.subject if component else "",
            )
            continue
        now, before = terraform_name(name), terraform_name(earlier)
        for resource in building.graph.of_component(name):
            if resource.data or not (resource.name == now or resource.name.startswith(f"{now}_")):
                continue
            address = f"{resource.type}.{before}{resource.name.removeprefix(now)}"
            if address not in building.graph and address not in resource.moved_from:
                resource.moved_from = (*resource.moved_from, address)
