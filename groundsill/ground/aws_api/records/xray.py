"""X-Ray: groups, sampling rules and the encryption of traces ("AWS X-Ray API Reference"). No trace is kept."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, now, tag_map
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_MOST_PRIORITY = 9999


class XRay(Tagged):
    """Groups and rules, by name."""

    service = "xray"

    def create_group(self, given: Given) -> Given:
        name = given["GroupName"]
        groups = self.kept("groups")
        if name in groups:
            raise Refused("InvalidRequestException", f"Group {name} already exists")
        insights: Given = given.get("InsightsConfiguration") or {}
        group: Given = {
            "GroupName": name, "GroupARN": self.arn("xray", f"group/{name}/{now():.0f}"),
            "FilterExpression": given.get("FilterExpression"),
            "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False, **insights}}
        groups[name] = group
        self.give_tags(group["GroupARN"], given.get("Tags"))
        return {"Group": group}

    def get_group(self, given: Given) -> Given:
        return {"Group": self._group(given)}

    def get_groups(self, given: Given) -> Given:
        return {"Groups": list(self.kept("groups").values())}

    def update_group(self, given: Given) -> Given:
        group = self._group(given)
        changed = {name: given[name] for name in ("FilterExpression", "InsightsConfiguration") if name in given}
        group = {**group, **changed}
        self.kept("groups")[group["GroupName"]] = group
        return {"Group": group}

    def delete_group(self, given: Given) -> None:
        group = self._group(given)
        del self.kept("groups")[group["GroupName"]]
        self.forget_tags(group["GroupARN"])

    def _group(self, given: Given) -> Given:
        for group in self.kept("groups").values():
            if given.get("GroupARN") == group["GroupARN"] or given.get("GroupName") == group["GroupName"]:
                return group
        raise Refused("InvalidRequestException", "Group not found")

    def create_sampling_rule(self, given: Given) -> Given:
        rule: Given = given["SamplingRule"]
        name = rule["RuleName"]
        if name in self.kept("rules"):
            raise Refused("InvalidRequestException", f"Sampling rule {name} already exists")
        if not 1 <= int(rule["Priority"]) <= _MOST_PRIORITY:
            raise Refused("InvalidRequestException", f"Priority must be from 1 to {_MOST_PRIORITY}")
        rule = {"Attributes": {}, **rule, "RuleARN": self.arn("xray", f"sampling-rule/{name}")}
        record = {"SamplingRule": rule, "CreatedAt": now(), "ModifiedAt": now()}
        self.kept("rules")[name] = record
        self.give_tags(rule["RuleARN"], given.get("Tags"))
        return {"SamplingRuleRecord": record}

    def get_sampling_rules(self, given: Given) -> Given:
        return {"SamplingRuleRecords": list(self.kept("rules").values())}

    def update_sampling_rule(self, given: Given) -> Given:
        update: Given = given["SamplingRuleUpdate"]
        record = self._rule(update)
        rule = {**record["SamplingRule"], **update}
        record = {**record, "SamplingRule": rule, "ModifiedAt": now()}
        self.kept("rules")[rule["RuleName"]] = record
        return {"SamplingRuleRecord": record}

    def delete_sampling_rule(self, given: Given) -> Given:
        record = self._rule(given)
        del self.kept("rules")[record["SamplingRule"]["RuleName"]]
        self.forget_tags(record["SamplingRule"]["RuleARN"])
        return {"SamplingRuleRecord": record}

    def _rule(self, given: Given) -> Given:
        for record in self.kept("rules").values():
            rule = record["SamplingRule"]
            if given.get("RuleARN") == rule["RuleARN"] or given.get("RuleName") == rule["RuleName"]:
                return record
        raise Refused("InvalidRequestException", "Sampling rule does not exist")

    def get_encryption_config(self, given: Given) -> Given:
        return {"EncryptionConfig": self.kept("encryption").get("config") or {"Type": "NONE", "Status": "ACTIVE"}}

    def put_encryption_config(self, given: Given) -> Given:
        # AWS takes minutes to change the key and says UPDATING meanwhile.
        self.kept("encryption")["config"] = {
            "Type": given["Type"], "Status": "ACTIVE", **({"KeyId": given["KeyId"]} if given.get("KeyId") else {})}
        return self.get_encryption_config(given)

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tag_list(given["ResourceARN"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceARN"], tag_map(given["Tags"]))

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceARN"], given["TagKeys"])
