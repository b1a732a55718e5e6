"""Whether the credentials may do what a deploy takes, asked of IAM before anything is built or changed.

IAM simulates the policies of the user or the role behind the credentials. It does not see policies of a session, and what a
resource's own policy allows; so a refusal that hangs on something not known here counts as not judged.

Source: AWS IAM API Reference, "SimulatePrincipalPolicy", "EvaluationResult" and "ResourceSpecificResult".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, Severity
from groundsill.graph.graph import Graph
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.needs import Need, Needs, Wanted
from groundsill.terraform.preflight import Caller

CODE = "GS3043"
_ROLE_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/")
_MOST_ACTIONS, _MOST_RESULTS = 100, 250
"""Ours, for answers of some hundred kilobytes: the API Reference names no limit but that of a page, 1,000 results."""
_AT_ONCE = 4
_SECONDS = 20.0
_ALLOWED, _DENIED = "allowed", "explicitDeny"
_LIMITS = ("OrganizationsDecisionDetail", "PermissionsBoundaryDecisionDetail")


@dataclass(frozen=True, slots=True)
class Denied:
    """An action that IAM says will be refused.

    Arguments:
        action: for example ``sqs:CreateQueue``.
        addresses: of the resources that take it.
        arns: what it names, one for each of them.
        why: for example ``no policy allows it``.
    """

    action: str
    addresses: tuple[str, ...]
    arns: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What IAM says of a deploy beforehand.

    Arguments:
        principal: ARN of the user or role whose policies were looked at; empty where none were.
        asked: number of actions.
        denied: those that will be refused.
        unsure: actions that hang on conditions that are not known beforehand.
        unasked: why nothing was judged; empty where it was.
    """

    principal: str = ""
    asked: int = 0
    denied: tuple[Denied, ...] = ()
    unsure: tuple[str, ...] = ()
    unasked: str = ""

    @property
    def words(self) -> str:
        """The judgement for people, in one line."""
        if self.unasked:
            return f"not judged: {self.unasked}"
        refused = f"{len(self.denied)} of {self.asked} actions will be refused" if self.denied else \
            f"{self.asked} actions may be done"
        unsure = f", {len(self.unsure)} hang on conditions and are not judged" if self.unsure else ""
        return refused + unsure

    def to_dict(self) -> dict[str, Any]:
        """The judgement for ``--json``."""
        return {
            "principal": self.principal or None, "asked": self.asked, "unsure": list(self.unsure),
            "not_judged": self.unasked or None,
            "denied": [{"action": item.action, "addresses": list(item.addresses), "arns": list(item.arns), "why": item.why}
                       for item in self.denied],
        }


