"""Instances of modules: what their names mean, and which modules they call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundsill.graph.diagnostics import Severity, did_you_mean
from groundsill.graph.reference import Reference, Unknown
from groundsill.sources.hcl.syntax import Block, Expression, Literal, Object
from groundsill.sources.terraform.configuration import Module, static_path
from groundsill.sources.terraform.instances import (
    UNKNOWN_NAMES,
    Instance,
    Keys,
    UnknownNumberError,
    keys_of,
    names_of,
)
from groundsill.sources.terraform.names import Handle, Namespace, Scope, UndeclaredError
from groundsill.sources.terraform.types import Converter, constraint_of
from groundsill.sources.terraform.values import EvaluationError, NotKnownError, as_bool, references_of

if TYPE_CHECKING:
    from groundsill.sources.terraform.world import Configuration

_OWN = ("source", "version", "providers", "count", "for_each", "depends_on")
_DEEPEST = 16


class ModuleInstance:
    """One instance of a module.

    Arguments:
        world: the configuration as a whole.
        module: what its files declare.
        address: empty for the root, else for example ``module.network["a"]``.
        parent: the module instance that calls it; None for the root.
        call: the block that calls it.
        names: what ``each`` or ``count`` is in that call.
        providers: alias of the root's provider for each alias in here.
    """

    def __init__(
        self, world: Configuration, module: Module, address: str = "", parent: ModuleInstance | None = None,
        call: Block | None = None, names: Mapping[str, Any] | None = None,
        providers: Mapping[str | None, str | None] | None = None,
    ) -> None:
        self.world = world
        self.module = module
        self.address = address
        self.parent = parent
        self.call = call
        self.names = names or {}
        self.providers = providers
        self.scope = Scope(self, {})
        self._values: dict[tuple[str, str], Any] = {}
        self._busy: dict[tuple[str, str], None] = {}
        self._instances: dict[str, list[Instance]] = {}
        self._children: dict[str, tuple[Keys, list[ModuleInstance]] | None] = {}

    # -- names ---------------------------------------------------------------------------------------------------------

    def named(self, path: tuple[str, ...], name: str) -> Any:
        """The value of ``path.name``: see :class:`~groundsill.sources.terraform.names.Names`."""
        match path:
            case ("var" | "local" | "module",):
                return self._once(path[0], name)
            case ("path",):
                return {"module": self.module.label, "root": "."}.get(name, Unknown(f"path.{name}"))
            case ("terraform",):
                return (self.world.stage or "default") if name == "workspace" else Unknown(f"terraform.{name}")
            case ("data" | "ephemeral",):
                return Namespace((*path, name))
            case ("each" | "count" | "self",):
                raise UndeclaredError(f"`{path[0]}.{name}` means nothing here",
                                      "the block has neither `count` nor `for_each`")
            case _:
                return self._resource(".".join((*path, name)))

    def _once(self, kind: str, name: str) -> Any:
        """A value that is worked out when it is first asked for."""
        key = (kind, name)
        if key in self._values:
            return self._values[key]
        if key in self._busy:
            circle = [f"{kind}.{name}" for kind, name in list(self._busy)[list(self._busy).index(key):]]
            self.world.report("GS4015", "values refer to each other in a circle", self._declared(kind, name),
                              " -> ".join([*circle, f"{kind}.{name}"]), "work one of them out without the others")
            return Unknown(f"{kind}.{name}")
        self._busy[key] = None
        try:
            value = {"var": self._variable, "local": self._local, "module": self._called, "output": self._output}[kind](name)
        finally:
            del self._busy[key]
        self._values[key] = value
        return value

    def _declared(self, kind: str, name: str) -> Expression | Block | None:
        found: Mapping[str, Expression | Block] = {
            "var": self.module.variables, "local": self.module.locals, "module": self.module.calls,
            "output": self.module.outputs}[kind]
        return found.get(name)

    def _local(self, name: str) -> Any:
        expression = self.module.locals.get(name)
        if expression is None:
            raise UndeclaredError.of("local", name, self.module.locals)
        return self.world.evaluation.value(expression, self.scope)

    def output(self, name: str) -> Any:
        """The value of an output."""
        return self._once("output", name)

    def _output(self, name: str) -> Any:
        block = self.module.outputs.get(name)
        if block is None:
            raise UndeclaredError.of("output", name, self.module.outputs)
        expression = block.body.attributes.get("value")
        return None if expression is None else self.world.evaluation.value(expression, self.scope)

    # -- variables -----------------------------------------------------------------------------------------------------

    def _variable(self, name: str) -> Any:
        block = self.module.variables.get(name)
        if block is None:
            raise UndeclaredError.of("variable", name, self.module.variables)
        sensitive = is_true(block.body.attributes.get("sensitive"))
        given = self._given(name, block)
        if self.parent is None and (sensitive or given is None) and not self._nothing_given(name, block):
            return Reference(f"var.{name}")
        if self.parent is None and given is None and "default" not in block.body.attributes:
            return Reference(f"var.{name}")
        if sensitive and not isinstance(given, Reference):
            return Unknown(f"var.{name}", references_of(given))
        return given

    def _nothing_given(self, name: str, block: Block) -> bool:
        """Whether the value of a root's variable is its default of null."""
        default = block.body.attributes.get("default")
        return name not in self.world.given and isinstance(default, Literal) and default.value is None \
            and not is_true(block.body.attributes.get("sensitive"))

    def _given(self, name: str, block: Block) -> Any:
        evaluation = self.world.evaluation
        wanted = constraint_of(block.body.attributes.get("type"))
        default = block.body.attributes.get("default")
        if self.parent is None:
            if name in self.world.given:
                value = self.world.given_value(name)
            else:
                value = None if default is None else evaluation.value(default, self.scope)
        else:
            expression = self.call.body.attributes.get(name) if self.call else None
            if expression is None and default is None:
                self.world.report("GS4024", f"module `{self.call.labels[0] if self.call else ''}` is not given `{name}`",
                                  self.call, mend=f"add {name} = ...")
                return Unknown(f"var.{name}")
            value = evaluation.value(expression, self.caller) if expression is not None else None
            nullable = not is_false(block.body.attributes.get("nullable"))
            if value is None and default is not None and (expression is None or not nullable):
                value = evaluation.value(default, self.scope)
        try:
            return Converter(self._default).convert(value, wanted)
        except (EvaluationError, NotKnownError) as error:
            self.world.report("GS4027", f"the value of variable `{name}` does not fit its type",
                              self.call if self.parent else block, detail=str(error))
            return Unknown(f"var.{name}")

    def _default(self, expression: Expression) -> Any:
        return self.world.evaluation.value(expression, self.scope)

    @property
    def caller(self) -> Scope:
        """Where the arguments of the module's call stand."""
        assert self.parent is not None
        return Scope(self.parent, self.names)

    def check_variables(self) -> None:
        """Ask the conditions that the module puts on its variables."""
        evaluation = self.world.evaluation
        for name, block in self.module.variables.items():
            for validation in block.body.of_type("validation"):
                condition = validation.body.attributes.get("condition")
                if condition is None:
                    continue
                try:
                    holds = as_bool(evaluation.settle(evaluation.value(condition, self.scope)))
                except (EvaluationError, NotKnownError):
                    continue
                message = validation.body.attributes.get("error_message")
                if not holds:
                    told = evaluation.value(message, self.scope) if message is not None else ""
                    self.world.report("GS4027", f"the value of variable `{name}` is refused by its own condition",
                                      self.call or block, detail=told if isinstance(told, str) else "")

    # -- resources -----------------------------------------------------------------------------------------------------

    def _resource(self, key: str) -> Any:
        if key not in self.module.resources:
            kind = "data source" if key.startswith("data.") else "resource"
            raise UndeclaredError.of(kind, key, [name for name in self.module.resources
                                                 if name.startswith("data.") == key.startswith("data.")])
        instances = self.instances(key)
        if not instances:
            block = self.module.resources[key]
            return {} if "for_each" in block.body.attributes else []
        if instances[0].key is None:
            return Reference(instances[0].address)
        if isinstance(instances[0].key, str):
            return {str(instance.key): Reference(instance.address) for instance in instances}
        return [Reference(instance.address) for instance in instances]

    def instances(self, key: str) -> list[Instance]:
        """The instances of one of its resources."""
        if key not in self._instances:
            block = self.module.resources[key]
            self._instances[key] = [Instance(block, self, None, {})]  # for a block whose number depends on itself
            self._instances[key] = self._made(block)
            for instance in self._instances[key]:
                self.world.register(instance)
        return self._instances[key]

    def _made(self, block: Block) -> list[Instance]:
        try:
            keys = keys_of(block.body, self)
        except (UnknownNumberError, EvaluationError) as error:
            self._say_unknown(block, error)
            instance = Instance(block, self, None, UNKNOWN_NAMES)
            self.world.unexpanded_addresses.add(instance.address)
            return [instance]
        if keys is None:
            return [Instance(block, self, None, {})]
        return [Instance(block, self, key, names_of(keys, key)) for key in keys]

    def _say_unknown(self, block: Block, error: Exception) -> None:
        expression = block.body.attributes.get("count") or block.body.attributes.get("for_each")
        subject = " ".join([block.type, *(json.dumps(label) for label in block.labels)])
        if isinstance(error, UndeclaredError):
            self.world.report("GS4016", error.summary, expression, mend=error.mend)
        elif isinstance(error, EvaluationError):
            self.world.report("GS4019", f"the number of {subject} is not valid", expression, str(error))
        else:
            self.world.report(
                "GS4018", f"how many of {subject} there will be is known only after apply", expression,
                f"{expression.text if expression else ''}: it is read as one", severity=Severity.WARNING)

    def provider_alias(self, block: Block) -> str | None:
        """The root's alias of the provider that a resource names."""
        path = static_path(block.body.attributes.get("provider"))
        alias = str(path[1]) if len(path) > 1 else None
        if self.providers is None:
            return alias
        return self.providers.get(alias, alias)

    # -- modules that it calls -----------------------------------------------------------------------------------------

    def _called(self, name: str) -> Any:
        if name not in self.module.calls:
            raise UndeclaredError.of("module", name, self.module.calls)
        made = self.children(name)
        if made is None:
            return Unknown(f"module.{name}")
        keys, instances = made
        if keys is None:
            return Handle(instances[0])
        if isinstance(keys, list):
            return [Handle(instance) for instance in instances]
        return dict(zip(keys, [Handle(instance) for instance in instances], strict=True))

    def children(self, name: str) -> tuple[Keys, list[ModuleInstance]] | None:
        """The instances of a module that it calls; None where its files cannot be had."""
        if name not in self._children:
            self._children[name] = None  # for a module whose number depends on itself
            self._children[name] = self._call(name)
        return self._children[name]

    def _call(self, name: str) -> tuple[Keys, list[ModuleInstance]] | None:
        call = self.module.calls[name]
        module = self.world.module_of(call, self)
        if module is None:
            return None
        for argument, expression in call.body.attributes.items():
            if argument not in module.variables and argument not in _OWN:
                self.world.report("GS4024", f"module `{name}` has no variable `{argument}`", expression,
                                  mend=did_you_mean(argument, module.variables, what="Its variables"))
        address = f"{self.address}.module.{name}" if self.address else f"module.{name}"
        providers = self._passed_providers(call.body.attributes.get("providers"))
        try:
            keys = keys_of(call.body, self)
        except (UnknownNumberError, EvaluationError) as error:
            self._say_unknown(call, error)
            return None, [ModuleInstance(self.world, module, address, self, call, UNKNOWN_NAMES, providers)]
        if keys is None:
            return None, [ModuleInstance(self.world, module, address, self, call, {}, providers)]
        return keys, [
            ModuleInstance(self.world, module, f"{address}[{json.dumps(key, ensure_ascii=False)}]", self, call,
                           names_of(keys, key), providers) for key in keys]

    def _passed_providers(self, expression: Expression | None) -> Mapping[str | None, str | None] | None:
        """Root aliases by the aliases that a called module knows."""
        inherited = self.providers
        if not isinstance(expression, Object):
            return inherited
        passed: dict[str | None, str | None] = {}
        for key, value in expression.items:
            inner, outer = static_path(key), static_path(value)
            if inner and outer:
                alias = str(outer[1]) if len(outer) > 1 else None
                passed[str(inner[1]) if len(inner) > 1 else None] = alias if inherited is None else inherited.get(alias, alias)
        return passed

    @property
    def depth(self) -> int:
        """How many modules it is inside of."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def too_deep(self) -> bool:
        """Whether it is deeper than modules are ever nested."""
        return self.depth >= _DEEPEST


def is_true(expression: Expression | None) -> bool:
    """Whether an argument is the literal true."""
    return isinstance(expression, Literal) and expression.value in (True, "true")


def is_false(expression: Expression | None) -> bool:
    """Whether an argument is the literal false."""
    return isinstance(expression, Literal) and expression.value in (False, "false")

