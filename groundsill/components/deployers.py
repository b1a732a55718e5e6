"""The identity that deploys a system: a role that people and CI take for a short time, never a user with a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from groundsill import aws
from groundsill.aws.controls import GLOBAL_SERVICES, Control, controls_of, naming_argument
from groundsill.components.keys import account_id
from groundsill.components.roles import policy_document
from groundsill.definition.component import Component, Mistake
from groundsill.definition.naming import identifier
from groundsill.graph import Graph, JsonDocument, Reference, Resource, resolve
from groundsill.graph.shapes import is_mapping

# IAM and AWS STS quotas: managed policy size in characters, white space not counted; managed policies of a role.
_LONGEST_POLICY, _MOST_POLICIES = 6144, 10
_SESSION_SECONDS = 3600
_GITHUB_ISSUER = "token.actions.githubusercontent.com"


class Deployer(Component):
    """A role with exactly what deploying this system takes, for people with single sign-on and for CI.

    Its policies are derived from the resources of the definition, so that a new kind of resource brings its rights along;
    the role can read them and not change them, so an administrator deploys what changes them. It may ask IAM what it may
    do, and read what an encoded refusal says, as `groundsill plan` and `deploy` do.

    Arguments:
        component: unique in the system.
        repository: GitHub repository whose workflows may take the role, for example ``acme/shop``; default none: people
            of the account only.
        policy_name: name of the policy that AWS sees; default from the system's name pattern. More than one policy is
            made where one would exceed IAM's limit; the further ones are numbered.

    Resources created: ``aws_iam_role``, ``aws_iam_policy``, ``aws_iam_role_policy_attachment``; with a repository
    ``aws_iam_openid_connect_provider``.

    Costs: nothing.

    Example:
        ``Deployer("deployer", repository="acme/shop")``
    """

    def __init__(
        self, component: str, /, *, repository: str | None = None, policy_name: str | None = None,
    ) -> None:
        super().__init__(component)
        if repository is not None and repository.count("/") != 1:
            raise Mistake("GS1399", f"{repository!r} is not a GitHub repository", mend='write "owner/name"')
        self.policy_name = policy_name
        self.resource = aws.iam_role(
            self.terraform_name(), name=self.physical_name("aws_iam_role"),
            description=f"Deploys {self.building.system}", max_session_duration=_SESSION_SECONDS,
            assume_role_policy=self._trust(repository),
        )
        self.building.at_rest.append(self._write_policies)

    def _trust(self, repository: str | None) -> JsonDocument:
        if repository is None:
            return policy_document([{
                "Sid": "PeopleOfTheAccount", "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account_id()}:root"}, "Action": "sts:AssumeRole",
            }])
        provider = aws.iam_openid_connect_provider(
            self.terraform_name(), url=f"https://{_GITHUB_ISSUER}", client_id_list=["sts.amazonaws.com"],
        )
        return policy_document([{
            "Sid": "WorkflowsOfTheRepository", "Effect": "Allow", "Principal": {"Federated": provider["arn"]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{_GITHUB_ISSUER}:aud": "sts.amazonaws.com"},
                "StringLike": {f"{_GITHUB_ISSUER}:sub": f"repo:{repository}:*"},
            },
        }])

    def _write_policies(self) -> None:
        with self.lowering():
            for number, statements in enumerate(self._policies(), start=1):
                part = "" if number == 1 else str(number)
                policy = aws.iam_policy(
                    self.terraform_name(part),
                    name=self.physical_name("aws_iam_policy", self.policy_name, part),
                    description=f"What deploying {self.building.system} takes",
                    policy=policy_document(statements),
                )
                aws.iam_role_policy_attachment(
                    self.terraform_name(part), role=self.resource["name"], policy_arn=policy["arn"])

    def _policies(self) -> list[list[dict[str, Any]]]:
        """The statements of each policy. Where a role cannot hold so many, names that begin alike are summed up."""
        exact = list(_portions(self._statements()))
        if len(exact) <= _MOST_POLICIES:
            return exact
        building = self.building
        before = building.name_pattern.partition("{component}")[0]
        own = before.format(system=building.system, stage=building.stage.name)
        return list(_portions(self._statements(own))) if own else exact

    def _statements(self, prefix: str = "") -> list[dict[str, Any]]:
        """Statements for each kind of control, with the ARNs of this system's resources alone.

        Arguments:
            prefix: what the names of this stage begin with, where ARNs with it are summed up to one; else nothing.
        """
        named: dict[Control, dict[str, None]] = {}
        unnamed: dict[str, dict[str, None]] = {}
        regions = {provider.alias: provider.region for provider in self.building.graph.providers}
        graph = self.building.graph
        for resource in [item for item in graph if not item.data]:
            for control in controls_of(resource.type):
                found = named.setdefault(control, {})
                unnamed.setdefault(control.service, {}).update(dict.fromkeys(control.unnamed))
                name = _name_of(resource, control, graph)
                # What belongs to a named resource, for example its policy, is covered by that one's ARN.
                if name is not None or "{name}" not in "".join(control.arns):
                    found.update(dict.fromkeys(self._arns(control, name or "", regions[resource.provider])))
        statements: list[dict[str, Any]] = []
        for control, arns in sorted(named.items(), key=lambda item: (item[0].service, item[0].arns, item[0].actions)):
            if control.actions:
                arns = arns or dict.fromkeys(self._arns(control, "*", self.building.graph.region))
                if prefix:
                    arns = {f"{arn.partition(prefix)[0]}{prefix}*" if prefix in arn else arn: None for arn in arns}
                statements += _in_pieces({
                    "Effect": "Allow", "Action": [f"{control.service}:{action}" for action in control.actions],
                    "Resource": _without_covered(arns),
                })
        for service, actions in sorted(unnamed.items()):
            if actions:
                statement: dict[str, Any] = {
                    "Effect": "Allow", "Action": sorted(f"{service}:{action}" for action in actions), "Resource": ["*"]}
                if service not in GLOBAL_SERVICES:
                    statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": sorted(set(regions.values()))}}
                statements.append(statement)
        # What `plan` and `deploy` ask first, and what an encoded refusal of EC2 says; the latter names no resource.
        statements += [
            {"Effect": "Allow", "Action": ["iam:SimulatePrincipalPolicy"], "Resource": [self.resource["arn"]]},
            {"Effect": "Allow", "Action": ["sts:DecodeAuthorizationMessage"], "Resource": ["*"]},
        ]
        # Reads them only: a role that could write its own policies could give itself every right.
        names = [self.physical_name("aws_iam_policy", self.policy_name, part) for part in ("", "2")]
        policies = "".join(pair[0] for pair in takewhile(lambda pair: pair[0] == pair[1], zip(*names, strict=False)))
        statements.append({
            "Effect": "Allow", "Action": ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            "Resource": [f"arn:aws:iam::{account_id()}:policy/{policies}*"],
        })
        return [{"Sid": identifier("Manage", item["Action"][0].partition(":")[0], str(number)), **item}
                for number, item in enumerate(statements, start=1)]

    def _arns(self, control: Control, name: str, region: str) -> Iterator[str]:
        for form in control.arns:
            yield "arn:aws:" + form.format(region=region, account=account_id(), name=name)


def _name_of(resource: Resource, control: Control, graph: Graph) -> str | None:
    """The name that stands in a resource's ARN, with a star where AWS ends it; None where another resource has it."""
    naming = naming_argument(resource.type, control)
    for argument, end in ((naming, ""), (f"{naming}_prefix", "*")):
        value: Any = resource.arguments
        for name in argument.split("."):
            value = value.get(name) if is_mapping(value) else None
        if isinstance(value, Reference) and (control.follows or naming != control.argument):
            owner = graph.target(value)
            value = owner.arguments.get(control.argument) if owner is not None else None
        if isinstance(value, str) and value:
            return value + end
    return None


