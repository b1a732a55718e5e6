"""What a plan's configuration refers to: references followed through modules to instances of resources.

Source: Terraform documentation, "JSON Output Format", Configuration Representation and Expression Representation. An
expression there is a constant, or the list of what it refers to; its text is not in the file, nor are local values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.graph.reference import Reference, Step
from groundsill.graph.shapes import is_list, is_mapping

_DEEPEST = 32
_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.(\d+)|\.?(\*)|\[\*\]')
_BOUNDARY = re.compile(r"[.\[]")
_EACH = ("each.key", "each.value", "count.index")
_NO_RESOURCES = ("local", "path", "terraform", "count", "self", "each", "var", "module")
NOTHING: Mapping[str, Any] = {}


def mapping(value: Any) -> Mapping[Any, Any]:
    """The value where it is a mapping, else an empty one: a plan that somebody edited may hold anything."""
    return value if is_mapping(value) else NOTHING


def items(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return list(value) if is_list(value) else []


def text(value: Any) -> str:
    """The value where it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def steps_of(reference: str) -> list[Step]:
    """The steps of a reference as a plan writes it.

    Example:
        >>> steps_of('module.net["a"].aws_subnet.public[0].id')
        ['module', 'net', 'a', 'aws_subnet', 'public', 0, 'id']
    """
    found: list[Step] = []
    position = 0
    while match := _STEP.match(reference, position):
        name, index, key, attribute, _ = match.groups()
        number = index or attribute
        if number is not None:
            found.append(int(number) if len(number) < 10 else number)
        elif name is not None or key is not None:
            found.append(name if name is not None else key.replace('\\"', '"'))
        position = match.end()
    return found


@dataclass(frozen=True, slots=True)
class Instance:
    """A module instance or a resource instance that expressions are read in.

    Arguments:
        module: address of the module instance, empty for the root.
        configuration: the module's part of the configuration.
        call: the module call that made it, with the instance it was made in; None for the root.
        caller: the module instance of that call.
        key: the instance's key in its call, or of the resource whose expression is read.
        for_each: the ``for_each`` expression of the resource or module whose key it is.
    """

    module: str
    configuration: Mapping[str, Any]
    call: Mapping[str, Any] | None = None
    caller: Instance | None = None
    key: Step | None = None
    for_each: Any = None
    call_key: Step | None = None


