"""Denials name the resource.

AWS: "User: ARN is not authorized to perform: dynamodb:Query on resource: ARN because no identity-based policy allows
the dynamodb:Query action" ("Troubleshoot access denied error messages", IAM User Guide); SQS spells its action in
lower case. The emulator left the resource out, which is the very thing that a person needs to write the grant.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

# A batch or a transaction is checked resource by resource; the emulator named the first, not the one refused.
_BAD_REQUEST = frozenset({"dynamodb", "cognito-idp", "secretsmanager", "kms"})
"""Services whose AccessDeniedException has HTTP status 400 ("Common Errors" of each API Reference); it was 403."""

_refused_resource: ContextVar[str] = ContextVar("refused_resource", default="*")


def apply(emulator: Emulator) -> None:
    """Mend the wording of denials."""
    actions = emulator.iam_actions
    evaluator = emulator.iam_evaluator
    enforce = evaluator.enforce

    def noting_enforce(access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = "*",
                       service_context: Any = None) -> Any:
        result = enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn,
                         service_context=service_context)
        if result is not None:
            _refused_resource.set(resource_arn)
        return result

    evaluator.enforce = noting_enforce
    original = actions.access_denied_response

    def with_resource(service: str, action: str, principal_arn: str, request_id: str, **options: Any) -> Any:
        resource = options.get("resource_arn", "*")
        if service == "dynamodb" and _refused_resource.get() != "*":
            resource = _refused_resource.get()
        explicit = options.get("explicit_deny", False)
        if (not options.get("message") and not options.get("error_code") and resource.startswith("arn:")
                and service != "iot" and not (explicit and options.get("resource_policy_arn"))):
            prefix, _, name = action.partition(":")
            shown = f"{prefix}:{name.lower()}" if service == "sqs" else action
            options["message"] = actions.identity_denial_message(shown, principal_arn, resource, explicit)
        status, headers, body = original(service, action, principal_arn, request_id, **options)
        if service in _BAD_REQUEST and not options.get("error_code"):
            status = 400
        return status, headers, body

    actions.access_denied_response = with_resource
