"""Grants: what `uses` gives a workload. One entry carries the permission, the address and the network path together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from groundsill.definition.naming import identifier
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.scope import current_scope
from groundsill.graph.source import caller_location
from groundsill.graph.value import Value

# Lambda developer guide: environment variables; names that Amazon ECS takes are a superset.
_VARIABLE = r"[A-Za-z][A-Za-z0-9_]*"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Statement(NamedTuple):
    """One statement of an IAM policy.

    Arguments:
        actions: IAM actions, for example ``("dynamodb:GetItem",)``.
        resources: ARNs, usually references; ``*`` only where AWS lets the action name no resource.
        conditions: IAM condition block, for example ``{"StringEquals": {"ses:FromAddress": "a@b.example"}}``.
    """

    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    conditions: Mapping[str, Any] = _NOTHING


class NetworkAccess(NamedTuple):
    """A network path that a workload inside a network needs.

    Arguments:
        security_group: Terraform address of the group that must let the workload in.
        port: TCP port.
    """

    security_group: str
    port: int


class Grant(Value):
    """The right to use a component in one way: an entry of ``uses``.

    Arguments:
        component: name of the component that is used.
        verb: the way, for example ``read``.
        statements: IAM statements for the workload's role.
        environment: environment variables that tell the workload the address, under their default names.
        network: network paths to open.
        secrets: environment variables that the platform fetches from a secret, by name: ARN reference.
        secret_statements: IAM statements for the role with which the platform fetches them.
    """

    __slots__ = (  # noqa: RUF023  in the constructor's order, which is that of its text
        "component", "verb", "statements", "environment", "network", "secrets", "secret_statements",
    )

    def __init__(
        self, component: str, verb: str, statements: tuple[Statement, ...] = (), environment: Mapping[str, Any] = _NOTHING,
        network: tuple[NetworkAccess, ...] = (), secrets: Mapping[str, Any] = _NOTHING,
        secret_statements: tuple[Statement, ...] = (),
    ) -> None:
        self.component: Final = component
        self.verb: Final = verb
        self.statements: Final = statements
        self.environment: Final = environment
        self.network: Final = network
        self.secrets: Final = secrets
        self.secret_statements: Final = secret_statements

    def env(self, *names: str) -> Grant:
        """The same grant with other names for its environment variables, in their order.

        Arguments:
            names: one name for each variable of the grant.

        Raises:
            GroundsillError: where there are more or fewer names than variables, or one is not a name, outside a definition.
                Inside one the mistake is collected.

        Example:
            ``uses=[raw.write.env("DYNAMODB_TABLE")]`` passes the table's name as ``DYNAMODB_TABLE``.
        """
        written = f"{self.component}.{self.verb}.env(...)"
        if len(names) != len(self.environment):
            return self._mistaken(Diagnostic(
                "GS1404", f"env() of {self.component}.{self.verb} takes {len(self.environment)} names, not {len(names)}",
                caller_location(2), written, mend=f"one for each of: {', '.join(self.environment) or 'none'}",
            ))
        wrong = [name for name in names if not isinstance(name, str) or not re.fullmatch(_VARIABLE, name)]  # pyright: ignore[reportUnnecessaryIsInstance]
        if wrong:
            return self._mistaken(Diagnostic(
                "GS1405", f"{wrong[0]!r} cannot be the name of an environment variable", caller_location(2), written,
                mend="use letters, digits and underscores, beginning with a letter",
            ))
        return self.changed(environment=dict(zip(names, self.environment.values(), strict=True)))

    def _mistaken(self, diagnostic: Diagnostic) -> Grant:
        scope = current_scope()
        if scope is None:
            raise GroundsillError(diagnostic)
        scope.diagnostics.add(diagnostic)
        return self.changed(environment={})

    @property
    def sid(self) -> str:
        """The statement id that a policy shows for it."""
        return identifier(self.component, self.verb)
