"""IAM: a simulation looks at every resource, at the conditions and at the permissions boundary.

AWS simulates each action on each of ``ResourceArns``, with ``ContextEntries`` as the request's context, names context keys
that the policies need and nobody gave, and takes the boundary into account ("SimulatePrincipalPolicy", "EvaluationResult"
and "ResourceSpecificResult", AWS IAM API Reference). The emulator looked at the first resource alone, and answered for
principals that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from groundsill.ground.aws_api.emulator import Emulator

_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


def apply(module: Any, emulator: Emulator) -> None:
    """Mend the emulator's IAM module."""
    evaluator = emulator.iam_evaluator

    def simulate(given: Any) -> Any:
        source = module._p(given, "PolicySourceArn")
        kind, _, name = source.rpartition(":")[2].partition("/")
        name = name.rpartition("/")[2]
        account = emulator.responses.get_account_id()
        kept = {"user": module._users, "role": module._roles}.get(kind)
        if kept is None or name not in kept:
            return module._error(404, "NoSuchEntity", f"{source} cannot be found.", ns="iam")
        gather = evaluator._gather_user_policies if kind == "user" else evaluator._gather_role_policies
        policies = gather(name, account)
        limits = evaluator._permissions_boundary(kept, name, account)
        entries = dict(_entries(module, given))
        arns = list(_members(module, given, "ResourceArns"))
        context = {key.lower(): values if len(values) > 1 else values[0] for key, values in entries.items() if values}

        def result(action: str, arn: str) -> tuple[str, set[str], bool]:
            asked = evaluator.EvalContext(
                principal_arn=source, principal_type=kind.title(), principal_account=account, action=action, resource_arn=arn,
                region=str(context.get("aws:requestedregion", emulator.responses.get_region())), source_ip="127.0.0.1",
                secure_transport=context.get("aws:securetransport") == "true", service_context=context)
            missing = {key for statement in _statements(policies) for block in statement.conditions.values()
                       for key in block if evaluator._resolve_condition_key(key, asked) is None}
            found = evaluator.evaluate(asked, policies, *limits)
            inside = not limits or evaluator.evaluate(asked, *limits).decision == "Allow"
            return _DECISIONS.get(found.decision, "implicitDeny"), missing, inside

        members = "".join(_member(action, {arn: result(action, arn) for arn in arns or ["*"]}, single=not arns)
                          for action in _members(module, given, "ActionNames"))
        return module._xml(
            200, "SimulatePrincipalPolicyResponse", f"<SimulatePrincipalPolicyResult><EvaluationResults>{members}"
            "</EvaluationResults><IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>", ns="iam")

    module._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def _members(module: Any, given: Any, name: str) -> Iterator[str]:
    index = 1
    while value := module._p(given, f"{name}.member.{index}"):
        yield value
        index += 1


def _entries(module: Any, given: Any) -> Iterator[tuple[str, list[str]]]:
    index = 1
    while key := module._p(given, f"ContextEntries.member.{index}.ContextKeyName"):
        yield key, list(_members(module, given, f"ContextEntries.member.{index}.ContextKeyValues"))
        index += 1


def _statements(policies: Any) -> Iterator[Any]:
    for policy in policies:
        yield from policy


def _member(action: str, results: Mapping[str, tuple[str, set[str], bool]], *, single: bool) -> str:
    """One ``EvaluationResult``; of single resources it speaks one by one."""
    decisions = [decision for decision, _, _ in results.values()]
    whole = next((item for item in ("explicitDeny", "implicitDeny") if item in decisions), "allowed")
    name, (_, missing, _) = next(iter(results.items()))
    parts = "".join(
        f"<member><EvalResourceName>{escape(arn)}</EvalResourceName><EvalResourceDecision>{decision}</EvalResourceDecision>"
        f"<MatchedStatements/>{_keys(keys)}{_boundary(inside)}</member>" for arn, (decision, keys, inside) in results.items())
    return (f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>{escape(name)}</EvalResourceName>"
            f"<EvalDecision>{whole}</EvalDecision><MatchedStatements/>{_keys(missing if single else set())}"
            f"{_boundary(all(inside for _, _, inside in results.values()))}"
            f"{'' if single else f'<ResourceSpecificResults>{parts}</ResourceSpecificResults>'}</member>")


def _keys(missing: set[str]) -> str:
    listed = "".join(f"<member>{escape(key)}</member>" for key in sorted(missing))
    return f"<MissingContextValues>{listed}</MissingContextValues>"


def _boundary(inside: bool) -> str:
    allowed = str(inside).lower()
    return ("<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
            f"{allowed}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>")
