"""S3: what an unsigned request may do.

AWS serves an unsigned request only where the bucket's policy lets everyone do just that ("Access control in Amazon
S3", S3 User Guide). The emulator treated it as the account's root. Presigned requests carry credentials and are not
concerned. (ACL grants to everyone are not considered: new buckets have had ACLs disabled since April 2023.)
"""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.emulator import Emulator


def apply_to_anonymous(emulator: Emulator) -> None:
    """Mend the evaluation of unsigned S3 requests."""
    evaluator = emulator.iam_evaluator
    original = evaluator.enforce

    def enforce(access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = "*",
                service_context: Any = None) -> Any:
        if service == "s3" and not access_key_id:
            found = evaluator._resource_policy("s3", resource_arn)
            keys: dict[str, Any] = service_context or {}
            context = evaluator.EvalContext(
                principal_arn="*", principal_type="Anonymous", principal_account="", action=iam_action,
                resource_arn=resource_arn, region=region,
                service_context={key.lower(): value for key, value in keys.items()})
            decision = evaluator.evaluate_resource_policy(found[0], context).decision if found and found[0] else ""
            if decision == "Allow":
                return None
            return evaluator.AuthError("AccessDenied", "Access Denied")
        return original(access_key_id, iam_action, service, region, resource_arn=resource_arn,
                        service_context=service_context)

    evaluator.enforce = enforce
