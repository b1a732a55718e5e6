"""A configuration as a whole: its root module, the modules it calls, and the graph that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.aws.arguments import checked_arguments
from groundsill.aws.json_arguments import takes_json
from groundsill.aws.problems import UNKNOWN_TYPE
from groundsill.aws.schema import schema_file, type_schema
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, Severity, did_you_mean
from groundsill.graph.graph import Graph, Suppression
from groundsill.graph.provider import Output, Provider, Variable
from groundsill.graph.provisioner import Provisioner
from groundsill.graph.reference import Reference, Unknown
from groundsill.graph.resource import Lifecycle, Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.hcl.parser import parse_template
from groundsill.sources.hcl.source import HclError, SourceText
from groundsill.sources.hcl.syntax import Block, Expression, Literal, Tuple
from groundsill.sources.plan import unknown_region
from groundsill.sources.terraform.configuration import Loader, Module, kind_of, static_path
from groundsill.sources.terraform.data_sources import answer
from groundsill.sources.terraform.evaluation import Evaluation
from groundsill.sources.terraform.functions.files import content_of
from groundsill.sources.terraform.instances import Instance
from groundsill.sources.terraform.modules import ModuleInstance, is_true
from groundsill.sources.terraform.names import ABSENT, OutOfWorkError, Scope, UndeclaredError
from groundsill.sources.terraform.values import EvaluationError, NotKnownError, fail, references_of
from groundsill.sources.terraform.variables import ConstantNames

MOST_RESOURCES = 5_000
"""Of a whole configuration. Terraform itself becomes unwieldy long before; a larger number is a mistake."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_LOCAL = ("./", "../")


