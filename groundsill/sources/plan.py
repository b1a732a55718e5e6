"""Reading a plan or a state, as ``terraform show -json`` (or ``tofu show -json``) writes it.

Source: Terraform documentation, "JSON Output Format": Plan, Values and Configuration Representation. OpenTofu writes the
same format.
"""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.aws.json_arguments import takes_json
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, Severity
from groundsill.graph.graph import Graph
from groundsill.graph.provider import Output, Provider, Variable
from groundsill.graph.provisioner import Provisioner
from groundsill.graph.reference import JsonDocument, Reference, Unknown
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.plan_configuration import (
    NOTHING,
    Configuration,
    Instance,
    items,
    mapping,
    text,
    without_key,
)
from groundsill.sources.plan_expressions import PlanExpressions
from groundsill.sources.plan_identities import Identities
from groundsill.sources.plan_values import Reading
from groundsill.sources.policy_documents import policy_document

_GONE = {("delete",), ("forget",)}
_FORMATS = ("0", "1")
LARGEST_BYTES = 512 * 1024 * 1024
"""More than any plan: one of 5,000 resources has about 40 MB."""
_DEEPEST = 100
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")
_MOST_TO_SEARCH = 3_000
_RULES = frozenset({"aws_security_group_rule", "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"})
_WRITTEN_ELSEWHERE: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "aws_default_security_group": (("ingress", "egress"), _RULES),
    "aws_iam_role": (("inline_policy",), frozenset({"aws_iam_role_policy"})),
    "aws_route_table": (("route",), frozenset({"aws_route"})),
    "aws_security_group": (("ingress", "egress"), _RULES),
}
"""Arguments that a type of its own writes too. Once applied, AWS answers with what that one wrote."""


def is_plan(document: Any) -> bool:
    """Whether a JSON document is a plan or a state of ``terraform show -json``."""
    return is_mapping(document) and "format_version" in document and (
        "planned_values" in document or "values" in document or "resource_changes" in document
        or "terraform_version" in document)


