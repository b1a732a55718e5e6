"""What a plan changes, read from Terraform's own description of it.

Source: Terraform documentation, "JSON Output Format", Plan Representation and Change Representation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.events import Problem
from groundsill.terraform.stateful import STATEFUL, holds_data

_ACTIONS: dict[tuple[str, ...], str] = {
    ("no-op",): "none", ("create",): "create", ("read",): "read", ("update",): "update", ("delete",): "destroy",
    ("delete", "create"): "replace", ("create", "delete"): "replace", ("forget",): "forget",
}
UNKNOWN = "(known after apply)"
SENSITIVE = "(sensitive)"
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute before and after. Values that are secret or not known yet are words in parentheses.

    Arguments:
        path: for example ``attribute[0].name``.
        before: the value in the state, None where there is none.
        after: the value of the plan.
        forces_replacement: whether this is why the resource is replaced.
    """

    path: str
    before: Any
    after: Any
    forces_replacement: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource.

    Arguments:
        address: Terraform address.
        type: Terraform type.
        action: ``create``, ``update``, ``replace``, ``destroy``, ``read``, ``forget`` or ``none``.
        attributes: what differs; empty where the resource is made or destroyed as a whole.
        reason: why, in Terraform's word, for example ``replace_because_cannot_update``.
        moved_from: its earlier address, where it was moved.
        imported: identifier by which it is taken over, empty otherwise.
        outside: whether the change was made by somebody else and is only found here.
        component: component that the resource's tags name, empty where they name none.
        deposed: whether it is the old object of a replacement that did not come to its end; the new one has its address.
    """

    address: str
    type: str
    action: str
    attributes: tuple[AttributeChange, ...] = ()
    reason: str = ""
    moved_from: str = ""
    imported: str = ""
    outside: bool = False
    component: str = ""
    deposed: bool = False

    @property
    def forced_by(self) -> tuple[str, ...]:
        """Attributes that force the replacement."""
        return tuple(item.path for item in self.attributes if item.forces_replacement)

    @property
    def loses(self) -> str:
        """What is lost with the resource; empty where nothing is."""
        return STATEFUL.get(self.type, "") if self.action in ("replace", "destroy") else ""

    @property
    def loses_data(self) -> bool:
        """Whether something is lost that nothing makes again."""
        return self.action in ("replace", "destroy") and holds_data(self.type)

    @property
    def is_change(self) -> bool:
        """Whether an apply would do something for it, be it only in the state."""
        return self.action not in ("none", "read") or bool(self.moved_from) or bool(self.imported)

    def to_dict(self) -> dict[str, Any]:
        """The change for ``--json``."""
        return {
            "address": self.address, "action": self.action, "reason": self.reason or None,
            "moved_from": self.moved_from or None, "imported": self.imported or None,
            "deposed": self.deposed, "forced_by": list(self.forced_by),
            "loses": self.loses or None, "loses_data": self.loses_data,
            "attributes": [
                {"path": item.path, "before": item.before, "after": item.after,
                 "forces_replacement": item.forces_replacement}
                for item in self.attributes
            ],
        }


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan.

    Arguments:
        path: the plan file, which ``apply`` takes.
        changes: every resource that changes, by address; those that stay as they are, are not among them.
        drift: what somebody else changed since the last apply.
        outputs: name of each output that changes, and its action.
        warnings: what Terraform warned of.
        seconds: how long the plan took.
        prior: the state that the plan starts from, as Terraform's JSON; it holds values, so it is never shown.
        content: the changes as Terraform's JSON, which is never shown either.
    """

    path: Path
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[Problem, ...] = ()
    seconds: float = 0.0
    prior: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
    content: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, compare=False)

    @property
    def has_changes(self) -> bool:
        """Whether an apply would do anything."""
        return bool(self.changes or self.outputs)

    @property
    def counts(self) -> dict[str, int]:
        """Resources by action, moves and imports beside."""
        found: dict[str, int] = dict.fromkeys(("create", "update", "replace", "destroy", "move", "import", "forget"), 0)
        for change in self.changes:
            if change.action in found:
                found[change.action] += 1
            found["move"] += bool(change.moved_from)
            found["import"] += bool(change.imported)
        return found

    @property
    def losses(self) -> tuple[Change, ...]:
        """Changes that lose data that nothing makes again."""
        return tuple(change for change in self.changes if change.loses_data)


def read_plan(content: Mapping[str, Any], path: Path, *, warnings: tuple[Problem, ...] = (),
              seconds: float = 0.0) -> PlanSummary:
    """The plan of ``terraform show -json PLAN``."""
    changes = (read_change(item) for item in content.get("resource_changes") or ())
    drift = (read_change(item, outside=True) for item in content.get("resource_drift") or ())
    found: Mapping[str, Mapping[str, Any]] = content.get("output_changes") or {}
    outputs = {name: _action(found[name].get("actions")) for name in sorted(found)}
    return PlanSummary(
        path, tuple(change for change in changes if change.is_change),
        tuple(change for change in drift if change.is_change),
        {name: action for name, action in outputs.items() if action != "none"}, warnings, seconds,
        content.get("prior_state") or {}, tuple(content.get("resource_changes") or ()),
    )


