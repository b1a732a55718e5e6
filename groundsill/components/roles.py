"""Roles of workloads: one each, with exactly the statements that its `uses` grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.definition.arguments import shown
from groundsill.definition.building import current_building
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.graph import Broken, JsonDocument, Resource

_POLICY_VERSION = "2012-10-17"


def policy_document(statements: Iterable[Mapping[str, Any]]) -> JsonDocument:
    """An IAM policy document."""
    return JsonDocument({"Version": _POLICY_VERSION, "Statement": list(statements)})


def trust(service: str, conditions: Mapping[str, Any] | None = None) -> JsonDocument:
    """The trust policy that lets one AWS service take a role.

    Arguments:
        service: service principal, for example ``lambda.amazonaws.com``.
        conditions: IAM condition block that narrows on whose behalf, where the service supports it.
    """
    statement: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
    }
    if conditions:
        statement["Condition"] = dict(conditions)
    return policy_document([statement])


def allow(sid: str, statement: Statement) -> dict[str, Any]:
    """One statement in the form that IAM stores."""
    document: dict[str, Any] = {
        "Sid": sid, "Effect": "Allow", "Action": list(statement.actions), "Resource": list(statement.resources),
    }
    if statement.conditions:
        document["Condition"] = dict(statement.conditions)
    return document


def usable_grants(uses: Sequence[Any], consumer: str) -> list[Grant]:
    """The grants of a `uses` list; an entry that grants nothing is reported and left out.

    Arguments:
        uses: what the user wrote.
        consumer: how the user wrote the workload, for the message.
    """
    building = current_building()
    grants: list[Grant] = []
    for entry in uses:
        if isinstance(entry, Broken):
            continue
        if isinstance(entry, Grant):
            grants.append(entry)
        elif isinstance(entry, Component):
            building.report(
                "GS1401", f"`uses` of {consumer} names {entry.subject} without saying how it is used",
                mend=f"name a verb, for example {' or '.join(verbs_of(entry)) or 'none: nothing can use it'}",
            )
        else:
            building.report(
                "GS1402", f"`uses` of {consumer} has an entry that grants nothing: {shown(entry)}",
                mend="list grants of components, for example uses=[orders.read, jobs.send]",
            )
    return grants


def verbs_of(component: Component) -> list[str]:
    """The verbs of a component: its public properties that give a grant."""
    names: list[str] = []
    for name, member in vars(type(component)).items():
        getter = member.fget if isinstance(member, property) else None
        if getter is not None and getter.__annotations__.get("return") in (Grant, "Grant"):
            names.append(f"{component.name}.{name}")
    return names


def merged_environment(own: Mapping[str, Any], grants: Iterable[Grant], consumer: str) -> dict[str, Any]:
    """The environment of a workload: its own variables and those of its grants, sorted by name.

    A name that two sources give different values is reported.
    """
    environment: dict[str, Any] = {}
    origin: dict[str, str] = {}
    sources: list[tuple[str, Mapping[str, Any]]] = [("environment", own)]
    sources += [(f"{grant.component}.{grant.verb}", grant.environment) for grant in grants]
    for source, variables in sources:
        for name, value in variables.items():
            if name in environment and environment[name] != value:
                current_building().report(
                    "GS1403", f"{consumer} gets the environment variable `{name}` twice with different values",
                    f"from {origin[name]} and from {source}", "name one of them with .env(\"ANOTHER_NAME\")",
                )
            environment[name] = value
            origin.setdefault(name, source)
    return dict(sorted(environment.items()))


def workload_role(
    component: Component, service: str, grants: Iterable[Grant], *, part: str = "", own: Iterable[Statement] = (),
    own_sid: str = "Own", conditions: Mapping[str, Any] | None = None, description: str = "",
) -> Resource:
    """The role of a workload, with one inline policy made of its grants.

    Arguments:
        component: the workload.
        service: service principal that takes the role.
        grants: usable grants.
        part: tells several roles of one component apart, for example ``execution``.
        own: statements that the workload needs for itself, for example to write its log.
        own_sid: statement id of those.
        conditions: IAM condition block of the trust policy.
        description: shown in the console.
    """
    role = aws.iam_role(
        component.terraform_name(part), name=component.physical_name("aws_iam_role", part=part or "role"),
        description=description or None, assume_role_policy=trust(service, conditions),
    )
    statements: dict[str, dict[str, Any]] = {}
    named = [(grant.sid, statement) for grant in grants for statement in grant.statements]
    named += [(own_sid, statement) for statement in own]
    for sid, statement in named:
        unique, number = sid, 1
        while unique in statements:
            if statements[unique] == allow(unique, statement):
                break
            number += 1
            unique = f"{sid}{number}"
        statements[unique] = allow(unique, statement)
    if statements:
        aws.iam_role_policy(
            component.terraform_name(part), name="uses", role=role.id, policy=policy_document(statements.values()),
        )
    return role


def require(value: Any, kind: type | tuple[type, ...], argument: str, component: Component) -> None:
    """Stop lowering a component whose argument is not what it has to be.

    Raises:
        Mistake: where it is something else.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(value, (Broken, *kinds)):
        return
    wanted = " or a ".join(item.__name__ for item in kinds)
    raise Mistake(
        "GS1206", f"wrong type of `{argument}` for {type(component).__name__}", f"it takes a {wanted}, not {shown(value)}",
        mend=f"construct a {wanted} first and pass it",
    )