class Configuration:
    """Terraform files being read.

    Arguments:
        root: folder of the root module.
        graph: receives what they describe.
        diagnostics: receives what is wrong.
        stage: name of the stage, which stands for the workspace too.
        given: expressions of the root's variables that were given a value, with the scope of nothing.
    """

    def __init__(self, root: Path, graph: Graph, diagnostics: Diagnostics, stage: str,
                 given: Mapping[str, Expression]) -> None:
        self.graph = graph
        self.diagnostics = diagnostics
        self.stage = stage
        self.given = given
        self.loader = Loader(root, diagnostics)
        self.evaluation = Evaluation(self, diagnostics)
        self.unexpanded_addresses: set[str] = set()
        self._instances: dict[str, Instance] = {}
        self._regions: dict[str | None, str] = {}
        self._foreign: set[str] = set()
        self._tags: dict[str | None, Any] = {}
        self._checks_types = Severity.ERROR

    def read(self, root: Module) -> None:
        """Fill the graph."""
        top = ModuleInstance(self, root)
        try:
            self._providers(top)
            self._variables(top)
            self._module(top)
            for name, block in root.outputs.items():
                self._output(top, name, block)
            self._moved(top)
        except OutOfWorkError as error:
            self.report("GS4020", "the configuration is too large", None, str(error))

    # -- what evaluation asks ------------------------------------------------------------------------------------------

    def lookup(self, reference: Reference) -> Any:
        """What the configuration says that a reference will be, or ``ABSENT``."""
        instance = self._instances.get(reference.address)
        if instance is None or not reference.path or not isinstance(reference.path[0], str):
            return ABSENT
        value = instance.raw(reference.path[0])
        for position, step in enumerate(reference.path[1:], 1):
            if isinstance(value, Reference):
                return value.at(*reference.path[position:])
            value = _inside(value, step)
        return ABSENT if value is None or value == reference else value

    def attribute(self, reference: Reference, name: str) -> Any:
        """The attribute of a resource: a reference, or its value where a data source's follows from the configuration."""
        instance = self._instances.get(reference.address)
        if instance is None:
            return reference.at(name)
        schema = type_schema(instance.type, data=instance.data)
        if schema is not None and name not in schema.attributes and not schema.has_block(name) and not instance.ephemeral:
            raise UndeclaredError(f"unknown attribute `{name}` of {instance.type}",
                                  did_you_mean(name, [*schema.attributes, *schema.block_names], what="Known attributes"))
        if instance.data:
            found = answer(instance, name, self._regions.get(instance.module.provider_alias(instance.block), ""))
            if found is not ABSENT:
                return found
        return reference.at(name)

    def unexpanded(self, address: str) -> bool:
        """Whether nobody knows how many instances a resource has."""
        return address in self.unexpanded_addresses

    def readable(self, path: str) -> Path:
        """A file that may be read: inside the root module's folder or a called module's."""
        if "\0" in path or len(path) > 4000:
            fail("there is no such path")
        try:
            whole = (self.loader.root / path).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise NotKnownError from error
        if not any(whole.is_relative_to(folder) for folder in (self.loader.root, *self.loader.folders)):
            fail(f"{path!r} is outside of the configuration's folders, so it is not read")
        return whole

    def template(self, path: Path) -> Expression:
        """A template's file as an expression."""
        source = SourceText(str(path), content_of(path))
        try:
            return parse_template(source)
        except HclError as error:
            return fail(f"{path.name}:{source.line(error.offset)}: {error.detail}")

    # -- what modules ask ----------------------------------------------------------------------------------------------

    def register(self, instance: Instance) -> None:
        """Know an instance by its address."""
        if len(self._instances) >= MOST_RESOURCES:
            raise OutOfWorkError(f"more than {MOST_RESOURCES:,} instances of resources are not read")
        self._instances[instance.address] = instance

    def report(
        self, code: str, summary: str, at: Expression | Block | None, detail: str = "", mend: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Keep a diagnostic."""
        self.diagnostics.add(Diagnostic(code, summary, at.location if at is not None else None, "", detail, mend, severity))

    def given_value(self, name: str) -> Any:
        """The value that was given for a variable of the root."""
        return self.evaluation.value(self.given[name], Scope(ConstantNames(), {}))

    def module_of(self, call: Block, caller: ModuleInstance) -> Module | None:
        """The module that a call names; None, with a diagnostic, where its files cannot be had."""
        expression = call.body.attributes.get("source")
        source = expression.value if isinstance(expression, Literal) else None
        if not isinstance(source, str):
            self.report("GS4012", f"module `{call.labels[0]}` has no source", call,
                        mend='write source = "./folder" with its folder')
            return None
        if not source.startswith(_LOCAL):
            if source not in self._foreign:
                self._foreign.add(source)
                self.report("GS4014", f"module `{source}` is not read", call,
                            "it is not in a folder of its own here, so what it makes is unknown",
                            "read a plan for the whole picture: `terraform show -json PLAN`", Severity.WARNING)
            return None
        folder = (caller.module.folder / source).resolve()
        above: ModuleInstance | None = caller
        while above is not None:
            if above.module.folder == folder:
                self.report("GS4013", "modules call each other in a circle", call,
                            f"{source} leads back to {above.address or 'the root module'}")
                return None
            above = above.parent
        if caller.too_deep:
            self.report("GS4013", "modules are nested too deeply", call)
            return None
        module = self.loader.load(folder)
        if module is None:
            self.report("GS4012", f"module `{call.labels[0]}` has no files", call, f"there is no Terraform file in {source}")
        return module

    # -- the graph -----------------------------------------------------------------------------------------------------

    def _providers(self, top: ModuleInstance) -> None:
        self._regions[None] = ""
        for block in top.module.providers:
            if block.labels != ["aws"]:
                continue
            path = static_path(block.body.attributes.get("alias"))
            alias = str(path[0]) if path else None
            expression = block.body.attributes.get("region")
            value = self.evaluation.settle(self.evaluation.value(expression, top.scope)) if expression else None
            region = value if isinstance(value, str) and _REGION.fullmatch(value) else ""
            self._regions[alias] = region
            if region:
                self.graph.declare_provider(Provider(region, alias))
            for tags in block.body.of_type("default_tags"):
                given = tags.body.attributes.get("tags")
                if given is not None:
                    self._tags[alias] = self._finished(self.evaluation.value(given, top.scope), given)
        if not self._regions[None] and (top.module.resources or top.module.calls):
            self.diagnostics.add(unknown_region(self.graph.region))
        for alias, region in self._regions.items():
            if alias is not None and not region:
                self.graph.declare_provider(Provider(self.graph.region, alias))
        self._checks_types = _severity_of_types(top.module)

    def _variables(self, top: ModuleInstance) -> None:
        for name, block in top.module.variables.items():
            value = top.named(("var",), name)
            sensitive = is_true(block.body.attributes.get("sensitive"))
            kind = block.body.attributes.get("type")
            described = block.body.attributes.get("description")
            text = kind.value if isinstance(kind, Literal) else kind.text if kind is not None else "any"
            default = None if isinstance(value, Reference | Unknown) or sensitive else self._finished(value, block)
            self.graph.add_variable(Variable(
                name, str(described.value) if isinstance(described, Literal) and described.value is not None else "", sensitive,
                str(text), default, location=block.location))

    def _finished(self, value: Any, at: Expression | Block) -> Any:
        """A value as the graph holds it; what Terraform would refuse is reported and then not known."""
        try:
            return self.evaluation.finish(value)
        except EvaluationError as error:
            self.report("GS4017", "an expression cannot be worked out", at, str(error), severity=Severity.WARNING)
            return Unknown()

    def _module(self, module: ModuleInstance) -> None:
        module.check_variables()
        for key in module.module.resources:
            for instance in module.instances(key):
                self._add(instance)
            self._suppress(module, key)
        for name in module.module.calls:
            made = module.children(name)
            for child in made[1] if made else ():
                self._module(child)

    def _add(self, instance: Instance) -> None:
        block = instance.block
        arguments = self._checked(instance, instance.arguments(takes_json))
        alias = instance.module.provider_alias(block)
        self.graph.add(Resource(
            instance.type, instance.name, arguments, data=instance.data, ephemeral=instance.ephemeral,
            provider=alias if alias in self._regions else None, location=block.location, subject=_subject(block),
            depends_on=self._depends_on(instance), lifecycle=_lifecycle(block), module=instance.module.address,
            key=instance.key, provisioners=tuple(map(_provisioner, block.body.of_type("provisioner")))))

    def _checked(self, instance: Instance, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments in the form that every reader expects, and what is wrong with them."""
        if not instance.type.startswith("aws_") or instance.ephemeral:
            return arguments
        schema = type_schema(instance.type, data=instance.data)
        subject = _subject(instance.block)
        if schema is None:
            names = [f"aws_{name}" for name in schema_file().names(data=instance.data)]
            kind = "data source" if instance.data else "resource"
            self.diagnostics.add(Diagnostic(
                UNKNOWN_TYPE, f"unknown {kind} type `{instance.type}`", instance.block.location, subject,
                f"the AWS provider {schema_file().provider_version} has {len(names)} {kind} types and not this",
                did_you_mean(instance.type, names, what="Known types", limit=0).removesuffix("Known types: , ..."),
                self._checks_types))
            return arguments
        if self._tags and not instance.data and "tags_all" in schema.attributes:
            arguments = self._with_default_tags(instance, arguments)
        checked, problems = checked_arguments(instance.type, schema, arguments)
        for problem in problems:
            found = problem.at(instance.block.location, subject)
            if found.severity is Severity.ERROR and self._checks_types is Severity.WARNING:
                found = Diagnostic(found.code, found.summary, found.location, found.subject, found.detail, found.mend,
                                   Severity.WARNING)
            self.diagnostics.add(found)
        return checked

    def _with_default_tags(self, instance: Instance, arguments: dict[str, Any]) -> dict[str, Any]:
        """With the tags that the provider gives to everything, which AWS sees too."""
        default = self._tags.get(instance.module.provider_alias(instance.block))
        given = arguments.get("tags", {})
        if not default:
            return arguments
        if not is_mapping(default) or not is_mapping(given):
            return {**arguments, "tags": Unknown("default_tags", references_of(default, given))}
        return {**arguments, "tags": {**default, **given}}

    def _depends_on(self, instance: Instance) -> tuple[str, ...]:
        expression = instance.block.body.attributes.get("depends_on")
        found: list[str] = []
        for item in expression.items if isinstance(expression, Tuple) else ():
            path = static_path(item)
            size = 3 if path[:1] in (["data"], ["ephemeral"]) else 2
            key = ".".join(str(step) for step in path[:size])
            if key in instance.module.module.resources:
                found.extend(other.address for other in instance.module.instances(key))
            elif path and path[0] != "module":
                self.report("GS4016", f"there is no resource `{key}`", item,
                            mend=did_you_mean(key, instance.module.module.resources, what="Known resources"))
        return tuple(dict.fromkeys(found))

    def _suppress(self, module: ModuleInstance, key: str) -> None:
        for ignored in module.module.ignored.get(key, ()):
            for instance in module.instances(key):
                self.graph.add_suppression(Suppression(ignored.rule, instance.address, ignored.reason, ignored.location))

    def _output(self, top: ModuleInstance, name: str, block: Block) -> None:
        value = self._finished(top.output(name), block)
        described = block.body.attributes.get("description")
        sensitive = is_true(block.body.attributes.get("sensitive"))
        if sensitive and not isinstance(value, Reference | Unknown):
            value = Unknown("(sensitive)")
        self.graph.add_output(Output(
            name, value, str(described.value) if isinstance(described, Literal) and described.value is not None else "",
            sensitive, block.location))

    def _moved(self, top: ModuleInstance) -> None:
        for block in top.module.moved:
            earlier, later = (static_path(block.body.attributes.get(name)) for name in ("from", "to"))
            if len(earlier) == len(later) == 2:
                resource = self.graph.resources.get(".".join(map(str, later)))
                if resource is not None:
                    resource.moved_from = (*resource.moved_from, ".".join(map(str, earlier)))


def _inside(value: Any, step: Any) -> Any:
    if is_mapping(value) and isinstance(step, str):
        return value.get(step, ABSENT)
    if is_list(value) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return ABSENT


def _subject(block: Block) -> str:
    return " ".join([block.type, *(f'"{label}"' for label in block.labels)])


def _provisioner(block: Block) -> Provisioner:
    """A command that an apply runs; its interpreter only where every word of it is written out."""
    kind, body = kind_of(block)
    written = body.attributes.get("interpreter")
    words = [item.value for item in written.items if isinstance(item, Literal)] if isinstance(written, Tuple) else []
    whole = isinstance(written, Tuple) and len(words) == len(written.items)
    command = body.attributes.get("command")
    return Provisioner(kind, tuple(map(str, words)) if whole else (), command.text if command is not None else "")


def _lifecycle(block: Block) -> Lifecycle | None:
    found = next((inner for inner in block.body.blocks if inner.type == "lifecycle"), None)
    if found is None:
        return None
    ignored = found.body.attributes.get("ignore_changes")
    paths = [static_path(item) for item in ignored.items] if isinstance(ignored, Tuple) else [static_path(ignored)]
    return Lifecycle(
        is_true(found.body.attributes.get("create_before_destroy")), is_true(found.body.attributes.get("prevent_destroy")),
        tuple(".".join(map(str, path)) for path in paths if path))


_CONSTRAINT = re.compile(r"\s*(=|!=|>=?|<=?|~>)?\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def _severity_of_types(module: Module) -> Severity:
    """How bad an unknown argument is: a warning where the files ask for a provider of which the schema is not here."""
    own = [int(part) for part in schema_file().provider_version.split(".")]
    for block in module.settings:
        for required in block.body.of_type("required_providers"):
            for text in _versions(required):
                if not _admits(text, own):
                    return Severity.WARNING
    return Severity.ERROR


def _versions(required: Block) -> list[str]:
    from groundsill.sources.hcl.syntax import Object

    expression = required.body.attributes.get("aws")
    items = expression.items if isinstance(expression, Object) else ()
    inner = [value.value for key, value in items if isinstance(key, Literal) and key.value == "version"
             and isinstance(value, Literal)]
    for block in required.body.of_type("aws"):
        value = block.body.attributes.get("version")
        inner += [value.value] if isinstance(value, Literal) else []
    return [text for text in inner if isinstance(text, str)]


def _admits(constraint: str, own: list[int]) -> bool:
    for part in constraint.split(","):
        match = _CONSTRAINT.match(part)
        if match is None:
            continue
        given = [int(piece) for piece in match.groups()[1:] if piece is not None]
        same = own[: len(given)]
        match match[1]:
            case "~>":
                fits = own[: max(len(given) - 1, 1)] == given[: max(len(given) - 1, 1)] and same >= given
            case ">=":
                fits = same >= given
            case ">":
                fits = own > given
            case "<=":
                fits = same <= given
            case "<":
                fits = own < given
            case "!=":
                fits = own != given
            case _:
                fits = same == given
        if not fits:
            return False
    return True

