"""Expressions of a plan whose text is in the plan.

A configuration in Terraform's JSON form (what Groundsill and CDK for Terraform write) is in its plan with the text of every
string, ``${...}`` and all. So there is nothing to guess: it is evaluated like the files themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.diagnostics import Diagnostics
from groundsill.graph.reference import Reference, Unknown
from groundsill.sources.hcl.json_bodies import expression_of
from groundsill.sources.hcl.source import SourceText
from groundsill.sources.hcl.syntax import Expression
from groundsill.sources.plan_configuration import Configuration, Instance, mapping
from groundsill.sources.terraform.evaluation import Evaluation
from groundsill.sources.terraform.names import ABSENT, Namespace, Scope
from groundsill.sources.terraform.values import EvaluationError, NotKnownError, TooLargeError, parts_of


class PlanExpressions:
    """Evaluates expressions of a plan.

    Arguments:
        configuration: the plan's configuration.
        variables: values of the root's variables; without those that are secret.
        value_of: the planned value of a reference, or None.
    """

    def __init__(self, configuration: Configuration, variables: Mapping[str, Any],
                 value_of: Callable[[Reference], Any]) -> None:
        self.configuration = configuration
        self.variables = variables
        self._value_of = value_of
        self._evaluation = Evaluation(self, Diagnostics())

    def value(self, expression: Any, inside: Instance, *, json: bool) -> Any:
        """The value of an expression, or None where the plan does not hold its text or something in it is not known.

        Arguments:
            expression: as the plan has it.
            inside: where it stands.
            json: whether it is taken as JSON text.
        """
        given = mapping(expression)
        if "references" not in given or given.get("constant_value") is None:
            return None
        written = expression_of(SourceText("", ""), given["constant_value"])
        if written is None:
            return None
        try:
            scope = Scope(_Names(self, inside), {})
            found = self._evaluation.finish(self._evaluation.evaluate(written, scope), json=json)
            return None if any(isinstance(part, Unknown) for part in parts_of(found)) else found
        except (EvaluationError, NotKnownError, TooLargeError, RecursionError):
            return None

    # -- what evaluation asks ------------------------------------------------------------------------------------------

    def lookup(self, reference: Reference) -> Any:
        """The planned value of a reference, or ``ABSENT``."""
        found = self._value_of(reference)
        return ABSENT if found is None else found

    def attribute(self, reference: Reference, name: str) -> Any:
        """The attribute of a resource as a reference."""
        return reference.at(name)

    def unexpanded(self, address: str) -> bool:
        """A plan has every instance."""
        del address
        return False

    def readable(self, path: str) -> Path:
        """A plan has no files beside it."""
        raise NotKnownError(path)

    def template(self, path: Path) -> Expression:
        """A plan has no files beside it."""
        raise NotKnownError(str(path))


class _Names:
    def __init__(self, plan: PlanExpressions, inside: Instance) -> None:
        self.plan = plan
        self.inside = inside
        self.address = inside.module

    def named(self, path: tuple[str, ...], name: str) -> Any:
        if path == ("var",):
            if self.inside.call is not None:
                raise NotKnownError
            return self.plan.variables.get(name, Reference(f"var.{name}"))
        if path in (("data",), ("ephemeral",)):
            return Namespace((*path, name))
        if path[0] in ("local", "module", "path", "terraform", "each", "count", "self"):
            raise NotKnownError
        found = self.plan.configuration.references({"references": [".".join((*path, name))]}, self.inside)
        if len(found) == 1 and not found[0].path and not found[0].address.endswith("]"):
            return found[0]
        raise NotKnownError

    def output(self, name: str) -> Any:
        raise NotKnownError(name)
