"""DynamoDB: the key of each replica of a global table.

A replica is encrypted with the key of its own region that it is given (``KMSMasterKeyId`` of ``CreateReplicationGroupMember
Action``, Amazon DynamoDB API Reference). The emulator told the first region's key for every replica.
"""

from __future__ import annotations

from typing import Any

_CHANGING = ("Create", "Update")


def apply(module: Any) -> None:
    """Mend the emulator's DynamoDB module."""
    original = module._apply_replica_updates

    def apply_replica_updates(name: str, table: Any, updates: list[dict[str, dict[str, Any]]]) -> Any:
        refused = original(name, table, updates)
        if refused is not None:
            return refused
        for update in updates:
            for action in _CHANGING:
                replica = update.get(action) or {}
                key = replica.get("KMSMasterKeyId")
                stored = module._tables.get_scoped(module.get_account_id(), replica.get("RegionName"), name) if key else None
                if stored is not None:
                    told: dict[str, Any] = stored.get("SSEDescription") or {"Status": "ENABLED", "SSEType": "KMS"}
                    stored["SSEDescription"] = {**told, "KMSMasterKeyArn": key}
        return None

    module._apply_replica_updates = apply_replica_updates
