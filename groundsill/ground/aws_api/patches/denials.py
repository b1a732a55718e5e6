"""Denials name the resource.

AWS: "User: ARN is not authorized to perform: dynamodb:Query on resource: ARN because no identity-based policy allows
the dynamodb:Query action" ("Troubleshoot access denied error messages", IAM User Guide); SQS spells its action in
lower case. The emulator left the resource out, which is the very thing that a person needs to write the grant.
"""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.emulator import Emulator


def apply(emulator: Emulator) -> None:
    """Mend the wording of denials."""
    actions = emulator.iam_actions
    original = actions.access_denied_response

    def with_resource(service: str, action: str, principal_arn: str, request_id: str, **options: Any) -> Any:
        resource = options.get("resource_arn", "*")
        explicit = options.get("explicit_deny", False)
        if (not options.get("message") and not options.get("error_code") and resource.startswith("arn:")
                and service != "iot" and not (explicit and options.get("resource_policy_arn"))):
            prefix, _, name = action.partition(":")
            shown = f"{prefix}:{name.lower()}" if service == "sqs" else action
            options["message"] = actions.identity_denial_message(shown, principal_arn, resource, explicit)
        return original(service, action, principal_arn, request_id, **options)

    actions.access_denied_response = with_resource
