"""KMS keys."""

from __future__ import annotations

from groundsill import aws
from groundsill.components.roles import policy_document
from groundsill.definition.component import Component
from groundsill.definition.grant import Statement
from groundsill.graph import Reference


class Key(Component):
    """A KMS key of the account's own, for data whose access must be controlled and recorded apart from AWS's keys.

    Arguments:
        component: unique in the system.
        description: shown in the console.
        deletion_window: days between asking for deletion and losing the key, 7 to 30, default 30.
        services: service principals that use the key in their own name, for example ``("logs.us-east-1.amazonaws.com",)``.

    Resources created: ``aws_kms_key``, ``aws_kms_alias``.

    Example:
        ``Table("orders", key=("Id",), encryption=Key("data"))``
    """

    def __init__(
        self, component: str, /, *, description: str = "", deletion_window: int = 30, services: tuple[str, ...] = (),
    ) -> None:
        super().__init__(component)
        account = account_id()
        statements = [{
            "Sid": "AccountDecidesThroughIam", "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*",
        }]
        if services:
            statements.append({
                "Sid": "ServicesOfTheSystem", "Effect": "Allow", "Principal": {"Service": list(services)},  # pyright: ignore[reportArgumentType]
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],  # pyright: ignore[reportArgumentType]
                "Resource": "*",
            })
        self.resource = aws.kms_key(
            self.terraform_name(), description=description or f"{self.building.system} {self.stage.name} {component}",
            enable_key_rotation=True, deletion_window_in_days=deletion_window, policy=policy_document(statements),
        )
        aws.kms_alias(
            self.terraform_name(), name=f"alias/{self.building.system}-{self.stage.name}-{component}",
            target_key_id=self.resource.key_id,
        )

    @property
    def arn(self) -> Reference:
        """ARN of the key."""
        return self.resource["arn"]

    def read_statement(self) -> Statement:
        """What a role needs to read data under the key."""
        return Statement(("kms:Decrypt",), (self.arn,))

    def write_statement(self) -> Statement:
        """What a role needs to read and write data under the key."""
        return Statement(("kms:Decrypt", "kms:GenerateDataKey"), (self.arn,))


def account_id() -> Reference:
    """The id of the account that the system is deployed to, looked up at plan time."""
    from groundsill.definition.building import current_building

    building = current_building()
    identity = building.shared.get("account")
    if identity is None:
        identity = building.shared["account"] = aws.data.caller_identity("current")
    return identity["account_id"]
