"""KMS keys."""

from __future__ import annotations

from typing import Any

from groundsill import aws
from groundsill.components.roles import policy_document
from groundsill.definition.building import current_building
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Statement
from groundsill.graph import Reference

_SHORTEST_ROTATION, _LONGEST_ROTATION = 90, 2560  # AWS KMS API: EnableKeyRotation, RotationPeriodInDays
_TIER_KEY = "data"


class Key(Component):
    """A KMS key of the account's own, for data whose access must be controlled and recorded apart from AWS's keys.

    Arguments:
        component: unique in the system.
        description: shown in the console.
        deletion_window: days between asking for deletion and losing the key, 7 to 30, default 30.
        rotation: days between automatic rotations of the key's material, 90 to 2,560, default 365. Old data stays
            readable, so nothing has to be done by hand.
        services: service principals that use the key in their own name, for example ``("logs.us-east-1.amazonaws.com",)``.
        region: where the key lives, default the system's region. Another one for what is copied there.

    Resources created: ``aws_kms_key``, ``aws_kms_alias``.

    Costs: per key and month, per rotation kept, and per 10,000 uses.

    Example:
        ``Table("orders", key=("Id",), encryption=Key("data"))``
    """

    def __init__(
        self, component: str, /, *, description: str = "", deletion_window: int = 30, rotation: int = 365,
        services: tuple[str, ...] = (), region: str | None = None,
    ) -> None:
        super().__init__(component)
        if not _SHORTEST_ROTATION <= rotation <= _LONGEST_ROTATION:
            raise Mistake("GS1600", f"a key is rotated every {_SHORTEST_ROTATION} to {_LONGEST_ROTATION} days, not {rotation}",
                          mend="leave `rotation` out for once a year")
        self.region = region or self.building.graph.region
        self._services: tuple[str, ...] = tuple(dict.fromkeys(services))
        self._key = self.resource = aws.kms_key(
            self.terraform_name(), region=self.region,
            description=description or f"{self.building.system} {self.stage.name} {component}",
            enable_key_rotation=True, rotation_period_in_days=rotation, deletion_window_in_days=deletion_window,
            policy=self._policy(),
        )
        aws.kms_alias(
            self.terraform_name(), region=self.region,
            name=f"alias/{self.building.system}-{self.stage.name}-{component}", target_key_id=self.resource["key_id"],
        )

    def _policy(self) -> Any:
        statements: list[dict[str, Any]] = [{
            "Sid": "AccountDecidesThroughIam", "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id()}:root"}, "Action": "kms:*", "Resource": "*",
        }]
        if self._services:
            statements.append({
                "Sid": "ServicesOfTheSystem", "Effect": "Allow", "Principal": {"Service": list(self._services)},
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
            })
        return policy_document(statements)

    def serve(self, *services: str) -> Key:
        """Let AWS services use the key in their own name, as those must that have no role of the system's.

        Arguments:
            services: service principals, for example ``"cloudwatch.amazonaws.com"``.

        Returns:
            The key.
        """
        wanted = tuple(sorted({*self._services, *services}))
        if wanted != self._services:
            self._services = wanted
            self._key.override(policy=self._policy())
        return self

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


def key_of_tier(region: str | None = None) -> Key | None:
    """The key that data is encrypted under where the stage's tier wants one of the account's own, else None.

    Every component of a stage shares it; another region has one of its own.

    Arguments:
        region: region of the data, default the system's region.
    """
    building = current_building()
    if not building.stage.tier.customer_key:
        return None
    home = region in (None, building.graph.region)
    shared_name = "data_key" if home else f"data_key {region}"
    key: Key | None = building.shared.get(shared_name)
    if key is None:
        name = _TIER_KEY if home else f"{_TIER_KEY}-{region}"
        described = f"Data of {building.system} {building.stage.name}" + ("" if home else f" in {region}")
        key = building.shared[shared_name] = Key(name, description=described, region=region)
    return key


def account_id() -> Reference:
    """The id of the account that the system is deployed to, looked up at plan time."""
    building = current_building()
    identity = building.shared.get("account")
    if identity is None:
        identity = building.shared["account"] = aws.data.caller_identity("current")
    return identity["account_id"]
