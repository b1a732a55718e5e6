"""What AWS refuses to the credentials in use: which action, on what, to whom, and why.

Sources: IAM User Guide, "Troubleshoot access denied error messages" (their form); AWS STS API Reference,
"DecodeAuthorizationMessage".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from groundsill.aws.calls import arn_forms
from groundsill.graph.diagnostics import Diagnostic
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.outcome import EngineError

DENIED = "GS3016"
_SAID = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+)\"?)?(?P<why> because [^\n.]*| with an explicit deny[^\n.]*)?")
_OPERATION = re.compile(r"operation error (?P<service>[\w ]+): (?P<operation>\w+)")
_ENCODED = re.compile(r"\s*Encoded authorization failure message:\s*(?P<message>[\w+/=-]{20,})", re.IGNORECASE)
_SECONDS = 10.0
# What the AWS SDK for Go calls a service, where that is not its IAM prefix in other letters.
_PREFIXES: MappingProxyType[str, str] = MappingProxyType({
    "Application Auto Scaling": "application-autoscaling", "Auto Scaling": "autoscaling", "CloudWatch Logs": "logs",
    "Cognito Identity Provider": "cognito-idp", "Config Service": "config", "Cost Explorer": "ce",
    "Elastic Load Balancing v2": "elasticloadbalancing", "EventBridge": "events", "Route 53": "route53",
    "Secrets Manager": "secretsmanager", "SESv2": "ses",
})


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal, as far as AWS has said.

    Arguments:
        action: for example ``sqs:CreateQueue``; empty where it was not said.
        resource: ARN, empty where it was not said.
        principal: ARN of whoever asked, empty where it was not said.
        why: for example ``no identity-based policy allows the sqs:CreateQueue action``.
        encoded: the message that only some may decode; empty where there is none.
    """

    action: str = ""
    resource: str = ""
    principal: str = ""
    why: str = ""
    encoded: str = ""

    @property
    def lines(self) -> Iterator[str]:
        """The refusal for people."""
        for name, value in (("action", self.action), ("resource", self.resource), ("principal", self.principal),
                            ("reason", self.why)):
            if value:
                yield f"{name}: {value}"

    @property
    def mend(self) -> str:
        """What to do."""
        what = f"`{self.action}`" + (f" on {self.resource}" if self.resource else "") if self.action else "it"
        whom = f" to {self.principal}" if self.principal else " to the credentials in use"
        if "service control policy" in self.why or "permissions boundary" in self.why:
            return f"allow {what}{whom} in that policy, which an administrator of the account or its organization changes"
        if "explicit deny" in self.why:
            return f"take away the statement that denies {what}{whom}"
        return f"allow {what}{whom}; the definition's `Deployer` makes a role that may do all that it takes"


def denial(text: str) -> Denial:
    """What an error message of AWS says of a refusal; empty where it says nothing.

    Example:
        >>> denial("User: arn:aws:iam::1:user/ana is not authorized to perform: sqs:CreateQueue on resource: "
        ...        "arn:aws:sqs:us-east-1:1:jobs because no identity-based policy allows the sqs:CreateQueue action").action
        'sqs:CreateQueue'
    """
    encoded = _ENCODED.search(text)
    message = encoded["message"] if encoded else ""
    said = _SAID.search(text)
    if said is not None:
        why = (said["why"] or "").strip().removeprefix("because ").removeprefix("with ")
        return Denial(said["action"], (said["resource"] or "").rstrip("."), said["principal"], why, message)
    operation = _OPERATION.search(text)
    return Denial(_action(operation) if operation else "", encoded=message)


def _action(operation: re.Match[str]) -> str:
    """The action of an operation of an SDK, where it is one that we know: operations of some services are named otherwise."""
    prefix = _PREFIXES.get(operation["service"], operation["service"].replace(" ", "").lower())
    action = f"{prefix}:{operation['operation']}"
    return action if action in arn_forms() else f"that of {operation['service']} {operation['operation']}"


def explained(found: Diagnostic, text: str) -> Diagnostic:
    """A refusal with what it says on lines of its own.

    Arguments:
        found: the diagnostic.
        text: Terraform's words.
    """
    what = denial(text)
    lines = [*what.lines, text] if what.action else [text]
    return found._replace(detail="\n".join(lines), mend=what.mend if what.action else found.mend)


def decoded(error: EngineError, region: str) -> EngineError:
    """The error with its encoded messages decoded, where these credentials may do that.

    Arguments:
        error: of a run of Terraform.
        region: of the stage.
    """
    if not any(item.code == DENIED and _ENCODED.search(item.detail) for item in error.diagnostics):
        return error
    calls = AwsCalls(region, seconds=_SECONDS)
    found = [_decoded(item, calls) if item.code == DENIED else item for item in error.diagnostics]
    return EngineError(found, error.problems, error.summary)


def _decoded(item: Diagnostic, calls: AwsCalls) -> Diagnostic:
    match = _ENCODED.search(item.detail)
    if match is None:
        return item
    answer = calls.ask("sts", "decode_authorization_message", {"EncodedMessage": match["message"]})
    try:
        content: Any = json.loads(answer["DecodedMessage"]) if isinstance(answer, Mapping) else None
    except (KeyError, ValueError):
        content = None
    if not is_mapping(content):
        hint = "the encoded message is read by whoever may call sts:DecodeAuthorizationMessage"
        return item._replace(detail=f"{item.detail}\n{hint}")
    plain = _ENCODED.sub("", item.detail)
    known = denial(plain)
    what = _of_message(content, known)
    lines = [line for line in (*what.lines, *_statements(content)) if line not in plain.splitlines()]
    return item._replace(detail="\n".join([*lines, plain]), mend=what.mend)


def _of_message(content: Mapping[str, Any], known: Denial) -> Denial:
    context = content.get("context")
    about: Mapping[str, Any] = context if is_mapping(context) else {}
    who = about.get("principal")
    action = str(about.get("action") or "")
    return replace(
        known, action=action if ":" in action else known.action or action, resource=str(about.get("resource") or known.resource),
        principal=str(who.get("arn") or known.principal) if is_mapping(who) else known.principal,
        why=known.why or ("an explicit deny" if content.get("explicitDeny") else "no policy allows it"), encoded="")


def _statements(content: Mapping[str, Any]) -> Iterator[str]:
    """The statements that decided, by name."""
    matched = content.get("matchedStatements")
    items = matched.get("items") if is_mapping(matched) else None
    for item in items if is_list(items) else ():
        if is_mapping(item) and item.get("statementId"):
            yield f"statement: {item['statementId']} ({str(item.get('effect', '')).lower()})"