class Configuration:
    """The configuration of a plan and the instances that the plan has.

    Arguments:
        root: ``configuration.root_module``.
        addresses: addresses of every resource instance of the plan.
    """

    def __init__(self, root: Mapping[str, Any], addresses: Iterable[str]) -> None:
        self.root = Instance("", root)
        self._instances: dict[str, list[str]] = {}
        self._modules: dict[str, Instance] = {"": self.root}
        self._resources: dict[int, dict[str, Mapping[str, Any]]] = {}
        for address in addresses:
            self._instances.setdefault(without_key(address), []).append(address)

    def module(self, address: str) -> Instance | None:
        """The module instance of an address such as ``module.network["a"].module.inner``."""
        if address not in self._modules:
            parent, name, key = _split_module(address)
            above = self.module(parent) if name and len(address) < 2000 else None
            call = mapping(mapping(above.configuration.get("module_calls")).get(name)) if above else NOTHING
            if above is None or not call:
                return None
            self._modules[address] = Instance(
                address, mapping(call.get("module")), call, above, None, None, key)
        return self._modules[address]

    def resource(self, module: Instance, address: str) -> Mapping[str, Any]:
        """A resource's part of its module's configuration, by its address inside the module without a key."""
        known = self._resources.get(id(module.configuration))
        if known is None:
            known = {text(mapping(item).get("address")): mapping(item)
                     for item in items(module.configuration.get("resources"))}
            self._resources[id(module.configuration)] = known
        return known.get(address, NOTHING)

    def references(self, expression: Any, inside: Instance, depth: int = 0) -> list[Reference]:
        """What an expression refers to: attributes of resource instances where it says which, else whole instances."""
        if depth > _DEEPEST:
            return []
        written = [item for item in items(mapping(expression).get("references")) if isinstance(item, str)]
        keyed = any(item.startswith(_EACH) for item in written)
        found: dict[Reference, None] = {}
        for item in _longest(written):
            for reference in self._reference(steps_of(item), inside, keyed, depth + 1):
                found[reference] = None
        return list(found)

    def _reference(self, steps: list[Step], inside: Instance, keyed: bool, depth: int) -> Iterator[Reference]:
        head = steps[0] if steps else ""
        if head == "var" and len(steps) > 1:
            yield from self._variable(steps, inside, depth)
        elif head == "module" and len(steps) > 2:
            yield from self._output(steps, inside, keyed, depth)
        elif head == "each":
            expression = inside.for_each
            # `each.value.id`, where the resources of `for_each` have the same keys: the one of this key.
            for reference in self.references(expression, inside, depth) if steps[1:2] == ["value"] else ():
                if not reference.path and (inside.key is None or _key_text(inside.key) in reference.address):
                    yield reference.at(*steps[2:])
        elif isinstance(head, str) and head and head not in _NO_RESOURCES:
            yield from self._resource(steps, inside, keyed)

    def _variable(self, steps: list[Step], inside: Instance, depth: int) -> Iterator[Reference]:
        name = steps[1]
        if inside.call is None or inside.caller is None:
            declared = mapping(mapping(inside.configuration.get("variables")).get(str(name)))
            if declared.get("sensitive") is True:
                yield Reference(f"var.{name}", tuple(steps[2:]))
            return
        expression = mapping(inside.call.get("expressions")).get(str(name))
        caller = inside.caller
        calling = Instance(caller.module, caller.configuration, caller.call, caller.caller, inside.call_key,
                           inside.call.get("for_each_expression"), caller.call_key)
        for reference in self.references(expression, calling, depth):
            yield reference.at(*steps[2:])

    def _output(self, steps: list[Step], inside: Instance, keyed: bool, depth: int) -> Iterator[Reference]:
        name = str(steps[1])
        prefix = f"{inside.module}." if inside.module else ""
        call = mapping(mapping(inside.configuration.get("module_calls")).get(name))
        counted = "count_expression" in call or "for_each_expression" in call
        rest = steps[2:]
        if counted and len(rest) > 1:
            addresses = [f"{prefix}module.{name}[{_key_text(rest[0])}]"]
            rest = rest[1:]
        elif counted and keyed and inside.key is not None:
            addresses = [f"{prefix}module.{name}[{_key_text(inside.key)}]"]
        elif counted:
            addresses = []
        else:
            addresses = [f"{prefix}module.{name}"]
        for address in addresses:
            module = self.module(address)
            if module is None or not rest:
                continue
            output = mapping(mapping(module.configuration.get("outputs")).get(str(rest[0])))
            for reference in self.references(output.get("expression"), module, depth):
                yield reference.at(*rest[1:])

    def _resource(self, steps: list[Step], inside: Instance, keyed: bool) -> Iterator[Reference]:
        size = 3 if steps[0] in ("data", "ephemeral") else 2
        if len(steps) < size:
            return
        prefix = f"{inside.module}." if inside.module else ""
        base = prefix + ".".join(str(step) for step in steps[:size])
        rest = steps[size:]
        instances = self._instances.get(base, [])
        if instances == [base]:
            yield Reference(base, tuple(rest))
            return
        if rest:
            chosen = f"{base}[{_key_text(rest[0])}]"
            if chosen in instances:
                yield Reference(chosen, tuple(rest[1:]))
                return
        if keyed and inside.key is not None and f"{base}[{_key_text(inside.key)}]" in instances:
            instances = [f"{base}[{_key_text(inside.key)}]"]
        for address in instances:
            yield Reference(address, tuple(rest))


def without_key(address: str) -> str:
    """The address of a resource's block: without the key of the instance, with the keys of its modules.

    Example:
        >>> without_key('module.net["a"].aws_subnet.public[0]')
        'module.net["a"].aws_subnet.public'
    """
    if not address.endswith("]"):
        return address
    start = address.rfind('["') if address.endswith('"]') else address.rfind("[")
    return address[:start] if start > 0 else address


def _key_text(key: Step) -> str:
    return json.dumps(key, ensure_ascii=False) if isinstance(key, int | str) else ""


_MODULE = re.compile(r'(?:^|\.)module\.([A-Za-z_][\w-]*)(?:\[(\d+|"(?:[^"\\]|\\.)*")\])?$')


def _split_module(address: str) -> tuple[str, str, Step | None]:
    match = _MODULE.search(address)
    if match is None:
        return "", "", None
    key: Step | None = None
    if match[2] is not None:
        key = match[2][1:-1] if match[2].startswith('"') else int(match[2][:9])
    return address[: match.start()], match[1], key


def _longest(written: list[str]) -> list[str]:
    """Those that are not the beginning of the one before: a plan lists ``x.y.id`` and then ``x.y``."""
    longer = {item[: match.start()] for item in written for match in _BOUNDARY.finditer(item) if match.start()}
    return [item for item in dict.fromkeys(written) if item not in longer]
