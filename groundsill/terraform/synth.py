"""From the graph to Terraform's JSON configuration.

The order of everything is stable: sections as in :func:`synthesize`, types and names sorted, arguments as the
component or the user wrote them. Moving a line of a definition therefore changes nothing in the file. None is
left out; an empty list of an attribute is kept, because to Terraform it means "none", not "whatever there
is".
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from groundsill.aws.schema import Block, schema_file, type_schema
from groundsill.aws.types import Type
from groundsill.graph.graph import Graph
from groundsill.graph.provider import Output, Provider, Variable
from groundsill.graph.provisioner import TASK_RUN_TYPE, Provisioner
from groundsill.graph.reference import JsonDocument, Reference
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.template import render_json, template

FILE_NAME = "main.tf.json"
REQUIRED_TERRAFORM = ">= 1.1.0"
"""``moved`` blocks need it: Terraform 1.1 release notes, "Refactoring"."""
REQUIRED_FOR_TASKS = ">= 1.4.0"
"""A migration in a container needs it: Terraform 1.4 release notes, ``terraform_data`` and ``quiet`` of ``local-exec``."""
REQUIRED_FOR_SECRETS = ">= 1.11.0"
"""Values that no state stores need it: Terraform 1.11 release notes, "Write-only attributes"."""


def synthesize(graph: Graph, *, backend: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The graph as a Terraform configuration: the content of ``main.tf.json``.

    Arguments:
        graph: a finished graph without problems.
        backend: where the state is kept, by backend type, for example
            ``{"s3": {"bucket": "state", "key": "shop"}}``; default none: a file beside the configuration.

    Example:
        >>> graph = Graph("shop", "dev", "us-east-1")
        >>> queue = graph.add(Resource("aws_sqs_queue", "orders", {"name": "orders"}))
        >>> graph.add_output(Output("queue_url", queue["url"]))
        >>> configuration = synthesize(graph)
        >>> configuration["resource"]
        {'aws_sqs_queue': {'orders': {'name': 'orders'}}}
        >>> configuration["output"]
        {'queue_url': {'value': '${aws_sqs_queue.orders.url}'}}
    """
    required = {"aws": {"source": "hashicorp/aws", "version": schema_file().provider_version}}
    secret = any(resource.ephemeral for resource in graph) or any(item.ephemeral for item in graph.variables.values())
    task = any(resource.type == TASK_RUN_TYPE for resource in graph)
    version = REQUIRED_FOR_SECRETS if secret else REQUIRED_FOR_TASKS if task else REQUIRED_TERRAFORM
    terraform: dict[str, Any] = {"required_version": version, "required_providers": required}
    if backend:
        terraform["backend"] = {name: template(arguments) for name, arguments in backend.items()}
    sections: dict[str, Any] = {
        "terraform": terraform,
        "provider": {"aws": [_provider(provider) for provider in _sorted_providers(graph.providers)]},
        "variable": {name: _variable(graph.variables[name]) for name in sorted(graph.variables)},
        "data": _by_type(resource for resource in graph if resource.data and not resource.ephemeral),
        "ephemeral": _by_type(resource for resource in graph if resource.ephemeral),
        "resource": _by_type(resource for resource in graph if not resource.data),
        "moved": _moved(graph),
        "output": {name: _output(graph.outputs[name]) for name in sorted(graph.outputs)},
    }
    return {name: section for name, section in sections.items() if section}


def _sorted_providers(providers: Iterable[Provider]) -> list[Provider]:
    return sorted(providers, key=lambda provider: provider.alias or "")


def _provider(provider: Provider) -> dict[str, Any]:
    alias = {"alias": provider.alias} if provider.alias else {}
    return {**alias, "region": provider.region}


def _variable(variable: Variable) -> dict[str, Any]:
    body: dict[str, Any] = {"type": variable.type}
    if variable.description:
        body["description"] = variable.description  # Terraform takes it literally: no template, no escape
    if variable.default is not None:
        body["default"] = variable.default
    if variable.sensitive:
        body["sensitive"] = True
    if variable.ephemeral:
        body["ephemeral"] = True
    return body


