"""Backups on a schedule."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill import aws
from groundsill.components.roles import trust
from groundsill.definition.component import Component, Mistake

_MANAGED_POLICIES = {
    "backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "restore": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
}


class BackupPlan(Component):
    """Daily backups of chosen components into a vault of their own.

    Arguments:
        component: unique in the system.
        protects: components with data, for example tables.
        keep: days that a backup is kept, default 35.
        schedule: AWS cron expression in UTC, default every day at 05:00.

    Resources created: ``aws_backup_vault``, ``aws_backup_plan``, ``aws_backup_selection``, ``aws_iam_role`` with AWS's
    two managed policies for backup and restore.

    Costs: per GB and month of what is kept.

    Example:
        ``BackupPlan("daily", protects=[orders, customers])``
    """

    def __init__(
        self, component: str, /, *, protects: Sequence[Component], keep: int = 35, schedule: str = "cron(0 5 * * ? *)",
    ) -> None:
        super().__init__(component)
        if not protects:
            raise Mistake("GS1398", "a backup plan that protects nothing", mend="name components, for example protects=[orders]")
        vault = aws.backup_vault(
            self.terraform_name(), name=self.physical_name("aws_backup_vault"),
            force_destroy=not self.stage.production,
        )
        self.resource = aws.backup_plan(
            self.terraform_name(), name=self.physical_name("aws_backup_plan"),
            rule=[{"rule_name": "daily", "target_vault_name": vault["name"], "schedule": schedule,
                   "start_window": 60, "completion_window": 180, "lifecycle": {"delete_after": keep}}],
        )
        role = aws.iam_role(
            self.terraform_name(), name=self.physical_name("aws_iam_role", part="role"),
            description=f"Backups of {self.building.system}", assume_role_policy=trust("backup.amazonaws.com"),
        )
        for purpose, policy in _MANAGED_POLICIES.items():
            aws.iam_role_policy_attachment(self.terraform_name(purpose), role=role["name"], policy_arn=policy)
        aws.backup_selection(
            self.terraform_name(), name=self.physical_name("aws_backup_plan"), plan_id=self.resource["id"],
            iam_role_arn=role["arn"], resources=[part.resource["arn"] for part in protects],
        )
