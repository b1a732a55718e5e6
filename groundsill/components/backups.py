"""Backups on a schedule, copies of them elsewhere, and tests that they can be restored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groundsill import aws
from groundsill.components.keys import key_of_tier
from groundsill.components.roles import require, trust
from groundsill.definition.component import Component, Mistake
from groundsill.definition.naming import terraform_name
from groundsill.graph import Resource

if TYPE_CHECKING:
    from groundsill.components.alerting import Alerts

_MANAGED_POLICIES = {
    "backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "restore": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
}
_FEWEST_COLD_DAYS = 90  # AWS Backup API: Lifecycle: a recovery point stays in cold storage for at least 90 days
_TOLD_OF = ("BACKUP_JOB_FAILED", "BACKUP_JOB_EXPIRED", "COPY_JOB_FAILED", "RESTORE_JOB_FAILED")  # PutBackupVaultNotifications
# AWS Backup: restore testing; the names that it gives kinds of protected resources.
_RESTORABLE = {"aws_dynamodb_table": "DynamoDB", "aws_db_instance": "RDS", "aws_rds_cluster": "Aurora",
               "aws_s3_bucket": "S3", "aws_ebs_volume": "EBS", "aws_instance": "EC2"}
_LONGEST_RESTORE_WINDOW = 168  # AWS Backup API: RestoreTestingPlanForCreate, StartWindowHours


class BackupPlan(Component):
    """Daily backups of chosen components into a vault of their own.

    Arguments:
        component: unique in the system.
        protects: components with data, for example tables.
        keep: days that a backup is kept, default 35.
        schedule: AWS cron expression in UTC, default every day at 05:00.
        cold_after: days after which a backup moves to cold storage, where it stays at least 90 days; default never. For
            DynamoDB the account must have AWS Backup's advanced features on, see `BackupSettings`.
        copy_to: region that each backup is copied to, for the loss of this one; default none.
        alerts: the `Alerts` that hear of failed backups, copies and restores; default none.
        severity: topic of the alerts, default ``critical``.

    Resources created: ``aws_backup_vault``, ``aws_backup_plan``, ``aws_backup_selection``, ``aws_iam_role`` with AWS's
    two managed policies for backup and restore by ``aws_iam_role_policy_attachment``; with ``copy_to`` a vault and, at
    ``enterprise``, a key there; with ``alerts`` an ``aws_backup_vault_notifications``.

    Costs: per GB and month of what is kept, and per copied GB.

    Example:
        ``BackupPlan("daily", protects=[orders, customers])``
    """

    def __init__(
        self, component: str, /, *, protects: Sequence[Component], keep: int = 35, schedule: str = "cron(0 5 * * ? *)",
        cold_after: int | None = None, copy_to: str | None = None, alerts: Alerts | None = None, severity: str = "critical",
    ) -> None:
        super().__init__(component)
        if not protects:
            raise Mistake("GS1398", "a backup plan that protects nothing", mend="name components, for example protects=[orders]")
        if cold_after is not None and keep < cold_after + _FEWEST_COLD_DAYS:
            raise Mistake(
                "GS1650", f"a backup that moves to cold storage after {cold_after} days cannot be deleted after {keep}",
                f"it stays in cold storage for at least {_FEWEST_COLD_DAYS} days, and AWS refuses the plan otherwise",
                f"keep it for {cold_after + _FEWEST_COLD_DAYS} days or more",
            )
        if copy_to == self.building.graph.region:
            raise Mistake("GS1651", f"backups are copied to {copy_to}, where they are made", mend="name another region")
        self.protects = tuple(protects)
        self.vault = self._vault()
        lifecycle: Any = {"delete_after": keep, "cold_storage_after": cold_after,
                     "opt_in_to_archive_for_supported_resources": None}
        self.copies: Resource | None = self._vault(copy_to) if copy_to else None
        rule: Any = {"rule_name": "daily", "target_vault_name": self.vault["name"], "schedule": schedule,
                     "start_window": 60, "completion_window": 180, "lifecycle": lifecycle}
        if self.copies:
            rule["copy_action"] = [{"destination_vault_arn": self.copies["arn"], "lifecycle": lifecycle}]
        self.resource = aws.backup_plan(
            self.terraform_name(), name=self.physical_name("aws_backup_plan"),
            rule=[rule],
        )
        self.role = aws.iam_role(
            self.terraform_name(), name=self.physical_name("aws_iam_role", part="role"),
            description=f"Backups of {self.building.system}", assume_role_policy=trust("backup.amazonaws.com"),
        )
        for purpose, policy in _MANAGED_POLICIES.items():
            aws.iam_role_policy_attachment(self.terraform_name(purpose), role=self.role["name"], policy_arn=policy)
        aws.backup_selection(
            self.terraform_name(), name=self.physical_name("aws_backup_plan"), plan_id=self.resource["id"],
            iam_role_arn=self.role["arn"], resources=[part.resource["arn"] for part in protects],
        )
        if alerts is not None:
            self._tell(alerts, severity)

    def _vault(self, region: str | None = None) -> Resource:
        key = key_of_tier(region)
        return aws.backup_vault(
            self.terraform_name(region or ""), name=self.physical_name("aws_backup_vault"),
            kms_key_arn=key.arn if key else None, force_destroy=not self.stage.production, region=region,
        )

    def _tell(self, alerts: Alerts, severity: str) -> None:
        from groundsill.components.alerting import Alerts

        require(alerts, Alerts, "alerts", self)
        topic = alerts.topic(severity)
        # AWS Backup names no account when it publishes: AWS Backup developer guide, "Notification options".
        topic.accept("backup.amazonaws.com", "BackupPublishes", {})
        aws.backup_vault_notifications(
            self.terraform_name(), backup_vault_name=self.vault["name"], sns_topic_arn=topic.arn,
            backup_vault_events=list(_TOLD_OF),
        )


class RestoreTest(Component):
    """Restores the newest backups on a schedule, into resources that AWS deletes again, and measures how long it takes.

    Arguments:
        component: unique in the system.
        plan: the `BackupPlan` whose vault is tested.
        schedule: AWS cron expression in UTC, default 06:00 on the first of each month.
        window: hours within which the test begins, 1 to 168, default 8.
        keep: hours that what was restored is kept for one's own checks, 0 to 168, default 4.
        newest: days; the newest backup of these is taken, 1 to 365, default 7.

    Resources created: ``aws_backup_restore_testing_plan``, an ``aws_backup_restore_testing_selection`` for each kind of
    protected resource.

    Costs: per test, and for what is restored as long as it exists.

    Example:
        ``RestoreTest("monthly", backups)``
    """

    def __init__(
        self, component: str, plan: BackupPlan, /, *, schedule: str = "cron(0 6 1 * ? *)", window: int = 8, keep: int = 4,
        newest: int = 7,
    ) -> None:
        super().__init__(component)
        require(plan, BackupPlan, "plan", self)
        for argument, value, least, most in (
            ("window", window, 1, _LONGEST_RESTORE_WINDOW), ("keep", keep, 0, _LONGEST_RESTORE_WINDOW),
            ("newest", newest, 1, 365),
        ):
            if not least <= value <= most:
                raise Mistake("GS1652", f"`{argument}` of a restore test is {least} to {most}, not {value}",
                              mend="leave it out for the default")
        self.resource = aws.backup_restore_testing_plan(
            self.terraform_name(), name=self._name(), schedule_expression=schedule, start_window_hours=window,
            recovery_point_selection={
                "algorithm": "LATEST_WITHIN_WINDOW", "include_vaults": [plan.vault["arn"]],
                "recovery_point_types": ["SNAPSHOT"], "selection_window_days": newest,
            },
        )
        kinds: dict[str, list[Component]] = {}
        for part in plan.protects:
            kind = _RESTORABLE.get(part.resource.type)
            if kind is None:
                self.building.report("GS1653", f"backups of {part.subject} cannot be tested by AWS Backup",
                                     mend=f"it tests: {', '.join(_RESTORABLE.values())}")
            else:
                kinds.setdefault(kind, []).append(part)
        for kind, parts in kinds.items():
            aws.backup_restore_testing_selection(
                self.terraform_name(kind.lower()), name=terraform_name(kind.lower()),
                restore_testing_plan_name=self.resource["name"], protected_resource_type=kind,
                iam_role_arn=plan.role["arn"], protected_resource_arns=[part.resource["arn"] for part in parts],
                validation_window_hours=keep,
            )

    def _name(self) -> str:
        # Hyphens, which other names have, are refused here: the rule replaces them, and one more step makes them `_`.
        return re.sub(r"[^A-Za-z0-9_]", "_", self.physical_name("aws_backup_restore_testing_plan"))


class BackupSettings(Component):
    """What AWS Backup may do with each kind of resource in this account and region. One for an account and region.

    With full management of DynamoDB, backups of tables can move to cold storage and be copied to other regions.

    Arguments:
        component: unique in the system.
        manages: kinds whose backups AWS Backup manages fully, default ``("DynamoDB",)``.
        protects: kinds that backup plans cover, default DynamoDB, RDS, Aurora, S3, EBS and EC2.

    Resources created: ``aws_backup_region_settings``.

    Costs: nothing.

    Example:
        ``BackupSettings("backups")``
    """

    def __init__(
        self, component: str, /, *, manages: Sequence[str] = ("DynamoDB",),
        protects: Sequence[str] = tuple(_RESTORABLE.values()),
    ) -> None:
        super().__init__(component)
        if not protects:
            raise Mistake("GS1654", "settings of backups that protect nothing", mend="leave `protects` out for the usual kinds")
        opted: dict[str, Any] = dict.fromkeys(protects, True)
        self.resource = aws.backup_region_settings(
            self.terraform_name(), resource_type_opt_in_preference=opted,
            resource_type_management_preference=dict.fromkeys(manages, True),
        )