def read_change(item: Mapping[str, Any], *, outside: bool = False) -> Change:
    """One entry of ``resource_changes`` or ``resource_drift``."""
    change: Mapping[str, Any] = item.get("change") or {}
    action = _action(change.get("actions"))
    address = str(item.get("address") or "")
    importing: Any = change.get("importing")
    return Change(
        address, str(item.get("type") or ""), action,
        tuple(_attributes(change)) if action in ("update", "replace") else (),
        str(item.get("action_reason") or ""), str(item.get("previous_address") or ""),
        str(importing.get("id") or "-") if is_mapping(importing) else "", outside, _component(change), bool(item.get("deposed")),
    )


def _component(change: Mapping[str, Any]) -> str:
    for side in (change.get("after"), change.get("before")):
        tags = (side.get("tags_all") or side.get("tags")) if is_mapping(side) else None
        if is_mapping(tags) and tags.get("Component"):
            return str(tags["Component"])
    return ""


def _action(actions: Any) -> str:
    return _ACTIONS.get(tuple(actions or ("no-op",)), "update")


def _attributes(change: Mapping[str, Any]) -> Iterator[AttributeChange]:
    forcing = [tuple(path) for path in change.get("replace_paths") or ()]
    before = _Side(change.get("before"), None, change.get("before_sensitive"))
    after = _Side(change.get("after"), change.get("after_unknown"), change.get("after_sensitive"))
    for path, old, new in _differences((), before, after):
        # Of a set the path ends at the set itself; of a list it may go deeper than the first difference.
        forced = any(path[: len(force)] == force or force[: len(path)] == path for force in forcing)
        yield AttributeChange(path_text(path), old, new, forced)


@dataclass(frozen=True, slots=True)
class _Side:
    """A value, with the marks that stand beside it in trees of the same shape."""

    value: Any
    unknown: Any = None
    sensitive: Any = None

    def at(self, key: Any) -> _Side:
        return _Side(_member(self.value, key), _member(self.unknown, key), _member(self.sensitive, key))

    @property
    def shown(self) -> Any:
        if self.sensitive is True:
            return SENSITIVE
        if self.unknown is True:
            return UNKNOWN
        return None if self.value is _ABSENT else without_secrets(self.value, self.sensitive)


def without_secrets(value: Any, sensitive: Any) -> Any:
    """A value whose secret parts, marked in a tree of the same shape, are words in parentheses."""
    if sensitive is True:
        return SENSITIVE
    if is_mapping(value) and is_mapping(sensitive):
        return {key: without_secrets(item, sensitive.get(key)) for key, item in value.items()}
    if is_list(value) and is_list(sensitive):
        marks = [*sensitive, *[None] * len(value)]
        return [without_secrets(item, mark) for item, mark in zip(value, marks, strict=False)]
    return value


def _member(tree: Any, key: Any) -> Any:
    if tree is True:
        return True
    if is_mapping(tree):
        return tree.get(key, _ABSENT)
    if is_list(tree) and isinstance(key, int) and key < len(tree):
        return tree[key]
    return _ABSENT


def _differences(path: tuple[Any, ...], before: _Side, after: _Side) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    # Known only later inside: the members of the tree of marks tell which.
    if after.unknown is True or before.sensitive is True or after.sensitive is True:
        same = after.unknown is not True and before.value == after.value
        if not same:
            yield path, before.shown, after.shown
        return
    if is_mapping(before.value) and is_mapping(after.value):
        later: Mapping[str, Any] = after.unknown if is_mapping(after.unknown) else {}
        for key in dict.fromkeys([*before.value, *after.value, *later]):
            yield from _differences((*path, key), before.at(key), after.at(key))
        return
    if is_list(before.value) and is_list(after.value) and len(before.value) == len(after.value) and before.value:
        for index in range(len(before.value)):
            yield from _differences((*path, index), before.at(index), after.at(index))
        return
    if _plain(before.value) != _plain(after.value):
        yield path, before.shown, after.shown


def _plain(value: Any) -> Any:
    return None if value is _ABSENT else value


def path_text(path: tuple[Any, ...]) -> str:
    """A path as a user would write it.

    Example:
        >>> path_text(("attribute", 0, "name"))
        'attribute[0].name'
    """
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def value_text(value: Any, *, longest: int = 60) -> str:
    """A value on one line, cut where it is long."""
    text = value if value in (UNKNOWN, SENSITIVE) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
