"""DynamoDB: how far back a table can be restored.

``RecoveryPeriodInDays`` is 1 to 35, 35 where it is not given ("PointInTimeRecoverySpecification", Amazon DynamoDB API
Reference). The emulator dropped it, so that Terraform saw every table with point-in-time recovery as changed.
"""

from __future__ import annotations

import json
from typing import Any

LONGEST_DAYS = 35


def apply(module: Any) -> None:
    """Mend the emulator's DynamoDB module."""
    update, describe = module._update_continuous_backups, module._describe_continuous_backups

    def with_period(data: dict[str, Any], answer: Any) -> Any:
        status, headers, body = answer
        days = module._pitr_settings.get(module._normalize_table_name(data.get("TableName")))
        if status != 200 or not days:
            return answer
        content = json.loads(body)
        # A table stored by an earlier version has only "yes".
        content["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] = (
            LONGEST_DAYS if days is True else days)
        return status, headers, json.dumps(content).encode()

    def update_continuous_backups(data: dict[str, Any]) -> Any:
        asked: dict[str, Any] = data.get("PointInTimeRecoverySpecification") or {}
        days = asked.get("RecoveryPeriodInDays", LONGEST_DAYS)
        if not isinstance(days, int) or not 1 <= days <= LONGEST_DAYS:
            return module.error_response_json(
                "ValidationException", f"RecoveryPeriodInDays must be between 1 and {LONGEST_DAYS}", 400)
        answer = update(data)
        if answer[0] == 200 and asked.get("PointInTimeRecoveryEnabled"):
            module._pitr_settings[module._normalize_table_name(data.get("TableName"))] = days
        return with_period(data, answer)

    def describe_continuous_backups(data: dict[str, Any]) -> Any:
        return with_period(data, describe(data))

    module._update_continuous_backups = update_continuous_backups
    module._describe_continuous_backups = describe_continuous_backups
