"""What a deploy has to be allowed: the actions that its changes certainly take, each on the resources that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundsill.aws.calls import actions_of, arn_forms, control_of
from groundsill.aws.controls import Control, naming_argument
from groundsill.graph.graph import Graph
from groundsill.graph.reference import Reference, holds_reference
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View
from groundsill.terraform.changes import PlanSummary
from groundsill.terraform.failures import base_address

SAMPLE = "0123456789abcdef0"
"""Stands for an identifier that AWS gives later: policies name it by a pattern, or not at all."""
_PUSH = ("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
         "ecr:CompleteLayerUpload", "ecr:PutImage")
_TAGS = ("tags", "tags_all")


@dataclass(frozen=True, slots=True)
class Need:
    """An action that a change takes.

    Arguments:
        action: for example ``sqs:CreateQueue``.
        arns: what it may name: whoever may do it on one of them may do it, as far as can be said beforehand; ``("*",)``
            where it names nothing.
        region: where.
        address: of the resource that takes it.
    """

    action: str
    arns: tuple[str, ...]
    region: str
    address: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change of one resource.

    Arguments:
        address: Terraform address, without the key of one instance.
        type: Terraform type.
        action: ``create``, ``update``, ``replace`` or ``destroy``.
        before: attributes of what is there; empty where nothing is.
    """

    address: str
    type: str
    action: str
    before: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)


def wanted_by_state(graph: Graph, resources: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """What a deploy makes and takes away, told from the state alone: what it changes only a plan says.

    Arguments:
        graph: the definition's.
        resources: of the state.
    """
    there = {base_address(str(item["address"])): item for item in resources}
    moved = {name for resource in graph for name in _earlier(resource)}
    made = [Wanted(item.address, item.type, "create") for item in graph
            if not item.data and item.address not in there and not set(_earlier(item)) & there.keys()]
    gone = [Wanted(address, str(item.get("type")), "destroy", item.get("values") or {}) for address, item in there.items()
            if address not in graph and address not in moved]
    return made + gone


def wanted_by_plan(plan: PlanSummary) -> list[Wanted]:
    """What a plan changes; a change of tags alone is left out.

    Arguments:
        plan: the plan.
    """
    before: dict[str, Mapping[str, Any]] = {}
    for item in plan.content:
        change: Mapping[str, Any] = item.get("change") or {}
        before[str(item.get("address"))] = change.get("before") or {}
    return [
        Wanted(base_address(change.address), change.type, change.action, before.get(change.address, {}))
        for change in plan.changes if change.action in ("create", "replace", "destroy") or (
            change.action == "update" and any(item.path.partition("[")[0].partition(".")[0] not in _TAGS
                                              for item in change.attributes))
    ]


class Needs:
    """Works out what changes take.

    Arguments:
        graph: the definition's.
        partition: of the account, for example ``aws``.
        account: 12 digits.
    """

    def __init__(self, graph: Graph, partition: str, account: str) -> None:
        self._graph = graph
        self._view = View(graph)
        self._place = (partition, account)
        self._regions = {provider.alias: provider.region for provider in graph.providers}

    def of(self, wanted: Iterable[Wanted], *, pushed: Iterable[str] = ()) -> list[Need]:
        """What these changes take, and pushing images.

        Arguments:
            wanted: the changes.
            pushed: addresses of the image repositories that something is pushed to.
        """
        found: dict[Need, None] = {}
        for item in wanted:
            resource = self._graph.resources.get(item.address)
            arguments = resource.arguments if resource is not None and item.action != "destroy" else item.before
            region = self._regions.get(resource.provider, self._graph.region) if resource else self._graph.region
            name = self._name(resource, item.type) if resource else _own_name(item.type, item.before)
            for action in actions_of(item.type, item.action, arguments):
                found |= dict.fromkeys(self._need(action, item.address, item.type, name, region))
            if resource is not None and item.action in ("create", "replace") and not item.type.startswith("aws_iam_"):
                found |= dict.fromkeys(self._passed(resource, region))
        for address in pushed:
            if address in self._graph:
                name = self._name(self._graph[address], "aws_ecr_repository")
                for action in _PUSH:
                    found |= dict.fromkeys(self._need(action, address, "aws_ecr_repository", name, self._graph.region))
        return list(found)

    def _need(self, action: str, address: str, type: str, name: str | None, region: str) -> Iterator[Need]:
        control = control_of(type)
        forms = arn_forms().get(action, ())
        if control is None:
            return
        if not forms or action.partition(":")[2] in control.unnamed:
            yield Need(action, ("*",), region, address)
            return
        if name is None and any("{name}" in form for form in control.arns):
            return  # its name is known only later, so nothing can be said
        partition, account = self._place
        own = [form.format(region=region, account=account, name=name or SAMPLE, other=SAMPLE) for form in forms]
        own += [form.format(region=region, account=account, name=name or SAMPLE) for form in control.arns
                if control.service == action.partition(":")[0]]
        yield Need(action, tuple(dict.fromkeys(f"arn:{partition}:{arn}" for arn in own)), region, address)

    def _passed(self, resource: Resource, region: str) -> Iterator[Need]:
        """The right to hand roles to a service, which whoever makes the resource needs."""
        for reference in _roles(resource.arguments):
            role = self._graph.target(reference)
            if role is not None and role.type == "aws_iam_role" and not role.data:
                name = self._name(role, "aws_iam_role")
                yield from self._need("iam:PassRole", resource.address, "aws_iam_role", name, region)

    def _name(self, resource: Resource, type: str) -> str | None:
        """The name in a resource's ARN: its own, else that of the one that it belongs to; None where it is not known."""
        control = control_of(type)
        if control is None:
            return None
        naming = naming_argument(type, control)
        for argument, end in ((naming, ""), (f"{naming}_prefix", SAMPLE)):
            value = self._view.get(resource, *argument.split("."))
            owner = self._graph.target(value) if isinstance(value, Reference) else None
            if owner is not None:
                value = self._view.get(owner, control.argument)
            if isinstance(value, str) and value and not holds_reference(value):
                return value + end
        for reference in self._graph.references(resource.address):
            owner = self._graph.target(reference)
            if owner is not None and owner.address != resource.address and _same(control_of(owner.type), control):
                value = self._view.get(owner, control.argument)
                if isinstance(value, str) and not holds_reference(value):
                    return value
        return None


def _same(one: Control | None, other: Control) -> bool:
    return one is not None and (one.service, one.argument) == (other.service, other.argument)


def _own_name(type: str, values: Mapping[str, Any]) -> str | None:
    control = control_of(type)
    value: Any = values if control else None
    for part in naming_argument(type, control).split(".") if control else ():
        value = value.get(part) if is_mapping(value) else None
    return value if isinstance(value, str) and value else None


def _earlier(resource: Resource) -> tuple[str, ...]:
    return tuple(name if "." in name else f"{resource.type}.{name}" for name in resource.moved_from)


def _roles(value: Any, name: str = "") -> Iterator[Reference]:
    """References in arguments that hand a role over."""
    if is_mapping(value):
        for key, item in value.items():
            yield from _roles(item, str(key))
    elif is_list(value):
        for item in value:
            yield from _roles(item, name)
    elif isinstance(value, Reference) and (name == "role" or name.endswith("role_arn")) and value.attribute == "arn":
        yield value