def _output(output: Output) -> dict[str, Any]:
    body: dict[str, Any] = {"value": template(output.value)}
    if output.description:
        body["description"] = output.description
    if output.sensitive:
        body["sensitive"] = True
    return body


def _by_type(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {}
    for resource in sorted(resources, key=lambda resource: (resource.type, resource.name)):
        sections.setdefault(resource.type, {})[resource.name] = _resource(resource)
    return sections


def _resource(resource: Resource) -> dict[str, Any]:
    schema = None if resource.ephemeral else type_schema(resource.type, data=resource.data)
    body = _block(schema, resource.arguments)
    if resource.provider:
        body["provider"] = f"aws.{resource.provider}"
    if resource.depends_on:
        body["depends_on"] = list(resource.depends_on)
    if resource.provisioners:
        body["provisioner"] = [_provisioner(item) for item in resource.provisioners]
    if resource.lifecycle:
        given = resource.lifecycle
        lifecycle: dict[str, Any] = {
            "create_before_destroy": given.create_before_destroy,
            "prevent_destroy": given.prevent_destroy,
            "ignore_changes": "all" if "all" in given.ignore_changes else list(given.ignore_changes),
        }
        body["lifecycle"] = {name: value for name, value in lifecycle.items() if value}
    return body


def _provisioner(provisioner: Provisioner) -> dict[str, Any]:
    # The command is Terraform's own language already. Quiet: the command itself is not shown, what it says is.
    return {provisioner.kind: {"interpreter": list(provisioner.interpreter), "command": provisioner.command, "quiet": True}}


def _block(schema: Block | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in arguments.items():
        if value is None:
            continue
        if schema is not None and schema.has_block(name):
            nested = schema.nested(name)
            if is_list(value):
                members = [_block(nested.block, item) for item in value]
                if members:
                    body[name] = members
                continue
            if is_mapping(value) and nested.nesting != "map":
                body[name] = _block(nested.block, value)
                continue
        attribute = schema.attributes.get(name) if schema is not None else None
        body[name] = (
            template(value)
            if attribute is None or attribute.type.primitive
            else _value(attribute.type, value)
        )
    return body


def _value(type: Type, value: Any) -> Any:
    """A value of an attribute. Terraform's JSON wants every field of an object, those without a value as null."""
    if isinstance(value, str | Reference | JsonDocument) or value is None:
        return template(value)
    if type.kind == "object" and is_mapping(value):
        return {name: _value(field, value.get(name)) for name, field in type.fields.items()}
    if type.element is not None and is_list(value):
        return [_value(type.element, item) for item in value]
    return template(value)


def _moved(graph: Graph) -> list[dict[str, str]]:
    moves = [(earlier, resource.address) for resource in graph for earlier in resource.moved_from]
    return [{"from": earlier, "to": later} for earlier, later in sorted(moves)]


def text(graph: Graph, *, backend: Mapping[str, Any] | None = None) -> str:
    """The configuration as the text of ``main.tf.json``: equal graphs give equal text."""
    return render_json(synthesize(graph, backend=backend))


def write(graph: Graph, directory: Path, *, backend: Mapping[str, Any] | None = None) -> Path:
    """Write the configuration into a folder, which is made where it does not exist.

    The file is written beside and then renamed, so that a reader never finds half of it, and left alone where
    it would not change.

    Arguments:
        graph: a finished graph without problems.
        directory: Terraform's root folder.
        backend: see :func:`synthesize`.

    Returns:
        Path of ``main.tf.json``.

    Raises:
        OSError: where the folder cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    content = text(graph, backend=backend).encode()
    if path.is_file() and path.read_bytes() == content:
        return path
    beside = directory / f".{FILE_NAME}.{os.getpid()}"
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
