"""The parts of a Terraform configuration that are not resources: providers, variables, outputs and where the state is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from groundsill.graph.reference import Reference
from groundsill.graph.source import SourceLocation


class Provider(NamedTuple):
    """One configuration of the AWS provider.

    Arguments:
        region: AWS region, for example ``us-east-1``.
        alias: Terraform alias; None for the default provider. A resource names the alias of the region it lives in.
    """

    region: str
    alias: str | None = None


class Variable(NamedTuple):
    """A value given at plan time: an image digest, or a secret that must never be written to a file.

    Arguments:
        name: Terraform variable name.
        description: what it is for.
        sensitive: whether Terraform hides it, default False.
        type: Terraform type expression, default ``string``.
        default: used where no value is given; None for none.
        component: the component that declared it.
        location: line in the user's file.
        ephemeral: whether neither plan nor state keeps it, default False.
        given_by: environment variable that has its value, beside Terraform's own ``TF_VAR_<name>``; empty for none.
    """

    name: str
    description: str
    sensitive: bool = False
    type: str = "string"
    default: Any = None
    component: str = ""
    location: SourceLocation | None = None
    ephemeral: bool = False
    given_by: str = ""

    @property
    def reference(self) -> Reference:
        """The variable's value as a reference."""
        return Reference(f"var.{self.name}")


class Output(NamedTuple):
    """A value that operators and clients read after apply.

    Arguments:
        name: output name, for example ``api_endpoint``.
        value: a reference or a value that holds some.
        description: what it is for.
        sensitive: whether Terraform hides it, default False.
        location: line in the user's file.
    """

    name: str
    value: Any
    description: str = ""
    sensitive: bool = False
    location: SourceLocation | None = None


class StatePlace(NamedTuple):
    """What a folder of Terraform says about where its state is kept.

    Arguments:
        kind: of backend, for example ``s3``; ``cloud`` for HCP Terraform; empty where the folder names none.
        arguments: of the backend, as far as they are written there.
        location: line of the backend; None where there is none.
        root: whether the folder is one that Terraform is run in: it configures a provider, or holds values of variables.
        stages: files beside it with values of one stage each, for example ``("dev.tfvars", "prod.tfvars")``.
        workspaces: whether the stages are Terraform's workspaces, which keep their states apart.
        above: line of a backend in a folder above that holds nothing else than settings; None where there is none.
    """

    kind: str = ""
    arguments: Mapping[str, Any] = MappingProxyType({})
    location: SourceLocation | None = None
    root: bool = False
    stages: tuple[str, ...] = ()
    workspaces: bool = False
    above: SourceLocation | None = None
