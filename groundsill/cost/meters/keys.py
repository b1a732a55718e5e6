"""AWS KMS, AWS Secrets Manager, AWS Systems Manager.

"AWS KMS Pricing" (aws.amazon.com/kms/pricing): a key by the month, and again for its first and second rotation; requests.
"AWS Secrets Manager Pricing": a secret by the month, and requests. Standard parameters are free.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount
from groundsill.cost.context import Context, counted, title
from groundsill.cost.model import Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.graph.resource import Resource

keys = Service("AWS KMS",
    free={"aws_kms_alias": "aliases are free", "aws_kms_grant": "grants are free", "aws_kms_key_policy": "a policy"})
# AWS services keep a data key for minutes: five is what DynamoDB and SQS do.
_A_USER = Amount(10, 2000, 8760)
_POLICIES = ("aws_iam_role_policy", "aws_iam_policy", "aws_kms_alias", "aws_iam_role")


@keys.meter("aws_kms_key", Parameter("requests", Dimension.RATE, "requests to it:"))
def key(context: Context, key: Resource) -> Lines:
    """A key, its rotations, and requests to it."""
    yield context.line(key, "key", "kms.customer_key_month", counted(1, "key"))
    if context.flag(key, "enable_key_rotation"):
        yield context.line(key, "rotations", "kms.customer_key_month", counted(
            Amount(0, 0, 2), "rotations", f"{title(key)}: none has happened yet; each of the first two adds a key's price"))
    users = [item for item in context.referring(key) if item.type not in _POLICIES]
    yield context.line(key, "requests", "kms.request_symmetric", context.assumed(
        key, "requests", _A_USER * len(users), f"for {len(users)} resources, each of which keeps a data key for minutes"))


@keys.meter("aws_kms_replica_key")
def replica_key(context: Context, key: Resource) -> Lines:
    """A copy of a key in another region is a key."""
    yield context.line(key, "key", "kms.customer_key_month", counted(1, "key"))


secrets = Service("AWS Secrets Manager",
    free={"aws_secretsmanager_secret_policy": "a policy", "aws_secretsmanager_secret_version": "versions are free",
              "aws_secretsmanager_secret_rotation": "rotation is free; a function that does it is paid by itself"})


@secrets.meter("aws_secretsmanager_secret", Parameter("reads", Dimension.RATE, "reads of it", Amount(10, 100, 10_000)))
def secret(context: Context, secret: Resource) -> Lines:
    """A secret in each of its regions, and requests."""
    copies = counted(1 + len(context.view.blocks(secret, "replica")), "secret")
    yield context.line(secret, "secret", "secrets_manager.secret_month", copies)
    yield context.line(secret, "reads", "secrets_manager.api_request", context.measure(secret, "reads", "reads"))


systems = Service("AWS Systems Manager", free={f"aws_ssm_{name}": "free for machines of EC2" for name in (
    "document", "association", "maintenance_window", "maintenance_window_target", "maintenance_window_task", "patch_baseline",
    "patch_group", "resource_data_sync", "service_setting")})


@systems.meter("aws_ssm_parameter", Parameter("reads", Dimension.RATE, "reads of it", Amount(10, 100, 10_000)))
def parameter(context: Context, parameter: Resource) -> Lines:
    """Standard parameters are free; advanced ones are paid by the month and by the read."""
    tier = context.text(parameter, "tier", default="Standard")
    if tier == "Advanced":
        yield context.line(parameter, "parameter", "ssm_parameter_store.advanced_parameter_month", counted(1, "parameter"))
        yield context.line(parameter, "reads", "ssm_parameter_store.advanced_api_interaction",
                           context.measure(parameter, "reads", "reads"))
    elif tier is None:
        yield context.not_known(parameter, "parameter", "`tier` is known only after apply")
    else:
        yield context.free(parameter, "standard parameters are free")
