"""Settings whose values are secrets: a definition passes them on and never sees them.

A field of type ``pydantic.SecretStr`` is one. `stage.setting` then gives a reference to a Terraform variable that no
state and no plan keeps ("Ephemeral input variables", Terraform 1.10). Its value comes from the environment of the command
alone, so it is in no file, on no command line and in no log; and Terraform lets it only where it is sent on and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.graph import Graph
from groundsill.graph.provider import Variable
from groundsill.graph.reference import Reference, references_in
from groundsill.graph.shapes import is_list, is_mapping

if TYPE_CHECKING:
    from pydantic import BaseModel

PREFIX = "setting_"
"""Of the Terraform variable of a secret setting."""
WRITE_ONLY = "_wo"
"""End of the name of each argument that is sent on and never kept: AWS provider documentation, "Using Write-only Arguments"."""


def secret_fields(model: type[BaseModel] | None) -> frozenset[str]:
    """Names of a settings class's fields whose values are secrets."""
    if model is None:
        return frozenset()
    from pydantic import SecretBytes, SecretStr

    secret: tuple[Any, ...] = (SecretStr, SecretBytes)
    return frozenset(
        name for name, field in model.model_fields.items()
        if field.annotation in secret or any(part in secret for part in get_args(field.annotation))
    )


def secret_reference(name: str) -> Reference:
    """What a definition gets in place of the value."""
    return Reference(f"var.{PREFIX}{name}")


def secret_variable(name: str, environment: str) -> Variable:
    """The Terraform variable of a secret setting.

    Arguments:
        name: of the setting.
        environment: environment variable that has its value.
    """
    return Variable(f"{PREFIX}{name}", f"secret setting {name}", sensitive=True, ephemeral=True, given_by=environment)


def leaks(graph: Graph) -> Iterator[Diagnostic]:
    """Places at which a secret setting would be written into the state."""
    secret = {f"var.{variable.name}": variable.name.removeprefix(PREFIX)
              for variable in graph.variables.values() if variable.ephemeral}
    if not secret:
        return
    for resource in graph:
        if resource.ephemeral:
            continue
        for path, address in _kept(resource.arguments, ()):
            if address in secret:
                yield Diagnostic(
                    "GS1324", f"the secret setting `{secret[address]}` would be written into the state",
                    resource.location, resource.subject, f"`{'.'.join(path)}` of {resource.address} is kept there as it is",
                    "put it into a Secret: Secret(\"keys\", values={\"" + secret[address] + "\": stage.setting(\""
                    + secret[address] + "\")}), and let the workload read it from there: `uses=[keys.read]`",
                )
    for output in graph.outputs.values():
        for reference in references_in(output.value):
            if reference.address in secret:
                yield Diagnostic(
                    "GS1324", f"the secret setting `{secret[reference.address]}` would be written into the state",
                    output.location, detail=f"output `{output.name}` shows it", mend="leave the output out",
                )


def _kept(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Addresses that are referred to where a value is kept, with the argument's path."""
    if is_mapping(value):
        for name, item in value.items():
            if not str(name).endswith(WRITE_ONLY):
                yield from _kept(item, (*path, str(name)))
    elif is_list(value):
        for item in value:
            yield from _kept(item, path)
    else:
        for reference in references_in(value):
            yield path, reference.address
