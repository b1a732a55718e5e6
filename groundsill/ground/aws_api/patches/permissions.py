"""Which resource and which condition keys a call is checked on ("Actions, resources, and condition keys", Service
Authorization Reference).

- SES ``SendEmail`` and its kin: AWS checks the identity of the sender (the address, or else its domain). The emulator
  checked ``*``, so a grant on exactly the sender's identity was refused. ``ses:FromAddress`` and ``ses:Recipients``
  are given too.
- CloudWatch Logs, calls on streams: AWS checks ``log-group:NAME:log-stream:STREAM``, which grants on
  ``log-group:NAME:*`` meet. The emulator checked ``log-group:NAME``, which they do not.
- CloudWatch ``PutMetricData``: the condition key ``cloudwatch:namespace``.
- SQS redrive calls name their queue by ARN (``SourceArn``), not by address.
"""

from __future__ import annotations

import importlib
import json
from email.utils import parseaddr
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

_STREAM_ACTIONS = frozenset({"CreateLogStream", "DeleteLogStream", "DescribeLogStreams", "FilterLogEvents",
                             "GetLogEvents", "PutLogEvents"})
_SENDING = frozenset({"SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkEmail", "SendBulkTemplatedEmail"})
_SENDING_PATHS = {"/v2/email/outbound-emails": "SendEmail", "/v2/email/outbound-bulk-emails": "SendBulkEmail"}


def apply(emulator: Emulator) -> None:
    """Mend the resources and condition keys."""
    actions = emulator.iam_actions
    extract, tag_context, logs_context = (actions.extract_resource_arn, actions.request_tag_context,
                                          actions.logs_service_context)

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str,
                             account: str) -> str:
        found: str = ""
        try:
            if service == "ses":
                found = _sender_identity(emulator, path, headers, body, query, region, account)
            elif service == "logs":
                found = _log_stream(headers, body, region, account)
            elif service == "sqs" and headers.get("x-amz-target", "").endswith(("MessageMoveTask", "MessageMoveTasks")):
                found = json.loads(body).get("SourceArn", "")
        except (ValueError, TypeError, AttributeError, KeyError):
            found = ""  # a malformed request: judged on the emulator's resource, then refused by the service
        return found or extract(service, method, path, headers, body, query, region, account)

    def request_context(service: str, iam_action: str, body: bytes, parameters: Any) -> dict[str, Any]:
        context: dict[str, Any] = tag_context(service, iam_action, body, parameters)
        if iam_action == "cloudwatch:PutMetricData":
            namespace = _namespace(body, parameters)
            if namespace:
                context = {**context, "cloudwatch:namespace": namespace}
        return context

    def log_context(action: str, body: bytes, resource_arn: str, region: str, account: str) -> Any:
        return logs_context(action, body, resource_arn.partition(":log-stream:")[0], region, account)

    actions.extract_resource_arn = extract_resource_arn
    actions.request_tag_context = request_context
    actions.logs_service_context = log_context


def _log_stream(headers: Any, body: bytes, region: str, account: str) -> str:
    if headers.get("x-amz-target", "").rpartition(".")[2] not in _STREAM_ACTIONS:
        return ""
    data = json.loads(body)
    name = data.get("logGroupName") or str(data.get("logGroupIdentifier", "")).rpartition(":log-group:")[2]
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:log-stream:{data.get('logStreamName', '')}"


def _sender_identity(emulator: Emulator, path: str, headers: Any, body: bytes, query: Any, region: str,
                     account: str) -> str:
    action = _SENDING_PATHS.get(path.rstrip("/"))
    if action is not None:
        data = json.loads(body)
        named = data.get("FromEmailAddressIdentityArn") or ""
        content: Any = data.get("Content") or {}
        sender = data.get("FromEmailAddress") or _raw_sender(emulator, content.get("Raw") or {})
    else:
        action = _one(query, "Action")
        if action not in _SENDING:
            return ""
        named = _one(query, "SourceArn")
        sender = _one(query, "Source") or _raw_sender(emulator, {"Data": _one(query, "RawMessage.Data")})
    if named:
        return named
    address = parseaddr(sender)[1]
    if not address:
        return ""
    known = _identities(emulator)
    identity = address if address in known or address.rpartition("@")[2] not in known else address.rpartition("@")[2]
    return f"arn:aws:ses:{region}:{account}:identity/{identity}"


def _identities(emulator: Emulator) -> set[str]:
    return {*emulator.service("ses")._identities.keys(), *emulator.service("ses_v2")._identities.keys()}


def _raw_sender(emulator: Emulator, raw: dict[str, Any]) -> str:
    if not raw.get("Data"):
        return ""
    return str(emulator.service("ses")._parse_raw_mime(raw["Data"]).get("From", ""))


def _one(query: Any, name: str) -> str:
    value: Any = query.get(name) or [""]
    return str(value if isinstance(value, str) else value[0])


def _namespace(body: bytes, parameters: Any) -> str:
    named = _one(parameters, "Namespace")
    if named:
        return named
    if body.startswith(b"{"):
        return str(json.loads(body).get("Namespace", ""))
    try:
        cbor: Any = importlib.import_module("cbor2")  # comes with the emulator
        return str(cbor.loads(body).get("Namespace", ""))
    except Exception:  # noqa: BLE001 -- not CBOR: no namespace is known, so a condition on it is not met
        return ""
