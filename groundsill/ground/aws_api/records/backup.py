"""AWS Backup, what the emulator leaves out: restore testing, vault locks, vault notifications and the settings of a
region ("AWS Backup Developer Guide", API reference). No recovery point is ever tested.
"""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Elsewhere, Refused

Given = dict[str, Any]


class Backup(Tagged):
    """Beside the emulator's vaults and plans."""

    service = "backup"

    # -- restore testing -----------------------------------------------------------------------------------------------

    def create_restore_testing_plan(self, given: Given) -> Given:
        plan: Given = given["RestoreTestingPlan"]
        name = plan["RestoreTestingPlanName"]
        if name in self.kept("testing_plans"):
            raise Refused("AlreadyExistsException", f"the restore testing plan {name} exists")
        arn = self.arn("backup", f"restore-testing-plan:{name}")
        self.kept("testing_plans")[name] = {**_DEFAULTS, **plan, "RestoreTestingPlanArn": arn, "CreationTime": now()}
        self.give_tags(arn, given.get("Tags"))
        return self.kept("testing_plans")[name]

    def get_restore_testing_plan(self, given: Given) -> Given:
        return {"RestoreTestingPlan": self._plan(given)}

    def list_restore_testing_plans(self, given: Given) -> Given:
        return {"RestoreTestingPlans": list(self.kept("testing_plans").values())}

    def update_restore_testing_plan(self, given: Given) -> Given:
        plan = {**self._plan(given), **given["RestoreTestingPlan"], "LastUpdateTime": now()}
        self.kept("testing_plans")[plan["RestoreTestingPlanName"]] = plan
        return {**plan, "UpdateTime": now()}

    def delete_restore_testing_plan(self, given: Given) -> None:
        plan = self._plan(given)
        if self.list_restore_testing_selections(given)["RestoreTestingSelections"]:
            raise Refused("InvalidRequestException", "the plan has selections; delete them first")
        del self.kept("testing_plans")[plan["RestoreTestingPlanName"]]
        self.forget_tags(plan["RestoreTestingPlanArn"])

    def create_restore_testing_selection(self, given: Given) -> Given:
        plan, selection = self._plan(given), dict(given["RestoreTestingSelection"])
        key = f"{plan['RestoreTestingPlanName']}/{selection['RestoreTestingSelectionName']}"
        if key in self.kept("testing_selections"):
            raise Refused("AlreadyExistsException", f"the restore testing selection {key} exists")
        self.kept("testing_selections")[key] = {
            "ValidationWindowHours": 0, **selection, "RestoreTestingPlanName": plan["RestoreTestingPlanName"],
            "CreationTime": now()}
        return {**self.kept("testing_selections")[key], "RestoreTestingPlanArn": plan["RestoreTestingPlanArn"]}

    def get_restore_testing_selection(self, given: Given) -> Given:
        return {"RestoreTestingSelection": self._selection(given)}

    def list_restore_testing_selections(self, given: Given) -> Given:
        name = self._plan(given)["RestoreTestingPlanName"]
        return {"RestoreTestingSelections": [item for item in self.kept("testing_selections").values()
                                             if item["RestoreTestingPlanName"] == name]}

    def update_restore_testing_selection(self, given: Given) -> Given:
        selection = {**self._selection(given), **given["RestoreTestingSelection"]}
        self.kept("testing_selections")[_key(given)] = selection
        arn = self._plan(given)["RestoreTestingPlanArn"]
        return {**selection, "RestoreTestingPlanArn": arn, "UpdateTime": now()}

    def delete_restore_testing_selection(self, given: Given) -> None:
        self._selection(given)
        del self.kept("testing_selections")[_key(given)]

    def _plan(self, given: Given) -> Given:
        return found(self.kept("testing_plans"), given["RestoreTestingPlanName"], "restore testing plan", status=404)

    def _selection(self, given: Given) -> Given:
        return found(self.kept("testing_selections"), _key(given), "restore testing selection", status=404)

    def list_tags(self, given: Given) -> Given:
        return {"Tags": self.tags_of(self._own(given))}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(self._own(given), given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(self._own(given), given["TagKeyList"])

    def _own(self, given: Given) -> str:
        if ":restore-testing-plan:" not in given["ResourceArn"]:
            raise Elsewhere
        return given["ResourceArn"]

    # -- vaults --------------------------------------------------------------------------------------------------------

    def put_backup_vault_lock_configuration(self, given: Given) -> None:
        vault = self._vault(given)
        vault["Locked"] = True
        for name in ("MinRetentionDays", "MaxRetentionDays"):
            if given.get(name) is not None:
                vault[name] = given[name]
        if given.get("ChangeableForDays") is not None:
            vault["LockDate"] = now() + given["ChangeableForDays"] * 86400

    def delete_backup_vault_lock_configuration(self, given: Given) -> None:
        vault = self._vault(given)
        if "LockDate" in vault and vault["LockDate"] < now():
            raise Refused("InvalidRequestException", "the lock can no longer be changed")
        vault["Locked"] = False
        for name in ("MinRetentionDays", "MaxRetentionDays", "LockDate"):
            vault.pop(name, None)

    def put_backup_vault_notifications(self, given: Given) -> None:
        self._vault(given)
        self.kept("notifications")[given["BackupVaultName"]] = {
            "SNSTopicArn": given["SNSTopicArn"], "BackupVaultEvents": given["BackupVaultEvents"]}

    def get_backup_vault_notifications(self, given: Given) -> Given:
        vault = self._vault(given)
        kept = found(self.kept("notifications"), given["BackupVaultName"], "notification of", status=400)
        return {**kept, "BackupVaultName": given["BackupVaultName"], "BackupVaultArn": vault["BackupVaultArn"]}

    def delete_backup_vault_notifications(self, given: Given) -> None:
        self._vault(given)
        self.kept("notifications").pop(given["BackupVaultName"], None)

    def put_backup_vault_access_policy(self, given: Given) -> None:
        self._vault(given)
        self.kept("policies")[given["BackupVaultName"]] = given["Policy"]

    def get_backup_vault_access_policy(self, given: Given) -> Given:
        vault = self._vault(given)
        policy = found(self.kept("policies"), given["BackupVaultName"], "policy of", status=400)
        return {"BackupVaultName": given["BackupVaultName"], "BackupVaultArn": vault["BackupVaultArn"], "Policy": policy}

    def delete_backup_vault_access_policy(self, given: Given) -> None:
        self._vault(given)
        self.kept("policies").pop(given["BackupVaultName"], None)

    def _vault(self, given: Given) -> Given:
        return found(self._emulator.service("backup")._vaults, given["BackupVaultName"], "vault")

    # -- region --------------------------------------------------------------------------------------------------------

    def describe_region_settings(self, given: Given) -> Given:
        # AWS lists every type that it can back up in the region, which changes with time; here only what was said.
        return self.kept("settings").get("region") or {
            "ResourceTypeOptInPreference": {}, "ResourceTypeManagementPreference": {}}

    def update_region_settings(self, given: Given) -> None:
        kept: Given = self.kept("settings").get("region") or {}
        self.kept("settings")["region"] = {
            name: {**kept.get(name, {}), **(given.get(name) or {})}
            for name in ("ResourceTypeOptInPreference", "ResourceTypeManagementPreference")}


_DEFAULTS: Given = {"ScheduleExpressionTimezone": "Etc/UTC", "StartWindowHours": 24}
"""Of a new plan that does not say: ``RestoreTestingPlanForCreate``."""


def _key(given: Given) -> str:
    return f"{given['RestoreTestingPlanName']}/{given['RestoreTestingSelectionName']}"
