"""Data Lifecycle Manager: policies of snapshots ("Amazon Data Lifecycle Manager API Reference"). None is ever made."""

from __future__ import annotations

import secrets
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now

Given = dict[str, Any]
_DEFAULT_TYPE = {"PolicyType": "EBS_SNAPSHOT_MANAGEMENT", "ResourceLocations": ["CLOUD"]}


class LifecycleManager(Tagged):
    """Policies by id."""

    service = "dlm"

    def create_lifecycle_policy(self, given: Given) -> Given:
        name = f"policy-{secrets.token_hex(8)}0"
        details: Given = given.get("PolicyDetails") or {}
        policy: Given = {
            **{key: value for key, value in given.items() if key != "Tags"}, "PolicyId": name,
            "PolicyArn": self.arn("dlm", f"policy/{name}"), "DateCreated": now(), "DateModified": now(),
            "DefaultPolicy": bool(given.get("DefaultPolicy")), "PolicyDetails": {**_DEFAULT_TYPE, **details},
        }
        self.kept("policies")[name] = policy
        self.give_tags(policy["PolicyArn"], given.get("Tags"))
        return policy

    def get_lifecycle_policy(self, given: Given) -> Given:
        policy = self._policy(given)
        return {"Policy": {**policy, "Tags": self.tags_of(policy["PolicyArn"])}}

    def update_lifecycle_policy(self, given: Given) -> None:
        policy = self._policy(given)
        self.kept("policies")[policy["PolicyId"]] = {**policy, **given, "DateModified": now()}

    def delete_lifecycle_policy(self, given: Given) -> None:
        policy = self._policy(given)
        del self.kept("policies")[policy["PolicyId"]]
        self.forget_tags(policy["PolicyArn"])

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tags_of(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])

    def _policy(self, given: Given) -> Given:
        return found(self.kept("policies"), given["PolicyId"], "policy", status=404)
