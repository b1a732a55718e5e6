"""Values of the root module's variables: from the environment, from ``.tfvars`` files and from the command line.

Source: Terraform documentation, "Assign values to input variables", Variable definition precedence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, Severity, did_you_mean
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.source import SourceLocation
from groundsill.sources.hcl.bodies import parse_file
from groundsill.sources.hcl.parser import parse_expression
from groundsill.sources.hcl.source import HclError, SourceText
from groundsill.sources.hcl.syntax import Expression, Literal, Object, Tuple
from groundsill.sources.terraform.configuration import Loader, Module
from groundsill.sources.terraform.names import UndeclaredError
from groundsill.sources.terraform.types import constraint_of

_PREFIX = "TF_VAR_"
_DEEPEST = 60


class ConstantNames:
    """A file of values has no names."""

    address = ""

    def named(self, path: tuple[str, ...], name: str) -> Any:
        """Refuse it."""
        raise UndeclaredError(f"a value of a variable cannot refer to `{'.'.join((*path, name))}`")

    def output(self, name: str) -> Any:
        """Refuse it."""
        raise UndeclaredError(f"a value of a variable cannot refer to `{name}`")


def given_values(
    loader: Loader, module: Module, stage: str, settings: Mapping[str, Any], report: Any,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Expression]:
    """The values that the root's variables are given, each from the source that goes first.

    Arguments:
        loader: reads files.
        module: the root module.
        stage: whose ``<stage>.tfvars`` is read too; empty for none.
        settings: from the command line.
        report: receives diagnostics.
        environment: default the process's own.
    """
    found: dict[str, Expression] = {}
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in module.variables:
            variable = name.removeprefix(_PREFIX)
            found[variable] = _of_text(module, variable, text, name)
    for path in _files(module.folder, stage):
        for name, expression in _of_file(loader, path, report).items():
            if name in module.variables:
                found[name] = expression
            else:
                report(Diagnostic(
                    "GS4023", f"there is no variable `{name}`", expression.location, "",
                    mend=did_you_mean(name, module.variables, what="Known variables"), severity=Severity.WARNING))
    for name, value in settings.items():
        if name in module.variables:
            found[name] = _of_text(module, name, value, "--set") if isinstance(value, str) else _literal(value, "--set", 0)
        else:
            report(Diagnostic("GS4023", f"there is no variable `{name}`", None, f"--set {name}=...",
                              mend=did_you_mean(name, module.variables, what="Known variables")))
    return found


def _files(folder: Path, stage: str) -> list[Path]:
    names = ["terraform.tfvars", "terraform.tfvars.json"]
    try:
        names += sorted(path.name for path in folder.iterdir() if path.name.endswith((".auto.tfvars", ".auto.tfvars.json")))
    except OSError:
        return []
    if stage and stage.replace("-", "").replace("_", "").isalnum():
        names += [f"{stage}.tfvars", f"{stage}.tfvars.json"]
    return [path for path in map(folder.joinpath, names) if path.is_file()]


def _of_file(loader: Loader, path: Path, report: Any) -> dict[str, Expression]:
    text = loader.text(path)
    if text is None:
        return {}
    source = SourceText(str(path), text)
    if path.name.endswith(".json"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if is_mapping(document):
            return {str(name): _literal(value, str(path), 0) for name, value in document.items()}
        report(Diagnostic("GS4010", "this cannot be read as Terraform", SourceLocation(str(path), 1), "",
                          "the file is no JSON object"))
        return {}
    body, errors = parse_file(source)
    for error in errors:
        report(Diagnostic("GS4010", "this cannot be read as Terraform", source.location(error.offset), "", error.detail))
    return body.attributes


def _of_text(module: Module, name: str, text: str, where: str) -> Expression:
    """A value from the command line or the environment: text for a variable of text, else an expression."""
    source = SourceText(where, text)
    wanted = constraint_of(module.variables[name].body.attributes.get("type"))
    if wanted.kind in ("list", "set", "map", "tuple", "object"):
        try:
            return parse_expression(source)
        except HclError:
            return Literal(source, 0, len(text), text)
    return Literal(source, 0, len(text), text)


def _literal(value: Any, where: str, depth: int) -> Expression:
    source = SourceText(where, "")
    if depth > _DEEPEST:
        return Literal(source, 0, 0, None)
    if is_mapping(value):
        return Object(source, 0, 0, [(Literal(source, 0, 0, str(key)), _literal(item, where, depth + 1))
                                     for key, item in value.items()])
    if is_list(value):
        return Tuple(source, 0, 0, [_literal(item, where, depth + 1) for item in value])
    return Literal(source, 0, 0, value)