def _without_covered(arns: Iterable[str]) -> list[str]:
    """The ARNs, sorted, without those that another one of them, which ends in a star, covers."""
    kept: list[str] = []
    star: str | None = None
    for arn in sorted(arns, key=lambda arn: (arn.removesuffix("*"), not arn.endswith("*"))):
        if star is not None and arn.startswith(star):
            continue
        kept.append(arn)
        star = arn.removesuffix("*") if arn.endswith("*") else star
    return kept


def _in_pieces(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A statement in as many as it takes for each to fit into one policy."""
    arns: list[str] = statement["Resource"]
    room = _LONGEST_POLICY - _size([{"Sid": "Manage0000000000000000000", **statement, "Resource": []}])
    piece: list[str] = []
    used = 0
    for arn in arns:
        length = len(resolve(arn, lambda _: "0" * 12)) + 3
        if piece and used + length > room:
            yield {**statement, "Resource": piece}
            piece, used = [], 0
        piece.append(arn)
        used += length
    yield {**statement, "Resource": piece}


def _portions(statements: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The statements in groups that each fit into one managed policy."""
    portion: list[dict[str, Any]] = []
    empty = used = _size([])
    for statement in statements:
        length = _size([statement]) - empty + 1
        if portion and used + length > _LONGEST_POLICY:
            yield portion
            portion, used = [], empty
        portion.append(statement)
        used += length
    if portion:
        yield portion


def _size(statements: list[dict[str, Any]]) -> int:
    text = resolve(policy_document(statements).content, lambda _: "0" * 12)
    return len(json.dumps(text, separators=(",", ":")))


def unmanaged_types(resources: Iterable[Resource]) -> set[str]:
    """Types among these resources that no control covers: the deployer could not manage them."""
    return {resource.type for resource in resources if not resource.data and not controls_of(resource.type)}
