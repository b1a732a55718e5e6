"""What an account and region have once, beside AI Nutritionist: security services, the audit trail, account-wide settings.

Each exists once, whoever made it, so this is a system of its own: deploy it once for each account, and name in `existing`
what is there already, which is then left as it is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, model_validator

from groundsill import Region, Stage, System
from groundsill.components import (
    AuditTrail,
    BackupSettings,
    Bucket,
    ConfigRecorder,
    CostTags,
    LifecycleRule,
    ModelLog,
    SecurityHub,
    ThreatDetection,
    output,
)

Switch = bool | None  # None leaves it to the tier
Service = Literal["guardduty", "security_hub", "config", "cloudtrail", "backup_settings"]
SWITCHES = {"enable_guardduty": "threat_detection", "enable_security_hub": "security_hub", "enable_aws_config": "config_rules",
            "enable_aws_backup": "backups"}


class Settings(BaseModel):
    """The switches are those of the application, so both take the same answer."""

    region: Region = "us-east-1"
    existing: list[Service] = []
    enable_guardduty: Switch = None
    enable_security_hub: Switch = None
    enable_aws_config: Switch = None
    enable_aws_backup: Switch = None
    audit_days: int = 365
    # AWS knows a tag a day after something first carried it, and refuses to activate it before.
    activate_cost_tags: bool = False
    # It keeps what people wrote, so nobody has it who did not ask for it.
    log_model_calls: bool = False

    @model_validator(mode="after")
    def fits_together(self) -> Settings:
        """Security Hub's checks read what AWS Config records."""
        if self.enable_security_hub and self.enable_aws_config is False and "config" not in self.existing:
            raise ValueError("Security Hub reads what AWS Config records: turn enable_aws_config on too")
        return self


system = System("ai-nutritionist-account", region="us-east-1", settings=Settings, names="{system}-{component}-{stage}",
                stages={"dev": "basic", "staging": "standard", "prod": "enterprise"})


@system.define
def define(stage: Stage) -> None:
    switched = {field: stage.setting(name) for name, field in SWITCHES.items() if stage.setting(name) is not None}
    stage.adjust(customer_key=True, **switched)
    existing = stage.setting("existing")

    audit = Bucket("audit", versioning=True, lifecycle=[
        LifecycleRule("older", move={"STANDARD_IA": 30}, expire=stage.setting("audit_days"), old_versions=30)])
    audit.suppress("bucket-without-access-log", because="the trail tells who changes it, and nobody but auditors may read it")
    if "cloudtrail" not in existing:
        trail = AuditTrail("trail", audit)
        trail.suppress("trail-not-watched", because="GuardDuty reads the trail at this tier, and tells what is strange in it")
        output("trail", trail.arn, "Who called which AWS API")
    if stage.tier.config_rules and "config" not in existing:
        ConfigRecorder("config", audit)
    if stage.tier.threat_detection and "guardduty" not in existing:
        ThreatDetection("threats")
    if stage.tier.security_hub and "security_hub" not in existing:
        SecurityHub("security-hub", standards=["best-practices"])
    # Backups of tables move to cold storage and to other regions only where AWS Backup manages them fully.
    if stage.tier.backups and "backup_settings" not in existing:
        BackupSettings("backup-settings")
    if stage.setting("activate_cost_tags"):
        CostTags("cost-tags")
    if stage.setting("log_model_calls"):
        ModelLog("model-log")
    output("audit_bucket", audit.resource["bucket"], "Trail and configuration history")
