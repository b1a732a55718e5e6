"""The one graph that every reader of a system shares: resources, references, their order and where each was written."""

from __future__ import annotations

from groundsill.graph.artifact import Artifact, ContainerImage, FunctionPackage, MachineRelease
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, Severity, did_you_mean
from groundsill.graph.graph import Graph
from groundsill.graph.provider import Output, Provider, Variable
from groundsill.graph.reference import Broken, JsonDocument, Reference, references_in, resolve, split_template
from groundsill.graph.resource import Lifecycle, Resource
from groundsill.graph.scope import Scope, current_scope
from groundsill.graph.source import SourceLocation, caller_location

__all__ = [
    "Artifact",
    "Broken",
    "ContainerImage",
    "Diagnostic",
    "Diagnostics",
    "FunctionPackage",
    "Graph",
    "GroundsillError",
    "JsonDocument",
    "Lifecycle",
    "MachineRelease",
    "Output",
    "Provider",
    "Reference",
    "Resource",
    "Scope",
    "Severity",
    "SourceLocation",
    "Variable",
    "caller_location",
    "current_scope",
    "did_you_mean",
    "references_in",
    "resolve",
    "split_template",
]
