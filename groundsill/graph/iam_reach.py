"""What a role may do: its policies put together and asked about one action and one resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from groundsill.graph.iam_managed import MANAGED_POLICIES
from groundsill.graph.iam_policies import Policies, Statement, action_matches, resource_matches, statements
from groundsill.graph.judgement import Answer, Judgement
from groundsill.graph.reference import Reference, Unknown, references_in, split_template
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View

ANY = object()
"""Any resource at all: whether an action is allowed somewhere."""
# Whose policy each of these is: the type, and the argument that names it.
_HOLDERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "aws_iam_role_policy": (("aws_iam_role", "role"),), "aws_iam_role_policy_attachment": (("aws_iam_role", "role"),),
    "aws_iam_user_policy": (("aws_iam_user", "user"),), "aws_iam_user_policy_attachment": (("aws_iam_user", "user"),),
    "aws_iam_policy_attachment": (("aws_iam_role", "roles"), ("aws_iam_user", "users")),
}
_MANAGED_PREFIX = "arn:aws:iam::aws:policy/"
# Conditions that a call of an AWS SDK from the account itself meets or does not meet whatever the values are.
_NEVER_MET: Mapping[str, tuple[str, str]] = {"aws:securetransport": ("bool", "false")}


class Rights(NamedTuple):
    """The policies of one role.

    Arguments:
        statements: of every policy that is known, each with where it is written.
        boundary: statements of the permissions boundary; None without one.
        gaps: policies whose content is not known.
    """

    statements: tuple[tuple[Statement, str], ...]
    boundary: tuple[tuple[Statement, str], ...] | None
    gaps: tuple[str, ...]


class Access:
    """Answers over the roles of a graph.

    Arguments:
        view: of a finished graph.
        policies: of the same view, where others read them too; default its own.

    Example:
        ``Access(View(graph)).allows(role, "sqs:SendMessage", queue)`` is yes, no or unknown, with the reasons.
    """

    def __init__(self, view: View, policies: Policies | None = None) -> None:
        self.view = view
        self._policies = policies or Policies(view)
        self._rights: dict[str, Rights] = {}
        self._named: dict[tuple[str, str], bool] = {}
        self._attached: dict[str, list[Resource]] | None = None

    def allows(self, role: Resource, action: str, target: Any = ANY) -> Judgement:
        """Whether a role may do something.

        Arguments:
            role: an ``aws_iam_role`` or ``aws_iam_user`` of the graph.
            action: for example ``sqs:SendMessage``.
            target: resource, reference or ARN that it is done to; default anything at all.
        """
        rights = self.rights(role)
        judged = self._evaluate(rights.statements, action, target)
        if judged.is_no and judged.reasons:
            return judged
        if not judged.is_yes and rights.gaps:
            return Judgement.unknown(f"{role.address} has policies that are not known: {', '.join(rights.gaps)}")
        if judged.is_no:
            where = "" if target is ANY else f" on {_name(target)}"
            return Judgement.no(f"no policy of {role.address} allows {action}{where}")
        if rights.boundary is not None:
            inside = self._evaluate(rights.boundary, action, target)
            if inside.is_no:
                return Judgement.no(f"the permissions boundary of {role.address} does not allow {action}")
            judged = judged.and_then(inside)
        return judged

    def may_name(self, role: Resource, action: str) -> bool:
        """Whether a role's policies could allow something at all, on whatever: what most roles are out of the question for.

        Arguments:
            role: an ``aws_iam_role`` or ``aws_iam_user`` of the graph.
            action: for example ``sqs:SendMessage``.
        """
        key = (role.address, action)
        if key not in self._named:
            rights = self.rights(role)
            self._named[key] = bool(rights.gaps) or any(
                statement.actions is None or any(action_matches(item, action) is not Answer.NO for item in statement.actions)
                for statement, _ in rights.statements if statement.allows is not False)
        return self._named[key]

    def resource_policy_allows(self, document: Any, principal: str, action: str, target: Any, source: Any = None) -> Judgement:
        """Whether the policy of a queue, topic, bucket, key or function lets an AWS service do something.

        Arguments:
            document: value of the policy argument.
            principal: service, for example ``sns.amazonaws.com``.
            action: for example ``sqs:SendMessage``.
            target: the resource that carries the policy.
            source: resource on whose behalf the service acts; a condition on ``aws:SourceArn`` is compared with it.
        """
        found = statements(self.view, document)
        if found is None:
            return Judgement.unknown("the policy is not known")
        fitting = [item for item in found if _names(item, principal)]
        judged = self._evaluate(((item, "the policy") for item in fitting), action, target, source=source)
        return Judgement.no(f"no statement lets {principal} call {action}") if judged.is_no and not judged.reasons else judged

    # -- one role's policies -------------------------------------------------------------------------------------------

    def rights(self, role: Resource) -> Rights:
        """Every policy of a role: inline, attached, managed."""
        if role.address not in self._rights:
            self._rights[role.address] = self._gather(role)
        return self._rights[role.address]

    def _gather(self, role: Resource) -> Rights:
        found: list[tuple[Statement, str]] = []
        gaps: list[str] = []

        def add(items: Iterable[Statement] | None, where: str) -> None:
            if items is None:
                gaps.append(where)
            else:
                found.extend((item, where) for item in items)

        for block in self.view.blocks(role, "inline_policy"):
            add(statements(self.view, block.get("policy")), role.address)
        for arn in _each(self.view.get(role, "managed_policy_arns")):
            self._add_managed(arn, role.address, add)
        for item in self._attachments().get(role.address, ()):
            if item.type in ("aws_iam_role_policy", "aws_iam_user_policy"):
                add(self._policies.of(item), item.address)
            else:
                self._add_managed(self.view.get(item, "policy_arn"), item.address, add)
        if role.data or any(True for _ in self.view.referring(role, "aws_iam_user_group_membership")):
            gaps.append(role.address)  # what its groups may do is not followed
        boundary = self.view.get(role, "permissions_boundary")
        limits: list[tuple[Statement, str]] | None = None
        if boundary is not None:
            limits = []
            inside = limits

            def limit(items: Iterable[Statement] | None, where: str) -> None:
                inside.extend((item, where) for item in (items if items is not None else [_anything()]))

            self._add_managed(boundary, "boundary", limit)
        return Rights(tuple(found), None if limits is None else tuple(limits), tuple(gaps))

    def _add_managed(self, arn: Any, where: str, add: Callable[[Iterable[Statement] | None, str], None]) -> None:
        if isinstance(arn, str) and arn.startswith(_MANAGED_PREFIX):
            name = arn.rsplit("/", 1)[-1]
            actions = MANAGED_POLICIES.get(name)
            add(None if actions is None else [Statement(True, actions, resources=("*",), conditions={})],
                name if actions is None else where)
            return
        policy = next((self.view.graph.target(item) for item in references_in(arn)), None)
        if policy is not None and policy.type == "aws_iam_policy" and not policy.data:
            add(self._policies.of(policy), policy.address)
            return
        if policy is not None and policy.type == "aws_iam_policy":
            name = self.view.get(policy, "name")
            self._add_managed(f"{_MANAGED_PREFIX}{name}" if isinstance(name, str) else None, policy.address, add)
            return
        add(None, str(arn) if isinstance(arn, str) and "\ue000" not in arn else where)

    def _attachments(self) -> dict[str, list[Resource]]:
        """Policies and attachments by the address of the role or user, named by reference or by its literal name."""
        if self._attached is None:
            self._attached = {}
            named = {(item.type, name): item for item in self.view.graph.of_type("aws_iam_role", "aws_iam_user")
                     if isinstance(name := self.view.get(item, "name"), str)}
            for item in self.view.graph.of_type(*_HOLDERS):
                for kind, argument in _HOLDERS[item.type]:
                    owners = [owner for owner in self.view.targets(item, argument) if owner.type == kind]
                    if not owners:
                        owners = [named[kind, name] for name in _each(self.view.get(item, argument))
                                  if isinstance(name, str) and (kind, name) in named]
                    for owner in owners:
                        self._attached.setdefault(owner.address, []).append(item)
        return self._attached

    # -- evaluation ----------------------------------------------------------------------------------------------------

    def _evaluate(
        self, items: Iterable[tuple[Statement, str]], action: str, target: Any, source: Any = None,
    ) -> Judgement:
        """An explicit deny decides, then an allow (IAM User Guide, "Policy evaluation logic"). No reason: nothing fits."""
        answer = Judgement.no()
        for statement, where in items:
            fits = self._fits(statement, action, target, source)
            if fits is Answer.NO:
                continue
            if statement.allows is False:
                if fits is Answer.YES and target is not ANY:
                    return Judgement.no(f"{where} denies {action}")
                if target is not ANY:
                    answer = Judgement.unknown(f"{where} may deny {action}") if not answer.is_no else answer
            elif statement.allows is None or fits is Answer.UNKNOWN:
                answer = answer if answer.is_yes else Judgement.unknown(f"{where} may allow {action}")
            elif not answer.is_unknown or "may deny" not in answer.reasons[0]:
                answer = Judgement.yes(f"{where} allows {action}")
        return answer

    def _fits(self, statement: Statement, action: str, target: Any, source: Any) -> Answer:
        actions = _first(action_matches(item, action) for item in statement.actions or ())
        if statement.actions is None:
            excluded = _first(action_matches(item, action) for item in statement.not_actions)
            actions = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(excluded, Answer.UNKNOWN)
        if actions is Answer.NO:
            return Answer.NO
        resources = Answer.YES
        if target is not ANY and statement.resources:
            resources = _first(resource_matches(self.view, item, target) for item in statement.resources)
        elif target is not ANY and statement.not_resources:
            excluded = _first(resource_matches(self.view, item, target) for item in statement.not_resources)
            resources = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(excluded, Answer.UNKNOWN)
        conditions = self._met(statement.conditions or {}, source)
        if Answer.NO in (resources, conditions):
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in (actions, resources, conditions) else Answer.YES

    def _met(self, conditions: Mapping[str, Any], source: Any) -> Answer:
        found = [Answer.YES]
        for test, keys in conditions.items():
            if not is_mapping(keys):
                found.append(Answer.UNKNOWN)
                continue
            for key, values in keys.items():
                found.append(self._condition(str(test).lower(), str(key).lower(), values, source))
        if Answer.NO in found:
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in found else Answer.YES

    def _condition(self, test: str, key: str, values: Any, source: Any) -> Answer:
        listed = _each(values)
        if key in _NEVER_MET and test == _NEVER_MET[key][0]:
            return Answer.NO if [str(item).lower() for item in listed] == [_NEVER_MET[key][1]] else Answer.YES
        if source is not None and key == "aws:sourcearn" and test.startswith(("arn", "string")) and "not" not in test:
            return _first(resource_matches(self.view, item, source) for item in listed)
        if source is not None and key == "aws:sourceaccount":
            # The services that act do so for this account.
            return Answer.YES
        return Answer.UNKNOWN


def role_of(view: View, resource: Resource, *path: str) -> Resource | None:
    """The role that an argument names, by reference."""
    return next((item for item in view.targets(resource, *path) if item.type == "aws_iam_role"), None)


def trusted(policies: Policies, role: Resource, service: str) -> Judgement:
    """Whether an AWS service may take a role.

    Arguments:
        policies: of the graph.
        role: an ``aws_iam_role``.
        service: for example ``lambda.amazonaws.com``.
    """
    found = policies.of(role, "assume_role_policy")
    if found is None or role.data:
        return Judgement.unknown(f"the trust policy of {role.address} is not known")
    fitting = [item for item in found if item.allows is not False and _names(item, service)]
    if any(_first(action_matches(action, "sts:AssumeRole") for action in item.actions or ()) is not Answer.NO
           for item in fitting):
        return Judgement.yes()
    named = [who for item in found for them in (item.principals or {}).values() for who in them]
    vague = any(isinstance(who, Reference | Unknown) for who in named)
    text = f"{role.address} does not trust {service}"
    return Judgement.unknown(text) if vague else Judgement.no(text)


def _names(statement: Statement, service: str) -> bool:
    """Whether a statement's principals hold a service, or everybody."""
    for kind, who in (statement.principals or {}).items():
        if any(item == "*" for item in who) and kind in ("*", "AWS", "Service"):
            return True
        if kind == "Service" and any(item == service or (isinstance(item, str) and item.endswith(service)) for item in who):
            return True
    return False


def _first(answers: Iterable[Answer]) -> Answer:
    found = set(answers)
    if Answer.YES in found:
        return Answer.YES
    return Answer.UNKNOWN if Answer.UNKNOWN in found else Answer.NO


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if is_list(value) else [value]


def _anything() -> Statement:
    """Stands for a boundary that is not known."""
    return Statement(None, ("*",), resources=("*",), conditions={})


def _name(target: Any) -> str:
    if isinstance(target, Resource):
        return target.address
    if isinstance(target, Reference):
        return target.expression
    parts = split_template(target) if isinstance(target, str) else [str(target)]
    return "".join(part if isinstance(part, str) else part.expression for part in parts)
