"""The one graph that every reader of a system shares: resources, references, their order and where each was written."""

from __future__ import annotations

from groundsill.graph.artifact import Artifact, ContainerImage, FunctionPackage, MachineRelease
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError, Severity, did_you_mean
from groundsill.graph.graph import Graph, StatedTraffic, Suppression
from groundsill.graph.provider import Output, Provider, Variable
from groundsill.graph.provisioner import RUN_TASK, TASK_RUN_TYPE, Provisioner, runs_task
from groundsill.graph.reference import (
    UNKNOWN,
    Broken,
    JsonDocument,
    Reference,
    Unknown,
    references_in,
    resolve,
    split_template,
)
from groundsill.graph.resource import Lifecycle, Resource
from groundsill.graph.scope import Scope, current_scope
from groundsill.graph.source import SourceLocation, caller_location
from groundsill.graph.view import View

__all__ = [
    "RUN_TASK",
    "TASK_RUN_TYPE",
    "UNKNOWN",
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
    "Provisioner",
    "Reference",
    "Resource",
    "Scope",
    "Severity",
    "SourceLocation",
    "StatedTraffic",
    "Suppression",
    "Unknown",
    "Variable",
    "View",
    "caller_location",
    "current_scope",
    "did_you_mean",
    "references_in",
    "resolve",
    "runs_task",
    "split_template",
]