def load(content: bytes, name: str) -> Mapping[str, Any]:
    """The document of a plan.

    Arguments:
        content: the file's bytes.
        name: its name, for messages.

    Raises:
        GroundsillError: where it is no JSON, no plan, or of a format that is not known.
    """
    if len(content) > LARGEST_BYTES:
        raise GroundsillError(Diagnostic("GS4002", f"{name} is too large to be a plan",
                                         detail=f"it has {len(content):,} bytes, and at most {LARGEST_BYTES:,} are read"))
    try:
        # A list is no plan, however much it holds: nobody waits until it is read.
        document: Any = None if _LIST.match(content) else _parsed(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        binary = content[:2] == b"PK"
        raise GroundsillError(Diagnostic(
            "GS4003", f"{name} is not JSON", detail="it is a plan file of Terraform's own" if binary else _short(error),
            mend=f"write it with `terraform show -json {name} > plan.json`" if binary
            else "write it with `terraform show -json PLAN > plan.json`")) from error
    if document is None or not is_plan(document):
        state = is_mapping(document) and "lineage" in document
        raise GroundsillError(Diagnostic(
            "GS4004", f"{name} is not a plan", detail="it is a state file" if state else
            "a plan has `format_version` and `planned_values`",
            mend="write it with `terraform show -json > state.json`" if state
            else "write it with `terraform show -json PLAN > plan.json`"))
    version = text(document.get("format_version"))
    if version.partition(".")[0] not in _FORMATS:
        raise GroundsillError(Diagnostic(
            "GS4005", f"{name} has format version {version or 'none'}", detail="versions 0.x and 1.x can be read",
            mend="write it with a version of Terraform or OpenTofu that is not newer than this program"))
    return document


def _parsed(text: str) -> Any:
    """The text as JSON. Millions of small containers made at once would be searched for garbage again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(text)
    finally:
        if collecting:
            gc.enable()


def _short(error: BaseException) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def read_plan(document: Mapping[str, Any], name: str, *, stage: str = "", production: bool | None = None,
              ) -> tuple[Graph, Diagnostics]:
    """The graph that a plan describes, or that a state holds.

    Arguments:
        document: from :func:`load`.
        name: name of the system.
        stage: name of the stage; empty where nobody said.
        production: whether its data must survive mistakes; None where nobody said.
    """
    return _Plan(document, Graph(name, stage, production=production)).read()


class _Plan:
    def __init__(self, document: Mapping[str, Any], graph: Graph) -> None:
        self.document = document
        self.graph = graph
        self.diagnostics = Diagnostics()
        self.rows = _rows(document)
        self.types = {row["type"] for row in self.rows.values()}
        root = mapping(mapping(document.get("configuration")).get("root_module"))
        self.configured = bool(root)
        self.configuration = Configuration(root, self.rows)
        self.values = {address: _known_values(row) for address, row in self.rows.items()}
        self.expressions = PlanExpressions(self.configuration, self._known_variables(), self._value_of)
        managed = {address: self.values[address] for address, row in self.rows.items() if row["mode"] == "managed"}
        self.identities = Identities(managed, {address: row["type"] for address, row in self.rows.items()})

    def read(self) -> tuple[Graph, Diagnostics]:
        self._providers()
        self._variables()
        for address, row in self.rows.items():
            self.graph.add(self._resource(address, row))
        self._policies()
        if not self.configured and len(self.rows) <= _MOST_TO_SEARCH:
            self._explicit_dependencies()
        self.graph.changed()
        self._outputs()
        if self.document.get("errored") is True:
            self.diagnostics.add(Diagnostic(
                "GS4006", "the plan ended in an error, so it is not whole",
                mend="mend what Terraform said, and plan again", severity=Severity.WARNING))
        return self.graph, self.diagnostics

    # -- providers and variables ---------------------------------------------------------------------------------------

    def _providers(self) -> None:
        configured = mapping(mapping(self.document.get("configuration")).get("provider_config"))
        own = [(key, mapping(item)) for key, item in configured.items() if mapping(item).get("name") == "aws"]
        default = next((self._region(item) for key, item in own if key == "aws"), "")
        found = default or self._region_of_arns()
        if found:
            self.graph.declare_provider(Provider(found))
        else:
            self.diagnostics.add(unknown_region(self.graph.region))
        for key, item in own:
            alias = _alias(key)
            if alias is not None:
                self.graph.declare_provider(Provider(self._region(item) or self.graph.region, alias))

    def _region(self, provider: Mapping[str, Any]) -> str:
        expression = mapping(mapping(provider.get("expressions")).get("region"))
        constant = expression.get("constant_value")
        if isinstance(constant, str) and "references" not in expression:
            return constant
        for reference in items(expression.get("references")):
            name = text(reference).removeprefix("var.")
            value = mapping(mapping(self.document.get("variables")).get(name)).get("value")
            if isinstance(value, str):
                return value
        return ""

    def _region_of_arns(self) -> str:
        """The region that most ARNs name."""
        seen = Counter(parts[3] for values in self.values.values()
                       if len(parts := text(values.get("arn")).split(":", 5)) > 4 and parts[3])
        return seen.most_common(1)[0][0] if seen else ""

    def _known_variables(self) -> dict[str, Any]:
        declared = mapping(self.configuration.root.configuration.get("variables"))
        return {name: mapping(given).get("value") for name, given in mapping(self.document.get("variables")).items()
                if mapping(declared.get(name)).get("sensitive") is not True}

    def _variables(self) -> None:
        declared = mapping(self.configuration.root.configuration.get("variables"))
        given = mapping(self.document.get("variables"))
        for name in dict.fromkeys((*declared, *given)):
            if not isinstance(name, str):
                continue
            described = mapping(declared.get(name))
            sensitive = described.get("sensitive") is True
            value = mapping(given.get(name)).get("value", described.get("default"))
            self.graph.add_variable(Variable(
                name, text(described.get("description")), sensitive, "any", None if sensitive else value))

    # -- resources -----------------------------------------------------------------------------------------------------

    def _resource(self, address: str, row: dict[str, Any]) -> Resource:
        module = self.configuration.module(row["module"])
        configured: Mapping[str, Any] = NOTHING
        data = row["mode"] == "data"
        if module is not None:
            inside = without_key(address).removeprefix(f"{row['module']}.") if row["module"] else without_key(address)
            configured = self.configuration.resource(module, inside)
            module = Instance(module.module, module.configuration, module.call, module.caller, row["key"],
                              configured.get("for_each_expression"), module.call_key)
        reading = Reading(
            row["type"], data=data, own=address, configured=bool(configured),
            references=lambda expression: self.configuration.references(expression, module) if module else [],
            exact=lambda name, expression: self.expressions.value(expression, module, json=takes_json(row["type"], name))
            if module else None,
            value_of=self._value_of, identities=self.identities,
            hints=() if self.configured else [item for item in row["depends_on"] if item in self.rows],
            elsewhere=self._elsewhere(row["type"]))
        arguments = reading.arguments(row["values"], row["unknown"], row["sensitive"], configured.get("expressions"))
        return Resource(
            row["type"], row["name"], arguments, data=data, provider=self._alias(address, configured),
            subject=f'{"data" if data else "resource"} "{row["type"]}" "{row["name"]}"',
            depends_on=self._depends_on(configured, module), module=row["module"], key=row["key"],
            provisioners=tuple(_provisioner(mapping(item)) for item in items(configured.get("provisioners"))))

    def _elsewhere(self, type: str) -> tuple[str, ...]:
        """Arguments of a type that other resources of this plan write: the provider says not to use both."""
        arguments, writers = _WRITTEN_ELSEWHERE.get(type, ((), frozenset()))
        return arguments if not writers.isdisjoint(self.types) else ()

    def _explicit_dependencies(self) -> None:
        """What a state's resources depend on and refer to by no argument: that is what their ``depends_on`` said."""
        reached: dict[str, set[str]] = {}
        for address in self.graph.resources:
            pending, seen = [address], set[str]()
            while pending:
                for other in self.graph.dependencies(pending.pop()):
                    if other not in seen and other in self.rows:
                        seen.add(other)
                        pending.append(other)
            reached[address] = seen
        for address, resource in list(self.graph.resources.items()):
            told = [item for item in self.rows[address]["depends_on"] if item in self.rows and item != address]
            left = [item for item in told if item not in reached[address]]
            resource.depends_on = tuple(item for item in left if not any(item in reached[other] for other in left))

    def _policies(self) -> None:
        """Put policies in their places that a data source will make during the apply: what they say is in the plan already."""
        made: dict[str, JsonDocument | None] = {}
        for resource in self.graph:
            if resource.data:
                continue
            for name, value in resource.arguments.items():
                references = value.references if isinstance(value, Unknown) else ()
                if len(references) == 1 and references[0].attribute in ("json", "minified_json"):
                    document = self._policy(references[0].address, made)
                    if document is not None:
                        resource.arguments[name] = document

    def _policy(self, address: str, made: dict[str, JsonDocument | None]) -> JsonDocument | None:
        source = self.graph.resources.get(address)
        if source is None or source.type != "aws_iam_policy_document":
            return None
        if address not in made:
            made[address] = None  # for one that takes itself in
            made[address] = policy_document(source.arguments.get, lambda value: self._settled(value, made))
        return made[address]

    def _settled(self, value: Any, made: dict[str, JsonDocument | None]) -> Any:
        """A value, or the policy that it refers to."""
        if isinstance(value, Reference) and value.attribute in ("json", "minified_json"):
            return self._policy(value.address, made) or value
        return value

    def _alias(self, address: str, configured: Mapping[str, Any]) -> str | None:
        if configured:
            alias = _alias(text(configured.get("provider_config_key")))
            return alias if any(provider.alias == alias for provider in self.graph.providers) else None
        parts = text(self.values[address].get("arn")).split(":", 5)
        return self.graph.add_provider(parts[3]) if not self.configured and len(parts) > 4 and parts[3] else None

    def _depends_on(self, configured: Mapping[str, Any], module: Instance | None) -> tuple[str, ...]:
        if module is None:
            return ()
        found = self.configuration.references({"references": configured.get("depends_on")}, module)
        return tuple(dict.fromkeys(item.address for item in found if item.address in self.rows))

    def _value_of(self, reference: Reference) -> Any:
        value: Any = self.values.get(reference.address)
        if not reference.path:
            return None
        for step in reference.path:
            if is_mapping(value) and isinstance(step, str):
                value = value.get(step)
            elif is_list(value) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    # -- outputs -------------------------------------------------------------------------------------------------------

    def _outputs(self) -> None:
        root = self.configuration.root
        planned = mapping(_whole(self.document).get("outputs"))
        described = mapping(root.configuration.get("outputs"))
        for name in dict.fromkeys((*described, *planned)):
            if not isinstance(name, str):
                continue
            item, written = mapping(planned.get(name)), mapping(described.get(name))
            sensitive = item.get("sensitive") is True or written.get("sensitive") is True
            expression = written.get("expression")
            reading = Reading(
                "", data=False, own="", configured=self.configured,
                references=lambda given: self.configuration.references(given, root),
                exact=lambda _, given: self.expressions.value(given, root, json=False),
                value_of=self._value_of, identities=self.identities)
            unknown = "value" not in item
            value = reading.output(item.get("value"), unknown, sensitive, expression)
            self.graph.add_output(Output(name, value, text(written.get("description")), sensitive))


def _provisioner(configured: Mapping[str, Any]) -> Provisioner:
    """A command that an apply runs; its interpreter only where that is written out."""
    expressions = mapping(configured.get("expressions"))
    words = items(mapping(expressions.get("interpreter")).get("constant_value"))
    command = mapping(expressions.get("command")).get("constant_value")
    return Provisioner(text(configured.get("type")), tuple(map(str, words)), text(command) if command is not None else "")


def unknown_region(region: str) -> Diagnostic:
    """The warning where nothing says which region is meant."""
    return Diagnostic(
        "GS4007", "nothing says which region the resources are in", detail=f"it is read as {region}",
        mend='give the provider a region: provider "aws" { region = "..." }', severity=Severity.WARNING)


def _alias(key: str) -> str | None:
    """The alias in a provider's key such as ``aws.virginia`` or ``module.site:aws``."""
    last = key.rpartition(":")[2]
    return last.partition(".")[2] or None


def _whole(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(document.get("planned_values")) or mapping(document.get("values"))


def _known_values(row: dict[str, Any]) -> Mapping[str, Any]:
    """The values without those that are secret."""
    values, sensitive = row["values"], row["sensitive"]
    if sensitive is True:
        return NOTHING
    hidden = {name for name, flag in mapping(sensitive).items() if flag is True}
    return {name: value for name, value in values.items() if name not in hidden} if hidden else values


def _rows(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every resource instance that will be there: its address, type, values, and what of them is unknown or secret."""
    rows: dict[str, dict[str, Any]] = {}
    before = mapping(mapping(document.get("prior_state")).get("values"))
    for item in _of_module(mapping(before.get("root_module")), 0):
        if item.get("mode") == "data":
            _add(rows, item, mapping(item.get("values")), NOTHING, item.get("sensitive_values"))
    for item in _of_module(mapping(_whole(document).get("root_module")), 0):
        _add(rows, item, mapping(item.get("values")), NOTHING, item.get("sensitive_values"))
    for item in map(mapping, items(document.get("resource_changes"))):
        change = mapping(item.get("change"))
        if tuple(item for item in items(change.get("actions")) if isinstance(item, str)) in _GONE:
            rows.pop(text(item.get("address")), None)
        elif not item.get("deposed"):
            _add(rows, item, mapping(change.get("after")), change.get("after_unknown"), change.get("after_sensitive"))
    return rows


def _add(rows: dict[str, dict[str, Any]], item: Mapping[str, Any], values: Any, unknown: Any, sensitive: Any) -> None:
    address, type, name = text(item.get("address")), text(item.get("type")), text(item.get("name"))
    mode = item.get("mode")
    if not address or not type or not name or mode not in ("managed", "data") or len(address) > 2000:
        return
    key = item.get("index")
    own = f"{'data.' if mode == 'data' else ''}{type}.{name}"
    if not isinstance(key, int | str) or isinstance(key, bool):
        key = None
    suffix = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
    module = text(item.get("module_address"))
    if not module and address.startswith("module.") and address.endswith(f".{own}{suffix}"):
        module = address.removesuffix(f".{own}{suffix}")
    # The address is made anew from its parts, as the graph makes it: so that each resource is found under its own.
    address = f"{module}.{own}{suffix}" if module else f"{own}{suffix}"
    depends_on = [item for item in items(item.get("depends_on")) if isinstance(item, str)]
    rows[address] = {"type": type, "name": name, "mode": mode, "key": key, "module": module, "values": values,
                     "unknown": unknown, "sensitive": sensitive, "depends_on": depends_on}


def _of_module(module: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    yield from (mapping(item) for item in items(module.get("resources")))
    if depth < _DEEPEST:
        for child in items(module.get("child_modules")):
            yield from _of_module(mapping(child), depth + 1)