class Permissions:
    """What some credentials may do for a system.

    Arguments:
        who: whose they are.
        graph: the definition's.
    """

    def __init__(self, who: Caller, graph: Graph) -> None:
        self._who = who
        self._calls = AwsCalls(graph.region, seconds=_SECONDS)
        self._judged: set[tuple[str, str]] = set()
        self._silent = ""
        partition = who.arn.split(":")[1] if who.arn else "aws"
        self._needs = Needs(graph, partition, who.account)

    @property
    def unasked(self) -> str:
        """Why nothing is judged; empty where it is."""
        return self._silent or self._source[1]

    @property
    def _principal(self) -> str:
        return self._source[0]

    @cached_property
    def _source(self) -> tuple[str, str]:
        """ARN of the user or role whose policies are simulated, or why there is none."""
        who = self._who
        if who.unasked:
            return "", "it is not known whose credentials these are"
        if who.arn.endswith(":root"):
            return "", "the account's root user, whom no policy of IAM limits"
        session = _ROLE_SESSION.match(who.arn)
        if session:
            # The session does not tell the role's path, as roles of IAM Identity Center have one.
            answer = self._calls.ask("iam", "get_role", {"RoleName": session["role"]})
            known = answer.get("Role", {}).get("Arn") if isinstance(answer, Mapping) else None
            return str(known or f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"), ""
        if ":user/" in who.arn:
            return who.arn, ""
        return "", "a federated user, whose policies IAM does not simulate"

    def judge(self, wanted: Iterable[Wanted], *, pushed: Iterable[str] = ()) -> Judgement:
        """What IAM says of these changes; what was asked before is not asked again.

        Arguments:
            wanted: the changes.
            pushed: addresses of image repositories that something is pushed to.
        """
        if self.unasked:
            return Judgement(unasked=self.unasked)
        needs = [need for need in self._needs.of(wanted, pushed=pushed) if (need.action, need.address) not in self._judged]
        self._judged |= {(need.action, need.address) for need in needs}
        found = self._simulate(needs)
        if isinstance(found, str):
            self._silent = found
            return Judgement(self._principal, unasked=found)
        denied: dict[tuple[str, str], list[Need]] = {}
        unsure: dict[str, None] = {}
        for need in needs:
            results = [found[need.action, need.region, arn] for arn in need.arns if (need.action, need.region, arn) in found]
            if not results or any(item.decision == _ALLOWED for item in results):
                continue
            if any(item.missing for item in results):
                unsure[need.action] = None
            else:
                denied.setdefault((need.action, results[0].why), []).append(need)
        return Judgement(
            self._principal, len({need.action for need in needs}), tuple(
                Denied(action, tuple(need.address for need in items), tuple(need.arns[0] for need in items), why)
                for (action, why), items in sorted(denied.items())), tuple(sorted(unsure)))

    def _simulate(self, needs: Sequence[Need]) -> dict[tuple[str, str, str], _Result] | str:
        batches = list(_batches(needs))
        found: dict[tuple[str, str, str], _Result] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for (region, _, _), answer in zip(batches, pool.map(self._ask, batches), strict=True):
                if isinstance(answer, str):
                    return _unjudged(answer, self._principal)
                for item in answer.get("EvaluationResults") or ():
                    for arn, result in _results(item):
                        found[str(item.get("EvalActionName")), region, arn] = result
        return found

    def _ask(self, batch: tuple[str, tuple[str, ...], tuple[str, ...]]) -> Mapping[str, Any] | str:
        region, actions, arns = batch
        return self._calls.ask("iam", "simulate_principal_policy", {
            "PolicySourceArn": self._principal, "ActionNames": list(actions), "ResourceArns": list(arns),
            "ContextEntries": [
                {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"},
                {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
            ],
        })


@dataclass(frozen=True, slots=True)
class _Result:
    decision: str
    missing: bool
    why: str


def _results(item: Mapping[str, Any]) -> Iterator[tuple[str, _Result]]:
    """What an answer says of each ARN: of several it speaks one by one."""
    for part in item.get("ResourceSpecificResults") or ():
        decision = str(part.get("EvalResourceDecision"))
        limits = {name: part[name] if name in part else item.get(name) for name in _LIMITS}
        yield str(part.get("EvalResourceName")), _Result(
            decision, bool(part.get("MissingContextValues")), _why({**limits, "EvalDecision": decision}))
    if not item.get("ResourceSpecificResults"):
        yield str(item.get("EvalResourceName") or "*"), _Result(
            str(item.get("EvalDecision")), bool(item.get("MissingContextValues")), _why(item))


def _why(item: Mapping[str, Any]) -> str:
    organization: Mapping[str, Any] = item.get("OrganizationsDecisionDetail") or {}
    boundary: Mapping[str, Any] = item.get("PermissionsBoundaryDecisionDetail") or {}
    if organization.get("AllowedByOrganizations") is False:
        return "a service control policy of the organization does not allow it"
    if boundary.get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary does not allow it"
    return "a policy denies it" if item.get("EvalDecision") == _DENIED else "no policy allows it"


def _batches(needs: Iterable[Need]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Region, actions and ARNs of each call. Each action of a call is simulated on each of its ARNs."""
    arns: dict[tuple[str, str], dict[str, None]] = {}
    for need in needs:
        arns.setdefault((need.region, need.action), {}).update(dict.fromkeys(need.arns))
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (region, action), found in arns.items():
        listed = list(found)
        for start in range(0, len(listed), _MOST_RESULTS):
            groups.setdefault((region, tuple(listed[start:start + _MOST_RESULTS])), []).append(action)
    pending: tuple[str, dict[str, None], dict[str, None]] | None = None
    for (region, on), actions in sorted(groups.items()):
        most = max(1, min(_MOST_ACTIONS, _MOST_RESULTS // len(on)))
        for start in range(0, len(actions), most):
            part = actions[start:start + most]
            if pending is not None:
                both = (pending[1] | dict.fromkeys(part), pending[2] | dict.fromkeys(on))
                # Not with "*": an answer for it speaks of the whole, not of single resources.
                if region == pending[0] and "*" not in both[1] and len(both[0]) * len(both[1]) <= _MOST_RESULTS:
                    pending = (region, *both)
                    continue
                yield pending[0], tuple(pending[1]), tuple(pending[2])
            pending = (region, dict.fromkeys(part), dict.fromkeys(on))
    if pending is not None:
        yield pending[0], tuple(pending[1]), tuple(pending[2])


def _unjudged(answer: str, principal: str) -> str:
    if re.search(r"AccessDenied|not authorized to perform", answer):
        return "these credentials may not ask for it (iam:SimulatePrincipalPolicy)"
    if "NoSuchEntity" in answer:
        return f"IAM does not find {principal}"
    return answer.strip().splitlines()[-1] if answer.strip() else "IAM gave no answer"


def diagnostics(found: Judgement, graph: Graph, severity: Severity = Severity.ERROR) -> list[Diagnostic]:
    """What will be refused, by component; nothing where nothing will.

    Arguments:
        found: what IAM says.
        graph: the definition's, which knows the components.
        severity: of them, default error.
    """
    parts: dict[str, dict[str, list[str]]] = {}
    for item in found.denied:
        for address, arn in zip(item.addresses, item.arns, strict=True):
            component = graph[address].component if address in graph else ""
            line = f"{item.action} on {arn}: {item.why}" if arn != "*" else f"{item.action}: {item.why}"
            parts.setdefault(component, {}).setdefault(address.partition(".")[0], []).append(line)
    told: list[Diagnostic] = []
    for component, types in parts.items():
        first = next(iter(graph.of_component(component)), None) if component else None
        lines = [f"{type}\n" + "\n".join(f"  {line}" for line in dict.fromkeys(lines)) for type, lines in types.items()]
        told.append(Diagnostic(
            CODE, "these credentials may not do what this takes", first.location if first else None,
            first.subject if first else "", "\n".join(lines),
            f"allow it to {found.principal}, or deploy as another: the definition's `Deployer` makes a role that may do all of "
            "it; --no-permission-check goes on all the same", severity,
        ))
    return told
