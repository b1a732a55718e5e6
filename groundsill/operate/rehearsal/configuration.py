"""The folder of a rehearsal: the very files that a deployment would use, with what belongs to the rehearsal beside them.

``main.tf.json`` is what ``synth`` writes. What points the provider at this machine is an override file (Terraform
documentation, "Override Files"). Only where something must be left out or a protection is lifted, ``main.tf.json`` is
written anew without it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.artifact import ContainerImage, FunctionPackage
from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.graph import Graph
from groundsill.graph.reference import references_in
from groundsill.terraform.packages import build_package, package_path
from groundsill.terraform.synth import FILE_NAME, synthesize, write
from groundsill.terraform.template import render_json

OVERRIDE_NAME = "rehearsal_override.tf.json"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip's entries: APPNOTE.TXT, 4.4.6
_HANDLER = b"def handler(event, context):\n    raise RuntimeError('a stand-in of the rehearsal')\n"

PROTECTIONS: dict[str, dict[str, Any]] = {
    # What keeps a resource from being destroyed, and the value that does not: each type's page of the provider.
    "aws_cognito_user_pool": {"deletion_protection": "INACTIVE"},
    "aws_db_instance": {"deletion_protection": False, "skip_final_snapshot": True},
    "aws_docdb_cluster": {"deletion_protection": False, "skip_final_snapshot": True},
    "aws_dynamodb_table": {"deletion_protection_enabled": False},
    "aws_ecr_repository": {"force_delete": True},
    "aws_instance": {"disable_api_termination": False},
    "aws_lb": {"enable_deletion_protection": False},
    "aws_neptune_cluster": {"deletion_protection": False, "skip_final_snapshot": True},
    "aws_networkfirewall_firewall": {"delete_protection": False},
    "aws_rds_cluster": {"deletion_protection": False, "skip_final_snapshot": True},
    "aws_s3_bucket": {"force_destroy": True},
}
"""Attributes that hold a destroy back, and the value that lets it through; only those that a resource sets count."""


def write_folder(graph: Graph, folder: Path, leave_out: Collection[str]) -> dict[str, str]:
    """Write everything that the rehearsal needs.

    Arguments:
        graph: a finished graph without problems.
        folder: an empty folder.
        leave_out: addresses that are not rehearsed.

    Returns:
        What stands in for what is only built for a deployment, by name.

    Raises:
        OSError: where the folder cannot be written.
    """
    if leave_out:
        (folder / FILE_NAME).write_text(render_json(_without(graph, leave_out)), encoding="utf-8")
    else:
        write(graph, folder)
    _write_override(graph, folder)
    return dict(_packages(graph, folder))


def write_provider(graph: Graph, folder: Path) -> None:
    """Write a configuration that has the graph's providers and nothing else, into a new folder."""
    folder.mkdir(parents=True)
    whole = synthesize(graph)
    (folder / FILE_NAME).write_text(render_json({name: whole[name] for name in ("terraform", "provider")}),
                                    encoding="utf-8")
    _write_override(graph, folder)


def _write_override(graph: Graph, folder: Path) -> None:
    providers = [
        {**({"alias": provider.alias} if provider.alias else {}),
         # Buckets as part of the path: the host names of this machine have no further part for them.
         "s3_use_path_style": True, "skip_metadata_api_check": "true"}
        for provider in graph.providers
    ]
    (folder / OVERRIDE_NAME).write_text(render_json({"provider": {"aws": providers}}), encoding="utf-8")


def _without(graph: Graph, leave_out: Collection[str]) -> dict[str, Any]:
    configuration = synthesize(graph)
    for address in leave_out:
        section = "data" if address.startswith("data.") else "resource"
        type_, _, name = address.removeprefix("data.").partition(".")
        del configuration[section][type_][name]
        if not configuration[section][type_]:
            del configuration[section][type_]
    for named in configuration.get("resource", {}).values():
        for body in named.values():
            if "depends_on" in body:
                body["depends_on"] = [address for address in body["depends_on"] if address not in leave_out]
    for name, output in graph.outputs.items():
        if any(reference.address in leave_out for reference in references_in(output.value)):
            del configuration["output"][name]
    configuration.pop("moved", None)
    return configuration


def lift_protections(folder: Path) -> list[str]:
    """Write the configuration anew, with nothing that holds a destroy back.

    Arguments:
        folder: the rehearsal's folder.

    Returns:
        What was lifted, as ``address: attribute``; where it is empty, nothing was written.
    """
    path = folder / FILE_NAME
    configuration: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lifted: list[str] = []
    for type_, named in configuration.get("resource", {}).items():
        for name, body in named.items():
            lifted.extend(f"{type_}.{name}: {attribute}" for attribute in _lift(type_, body))
    if lifted:
        path.write_text(render_json(configuration), encoding="utf-8")
    return lifted


def _lift(type_: str, body: dict[str, Any]) -> Iterator[str]:
    for attribute, free in PROTECTIONS.get(type_, {}).items():
        if attribute in body and body[attribute] != free:
            body[attribute] = free
            yield attribute
    lifecycle: dict[str, Any] = body.get("lifecycle") or {}
    if lifecycle.pop("prevent_destroy", False):
        yield "lifecycle.prevent_destroy"


# -- stand-ins ---------------------------------------------------------------------------------------------------------


def _packages(graph: Graph, folder: Path) -> Iterator[tuple[str, str]]:
    """Build every function's package; where that is not possible here, write a stand-in and say so."""
    for package in graph.artifacts:
        if not isinstance(package, FunctionPackage):
            continue
        try:
            build_package(package, package_path(package, folder))
        except GroundsillError as error:
            _write_stand_in(package_path(package, folder), package)
            reason = error.diagnostics[0].summary
            yield package.name, f"a package without the function's code, because {reason}"


def _write_stand_in(path: Path, package: FunctionPackage) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py", _EARLIEST), _HANDLER)
        archive.writestr(zipfile.ZipInfo("name.txt", _EARLIEST), package.name.encode())


def stand_in_variables(graph: Graph, account: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of the variables that have no default.

    An image is not built for a rehearsal: nothing would run it. A secret is not asked for: nobody would read it.

    Arguments:
        graph: the graph.
        account: 12 digits.
        given: values by name that are used as they are.

    Returns:
        The values by name, and what stands in for what by name.
    """
    images = {artifact.variable: artifact for artifact in graph.artifacts if isinstance(artifact, ContainerImage)}
    values: dict[str, Any] = dict(given)
    stand_ins: dict[str, str] = {}
    for variable in graph.variables.values():
        if variable.name in values or variable.default is not None:
            continue
        if variable.name in images:
            registry = f"{account}.dkr.ecr.{graph.region}.amazonaws.com"
            values[variable.name] = f"{registry}/{images[variable.name].name}@sha256:{'0' * 64}"
            stand_ins[variable.name] = "an image that was not built"
        else:
            values[variable.name] = _value_of_type(variable.type)
            stand_ins[variable.name] = "a made-up value"
    return values, stand_ins


def _value_of_type(type_: str) -> Any:
    known: dict[str, Any] = {"number": 1, "bool": False, "any": "rehearsal"}
    if type_.startswith(("list", "set", "tuple")):
        return []
    if type_.startswith(("map", "object")):
        return {}
    return known.get(type_, "rehearsal")
